"""What is shown of calls says where their time went, and leaves nothing out of what is known."""

from itertools import pairwise

import pytest
from hedgerow_server.console import facts_calls
from hedgerow_server.console.facts import _lately, _minutes, _quantile, _Sample
from hedgerow_server.console.shown import AttemptShown
from hedgerow_server.core.call import Call, Kind, Outcome, Principal
from hedgerow_server.core.event import AttemptKind, AttemptOutcome, AttemptRecord, Usage
from hedgerow_server.core.request import ChatRequest, ChatSpec
from hedgerow_server.telemetry.recent import RecentCall, RecentCalls, Slot
from hypothesis import given
from hypothesis import strategies as st
from unit.hedgerow_server.calls import method

NOW = 1_000_000.0


def attempt(offset_s: float, total_s: float) -> AttemptShown:
    """One of some time."""
    return AttemptShown(
        number=1, provider="p", model="m", kind="primary", outcome="failed", offset_s=offset_s, total_s=total_s
    )


def kept() -> RecentCall:
    """A call that was hedged, and answered after 2 s by the second attempt."""
    recent = RecentCalls(1, lambda: NOW)
    call = Call(method(Kind.UNARY, "hedgerow.chat.v1.ChatService/Complete"), {}, b"")
    call.request_id, call.call_id, call.principal = "r", "c", Principal("acme", user="ann", key_id="k")
    call.request = ChatRequest(spec=ChatSpec(model="fast", messages=()), labels={"b": "2", "a": "1"})
    call.trace = (("traceparent", "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"),)
    call.attempts_started = 2
    call.usage = Usage(input_uncached_tokens=7, output_visible_tokens=3, input_cache_writes=((300.0, 4), (None, 1)))
    for number, (kind, outcome, start_s) in enumerate(
        (
            (AttemptKind.PRIMARY, AttemptOutcome.HEDGE_LOST, 0.0),
            (AttemptKind.HEDGE, AttemptOutcome.SUCCEEDED, 0.5),
        ),
        1,
    ):
        call.attempts.append(
            AttemptRecord(
                number=number,
                provider=f"p{number}",
                model="m",
                region="",
                kind=kind,
                start_unix_s=NOW - 2 + start_s,
                outcome=outcome,
                first_token_s=0.25,
                total_s=1.25,
                cost_picos=10 * number,
                price_version="v1",
            )
        )
    recent.began(call)
    recent.settled(call, Outcome(), 2.0)
    return next(recent.calls())


def test_a_call_is_shown_with_who_answered_it_and_what_it_took() -> None:
    one = facts_calls.shown(kept())
    assert (one.call_id, one.tenant, one.user, one.key_id) == ("c", "acme", "ann", "k")
    assert (one.provider, one.route, one.method) == ("p2", "fast", "ChatService/Complete")
    assert (one.duration_s, one.first_token_s, one.cost_picos, one.attempts) == (2.0, 0.75, 30, 2)
    assert (one.input_tokens, one.output_tokens) == (12, 3)


def test_the_page_of_a_call_has_all_of_it() -> None:
    page = facts_calls.detail(kept(), [])
    assert [(one.kind, one.outcome, one.offset_s) for one in page.attempts] == [
        ("primary", "hedge_lost", 0.0),
        ("hedge", "succeeded", 0.5),
    ]
    assert page.labels == (("a", "1"), ("b", "2"))
    assert dict(page.usage) == {"input_uncached": 7, "output_visible": 3, "input_cache_write": 5}
    assert page.trace_id == "0123456789abcdef0123456789abcdef"
    assert page.price_version == "v1"
    assert [(part.name, part.took_s) for part in page.breakdown] == [("provider", 1.75), ("gateway", 0.25)]


SECONDS = st.floats(0, 100, allow_nan=False)


@given(SECONDS, st.lists(st.tuples(SECONDS, SECONDS), max_size=8), SECONDS, SECONDS, SECONDS)
def test_the_parts_of_a_call_s_time_are_all_of_it(
    total_s: float, spans: list[tuple[float, float]], auth_s: float, queue_s: float, guardrail_s: float
) -> None:
    """To the millisecond, whatever overlaps, and none is less than nothing."""
    parts = facts_calls.breakdown(
        total_s, [attempt(*one) for one in spans], auth_s=auth_s, queue_s=queue_s, guardrail_s=guardrail_s
    )
    assert sum(part.took_s for part in parts) == pytest.approx(total_s, abs=1e-9)
    assert all(part.took_s >= 0 for part in parts)


def test_attempts_that_overlap_count_once() -> None:
    parts = facts_calls.breakdown(
        10.0, [attempt(1, 4), attempt(2, 1), attempt(4, 3), attempt(8, 9)], auth_s=0.5, queue_s=0, guardrail_s=0
    )
    assert {part.name: part.took_s for part in parts} == {"provider": 8.0, "authentication": 0.5, "gateway": 1.5}


def test_quantiles_are_values_that_were_measured() -> None:
    """The smallest one that at least such a share of them does not exceed."""
    assert _quantile([], 0.5) is None
    assert _quantile([7.0], 0.95) == 7.0
    assert _quantile([1.0, 2.0, 3.0, 4.0], 0.5) == 2.0
    assert _quantile([float(number) for number in range(1, 101)], 0.95) == 95.0


def test_lately_counts_all_and_measures_those_of_the_span() -> None:
    slots = [Slot(int(NOW) // 10 - 40, 5, 1, 100), Slot(int(NOW) // 10, 3, 2, 30)]
    samples = [_Sample(NOW - 1, 2.0, 0.5), _Sample(NOW - 2, 4.0, None), _Sample(NOW - 400, 9.0, 9.0)]
    minute, hour = (_lately(span_s, slots, samples, NOW) for span_s in (60, 3600))
    assert (minute.calls, minute.failed, minute.cost_picos) == (3, 2, 30)
    assert (minute.p50_s, minute.p95_s, minute.first_token_p50_s) == (2.0, 4.0, 0.5)
    assert (hour.calls, hour.failed, hour.cost_picos, hour.p95_s) == (8, 3, 130, 9.0)


def test_minutes_without_a_call_are_there() -> None:
    minutes = _minutes([Slot(int(NOW) // 10, 3, 2, 0)], NOW)
    assert len(minutes) == 60
    assert [(one.calls, one.failed) for one in minutes[-2:]] == [(0, 0), (3, 2)]
    assert [later.start_unix_s - one.start_unix_s for one, later in pairwise(minutes)] == [60] * 59
