"""One spelling for texts that read alike: what a model reads through, a detector has to read through too.

A text becomes an array with one small number (a symbol) for each character that is left. Letters are folded to their
plain Latin look (case, accents, homoglyphs, full-width and mathematical forms), invisible characters vanish, text in a
right-to-left override is turned round, digits that stand for letters are read as such and letters that are spaced out
move together. Everything is a look-up in an array, so the time is linear in the length and small.

Sources: Unicode 16 UnicodeData (decompositions), UTS #39 for the idea of look-alikes; the table of them is our own.
"""

import functools
import unicodedata
from importlib.resources import files
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Symbols = npt.NDArray[np.uint8]
Places = npt.NDArray[np.int64]

DROPPED = 0
BLANK = 1
LINE = 2
STOP = 3
COMMA = 4
QUOTE = 5
BRACKET = 6
MARK = 7
DIGIT = 8
PICTURE = 9
LETTER = 10
"""The symbol of `a`; `z` is 35."""
OTHER = 36
"""The first of the symbols that letters of other scripts share."""
OTHERS = 200
"""How many those are."""

_LIMIT = 0x20000
"""Code points from here on are looked at one range at a time: few of them stand in texts."""

_LEET = {"0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "8": "b", "9": "g"}
_LEET_MARKS = {"@": "a", "$": "s", "!": "i", "|": "i", "+": "t", "€": "e", "£": "l", "¢": "c"}
_CLASSES = {
    BLANK: " \t\v\f\r",
    LINE: "\n\x85\u2028\u2029",
    STOP: ".!?\u3002\uff01\uff1f\u2026\u061f\u0964",
    COMMA: ",;:\uff0c\uff1b\uff1a\u3001",
    QUOTE: "\"'`\xb4\u2018\u2019\u201a\u201b\u201c\u201d\u201e\xab\xbb\u2039\u203a\u300c\u300d\u300e\u300f",
    BRACKET: "()[]{}<>\uff08\uff09\u3010\u3011\u300a\u300b",
}
_OVERRIDES = "\u202e\u2067"
_ENDS = frozenset("\u202c\u2069\u202d\u202a\u202b\u2066\u2068\n")


class Plain(NamedTuple):
    """A text in one spelling."""

    symbols: Symbols
    """One for each character that is left, without DROPPED; runs of separators are one."""
    places: Places
    """Where each stood in the text, in code points."""


class _Tables(NamedTuple):
    symbols: Symbols
    leet: Symbols
    ascii_symbols: bytes
    ascii_leet: bytes


@functools.cache
def _tables() -> _Tables:
    symbols = np.zeros(_LIMIT, np.uint8)
    leet = np.zeros(_LIMIT, np.uint8)
    every = np.arange(_LIMIT)
    symbols[:] = OTHER + every % OTHERS
    for low, high in _FOLDED:
        for code in range(low, high):
            symbols[code] = _symbol(chr(code))
    for line in files(__package__).joinpath("data", "look_alikes.txt").read_text("utf-8").splitlines()[1:]:
        letter, looks = line.split(" ")
        for look in {*looks, *looks.upper()}:
            if not look.isascii():
                symbols[ord(look)] = _plain(letter)
    for kind, characters in _CLASSES.items():
        for character in characters:
            symbols[ord(character)] = kind
    for character, letter in (_LEET | _LEET_MARKS).items():
        leet[ord(character)] = _plain(letter)
    return _Tables(symbols, leet, symbols[:256].tobytes(), leet[:256].tobytes())


_FOLDED = ((0, 0x0590), (0x1AB0, 0x2C00), (0x3000, 0x3040), (0xA640, 0xA800), (0xFB00, 0xFB07), (0xFE00, 0xFE70),
           (0xFEFF, 0x10000), (0x1D400, 0x1D800), (0x1F000, 0x1FB00))  # fmt: skip
"""The blocks with letters that look Latin, marks, pictures and what is not seen; the rest are other scripts."""


def _plain(letter: str) -> int:
    return LETTER + ord(letter) - 97 if letter.isalpha() else DIGIT


def _symbol(character: str) -> int:
    """What one character is, by Unicode."""
    base = unicodedata.normalize("NFKD", character).lower()
    base = base.lstrip("()[] ") or base
    if "a" <= base[:1] <= "z":
        return _plain(base[0])
    kind = unicodedata.category(character)
    if kind in ("Mn", "Me", "Cf", "Cc", "Cn") and not character.isspace():
        return DROPPED
    if base[:1] in "0123456789" or kind[0] == "N":
        return DIGIT
    if kind[0] == "Z":
        return BLANK
    if kind == "So":
        return PICTURE
    if kind[0] in "PS":
        return MARK
    return OTHER + ord(character) % OTHERS


def _codes(text: str) -> npt.NDArray[np.uint32]:
    """The code points. A lone surrogate stays what it is."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    high = codes >= _LIMIT
    if high.any():
        codes = codes.copy()
        tags = (codes >= 0xE0020) & (codes < 0xE007F)
        codes[tags] -= 0xE0000  # "tag" characters: ASCII that is not seen
        codes[(codes >= 0xE0000) & (codes < 0xE0200)] = 0
        beyond = codes >= _LIMIT
        codes[beyond] = 0x4E00 + codes[beyond] % 0x5000
    return codes


def _turned(text: str) -> npt.NDArray[np.int64] | None:
    """The order in which a reader sees the characters, where an override turns some of them round."""
    if not any(mark in text for mark in _OVERRIDES):
        return None
    order = np.arange(len(text))
    begin = -1
    for at, character in enumerate(text):
        if begin >= 0 and character in _ENDS:
            order[begin:at] = order[begin:at][::-1]
            begin = -1
        elif begin < 0 and character in _OVERRIDES:
            begin = at + 1
    if begin >= 0:
        order[begin:] = order[begin:][::-1]
    return order


def _read_leet(symbols: Symbols, stands_for: Symbols) -> Symbols:
    """Digits and marks as letters, inside words that have a letter."""
    letter = symbols >= LETTER
    may = stands_for > 0
    beside = np.zeros_like(letter)
    beside[:-1] = letter[1:]
    beside[1:] |= letter[:-1]
    if not (may & beside).any():
        return symbols
    digit = may & (symbols == DIGIT)
    before_word = np.zeros_like(letter)
    before_word[:-1] = letter[1:] | digit[1:]
    within = letter | (symbols == DIGIT) | (may & before_word)
    starts = np.concatenate(([0], np.flatnonzero(within[1:] != within[:-1]) + 1))
    has_letter = np.logical_or.reduceat(letter, starts)
    sizes = np.diff(starts, append=len(symbols))
    stands_in = within & may & ~letter
    mixed = has_letter & np.logical_or.reduceat(stands_in, starts)
    words = int(np.count_nonzero(within[starts]))
    if int(np.count_nonzero(mixed)) * 4 < max(words, 16):  # else it is a habit: "70" is "to" then
        stands_in &= np.repeat(has_letter, sizes)
    return np.where(stands_in, stands_for, symbols)


def _spacers(symbols: Symbols) -> npt.NDArray[np.bool_] | None:
    """Which characters only space letters out, as in "i g n o r e": none unless four letters in a row stand so."""
    letter = symbols >= LETTER
    alone = letter.copy()
    alone[1:] &= ~letter[:-1]
    alone[:-1] &= ~letter[1:]
    links = np.zeros(len(symbols), bool)
    links[1:-1] = alone[:-2] & alone[2:]
    return links if (links[:-4] & links[2:-2] & links[4:]).any() else None


def _read(text: str) -> tuple[Symbols, Symbols, Places | None]:
    """Symbols, the letters they may stand for, and the order in which they are seen if it is not the text's."""
    tables = _tables()
    if text.isascii():
        raw = text.encode("ascii")
        symbols = np.frombuffer(raw.translate(tables.ascii_symbols), np.uint8)
        return symbols, np.frombuffer(raw.translate(tables.ascii_leet), np.uint8), None
    codes, order = _codes(text), _turned(text)
    if order is not None:
        codes = codes[order]
    return tables.symbols[codes], tables.leet[codes], order


def plain(text: str) -> Plain:
    """The text in one spelling, and where each character stood."""
    symbols, stands_for, places = _read(text)
    if not symbols.all():
        kept = np.flatnonzero(symbols)
        symbols, stands_for = symbols[kept], stands_for[kept]
        places = kept if places is None else places[kept]
    if len(symbols) < 6:
        return Plain(symbols, np.arange(len(symbols)) if places is None else places)
    symbols = _read_leet(symbols, stands_for)
    keep = np.ones(len(symbols), bool)
    again = symbols[1:] == symbols[:-1]
    apart = symbols < DIGIT
    keep[1:] = ~(apart[1:] & (again | ((symbols[1:] == BLANK) & apart[:-1])))
    spacers = _spacers(symbols)
    if spacers is not None:
        keep &= ~spacers
    kept = np.flatnonzero(keep)
    return Plain(symbols[kept], kept if places is None else places[kept])
