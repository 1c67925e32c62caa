"""Which calls are recorded, and what goes on to providers then."""

import pytest
from hedgerow_server.core.call import Call
from hedgerow_server.core.event import AttemptKind, AttemptRecord
from hedgerow_server.core.trace import Traced
from hedgerow_server.telemetry.trace import Allowance, Sampler
from unit.hedgerow_server.calls import call

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = f"00-{TRACE}-{SPAN}-01"


def sampler(ratio: float = 0.0, per_second: float = 1e9) -> Sampler:
    """One that allows as many spans."""
    return Sampler(ratio, Allowance(per_second))


def attempt() -> AttemptRecord:
    """A record that has just been begun."""
    return AttemptRecord(number=1, provider="p", model="m", region="", kind=AttemptKind.PRIMARY, start_unix_s=1.0)


def decided(one: Sampler, **metadata: str) -> Call:
    """A call that has met it."""
    found = call(metadata)
    found.trace = one(found)
    return found


def test_a_caller_who_records_is_followed_whatever_the_ratio_is() -> None:
    found = decided(sampler(0.0), traceparent=PARENT)
    assert found.traced is not None
    assert (found.traced.trace_id, found.traced.parent_id) == (TRACE, SPAN)
    assert found.trace == (("traceparent", f"00-{TRACE}-{found.traced.span_id}-01"),)


def test_a_caller_who_does_not_record_is_followed_whatever_the_ratio_is() -> None:
    parent = PARENT[:-1] + "0"
    found = decided(sampler(1.0), traceparent=parent)
    assert (found.traced, found.trace) == (None, (("traceparent", parent),))


@pytest.mark.parametrize(("ratio", "recorded"), [(0.0, 0), (1.0, 200)])
def test_the_ratio_is_of_calls_that_come_without_a_trace(ratio: float, recorded: int) -> None:
    one = sampler(ratio)
    assert sum(decided(one).traced is not None for _ in range(200)) == recorded


def test_a_share_is_about_that_share() -> None:
    """Of 4,000 calls at a quarter: 1,000, within six standard deviations."""
    one = sampler(0.25)
    assert 830 < sum(decided(one).traced is not None for _ in range(4000)) < 1170


def test_a_malformed_trace_counts_as_none() -> None:
    found = decided(sampler(1.0), traceparent="nonsense", tracestate="a=1")
    assert found.traced is not None
    assert (found.traced.parent_id, [name for name, _ in found.trace]) == ("", ["traceparent"])


def test_only_flags_that_are_known_go_on() -> None:
    found = decided(sampler(), traceparent=PARENT[:-2] + "ff")
    assert found.trace[0][1].endswith("-03")


def test_an_attempt_gets_a_span_of_its_own_that_the_provider_is_told() -> None:
    found = decided(sampler(), traceparent=PARENT, tracestate="a=1")
    found.trace += (("baggage", "k=v"),)
    first, second = attempt(), attempt()
    told = [dict(found.attempt_trace(one)) for one in (first, second)]
    assert [one["traceparent"] for one in told] == [f"00-{TRACE}-{one.span_id}-01" for one in (first, second)]
    assert first.span_id != second.span_id
    assert (told[0]["tracestate"], told[0]["baggage"]) == ("a=1", "k=v")


def test_an_attempt_of_a_call_that_is_not_recorded_has_no_span() -> None:
    found, record = decided(sampler(), traceparent=PARENT[:-1] + "0"), attempt()
    assert found.attempt_trace(record) == found.trace
    assert record.span_id == ""


def test_a_call_of_the_gateway_itself_is_a_child_of_the_call_that_it_is_made_for() -> None:
    found = decided(sampler(), traceparent=PARENT)
    inner = Call.internal("semantic_cache", found, found.method, None, timeout_s=1)
    assert isinstance(found.traced, Traced)
    assert inner.traced is not None
    assert (inner.traced.trace_id, inner.traced.parent_id) == (TRACE, found.traced.span_id)
    assert dict(inner.trace)["traceparent"] == f"00-{TRACE}-{inner.traced.span_id}-01"


def test_what_a_call_took_is_subtracted_before_the_next_one_may_be_recorded() -> None:
    """And comes back with time."""
    now_s = [100.0]
    allowance = Allowance(10, clock=lambda: now_s[0])
    one = Sampler(1.0, allowance)
    assert decided(one).traced is not None
    allowance.take(15)
    assert decided(one).traced is None
    now_s[0] += 0.4
    assert decided(one, traceparent=PARENT).trace == (("traceparent", PARENT),)
    now_s[0] += 0.2
    assert decided(one).traced is not None
    assert allowance.refused == 2
