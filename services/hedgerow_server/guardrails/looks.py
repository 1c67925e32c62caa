"""Several ways of looking at one text that comes in pieces, as one."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from hedgerow_server.guardrails.pattern import Patterns


class Look(Protocol):
    """One look at one text, as it stands now."""

    def next(self, begin: int) -> tuple[int, int] | None:
        """The first match from `begin` on. Need not look further than to `open_from`."""

    def open_from(self, begin: int) -> int:
        """The first place from `begin` on from which more text may make a match, or a longer one: the end of the text
        where there is none. Need not look further than to the first match.
        """


class Hit(NamedTuple):
    """A match."""

    start: int
    end: int
    look: int
    """Which of the looks it is of."""


def first_of(looks: Sequence[Look], begin: int, size: int, *, final: bool) -> tuple[list[Hit], int]:
    """The matches that more text cannot change any more, and up to where that holds. The first match counts, then the
    first one behind it, and so on; of those that begin at one place it is the longest. As every look begins anew behind
    a match, it does not matter where one begins.
    """
    nexts = [look.next(begin) for look in looks]
    opens = [look.open_from(begin) for look in looks]
    hits: list[Hit] = []
    while True:
        hold = size if final else min(opens, default=size)
        start, end, first = hold, 0, -1
        for index, one in enumerate(nexts):
            if one is not None and (one[0] < start or (one[0] == start < hold and one[1] > end)):
                start, end, first = *one, index
        if first < 0:
            return hits, hold
        hits.append(Hit(start, end, first))
        for index, look in enumerate(looks):
            one = nexts[index]
            crossed = one is not None and one[0] < end
            if crossed:
                nexts[index] = look.next(end)
            if crossed or opens[index] < end:
                opens[index] = look.open_from(end)


class PatternsLook:
    """A look for patterns."""

    __slots__ = ("_final", "_patterns", "_text")

    def __init__(self, patterns: Patterns, text: str, *, final: bool) -> None:
        self._patterns = patterns
        self._text = text
        self._final = final

    def next(self, begin: int) -> tuple[int, int] | None:
        """The leftmost match, and of those the longest."""
        return self._patterns.next(self._text, begin)

    def open_from(self, begin: int) -> int:
        """Where a match has begun that more text could complete."""
        return len(self._text) if self._final else self._patterns.open_from(self._text, begin)
