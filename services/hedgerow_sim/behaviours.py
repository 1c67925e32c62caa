"""How a call goes, chosen by the model's name: names that start with `sim-` ask for a fault or a pace.

A behaviour is a function from a turn to a script; a new one is a function and a line in `_NAMED` or `_PATTERNS`. Its
docstring's first line is what `--help` says about it.
"""

import random
import re
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from hedgerow_sim.dialects.port import Dialect, Incoming, Job, Kind, Refusal, Wish
from hedgerow_sim.laws import LAWS, Law, fixed
from hedgerow_sim.script import Close, Head, Pause, Script, Send, Silence

_STALL_AFTER: Final = 5
_CUT_AFTER: Final = 3
_SILENT_SECONDS: Final = 60.0
_SLOW_TOKENS: Final = 400
_SLOW_MS: Final = 50
_MOST_TOKENS: Final = 100_000
_HTML: Final = b"""<!DOCTYPE html>
<html><head><title>Welcome to the guest network</title></head>
<body><h1>Please sign in</h1><p>Accept the terms of use to go online.</p></body></html>
"""


class Turn(msgspec.Struct, frozen=True):
    """What a behaviour works with."""

    job: Job
    """The request, read and valid."""
    dialect: Dialect
    """For error answers."""
    incoming: Incoming
    """The request as it came in."""
    law: Law
    """The process's pace, which a behaviour may replace."""
    rng: random.Random
    """For what is left to chance; seeded by the process's seed and the call's number."""
    call: int
    """Counts the calls of the process, for ids."""


Behaviour = Callable[[Turn], Script]


_AS_ASKED: Final = Wish()


def answer(turn: Turn, wish: Wish = _AS_ASKED, law: Law | None = None) -> Script:
    """Answers normally, at the pace of the law."""
    law = law or turn.law
    reply = turn.job.reply(turn.call, wish)
    wait = law.first.draw(turn.rng)
    head: Head | None = Head(200, reply.headers)
    for frame in reply.frames:
        if frame.delays:
            wait += law.token.draw(turn.rng, frame.delays)
        if wait:
            yield Pause(wait)
            wait = 0.0
        if head is not None:
            yield head if reply.streamed else Head(200, reply.headers, len(frame.data))
            head = None
        yield Send(frame.data, frame.tokens)


def refuse(dialect: Dialect, refusal: Refusal, call: int, incoming: Incoming) -> Script:
    """Answers with an error in the dialect's shape."""
    refused = dialect.refusal(refusal, call, incoming)
    yield Head(refused.status, refused.headers, len(refused.body))
    yield Send(refused.body)


def _refusing(kind: Kind, line: str, about: str = "") -> Behaviour:
    def behaviour(turn: Turn) -> Script:
        return refuse(turn.dialect, Refusal(kind, about=about or turn.job.model), turn.call, turn.incoming)

    behaviour.__doc__ = f"Status {kind.status}: {line}."
    return behaviour


def _part(script: Script, tokens: int) -> Script:
    """A stream until so many of its events carried tokens; of a whole body, the first half."""
    whole = False
    for step in script:
        if isinstance(step, Head):
            whole = step.length is not None
        if isinstance(step, Send):
            if whole:
                yield Send(step.data[: len(step.data) // 2])
                return
            tokens -= step.tokens > 0
        yield step
        if tokens <= 0:
            return


def _silent(turn: Turn) -> Script:
    """Accepts the request, sends nothing for 60 s, then answers."""
    yield Pause(_SILENT_SECONDS)
    yield from answer(turn)


def _stall(turn: Turn) -> Script:
    """Sends 5 tokens (or half a body), then nothing more; the socket stays open."""
    yield from _part(answer(turn), _STALL_AFTER)
    yield Silence()


def _cut(turn: Turn) -> Script:
    """Sends 3 tokens (or half a body), then closes the connection."""
    yield from _part(answer(turn), _CUT_AFTER)
    yield Close()


def _reset(turn: Turn) -> Script:
    """Sends 3 tokens (or half a body), then resets the connection."""
    yield from _part(answer(turn), _CUT_AFTER)
    yield Close(reset=True)


def _slow(turn: Turn) -> Script:
    """400 tokens, 50 ms each."""
    return answer(turn, Wish(length=_SLOW_TOKENS), fixed(_SLOW_MS, _SLOW_MS))


def _no_finish(turn: Turn) -> Script:
    """Answers in full, but never says why it ended."""
    return answer(turn, Wish(finish=False))


def _json_for_stream(turn: Turn) -> Script:
    """Answers with one JSON document though a stream was asked for."""
    return answer(turn, Wish(stream=False))


def _html(_turn: Turn) -> Script:
    """Answers with status 200 and an HTML page, as a captive portal does."""
    yield Head(200, {"content-type": "text/html; charset=utf-8"}, len(_HTML))
    yield Send(_HTML, failure=True)


def _error_in_stream(turn: Turn) -> Script:
    """Sends 3 tokens, then an error as an event; status 500 where no stream was asked for."""
    refusal = Refusal(Kind.SERVER)
    if not turn.job.stream:
        yield from refuse(turn.dialect, refusal, turn.call, turn.incoming)
        return
    yield from _part(answer(turn), _CUT_AFTER)
    yield Send(turn.job.failure(refusal), failure=True)


_NAMED: Final[Mapping[str, Behaviour]] = MappingProxyType(
    {
        "sim-slow": _slow,
        "sim-silent": _silent,
        "sim-stall": _stall,
        "sim-cut": _cut,
        "sim-reset": _reset,
        "sim-nofinish": _no_finish,
        "sim-json-for-stream": _json_for_stream,
        "sim-error-in-stream": _error_in_stream,
        "sim-html": _html,
        "sim-400": _refusing(Kind.BAD_REQUEST, "the request is not valid"),
        "sim-context-length": _refusing(Kind.CONTEXT_LENGTH, "the prompt is too long"),
        "sim-401": _refusing(Kind.BAD_KEY, "the key is wrong", about="sk-proj-********************wxyz"),
        "sim-403": _refusing(Kind.PERMISSION, "not allowed"),
        "sim-404": _refusing(Kind.NO_MODEL, "no such model"),
        "sim-429": _refusing(Kind.RATE_LIMIT, "too many requests, come back in 2 s"),
        "sim-429-quota": _refusing(Kind.QUOTA, "no money left"),
        "sim-500": _refusing(Kind.SERVER, "an internal error"),
        "sim-503": _refusing(Kind.OVERLOADED, "overloaded"),
    }
)


def _tokens(match: re.Match[str]) -> Behaviour:
    """N tokens, M ms each; the first after F ms (M without F)."""
    count, pace = min(int(match[1]), _MOST_TOKENS), int(match[2])
    law = fixed(int(match[3]) if match[3] else pace, pace)
    return lambda turn: answer(turn, Wish(length=count), law)


def _law(match: re.Match[str]) -> Behaviour:
    """Answers normally at the pace of the law NAME."""
    law = LAWS[match[1]]
    return lambda turn: answer(turn, law=law)


_PATTERNS: Final[tuple[tuple[str, re.Pattern[str], Callable[[re.Match[str]], Behaviour]], ...]] = (
    ("sim-tokens-N-M[-F]", re.compile(r"sim-tokens-(\d{1,6})-(\d{1,6})(?:-(\d{1,6}))?"), _tokens),
    ("sim-law-NAME", re.compile("sim-law-(" + "|".join(map(re.escape, LAWS)) + ")"), _law),
)


def behaviour(model: str) -> Behaviour:
    """The behaviour that a model name asks for; any other name gets a normal answer."""
    if not model.startswith("sim-"):
        return answer
    if (named := _NAMED.get(model)) is not None:
        return named
    for _, pattern, make in _PATTERNS:
        if (match := pattern.fullmatch(model)) is not None:
            return make(match)
    return answer


def described() -> Iterator[tuple[str, str]]:
    """Each name, or grammar of names, with a line about what it does."""
    for name, one in (*_NAMED.items(), *((grammar, make) for grammar, _, make in _PATTERNS)):
        yield name, (one.__doc__ or "").partition("\n")[0]
