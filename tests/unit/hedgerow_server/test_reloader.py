"""One configuration in the place of another, within one process and without a door."""

import asyncio
import gc
import pickle
import time
import weakref
from collections import deque
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hedgerow_server.config.load import ConfigError, Fault
from hedgerow_server.config.reload import Told
from hedgerow_server.config.worker import PIECE, fingerprint, pieces
from hedgerow_server.core.error import ConfigInvalid, ConfigNotKept, CredentialUnavailable
from hedgerow_server.core.port import Operation
from hedgerow_server.edition import Edition, Memory
from hedgerow_server.history import Kept, Memo
from hedgerow_server.reloader import Reloader
from hedgerow_server.settings import Settings
from hedgerow_server.wire.check import Checker

PATH = Path("/nowhere/config.yaml")


@pytest.fixture(autouse=True)
def _unfrozen() -> Iterator[None]:
    """What a reload keeps from the collector is given back to it."""
    yield
    gc.unfreeze()


class Script:
    """Reads the settings that are put here."""

    def __init__(self) -> None:
        self.next: Settings | ConfigError = ConfigError([])

    async def read(self, path: Path, text: bytes | None = None) -> Told:
        if isinstance(self.next, ConfigError):
            raise self.next
        found = deque((PIECE, pickle.dumps(piece)) for piece in pieces(self.next))
        return Told(fingerprint(self.next), found)

    async def close(self) -> None:
        pass


class World:
    """A reloader with the editions that came in force."""

    def __init__(self, reloader: Reloader, script: Script, memory: Memory, served: list[Edition]) -> None:
        self.reloader = reloader
        self.script = script
        self.memory = memory
        self.served = served

    async def reload(self, dry_run: bool = False, **sections: Any) -> Any:
        self.script.next = settings(**sections)
        return await self.reloader.reload(dry_run=dry_run)

    async def seen_off(self) -> None:
        """Every old edition is gone."""
        async with asyncio.timeout(20):
            while self.reloader._retiring:
                await asyncio.wait(set(self.reloader._retiring))


def settings(**sections: Any) -> Settings:
    """Settings with two providers and a route."""
    openai = {"dialect": "openai", "credential": "key"}
    return Settings.model_validate(
        {
            "credentials": {"key": {"source": "env", "variable": "HEDGEROW_UNIT_KEY"}},
            "providers": {"a": openai, "b": {**openai, "base_url": "http://b/v1"}},
            "routes": {"fast": {"kind": "chat", "candidates": [{"provider": "a", "model": "m"}]}},
            **sections,
        }
    )


def provider(**more: Any) -> dict[str, Any]:
    return {"dialect": "openai", "credential": "key", **more}


async def world(monkeypatch: pytest.MonkeyPatch, **sections: Any) -> World:
    """A router's inside, started."""
    monkeypatch.setenv("HEDGEROW_UNIT_KEY", "sk-1")
    memory, script = Memory((), Checker(1 << 20)), Script()
    served: list[Edition] = []
    edition = await Edition.prepare(settings(**sections), memory)
    await edition.build_routes()
    await edition.refresh_leases()
    return World(Reloader(PATH, edition, memory, served.append, script), script, memory, served)


async def test_what_a_reload_leaves_as_it_was_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """The transport and the secret of a provider that has not changed; those of another are new."""
    one = await world(monkeypatch)
    before = one.reloader.edition
    await one.reload(providers={"a": provider(), "b": provider(base_url="http://c/v1")})
    after = one.reloader.edition
    assert one.served == [after]
    assert after.upstreams["a"].transport is before.upstreams["a"].transport
    assert after.upstreams["b"].transport is not before.upstreams["b"].transport
    assert after.leases["key"] is before.leases["key"]
    assert after.catalogue is before.catalogue
    assert after.prices is before.prices
    await one.reloader.close()


async def test_another_network_means_other_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    """A NAT64 prefix counts for every connection, and those that are open were not checked for it."""
    one = await world(monkeypatch)
    before = one.reloader.edition
    await one.reload(egress={"nat64_prefixes": ["2001:db8:64::/96"]})
    after = one.reloader.edition
    for name in ("a", "b"):
        assert after.upstreams[name].transport is not before.upstreams[name].transport
    assert after.leases["key"] is before.leases["key"]
    await one.reloader.close()


async def test_connections_are_closed_once_no_call_needs_them_not_even_an_older_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first edition's call uses a connection that the second one has taken over and the third has not."""
    one = await world(monkeypatch)
    closed: list[str] = []
    first = one.reloader.edition

    async def close() -> None:
        closed.append("b")

    monkeypatch.setattr(first.upstreams["b"].transport, "close", close)
    first.serving.enter()
    await one.reload(deadline={"default_seconds": 10})
    second = one.reloader.edition
    await one.reload(providers={"a": provider(), "b": provider(base_url="http://c/v1")})
    async with asyncio.timeout(20):
        while second.settings.routes:  # noqa: ASYNC110  nobody tells
            await asyncio.sleep(0)
    for _ in range(20):
        await asyncio.sleep(0)
    assert closed == []
    first.serving.leave()
    await one.seen_off()
    assert closed == ["b"]
    await one.reloader.close()


async def test_an_old_edition_is_freed_without_the_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was kept from the collector, so nothing of it may be in a cycle."""
    routes = {"star/*": {"kind": "any", "candidates": [{"provider": "a", "model": "*"}]}}
    one = await world(monkeypatch, routes=routes)
    old = weakref.ref(one.reloader.edition)
    gc.disable()
    try:
        await one.reload()
        await one.seen_off()
        await asyncio.sleep(0)
        assert old() is None
    finally:
        gc.enable()
    await one.reloader.close()


async def test_thousands_of_routes_are_made_and_let_go_in_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two turns of the loop no more candidates are made than a slice has units."""
    made = 0
    original = Edition._candidate

    def counted(self: Edition, section: Any, model: str) -> Any:
        nonlocal made
        made += 1
        return original(self, section, model)

    one = await world(monkeypatch)
    monkeypatch.setattr(Edition, "_candidate", counted)
    seen = [0]

    async def watch() -> None:
        while True:
            seen.append(made)
            await asyncio.sleep(0)

    watching = asyncio.create_task(watch())
    candidates = [{"provider": "a", "model": "m"}, {"provider": "b", "model": "m"}]
    await one.reload(routes={f"r{n}": {"kind": "chat", "candidates": candidates} for n in range(2000)})
    watching.cancel()
    assert made == 4000
    assert max(after - before for before, after in pairwise(seen)) <= 32
    assert one.reloader.state.routes == 2000
    await one.reloader.close()


async def test_a_dry_run_tells_all_changes_and_makes_none(monkeypatch: pytest.MonkeyPatch) -> None:
    one = await world(monkeypatch)
    before, state = one.reloader.edition, one.reloader.state
    affinity = {"kind": "chat", "candidates": [{"provider": "a", "model": "m"}], "affinity": {"ttl_seconds": 9}}
    told = await one.reload(
        dry_run=True,
        providers={"a": provider(idle_timeout_seconds=9), "c": provider()},
        routes={"new": affinity},
        breaker={"trials": 7},
        server={"grpc": {"listen": "127.0.0.1:1"}, "drain_seconds": 3},
    )
    assert [(change.path, change.kind) for change in told.changes] == [
        ("breaker.trials", "changed"),
        ("providers.a", "changed"),
        ("providers.b", "removed"),
        ("providers.c", "added"),
        ("routes.fast", "removed"),
        ("routes.new", "added"),
        ("server.drain_seconds", "changed"),
        ("server.grpc.listen", "changed"),
    ]
    assert told.restart_keys == ("server.grpc.listen",)
    assert not told.applied
    assert (one.reloader.edition, one.reloader.state, one.served) == (before, state, [])
    assert one.memory.states.policy.half_open_permits == 1
    await one.reloader.close()


async def test_other_breaker_rules_hold_for_breakers_that_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    one = await world(monkeypatch)
    state = one.memory.states.of("a", "key", "m", "")
    await one.reload(breaker={"consecutive_failures": 2})
    from hedgerow_server.core.error import Failure

    for now_s in (1000.0, 1001.0):
        permit = state.breaker.admit(now_s)
        assert permit is not None
        permit.failure(now_s, Failure.TRANSIENT, "PROVIDER_UNAVAILABLE")
    assert state.breaker.ejected
    await one.reloader.close()


async def test_a_new_secret_is_fetched_before_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is not to be had stops the reload, unless there was none under this name before."""
    one = await world(monkeypatch)
    other = {"key": {"source": "env", "variable": "HEDGEROW_UNIT_OTHER_KEY"}}
    with pytest.raises(CredentialUnavailable):
        await one.reload(credentials=other)
    assert one.served == []
    assert "HEDGEROW_UNIT_OTHER_KEY" in one.reloader.state.last_error
    monkeypatch.setenv("HEDGEROW_UNIT_OTHER_KEY", "sk-2")
    await one.reload(credentials=other)
    assert one.reloader.edition.leases["key"].current().reveal() == "sk-2"
    monkeypatch.delenv("HEDGEROW_UNIT_KEY")
    broken = await world(monkeypatch, credentials={"key": {"source": "env", "variable": "HEDGEROW_UNIT_GONE"}})
    await broken.reload(credentials={"key": {"source": "env", "variable": "HEDGEROW_UNIT_GONE_TOO"}})
    assert len(broken.served) == 1
    await one.reloader.close()
    await broken.reloader.close()


async def test_a_failure_is_told_until_a_reload_is_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the file then says what is in force already."""
    one = await world(monkeypatch)
    one.script.next = ConfigError([Fault("c.yaml", 7, "routes.fast", "unknown key"), Fault("c.yaml", 9, "", "no")])
    with pytest.raises(ConfigInvalid) as caught:
        await one.reloader.reload()
    assert caught.value.metadata == {"file": "c.yaml", "line": "7", "faults": "2"}
    assert [(one.field, one.description) for one in caught.value.violations] == [
        ("routes.fast", "line 7: unknown key"),
        ("(file)", "line 9: no"),
    ]
    state = one.reloader.state
    assert (state.failed_reloads, state.last_error) == (1, "c.yaml:7: routes.fast: unknown key\nc.yaml:9: no")
    told = await one.reload()
    assert (told.applied, told.changes) == (False, ())
    state = one.reloader.state
    assert (state.failed_reloads, state.reloads, state.last_error) == (1, 0, "")
    assert state.failed_unix_s is not None
    await one.reloader.close()


async def test_a_reload_goes_on_when_nobody_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    one = await world(monkeypatch)
    one.script.next = settings(deadline={"default_seconds": 9})
    waiting = asyncio.create_task(one.reloader.reload())
    await asyncio.sleep(0)
    waiting.cancel()
    async with asyncio.timeout(20):
        while not one.served:  # noqa: ASYNC110  nobody tells
            await asyncio.sleep(0)
    await one.reloader.close()


async def test_what_was_wrong_with_a_providers_old_entry_is_forgotten_by_a_reload_and_by_no_dry_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = await world(monkeypatch)
    state = one.reloader.edition.routes.route(Operation.CHAT, "fast").candidates[0].state
    state.shared.rest.set_aside(time.monotonic(), "PROVIDER_UNAVAILABLE")
    changed = {"a": provider(base_url="http://c/v1"), "b": provider(base_url="http://b/v1")}
    await one.reload(dry_run=True, providers=changed)
    assert state.resting_s() > 0
    await one.reload(providers=changed)
    assert state.resting_s() == 0
    await one.reloader.close()


def hashes(one: World) -> list[tuple[str, bool]]:
    """What there is a way back to, and which of it is in force."""
    return [(entry.hash, entry.current) for entry in one.reloader.state.kept]


async def test_a_rollback_goes_back_one_step_at_a_time_and_forward_again(monkeypatch: pytest.MonkeyPatch) -> None:
    one = await world(monkeypatch)
    a = one.reloader.state.config_hash
    b = (await one.reload(deadline={"default_seconds": 10})).config_hash
    c = (await one.reload(deadline={"default_seconds": 11})).config_hash
    for wanted, before in ((b, c), (a, b)):
        told = await one.reloader.roll_back()
        assert (told.previous_hash, told.reloaded.config_hash, told.reloaded.applied) == (before, wanted, True)
        assert [change.path for change in told.reloaded.changes] == ["deadline.default_seconds"]
        assert fingerprint(one.reloader.edition.settings) == wanted
        assert one.served[-1] is one.reloader.edition
    state = one.reloader.state
    assert (state.config_hash, state.file_hash) == (a, c)
    assert state.rolled_back_unix_s is not None
    with pytest.raises(ConfigNotKept):
        await one.reloader.roll_back()
    assert (await one.reloader.roll_back(b[:8])).reloaded.config_hash == b
    assert hashes(one) == [(a, False), (b, True), (c, False)]
    await one.reloader.roll_back(c)
    assert (one.reloader.state.file_hash, one.reloader.state.rolled_back_unix_s) == ("", None)
    await one.reloader.close()


async def test_what_follows_a_rollback_takes_the_place_of_what_was_rolled_back(monkeypatch: pytest.MonkeyPatch) -> None:
    one = await world(monkeypatch)
    a = one.reloader.state.config_hash
    await one.reload(deadline={"default_seconds": 10})
    await one.reloader.roll_back()
    c = (await one.reload(deadline={"default_seconds": 11})).config_hash
    assert hashes(one) == [(a, False), (c, True)]
    await one.reloader.close()


async def test_a_rollback_stands_until_the_file_says_something_else_or_a_reload_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A file that was written again with the same text is no reason to take back what was rolled back."""
    one = await world(monkeypatch)
    a = one.reloader.state.config_hash
    b = (await one.reload(deadline={"default_seconds": 10})).config_hash
    await one.reloader.roll_back()
    await one.reloader.reload_by("file")
    assert one.reloader.state.config_hash == a
    assert one.reloader.state.file_hash == b
    await one.reloader.reload_by("signal")
    assert (one.reloader.state.config_hash, one.reloader.state.file_hash) == (b, "")
    await one.reloader.roll_back()
    one.script.next = settings(deadline={"default_seconds": 11})
    await one.reloader.reload_by("file")
    assert one.reloader.state.config_hash not in (a, b)
    assert one.reloader.state.rolled_back_unix_s is None
    await one.reloader.close()


async def test_a_file_that_follows_a_rollback_ends_it_without_a_change(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever rolls back and then puts the old file in place has what he wants in force already."""
    one = await world(monkeypatch)
    await one.reload(deadline={"default_seconds": 10})
    await one.reloader.roll_back()
    one.script.next = settings()
    served = len(one.served)
    await one.reloader.reload_by("file")
    assert one.reloader.state.file_hash == ""
    assert len(one.served) == served
    await one.reloader.close()


async def test_a_rollback_that_cannot_be_had_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The secret of the old configuration is gone meanwhile."""
    monkeypatch.setenv("HEDGEROW_UNIT_OTHER_KEY", "sk-2")
    one = await world(monkeypatch)
    other = {"key": {"source": "env", "variable": "HEDGEROW_UNIT_OTHER_KEY"}}
    await one.reload(credentials=other)
    monkeypatch.delenv("HEDGEROW_UNIT_KEY")
    state = one.reloader.state
    with pytest.raises(CredentialUnavailable):
        await one.reloader.roll_back()
    assert one.reloader.state == state
    await one.reloader.close()


async def test_a_dry_run_of_a_rollback_tells_what_it_would_change(monkeypatch: pytest.MonkeyPatch) -> None:
    one = await world(monkeypatch)
    await one.reload(deadline={"default_seconds": 10})
    state, served = one.reloader.state, len(one.served)
    told = await one.reloader.roll_back(dry_run=True)
    assert ([change.path for change in told.reloaded.changes], told.reloaded.applied) == (
        ["deadline.default_seconds"],
        False,
    )
    assert (one.reloader.state, len(one.served)) == (state, served)
    await one.reloader.close()


async def test_a_plan_fetches_no_secret_and_leaves_all_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    one = await world(monkeypatch)
    before, state = one.reloader.edition, one.reloader.state
    one.script.next = settings(credentials={"key": {"source": "env", "variable": "HEDGEROW_UNIT_NEVER_SET"}})
    plan = await one.reloader.plan(b"", "new.yaml")
    assert [(change.area, change.path) for change in plan.changes] == [("credential", "credentials.key")]
    assert (plan.current_hash, plan.planned_hash) == (state.config_hash, fingerprint(one.script.next))
    assert (one.reloader.edition, one.reloader.state, one.served) == (before, state, [])
    await one.reloader.close()


async def test_a_plan_with_faults_is_no_failed_reload(monkeypatch: pytest.MonkeyPatch) -> None:
    one = await world(monkeypatch)
    one.script.next = ConfigError([Fault("new.yaml", 7, "routes.fast", "unknown key")])
    with pytest.raises(ConfigInvalid) as caught:
        await one.reloader.plan(b"", "new.yaml")
    assert caught.value.metadata["line"] == "7"
    assert (one.reloader.state.failed_reloads, one.reloader.state.last_error) == (0, "")
    await one.reloader.close()


class Peers:
    """Other workers, with a reloader each, that may refuse; without sockets."""

    def __init__(self, *reloaders: Reloader) -> None:
        self.reloaders = reloaders
        self.refusal: Exception | None = None
        self.dropped = 0

    async def prepare(self, entry: Kept, *, back: bool) -> None:
        for one in self.reloaders:
            await one.prepare(pickle.loads(pickle.dumps(entry)), back=back)
        if self.refusal is not None:
            raise self.refusal

    async def drop(self) -> None:
        self.dropped += 1
        for one in self.reloaders:
            await one.drop()

    async def commit(self, entry: Kept, memo: Memo) -> None:
        for one in self.reloaders:
            assert await one.commit(entry.hash)


async def test_a_configuration_comes_in_force_in_all_workers_with_the_same_history(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also one that is gone back to: it is one of the history there, too, and not a new one."""
    one, other = await world(monkeypatch), await world(monkeypatch)
    one.reloader.others = Peers(other.reloader)
    await one.reload(deadline={"default_seconds": 10})
    second = one.reloader.state.config_hash
    assert other.reloader.state.config_hash == second
    await one.reloader.roll_back()
    for each in (one, other):
        state = each.reloader.state
        assert (state.config_hash, state.file_hash) != (second, "")
        assert [(kept.hash == second, kept.current) for kept in state.kept] == [(False, True), (True, False)]
    assert len(other.served) == 2
    await one.reloader.close()
    await other.reloader.close()


async def test_a_configuration_that_one_worker_cannot_take_comes_in_force_in_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one, other = await world(monkeypatch), await world(monkeypatch)
    peers = one.reloader.others = Peers(other.reloader)
    peers.refusal = CredentialUnavailable("worker 1: it has no such file")
    before = one.reloader.state.config_hash
    with pytest.raises(CredentialUnavailable, match="worker 1"):
        await one.reload(deadline={"default_seconds": 10})
    assert (one.served, other.served, peers.dropped) == ([], [], 1)
    assert one.reloader.state.config_hash == other.reloader.state.config_hash == before
    assert not await other.reloader.commit("another hash")
    peers.refusal = None
    await one.reload(deadline={"default_seconds": 10})
    assert one.reloader.state.config_hash == other.reloader.state.config_hash != before
    await one.reloader.close()
    await other.reloader.close()


async def test_a_dry_run_asks_no_other_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    one = await world(monkeypatch)
    peers = one.reloader.others = Peers()
    peers.refusal = CredentialUnavailable("nobody must ask")
    assert not (await one.reload(dry_run=True, deadline={"default_seconds": 10})).applied
    await one.reloader.close()
