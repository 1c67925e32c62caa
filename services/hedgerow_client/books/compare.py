"""Compares the ledger with a provider's book: figure by figure, by day, model and class."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hedgerow_client.books.figures import CLASSES, COST, Book

_NOISE = re.compile(
    r"^(us|eu|apac|jp|au|global|us-gov)\.|\b(anthropic|amazon|meta|mistral|cohere|ai21|deepseek|openai|qwen)[./]"
    r"|\(amazon bedrock edition\)|[-@](20\d{2}-?\d{2}-?\d{2})\b|-v\d+(:\d+)?$|[-:]latest$",
    re.IGNORECASE,
)
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|\d+")


Sums = Mapping[tuple[str, str, str], int]
"""Amounts by day, model and class."""


@dataclass(frozen=True, slots=True)
class Line:
    """One figure in both books. `model` is empty for all models together."""

    day: str
    model: str
    name: str
    ours: int
    theirs: int
    allowed: int = 0
    """How far apart they may be."""

    @property
    def difference(self) -> int:
        """How much more the provider says."""
        return self.theirs - self.ours

    @property
    def agrees(self) -> bool:
        """Whether the two are the same."""
        return abs(self.difference) <= self.allowed


def alike(name: str) -> tuple[str, ...]:
    """What names of one model have in common: its words and numbers in any order, without vendor, region and date."""
    bare, before = name.strip(), ""
    while bare != before:
        before, bare = bare, _NOISE.sub("", bare)
    return tuple(sorted(word.lower() for word in _WORDS.findall(bare)))


def renamed(theirs: Iterable[str], ours: Iterable[str], given: Mapping[str, str]) -> dict[str, str]:
    """The ledger's name for each name in the provider's book: as given, the same name, or the only one alike. A name
    with none of these stands for itself.
    """
    known, found = set(ours), dict(given)
    for name in theirs:
        if name in known:
            found.setdefault(name, name)
    free = known - set(found.values())
    for name in theirs:
        if name not in found:
            likely = [one for one in free if alike(one) == alike(name)]
            found[name] = likely[0] if len(likely) == 1 else name
    return found


def compare(ledger: Book, export: Book, given: Mapping[str, str], tolerance_picos: int) -> list[Line]:
    """Every figure of either book: money where the export has any, each class of tokens where it has any of those.
    `tolerance_picos` is how far off each of the export's figures of money may be.
    """
    names = renamed(sorted(export.models), sorted(ledger.models), given)
    tokens = bool(export.names - {COST})
    wanted = [name for name in CLASSES if (tokens if name != COST else COST in export.names)]
    theirs: dict[tuple[str, str, str], int] = defaultdict(int)
    moneys: dict[tuple[str, str], int] = defaultdict(int)
    for (day, model, name), amount in export.sums.items():
        theirs[day, names.get(model, model), name] += amount
    for (day, model), count in export.moneys.items():
        moneys[day, names.get(model, model)] += count
    whole = {(day, name) for day, model, name in export.sums if not model}
    lines = (
        Line(day, model, name, one, other, tolerance_picos * _moneys(moneys, day, model) if name == COST else 0)
        for (day, model, name), (one, other) in _beside(ledger.sums, theirs, whole).items()
        if name in wanted and (one or other)
    )
    return sorted(
        lines,
        key=lambda line: (line.day, line.model, CLASSES.index(line.name)),
    )


def _beside(ours: Sums, theirs: Sums, whole: set[tuple[str, str]]) -> dict[tuple[str, str, str], list[int]]:
    """Both books. `whole` has the days and classes of which the provider says something without a model: they are
    compared for all models together.
    """
    found: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0])
    for side, sums in enumerate((ours, theirs)):
        for (day, model, name), amount in sums.items():
            found[day, "" if (day, name) in whole else model, name][side] += amount
    return found


def _moneys(moneys: Mapping[tuple[str, str], int], day: str, model: str) -> int:
    """Of how many figures a sum of money is, at least 1."""
    found = moneys.get((day, model), 0) if model else sum(n for (at, _), n in moneys.items() if at == day)
    return max(found, 1)
