"""Where the words of a text stand."""

from collections.abc import Sequence


class Spans:
    """The places of words between which there is nothing but white space. Few are asked for, mostly next to each other,
    so each is looked for from the nearest one that is known: the one that was asked for last, or one of the ends.
    """

    __slots__ = ("_at", "_span", "_text", "_words")

    def __init__(self, words: Sequence[str], text: str, begin: int) -> None:
        """`words`: all that stand in the text from `begin` on, in their order. No white space is in them, unless one is
        white space that never stands between them.
        """
        self._words = words
        self._text = text
        self._at = -1
        """The one that was asked for last."""
        self._span = begin, begin

    def __getitem__(self, at: int) -> tuple[int, int]:
        """Where a word begins and ends."""
        text, (start, end) = self._text, self._span
        if len(self._words) - at < abs(at - self._at):
            self._at, start = len(self._words), len(text)
        if at > self._at:
            for word in self._words[self._at + 1 : at + 1]:
                start = text.index(word, end)
                end = start + len(word)
        else:
            for word in reversed(self._words[at : self._at]):
                start = text.rindex(word, 0, start)
                end = start + len(word)
        self._at, self._span = at, (start, end)
        return self._span
