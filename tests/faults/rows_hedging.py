"""Rows H: second attempts. What H2 needs of quotas comes with them."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from faults.expect import called, check_answer, check_told
from faults.ground import Place
from faults.registry import HEALTHY, Candidate, Mode, Seen, Trial, row
from faults.rows_clients import AGAIN
from hedgerow.chat.v1 import event_pb2
from hedgerow.common.v1 import attempt_pb2
from hedgerow.common.v1.policy_pb2 import RoutePolicy
from rpc.caller import connected

DOWN = "PROVIDER_UNAVAILABLE"
PEER = Candidate("some-model-of-2031")
"""Of no known price: these trials are not about the budget of money."""
WARM = 50
"""Calls that earn two second attempts, of which an upstream gets 5 % whatever a route says."""
EAGER: dict[str, Any] = {
    "hedge": {
        "max_extra_percent": 100,
        "min_delay_seconds": 0.15,
        "max_delay_seconds": 0.3,
        "min_samples": 3,
        "max_rate_limited_share": 0.5,
    }
}
"""Hedges as soon as anything is known of the first candidate."""
STORM_CALLS, STORM_WARM = 120, 60
USUAL: dict[str, Any] = {"hedge": {"max_extra_percent": 5, "min_samples": 20, "min_delay_seconds": 0.05}}
SLOW = {"first_ms": 1200, "token_ms": 1}
SOONER = {"first_ms": 500, "token_ms": 1}


def warmed(place: Place, calls: int = WARM) -> list[Any]:
    """What is known of the first candidate: that it is quick."""
    with ThreadPoolExecutor(3) as pool:
        outcomes = list(pool.map(lambda _: place.chat(), range(calls)))
    assert {place.attempts(one) for one in outcomes} == {"a"}
    return outcomes


def race(place: Place, attempts: str, *, law: dict[str, Any] | None = None, fault: str = "") -> Seen:
    """A call whose first attempt has become slow, or meets a fault after it was slow."""
    outcomes = warmed(place)
    if law is not None:
        place.ground.switch("law", place.names[0], {"law": law})
    if fault:
        place.ground.switch("outage", place.names[0], {"fault": fault})
    outcome = place.chat()
    check_told(place, outcome, attempts, "OK")
    check_answer(place, outcome, event_pb2.FINISH_REASON_STOP)
    started = [one.start_time.ToMicroseconds() for one in reversed(outcome.report.attempts)]
    assert started[1] - started[0] >= 0.14e6, "it was hedged too early"
    seen = place.audit(*outcomes, outcome)
    return Seen("OK", attempts, seen.booked, seen.recorded, seen.estimated)


def lost(place: Place) -> Seen:
    """The second attempt comes first; the first is cancelled and on record as what it is."""
    seen = race(place, "a-~ +b", law=SLOW)
    assert place.entries()[WARM]["outcome"] == "cancelled"
    return seen


def won(place: Place) -> Seen:
    """Both would answer: the first attempt does, after all, and the second is cancelled."""
    place.ground.switch("law", place.names[1], {"law": SLOW})
    return race(place, "a +b-~", law=SOONER)


def failed(place: Place) -> Seen:
    """The first attempt fails while the second is under way: that is no failure of the call."""
    place.ground.switch("law", place.names[1], {"law": SOONER})
    return race(place, f"a!{DOWN} +b", fault="silent-400.500")


def stubborn(place: Place) -> Seen:
    """The loser goes on at the provider, which bills it in full: the record says who lost, and what came through."""
    outcomes = warmed(place)
    place.ground.switch("outage", place.names[0], {"fault": "ignores-cancel.silent-1000"})
    outcome = place.chat()
    check_told(place, outcome, "a-~ +b", "OK")
    loser = outcome.report.attempts[1]
    assert loser.outcome == attempt_pb2.ATTEMPT_OUTCOME_HEDGE_LOST
    paid, first = outcome.report.usage, outcome.report.attempts[0].usage
    assert (paid.input_tokens, paid.output_tokens) == (first.input_tokens, first.output_tokens)
    entries = place.entries()
    overhead = entries[WARM]
    assert overhead["closed_unix"] is not None
    assert len(entries) == len(outcomes) + 2
    note = f"the loser was billed {overhead['billed_input_tokens']}/{overhead['billed_output_tokens']} after we left"
    return Seen("OK", "a-~ +b", estimated=True, note=note)


def h2(mode: Mode) -> Iterator[Trial]:
    """Both attempts answer."""
    yield Trial("lost", (PEER, PEER), lost, EAGER)
    yield Trial("won", (PEER, PEER), won, EAGER)
    yield Trial("failed", (PEER, PEER), failed, EAGER)
    yield Trial("stubborn", (PEER, PEER), stubborn, EAGER)


def storm(place: Place) -> Seen:
    """Everybody is slow: the share of second attempts stays what it is allowed to be."""
    with ThreadPoolExecutor(8) as pool:
        calm = list(pool.map(lambda _: place.chat(), range(STORM_WARM)))
        for name in place.names:
            place.ground.switch("law", name, {"law": {"first_ms": 400, "token_ms": 0.1}})
        slow = list(pool.map(lambda _: place.chat(), range(STORM_CALLS)))
    outcomes = calm + slow
    assert {one.code for one in outcomes} == {grpc.StatusCode.OK}
    hedges = sum("+" in place.attempts(one) for one in outcomes)
    share = hedges / len(outcomes)
    assert share <= 0.05, f"{hedges} of {len(outcomes)}"
    seen = place.audit(*outcomes)
    note = f"{hedges} second attempts in {len(outcomes)} calls ({share:.1%}), {STORM_CALLS} of them slow"
    return Seen("OK", "a", seen.booked, seen.recorded, seen.estimated, note)


def h1(mode: Mode) -> Iterator[Trial]:
    """A storm that hedging must not make worse."""
    yield Trial("storm", (Candidate("gpt-4o-mini"), HEALTHY), storm, USUAL)


def late_pause(place: Place) -> Seen:
    """The first token is there: whatever comes after it, nobody else is asked."""
    outcomes = warmed(place)
    place.ground.switch("law", place.names[0], {"law": {"first_ms": 1, "token_ms": 15}})
    began_s = time.monotonic()
    outcome = place.chat()
    assert time.monotonic() - began_s > 0.4, "the call was not slow"
    check_told(place, outcome, "a", "OK")
    return place.audit(*outcomes, outcome)


def never(place: Place, **call: Any) -> Seen:
    """Slow, and still not hedged."""
    outcomes = warmed(place)
    place.ground.switch("law", place.names[0], {"law": SLOW})
    outcome = place.chat(**call)
    check_told(place, outcome, "a", "OK")
    return place.audit(*outcomes, outcome)


def stored(place: Place) -> Seen:
    """A call that the provider keeps something of."""
    return never(place, spec={"provider_options": {"openai": '{"store":true}'}})


def unwanted(place: Place) -> Seen:
    """The caller asked for no second attempt."""
    return never(place, route=RoutePolicy(disable_hedging=True))


def h3(mode: Mode) -> Iterator[Trial]:
    """Where no second attempt may be."""
    yield Trial("after-first", (PEER, PEER), late_pause, EAGER)
    yield Trial("stored", (PEER, PEER), stored, EAGER)
    yield Trial("unwanted", (PEER, PEER), unwanted, EAGER)


def stacked(place: Place) -> Seen:
    """A client that tries again by itself: what the gateway tells it keeps the sum within the route's bound."""
    more = (("grpc.service_config", AGAIN),)
    with connected(place.ground.router.addresses["grpc"], more=more) as caller:  # type: ignore[arg-type]
        outcome = place.chat(caller=caller)
    assert (outcome.code.name, outcome.reason) == ("UNAVAILABLE", DOWN)
    entries = place.entries()
    assert len(entries) == len(outcome.report.attempts) == 3, [entry["provider"] for entry in entries]
    return place.audit(outcome)


def h4(mode: Mode) -> Iterator[Trial]:
    """Retries of client and gateway; there is no provider's library in between that would add its own."""
    down = tuple(Candidate(f"sim-{status}") for status in ("500", "502", "503", "504"))
    yield Trial("stacked", down, stacked)
    told = f"UNAVAILABLE {DOWN}"
    yield called("two", down, f"a!{DOWN} b!{DOWN}", told, pushback="-1", route={"max_attempts": 2})
    policy = RoutePolicy(max_attempts=1)
    yield called("one", down, f"a!{DOWN}", told, pushback="-1", policy=policy)
    wide = RoutePolicy(max_attempts=8)
    yield called("wide", down, f"a!{DOWN} b!{DOWN}", told, pushback="-1", policy=wide, route={"max_attempts": 2})


CASES = [
    *row("H1", "everybody slow: hedge storm", h1),
    *row("H2", "both attempts answer", h2),
    *row("H3", "where nothing is hedged", h3),
    *row("H4", "stacked retries", h4),
]
