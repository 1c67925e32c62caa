"""Behaviours that choose or pace another one, named after a dot: by count, by clock, by chance."""

from collections.abc import Iterator
from typing import Final

import msgspec

from hedgerow_sim.dialects.port import Kind
from hedgerow_sim.faults.refusals import refusing
from hedgerow_sim.grammar import Fault, Given
from hedgerow_sim.laws import LAWS, Law, fixed
from hedgerow_sim.script import Deaf, Script
from hedgerow_sim.turn import Behaviour, Turn, answer

_SLOW_TOKENS: Final = 400
_SLOW_MS: Final = 50
_MOST_TOKENS: Final = 100_000
_PERCENT: Final = 100
_ERROR: Final = refusing(Kind.SERVER)
_DOWN: Final = refusing(Kind.OVERLOADED)


def _paced(turn: Turn, law: Law, inner: Behaviour | None, length: int | None) -> Script:
    turn = turn.wishing(length=length) if length is not None else turn
    return (inner or answer)(msgspec.structs.replace(turn, law=law))


def _slow(turn: Turn, given: Given, inner: Behaviour | None) -> Script:
    return _paced(turn, fixed(_SLOW_MS, _SLOW_MS), inner, _SLOW_TOKENS)


def _tokens(turn: Turn, given: Given, inner: Behaviour | None) -> Script:
    pace = given.number("M")
    return _paced(turn, fixed(given.number("F", pace), pace), inner, given.number("N", most=_MOST_TOKENS))


def _law(turn: Turn, given: Given, inner: Behaviour | None) -> Script:
    return _paced(turn, LAWS[given.word("LAW")], inner, None)


def _once(turn: Turn, given: Given, inner: Behaviour | None) -> Script:
    first = turn.provider.count(f"once {given.word('KEY')}") == 1
    return (inner or _ERROR)(turn) if first else answer(turn)


def _times(turn: Turn, given: Given, inner: Behaviour | None) -> Script:
    early = turn.provider.count(f"times {given.word('KEY')}") <= given.number("N")
    return (inner or _ERROR)(turn) if early else answer(turn)


def _then(turn: Turn, given: Given, inner: Behaviour | None) -> Script:
    late = turn.provider.count(f"after {given.word('KEY')}") > given.number("N")
    return (inner or _ERROR)(turn) if late else answer(turn)


def _down(turn: Turn, given: Given, inner: Behaviour | None) -> Script:
    down = turn.provider.since(f"down {given.word('KEY')}") < given.seconds("MS")
    return (inner or _DOWN)(turn) if down else answer(turn)


def _flap(turn: Turn, given: Given, inner: Behaviour | None) -> Script:
    up, down = given.seconds("UP"), given.seconds("DOWN")
    since = turn.provider.since(f"flap {given.word('KEY')} {up} {down}")
    healthy = since % (up + down) < up if up + down else True
    return answer(turn) if healthy else (inner or _DOWN)(turn)


def _errors(turn: Turn, given: Given, inner: Behaviour | None) -> Script:
    fails = turn.rng.random() * _PERCENT < given.number("PERCENT")
    return (inner or _ERROR)(turn) if fails else answer(turn)


def _ignores_cancel(turn: Turn, given: Given, inner: Behaviour | None) -> Script:
    yield Deaf()
    yield from (inner or answer)(turn)


def _echo(turn: Turn, given: Given, inner: Behaviour | None) -> Script:
    return answer(turn.wishing(echo=True))


def _echo_first(turn: Turn, given: Given, inner: Behaviour | None) -> Script:
    early = turn.provider.count(f"echo {given.word('KEY')}") <= given.number("N")
    yield from answer(turn.wishing(echo=True)) if early else (inner or answer)(turn)


def faults() -> Iterator[Fault]:
    """All of them."""
    yield Fault("echo", "Says the last user message back.", "G1, G2, G3, G4", _echo)
    yield Fault(
        "echo-N-KEY",
        "The first N calls with KEY get the last user message back, the others are answered.",
        "G4",
        _echo_first,
        wraps=True,
    )
    yield Fault("slow", "400 tokens, 50 ms each.", "P10, H1, C1", _slow, wraps=True)
    yield Fault(
        "tokens-N-M[-F]", "N tokens, M ms each; the first after F ms (M without F).", "C1, C3, H1", _tokens, wraps=True
    )
    yield Fault("law-LAW", f"Answers at the pace of a law: {', '.join(LAWS)}.", "H1", _law, wraps=True)
    yield Fault(
        "once-KEY",
        "The first call with KEY fails (500), the others are answered.",
        "P3, S01, S03, S05",
        _once,
        wraps=True,
    )
    yield Fault(
        "times-N-KEY", "The first N calls with KEY fail (500), the others are answered.", "P3", _times, wraps=True
    )
    yield Fault(
        "after-N-KEY", "The first N calls with KEY are answered, the others fail (500).", "P26", _then, wraps=True
    )
    yield Fault(
        "down-MS-KEY", "Down (503) for MS from the first call with KEY on, then healthy.", "P25, S15", _down, wraps=True
    )
    yield Fault(
        "flap-UP-DOWN[-KEY]",
        "Up for UP ms, down (503) for DOWN ms, and so on from the first call on.",
        "P26, S15",
        _flap,
        wraps=True,
    )
    yield Fault("errors-PERCENT", "That share of the calls fails (500), by the seed.", "P26", _errors, wraps=True)
    yield Fault(
        "ignores-cancel",
        "Goes on, and bills, to the end though the client has left.",
        "P21, H2",
        _ignores_cancel,
        wraps=True,
    )
