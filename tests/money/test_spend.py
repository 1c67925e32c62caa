"""Sums over a ledger of 10^5 rows, against a recount of them one by one."""

import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from hedgerow_server.core.event import UsageTold
from hedgerow_server.core.secret import Secret
from hedgerow_server.core.spend import TIMES, By, Dimension, Filter, Span, SpendRequest
from hedgerow_server.ledger.answers import SpendSummed, Sum
from hedgerow_server.ledger.query import LedgerReader, place
from hedgerow_server.store.ledger_rows import CallRow
from hedgerow_server.store.port import Database
from hedgerow_server.store.reading import SqliteReader, reader
from hedgerow_server.store.section import PostgresStoreSection, StoreSection
from hedgerow_server.store.spend import TOKENS, Where
from hedgerow_server.store.sqlite import Sqlite
from hedgerow_server.wire.usage_answers import UsageAnswerBytes
from money.books import CLASSES, DAYS, START, Book, Total, book, everything, fill, key, recount
from postgres import PostgresServer

SPAN = Span(START - 1, START + (DAYS + 1) * 86_400)
ROWS = 100_000
DIVISIONS = [
    *((one.value, "", zone) for one in Dimension for zone in ("UTC",) if one is not Dimension.LABEL),
    *(("label", name, "UTC") for name in ("feature", "a.b/c-d", "2024", "none")),
    *((one.value, "", zone) for one in sorted(TIMES, key=str) for zone in ("Europe/Berlin", "Asia/Kathmandu")),
]


@pytest.fixture(scope="module")
def made() -> Book:
    return book(3_000)


@pytest.fixture(scope="module")
async def sqlite(made: Book, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LedgerReader]:
    async with _filled(made, tmp_path_factory.mktemp("spend") / "ledger.db") as reading:
        yield reading


@asynccontextmanager
async def _filled(made: Book, path: Path) -> AsyncIterator[LedgerReader]:
    section = StoreSection(path=path)
    database = Sqlite(section)
    await fill(database, made)
    await database.close()
    reading = LedgerReader(SqliteReader(section))
    yield reading
    await reading.close()


@pytest.mark.slow
async def test_every_division_of_a_hundred_thousand_rows_adds_up_to_the_same_total(tmp_path: Path) -> None:
    made = book(45_000, seed=3)
    assert len(made.calls) + len(made.attempts) >= ROWS
    (expected,) = recount(made, [], everything).values()
    async with _filled(made, tmp_path / "ledger.db") as reading:
        for dimension, label, zone in DIVISIONS:
            if zone != "UTC":
                continue
            by = By(Dimension(dimension), label)
            summed = await reading.spend(SpendRequest(span=SPAN, group_by=(by,), max_rows=50), None)
            _adds_up(summed)
            assert _told(summed.total) == _recounted(expected)


@pytest.mark.parametrize(("dimension", "label", "zone"), DIVISIONS)
async def test_the_rows_of_every_division_are_what_a_recount_says(
    sqlite: LedgerReader, made: Book, dimension: str, label: str, zone: str
) -> None:
    """And what is cut off stands in `other`."""
    by = By(Dimension(dimension), label)
    whole = await sqlite.spend(SpendRequest(span=SPAN, group_by=(by,), time_zone=zone, max_rows=10_000), None)
    _same(whole, recount(made, [key(dimension, label, zone)], everything))
    cut = await sqlite.spend(SpendRequest(span=SPAN, group_by=(by,), time_zone=zone, max_rows=2), None)
    assert cut.total == whole.total
    assert len(cut.rows) <= 2
    _adds_up(cut)


async def test_divisions_by_several_things_and_filters_are_what_a_recount_says(
    sqlite: LedgerReader, made: Book
) -> None:
    request = SpendRequest(
        span=SPAN,
        group_by=(By(Dimension.TEAM), By(Dimension.DAY), By(Dimension.PROVIDER), By(Dimension.LABEL, "feature")),
        filters=(
            Filter(By(Dimension.LABEL, "feature"), ("chat", "sök")),
            Filter(By(Dimension.ACCOUNT), ("charged",)),
        ),
        max_rows=10_000,
    )
    keys = [key("team"), key("day"), key("provider"), key("label", "feature")]
    expected = recount(
        made,
        keys,
        lambda call, attempt: (
            call is not None
            and call.labels.get("feature") in ("chat", "sök")
            and attempt is not None
            and attempt.account == "charged"
        ),
    )
    assert expected
    _same(await sqlite.spend(request, None), expected)


async def test_a_tenant_is_told_of_its_own_calls_only(sqlite: LedgerReader, made: Book) -> None:
    summed = await sqlite.spend(SpendRequest(span=SPAN, group_by=(By(Dimension.TENANT),)), "acme")
    expected = recount(made, [key("tenant")], lambda call, _: call is not None and call.tenant == "acme")
    assert [row.keys for row in summed.rows] == [("acme",)]
    _same(summed, expected)


async def test_time_is_cut_at_its_ends_to_the_row(sqlite: LedgerReader, made: Book) -> None:
    times = sorted(one.started_unix_s for one in made.attempts)
    start, end = times[1_000], times[2_000]
    summed = await sqlite.spend(SpendRequest(span=Span(start, end)), None)
    assert summed.total.attempts == 1_000


async def test_an_answer_is_never_longer_than_clients_take(tmp_path: Path) -> None:
    """Keys of 128 characters in six divisions."""
    long = "ä" * 128
    calls = [
        CallRow(call_id=f"{number:032x}", request_id="r", method="m", route=f"{number:05}{long}", started_unix_s=START)
        for number in range(6_000)
    ]
    calls = [
        msgspec.structs.replace(one, tenant=long, team=long, user=long, service=long, key_id=long) for one in calls
    ]
    async with _filled(Book(calls, []), tmp_path / "ledger.db") as reading:
        names = (Dimension.TENANT, Dimension.TEAM, Dimension.USER, Dimension.SERVICE, Dimension.KEY, Dimension.ROUTE)
        request = SpendRequest(span=SPAN, group_by=tuple(map(By, names)), max_rows=10_000)
        summed = await reading.spend(request, None)
    answer = UsageAnswerBytes()
    answer.add(UsageTold(summed))
    assert 1 << 20 < len(answer.encode()) < 4 << 20
    assert summed.other is not None
    assert len(summed.rows) + summed.other.calls == summed.total.calls == 6_000


async def test_rows_come_by_time_then_by_falling_cost(sqlite: LedgerReader) -> None:
    summed = await sqlite.spend(
        SpendRequest(span=SPAN, group_by=(By(Dimension.TEAM), By(Dimension.DAY)), max_rows=10_000), None
    )
    order = [(row.keys[1], -row.sum.cost_picos) for row in summed.rows]
    assert order == sorted(order)


async def test_the_hour_that_comes_twice_when_clocks_go_back_is_told_twice(sqlite: LedgerReader) -> None:
    back = dt.datetime(2026, 10, 25, tzinfo=dt.UTC).timestamp()
    request = SpendRequest(
        span=Span(back, back + 4 * 3600), group_by=(By(Dimension.HOUR),), time_zone="Europe/Berlin", max_rows=100
    )
    summed = await sqlite.spend(request, None)
    assert {row.keys[0] for row in summed.rows} >= {"2026-10-25T02:00+02:00", "2026-10-25T02:00+01:00"}
    day = await sqlite.spend(
        SpendRequest(span=SPAN, group_by=(By(Dimension.DAY),), time_zone="Europe/Berlin", max_rows=100), None
    )
    _adds_up(day)


async def test_sums_beyond_64_bits_are_exact(sqlite: LedgerReader, made: Book) -> None:
    summed = await sqlite.spend(SpendRequest(span=SPAN), None)
    assert summed.total.cost_picos > 1 << 63
    assert summed.total.cost_picos == sum(one.cost_picos or 0 for one in made.attempts)


async def test_a_question_holds_up_no_write(made: Book, tmp_path: Path) -> None:
    """A write is done while a script that reads is in the midst of its work."""
    section = StoreSection(path=tmp_path / "ledger.db", busy_timeout_seconds=0.05)
    few = Book(made.calls[:100], made.attempts[:100])
    database, asked = Sqlite(section), SqliteReader(section)
    await fill(database, few)
    reading = LedgerReader(asked)
    held = asked._open()
    held.execute("BEGIN")
    before = held.execute("SELECT count(*) FROM ledger_call").fetchone()
    try:
        await fill(database, Book(made.calls[100:200], []))
        assert held.execute("SELECT count(*) FROM ledger_call").fetchone() == before
    finally:
        held.close()
    summed = await reading.spend(SpendRequest(span=SPAN), None)
    assert summed.total.calls == 200
    await reading.close()
    await database.close()


async def test_postgres_says_the_same_as_a_recount(
    postgres_server: PostgresServer, pytestconfig: pytest.Config
) -> None:
    """All divisions over 10^5 rows with --long, else over fewer."""
    made = book(45_000 if pytestconfig.getoption("--long") else 1_000, seed=11)
    name = postgres_server.database()
    database: Database = postgres_server.opened(name, timeout_seconds=30)
    section = PostgresStoreSection(postgres=postgres_server.section(name))
    reading = LedgerReader(reader(section, lambda _: Secret(postgres_server.password)))
    try:
        await fill(database, made)
        for dimension, label, zone in DIVISIONS:
            by = By(Dimension(dimension), label)
            summed = await reading.spend(SpendRequest(span=SPAN, group_by=(by,), time_zone=zone, max_rows=10_000), None)
            _same(summed, recount(made, [key(dimension, label, zone)], everything))
        request = SpendRequest(
            span=SPAN, group_by=(By(Dimension.TEAM),), filters=(Filter(By(Dimension.LABEL, "feature"), ("chat",)),)
        )
        expected = recount(
            made,
            [key("team")],
            lambda call, _: call is not None and call.tenant == "acme" and call.labels.get("feature") == "chat",
        )
        _same(await reading.spend(request, "acme"), expected)
        await _asks_row_by_row(reading, made)
    finally:
        await reading.close()
        await database.close()


async def test_sqlite_finds_single_rows(sqlite: LedgerReader, made: Book) -> None:
    await _asks_row_by_row(sqlite, made)


async def _asks_row_by_row(reading: LedgerReader, made: Book) -> None:
    """All other questions than sums."""
    calls = {one.call_id: one for one in made.calls}
    ordered = sorted(made.attempts, key=lambda one: (one.started_unix_s, one.call_id, one.number))
    first = await reading.page(SPAN, (), None, None, 10)
    rest = await reading.page(SPAN, (), None, place(first[-1]), 10)
    assert [(one.attempt, one.call) for one in first + rest] == [(one, calls.get(one.call_id)) for one in ordered[:20]]
    saving = Where(start_unix_s=SPAN.start_unix_s, end_unix_s=SPAN.end_unix_s, saving=True)
    found = [one.attempt for page in [one async for one in reading.pages(saving)] for one in page]
    cached = ("input_cache_read_tokens", "input_cache_write_tokens", "input_cache_write_long_tokens")
    assert found == [one for one in ordered if any(getattr(one, name) for name in cached)]
    times = sorted(one.total_s for one in made.attempts if one.outcome == "SUCCEEDED")
    went = await reading.times(msgspec.structs.replace(saving, saving=False))
    assert (went.attempts, went.total_p95_s) == (len(made.attempts), times[-(-len(times) * 95 // 100) - 1])
    one = next(one for one in made.calls if one.attempts > 1)
    told = await reading.call(one.call_id, "", one.tenant)
    assert told is not None
    assert (told.call, len(told.attempts)) == (one, one.attempts)
    assert await reading.call(one.call_id, "", "nobody") is None
    same = [other for other in made.calls if other.request_id == one.request_id and other.tenant == one.tenant]
    newest = await reading.call("", one.request_id, one.tenant)
    assert newest is not None
    assert newest.call == max(same, key=lambda other: other.started_unix_s)
    assert len(newest.other_call_ids) == len(same) - 1


def _same(summed: SpendSummed, expected: dict[tuple[str, ...], Total]) -> None:
    assert {row.keys: _told(row.sum) for row in summed.rows} == {
        keys: _recounted(one) for keys, one in expected.items()
    }
    assert summed.other is None
    _adds_up(summed)


def _adds_up(summed: SpendSummed) -> None:
    total = Sum()
    for row in summed.rows:
        total.add(row.sum)
    if summed.other is not None:
        total.add(summed.other)
    assert total == summed.total


def _told(one: Sum) -> dict[str, int]:
    tokens = dict(zip(TOKENS, one.tokens, strict=True))
    counts = {name: getattr(one, name) for name in Sum.__struct_fields__ if name != "tokens"}
    return counts | {name: tokens[name] for name in CLASSES}


def _recounted(one: Total) -> dict[str, int]:
    counts = {name: getattr(one, name) for name in Sum.__struct_fields__ if name != "tokens"}
    return counts | one.tokens
