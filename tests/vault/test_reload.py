"""A reload keeps what it leaves as it was, and takes back what is not needed any more."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from hedgerow_server.edition import Edition, Memory
from hedgerow_server.settings import Settings
from hedgerow_server.wire.check import Checker
from vault.client import Client, wait_for
from vault.fake import FakeVault


class World:
    """Editions of a router, one after the other."""

    def __init__(self, client: Client) -> None:
        self.memory = Memory((), Checker(1 << 20))
        self.vault = {"address": client.vault.address, "login": client.approle_login(), "poll_seconds": 0.2}
        self.open: list[Edition] = []

    async def edition(self, before: Edition | None = None, **sections: Any) -> Edition:
        """An edition, ready."""
        lease = {"source": "vault", "engine": "dynamic", "mount": "rabbitmq", "path": "creds/hedgerow"}
        settings = {
            "vault": self.vault,
            "credentials": {
                "static": {"source": "vault", "path": "openai", "field": "key"},
                "dynamic": {**lease, "field": "password"},
            },
            "providers": {"a": {"dialect": "openai", "credential": "static"}},
            "routes": {"fast": {"kind": "chat", "candidates": [{"provider": "a", "model": "m"}]}},
        }
        one = await Edition.prepare(Settings.model_validate({**settings, **sections}), self.memory, before)
        self.open.append(one)
        await one.refresh_leases()
        await one.build_routes()
        return one


@pytest.fixture(name="world")
async def world_fixture(fake_client: Client, fake: FakeVault) -> AsyncIterator[World]:
    """A router whose keys are in the fake."""
    fake.put("openai", key="sk-1")
    world = World(fake_client)
    yield world
    for one in world.open:
        await one.close()


async def test_secrets_and_leases_go_on(world: World, fake: FakeVault) -> None:
    first = await world.edition()
    second = await world.edition(first, deadline={"default_seconds": 7})
    await first.close(after=second)
    assert second.leases == first.leases
    assert second.vault is first.vault
    assert (len(fake.tokens), len(fake.users())) == (1, 1)


async def test_a_credential_that_is_not_there_any_more_is_revoked(world: World, fake: FakeVault) -> None:
    first = await world.edition()
    second = await world.edition(first, credentials={"static": {"source": "vault", "path": "openai", "field": "key"}})
    assert len(fake.users()) == 1, "calls of the edition before may still use it"
    await first.close(after=second)
    wait_for(lambda: not fake.users())
    assert second.problems() == []


async def test_a_dry_run_leaves_nothing_behind(world: World, fake: FakeVault) -> None:
    first = await world.edition()
    dry = await world.edition(first, vault={**world.vault, "poll_seconds": 9})
    assert (len(fake.tokens), len(fake.users())) == (2, 2)
    await dry.close(after=first)
    assert (len(fake.tokens), len(fake.users())) == (1, 1)


async def test_another_way_to_vault_is_another_thread_and_other_leases(world: World, fake: FakeVault) -> None:
    first = await world.edition()
    second = await world.edition(first, vault={**world.vault, "timeout_seconds": 9})
    assert second.leases["static"] is not first.leases["static"]
    await first.close(after=second)
    assert (len(fake.tokens), len(fake.users())) == (1, 1)
    assert second.problems() == []


async def test_a_key_that_was_set_aside_is_asked_again_when_it_has_been_rotated(world: World, fake: FakeVault) -> None:
    one = await world.edition()
    state = world.memory.states.of("a", "static", "m", "")
    state.key.set_aside(0.0, "PROVIDER_AUTH")
    assert state.key.set_aside_until_s
    fake.put("openai", key="sk-2")
    await world.memory.news.wait()
    assert state.key.set_aside_until_s == 0
    assert one.leases["static"].current().reveal() == "sk-2"
