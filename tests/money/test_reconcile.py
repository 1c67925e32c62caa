"""`hedgerow reconcile`: the ledger beside providers' exports, with and without seeded errors."""

import asyncio
import datetime as dt
import gzip
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

import msgspec
import pytest
from hedgerow.usage.v1.usage_service_pb2 import QuerySpendRequest, QuerySpendResponse
from hedgerow_client.books import compare
from hedgerow_client.cli import reconcile as verb
from hedgerow_client.cli.verbs import build
from hedgerow_server.core.call import Call, Kind, Method
from hedgerow_server.core.event import Events, UsageTold
from hedgerow_server.ledger.query import LedgerReader
from hedgerow_server.store.ledger_rows import AttemptRow, CallRow
from hedgerow_server.store.reading import SqliteReader
from hedgerow_server.store.section import StoreSection
from hedgerow_server.store.sqlite import Sqlite
from hedgerow_server.wire.check import Checker
from hedgerow_server.wire.usage import UsageDecoder
from hedgerow_server.wire.usage_answers import UsageAnswerBytes
from money.books import Book, fill
from money.exports import (
    anthropic_costs,
    anthropic_usage,
    aws_explorer,
    aws_report,
    day_of,
    grouped,
    openai_costs,
    openai_usage,
)
from typer.testing import CliRunner, Result

START = dt.datetime(2026, 11, 2, tzinfo=dt.UTC).timestamp()
DAYS = 9
MODELS = {
    "openai": (("gpt-4o-mini", "gpt-4o-mini-2024-07-18"), ("gpt-5", "gpt-5-2025-08-07"), ("gpt-5.6", "")),
    "anthropic": (("claude-sonnet-4-5", "claude-sonnet-4-5-20250929"), ("claude-haiku-4-5", "")),
    "bedrock": (("us.anthropic.claude-sonnet-4-5-20250929-v1:0", ""), ("amazon.nova-lite-v1:0", "")),
}
EXPORTS: dict[str, tuple[str, list[Callable[[Any], str]], str]] = {
    "openai": ("openai", [openai_usage, openai_costs], "json"),
    "anthropic": ("anthropic", [anthropic_usage, anthropic_costs], "json"),
    "aws": ("bedrock", [lambda groups: aws_report(groups, legacy=False)], "csv"),
    "aws-legacy": ("bedrock", [lambda groups: aws_report(groups, legacy=True)], "csv"),
}
_DECODER = UsageDecoder(Checker(1 << 20))


def rows_of(provider: str, count: int = 300, seed: int = 4) -> list[AttemptRow]:
    """Attempts at a provider, of all classes that its exports tell apart; some cost nothing."""
    dice, found = random.Random(seed), []
    for number in range(count):
        model, served = dice.choice(MODELS[provider])
        long = dice.choice((0, dice.randrange(500))) if provider == "anthropic" else 0
        found.append(
            AttemptRow(
                call_id=f"{number:032x}",
                number=1,
                provider=provider,
                model=model,
                served_model=served,
                kind="PRIMARY",
                outcome="SUCCEEDED",
                started_unix_s=START + dice.random() * DAYS * 86_400,
                input_uncached_tokens=dice.randrange(1, 5_000),
                input_cache_read_tokens=dice.choice((0, dice.randrange(5_000))),
                input_cache_write_tokens=dice.choice((0, dice.randrange(500))),
                input_cache_write_long_tokens=long,
                output_visible_tokens=dice.randrange(1, 900),
                output_reasoning_tokens=0 if provider == "bedrock" else dice.randrange(900),
                cost_picos=dice.randrange(10**6, 10**11),
                account=dice.choice(("charged", "overhead")),
            )
        )
    return found


async def _nothing(_: Call) -> Events:
    return
    yield


class InProcess:
    """The gateway's answers to QuerySpend, without a gateway: decoder, ledger and encoder are the real ones."""

    def __init__(self, reading: LedgerReader, loop: asyncio.AbstractEventLoop) -> None:
        self._reading = reading
        self._loop = loop

    def query_spend(self, request: QuerySpendRequest) -> QuerySpendResponse:
        method = Method("/QuerySpend", Kind.UNARY, _DECODER.query_spend, _nothing)
        asked = _DECODER.query_spend(Call(method, {}, request.SerializeToString()))
        told = asyncio.run_coroutine_threadsafe(self._reading.spend(asked, None), self._loop).result(30)
        answer = UsageAnswerBytes()
        answer.add(UsageTold(told))
        return QuerySpendResponse.FromString(answer.encode())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


@asynccontextmanager
async def ledger(rows: list[AttemptRow], folder: Path) -> AsyncIterator[LedgerReader]:
    section = StoreSection(path=folder / "ledger.db")
    database = Sqlite(section)
    calls = [
        CallRow(call_id=call_id, request_id="r", method="m", route="r", started_unix_s=START)
        for call_id in {row.call_id for row in rows}
    ]
    await fill(database, Book(calls, rows))
    await database.close()
    reading = LedgerReader(SqliteReader(section))
    yield reading
    await reading.close()


async def reconciled(
    monkeypatch: pytest.MonkeyPatch, folder: Path, ours: list[AttemptRow], texts: dict[str, str | bytes], *more: str
) -> Result:
    """What the verb says of exports beside a ledger with these rows."""
    paths = [folder / name for name in texts]
    for path, text in zip(paths, texts.values(), strict=True):
        path.write_bytes(text.encode() if isinstance(text, str) else text)
    async with ledger(ours, folder) as reading:
        client = InProcess(reading, asyncio.get_running_loop())
        monkeypatch.setattr(verb, "connect_usage", lambda *_: client)
        line = ["reconcile", *map(str, paths), *more]
        return await asyncio.to_thread(CliRunner().invoke, build(), line, env={"COLUMNS": "200", "NO_COLOR": "1"})


def exported(kind: str, rows: list[AttemptRow]) -> dict[str, str | bytes]:
    """The files that a provider has of these rows."""
    _, makers, ending = EXPORTS[kind]
    return {f"{number}.{ending}": make(grouped(rows)) for number, make in enumerate(makers)}


@pytest.mark.parametrize("kind", EXPORTS)
async def test_equal_books_agree(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str) -> None:
    rows = rows_of(EXPORTS[kind][0])
    result = await reconciled(monkeypatch, tmp_path, rows, exported(kind, rows))
    assert (result.exit_code, result.stdout) == (0, ""), result.output
    assert "0 differ" in result.stderr


SEEDED: dict[str, Callable[[list[AttemptRow]], list[AttemptRow]]] = {
    "an attempt is missing": lambda rows: rows[1:],
    "an attempt is there twice": lambda rows: [*rows, msgspec.structs.replace(rows[0], call_id="f" * 32)],
    "a token is missing": lambda rows: _changed(rows, output_visible_tokens=rows[0].output_visible_tokens - 1),
    "a token too many": lambda rows: _changed(rows, input_cache_read_tokens=rows[0].input_cache_read_tokens + 1),
    "cached tokens count as uncached": lambda rows: _changed(
        rows,
        input_uncached_tokens=rows[0].input_uncached_tokens + 7,
        input_cache_read_tokens=rows[0].input_cache_read_tokens - 7,
    ),
    "it stands on the next day": lambda rows: _changed(rows, started_unix_s=rows[0].started_unix_s + 86_400),
    "it stands at another model": lambda rows: _changed(rows, model="quite-another", served_model=""),
    "a cent too much": lambda rows: _changed(rows, cost_picos=(rows[0].cost_picos or 0) + 10**10),
    "its cost is not known": lambda rows: _changed(rows, cost_picos=None),
}


def _changed(rows: list[AttemptRow], **fields: Any) -> list[AttemptRow]:
    return [msgspec.structs.replace(rows[0], **fields), *rows[1:]]


@pytest.mark.parametrize("kind", EXPORTS)
@pytest.mark.parametrize("error", SEEDED)
async def test_every_seeded_error_is_found_where_it_is_and_nowhere_else(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str, error: str
) -> None:
    theirs = sorted(rows_of(EXPORTS[kind][0]), key=lambda row: row.started_unix_s)
    first = next(row for row in theirs if row.input_cache_read_tokens >= 7 and row.output_visible_tokens > 1)
    theirs = [first, *(row for row in theirs if row is not first)]
    ours = SEEDED[error](theirs)
    result = await reconciled(monkeypatch, tmp_path, ours, exported(kind, theirs), "--json")
    told = {(line["day"], line["model"], line["class"]) for line in map(json.loads, result.stdout.splitlines())}
    assert result.exit_code == 1
    assert told == _where(ours, theirs)


def _where(ours: list[AttemptRow], theirs: list[AttemptRow]) -> set[tuple[str, str, str]]:
    """Where two lists of rows differ."""
    classes = {
        "input": ("input_uncached_tokens",),
        "cache_read": ("input_cache_read_tokens",),
        "cache_write": ("input_cache_write_tokens",),
        "cache_write_long": ("input_cache_write_long_tokens",),
        "output": ("output_visible_tokens", "output_reasoning_tokens"),
        "cost": ("cost_picos",),
    }
    balance: Counter[tuple[str, str, str]] = Counter()
    for sign, rows in ((1, ours), (-1, theirs)):
        for row in rows:
            for name, fields in classes.items():
                amount = sum(getattr(row, field) or 0 for field in fields)
                balance[day_of(row), row.served_model or row.model, name] += sign * amount
    return {place for place, amount in balance.items() if amount}


async def test_several_errors_are_all_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A tenth of the rows is wrong, each in its own way."""
    dice = random.Random(8)
    theirs = rows_of("anthropic", 500)
    ours: list[AttemptRow] = []
    for number, row in enumerate(theirs):
        if number % 10:
            ours.append(row)
        else:
            ours += SEEDED[dice.choice(list(SEEDED))]([row])
    ours = [row for at, row in enumerate(ours) if row.call_id != "f" * 32 or at == len(ours)]
    result = await reconciled(monkeypatch, tmp_path, ours, exported("anthropic", theirs), "--json")
    told = {(line["day"], line["model"], line["class"]) for line in map(json.loads, result.stdout.splitlines())}
    last = max(map(day_of, theirs))
    assert told == {place for place in _where(ours, theirs) if place[0] <= last}


async def test_differences_are_printed_with_both_figures_and_a_sum(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    rows = rows_of("openai")
    result = await reconciled(monkeypatch, tmp_path, rows[1:], exported("openai", rows))
    assert result.exit_code == 1
    assert result.stdout.splitlines()[0].split() == ["DAY", "MODEL", "CLASS", "LEDGER", "PROVIDER", "DIFFERENCE"]
    assert f"{rows[0].served_model or rows[0].model}" in result.stdout
    assert "the ledger's cost" in result.stderr


async def test_cost_explorers_file_is_compared_by_money_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    rows = rows_of("bedrock")
    text = aws_explorer(grouped(rows))
    agreeing = await reconciled(monkeypatch, tmp_path, rows, {"a.csv": text})
    assert (agreeing.exit_code, agreeing.stdout) == (0, ""), agreeing.output
    (tmp_path / "ledger.db").unlink()
    differing = await reconciled(monkeypatch, tmp_path, _changed(rows, cost_picos=1), {"a.csv": text}, "--json")
    assert [json.loads(line)["class"] for line in differing.stdout.splitlines()] == ["cost"]


async def test_a_packed_file_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    rows = rows_of("bedrock")
    packed = gzip.compress(aws_report(grouped(rows), legacy=False).encode())
    result = await reconciled(monkeypatch, tmp_path, rows, {"a.csv.gz": packed})
    assert result.exit_code == 0


async def test_models_that_are_called_otherwise_are_mapped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    theirs = rows_of("bedrock")
    ours = [msgspec.structs.replace(row, model=row.model.replace("amazon.nova-lite-v1:0", "our-own")) for row in theirs]
    unmapped = await reconciled(monkeypatch, tmp_path, ours, exported("aws", theirs))
    assert unmapped.exit_code == 1
    (tmp_path / "ledger.db").unlink()
    mapped = await reconciled(monkeypatch, tmp_path, ours, exported("aws", theirs), "--map", "NovaLite=our-own")
    assert mapped.exit_code == 0, mapped.output


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.json", "{}", "neither a Cost and Usage Report nor pages"),
        ("a.json", '{"data": [', "ends within a page"),
        ("a.json", '{"data": [{"object": "bucket", "start_time": 1, "results": [}', "not JSON"),
        ("a.json", '{"data": [1]}', "no object"),
        ("a.json", '{"data": [{"x": 1}]}', "another API"),
        ("a.csv", "a,b\n1,2\n", "neither a Cost and Usage Report nor pages"),
    ],
)
async def test_a_file_that_is_no_export_is_told_as_that(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, text: str, said: str
) -> None:
    result = await reconciled(monkeypatch, tmp_path, [], {name: text})
    assert (result.exit_code, said in result.stderr) == (1, True), result.output


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Claude4.5Sonnet", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ("Claude Sonnet 4.5 (Amazon Bedrock Edition)", "anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ("NovaLite", "amazon.nova-lite-v1:0"),
        ("gpt-4o-mini-2024-07-18", "gpt-4o-mini"),
    ],
)
def test_names_of_one_model_are_alike(one: str, other: str) -> None:
    assert compare.alike(one) == compare.alike(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("Claude4.5Sonnet", "anthropic.claude-opus-4-5"), ("gpt-4o", "gpt-4o-mini"), ("gpt-5", "gpt-5.1")],
)
def test_names_of_different_models_are_not(one: str, other: str) -> None:
    assert compare.alike(one) != compare.alike(other)


def test_a_name_that_several_models_are_like_stands_for_itself() -> None:
    names = compare.renamed(["gpt-4o"], ["gpt-4o-2024-05-13", "gpt-4o-2024-08-06"], {})
    assert names == {"gpt-4o": "gpt-4o"}
