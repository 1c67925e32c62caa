"""The words, numbers and marks of a question, as `differences` compares them. Linear in the length of the text."""

import re
import unicodedata
from collections.abc import Iterator

import msgspec

from hedgerow_server.caching import words

_TOKEN = re.compile(
    r"""(?P<quote>"[^"\n]{1,300}"|“[^”\n]{1,300}”|«[^»\n]{1,300}»|`[^`]{1,300}`|(?<!\w)'[^'\n]{1,300}'(?!\w))
    |(?P<code>https?://\S{1,300}
        |[\w.+-]{1,64}@[\w.-]{1,255}
        |--[A-Za-z][\w-]{0,40}
        |[A-Za-z](?:\+\+|\#)(?!\w)
        |[A-Za-z_]\w{0,60}(?:\.\w{1,60}){1,8}
        |\w{0,60}_\w{1,60}
        |[a-z]{1,40}[A-Z]\w{0,40}
        |\w{1,60}\(\))
    |(?P<number>[-+−]?\d+(?:[.,:/]\d+){0,8}(?:(?:st|nd|rd|th)\b)?)
    |(?P<symbol>[%$€£¥]|°[CF]?)
    |(?P<word>[^\W\d_]+(?:['’][^\W\d_]+)*)
    |(?P<stop>[.!?;:,\n()])""",  # noqa: RUF001  (quotation marks and the minus sign, as people type them)
    re.VERBOSE,
)
_GROUPED = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_GROUPED_BY_DOTS = re.compile(r"\d{1,3}(?:\.\d{3}){2,}(?:,\d+)?|\d{1,3}(?:\.\d{3})+,\d+")
_ENDINGS = ("ing", "ed", "es", "s")
_LEAST = 3
"""Letters that are left of a word at least."""
_ENDS = frozenset(".!?:\n")
_SCRIPTS = ((0x0E00, 0x0E7F), (0x3040, 0x9FFF), (0xAC00, 0xD7AF), (0x20000, 0x3FFFF))
"""Of Thai, Chinese, Japanese and Korean."""


class Token(msgspec.Struct, frozen=True):
    """One of them."""

    kind: str
    """"quote", "code", "number", "word" or "stop"."""
    text: str
    """Lower case but for quotes and code; a number without its grouping."""
    stem: str
    """A word without its ending."""
    big: bool = False
    """A word that is written like a name, where nothing but that explains it."""


def tokens(text: str) -> Iterator[Token]:
    """Those of a text, in order."""
    text = unicodedata.normalize("NFKC", text).replace("’", "'")  # noqa: RUF001  (the apostrophe that phones type)
    titled = _titled(text)
    begins, before = True, ""
    for match in _TOKEN.finditer(text):
        kind, found = str(match.lastgroup), match[0]
        if kind == "word":
            for one in _word(found, titled=titled, begins=begins, before=before):
                yield one
                before = one.kind
        elif kind == "quote":
            yield Token("quote", found[1:-1].strip(), "")
        elif kind == "number":
            number = _number(found, follows_word=match.start() > 0 and text[match.start() - 1].isalnum())
            yield Token("number", number, number)
        elif kind == "symbol":
            unit = words.UNITS.get(found.casefold(), found)
            yield Token("word", unit, unit)
        else:
            yield Token(kind, found, found)
        before = before if kind == "word" else kind
        begins = kind == "stop" and found in _ENDS


def _titled(text: str) -> bool:
    """Whether so many words begin with a capital that these say nothing."""
    found = [word for word in re.findall(r"[^\W\d_]{2,}", text) if word.casefold() not in words.EMPTY]
    return len(found) > 2 and sum(word[0].isupper() for word in found) > 0.7 * len(found)


def _word(found: str, *, titled: bool, begins: bool, before: str) -> Iterator[Token]:
    folded = found.casefold()
    if _ideographs(found):
        # Without spaces nobody can tell where a word ends.
        yield from (Token("word", one, one) for one in folded)
        return
    if folded.endswith("n't") or folded.replace("'", "") in words.NEGATIONS:
        yield Token("word", "not", "not")
        return
    number = words.NUMBERS.get(folded)
    if number is not None and not (folded == "second" and before == "number"):
        yield Token("number", number, number)
        return
    base = folded.removesuffix("'s").replace("'", "")
    tells = base not in words.EMPTY
    capital = found[0].isupper() and not begins and not titled
    shouted = len(found) > 1 and found.isupper() and not titled
    yield Token("word", base, stem(base), big=(tells and (capital or shouted)) or found == "May")


def _ideographs(text: str) -> bool:
    return any(first <= ord(text[0]) <= last for first, last in _SCRIPTS)


def _number(found: str, *, follows_word: bool) -> str:
    """One spelling for a number: no grouping, no sign that is a hyphen."""
    sign = "-" if found[0] in "-−" and not follows_word else ""  # noqa: RUF001  (as above)
    digits = found.lstrip("+-−")  # noqa: RUF001
    ordinal = digits[-2:] in ("st", "nd", "rd", "th")
    if ordinal:
        return "#" + digits[:-2]
    if _GROUPED.fullmatch(digits):
        return sign + digits.replace(",", "")
    if _GROUPED_BY_DOTS.fullmatch(digits):
        return sign + digits.replace(".", "").replace(",", ".")
    if digits.count(",") == 1 and "." not in digits:
        return sign + digits.replace(",", ".")
    return sign + digits


def stem(word: str) -> str:
    """A word without an English ending, roughly: the same for "list", "lists" and "listing"."""
    if word.endswith("ies") and len(word) > _LEAST + 2:
        return word[:-3] + "y"
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _LEAST and not word.endswith("ss"):
            rest = word[: -len(ending)]
            if ending in ("ing", "ed") and len(rest) > _LEAST and rest[-1] == rest[-2] and rest[-1] not in "ls":
                rest = rest[:-1]
            return rest.removesuffix("e")
    return word.removesuffix("e") if len(word) > _LEAST + 1 else word
