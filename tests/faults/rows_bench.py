"""The 16 scenarios of Failover Bench through the gRPC API.

What is correct is what its catalogue says (https://github.com/failoverbench/failoverbench, scenarios/catalogue.yaml,
methodology 0.1): the ideal outcome, in most the whole answer, and conduct such as no hammering. Each counts once; it is
tried unary and streamed, with the healthy fallback that it asks for and, where that tells more, without.
"""

import time
from collections.abc import Iterator

from faults.expect import IMPATIENT, PLAIN, called, check_answer, check_told, refused
from faults.ground import Place, waited, within
from faults.registry import HEALTHY, Candidate, Mode, Seen, Trial, shape
from hedgerow.chat.v1 import event_pb2
from hedgerow.common.v1.policy_pb2 import RoutePolicy

DOWN = "PROVIDER_UNAVAILABLE"
LATE = "FIRST_TOKEN_TIMEOUT"
QUICK = {"first_token_timeout_seconds": 0.5}
RESTART = RoutePolicy(allow_route_change=True)
CALM_S = 0.3
DOWN_MS = 2500
RECOVERED_S = 30.0


def fb(name: str, **provider: object) -> Candidate:
    """The primary of a scenario."""
    return Candidate(f"sim-fb-{name}", provider=provider)


def broken(mode: Mode, fault: Candidate, reason: str, unary: str, *, peer: Candidate = HEALTHY) -> Iterator[Trial]:
    """A stream that breaks: restarted where the caller opted in, else a clean error; a unary call is answered by the
    fallback (`unary` is what the attempts are then).
    """
    if mode is Mode.UNARY:
        yield called("over", (fault, peer), unary)
        return
    yield called("restart", (fault, peer), "a%~ b", policy=RESTART)
    yield called("clean", (fault, peer), f"a!{reason}~", f"UNAVAILABLE {reason}", pushback="-1")


def s01(mode: Mode) -> Iterator[Trial]:
    """Retry-After is honoured: the second attempt comes after it, or goes elsewhere at once."""
    yield called("over", (fb("s01-k"), HEALTHY), "a!PROVIDER_THROTTLED b")

    def run(place: Place) -> Seen:
        outcome = place.chat()
        check_told(place, outcome, "a!PROVIDER_THROTTLED a", "OK")
        check_answer(place, outcome, event_pb2.FINISH_REASON_STOP)
        first, second = (float(entry["started_unix"]) for entry in place.entries())
        assert second - first >= 1.8, f"asked again after {second - first:.2f} s"
        return place.audit(outcome)

    yield Trial("alone", (fb("s01-k"),), run)


def s02(mode: Mode) -> Iterator[Trial]:
    """No hammering."""
    yield called("over", (fb("s02"), HEALTHY), "a!PROVIDER_THROTTLED b")
    yield called("alone", (fb("s02"),), "a!PROVIDER_THROTTLED", "UNAVAILABLE PROVIDER_THROTTLED", route=IMPATIENT)


def once(name: str) -> Iterator[Trial]:
    """A fault that is over with the second attempt."""
    yield called("again", (fb(name),), f"a!{DOWN} a")
    yield called("over", (fb(name), HEALTHY), f"a!{DOWN} b")


def s04(mode: Mode) -> Iterator[Trial]:
    """Fails over, or says so after few attempts."""
    yield called("over", (fb("s04"), HEALTHY), f"a!{DOWN} b")
    yield called("alone", (fb("s04"),), f"a!{DOWN} a!{DOWN}", f"UNAVAILABLE {DOWN}", pushback="-1")


def late(name: str) -> Iterator[Trial]:
    """A limit for the first token, and no second try of who is silent while another can be asked."""

    def run(place: Place) -> Seen:
        outcome, seconds = waited(place.chat)
        check_told(place, outcome, f"a!{LATE} b", "OK")
        check_answer(place, outcome, event_pb2.FINISH_REASON_STOP)
        within(seconds, 5.0, "the call")
        return place.audit(outcome)

    yield Trial("over", (fb(name), HEALTHY), run, QUICK)
    yield called("alone", (fb(name),), f"a!{LATE} a!{LATE}", f"UNAVAILABLE {LATE}", pushback="-1", route=QUICK)


def s08(mode: Mode) -> Iterator[Trial]:
    """Never a truncated success."""
    yield from broken(mode, fb("s08"), "STREAM_CUT", f"a!{DOWN} b")


def s09(mode: Mode) -> Iterator[Trial]:
    """A stall is seen; the next call is served."""
    fault = fb("s09", idle_timeout_seconds=0.5)
    if mode is Mode.UNARY:
        yield called("over", (fault, HEALTHY), "a!STREAM_STALLED~ b", route={"first_token_timeout_seconds": 5})
    else:
        yield from broken(mode, fault, "STREAM_STALLED", "")


def s10(mode: Mode) -> Iterator[Trial]:
    """Nothing of the malformed event reaches the caller."""
    yield from broken(mode, fb("s10"), "UPSTREAM_PROTOCOL", "a!UPSTREAM_PROTOCOL~ b")


def s11(mode: Mode) -> Iterator[Trial]:
    """The end is not waited for, and usage is told."""
    if mode is Mode.UNARY:
        yield called("over", (fb("s11"), HEALTHY), "a!UPSTREAM_PROTOCOL~ b")
        return

    def run(place: Place) -> Seen:
        outcome, seconds = waited(place.chat)
        check_told(place, outcome, "a", "OK")
        check_answer(place, outcome, event_pb2.FINISH_REASON_STOP)
        assert outcome.messages[-1].completed.usage.output_tokens > 0
        within(seconds, 8.0, "the call")
        return place.audit(outcome)

    yield Trial("prompt", (fb("s11"), HEALTHY), run)


def s12(mode: Mode) -> Iterator[Trial]:
    """Not the same model again: a larger one where the route says so, else a clean error."""
    told = "INVALID_ARGUMENT CONTEXT_TOO_LONG"
    yield refused("clean", fb("s12"), told)
    yield called("larger", (fb("s12"), HEALTHY), "a!CONTEXT_TOO_LONG b", route={"larger_context": True})


def s13(mode: Mode) -> Iterator[Trial]:
    """The caller is told, and nobody else is asked."""
    yield refused("clean", fb("s13"), "PERMISSION_DENIED CONTENT_REFUSED")


def s14(mode: Mode) -> Iterator[Trial]:
    """The fallback gets the conversation as it was, without the words that were cut."""
    peer = Candidate("sim-no-prefill")
    yield from broken(mode, fb("s14"), "STREAM_CUT", f"a!{DOWN} b", peer=peer)


def recovering(place: Place) -> Seen:
    """All calls are served while the primary is down, which is left alone meanwhile; then it is used again."""
    began_s, outcomes = time.monotonic(), []
    back_s = None
    while time.monotonic() - began_s < RECOVERED_S and back_s is None:
        outcome = place.chat()
        check_answer(place, outcome, event_pb2.FINISH_REASON_STOP)
        outcomes.append(outcome)
        if len(outcomes) > 2 and all(place.attempts(one) == "a" for one in outcomes[-3:]):
            back_s = time.monotonic() - began_s
        time.sleep(CALM_S)
    assert back_s is not None, f"not back within {RECOVERED_S:g} s"
    told = [place.attempts(one) for one in outcomes]
    failures = sum("a!" in one for one in told)
    assert failures <= 8, told
    seen = place.audit(*outcomes)
    note = f"down {DOWN_MS / 1000:g} s, {failures} of {len(outcomes)} calls met it, back after {back_s:.1f} s"
    return Seen("OK", f"a!{DOWN} b · b · a", seen.booked, seen.recorded, seen.estimated, note)


def s15(mode: Mode) -> Iterator[Trial]:
    """The breaker opens, tries, and closes."""
    yield Trial("sequence", (fb(f"s15-k-{DOWN_MS}"), HEALTHY), recovering)


def s16(mode: Mode) -> Iterator[Trial]:
    """The answer is booked for who gave it, the failure for who failed and at no cost."""

    def run(place: Place) -> Seen:
        outcome = place.chat()
        check_told(place, outcome, f"a!{DOWN} b", "OK")
        check_answer(place, outcome, event_pb2.FINISH_REASON_STOP)
        served, failed = outcome.report.attempts
        assert (served.provider, failed.provider) == (place.names[1], place.names[0])
        assert not failed.HasField("usage")
        assert not failed.cost_picos
        assert outcome.report.usage.output_tokens == served.usage.output_tokens > 0
        return place.audit(outcome)

    yield Trial("over", (fb("s16"), HEALTHY), run, PLAIN)


CASES = [
    shape("S01", "429 with Retry-After, once", s01),
    shape("S02", "429 without, for ever", s02),
    shape("S03", "500 once", lambda _: once("s03-k")),
    shape("S04", "503 for ever", s04),
    shape("S05", "reset before headers, once", lambda _: once("s05-k")),
    shape("S06", "no response at all", lambda _: late("s06")),
    shape("S07", "slow first token", lambda _: late("s07")),
    shape("S08", "stream cut", s08),
    shape("S09", "stream stalls", s09),
    shape("S10", "malformed chunk", s10),
    shape("S11", "[DONE] is missing", s11),
    shape("S12", "context length", s12),
    shape("S13", "content filter", s13),
    shape("S14", "fallback refuses prefill", s14),
    shape("S15", "flapping primary", s15),
    shape("S16", "accounting", s16),
]
