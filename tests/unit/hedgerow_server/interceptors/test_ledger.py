"""Which calls are written down, and what the last event waits for."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hedgerow_server.core.call import Call, Outcome
from hedgerow_server.core.error import LedgerUnavailable
from hedgerow_server.core.event import Completed, Event, Events, FinishReason, Started, Usage
from hedgerow_server.core.request import EstimateRequest
from hedgerow_server.interceptors.ledger import Bookkeeping
from hedgerow_server.ledger.ledger import Ledger
from money.driver import new_call
from money.test_spool import AilingStore, running

DONE = Completed(FinishReason.STOP, "stop", Usage(final=True))


async def answer() -> Events:
    yield Started("sim", "m")
    yield DONE


@asynccontextmanager
async def kept(folder: Path, **section: object) -> AsyncIterator[tuple[Ledger, AilingStore]]:
    store = AilingStore()
    async with running(folder, store, **section) as ledger:
        yield ledger, store


async def served(interceptor: Bookkeeping, call: Call) -> list[Event]:
    """As the chain would."""
    await interceptor.admit(call)
    events = [event async for event in interceptor.wrap(call, answer())]
    interceptor.settle(call, Outcome(terminal=events[-1]))
    return events


async def test_a_call_that_may_cost_something_has_books_and_an_id_of_its_own(tmp_path: Path) -> None:
    async with kept(tmp_path) as (ledger, store):
        call, _ = new_call()
        assert (await served(Bookkeeping(ledger), call))[-1] is DONE
        await ledger.stored()
        assert len(call.call_id) == 32
        assert store.rows[call.call_id].code == "OK"


async def test_a_call_that_costs_nothing_leaves_no_row(tmp_path: Path) -> None:
    async with kept(tmp_path) as (ledger, store):
        call, request = new_call()
        call.request = EstimateRequest(spec=request.spec)
        await served(Bookkeeping(ledger), call)
        await ledger.stored()
        assert (call.books, store.rows) == (None, {})


async def test_nobody_is_let_in_whose_call_could_not_be_written_down(tmp_path: Path) -> None:
    async with kept(tmp_path) as (ledger, _):
        shut = Ledger(ledger._section, tmp_path / "elsewhere", AilingStore(), ledger._estimate)
        call, _ = new_call()
        with pytest.raises(LedgerUnavailable):
            await Bookkeeping(shut).admit(call)
        assert call.books is None


async def test_with_durability_fsync_the_last_event_waits_for_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with kept(tmp_path, durability="fsync") as (ledger, store):
        gate = asyncio.Event()
        numbers: list[int] = []

        async def synced(number: int) -> None:
            numbers.append(number)
            await gate.wait()

        monkeypatch.setattr(ledger, "synced", synced)
        call, _ = new_call()
        interceptor = Bookkeeping(ledger)
        await interceptor.admit(call)
        events = interceptor.wrap(call, answer())
        assert isinstance(await anext(events), Started)
        last = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0)
        assert (last.done(), numbers) == (False, [1])
        gate.set()
        assert await last is DONE
        interceptor.settle(call, Outcome(terminal=DONE))
        await events.aclose()
        await ledger.stored()
        assert list(store.rows) == [call.call_id]
