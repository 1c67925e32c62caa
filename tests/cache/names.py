"""Ids that are made to be confused: separators, lengths, two Unicode forms of one name, none at all."""

import random
import unicodedata

from hypothesis import strategies as st

PIECES = [
    *"ab",
    *(":", "/", "|", "\0", "\x1f", ",", " ", "\n", "\\", '"', "-", "=", "%", "%3A"),
    unicodedata.normalize("NFC", "é"),
    unicodedata.normalize("NFD", "é"),
    *("ﬁ", "fi", "Å", "\u212b", "\u200b", "\ufeff", "\u0410", "A", "\U0001d4b6", "😀", "\ud800"),
    *("tenant", "user", "session", "null", "None", "\x00\x00\x00\x01", "\x00\x00\x00\x01a"),
]


def names() -> st.SearchStrategy[str]:
    """For hypothesis."""
    return st.lists(st.sampled_from(PIECES), max_size=4).map("".join)


def name(dice: random.Random) -> str:
    """One by the dice."""
    return "".join(dice.choices(PIECES, k=dice.randrange(4)))
