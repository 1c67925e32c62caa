"""Words that say what the number behind them is."""

from hedgerow_server.guardrails.pii_checks import digits
from hedgerow_server.guardrails.regexp import compiled


class Announced:
    """Looks for such words shortly before a number."""

    __slots__ = ("_anywhere", "_near", "_words")

    def __init__(self, words: str, near: int) -> None:
        r"""`words`: RE2, with \b as the only assertion; `near`: bytes before a number in which one counts."""
        self._words = compiled(words)
        self._anywhere = compiled(words.replace(r"\b", ""))
        """Also within other words, as a word looks that is cut where the bytes before a number begin."""
        self._near = near

    def before(self, data: bytes, start: int) -> bool:
        """Whether one stands shortly before a place."""
        return self._words.search(data[max(0, start - self._near) : start]) is not None

    def directly(self, data: bytes, start: int) -> bool:
        """Whether one stands shortly before a number, with no other number in between."""
        near = data[max(0, start - self._near) : start]
        last = 0
        for match in self._words.finditer(near):
            last = match.end()
        return last > 0 and not digits(near[last:])

    def next(self, data: bytes, start: int) -> int:
        """The first place behind `start` before which one may stand: where there are few, no number up to there has to
        be looked at.
        """
        match = self._anywhere.search(data, max(0, start - self._near))
        return len(data) if match is None else max(start, match.start()) + 1
