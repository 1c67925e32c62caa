"""What is written of a call, and when."""

from pathlib import Path
from uuid import UUID

import pytest
from hedgerow_server.core.call import Call, Outcome
from hedgerow_server.core.error import Cancelled
from hedgerow_server.core.event import AttemptKind, AttemptOutcome, AttemptRecord, Usage, Warning, WarningCode
from hedgerow_server.ledger.books import CallBooks, new_id
from hedgerow_server.ledger.codec import decoded, encoded
from hedgerow_server.ledger.record import AttemptClosed, AttemptOpened, CallClosed, CallOpened, Record
from hedgerow_server.ledger.segment import frames
from hedgerow_server.ledger.spool import Spool
from money.driver import attempt, ended, new_call


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    made = Spool(tmp_path, segment_bytes=1 << 20, max_bytes=1 << 24)
    made.tend()
    return made


def written(spool: Spool) -> list[list[Record]]:
    """The frames in the spool."""
    return [decoded(payload) for _, path, end in spool.written() for payload, _ in frames(path, 0, end)]


def begun(spool: Spool) -> tuple[Call, CallBooks, AttemptRecord]:
    call, request = new_call()
    books = CallBooks(call, spool, request)
    record = attempt(call)
    books.open(record, credential="main", request_bytes=123)
    return call, books, record


def test_a_usual_call_is_two_writes(spool: Spool) -> None:
    call, books, record = begun(spool)
    ended(record, AttemptOutcome.SUCCEEDED, 50)
    record.served_model = "gpt-4o-mini-2024-07-18"
    call.warnings.append(Warning(WarningCode.MODEL_RETIRING, "chat.model", "soon"))
    books.close(record)
    assert len(written(spool)) == 1, "the end of an attempt waits for the end of the call"
    books.settle(Outcome())
    (opened, attempted), (closed, over) = written(spool)
    assert isinstance(opened, CallOpened)
    assert isinstance(attempted, AttemptOpened)
    assert isinstance(closed, AttemptClosed)
    assert isinstance(over, CallClosed)
    assert (opened.call_id, opened.who.tenant, opened.labels) == (call.call_id, "acme", {"feature": "driver"})
    assert (attempted.number, attempted.credential, attempted.request_bytes) == (1, "main", 123)
    assert (closed.record.served_model, closed.account, closed.cost_picos) == ("gpt-4o-mini-2024-07-18", "charged", 50)
    assert (over.code, over.charged_picos, over.attempts, over.warnings) == ("OK", 50, 1, ("MODEL_RETIRING",))
    assert over.usage == record.usage


def test_the_end_of_one_attempt_goes_with_the_beginning_of_the_next(spool: Spool) -> None:
    call, books, first = begun(spool)
    ended(first, AttemptOutcome.FAILED, 0)
    first.usage = None
    books.close(first)
    books.open(attempt(call, AttemptKind.FAILOVER), credential="main", request_bytes=1)
    assert [type(one) for one in written(spool)[1]] == [AttemptClosed, AttemptOpened]


@pytest.mark.parametrize(
    ("outcome", "usage", "picos", "account"),
    [
        (AttemptOutcome.SUCCEEDED, Usage(), 5, "charged"),
        (AttemptOutcome.FAILED, Usage(), 5, "charged"),
        (AttemptOutcome.CANCELLED, Usage(estimated=True), None, "charged"),
        (AttemptOutcome.HEDGE_LOST, Usage(), 5, "overhead"),
        (AttemptOutcome.REPLACED, Usage(), 5, "overhead"),
        (AttemptOutcome.FAILED, None, 0, "unbilled"),
        (AttemptOutcome.CANCELLED, None, None, "unbilled"),
    ],
)
def test_who_pays(spool: Spool, outcome: AttemptOutcome, usage: Usage | None, picos: int | None, account: str) -> None:
    _, books, record = begun(spool)
    record.outcome, record.usage, record.cost_picos = outcome, usage, picos
    books.close(record)
    books.settle(Outcome(error=Cancelled("left")))
    closed, over = written(spool)[1]
    assert isinstance(closed, AttemptClosed)
    assert isinstance(over, CallClosed)
    assert closed.account == account
    assert (over.charged_picos, over.overhead_picos) == (
        (picos or 0) if account == "charged" else 0,
        (picos or 0) if account == "overhead" else 0,
    )
    assert over.unpriced_attempts == (picos is None and usage is not None)
    assert closed.cost_picos == (picos if usage is not None else 0)


def test_what_is_told_after_the_end_is_written_at_once_with_new_sums(spool: Spool) -> None:
    _, books, record = begun(spool)
    ended(record, AttemptOutcome.CANCELLED, 10)
    books.close(record)
    books.settle(Outcome(error=Cancelled("left")))
    ended(record, AttemptOutcome.CANCELLED, 90)
    books.close(record)
    closed, over = written(spool)[2]
    assert isinstance(closed, AttemptClosed)
    assert isinstance(over, CallClosed)
    assert (closed.cost_picos, over.charged_picos, over.code) == (90, 90, "CANCELLED")


def test_counts_and_texts_that_no_record_holds_are_mended(spool: Spool) -> None:
    """The end of a call must not fail for what a provider has sent."""
    _, books, record = begun(spool)
    ended(record, AttemptOutcome.SUCCEEDED, 1)
    record.usage = Usage(input_uncached_tokens=1 << 90)
    record.served_model = "gpt\ud800"
    books.close(record)
    books.settle(Outcome())
    closed, _ = written(spool)[1]
    assert isinstance(closed, AttemptClosed)
    assert closed.record.usage is not None
    assert (closed.record.usage.input_uncached_tokens, closed.record.served_model) == ((1 << 63) - 1, "gpt?")


def test_a_record_of_a_newer_router_is_read_without_what_is_new(spool: Spool) -> None:
    begun(spool)
    ((opened, _),) = written(spool)
    later = encoded([opened])[1:]
    # One more field in the one map of the array.
    extended = b"\x91" + bytes([later[0] + 1]) + later[1:] + b"\xa6future\x07"
    assert decoded(extended) == [opened]


def test_ids_are_uuids_of_version_7_that_rise_with_time() -> None:
    ids = [new_id(1_700_000_000.0 + number / 100) for number in range(100)]
    assert ids == sorted(ids)
    assert len(set(ids)) == 100
    assert {(UUID(one).version, UUID(one).variant) for one in ids} == {(7, "specified in RFC 4122")}
