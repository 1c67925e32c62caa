"""What the table of faults is made of: rows of the fault catalogue, in both modes of a call, and their trials.

A room registers its rows by adding a module with `CASES` to `every_case`. A case is what the closing line counts: one
row in one mode. It passes when each of its trials passes: the shapes of the fault, and the dialects that have a form of
their own for it.
"""

import enum
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from faults.ground import Place

_ROOMS = (
    "providers",
    "dialects",
    "load",
    "clients",
    "idempotency",
    "hedging",
    "access",
    "vault",
    "money",
    "limits",
    "guards",
    "cache",
    "semantic",
    "operation",
    "ending",
    "overload",
    "egress",
    "bench",
)
"""Modules of this folder, `rows_…`, whose rows are counted."""


class Mode(enum.Enum):
    """How the caller asks."""

    UNARY = "unary"
    """Complete, or Embed."""
    STREAM = "stream"
    """StreamComplete, or StreamEmbed."""
    EITHER = "both"
    """Of a case: one way or the other, as its trials say. Of no call."""


BOTH = (Mode.UNARY, Mode.STREAM)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One candidate of a trial's route, at a provider of its own."""

    model: str
    """The simulator's model, which says what goes wrong."""
    dialect: str = "openai"
    """The dialect of its provider, a name of stack.DIALECTS or openai."""
    at: str = "sim"
    """Where it is: `sim`, or another of ground.ADDRESSES."""
    provider: Mapping[str, object] = field(default_factory=dict)
    """Further settings of the provider."""
    settings: Mapping[str, object] = field(default_factory=dict)
    """Further settings of the candidate."""
    shares: int | None = None
    """The candidate, by its index, whose provider it has too."""


HEALTHY = Candidate("gpt-4o-mini")
"""A peer that answers."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a trial saw, for the table."""

    status: str = "OK"
    """The code, and the reason of a failure."""
    attempts: str = ""
    """The attempts, as `ground.told_attempts` writes them."""
    booked: tuple[int, int] = (0, 0)
    """Tokens in and out that the simulator's book billed."""
    recorded: tuple[int, int] = (0, 0)
    """Tokens in and out of our attempt records."""
    estimated: bool = False
    """Whether a record is estimated: then the two sums may differ."""
    note: str = ""
    """A figure that was measured."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One way in which a fault shows."""

    name: str
    """Lower-case letters, digits and hyphens; unique in its case."""
    candidates: tuple[Candidate, ...]
    """Who serves its route; none where it needs no route."""
    run: "Callable[[Place], Seen]"
    """Makes it happen. Raises AssertionError where something is not as it must be."""
    route: Mapping[str, Any] = field(default_factory=dict)
    """Further settings of the route."""
    kind: str = "chat"
    """The route's kind."""
    mode: Mode | None = None
    """How the caller asks, where the case leaves it open."""
    early: bool = False
    """Whether it takes so long that it begins with the first case, beside all others."""


@dataclass(frozen=True, slots=True)
class Case:
    """A row of the catalogue in one mode."""

    row: str
    """The row's name, such as P1, or the scenario's, such as S01."""
    fault: str
    """What goes wrong, in a few words."""
    mode: Mode
    """How the caller asks."""
    trials: tuple[Trial, ...]
    """All must pass."""
    alone: bool = False
    """Whether its trials run one after the other, because they measure."""

    @property
    def name(self) -> str:
        """Its name in configurations and reports."""
        return f"{self.row.lower()}-{self.mode.value}"


def row(
    name: str,
    fault: str,
    trials: Callable[[Mode], Iterable[Trial]],
    *,
    alone: bool = False,
    modes: tuple[Mode, ...] = BOTH,
) -> list[Case]:
    """A row of the catalogue in both modes, or those in which it means something; `trials` gives what is tried."""
    return [Case(name, fault, mode, tuple(trials(mode)), alone) for mode in modes]


def shape(name: str, fault: str, trials: Callable[[Mode], Iterable[Trial]]) -> Case:
    """A scenario, which counts once: what is tried in both modes."""
    tried = [replace(trial, name=f"{mode.value}-{trial.name}", mode=mode) for mode in BOTH for trial in trials(mode)]
    return Case(name, fault, Mode.EITHER, tuple(tried))


@cache
def every_case() -> tuple[Case, ...]:
    """All cases that are counted, in the order of the table. Rows that several rooms add to are one case a mode."""
    found: dict[str, Case] = {}
    for case in _registered():
        before = found.get(case.name)
        trials = case.trials if before is None else (*before.trials, *case.trials)
        first = before or case
        found[case.name] = Case(first.row, first.fault, first.mode, trials, first.alone)
    return tuple(found.values())


@cache
def every_extra() -> tuple[Case, ...]:
    """Cases that are not counted: routes of tests that go on for longer or look closer."""
    return tuple(case for room in _ROOMS for case in getattr(import_module(f"faults.rows_{room}"), "EXTRA", ()))


def _registered() -> Iterator[Case]:
    for room in _ROOMS:
        yield from import_module(f"faults.rows_{room}").CASES
