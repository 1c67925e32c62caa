"""The ledger's rows, in SQLite and in PostgreSQL."""

import re
from typing import Any

import msgspec
import pytest
from hedgerow_server.store import ledger as stored
from hedgerow_server.store.ledger import StoredLedger
from hedgerow_server.store.ledger_rows import AttemptRow, CallRow
from hedgerow_server.store.ledger_schema import LEDGER
from hedgerow_server.store.migrations import STEPS
from hedgerow_server.store.port import Database
from hedgerow_server.store.script import Do, Script

USAGE = {
    "input_uncached_tokens": 1,
    "input_cache_read_tokens": 2,
    "input_cache_write_tokens": 3,
    "input_cache_write_long_tokens": 4,
    "input_audio_tokens": 5,
    "input_image_tokens": 6,
    "output_visible_tokens": 7,
    "output_reasoning_tokens": 8,
    "output_audio_tokens": 9,
    "output_image_tokens": 10,
    "cache_writes": ((None, 3), (3600.0, 4)),
    "other_units": {"search_units": 2},
    "estimated": True,
}


def attempt(call_id: str = "c1", number: int = 1, **more: object) -> AttemptRow:
    given = {
        "call_id": call_id,
        "number": number,
        "provider": "openai",
        "model": "gpt-4o-mini",
        "kind": "PRIMARY",
        "outcome": "SUCCEEDED",
        "started_unix_s": 1_700_000_000.25,
        "account": "charged",
        "cost_picos": 10,
        **USAGE,
        **more,
    }
    return AttemptRow(**given)  # type: ignore[arg-type]


def call(call_id: str = "c1", **more: object) -> CallRow:
    given = {
        "call_id": call_id,
        "request_id": "r",
        "tenant": "acme",
        "user": "ann",
        "labels": {"feature": "chat", "customer": "zoë"},
        "method": "ChatService/Complete",
        "route": "fast",
        "started_unix_s": 1_700_000_000.25,
        "warnings": ("MODEL_RETIRING",),
        **more,
    }
    return CallRow(**given)  # type: ignore[arg-type]


@pytest.fixture
def store(database: Database) -> StoredLedger:
    return StoredLedger(database)


async def everything(store: StoredLedger) -> list[CallRow]:
    return list(await store.calls(0, 1e12, "", 1000))


async def test_rows_come_back_as_they_were(store: StoredLedger) -> None:
    whole = call("c1", **USAGE, connect_s=0.5, first_token_s=0.25, hedged=True, lost=True, charged_picos=5)
    plain = call("c2")
    await store.keep([attempt(), attempt("c2", cost_picos=None, hedge_planned_s=0.1)], [whole, plain])
    assert await everything(store) == [whole, plain]
    assert [*await store.attempts("c1"), *await store.attempts("c2")] == [
        attempt(),
        attempt("c2", cost_picos=None, hedge_planned_s=0.1),
    ]


async def test_a_row_takes_the_place_of_the_same_call_or_attempt(store: StoredLedger) -> None:
    await store.keep([attempt(), attempt(number=2)], [call()])
    await store.keep([attempt(outcome="REPLACED", estimated=False)], [call(code="CANCELLED")])
    assert [one.outcome for one in await store.attempts("c1")] == ["REPLACED", "SUCCEEDED"]
    assert [one.code for one in await everything(store)] == ["CANCELLED"]


async def test_what_was_lost_takes_nobodys_place_and_sums_up_all_attempts(store: StoredLedger) -> None:
    kept = [attempt(), attempt(number=2, outcome="HEDGE_LOST", account="overhead", kind="HEDGE", cost_picos=3)]
    await store.keep(kept, [call("c2", code="OK")])
    lost = [attempt(outcome="LOST"), attempt(number=3, outcome="LOST", cost_picos=None)]
    await store.add_lost(lost, [call(lost=True, code="UNAVAILABLE"), call("c2", lost=True)])
    first, second = await everything(store)
    assert [one.outcome for one in await store.attempts("c1")] == ["SUCCEEDED", "HEDGE_LOST", "LOST"]
    assert (first.lost, first.charged_picos, first.overhead_picos, first.cost_picos) == (True, 10, 3, 13)
    assert (first.unpriced_attempts, first.attempts, first.hedged) == (1, 3, True)
    assert (first.input_uncached_tokens, first.output_image_tokens, first.other_units) == (2, 20, {"search_units": 4})
    assert (second.lost, second.code) == (False, "OK")


async def test_pages_are_sorted_bounded_and_within_the_time(store: StoredLedger) -> None:
    rows = [call(f"c{number}", started_unix_s=1000.0 + number) for number in range(6)]
    await store.keep([], rows)
    assert [one.call_id for one in await store.calls(1001, 1005, "", 3)] == ["c1", "c2", "c3"]
    assert [one.call_id for one in await store.calls(1001, 1005, "c3", 3)] == ["c4"]


async def test_the_oldest_are_forgotten_with_their_attempts(store: StoredLedger) -> None:
    for number in range(4):
        await store.keep([attempt(f"c{number}")], [call(f"c{number}", started_unix_s=1000.0 + number)])
    assert [await store.forget(1003, 2), await store.forget(1003, 2), await store.forget(1003, 2)] == [2, 1, 0]
    assert [one.call_id for one in await everything(store)] == ["c3"]
    assert [len(await store.attempts(f"c{number}")) for number in range(4)] == [0, 0, 0, 1]


async def test_a_user_is_taken_out_of_his_calls_which_stay(
    store: StoredLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "_WINDOW", 2)
    others = [call("c1", user="bob"), call("c3", tenant="other")]
    await store.keep([], [*others, *(call(f"c{number}") for number in (0, 2, 4, 5, 6))])
    assert [await store.erase("acme", "ann"), await store.erase("acme", "ann")] == [5, 0]
    users = {one.call_id: one.user for one in await everything(store)}
    assert users == {"c0": "", "c1": "bob", "c2": "", "c3": "ann", "c4": "", "c5": "", "c6": ""}


async def test_counts_and_texts_that_no_database_takes_are_cut_to_what_it_does(store: StoredLedger) -> None:
    """A provider may count anything, a caller say anything."""
    await store.keep([attempt(input_uncached_tokens=1 << 80)], [call(request_id="a\0b", labels={"k": "v\0w"})])
    ((row,), (kept,)) = await everything(store), await store.attempts("c1")
    assert (row.request_id, row.labels, kept.input_uncached_tokens) == ("ab", {"k": "vw"}, (1 << 63) - 1)


def test_every_field_is_a_column() -> None:
    statements = {
        words[2]: statement
        for step in STEPS
        for statement in step.statements
        if (words := statement.split())[:2] == ["CREATE", "TABLE"]
    }
    added = [
        words
        for step in STEPS
        for statement in step.statements
        if (words := statement.split())[:2] == ["ALTER", "TABLE"] and words[3:5] == ["ADD", "COLUMN"]
    ]
    for kind, table in ((CallRow, "ledger_call"), (AttemptRow, "ledger_attempt")):
        lines = statements[table].splitlines()[1:]
        columns = {line.split()[0].strip('"') for line in lines if line.strip() not in (")", "")}
        columns |= {words[5] for words in added if words[2] == table}
        assert columns - {"PRIMARY"} == {one.name for one in msgspec.structs.fields(kind)}


def as_first(table: str, row: CallRow | AttemptRow) -> Script[None]:
    """Adds a row as a router of the ledger's first version does, which knows no column that came later."""
    (made,) = (one for one in LEDGER if one.startswith(f"CREATE TABLE {table} ("))
    columns = re.findall(r'^ +"?(\w+)"? (?:INTEGER|TEXT|REAL)', made, re.MULTILINE)
    values: list[Any] = [getattr(row, name) for name in columns]
    names, places = ", ".join(f'"{name}"' for name in columns), ", ".join("?" * len(columns))
    yield Do(f"INSERT INTO {table} ({names}) VALUES ({places})", [stored._value(one) for one in values])


async def test_rows_of_a_router_of_the_first_version_are_kept_beside_those_of_this_one(database: Database) -> None:
    """What it does not know it does not write: all that came later has a default."""
    store = StoredLedger(database)
    await store.keep([attempt("c1")], [call("c1")])
    await database.change(as_first("ledger_attempt", attempt("c2")))
    await database.change(as_first("ledger_call", call("c2")))
    assert await everything(store) == [call("c1"), call("c2")]
    assert await store.attempts("c2") == [attempt("c2")]
