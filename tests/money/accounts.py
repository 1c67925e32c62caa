"""The ledger held against the simulator's book: every request that reached a provider, by its call.

Each call has a request id of its own, which is its traceparent too: so a row of the ledger and an entry of the book are
known to be of the same call. `python -m money.accounts STORE SIMULATOR-URL` prints what differs.
"""

import json
import sqlite3
import sys
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Iterator
from pathlib import Path
from typing import Any

from hedgerow_server.store.ledger import ATTEMPT_COLUMNS, CALL_COLUMNS, attempt_row, call_row
from hedgerow_server.store.ledger_rows import AttemptRow, CallRow

_INPUT = (
    "input_uncached_tokens",
    "input_cache_read_tokens",
    "input_cache_write_tokens",
    "input_cache_write_long_tokens",
    "input_audio_tokens",
    "input_image_tokens",
)
_OUTPUT = ("output_visible_tokens", "output_reasoning_tokens", "output_audio_tokens", "output_image_tokens")
CLASSES = (*_INPUT, *_OUTPUT)
Entry = dict[str, Any]
_REFUSED = 400
_SLACK = 4
"""How far an estimate of the input may be off: so many times."""


def ledger(store: Path) -> tuple[list[CallRow], list[AttemptRow]]:
    """All rows of a SQLite store."""
    connection = sqlite3.connect(f"file:{store}?mode=ro", uri=True)
    try:
        calls = connection.execute(f"SELECT {CALL_COLUMNS} FROM ledger_call ORDER BY call_id").fetchall()
        attempts = connection.execute(
            f"SELECT {ATTEMPT_COLUMNS} FROM ledger_attempt ORDER BY call_id, number"
        ).fetchall()
    finally:
        connection.close()
    return [call_row(row) for row in calls], [attempt_row(row) for row in attempts]


def book(sim_url: str) -> list[Entry]:
    """All entries of the simulator's book."""
    with urllib.request.urlopen(f"{sim_url}/_sim/book", timeout=30) as response:
        entries: list[Entry] = json.load(response)["calls"]
    return entries


def tokens(row: AttemptRow | CallRow) -> tuple[int, int]:
    """Input and output tokens that are paid for. Cohere tells them apart from what the model read and wrote."""
    read, wrote = sum(getattr(row, name) for name in _INPUT), sum(getattr(row, name) for name in _OUTPUT)
    return row.other_units.get("billed_input_tokens", read), row.other_units.get("billed_output_tokens", wrote)


def differences(
    calls: Iterable[CallRow],
    attempts: Iterable[AttemptRow],
    entries: Iterable[Entry],
    *,
    by: str = "call",
    unbilled: Container[str] = (),
) -> list[str]:
    """What differs between the ledger and the book, a line each.

    Every entry has a row, every row that got an answer an entry. What a provider has counted is equal to the token. An
    estimate says that it is one: of it only the input must be about what was billed. Requests are known by their `call`
    or, where each provider (`/_sim/as/NAME`) is of one test only, by that ("provider"). What a provider counts for the
    models of `unbilled` it does not bill.
    """
    calls, attempts = list(calls), list(attempts)
    found = list(_within(calls, attempts, unique=by == "call"))
    names = {call.call_id: call.request_id for call in calls}
    rows: dict[str, list[AttemptRow]] = defaultdict(list)
    for attempt in attempts:
        rows[names.get(attempt.call_id, "?") if by == "call" else attempt.provider].append(attempt)
    booked: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        booked[entry["headers"].get("traceparent", "?") if by == "call" else entry["provider"]].append(entry)
    for name in sorted({*rows, *booked}):
        found += _paired(name, rows[name], booked[name], unbilled)
    return found


def _within(calls: list[CallRow], attempts: list[AttemptRow], *, unique: bool) -> Iterator[str]:
    """What the rows of one call say that those of its attempts do not."""
    by_call: dict[str, list[AttemptRow]] = defaultdict(list)
    for attempt in attempts:
        by_call[attempt.call_id].append(attempt)
    twice = [name for name, times in Counter(call.request_id for call in calls).items() if times > 1]
    yield from (f"{name}: in the ledger more than once" for name in twice if unique)
    known = {call.call_id for call in calls}
    yield from (f"{call_id}: attempts without a call" for call_id in by_call if call_id not in known)
    for call in calls:
        own = by_call[call.call_id]
        charged = [one for one in own if one.account == "charged"]
        for name in CLASSES:
            total = sum(getattr(one, name) for one in charged)
            if total != getattr(call, name):
                yield f"{call.request_id}: {name} {getattr(call, name)}, its attempts {total}"
        for account in ("charged", "overhead"):
            total = sum(one.cost_picos or 0 for one in own if one.account == account)
            if total != getattr(call, f"{account}_picos"):
                yield f"{call.request_id}: {account} {getattr(call, f'{account}_picos')}, its attempts {total}"
        if call.cost_picos != call.charged_picos + call.overhead_picos:
            yield f"{call.request_id}: costs {call.cost_picos}, of which {call.charged_picos} + {call.overhead_picos}"
        if [one.number for one in own] != list(range(1, call.attempts + 1)):
            yield f"{call.request_id}: {call.attempts} attempts, numbered {[one.number for one in own]}"


def _paired(name: str, rows: list[AttemptRow], entries: list[Entry], unbilled: Container[str]) -> Iterator[str]:
    """What differs for the requests of one call, or to one provider, oldest first on both sides."""
    # Some never got there, or not so far that there was a model to be read.
    sent = [row for row in rows if row.upstream_status]
    if not len(sent) <= len(entries) <= len(rows):
        yield f"{name}: {len(rows)} rows, {len(sent)} of them answered, {len(entries)} in the book"
        return
    rows = [*sent, *(row for row in rows if not row.upstream_status)][: len(entries)]
    # Those that run beside each other are told apart by how they ended.
    rows = sorted(rows, key=lambda row: (row.upstream_status >= _REFUSED, row.started_unix_s))
    entries = sorted(entries, key=lambda entry: ((entry["status"] or 0) >= _REFUSED, entry["started_unix"]))
    for row, entry in zip(rows, entries, strict=False):
        yield from (f"{name}: {line}" for line in _compared(row, entry, unbilled))


def _compared(row: AttemptRow, entry: Entry, unbilled: Container[str]) -> Iterator[str]:
    """What differs for one request."""
    billed = entry["billed_input_tokens"], entry["billed_output_tokens"]
    counted = tokens(row)
    status = entry["status"]
    if row.upstream_status and status and (row.upstream_status >= _REFUSED) != (status >= _REFUSED):
        yield f"status {row.upstream_status}, in the book {status}"
    if row.model in unbilled or (row.outcome == "CANCELLED" and row.account == "unbilled"):
        # The second: its caller left before anything came. What was on its way then nobody can know.
        return
    if not row.estimated and counted != billed:
        yield f"{counted} tokens ({row.outcome}), in the book {billed}"
    elif row.estimated and billed[0] and not billed[0] / _SLACK <= counted[0] <= billed[0] * _SLACK:
        yield f"about {counted[0]} input tokens ({row.outcome}), in the book {billed[0]}"
    elif row.estimated and not sum(billed) and row.outcome == "SUCCEEDED":
        yield f"about {counted} tokens ({row.outcome}), in the book nothing"


def main() -> None:
    """Prints the differences and a closing line."""
    store, sim_url = sys.argv[1:]
    calls, attempts = ledger(Path(store))
    entries = book(sim_url)
    found = differences(calls, attempts, entries)
    sizes = f"{len(calls)} calls, {len(attempts)} attempts, {len(entries)} requests in the book"
    sys.stdout.writelines(f"{line}\n" for line in (*found, f"{sizes}: {len(found)} differences"))
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
