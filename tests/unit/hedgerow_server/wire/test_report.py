"""The report of a call: short whatever happened, and the newest attempts first."""

import pytest
from google.protobuf import json_format
from hedgerow.common.v1 import attempt_pb2
from hedgerow_server.core.call import Call
from hedgerow_server.core.event import AttemptKind, AttemptOutcome, AttemptRecord, Usage, Warning, WarningCode
from hedgerow_server.wire.report import REPORT_BYTES, report
from unit.hedgerow_server.calls import call
from unit.hedgerow_server.wire.test_chat_encode import RECORD, RECORD_JSON, USAGE, USAGE_JSON


def record(number: int, **more: object) -> AttemptRecord:
    """A plain record."""
    return AttemptRecord(
        number=number,
        provider="sim",
        model="gpt",
        region="",
        kind=AttemptKind.PRIMARY,
        start_unix_s=1_700_000_000.0,
        outcome=AttemptOutcome.SUCCEEDED,
        usage=Usage(input_uncached_tokens=7, output_visible_tokens=2, final=True),
        **more,  # type: ignore[arg-type]
    )


def reported(one: Call) -> attempt_pb2.CallReport:
    """The report, which is never longer than it may be."""
    data = report(one)
    assert len(data) <= REPORT_BYTES
    return attempt_pb2.CallReport.FromString(data)


def test_a_report_is_written_whole() -> None:
    one = call(timeout_s=2.5)
    one.request_id, one.usage = "req-7", USAGE
    one.attempts, one.attempts_started = [RECORD], 1
    one.warnings = [Warning(WarningCode.PARAMETER_CHANGED, "chat.seed", "changed")]
    assert json_format.MessageToDict(reported(one)) == {
        "requestId": "req-7",
        "attempts": [RECORD_JSON],
        "usage": USAGE_JSON,
        "deadlineDuration": "2.500s",
        "warnings": [{"code": "WARNING_CODE_PARAMETER_CHANGED", "field": "chat.seed", "message": "changed"}],
    }


def test_a_call_that_got_nowhere_has_a_report_as_well() -> None:
    assert json_format.MessageToDict(reported(call())) == {}


@pytest.mark.parametrize("count", [1, 5, 32])
def test_the_newest_attempts_stand_first_and_the_rest_is_counted(count: int) -> None:
    one = call()
    one.attempts, one.attempts_started = [record(number) for number in range(1, count + 1)], count
    found = reported(one)
    kept = [attempt.number for attempt in found.attempts]
    assert kept == list(range(count, count - len(kept), -1))
    assert len(kept) >= min(count, 5)
    assert found.omitted_attempts_count == count - len(kept)


def test_attempts_that_are_no_longer_kept_are_counted_too() -> None:
    one = call()
    one.attempts, one.attempts_started = [record(1000)], 1000
    found = reported(one)
    assert [attempt.number for attempt in found.attempts] == [1000]
    assert found.omitted_attempts_count == 999


LONG = 500


@pytest.mark.parametrize("letter", ["x", "漢", "😀"])
def test_long_names_and_warnings_do_not_lengthen_it(letter: str) -> None:
    one = call(timeout_s=600.0)
    one.request_id, one.usage = "r" * 128, USAGE
    one.warnings = [Warning(WarningCode.PARAMETER_IGNORED, letter * LONG, letter * LONG) for _ in range(20)]
    one.attempts = [record(number, error_reason="STREAM_CUT", upstream_request_id="u" * 128) for number in range(30)]
    for attempt in one.attempts:
        attempt.model = letter * 256
    one.attempts_started = 30
    found = reported(one)
    assert found.request_id == "r" * 128
    assert found.usage.input_tokens == USAGE.input_tokens
    assert found.omitted_attempts_count == 30 - len(found.attempts)


def test_the_newest_attempt_is_kept_beside_many_warnings() -> None:
    one = call()
    one.warnings = [
        Warning(WarningCode.PARAMETER_IGNORED, f"chat.field_{n}", "Not sent: " + "x" * 60) for n in range(20)
    ]
    one.attempts, one.attempts_started = [record(1), record(2)], 2
    found = reported(one)
    assert found.attempts[0].number == 2
    assert 1 <= len(found.warnings) < 20


def test_a_hedged_attempt_tells_when_it_was_to_start_and_when_it_did() -> None:
    one = call()
    one.attempts, one.attempts_started = [record(1), record(2, hedge_delays_s=(1.5, 1.625))], 2
    hedged, first = reported(one).attempts
    assert (hedged.hedge_planned_delay.ToMilliseconds(), hedged.hedge_delay.ToMilliseconds()) == (1500, 1625)
    assert not first.HasField("hedge_planned_delay")
    assert not first.HasField("hedge_delay")


def test_a_replay_names_its_original_and_costs_nothing() -> None:
    one = call()
    one.request_id, one.replay_of = "req-8", "req-7"
    found = reported(one)
    assert (found.replay_of, found.cost_picos, found.charged_picos) == ("req-7", 0, 0)
    assert found.HasField("charged_picos")
    assert not found.HasField("usage")
