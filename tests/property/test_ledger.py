"""Whatever happens in whatever order, the ledger's sums hold, and nothing that was acknowledged is lost."""

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import hypothesis.strategies as st
from hedgerow_server.core.call import Outcome
from hedgerow_server.core.event import AttemptKind, AttemptOutcome, AttemptRecord
from hedgerow_server.ledger.books import CallBooks
from hedgerow_server.ledger.drain import OwnDrain, adopt
from hedgerow_server.ledger.keeping import Batch
from hedgerow_server.ledger.segment import HEAD_BYTES
from hedgerow_server.ledger.spool import Spool
from hedgerow_server.ledger.trail import Rows
from hedgerow_server.store.ledger import summed
from hedgerow_server.store.ledger_rows import AttemptRow, CallRow
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from money.driver import LOST_PICOS, attempt, ended, estimate, new_call

SEGMENT = 4096
SEEN = [one for one in AttemptOutcome if one is not AttemptOutcome.LOST]
"""Ends of attempts that a router has seen."""


class Kept:
    """A store in memory, in the place of the keeper."""

    def __init__(self) -> None:
        self.attempts: dict[tuple[str, int], AttemptRow] = {}
        self.calls: dict[str, CallRow] = {}

    def keep(self, batch: Batch) -> None:
        for attempts, calls in batch.rows:
            self.attempts |= {(one.call_id, one.number): one for one in attempts}
            self.calls |= {one.call_id: one for one in calls}

    def add_lost(self, rows: Rows) -> None:
        attempts, calls = rows
        for one in attempts:
            self.attempts.setdefault((one.call_id, one.number), one)
        for call in calls:
            self.calls.setdefault(call.call_id, summed(call, self.of(call.call_id)))

    def reject(self, payload: bytes) -> None:
        raise AssertionError("there is nothing to put aside")

    def of(self, call_id: str) -> Sequence[AttemptRow]:
        return sorted((one for one in self.attempts.values() if one.call_id == call_id), key=lambda one: one.number)


class Under:
    """A call under way, or over."""

    def __init__(self, spool: Spool) -> None:
        self.call, request = new_call()
        self.books = CallBooks(self.call, spool, request)
        self.open: list[AttemptRecord] = []
        self.over = False


class Ledgers(RuleBasedStateMachine):
    """One router after the other on the same folder."""

    @initialize()
    def begin(self) -> None:
        self.root = Path(tempfile.mkdtemp())
        self.kept = Kept()
        self.written: set[str] = set()
        self.told: dict[str, int] = {}
        self._start()

    def _start(self) -> None:
        self.spool = Spool(self.root, segment_bytes=SEGMENT, max_bytes=1 << 24)
        self.drain = OwnDrain(self.spool, self.kept)  # type: ignore[arg-type]
        self.under: list[Under] = []
        self.spool.tend()

    def teardown(self) -> None:
        if hasattr(self, "root"):
            self._die()
            self._check_all()
            assert [one for one in self.root.iterdir() if not one.name.startswith(".")] == [self.spool.folder]
            self.spool.close(empty=True)
            shutil.rmtree(self.root)

    @rule()
    def new_call(self) -> None:
        one = Under(self.spool)
        self.under.append(one)
        self._attempt(one, AttemptKind.PRIMARY)

    def _attempt(self, one: Under, kind: AttemptKind) -> None:
        record = attempt(one.call, kind)
        one.books.open(record, credential="key", request_bytes=400)
        self.written.add(one.call.call_id)
        one.open.append(record)

    @precondition(lambda self: any(not one.over for one in self.under))
    @rule(data=st.data(), kind=st.sampled_from([AttemptKind.RETRY, AttemptKind.FAILOVER, AttemptKind.HEDGE]))
    def another_attempt(self, data: st.DataObject, kind: AttemptKind) -> None:
        self._attempt(data.draw(st.sampled_from([one for one in self.under if not one.over])), kind)

    @precondition(lambda self: any(one.open for one in self.under))
    @rule(data=st.data(), outcome=st.sampled_from(SEEN), picos=st.integers(0, 10**12), seen=st.booleans())
    def end_an_attempt(self, data: st.DataObject, outcome: AttemptOutcome, picos: int, seen: bool) -> None:
        one = data.draw(st.sampled_from([one for one in self.under if one.open]))
        record = one.open.pop(data.draw(st.integers(0, len(one.open) - 1)))
        ended(record, outcome, picos)
        if not seen:
            record.usage, record.cost_picos = None, None
        one.books.close(record)
        self._told(one)

    @precondition(lambda self: any(not one.over and not one.open for one in self.under))
    @rule(data=st.data())
    def end_a_call(self, data: st.DataObject) -> None:
        one = data.draw(st.sampled_from([one for one in self.under if not one.over and not one.open]))
        one.books.settle(Outcome())
        one.over = True
        self._told(one)

    @precondition(lambda self: any(one.over for one in self.under))
    @rule(data=st.data(), picos=st.integers(0, 10**12), replaced=st.booleans())
    def tell_late(self, data: st.DataObject, picos: int, replaced: bool) -> None:
        """An answer that was read on, or that another one has replaced."""
        one = data.draw(st.sampled_from([one for one in self.under if one.over]))
        record = data.draw(st.sampled_from(one.call.attempts))
        ended(record, AttemptOutcome.REPLACED if replaced else record.outcome or AttemptOutcome.CANCELLED, picos)
        one.books.close(record)
        self._told(one)

    def _told(self, one: Under) -> None:
        if one.over:
            apart = (AttemptOutcome.HEDGE_LOST, AttemptOutcome.REPLACED)
            paid = [record for record in one.call.attempts if record.outcome not in apart]
            self.told[one.call.call_id] = sum(record.cost_picos or 0 for record in paid)

    @rule(batches=st.integers(1, 3))
    def store_some(self, batches: int) -> None:
        for _ in range(batches):
            self.drain.run()

    @rule()
    def tend(self) -> None:
        self.spool.tend()

    @rule(torn=st.booleans(), again=st.booleans())
    def die(self, torn: bool, again: bool) -> None:
        """Kill -9, perhaps within a write; the heir may die as well while it takes the spool over."""
        self._die(torn=torn, again=again)

    def _die(self, *, torn: bool = False, again: bool = False) -> None:
        folder = self.spool.folder
        if torn:
            _, path, end = next(one for one in reversed(self.spool.written()) if one[2] > HEAD_BYTES)
            with path.open("r+b") as file:
                file.seek(end)
                file.write((200).to_bytes(4, "little") + b"torn")
        self._let_go()
        self._start()
        if again:
            copy = self.root.parent / f"{self.root.name}.copy"
            shutil.copytree(folder, copy)
            adopt(self.root, self.spool.folder, self.kept, estimate)  # type: ignore[arg-type]
            # What was stored is stored, but nothing was deleted, and nobody knows how far it had come.
            shutil.move(copy, folder)
        adopt(self.root, self.spool.folder, self.kept, estimate)  # type: ignore[arg-type]

    def _let_go(self) -> None:
        """What the kernel does with the files of a process that is gone."""
        self.drain.close()
        self.spool.close(empty=False)

    @invariant()
    def sums_hold(self) -> None:
        for call in self.kept.calls.values():
            rows = self.kept.of(call.call_id)
            assert call.cost_picos == call.charged_picos + call.overhead_picos
            for account in ("charged", "overhead"):
                assert getattr(call, f"{account}_picos") == sum(r.cost_picos or 0 for r in rows if r.account == account)
            paid = [row for row in rows if row.account == "charged"]
            assert call.input_uncached_tokens == sum(row.input_uncached_tokens for row in paid)

    def _check_all(self) -> None:
        """Once everything is taken over: every call that was begun is there, with what was said of it."""
        assert set(self.kept.calls) == self.written | set(self.told)
        for call_id, picos in self.told.items():
            assert (self.kept.calls[call_id].charged_picos, self.kept.calls[call_id].lost) == (picos, False)
        for row in self.kept.attempts.values():
            assert row.outcome != "LOST" or (row.estimated, row.cost_picos) == (True, LOST_PICOS)


TestLedgers = Ledgers.TestCase
TestLedgers.settings = settings(max_examples=40, stateful_step_count=60, deadline=None)
