"""Kept answers, wherever they are: one call has a key at a time, and what is kept comes back until its time is over."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from hedgerow_server.store.answers import StoredAnswers
from hedgerow_server.store.kept import Claim, Kept
from hedgerow_server.store.memory import MemoryAnswers
from hedgerow_server.store.port import AnswerStore, Database, StoreUnavailable
from hedgerow_server.store.section import StoreSection
from hedgerow_server.store.sqlite import Sqlite

KINDS = ["memory", "sqlite", "postgres"]


class Clock:
    """A time that only the test moves."""

    def __init__(self) -> None:
        self.now_unix_s = 1000.0

    def __call__(self) -> float:
        return self.now_unix_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=KINDS)
async def store(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> AsyncIterator[AnswerStore]:
    """Each kind of store."""
    if request.param == "memory":
        room = MemoryAnswers(clock)
        room.allow(1 << 20, 100)
        yield room
        return
    database: Database
    if request.param == "sqlite":
        database = Sqlite(StoreSection(path=tmp_path / "kept.db"))
    else:
        server = request.getfixturevalue("postgres_server")
        database = server.opened(server.database())
    yield StoredAnswers(database, clock)
    await database.close()


def claim(slot: str = "a", token: str = "1", **more: object) -> Claim:
    """A call's wish."""
    given = {"fingerprint": b"asked", "tenant": "acme", "user": "ann", "request_id": f"req-{token}", **more}
    return Claim(slot=slot.encode(), token=token.encode(), until_unix_s=1060.0, lease_s=60.0, **given)  # type: ignore[arg-type]


async def test_one_of_many_that_ask_at_once_has_the_key(store: AnswerStore) -> None:
    found = await asyncio.gather(*(store.claim(claim(token=str(number))) for number in range(8)))
    assert found.count(None) == 1
    winner = f"req-{found.index(None)}"
    assert {one.request_id for one in found if one is not None} == {winner}
    assert all(one.answer is None for one in found if one is not None)


async def test_what_is_kept_is_told_to_whoever_asks_again(store: AnswerStore) -> None:
    first = claim()
    assert await store.claim(first) is None
    assert await store.keep(first, b"\x00answer", 2000.0)
    assert await store.claim(claim(token="2", fingerprint=b"other")) == Kept(b"asked", "req-1", b"\x00answer")


async def test_an_answer_is_gone_when_its_time_is_over_and_not_before(store: AnswerStore, clock: Clock) -> None:
    await store.claim(claim())
    await store.keep(claim(), b"answer", 2000.0)
    clock.now_unix_s = 1999.9
    assert await store.claim(claim(token="2")) is not None
    clock.now_unix_s = 2000.0
    assert await store.claim(claim(token="3")) is None


async def test_a_key_that_is_given_back_is_free(store: AnswerStore) -> None:
    await store.claim(claim())
    await store.free(claim())
    assert await store.claim(claim(token="2")) is None


async def test_nobody_gives_back_or_keeps_under_the_key_of_another_call(store: AnswerStore) -> None:
    await store.claim(claim())
    await store.free(claim(token="2"))
    assert not await store.keep(claim(token="2"), b"answer", 2000.0)
    assert await store.claim(claim(token="3")) == Kept(b"asked", "req-1", None)


async def test_giving_a_key_back_leaves_an_answer_that_is_kept(store: AnswerStore) -> None:
    await store.claim(claim())
    await store.keep(claim(), b"answer", 2000.0)
    await store.free(claim())
    assert await store.claim(claim(token="2")) == Kept(b"asked", "req-1", b"answer")


@pytest.mark.parametrize("store", KINDS[1:], indirect=True)
async def test_what_a_router_that_has_died_had_claimed_is_free_when_the_call_would_be_over(
    store: AnswerStore, clock: Clock
) -> None:
    """And if the router was only asleep, it keeps nothing any more under a key that another call has."""
    await store.claim(claim())
    clock.now_unix_s = 1059.9
    assert await store.claim(claim(token="2")) is not None
    clock.now_unix_s = 1060.0
    later = msgspec.structs.replace(claim(token="3"), until_unix_s=1200.0)
    found = await asyncio.gather(store.claim(later), store.claim(msgspec.structs.replace(later, token=b"4")))
    assert found.count(None) == 1
    assert not await store.keep(claim(), b"late", 2000.0)
    assert await store.claim(claim(token="5")) is not None


async def test_a_users_answers_can_be_erased_and_nobody_elses(store: AnswerStore) -> None:
    wanted = [claim("a"), claim("b", user="bob"), claim("c", tenant="globex"), claim("d")]
    for one in wanted:
        await store.claim(one)
    for one in wanted[:3]:
        await store.keep(one, b"answer", 2000.0)
    assert await store.erase("acme", "ann") == 1
    assert await store.erase("acme", "ann") == 0
    assert await store.claim(claim("a", token="2")) is None
    for slot in "bc":
        found = await store.claim(claim(slot, token="2"))
        assert found is not None
        assert found.answer == b"answer"
    assert await store.claim(claim("d", token="2")) == Kept(b"asked", "req-1", None)


async def test_sweeping_takes_what_has_had_its_time_and_nothing_else(store: AnswerStore, clock: Clock) -> None:
    for slot, until_unix_s in (("a", 1500.0), ("b", 2500.0)):
        await store.claim(claim(slot))
        await store.keep(claim(slot), b"answer", until_unix_s)
    clock.now_unix_s = 2000.0
    await store.sweep()
    assert await store.erase("acme", "ann") == 1
    assert await store.claim(claim("b", token="2")) is None


async def test_where_memory_has_no_room_the_oldest_answers_go_first() -> None:
    room = MemoryAnswers(lambda: 1000.0)
    room.allow(1 << 20, 2)
    for slot in "abc":
        await room.claim(claim(slot))
        assert await room.keep(claim(slot), b"answer", 2000.0)
    assert [await room.claim(claim(slot, token="2")) is None for slot in "abc"] == [True, False, False]


async def test_memory_holds_no_more_bytes_than_it_is_allowed() -> None:
    room = MemoryAnswers(lambda: 1000.0)
    room.allow(3_000, 100)
    for slot in "ab":
        await room.claim(claim(slot))
        assert await room.keep(claim(slot), bytes(1_000), 2000.0)
    await room.claim(claim("c"))
    assert not await room.keep(claim("c"), bytes(3_000), 2000.0)
    assert await room.claim(claim("c", token="2")) is None
    room.allow(0, 100)
    assert await room.claim(claim("b", token="2")) is None


async def test_a_database_that_is_away_says_so(tmp_path: Path) -> None:
    database = Sqlite(StoreSection(path=tmp_path / "nowhere" / "kept.db"))
    with pytest.raises(StoreUnavailable):
        await StoredAnswers(database).claim(claim())
    await database.close()
