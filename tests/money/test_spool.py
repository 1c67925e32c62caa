"""The ledger when the disk, the store or a record ails, with real files and no provider."""

import asyncio
import errno
import fcntl
import os
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from hedgerow_server.core.call import Call, Outcome
from hedgerow_server.core.error import LedgerUnavailable
from hedgerow_server.core.event import AttemptOutcome
from hedgerow_server.ledger import segment as segments
from hedgerow_server.ledger.books import CallBooks
from hedgerow_server.ledger.drain import OwnDrain
from hedgerow_server.ledger.keeping import Keeper
from hedgerow_server.ledger.ledger import Ledger
from hedgerow_server.ledger.section import LedgerSection
from hedgerow_server.ledger.spool import LOCK, Spool
from hedgerow_server.store.ledger_rows import AttemptRow, CallRow
from hedgerow_server.store.port import StoreUnavailable
from money.accounts import differences, ledger
from money.driver import LOST_PICOS, SEGMENT, attempt, ended, estimate, ledger_in, new_call
from rpc.caller import eventually


class AilingStore:
    """A store that can be away, and that takes some rows from nobody. Keeps the last row of each attempt and call."""

    def __init__(self) -> None:
        self.away = False
        self.hated = ""
        self.tries: dict[tuple[str, int], AttemptRow] = {}
        self.rows: dict[str, CallRow] = {}

    async def keep(self, attempts: Sequence[AttemptRow], calls: Sequence[CallRow]) -> None:
        if self.away:
            raise StoreUnavailable("away")
        if any(call.request_id == self.hated for call in calls):
            raise StoreUnavailable("a constraint")
        self.tries |= {(one.call_id, one.number): one for one in attempts}
        self.rows |= {one.call_id: one for one in calls}

    async def add_lost(self, attempts: Sequence[AttemptRow], calls: Sequence[CallRow]) -> None:
        if self.away:
            raise StoreUnavailable("away")
        for one in attempts:
            self.tries.setdefault((one.call_id, one.number), one)
        for call in calls:
            self.rows.setdefault(call.call_id, call)

    async def calls(self, since_unix_s: float, until_unix_s: float, after: str, limit: int) -> Sequence[CallRow]:
        raise NotImplementedError

    async def attempts(self, call_id: str) -> Sequence[AttemptRow]:
        raise NotImplementedError

    async def forget(self, before_unix_s: float, limit: int) -> int:
        raise NotImplementedError


def opened(ledger: Ledger) -> tuple[Call, CallBooks]:
    """A call with an attempt under way."""
    call, request = new_call()
    books = ledger.books(call, request)
    books.open(attempt(call), credential="key", request_bytes=400)
    return call, books


def closed(call: Call, books: CallBooks, picos: int = 7) -> int:
    """Its end."""
    (record,) = call.attempts
    ended(record, AttemptOutcome.SUCCEEDED, picos)
    books.close(record)
    return books.settle(Outcome())


def made(ledger: Ledger, count: int = 1) -> list[str]:
    """Whole calls: their ids."""
    ids = []
    for _ in range(count):
        call, books = opened(ledger)
        closed(call, books)
        ids.append(call.call_id)
    return ids


def tried(ledger: Ledger) -> list[str]:
    """A call where there is room. One that was admitted is refused where the last room has just been used."""
    with suppress(LedgerUnavailable):
        return made(ledger)
    return []


async def opened_in_time(ledger: Ledger) -> tuple[Call, CallBooks]:
    """A call with an attempt under way, as soon as there is room for it."""
    while True:
        with suppress(LedgerUnavailable):
            return opened(ledger)
        await asyncio.sleep(0.001)


async def paced(ledger: Ledger, count: int) -> list[str]:
    """The same, each as soon as there is room for it."""
    ids: list[str] = []
    while len(ids) < count:
        ids += tried(ledger)
        # The store is on this loop, too; and a full spool fills faster than it is emptied.
        await asyncio.sleep(0 if ledger.admitting else 0.001)
    return ids


@asynccontextmanager
async def running(folder: Path, store: AilingStore | None = None, **section: object) -> AsyncIterator[Ledger]:
    given = LedgerSection.model_validate({"segment_bytes": SEGMENT, "max_bytes": 8 * SEGMENT, **section})
    one = ledger_in(folder, given) if store is None else Ledger(given, folder / "spool", store, estimate)
    await one.start()
    try:
        yield one
    finally:
        await one.close()


async def until(condition: Callable[[], object], what: str) -> None:
    await asyncio.to_thread(eventually, condition, what, 20)


def used_up(ledger: Ledger) -> list[str]:
    """Calls until no more are admitted."""
    ids: list[str] = []
    while ledger.admitting:
        ids += tried(ledger)
        assert len(ids) < 100_000
    return ids


async def test_what_is_written_is_stored_and_its_segments_go(tmp_path: Path) -> None:
    async with running(tmp_path) as one:
        ids = []
        for _ in range(50):
            ids += await paced(one, 20)
        await until(lambda: one.used_bytes <= 3 * SEGMENT, "segments are deleted")
        await one.stored()
    calls, attempts = ledger(tmp_path / "ledger.db")
    assert sorted(ids) == [call.call_id for call in calls]
    assert len(attempts) == len(calls)
    assert list((tmp_path / "spool").iterdir()) == []


async def test_segments_go_though_there_is_something_to_store_every_time(tmp_path: Path) -> None:
    """Many times as much goes through the spool as it may hold."""
    spool = Spool(tmp_path / "spool", segment_bytes=SEGMENT, max_bytes=8 * SEGMENT)
    drain = OwnDrain(spool, Keeper(AilingStore(), asyncio.get_running_loop(), tmp_path))
    spool.tend()
    written = 0
    while written < 40 * SEGMENT:
        before = sum(end for _, _, end in spool.written())
        for _ in range(3):
            call, request = new_call()
            books = CallBooks(call, spool, request)
            books.open(attempt(call), credential="key", request_bytes=400)
            closed(call, books)
        written += max(0, sum(end for _, _, end in spool.written()) - before)
        assert await asyncio.to_thread(drain.run) > 0
        spool.tend()
    drain.close()
    spool.close(empty=False)


async def test_many_open_calls_are_written_once_more_and_nobody_is_refused_meanwhile(tmp_path: Path) -> None:
    """Of segments that are as full of them as can be: no frame is longer than a segment has room for."""
    spool = Spool(tmp_path / "spool", segment_bytes=SEGMENT, max_bytes=64 * SEGMENT)
    drain = OwnDrain(spool, Keeper(AilingStore(), asyncio.get_running_loop(), tmp_path))
    spool.tend()
    while len(spool.written()) < 8:
        call, request = new_call()
        CallBooks(call, spool, request).open(attempt(call), credential="key", request_bytes=400)
    filled = len(spool.written())
    for _ in range(20):
        await asyncio.to_thread(drain.run)
        assert spool.admitting
    assert len(spool.written()) > filled, "nothing was written once more"
    assert {path.stat().st_size for _, path, _ in spool.written()} == {SEGMENT}
    drain.close()
    spool.close(empty=False)


async def test_a_locked_store_delays_nobody_and_has_every_row_once_afterwards(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """L1."""
    import sqlite3

    locked_s = 30.0 if request.config.getoption("--long") else 1.5
    async with running(tmp_path) as one:
        ids = made(one)
        await one.stored()
        other = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        ends_s = time.monotonic() + locked_s
        while time.monotonic() < ends_s:
            assert one.admitting
            ids += made(one)
            await asyncio.sleep(locked_s / 100)
        assert len(ledger(tmp_path / "ledger.db")[0]) == 1
        other.execute("ROLLBACK")
        other.close()
        await one.stored()
    calls, attempts = ledger(tmp_path / "ledger.db")
    assert sorted(ids) == [call.call_id for call in calls]
    assert [line for line in differences(calls, attempts, []) if "in the book" not in line] == []


async def test_a_spool_that_is_full_stops_admission_and_takes_the_ends_of_calls_under_way(tmp_path: Path) -> None:
    """L2: the store is away until nothing more fits."""
    store = AilingStore()
    store.away = True
    async with running(tmp_path, store) as one:
        under_way = [opened(one) for _ in range(20)]
        ids = []
        while one.admitting:
            ids += tried(one)
            await asyncio.sleep(0)
        await until(lambda: "bytes of records wait" in str(one.problems()), "it says why")
        for call, books in under_way:
            closed(call, books)
        store.away = False
        await until(lambda: one.admitting, "it admits calls again")
        assert one.problems() == []
        ids += made(one)
        await one.stored()
    assert {*ids, *(call.call_id for call, _ in under_way)} == set(store.rows)
    assert {row.charged_picos for row in store.rows.values()} == {7}


@pytest.mark.parametrize("trouble", [errno.ENOSPC, errno.EROFS, errno.EIO])
async def test_a_disk_that_gives_no_room_stops_admission_until_it_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: int
) -> None:
    """L2: what is left of the room set aside takes the ends of the calls under way, and memory what goes beyond."""
    store = AilingStore()

    def refused(*_: object) -> None:
        raise OSError(trouble, os.strerror(trouble))

    async with running(tmp_path, store) as one:
        ids = made(one)
        under_way = [opened(one) for _ in range(400)]  # whose ends are more than a segment takes
        monkeypatch.setattr(os, "posix_fallocate", refused)
        ids += used_up(one)
        await until(lambda: os.strerror(trouble) in str(one.problems()), "it says why")
        for call, books in under_way:
            closed(call, books)
        monkeypatch.undo()
        await until(lambda: one.admitting, "it admits calls again")
        await one.stored()
    assert {*ids, *(call.call_id for call, _ in under_way)} == set(store.rows)


def _refused(books: CallBooks, call: Call) -> LedgerUnavailable:
    """What is raised for the first attempt that there is no room for."""
    for _ in range(2_000):
        try:
            books.open(attempt(call), credential="", request_bytes=0)
        except LedgerUnavailable as error:
            return error
    raise AssertionError("there is always room")


async def test_an_attempt_that_cannot_be_written_down_is_not_made(tmp_path: Path) -> None:
    store = AilingStore()
    store.away = True
    async with running(tmp_path, store, max_bytes=4 * SEGMENT) as one:
        call, request = new_call()
        books = one.books(call, request)
        while one.admitting:
            tried(one)
            await asyncio.sleep(0)
        refused = _refused(books, call)
        assert refused.retry_delay_s
        store.away = False
        await until(lambda: one.admitting, "it admits calls again")


async def test_a_failed_fsync_stops_admission_until_all_was_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """L2: after the failure the kernel may hold pages for clean that the disk never had."""
    written: list[tuple[int, bytes]] = []

    def failing(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    async with running(tmp_path, AilingStore(), durability="fsync") as one:
        await one.synced(closed(*opened(one)))
        monkeypatch.setattr(os, "fdatasync", failing)
        call, books = opened(one)
        number = closed(call, books)
        await until(lambda: not one.admitting, "it admits no calls")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(one.synced(number), 0.05)
        monkeypatch.undo()
        original = segments.Segment.write_at

        def write_at(segment: segments.Segment, at: int, frame: bytes) -> None:
            written.append((at, frame))
            original(segment, at, frame)

        monkeypatch.setattr(segments.Segment, "write_at", write_at)
        await one.synced(number)
        await until(lambda: one.admitting, "it admits calls again")
        assert any(call.call_id.encode() in frame for _, frame in written)


async def test_with_durability_fsync_a_record_is_synced_when_the_wait_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    original = os.fdatasync

    def fdatasync(fd: int) -> None:
        original(fd)
        synced.append(fd)

    async with running(tmp_path, AilingStore(), durability="fsync") as one:
        monkeypatch.setattr(os, "fdatasync", fdatasync)
        for expected in range(1, 4):
            await one.synced(closed(*opened(one)))
            assert len(synced) >= expected


def dead_spool(folder: Path) -> Path:
    """The newest segment with records of the spool that a router has left."""
    (found,) = (folder / "spool").iterdir()
    return max(path for _, path in segments.segments_in(found) if list(segments.frames(path)))


async def left_behind(folder: Path, store: AilingStore, work: Callable[[Ledger], None]) -> None:
    """A router that was ended with its records in the spool."""
    store.away = True
    one = Ledger(LedgerSection(segment_bytes=SEGMENT, max_bytes=8 * SEGMENT), folder / "spool", store, estimate)
    await one.start()
    work(one)
    one._keeper.stopping.set()
    await one.close()
    store.away = False


async def test_a_torn_last_record_is_passed_over_and_those_before_it_are_kept(tmp_path: Path) -> None:
    """L3."""
    store, ids = AilingStore(), []
    await left_behind(tmp_path, store, lambda one: ids.extend(made(one, 5)))
    path = dead_spool(tmp_path)
    *_, (_, before_last), (_, end) = segments.frames(path)
    with path.open("r+b") as file:
        file.seek((before_last + end) // 2)
        file.write(bytes(end - (before_last + end) // 2))
    async with running(tmp_path, store) as heir:
        await heir.settled()
        assert len((*(tmp_path / "spool").iterdir(),)) == 1
    *whole, last = ids
    assert [store.rows[one].charged_picos for one in whole] == [7] * 4
    assert (store.rows[last].lost, store.tries[last, 1].outcome) == (True, "LOST")
    assert store.tries[last, 1].cost_picos == LOST_PICOS


async def test_what_was_open_becomes_a_row_of_an_estimate_and_what_was_stored_stays(tmp_path: Path) -> None:
    """L3: the end of one attempt is stored and its segment gone, while another keeps the segment of its beginning."""
    store = AilingStore()
    long_one: list[str] = []
    one = Ledger(LedgerSection(segment_bytes=SEGMENT, max_bytes=8 * SEGMENT), tmp_path / "spool", store, estimate)
    await one.start()
    short_call, short_books = opened(one)
    long_one.append(opened(one)[0].call_id)
    for _ in range(30):
        await paced(one, 20)
    closed(short_call, short_books, picos=9)
    await until(lambda: short_call.call_id in store.rows, "its end is stored")
    for _ in range(30):
        await paced(one, 20)
    await until(lambda: one.used_bytes <= 4 * SEGMENT, "the segments between are gone")
    await one.close()
    async with running(tmp_path, store) as heir:
        await heir.settled()
    assert (store.rows[short_call.call_id].charged_picos, store.rows[short_call.call_id].lost) == (9, False)
    assert [store.rows[one].lost for one in long_one] == [True]
    assert sum(row.lost for row in store.rows.values()) == 1


async def test_an_older_record_that_is_still_there_never_takes_the_place_of_a_newer_one(tmp_path: Path) -> None:
    """A segment is kept for a call that is open, while the one with the last word on another call is gone."""
    store = AilingStore()
    one = Ledger(LedgerSection(segment_bytes=SEGMENT, max_bytes=8 * SEGMENT), tmp_path / "spool", store, estimate)
    await one.start()
    opened(one)
    call, books = opened(one)
    closed(call, books, picos=5)
    await paced(one, 100)
    ended(call.attempts[0], AttemptOutcome.SUCCEEDED, 9)
    books.close(call.attempts[0])
    await paced(one, 100)
    await until(lambda: len(segments.segments_in(one._spool.folder)) == 3, "the second segment is gone")
    (first, _), *_ = segments.segments_in(one._spool.folder)
    assert first == 1
    await one.close()
    async with running(tmp_path, store) as heir:
        await heir.settled()
    assert store.rows[call.call_id].charged_picos == 9


async def test_calls_that_stay_open_keep_no_segments(tmp_path: Path) -> None:
    """One call in every segment stays open: their beginnings are written again, and outlive the router."""
    store = AilingStore()
    one = Ledger(LedgerSection(segment_bytes=SEGMENT, max_bytes=16 * SEGMENT), tmp_path / "spool", store, estimate)
    await one.start()
    under_way = []
    for _ in range(100):
        await paced(one, 20)
        under_way.append(await opened_in_time(one))
    await until(lambda: one.used_bytes <= 10 * SEGMENT, "the old segments go")
    ends, stay = under_way[:50], under_way[50:]
    for call, books in ends:
        closed(call, books)
    await until(lambda: all(call.call_id in store.rows for call, _ in ends), "those that end are stored")
    await one.close()
    async with running(tmp_path, store) as heir:
        await heir.settled()
    assert {call.call_id for call, _ in stay} == {name for name, row in store.rows.items() if row.lost}
    assert {store.tries[call.call_id, 1].outcome for call, _ in stay} == {"LOST"}
    assert len(store.rows) == 100 * 20 + 100


async def test_rows_that_the_store_takes_from_nobody_go_to_a_file_and_hold_up_no_others(tmp_path: Path) -> None:
    """L1: a constraint error."""
    store = AilingStore()
    async with running(tmp_path, store) as one:
        call, books = opened(one)
        store.hated = call.request_id
        closed(call, books)
        ids = made(one, 3)
        await until(lambda: one.rejected, "it is put aside")
        await one.stored()
        ids += made(one)
        await one.stored()
    assert set(store.rows) == set(ids)
    assert call.call_id.encode() in (tmp_path / "spool" / "rejected").read_bytes()


async def test_a_spool_of_another_version_is_left_alone(tmp_path: Path) -> None:
    store, ids = AilingStore(), []
    await left_behind(tmp_path, store, lambda one: ids.extend(made(one, 2)))
    path = dead_spool(tmp_path)
    content = path.read_bytes()
    path.write_bytes(b"hedgerow spool 9" + content[16:])
    async with running(tmp_path, store) as other:
        await other.settled()
    assert path.exists()
    assert store.rows == {}
    path.write_bytes(content)
    async with running(tmp_path, store) as heir:
        await heir.settled()
    assert set(store.rows) == set(ids)


async def test_a_router_does_not_take_the_spool_of_one_that_lives(tmp_path: Path) -> None:
    store = AilingStore()
    async with running(tmp_path, store) as one:
        call, books = opened(one)
        async with running(tmp_path, store) as other:
            await other.settled()
            assert store.rows == {}
        closed(call, books)
        await one.stored()
    assert [row.lost for row in store.rows.values()] == [False]


async def test_what_is_left_of_a_folder_that_was_just_being_made_is_deleted_unless_its_router_lives(
    tmp_path: Path,
) -> None:
    root = tmp_path / "spool"
    for name in ("dead", "living"):
        (root / f".{name}").mkdir(parents=True)
        (root / f".{name}" / LOCK).touch()
    with (root / ".living" / LOCK).open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        async with running(tmp_path, AilingStore()) as one:
            await one.settled()
            assert sorted(path.name for path in root.iterdir()) == [".living", one._spool.folder.name]
