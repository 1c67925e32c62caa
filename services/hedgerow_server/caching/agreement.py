"""Whether two answers say the same, roughly: for figures, not for decisions."""

from collections import Counter
from collections.abc import Iterable

from hedgerow_server.caching.differences import facts
from hedgerow_server.core.event import Event, TextDelta

_LEAST = 0.5
_LONGEST = 4_000
"""Characters that are compared."""


def text_of(events: Iterable[Event]) -> str:
    """What a caller reads of an answer."""
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def agreement(one: str, other: str) -> float:
    """How much of what two answers say is the same, 0 to 1: the harmonic mean of how much of each stands in the other
    (F1 over words without those that say nothing). Two answers of one model to one question have 0.5 and more as a
    rule, answers to different ones less; both may be otherwise.
    """
    mine, theirs = (Counter(facts(text[:_LONGEST]).words) for text in (one, other))
    total = mine.total() + theirs.total()
    if not total:
        return float(one.strip() == other.strip())
    return 2 * (mine & theirs).total() / total


def agree(one: str, other: str) -> bool:
    """Whether it is enough to take them for the same."""
    return agreement(one, other) >= _LEAST
