"""Rows P: what providers do wrong, in the OpenAI dialect; P20 is in rows_egress."""

from collections.abc import Iterator

from faults.expect import (
    IMPATIENT,
    after_the_answer_began,
    answered,
    before_the_answer,
    called,
    check_told,
    refused,
    text_of,
)
from faults.ground import Place, waited, within
from faults.registry import HEALTHY, Candidate, Mode, Seen, Trial, row
from hedgerow.chat.v1 import event_pb2

DOWN = "PROVIDER_UNAVAILABLE"
BABBLE = "UPSTREAM_PROTOCOL"
QUICK = {"first_token_timeout_seconds": 0.4}
"""A limit that a silent provider is soon beyond."""
LIVELY = {"idle_timeout_seconds": 0.4}


def sim(model: str, **provider: object) -> Candidate:
    """A candidate at the simulator."""
    return Candidate(f"sim-{model}", provider=provider)


def throttled(name: str, model: str, pushback: str) -> Iterator[Trial]:
    """A rate limit: the next candidate, or the caller is told when to come back; meanwhile nobody is sent there."""
    yield called(f"{name}-over", (sim(model), HEALTHY), "a!PROVIDER_THROTTLED b", route=IMPATIENT)

    def run(place: Place) -> Seen:
        first = place.chat()
        check_told(place, first, "a!PROVIDER_THROTTLED", "UNAVAILABLE PROVIDER_THROTTLED", pushback)
        second = place.chat()
        low, _, high = (pushback or "1-7500").partition("-")
        check_told(place, second, "", "UNAVAILABLE PROVIDER_THROTTLED", f"{int(low) // 3}-{high}")
        return place.audit(first, second)

    yield Trial(f"{name}-alone", (sim(model),), run, IMPATIENT)


def p1(mode: Mode) -> Iterator[Trial]:
    """429 that says when to come back."""
    yield from throttled("own", "429", "1900-2100")
    yield from throttled("s", "429-after-3", "3000-3000")
    yield from throttled("ms", "429-ms-1500", "1500-1500")
    yield from throttled("xms", "429-xms-1500", "1500-1500")
    # An HTTP date has whole seconds.
    yield from throttled("date", "429-date-4", "3000-5000")
    yield called("waits", (sim("once-k.429-ms-300"),), "a!PROVIDER_THROTTLED a")


def p2(mode: Mode) -> Iterator[Trial]:
    """429 that says nothing of use."""
    yield from throttled("none", "429-none", "")
    yield from throttled("negative", "429-negative", "")
    yield from throttled("garbage", "429-garbage", "")
    yield from throttled("absurd", "429-absurd", "300000-300000")
    yield from before_the_answer("spent", sim("429-quota"), "PROVIDER_QUOTA_SPENT", again=False)


def p3(mode: Mode) -> Iterator[Trial]:
    """5xx."""
    for status in ("500", "502", "503", "504", "500-empty"):
        yield from before_the_answer(status, sim(status), DOWN)
    yield called("once", (sim("once-k.500"),), f"a!{DOWN} a")
    three = (sim("500"), sim("502"), sim("503"), HEALTHY)
    yield called("last", three, f"a!{DOWN} b!{DOWN} c!{DOWN}", f"UNAVAILABLE {DOWN}", pushback="-1")


def p4(mode: Mode) -> Iterator[Trial]:
    """529, and 503 with a page for people."""
    yield from before_the_answer("503-html", sim("503-html"), DOWN)
    yield called("529-over", (sim("529"), HEALTHY), f"a!{DOWN} b")
    # The provider rests as a whole: another model of it is not asked, nor the same one again.
    other = Candidate("gpt-4o", shares=0)
    yield called("529-all", (sim("529"), other, HEALTHY), f"a!{DOWN} c")
    yield called("529-alone", (sim("529"), other), f"a!{DOWN}", f"UNAVAILABLE {DOWN}", pushback="-1", route=IMPATIENT)


def p5(mode: Mode) -> Iterator[Trial]:
    """The request's own fault."""
    yield refused("400", sim("400"), "INVALID_ARGUMENT PROVIDER_REJECTED_REQUEST", calls=7)
    yield refused("422", sim("422"), "INVALID_ARGUMENT PROVIDER_REJECTED_REQUEST")
    yield refused("context", sim("context-length"), "INVALID_ARGUMENT CONTEXT_TOO_LONG")
    yield refused("filter", sim("filter"), "PERMISSION_DENIED CONTENT_REFUSED")
    yield from before_the_answer("404", sim("404"), "PROVIDER_MODEL_UNAVAILABLE", again=False)


def p6(mode: Mode) -> Iterator[Trial]:
    """Our key is refused."""
    yield from before_the_answer("401", sim("401"), "PROVIDER_AUTH", again=False)
    yield from before_the_answer("403", sim("403"), "PROVIDER_AUTH", again=False)
    bad = Candidate("gpt-4o-mini", settings={"credential": "bad"})
    good = Candidate("gpt-4o", settings={"credential": "sim"}, shares=0)
    yield called("rotate", (bad, good), "a!PROVIDER_AUTH b")


def p7(mode: Mode) -> Iterator[Trial]:
    """No connection."""
    for at in ("down", "nowhere", "tls"):
        fault = Candidate("gpt-4o-mini", at=at, provider={"connect_timeout_seconds": 2.0})
        yield from before_the_answer(at, fault, DOWN)


def p8(mode: Mode) -> Iterator[Trial]:
    """A connection that breaks before the first token."""
    for name in ("reset-head", "close-head", "reset-first", "close-first"):
        yield from before_the_answer(name, sim(name), DOWN)


def p9(mode: Mode) -> Iterator[Trial]:
    """A connection that breaks in the middle."""
    for name in ("cut", "reset", "end"):
        if mode is Mode.STREAM:
            yield from after_the_answer_began(name, sim(name), "STREAM_CUT")
        else:
            reason, marks = (BABBLE, "~") if name == "end" else (DOWN, "")
            yield from before_the_answer(name, sim(name), reason, marks=marks)


def p10(mode: Mode) -> Iterator[Trial]:
    """Slow to the first token."""
    late = "FIRST_TOKEN_TIMEOUT"
    for name in ("silent", "late-head-5000", "late-pings-5000", "loris-head-100", "loris-body-50"):
        yield from before_the_answer(name.split("-5")[0], sim(name), late, route=QUICK)
    yield called("deadline", (sim("silent"), HEALTHY), "a!FIRST_TOKEN_TIMEOUT b", timeout=2.0)
    yield called("alone", (sim("silent"),), "a?", "DEADLINE_EXCEEDED DEADLINE_EXCEEDED", timeout=0.6)


def p11(mode: Mode) -> Iterator[Trial]:
    """Silence in the middle."""
    for name in ("stall", "stall-pings"):
        fault = sim(name, **LIVELY)
        if mode is Mode.STREAM:
            yield from after_the_answer_began(name, fault, "STREAM_STALLED")
        else:
            # In one piece nothing comes before the end; streamed upstream the pause is seen, and replaced.
            limit = {"first_token_timeout_seconds": 2.0}
            yield called(f"{name}-over", (fault, HEALTHY), "a!STREAM_STALLED~ b", route=limit)
            yield called(
                f"{name}-alone", (fault,), "a!STREAM_STALLED~ a!STREAM_STALLED~", "UNAVAILABLE STREAM_STALLED",
                pushback="-1", route=limit,
            )  # fmt: skip


def p12(mode: Mode) -> Iterator[Trial]:
    """Lines that are no JSON, and events that nobody knows."""
    yield answered("unknown", sim("unknown-event"))
    if mode is Mode.STREAM:
        yield from after_the_answer_began("malformed", sim("malformed"), BABBLE)
    else:
        yield from before_the_answer("malformed", sim("malformed"), BABBLE, marks="~")


def characters(model: str, marks: int) -> Trial:
    """The text arrives, with so many replacement characters."""

    def run(place: Place) -> Seen:
        outcome = place.chat()
        check_told(place, outcome, "a", "OK")
        text = text_of(place, outcome)
        assert text.count("\ufffd") == marks, text
        assert any(ord(character) > 0xFFFF for character in text) or marks, text
        return place.audit(outcome)

    return Trial(model, (sim(model), HEALTHY), run)


def p13(mode: Mode) -> Iterator[Trial]:
    """Characters in pieces."""
    yield characters("utf8-split", 0)
    yield characters("utf8-invalid", 1)
    if mode is Mode.STREAM:
        yield from after_the_answer_began("truncated", sim("utf8-truncated"), "STREAM_CUT")
    else:
        yield from before_the_answer("truncated", sim("utf8-truncated"), BABBLE, marks="~")


def p14(mode: Mode) -> Iterator[Trial]:
    """Too much at once, and far too many small ones."""
    if mode is Mode.STREAM:
        yield from after_the_answer_began("line", sim("long-line"), BABBLE)
    else:
        yield from before_the_answer("line", sim("long-line"), BABBLE, marks="~")
    yield answered("tiny", sim("tiny-events-20000"))


def p15(mode: Mode) -> Iterator[Trial]:
    """Another kind of answer than was asked for."""
    yield from before_the_answer("html", sim("html"), BABBLE)
    # What is whole can be read, however it is sent; usage comes in streams only where it was asked for.
    if mode is Mode.STREAM:
        yield from before_the_answer("empty", sim("empty"), "STREAM_CUT")
        yield answered("json-for-stream", sim("json-for-stream"))
    else:
        yield from before_the_answer("empty", sim("empty"), BABBLE)
        yield answered("stream-for-json", sim("stream-for-json"), attempts="a~")


def p16(mode: Mode) -> Iterator[Trial]:
    """Errors where an answer should be."""
    yield from before_the_answer("ok-error", sim("ok-error"), DOWN)
    yield from before_the_answer("error-first", sim("error-first"), DOWN)
    if mode is Mode.STREAM:
        yield from after_the_answer_began("in-stream", sim("error-in-stream"), "STREAM_CUT")
    else:
        yield from before_the_answer("in-stream", sim("error-in-stream"), DOWN)


def p17(mode: Mode) -> Iterator[Trial]:
    """The end is said twice, early, or not at all."""
    if mode is Mode.STREAM:
        for name in ("done-twice", "done-missing", "done-text"):
            yield answered(name, sim(name))
        yield from after_the_answer_began("done-early", sim("done-early"), "STREAM_CUT")
        yield from after_the_answer_began("nofinish", sim("nofinish"), "STREAM_CUT")
    else:
        for name in ("done-twice", "done-missing", "done-text", "done-early"):
            yield from before_the_answer(name, sim(name), BABBLE, marks="~")
        # A whole document is whole, though it does not say why it ended.
        yield answered("nofinish", sim("nofinish"), finish=event_pb2.FINISH_REASON_OTHER)


def p18(mode: Mode) -> Iterator[Trial]:
    """Counts of tokens that cannot be true."""
    for name in ("missing", "zero", "negative", "huge"):
        yield answered(f"usage-{name}", sim(f"usage-{name}"), attempts="a~")
    yield answered("usage-twice", sim("usage-twice"))


def p19(mode: Mode) -> Iterator[Trial]:
    """Answers that are small until they are decoded, or cannot be."""
    yield answered("gzip", sim("gzip"))
    for name in ("gzip-bomb", "deflate-bomb", "br-bomb", "nested-bomb", "encoding-lie"):
        yield from before_the_answer(name, sim(name), BABBLE)


def stubborn(place: Place) -> Seen:
    """The connection is closed at once, whatever the provider goes on doing."""
    call = place.open()
    if place.mode is Mode.STREAM:
        next(call)
    else:
        waited_for(place)
    call.cancel()
    _, seconds = waited(lambda: idle(place))
    within(seconds, 1.0, "closing")
    (entry,) = place.entries()
    assert entry["closed_unix"] is not None
    return Seen("CANCELLED", "a?", (entry["billed_input_tokens"], entry["billed_output_tokens"]), estimated=True)


def waited_for(place: Place) -> None:
    """Until the provider has the request."""
    from rpc.caller import eventually

    eventually(lambda: place.ground.book(place.names[0])["calls"], "the provider has the request")


def idle(place: Place) -> None:
    """Until no connection is busy."""
    from rpc.caller import eventually

    eventually(lambda: not place.ground.book(place.names[0])["totals"]["busy_sockets"], "the socket is closed")


def p21(mode: Mode) -> Iterator[Trial]:
    """A provider that goes on after the caller has left."""
    yield Trial("close", (sim("ignores-cancel.tokens-60-20"),), stubborn)


def p22(mode: Mode) -> Iterator[Trial]:
    """HTTP that is none."""
    for name in ("http-100", "http-103"):
        yield answered(name, sim(name))
    yield from before_the_answer("http-101", sim("http-101"), BABBLE)
    for name in (
        "http-double-length",
        "http-length-chunked",
        "http-bad-length",
        "http-bad-header",
        "http-huge-header",
        "http-garbage",
    ):
        yield from before_the_answer(name, sim(name), DOWN)


def p24(mode: Mode) -> Iterator[Trial]:
    """Tool calls in halves."""
    if mode is Mode.STREAM:
        yield from after_the_answer_began("cut", sim("tool-cut"), "STREAM_CUT")
    else:
        yield from before_the_answer("cut", sim("tool-cut"), DOWN)
    # Arguments are told as the model wrote them.
    yield answered("half", sim("tool-half"), finish=event_pb2.FINISH_REASON_TOOL_CALLS)


CASES = [
    *row("P1", "429 with a time", p1),
    *row("P2", "429 without one of use", p2),
    *row("P3", "500, 502, 503, 504", p3),
    *row("P4", "529; 503 with HTML", p4),
    *row("P5", "the request is wrong", p5),
    *row("P6", "our key is refused", p6),
    *row("P7", "no connection", p7),
    *row("P8", "broken before the first token", p8),
    *row("P9", "broken in the middle", p9),
    *row("P10", "slow to the first token", p10),
    *row("P11", "stalled, socket open", p11),
    *row("P12", "malformed line, unknown event", p12),
    *row("P13", "UTF-8 split, cut, invalid", p13),
    *row("P14", "huge line, tiny events", p14),
    *row("P15", "wrong content type", p15),
    *row("P16", "error in a stream or a 200", p16),
    *row("P17", "end twice, early, missing", p17),
    *row("P18", "usage that cannot be true", p18),
    *row("P19", "compression bombs", p19),
    *row("P21", "cancel is ignored", p21),
    *row("P22", "broken HTTP", p22),
    *row("P24", "half a tool call", p24),
]
