"""A router that hears of erasures from the store, whatever has become of either meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hedgerow_server.core.erasure import Barred, Gone, Heard, person_of
from hedgerow_server.core.slices import Work
from hedgerow_server.forgetting import Forgetting
from hedgerow_server.identity.section import ApiKeysSection, IdentitySection
from hedgerow_server.store.erasures import StoredErasures
from hedgerow_server.store.port import StoreUnavailable
from hedgerow_server.store.section import StoreSection
from hedgerow_server.store.sqlite import Sqlite

ANN, BEN, NOBODY = person_of("acme", "ann"), person_of("acme", "ben"), b""


class Held:
    """Something in memory, of users."""

    def __init__(self) -> None:
        self.of = {ANN, BEN, NOBODY}
        self.fails = 0

    def forget(self, gone: Gone) -> Work[int]:
        yield 1
        if self.fails:
            self.fails -= 1
            raise RuntimeError("a fault")
        forgotten = {one for one in self.of if gone(one)}
        self.of -= forgotten
        return len(forgotten)


class Erasures(StoredErasures):
    """The store, which may be away."""

    away = False

    async def since(self, number: int | None) -> Heard:
        if self.away:
            raise StoreUnavailable("away")
        return await super().since(number)


class Router:
    """What one holds, and how it hears."""

    def __init__(self, path: Path) -> None:
        self.database = Sqlite(StoreSection(path=path))
        self.erasures = Erasures(self.database)
        self.barred, self.held, self.more = Barred(), Held(), Held()
        self.forgetting = Forgetting(self.erasures, self.barred, [self.held, self.more])

    async def started(self) -> "Router":
        """Once it has looked for the first time, and holds something."""
        await self.forgetting.look()
        self.held.of, self.more.of = {ANN, BEN, NOBODY}, {ANN, BEN, NOBODY}
        return self


@pytest.fixture
async def routers(tmp_path: Path) -> AsyncIterator[tuple[Router, Router]]:
    """Two on one store."""
    one, other = Router(tmp_path / "a.db"), Router(tmp_path / "a.db")
    yield await one.started(), await other.started()
    for made in (one, other):
        await made.forgetting.close()
        await made.database.close()


async def test_what_is_held_of_an_erased_user_goes_wherever_it_is_and_nothing_else(
    routers: tuple[Router, Router],
) -> None:
    one, other = routers
    await one.erasures.tell(ANN)
    await other.forgetting.look()
    assert other.held.of == other.more.of == {BEN, NOBODY}


async def test_nothing_new_is_kept_of_him_by_whoever_has_heard(routers: tuple[Router, Router]) -> None:
    one, other = routers
    await one.erasures.tell(ANN)
    assert not other.barred.has(ANN)
    await other.forgetting.look()
    assert (other.barred.has(ANN), other.barred.has(BEN)) == (True, False)


async def test_what_was_erased_while_the_store_was_away_is_heard_once_it_is_back(
    routers: tuple[Router, Router], caplog: pytest.LogCaptureFixture
) -> None:
    one, other = routers
    other.erasures.away = True
    await one.erasures.tell(ANN)
    for _ in range(3):
        await other.forgetting.look()
    assert (other.held.of, other.forgetting.problem) == ({ANN, BEN, NOBODY}, "away")
    other.erasures.away = False
    await other.forgetting.look()
    assert (other.held.of, other.forgetting.problem) == ({BEN, NOBODY}, "")
    assert [one.levelname for one in caplog.records].count("ERROR") == 1


async def test_whoever_was_away_for_longer_than_marks_stay_lets_go_of_what_all_users_have_caused(
    routers: tuple[Router, Router],
) -> None:
    one, other = routers
    await one.erasures.tell(ANN)
    await StoredErasures(one.database, keep_s=-1.0).sweep()
    await other.forgetting.look()
    assert other.held.of == {NOBODY}


async def test_before_the_first_look_nobody_knows_who_was_erased(tmp_path: Path) -> None:
    router = Router(tmp_path / "a.db")
    await router.erasures.tell(ANN)
    await router.forgetting.look()
    assert router.held.of == {NOBODY}
    assert router.barred.has(ANN)
    await router.database.close()


async def test_after_a_fault_the_same_erasures_are_taken_up_again(routers: tuple[Router, Router]) -> None:
    one, other = routers
    other.more.fails = 1
    await one.erasures.tell(ANN)
    await other.forgetting.look()
    assert ANN in other.more.of
    await other.forgetting.look()
    assert other.more.of == {BEN, NOBODY}


async def test_a_router_that_serves_hears_by_itself_as_often_as_of_keys(routers: tuple[Router, Router]) -> None:
    one, other = routers
    other.forgetting.serve(IdentitySection(api_keys=ApiKeysSection(pepper="pepper", refresh_seconds=0.1)))
    assert other.forgetting.every_s == 0.1
    await one.erasures.tell(ANN)
    async with asyncio.timeout(10):
        while ANN in other.more.of:  # noqa: ASYNC110  (a task of its own makes it true)
            await asyncio.sleep(0.01)
    other.forgetting.serve(IdentitySection())
    assert other.forgetting.every_s == 1.0
