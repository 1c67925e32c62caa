"""The 16 scenarios of Failover Bench (methodology 0.1), put together from the other behaviours.

Catalogue: https://github.com/failoverbench/failoverbench/blob/main/scenarios/catalogue.yaml

Its times are the defaults; MS shortens them. An answer is 60 tokens, 15 ms each, as it is there. KEY keeps the state of
parallel tests apart.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from hedgerow_sim.grammar import Catalogue, Fault, Given, Play
from hedgerow_sim.script import Script
from hedgerow_sim.turn import Behaviour, Turn, answer

_ANSWER: Final = "tokens-60-15"


class _Shape(NamedTuple):
    grammar: str
    name: str
    """What it is made of; KEY and MS stand for the parameters."""
    line: str
    ms: int = 0
    """What MS is by default."""


_SHAPES: Final = (
    _Shape("s01-KEY", "once-KEY.429-after-2", "429 with Retry-After: 2 once, then healthy."),
    _Shape("s02", "429-none", "429 without Retry-After, for ever."),
    _Shape("s03-KEY", "once-KEY.500", "500 once, then healthy."),
    _Shape("s04", "503", "503 for ever."),
    _Shape("s05-KEY", "once-KEY.reset-head", "A reset before headers once, then healthy."),
    _Shape("s06[-MS]", "silent-MS.close-head", "No response at all; closes after MS (120000).", 120_000),
    _Shape("s07[-MS]", f"late-head-MS.{_ANSWER}", "Headers at once, the first token after MS (20000).", 20_000),
    _Shape("s08", f"{_ANSWER}.cut-40", "Cut after 40 of 60 tokens."),
    _Shape("s09[-MS]", f"{_ANSWER}.stall-20-MS", "Stalls after 20 tokens, closes after MS (30000).", 30_000),
    _Shape("s10", f"{_ANSWER}.malformed-10", "A malformed event after 10 tokens."),
    _Shape("s11", f"{_ANSWER}.done-missing", "The mark of the end is missing."),
    _Shape("s12", "context-length", "Context length exceeded."),
    _Shape("s13", "filter", "The content policy refuses."),
    _Shape("s14", f"{_ANSWER}.cut-40", "As s08; the fallback is sim-no-prefill."),
    _Shape("s15-KEY[-MS]", "down-MS-KEY.503", "503 for MS (60000), then healthy.", 60_000),
    _Shape("s16", "503", "As s04; the accounting is what counts."),
)


def faults(others: tuple[Fault, ...]) -> Iterator[Fault]:
    """All of them, made of the others."""
    catalogue = Catalogue(others, answer)
    for shape in _SHAPES:
        yield Fault(f"fb-{shape.grammar}", f"Failover Bench: {shape.line}", shape.grammar[:3].upper(),
                    _composed(catalogue, shape))  # fmt: skip


def _composed(catalogue: Catalogue, shape: _Shape) -> Play:
    def play(turn: Turn, given: Given, inner: Behaviour | None) -> Script:
        ms = given.number("MS", shape.ms) if "MS" in given.words else 0
        name = shape.name.replace("MS", str(ms))
        behaviour = catalogue.named(name.replace("KEY", f"fb_{given.word('KEY')}") if "KEY" in given.words else name)
        if behaviour is None:
            raise ValueError(f"no behaviour {name}")
        return behaviour(turn)

    return play
