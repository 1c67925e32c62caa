"""All trailers of a call together stay below 4 KiB, whatever happened."""

import base64

from google.rpc import error_details_pb2, status_pb2
from hedgerow_server.core.call import Call
from hedgerow_server.core.error import FieldViolation, HedgerowError, every_error
from hedgerow_server.core.event import AttemptKind, AttemptOutcome, AttemptRecord, Usage, Warning, WarningCode
from hedgerow_server.doors.status import text_of, trailers
from hedgerow_server.wire.report import report
from hypothesis import given
from hypothesis import strategies as st
from unit.hedgerow_server.calls import call

LIMIT = 4096
ENTRY = 32
"""What HTTP/2 counts for an entry beside its name and value (RFC 7541, 4.1)."""
LETTERS = st.sampled_from("ax %é漢😀\n\x00")
LONG = st.builds(lambda letters, times: letters * times, st.text(LETTERS, max_size=8), st.sampled_from([1, 9, 99, 999]))
COUNT = st.integers(0, 1 << 40)
USAGES = st.builds(
    Usage,
    input_uncached_tokens=COUNT,
    input_cache_read_tokens=COUNT,
    input_cache_writes=st.just(()) | st.just(((300.0, 1), (3600.0, 2))),
    output_visible_tokens=COUNT,
    output_reasoning_tokens=COUNT,
    output_audio_tokens=COUNT,
    estimated=st.booleans(),
    final=st.booleans(),
)
RECORDS = st.builds(
    AttemptRecord,
    number=st.integers(1, 1 << 30),
    provider=st.just("p" * 63),
    model=LONG.map(lambda text: text[:256]),
    region=LONG.map(lambda text: text[:64]),
    kind=st.sampled_from(AttemptKind),
    start_unix_s=st.floats(0, 4e9),
    outcome=st.none() | st.sampled_from(AttemptOutcome),
    error_reason=st.sampled_from(["", "PROVIDER_MODEL_UNAVAILABLE"]),
    upstream_status=st.integers(0, 999),
    upstream_request_id=LONG.map(lambda text: text[:128]),
    first_token_s=st.none() | st.floats(0, 1e5),
    total_s=st.floats(0, 1e5),
    usage=st.none() | USAGES,
    hedge_delays_s=st.none() | st.tuples(st.floats(0, 1e5), st.floats(0, 1e5)),
    cost_picos=st.none() | st.integers(0, (1 << 63) - 1),
    price_version=st.sampled_from(["", "genai-prices-0.2.3+0123456789ab"]),
)
WARNINGS = st.builds(Warning, st.sampled_from(WarningCode), LONG, LONG)
ERRORS = st.builds(
    lambda kind, message, **more: kind(message, **more),
    st.sampled_from(list(every_error().values())),
    LONG,
    metadata=st.dictionaries(st.text(st.sampled_from("abcXYZ"), min_size=1, max_size=20), LONG, max_size=12),
    violations=st.lists(st.builds(FieldViolation, LONG, LONG), max_size=20).map(tuple),
    retry_delay_s=st.none() | st.floats(0, 1e6),
    resource=st.none() | st.tuples(st.just("hedgerow.router.v1.Model"), LONG),
    subject=LONG,
)


@st.composite
def calls(draw: st.DrawFn) -> Call:
    """A call at its end."""
    one = call(timeout_s=draw(st.none() | st.floats(0, 1e5)))
    one.request_id = "r" * draw(st.integers(1, 128))
    one.usage = draw(st.none() | USAGES)
    one.warnings = draw(st.lists(WARNINGS, max_size=8))
    one.attempts = draw(st.lists(RECORDS, max_size=8))
    one.attempts_started = len(one.attempts) + draw(st.integers(0, 1 << 30))
    return one


def size(name: str, value: str | bytes) -> int:
    """What an entry costs on the wire; binary values travel as base64."""
    return len(name) + len(base64.b64encode(value) if isinstance(value, bytes) else value) + ENTRY


@given(calls(), st.none() | ERRORS)
def test_the_trailers_of_a_call_stay_below_4_kib(one: Call, error: HedgerowError | None) -> None:
    total = sum(size(name, value) for name, value in trailers(one.request_id, report(one), error))
    if error is not None:
        total += size("grpc-status", "14") + size("grpc-message", text_of(error))
    assert total <= LIMIT


@given(ERRORS)
def test_an_error_keeps_its_reason_however_long_it_is(error: HedgerowError) -> None:
    data = dict(trailers("", b"", error))["grpc-status-details-bin"]
    assert isinstance(data, bytes)
    infos = [
        one for one in status_pb2.Status.FromString(data).details if one.Is(error_details_pb2.ErrorInfo.DESCRIPTOR)
    ]
    (info,) = (error_details_pb2.ErrorInfo.FromString(one.value) for one in infos)
    assert info.reason == f"ERROR_REASON_{error.reason}"
