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
    padded = _padded_letters(symbols)
    letter, behind, may = padded[1:-1], padded[2:], stands_for > 0
    if not (may & (padded[:-2] | behind)).any():
        return symbols
    digit = symbols == DIGIT
    before_word = may & behind
    before_word[:-1] |= may[:-1] & may[1:] & digit[1:]
    within = np.zeros_like(padded)
    np.logical_or(letter | digit, before_word, out=within[1:-1])
    stand_in = ((within[1:-1] & may) > letter).nonzero()[0]
    breaks, letters = (~within).nonzero()[0], padded.nonzero()[0]
    word = breaks.searchsorted(stand_in + 1)
    has_letter = letters.searchsorted(breaks[word]) > letters.searchsorted(breaks[word - 1])
    if not _is_habit(word[has_letter], within):
        stand_in = stand_in[has_letter]
    read = symbols.copy()
    read[stand_in] = stands_for[stand_in]
    return read


def _padded_letters(symbols: Symbols) -> npt.NDArray[np.bool_]:
    """Which are letters, with one more place on each side, which is none."""
    letter = np.zeros(len(symbols) + 2, bool)
    np.greater_equal(symbols, LETTER, out=letter[1:-1])
    return letter


def _is_habit(mixed: Places, within: npt.NDArray[np.bool_]) -> bool:
    """Whether so many words are mixed of letters and of what stands for some that "70" is "to", too. `mixed` has the
    number of such a word, for each character in it that stands for a letter.
    """
    if len(mixed) < 4:
        return False
    words = 4 * (1 + int(np.count_nonzero(mixed[1:] != mixed[:-1])))
    return words >= 16 and words >= int(np.count_nonzero(within[1:] > within[:-1]))


def _spacers(symbols: Symbols) -> Places:
    """Which characters only space letters out, as in "i g n o r e": none unless four letters in a row stand so."""
    letter = _padded_letters(symbols)
    alone = (letter[1:-1] > (letter[:-2] | letter[2:])).nonzero()[0]
    if len(alone) < 4 or (alone[3:] - alone[:-3]).min() > 6:
        return alone[:0]
    spacers: Places = alone[:-1][alone[1:] - alone[:-1] == 2] + 1
    return spacers


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
        kept = symbols.nonzero()[0]
        symbols, stands_for = symbols[kept], stands_for[kept]
        places = kept if places is None else places[kept]
    if len(symbols) < 6:
        return Plain(symbols, np.arange(len(symbols)) if places is None else places)
    symbols = _read_leet(symbols, stands_for)
    keep = np.ones(len(symbols), bool)
    before, symbol = symbols[:-1], symbols[1:]
    apart = (before < DIGIT) & (symbol < DIGIT)
    np.logical_not(apart & ((symbol == BLANK) | (symbol == before)), out=keep[1:])
    keep[_spacers(symbols)] = False
    kept = keep.nonzero()[0]
    return Plain(symbols[kept], kept if places is None else places[kept])
