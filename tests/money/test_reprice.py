"""What attempts would have cost elsewhere, and statements, against recounts by published prices."""

import datetime as dt
import random
from collections.abc import AsyncIterator
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Any

import pytest
from hedgerow_server.core.error import LedgerUnavailable
from hedgerow_server.core.spend import By, Dimension, Filter, ModelAt, RepriceRequest, Span, StatementRequest
from hedgerow_server.ledger.query import LedgerReader
from hedgerow_server.pricing.book import PriceBook
from hedgerow_server.pricing.quotes import Quotes, Source
from hedgerow_server.pricing.section import PricingSection
from hedgerow_server.rpc.reprice import reprice
from hedgerow_server.rpc.statement import statement
from hedgerow_server.store.ledger_rows import AttemptRow, CallRow
from hedgerow_server.store.reading import SqliteReader
from hedgerow_server.store.section import StoreSection
from hedgerow_server.store.sqlite import Sqlite
from money.books import Book, fill
from money.published import ANTHROPIC, GEMINI, OPENAI, SHEETS, Counts, picos

START = dt.datetime(2026, 11, 1, tzinfo=dt.UTC).timestamp()
DAY_S = 86_400
MONTH = Span(START, START + 30 * DAY_S)
NOW = START + 20 * DAY_S
DISCOUNT = Decimal("12.5")
FROM, TO = ("anthropic", "claude-sonnet-4-5"), ("gemini", "gemini-2.5-pro")
SOURCES = {name: Source(name) for name in ("openai", "anthropic", "gemini")}


def quotes() -> Quotes:
    """The list's prices, and a discount at OpenAI."""
    now = dt.datetime.fromtimestamp(NOW, dt.UTC)
    section = PricingSection.model_validate({"discounts": [{"provider": "openai", "percent": DISCOUNT}]})
    listed = PriceBook(PricingSection(), now=now)
    return Quotes(PriceBook(section, now=now), listed, SOURCES, _own_name)


def _own_name(_: str, model: str) -> str:
    return model


def sheet_cost(provider: str, model: str, row: AttemptRow, *, cached: bool = True) -> int:
    """What a row's tokens cost by the published prices; without a cache where `cached` is False."""
    source = {"openai": OPENAI, "anthropic": ANTHROPIC, "gemini": GEMINI}[provider]
    written, long = row.input_cache_write_tokens, row.input_cache_write_long_tokens
    made = row.output_visible_tokens + row.output_reasoning_tokens
    if not cached:
        given = row.input_uncached_tokens + row.input_cache_read_tokens + written + long
        return picos(SHEETS[source][model], Counts(given=given, made=made))
    sheet = SHEETS[source][model]
    if sheet.write == "0":
        # What is no price of its own is the price of input.
        sheet = sheet._replace(write=sheet.given, write_1h=sheet.given)
        sheet = sheet._replace(long=(*sheet.long[:3], sheet.long[0], sheet.long[0]))
    counts = Counts(row.input_uncached_tokens, row.input_cache_read_tokens, written, long, made=made)
    return picos(sheet, counts)


def attempt(dice: random.Random, number: int, provider: str, model: str, **more: Any) -> AttemptRow:
    """A row with usage of all classes; some are long enough for a tier."""
    written, long = dice.choice((0, dice.randrange(9_000))), dice.choice((0, dice.randrange(9_000)))
    fields: dict[str, Any] = {
        "call_id": f"{number:032x}",
        "number": 1,
        "provider": provider,
        "model": model,
        "kind": "PRIMARY",
        "outcome": "SUCCEEDED",
        "started_unix_s": START + dice.random() * 20 * DAY_S,
        "first_token_s": dice.random(),
        "total_s": 1 + dice.random(),
        "input_uncached_tokens": dice.choice((0, dice.randrange(5_000), dice.randrange(400_000))),
        "input_cache_read_tokens": dice.choice((0, dice.randrange(50_000))),
        "input_cache_write_tokens": written,
        "input_cache_write_long_tokens": long,
        "cache_writes": tuple((ttl, count) for ttl, count in ((300.0, written), (3600.0, long)) if count),
        "output_visible_tokens": dice.randrange(1, 3_000),
        "output_reasoning_tokens": dice.choice((0, dice.randrange(3_000))),
        "account": "charged",
        "price_version": "genai-prices-0",
        **more,
    }
    row = AttemptRow(**fields)
    if "cost_picos" not in more:
        row.cost_picos = sheet_cost(provider, model, row)
    return row


def call(number: int, **more: Any) -> CallRow:
    found: dict[str, Any] = {
        "call_id": f"{number:032x}",
        "request_id": f"r{number}",
        "tenant": "acme",
        "team": "search",
    }
    found |= {"method": "ChatService/Complete", "route": "smart", "attempts": 1, "started_unix_s": START + DAY_S}
    return CallRow(**{**found, **more})


@pytest.fixture(scope="module")
def book() -> Book:
    """Attempts at both models, some of which failed, cost nothing or have no known cost."""
    dice = random.Random(5)
    rows = [attempt(dice, number, *FROM) for number in range(600)]
    rows += [attempt(dice, 600 + number, *TO, outcome=dice.choice(("SUCCEEDED", "FAILED"))) for number in range(90)]
    rows += [
        attempt(dice, 700, *FROM, cost_picos=None),
        attempt(dice, 701, *FROM, cost_picos=0, account="unbilled", outcome="FAILED"),
        attempt(dice, 702, *FROM, other_units={"advisor_message_input_tokens": 1}, cost_picos=5),
        attempt(dice, 703, *FROM, account="overhead", outcome="HEDGE_LOST"),
    ]
    return Book([call(number, team="search" if number % 2 else "shop") for number in range(704)], rows)


@pytest.fixture(scope="module")
async def ledger(book: Book, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LedgerReader]:
    section = StoreSection(path=tmp_path_factory.mktemp("reprice") / "ledger.db")
    database = Sqlite(section)
    await fill(database, book)
    await database.close()
    reading = LedgerReader(SqliteReader(section))
    yield reading
    await reading.close()


async def test_every_attempt_is_priced_again_as_an_independent_recount_says(ledger: LedgerReader, book: Book) -> None:
    request = RepriceRequest(origin=ModelAt(*FROM), other=ModelAt(*TO), span=MONTH)
    found = await reprice(ledger, quotes(), request, "acme")
    meant = [row for row in book.attempts if row.provider == FROM[0] and row.cost_picos and not row.other_units]
    assert (found.attempts, found.unpriced) == (len(meant), 2)
    assert found.picos == sum(row.cost_picos or 0 for row in meant)
    assert found.other_picos == sum(sheet_cost(*TO, row) for row in meant)
    counts = {one.name: one.count for one in found.classes}
    assert counts["input_cache_read_tokens"] == sum(row.input_cache_read_tokens for row in meant)
    assert counts["output_reasoning_tokens"] == sum(row.output_reasoning_tokens for row in meant)


async def test_the_classes_add_up_to_both_costs(ledger: LedgerReader) -> None:
    """To a pico for each class and each row, by which roundings may differ."""
    request = RepriceRequest(origin=ModelAt(*FROM), other=ModelAt(*TO), span=MONTH)
    found = await reprice(ledger, quotes(), request, "acme")
    assert sum(one.picos or 0 for one in found.classes) == pytest.approx(found.picos, abs=found.attempts, rel=0)
    assert sum(one.other_picos or 0 for one in found.classes) == pytest.approx(
        found.other_picos, abs=found.attempts, rel=0
    )


async def test_filters_hold_for_both_sides(ledger: LedgerReader, book: Book) -> None:
    only = (Filter(By(Dimension.TEAM), ("shop",)),)
    request = RepriceRequest(origin=ModelAt(*FROM), other=ModelAt(*TO), span=MONTH, filters=only)
    found = await reprice(ledger, quotes(), request, "acme")
    shop = {one.call_id for one in book.calls if one.team == "shop"}
    meant = [row for row in book.attempts if row.provider == FROM[0] and row.call_id in shop]
    assert found.picos == sum(row.cost_picos or 0 for row in meant if not row.other_units)
    assert found.other_went.attempts == sum(row.provider == TO[0] and row.call_id in shop for row in book.attempts)


async def test_how_both_went_is_told_by_exact_quantiles(ledger: LedgerReader, book: Book) -> None:
    request = RepriceRequest(origin=ModelAt(*FROM), other=ModelAt(*TO), span=MONTH)
    found = await reprice(ledger, quotes(), request, None)
    for went, provider in ((found.went, FROM[0]), (found.other_went, TO[0])):
        rows = [row for row in book.attempts if row.provider == provider]
        times = sorted(row.total_s for row in rows if row.outcome == "SUCCEEDED")
        assert went.attempts == len(rows)
        assert went.failed == sum(row.outcome == "FAILED" for row in rows)
        assert went.total_p50_s == times[-(-len(times) * 50 // 100) - 1]
        assert went.total_p95_s == times[-(-len(times) * 95 // 100) - 1]


async def test_another_tenants_attempts_are_not_priced(ledger: LedgerReader) -> None:
    request = RepriceRequest(origin=ModelAt(*FROM), other=ModelAt(*TO), span=MONTH)
    found = await reprice(ledger, quotes(), request, "globex")
    assert (found.attempts, found.picos, found.went.attempts, found.went.total_p50_s) == (0, 0, 0, None)


async def test_a_ledger_that_is_not_there_is_told_as_that(tmp_path: Path) -> None:
    reading = LedgerReader(SqliteReader(StoreSection(path=tmp_path / "none.db")))
    with pytest.raises(LedgerUnavailable):
        await reading.page(MONTH, (), None, None, 10)
    assert not (tmp_path / "none.db").exists()
    await reading.close()


async def test_a_statement_tells_discounts_savings_overhead_and_forecast(tmp_path: Path) -> None:
    """Each by a recount of its own."""
    dice = random.Random(9)
    reduced = (100 - DISCOUNT) / 100
    agreed = [
        attempt(dice, number, "openai", "gpt-4o", price_version="genai-prices-0+abc", cost_picos=0)
        for number in range(40)
    ]
    for row in agreed:
        full = Decimal(sheet_cost("openai", "gpt-4o", row))
        row.cost_picos = int((full * reduced).to_integral_value(ROUND_HALF_EVEN))
    cached = [attempt(dice, 100 + number, *FROM) for number in range(40)]
    plain = {"input_cache_read_tokens": 0, "input_cache_write_tokens": 0, "input_cache_write_long_tokens": 0}
    down = [
        attempt(dice, 200 + number, "anthropic", "claude-haiku-4-5", **plain, cache_writes=()) for number in range(10)
    ]
    lost = [attempt(dice, 300 + number, *TO, account="overhead", outcome="HEDGE_LOST") for number in range(5)]
    rows = [*agreed, *cached, *down, *lost]
    calls = [call(int(row.call_id, 16), started_unix_s=row.started_unix_s) for row in rows]
    calls = [
        call(int(one.call_id, 16), started_unix_s=one.started_unix_s, downgraded_from="claude-opus-4-6")
        if 200 <= int(one.call_id, 16) < 210
        else one
        for one in calls
    ]
    calls += [call(400 + number, cache="hit", attempts=0) for number in range(7)]
    section = StoreSection(path=tmp_path / "ledger.db")
    database = Sqlite(section)
    await fill(database, Book(calls, rows))
    reading = LedgerReader(SqliteReader(section))
    found = await statement(reading, quotes(), StatementRequest(span=MONTH), "acme", now_unix_s=NOW)
    (line,) = found.lines
    assert line.sum.cost_picos == sum(row.cost_picos or 0 for row in rows)
    whole = sum(sheet_cost("openai", "gpt-4o", row) for row in agreed)
    assert line.discount_picos == whole - sum(row.cost_picos or 0 for row in agreed)
    assert line.prompt_cache_picos == _cache_savings([*agreed, *cached, *lost], reduced)
    dearer = sum(sheet_cost("anthropic", "claude-opus-4-6", row) for row in down)
    assert line.downgrade_picos == dearer - sum(row.cost_picos or 0 for row in down)
    assert line.sum.overhead_picos == sum(row.cost_picos or 0 for row in lost)
    answers = len(rows)
    average = Decimal(line.sum.charged_picos * 7) / answers
    assert line.response_cache_picos == int(average.to_integral_value(ROUND_HALF_EVEN))
    newest = sum(row.cost_picos or 0 for row in rows if row.started_unix_s >= NOW - 7 * DAY_S)
    pace = Decimal(newest) * 10 / 7
    assert line.forecast_picos == line.sum.cost_picos + int(pace.to_integral_value(ROUND_HALF_EVEN))
    assert line.net_picos == (
        line.discount_picos
        + line.prompt_cache_picos
        + line.response_cache_picos
        + line.downgrade_picos
        - line.sum.overhead_picos
    )
    over = await statement(reading, quotes(), StatementRequest(span=MONTH), "acme", now_unix_s=NOW + 90 * DAY_S)
    assert over.lines[0].forecast_picos == over.lines[0].sum.cost_picos
    other = await statement(reading, quotes(), StatementRequest(span=MONTH, team="none"), "acme", now_unix_s=NOW)
    assert (other.lines, other.total.sum.cost_picos) == ((), 0)
    await reading.close()
    await database.close()


def _cache_savings(rows: list[AttemptRow], reduced: Decimal) -> int:
    """What the same tokens would have cost without a cache, less what they cost with one, at prices of today."""
    saved = 0
    for row in rows:
        if row.input_cache_read_tokens or row.cache_writes:
            factor = reduced if row.provider == "openai" else Decimal(1)
            without, with_cache = (
                int((sheet_cost(row.provider, row.model, row, cached=one) * factor).to_integral_value(ROUND_HALF_EVEN))
                for one in (False, True)
            )
            saved += without - with_cache
    return saved
