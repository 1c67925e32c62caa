"""What /metrics tells of the ledger."""

from pathlib import Path

from hedgerow_server.ledger.ledger import Ledger
from hedgerow_server.ledger.numbers import LedgerNumbers
from money.driver import SEGMENT
from money.test_spool import AilingStore, closed, made, opened, running, until, used_up


def numbers(ledger: Ledger) -> dict[str, float]:
    """All of them by name."""
    return {sample.name: sample.value for metric in LedgerNumbers(ledger)() for sample in metric.samples}


async def test_a_ledger_that_is_well_takes_calls_and_its_store_is_not_behind(tmp_path: Path) -> None:
    async with running(tmp_path, AilingStore()) as one:
        made(one, 5)
        await until(lambda: numbers(one)["hedgerow_ledger_behind_seconds"] < 1, "the store follows")
        await until(lambda: numbers(one)["hedgerow_ledger_spool_bytes"] == 2 * SEGMENT, "the next segment is there")
        told = numbers(one)
    assert told["hedgerow_ledger_admitting"] == 1
    assert told["hedgerow_ledger_rejected_total"] == 0
    assert told["hedgerow_ledger_spool_max_bytes"] == 8 * SEGMENT


async def test_while_the_store_is_away_it_falls_behind_and_a_spool_that_is_full_takes_no_calls(tmp_path: Path) -> None:
    store = AilingStore()
    store.away = True
    async with running(tmp_path, store) as one:
        made(one)
        await until(lambda: numbers(one)["hedgerow_ledger_behind_seconds"] > 1, "the store falls behind")
        await until(lambda: used_up(one) and not numbers(one)["hedgerow_ledger_admitting"], "no more calls are taken")
        store.away = False
        await until(lambda: numbers(one)["hedgerow_ledger_admitting"], "calls are taken again")
        await until(lambda: numbers(one)["hedgerow_ledger_behind_seconds"] < 1, "the store has caught up")


async def test_a_record_that_the_store_takes_from_nobody_is_counted(tmp_path: Path) -> None:
    store = AilingStore()
    async with running(tmp_path, store) as one:
        store.hated = "unloved"
        call, books = opened(one)
        call.request_id = store.hated
        closed(call, books)
        await until(lambda: numbers(one)["hedgerow_ledger_rejected_total"] == 1, "it is put aside")
