"""Leases and versions under a policy of rotation."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Iterator

import pytest
from hedgerow_server.core.secret import Secret
from hedgerow_server.credentials.alarm import Alarms
from hedgerow_server.credentials.lease import HeldLease
from hedgerow_server.credentials.rotation.port import Probed, Verdict
from hedgerow_server.credentials.rotation.rotation import Means, Rotation
from hedgerow_server.credentials.rotation.section import RotationSection
from vault.client import Client, wait_for


@pytest.fixture(name="replaced")
def replaced_fixture() -> list[Secret]:
    """What is not in force any more."""
    return []


def ruled(held: HeldLease, replaced: list[Secret]) -> HeldLease:
    """Under a policy: another secret waits."""
    held.on_waiting = lambda: None
    held.on_replaced = lambda old, _: replaced.append(old)
    return held


def test_a_version_is_as_old_as_vault_says(client: Client) -> None:
    client.vault.put("openai", key="sk-1")
    written_s = time.time()
    time.sleep(1.5)
    held = client.lease()
    assert abs(held.made_unix_s - written_s) < 1
    assert held.taken_unix_s - held.made_unix_s > 1


async def test_another_lease_waits_and_a_rejected_one_is_revoked(client: Client, replaced: list[Secret]) -> None:
    held = ruled(await asyncio.to_thread(client.dynamic, client.connect(), 3600, 7200), replaced)
    first, users = held.current(), client.vault.users()
    assert not await held.fetch_again()
    assert held.waiting is not None
    assert (held.current(), len(client.vault.users())) == (first, 2)
    held.reject(held.waiting)
    await asyncio.to_thread(wait_for, lambda: client.vault.users() == users)
    assert held.current() == first


async def test_a_lease_that_is_replaced_lives_until_it_is_retired(client: Client, replaced: list[Secret]) -> None:
    """However short its life is: it is renewed until then."""
    held = ruled(await asyncio.to_thread(client.dynamic, client.connect(), 2, 3600), replaced)
    old, users = held.current(), client.vault.users()
    await held.fetch_again()
    assert held.waiting is not None
    assert held.promote(held.waiting)
    await asyncio.sleep(3.5)  # longer than either lives without
    assert len(client.vault.users()) == 2
    assert replaced == [old]
    held.retire(old)
    await asyncio.to_thread(wait_for, lambda: len(client.vault.users()) == 1)
    assert client.vault.users() != users


async def test_what_is_retired_during_an_outage_is_revoked_after_it(client: Client, replaced: list[Secret]) -> None:
    held = ruled(await asyncio.to_thread(client.dynamic, client.connect(), 3600, 7200), replaced)
    old = held.current()
    await held.fetch_again()
    assert held.waiting is not None
    held.promote(held.waiting)
    client.vault.seal()
    await asyncio.sleep(0)
    held.retire(old)
    await asyncio.to_thread(wait_for, lambda: held.problem == "Vault is sealed")
    client.vault.unseal()
    await asyncio.to_thread(wait_for, lambda: len(client.vault.users()) == 1)


async def test_leases_that_died_with_their_token_are_replaced_at_once(client: Client, replaced: list[Secret]) -> None:
    """Nobody waits for a probe where the key in force is dead."""
    held = ruled(await asyncio.to_thread(client.dynamic, client.connect(), 3, 3600), replaced)
    first = held.current()
    client.vault.revoke_tokens()
    await asyncio.to_thread(wait_for, lambda: held.current() != first)
    assert (held.waiting, held.problem) == (None, "")


@contextlib.contextmanager
def rotating(held: HeldLease, outcomes: Counter[str], **policy: object) -> Iterator[Alarms]:
    """Its rotation goes on meanwhile."""

    async def probe(secret: Secret) -> Probed:
        return Probed(Verdict.GOOD)

    alarms = Alarms()
    section = RotationSection.model_validate(policy)
    rotation = Rotation(section, held, Means(source="vault", dynamic=True, provider="p", probe=probe), alarms, outcomes)
    task = asyncio.create_task(rotation.run())
    try:
        yield alarms
    finally:
        task.cancel()


async def test_a_lease_is_rotated_by_its_policy_and_the_old_one_revoked(client: Client) -> None:
    held = await asyncio.to_thread(client.dynamic, client.connect(), 3600, 7200)
    outcomes: Counter[str] = Counter()
    first = client.vault.users()
    policy = {"max_age_seconds": 2.5, "begin_before_seconds": 1, "overlap_seconds": 0.5, "retry_seconds": 0.2}
    with rotating(held, outcomes, **policy) as alarms:
        await asyncio.to_thread(wait_for, lambda: held.version == 2)
        await asyncio.to_thread(wait_for, lambda: len(client.vault.users()) == 1 and client.vault.users() != first)
        assert outcomes["met"] == 1
        assert alarms.counts.total() == 0
