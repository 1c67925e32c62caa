"""What the ledger costs a call, and how many rows a second reach the store.

The first figure is CPU of the event loop's own thread for one call with one attempt: its books, both writes, nothing
else. The second adds the threads that sync and store. The last one is how fast what waits in the spool gets into the
store, in rows (two a call) a second, with one core to itself.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack, suppress
from pathlib import Path

import uvloop

# Instead of this folder, whose `money` is another.
sys.path[0] = str(Path(__file__).resolve().parents[1])

import postgres
import pytest
from hedgerow_server.core.call import Outcome
from hedgerow_server.core.event import AttemptOutcome
from hedgerow_server.core.secret import Secret
from hedgerow_server.ledger.ledger import Ledger
from hedgerow_server.ledger.section import LedgerSection
from hedgerow_server.store.ledger import StoredLedger
from hedgerow_server.store.opened import opened
from hedgerow_server.store.port import Database
from hedgerow_server.store.section import StoreSection
from money.driver import attempt, ended, estimate, new_call

_GOAL_US = 20.0
_BURST = 200


def one_call(ledger: Ledger) -> float:
    """A call's books; returns the seconds of CPU that they took."""
    call, request = new_call()
    record = attempt(call)
    before_s = time.thread_time()
    books = call.books = ledger.books(call, request)
    books.open(record, credential="openai-main", request_bytes=1200)
    opened_s = time.thread_time()
    ended(record, AttemptOutcome.SUCCEEDED, 1000)
    closing_s = time.thread_time()
    books.close(record)
    books.settle(Outcome())
    books.let_go()
    return opened_s - before_s + time.thread_time() - closing_s


async def path(ledger: Ledger, calls: int) -> tuple[float, float]:
    """Microseconds of CPU a call: in the event loop, in the least disturbed of many bursts, and in all threads."""
    whole_s, bursts = time.process_time(), []
    for _ in range(calls // _BURST):
        bursts.append(sum(one_call(ledger) for _ in range(_BURST)) / _BURST)
        await asyncio.sleep(0.01)
    await ledger.stored()
    return min(bursts) * 1e6, (time.process_time() - whole_s) / calls * 1e6


async def drained(ledger: Ledger, start: Callable[[], Awaitable[None]], calls: int) -> float:
    """Rows a second."""
    await asyncio.to_thread(ledger._spool.tend)
    for number in range(calls):
        one_call(ledger)
        if not number % _BURST:
            await asyncio.to_thread(ledger._spool.tend)
    since_s = time.monotonic()
    await start()
    await ledger.stored()
    return 2 * calls / (time.monotonic() - since_s)


async def measured(database: Callable[[], Database], folder: Path, rounds: int, calls: int) -> dict[str, float]:
    """All figures of a store."""
    section = LedgerSection(max_bytes=1 << 30)
    figures: dict[str, list[float]] = {"path_us": [], "whole_us": [], "drain_rows_per_s": []}
    for number in range(rounds):
        kept = database()
        ledger = Ledger(section, folder / f"spool-{number}", StoredLedger(kept), estimate)
        figures["drain_rows_per_s"].append(await drained(ledger, ledger.start, calls))
        own_us, whole_us = await path(ledger, calls)
        figures["path_us"].append(own_us)
        figures["whole_us"].append(whole_us)
        await ledger.close()
        await kept.close()
    return {name: statistics.median(found) for name, found in figures.items()}


def main() -> int:
    """Prints a table; fails where the path costs more than its share."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--calls", type=int, default=10_000)
    given = parser.parse_args()
    found: dict[str, dict[str, float]] = {}
    with ExitStack() as exits:
        folder = Path(exits.enter_context(tempfile.TemporaryDirectory()))

        def sqlite() -> Database:
            return opened(StoreSection(path=folder / "ledger.db"), _no_secret)

        stores: dict[str, Callable[[], Database]] = {"sqlite": sqlite}
        with suppress(pytest.skip.Exception):
            server = exits.enter_context(postgres.running())
            name = server.database()
            stores["postgres"] = lambda: server.opened(name, timeout_seconds=30)
        for store, database in stores.items():
            place = folder / store
            found[store] = uvloop.run(measured(database, place, given.rounds, given.calls))
    for store, figures in found.items():
        print(
            f"{store:>9}: {figures['path_us']:.1f} CPU-us a call on the path (goal {_GOAL_US:g}), "
            f"{figures['whole_us']:.1f} with the threads; {figures['drain_rows_per_s']:,.0f} rows/s into the store"
        )
    if given.json:
        given.json.write_text(json.dumps(found))
    return int(max(figures["path_us"] for figures in found.values()) > _GOAL_US)


def _no_secret(credential: str) -> Secret:
    raise AssertionError(f"{credential} is not asked for")


if __name__ == "__main__":
    sys.exit(main())
