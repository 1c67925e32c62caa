"""Rows of which each dialect has shapes of its own: what rows P say of OpenAI's holds for all. P23 is here too."""

from collections.abc import Iterator
from functools import partial

import grpc
from faults.expect import (
    IMPATIENT,
    after_the_answer_began,
    answered,
    before_the_answer,
    called,
    check_told,
    refused,
)
from faults.ground import Place
from faults.registry import HEALTHY, Candidate, Mode, Seen, Trial, row
from hedgerow.chat.v1 import event_pb2
from stack import DIALECTS

DOWN = "PROVIDER_UNAVAILABLE"
BABBLE = "UPSTREAM_PROTOCOL"
EMBEDDING = ("openai", *(name for name, (_, _, embed) in DIALECTS.items() if embed is not None))
"""Dialects with embeddings."""


def sim(dialect: str, model: str, **provider: object) -> Candidate:
    """A candidate at the simulator. Of Vertex AI the model's name says whose it is, and so the dialect."""
    prefix = "claude-" if dialect == "vertex-claude" else ""
    return Candidate(f"{prefix}sim-{model}", dialect, provider=provider)


def p1(dialect: str, mode: Mode) -> Iterator[Trial]:
    """The provider's own way to say when."""
    fault = sim(dialect, "429-info-2" if dialect in ("gemini", "vertex") else "429")
    yield called(f"{dialect}-over", (fault, HEALTHY), "a!PROVIDER_THROTTLED b", route=IMPATIENT)
    told = "UNAVAILABLE PROVIDER_THROTTLED"
    delays = OWN_DELAYS.get(dialect, "1500-2500")
    yield called(f"{dialect}-own", (fault,), "a!PROVIDER_THROTTLED", told, pushback=delays, route=IMPATIENT)
    header = sim(dialect, "429-after-3")
    yield called(f"{dialect}-s", (header,), "a!PROVIDER_THROTTLED", told, pushback="3000-3000", route=IMPATIENT)


OWN_DELAYS = {"bedrock": "", "ollama": "", "vertex-claude": ""}
"""Providers whose own refusal says no time."""
SAYS_FILTER = ("anthropic", "azure", "cohere", "responses", "vllm", "vertex-claude")
"""Dialects with a word for a prompt that the content policy refuses."""
WHOLE_CALLS = ("gemini", "vertex", "ollama")
"""Dialects in which a tool call comes in one event, its arguments as an object: half of it is nothing yet."""
NO_MARK = ("bedrock", "cohere")
"""Dialects whose errors are told by the status alone: with 200 they are answers that cannot be read."""


def p3(dialect: str, mode: Mode) -> Iterator[Trial]:
    """Its own errors."""
    for status in ("500", "502", "503", "504"):
        yield called(f"{dialect}-{status}", (sim(dialect, status), HEALTHY), f"a!{DOWN} b")


def p4(dialect: str, mode: Mode) -> Iterator[Trial]:
    """Overload, and pages for people."""
    for name in ("529", "503-html"):
        yield called(f"{dialect}-{name}", (sim(dialect, name), HEALTHY), f"a!{DOWN} b")


def p5(dialect: str, mode: Mode) -> Iterator[Trial]:
    """Its own refusals of a request."""
    yield refused(f"{dialect}-400", sim(dialect, "400"), "INVALID_ARGUMENT PROVIDER_REJECTED_REQUEST")
    yield refused(f"{dialect}-422", sim(dialect, "422"), "INVALID_ARGUMENT PROVIDER_REJECTED_REQUEST")
    yield refused(f"{dialect}-context", sim(dialect, "context-length"), "INVALID_ARGUMENT CONTEXT_TOO_LONG")
    fault, name = sim(dialect, "filter"), f"{dialect}-filter"
    if dialect in ("gemini", "vertex"):
        # Google counts the prompt of an answer that it withholds, and does not say whether it takes money for it.
        finish = event_pb2.FINISH_REASON_CONTENT_FILTER
        yield answered(name, fault, finish=finish, more_on_record=True)
    elif dialect in SAYS_FILTER:
        yield refused(name, fault, "PERMISSION_DENIED CONTENT_REFUSED")
    else:
        yield refused(name, fault, "INVALID_ARGUMENT PROVIDER_REJECTED_REQUEST")


def p6(dialect: str, mode: Mode) -> Iterator[Trial]:
    """Its own refusals of a key."""
    for status in ("401", "403"):
        yield called(f"{dialect}-{status}", (sim(dialect, status), HEALTHY), "a!PROVIDER_AUTH b")


def p11(dialect: str, mode: Mode) -> Iterator[Trial]:
    """Silence, also with its own heartbeats."""
    for name in ("stall", "stall-pings"):
        fault = sim(dialect, name, idle_timeout_seconds=0.4)
        if mode is Mode.STREAM:
            yield from after_the_answer_began(f"{dialect}-{name}", fault, "STREAM_STALLED")
        else:
            limit = {"first_token_timeout_seconds": 2.0}
            yield called(f"{dialect}-{name}", (fault, HEALTHY), "a!STREAM_STALLED~ b", route=limit)


def p12(dialect: str, mode: Mode) -> Iterator[Trial]:
    """Its own events, broken or unknown."""
    yield answered(f"{dialect}-unknown", sim(dialect, "unknown-event"))
    fault = sim(dialect, "malformed")
    if mode is Mode.STREAM and dialect == "responses":
        # The last event has the whole answer again.
        yield answered(f"{dialect}-malformed", fault)
    elif mode is Mode.STREAM:
        yield from after_the_answer_began(f"{dialect}-malformed", fault, BABBLE)
    else:
        yield from before_the_answer(f"{dialect}-malformed", fault, BABBLE, marks="~")


def p16(dialect: str, mode: Mode) -> Iterator[Trial]:
    """Its own errors within an answer."""
    failed = f"a!{BABBLE}~" if mode is Mode.UNARY and dialect in NO_MARK else f"a!{DOWN}"
    yield called(f"{dialect}-first", (sim(dialect, "error-first"), HEALTHY), f"{failed} b")
    if mode is Mode.STREAM:
        yield from after_the_answer_began(f"{dialect}-in-stream", sim(dialect, "error-in-stream"), "STREAM_CUT")


def p17(dialect: str, mode: Mode) -> Iterator[Trial]:
    """Its own end, missing."""
    if mode is Mode.STREAM:
        yield from after_the_answer_began(f"{dialect}-cut", sim(dialect, "cut"), "STREAM_CUT")
        yield from after_the_answer_began(f"{dialect}-nofinish", sim(dialect, "nofinish"), "STREAM_CUT")
        yield answered(f"{dialect}-twice", sim(dialect, "done-twice"))
    else:
        yield from before_the_answer(f"{dialect}-missing", sim(dialect, "done-missing"), BABBLE, marks="~")


def p18(dialect: str, mode: Mode) -> Iterator[Trial]:
    """Its own counts."""
    for name in ("missing", "zero", "negative", "huge"):
        yield answered(f"{dialect}-{name}", sim(dialect, f"usage-{name}"), attempts="a~")
    if not (dialect == "bedrock" and mode is Mode.STREAM):
        # Bedrock's event with the counts is the end of its streams: there is no second one.
        yield answered(f"{dialect}-twice", sim(dialect, "usage-twice"))


def p24(dialect: str, mode: Mode) -> Iterator[Trial]:
    """Its own tool calls."""
    fault = sim(dialect, "tool-cut")
    if mode is Mode.STREAM and dialect not in WHOLE_CALLS:
        yield from after_the_answer_began(f"{dialect}-cut", fault, "STREAM_CUT")
    else:
        yield called(f"{dialect}-cut", (fault, HEALTHY), f"a!{DOWN} b")
    if dialect not in WHOLE_CALLS:
        yield answered(f"{dialect}-half", sim(dialect, "tool-half"), finish=event_pb2.FINISH_REASON_TOOL_CALLS)


ALONE_AT_MOST = 5
TEXTS = ("one hedge", "two hedges", "three hedges")


def wrong_vectors(place: Place) -> Seen:
    """No vector is told that might belong to another text, or be none."""
    outcomes = [place.embed(*TEXTS)]
    while place.mode is Mode.STREAM and outcomes[-1].code is grpc.StatusCode.OK and len(outcomes) < ALONE_AT_MOST:
        # Each text was asked on its own, and so no vector differed from others.
        outcomes.append(place.embed(*TEXTS))
    outcome = outcomes[-1]
    story = place.attempts(outcome).replace("~", "")
    check_told(place, outcome, place.attempts(outcome), f"UNAVAILABLE {BABBLE}", "-1")
    failed = story.split()
    assert failed[-2:] == [f"a!{BABBLE}"] * 2, story
    if place.mode is Mode.STREAM:
        # What was sent upstream before, on its own, may have been right.
        assert sum(one.HasField("embedding") for one in outcome.messages) == len(failed[:-2])
    return place.audit(*outcomes)


def right_vectors(place: Place) -> Seen:
    """Each text has its own vector, in whatever order they came."""
    outcome = place.embed(*TEXTS)
    assert outcome.code is grpc.StatusCode.OK, outcome.text
    assert set(place.attempts(outcome).split()) == {"a"}
    if place.mode is Mode.UNARY:
        assert len(outcome.message.embeddings) == len(TEXTS)
    else:
        assert sorted(one.id for one in outcome.messages if one.HasField("embedding")) == ["0", "1", "2"]
    return place.audit(outcome)


def p23(dialect: str, mode: Mode) -> Iterator[Trial]:
    """Vectors: too few, too many, of another length, or no numbers."""
    for name in ("fewer", "more", "dimension", "nan", "infinity", "null", "empty"):
        yield Trial(f"{dialect}-{name}", (embedder(dialect, name),), wrong_vectors, kind="embed")
    yield Trial(f"{dialect}-order", (embedder(dialect, "order"),), right_vectors, kind="embed")


def embedder(dialect: str, name: str) -> Candidate:
    """A candidate for embeddings. Bedrock's dialect goes by the model's name."""
    prefix = "cohere.embed-english-v3-" if dialect == "bedrock" else ""
    return Candidate(f"{prefix}sim-embed-{name}", dialect)


def of_all(trials: object, dialects: tuple[str, ...], mode: Mode) -> Iterator[Trial]:
    """What is tried, for each dialect."""
    for dialect in dialects:
        yield from trials(dialect, mode)  # type: ignore[operator]


CASES = [
    case
    for name, fault, trials, dialects in (
        ("P1", "429 with a time", p1, tuple(DIALECTS)),
        ("P3", "500, 502, 503, 504", p3, tuple(DIALECTS)),
        ("P4", "529; 503 with HTML", p4, tuple(DIALECTS)),
        ("P5", "the request is wrong", p5, tuple(DIALECTS)),
        ("P6", "our key is refused", p6, tuple(DIALECTS)),
        ("P11", "stalled, socket open", p11, tuple(DIALECTS)),
        ("P12", "malformed line, unknown event", p12, tuple(DIALECTS)),
        ("P16", "error in a stream or a 200", p16, tuple(DIALECTS)),
        ("P17", "end twice, early, missing", p17, tuple(DIALECTS)),
        ("P18", "usage that cannot be true", p18, tuple(DIALECTS)),
        ("P23", "embeddings of the wrong shape", p23, EMBEDDING),
        ("P24", "half a tool call", p24, tuple(DIALECTS)),
    )
    for case in row(name, fault, partial(of_all, trials, dialects))
]
