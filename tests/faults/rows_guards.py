"""Rows G1 to G4: guards that fail, entities that a stream cuts, answers that are blocked, and words in disguise. On a
router of its own, beside a guard in a process of its own.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from faults.expect import check_told, text_of
from faults.ground import BAD_KEY, Ground, Place, configuration
from faults.registry import HEALTHY, Candidate, Mode, Seen, Trial, row
from hedgerow.chat.v1 import event_pb2
from rpc.caller import Caller, Outcome, connected, hello
from stack import FORGIVING, Process, process, router

BLOCKED = "PERMISSION_DENIED GUARDRAIL_BLOCKED"
AWAY = "UNAVAILABLE GUARDRAIL_UNAVAILABLE"
ECHO = Candidate("sim-echo")
PACED = Candidate("sim-tokens-1-2.echo")
TIME_BOX_S = 0.5
MIB = 1 << 20
LEAST_LOOKS = 3


def _words(*words: str, **more: Any) -> dict[str, Any]:
    return {"type": "words", "words": list(words), **more}


GUARDS: dict[str, Any] = {
    "words": _words("blue heron", "open sesame", action="redact", sides=["output"]),
    "pii": {"type": "pii", "action": "redact", "sides": ["output"]},
    "stop": _words("self destruct", sides=["output"]),
    "cut": _words("grand finale", action="truncate", sides=["output"]),
    "disguised": _words("forbidden fruit", evasions=True),
    "slow": {"type": "words", "patterns": ["(a|aa)+bbb", "(x|xx|xxx)+yyy"], "longest": 200},
    "far": {"type": "grpc", "timeout_seconds": TIME_BOX_S, "verdicts": {"entries": 0}},
}
GUARDS["far-open"] = {**GUARDS["far"], "on_failure": "open"}
GUARDS["far-shadow"] = {**GUARDS["far"], "shadow": True}
GUARDS["gone"] = {**GUARDS["far"], "target": "127.0.0.1:9"}
ELSEWHERE = {"closed": ["far"], "open": ["far-open"], "shadow": ["far-shadow"], "works": ["far"], "gone": ["gone"]}
"""The guards of trials whose names end so; all others have those of HERE."""
HERE = ("words", "pii", "stop", "cut", "disguised", "slow")


@dataclass(frozen=True)
class World:
    """The router with guards, and the guard elsewhere."""

    router: Process
    caller: Caller
    guard: Process

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """The guard elsewhere does nothing."""
        self.guard.popen.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.guard.popen.send_signal(signal.SIGCONT)

    def check_alive(self) -> None:
        """The router met no fault of its own."""
        text = self.router.log.read_text(errors="replace")
        assert "Traceback" not in text
        assert " ERROR " not in text


@contextmanager
def _world(ground: Ground) -> Iterator[World]:
    folder = ground.folder / "guards"
    folder.mkdir(exist_ok=True)
    with ExitStack() as exits:
        path = str(Path(__file__).parent / "guard_process.py")
        guard = exits.enter_context(process(folder, "guard", [path], {}))
        # What is tried is not how busy the machine is: only the guard elsewhere is short of time.
        guards = {
            name: {"target": guard.addresses["grpc"], **one}
            if one["type"] == "grpc"
            else {**one, "timeout_seconds": 60}
            for name, one in GUARDS.items()
        }
        # Whoever has failed is asked again at once: what is tried is the failure.
        fuse = {"breaker": {"failures": 1000, "rest_seconds": 0.001, "max_rest_seconds": 0.001}}
        guards = {name: {**one, **fuse} if one["type"] == "grpc" else one for name, one in guards.items()}
        config = configuration(CASES, {"sim": ground.sim_url})
        for name, route in config["routes"].items():
            if (own := ELSEWHERE.get(name.rpartition("-")[2])) is not None:
                route["guardrails"] = own
        config |= {
            "guardrails": {"guards": guards, "default": HERE},
            "breaker": FORGIVING,
        }
        running = exits.enter_context(router(folder, config, "guarded", HEDGEROW_TEST_BAD_KEY=BAD_KEY))
        caller = exits.enter_context(connected(running.addresses["grpc"]))
        grpc.channel_ready_future(caller.channel).result(30)
        yield World(running, caller, guard)


def _of(place: Place) -> World:
    world: World = place.ground.keep("guards", lambda: _world(place.ground))
    return world


def _say(place: Place, world: World, text: str) -> Outcome[Any]:
    return place.chat(caller=world.caller, spec={"messages": [hello(text)]})


def _verdicts(place: Place, outcome: Outcome[Any]) -> list[str]:
    found = (
        outcome.message.guardrail_verdicts
        if place.mode is Mode.UNARY
        else [one.guardrail_verdict for one in outcome.messages if one.HasField("guardrail_verdict")]
    )
    return [f"{one.guardrail} {one.category}" for one in found]


# --- G1: a guard that fails ---


def frozen(told: str, verdict: str = "") -> Callable[[Place], Seen]:
    """The guard is stopped: its time box holds, and the configuration says what becomes of the call."""

    def run(place: Place) -> Seen:
        world = _of(place)
        with world.frozen():
            outcome = _say(place, world, "hello")
        check_told(place, outcome, "a" if told == "OK" else "", told, "-1" if told == AWAY else "")
        if verdict:
            assert _verdicts(place, outcome) == [verdict]
        after = _say(place, world, "hello again")
        check_told(place, after, "a", "OK")
        assert _verdicts(place, after) == []
        world.check_alive()
        return place.audit(*(one for one in (outcome, after) if one.report.attempts))

    return run


def blocked_elsewhere(place: Place) -> Seen:
    """A guard that works blocks what it finds, before the provider is asked."""
    world = _of(place)
    check_told(place, _say(place, world, "something forbidden"), "", BLOCKED)
    assert place.entries() == []
    return Seen(BLOCKED)


def gone(place: Place) -> Seen:
    """Nobody is there to be asked."""
    world = _of(place)
    check_told(place, _say(place, world, "hello"), "", AWAY, "-1")
    assert place.entries() == []
    world.check_alive()
    return Seen(AWAY)


def said(text: str, found: str = "") -> Callable[[Place], Seen]:
    """A text that is made to keep guards busy is answered, and others are meanwhile."""

    def run(place: Place) -> Seen:
        world = _of(place)
        answered, done = 0, threading.Event()

        def others() -> None:
            nonlocal answered
            while not done.is_set():
                outcome = _say(place, world, "hello")
                assert outcome.code is grpc.StatusCode.OK, outcome.text
                answered += 1

        neighbour = threading.Thread(target=others)
        outcomes: list[Outcome[Any]] = []
        neighbour.start()
        try:
            while len(outcomes) < LEAST_LOOKS or (not answered and neighbour.is_alive()):
                outcomes.append(_say(place, world, text))
        finally:
            done.set()
            neighbour.join()
        for outcome in outcomes:
            check_told(place, outcome, "a", "OK")
            assert _verdicts(place, outcome) == ([found] if found else [])
        assert answered
        world.check_alive()
        return Seen("OK", "a", note=f"{answered} others answered meanwhile")

    return run


def g1(mode: Mode) -> Iterator[Trial]:
    """What may ail a guard, and texts that would ail a bad one."""
    yield Trial("frozen-closed", (HEALTHY,), frozen(AWAY))
    yield Trial("frozen-open", (HEALTHY,), frozen("OK", "far-open guard.failed"))
    yield Trial("frozen-shadow", (HEALTHY,), frozen("OK", "far-shadow guard.failed"))
    yield Trial("works", (HEALTHY,), blocked_elsewhere)
    yield Trial("gone", (HEALTHY,), gone)
    yield Trial("backtracking", (HEALTHY,), said("a" * 100_000 + "x" * 100_000))
    yield Trial("mib", (HEALTHY,), said("lorem ipsum, dolor sit amet. " * (MIB // 29)))
    yield Trial("one-word", (HEALTHY,), said("a@" + "b" * 200_000))


# --- G2: an entity that the stream cuts ---

CUT = {
    "words": ("about the Blue  Heron again", "about the [REMOVED] again"),
    "mail": ("to bob.miller@example.com now", "to [EMAIL] now"),
    "card": ("pay 4111 1111 1111 1111 now", "pay [CARD] now"),
    "iban": ("from DE89 3704 0044 0532 0130 00 today", "from [IBAN] today"),
    "last": ("it is bob.miller@example.com", "it is [EMAIL]"),
    "two": ("open sesame for bob@example.com", "[REMOVED] for [EMAIL]"),
    "letters": ("世界 blue heron 🌿 naïve", "世界 [REMOVED] 🌿 naïve"),
}


def cut(text: str, left: str) -> Callable[[Place], Seen]:
    """Whatever pieces it comes in, it is replaced as a whole."""

    def run(place: Place) -> Seen:
        outcome = _say(place, _of(place), text)
        check_told(place, outcome, "a", "OK")
        assert text_of(place, outcome) == left
        return place.audit(outcome)

    return run


def g2(mode: Mode) -> Iterator[Trial]:
    """Token by token, and letter by letter."""
    for name, (text, left) in CUT.items():
        yield Trial(name, (PACED,), cut(text, left))
        yield Trial(f"{name}-at-once", (ECHO,), cut(text, left))


# --- G3: an answer that is blocked half-way ---

TALE = "it begins well, " * 20 + "then comes self destruct and more" + " and more" * 200


def blocked(place: Place) -> Seen:
    """The caller has what was fine, the status, and nothing else; what the provider took is on record."""
    world = _of(place)
    outcome = _say(place, world, TALE)
    assert outcome.code is grpc.StatusCode.PERMISSION_DENIED
    assert (outcome.reason, outcome.info.metadata["guardrail"]) == ("GUARDRAIL_BLOCKED", "stop")
    told = b"".join(repr(one).encode() for one in outcome.messages)
    assert b"destruct" not in told
    assert b"more" not in told
    assert not any(one.HasField("completed") for one in outcome.messages)
    if place.mode is Mode.STREAM:
        assert text_of(place, outcome).startswith("it begins well, it begins well")
    world.check_alive()
    return place.audit(outcome)


def truncated(place: Place) -> Seen:
    """The caller has what was fine as a whole answer that says why it ended."""
    outcome = _say(place, _of(place), "so far so good, this is grand finale of it" + " and more" * 200)
    check_told(place, outcome, place.attempts(outcome), "OK")
    assert text_of(place, outcome).rstrip() == "so far so good, this is"
    last = outcome.message if place.mode is Mode.UNARY else outcome.messages[-1].completed
    assert last.finish_reason == event_pb2.FINISH_REASON_GUARDRAIL
    assert last.usage.output_tokens > 0
    return place.audit(outcome)


def g3(mode: Mode) -> Iterator[Trial]:
    """Blocked, and truncated."""
    yield Trial("blocked", (PACED,), blocked)
    yield Trial("truncated", (PACED,), truncated)


# --- G4: words in disguise ---

DISGUISED = {
    "case": "a FORBIDDEN Fruit",
    "space": "a forbidden\t  fruit",
    "unseen": "a for\u200bbid\u00adden fr\u2060uit",
    "look-alikes": "a fоrbіddеn fruіt",  # noqa: RUF001  # Cyrillic
    "full-width": "a \uff46\uff4f\uff52\uff42\uff49\uff44\uff44\uff45\uff4e fruit",
    "digits": "a f0rb1dd3n fru1t",
    "accents": "a förbídden frúit",
    "apart": "a f o r b i d d e n f r u i t",
}


def disguised(text: str) -> Callable[[Place], Seen]:
    """It is seen through."""

    def run(place: Place) -> Seen:
        check_told(place, _say(place, _of(place), text), "", BLOCKED)
        assert place.entries() == []
        return Seen(BLOCKED)

    return run


def g4(mode: Mode) -> Iterator[Trial]:
    """Each disguise."""
    for name, text in DISGUISED.items():
        yield Trial(name, (HEALTHY,), disguised(text))


CASES = [
    *row("G1", "A guard crashes, hangs or is given a text made to keep it busy", g1, alone=True),
    *row("G2", "A stream cuts what a guard looks for", g2, alone=True),
    *row("G3", "An answer is blocked half-way", g3, alone=True),
    *row("G4", "Words come in disguise", g4, alone=True),
]
