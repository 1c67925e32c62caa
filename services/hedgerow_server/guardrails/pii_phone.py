"""Telephone numbers: how they are written in many countries, and whether they are in a numbering plan.

Plans are those of phonenumbers, in one RE2 pattern each: parsing a number and asking whether it is valid takes that
library six times as long, and finding numbers in a text several hundred times.
"""

import functools
import re
from collections.abc import Iterable, Sequence

import re2
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata

from hedgerow_server.guardrails.announced import Announced
from hedgerow_server.guardrails.forms import LOOK_BACK, Form, Span
from hedgerow_server.guardrails.pii_checks import digits
from hedgerow_server.guardrails.pii_words import NOT_PHONE_WORDS, PHONE_WORDS, PLAIN_NUMBER_WORDS
from hedgerow_server.guardrails.regexp import compiled

MOST = 48
"""Bytes of a number with everything that separates its digits."""
_SEP = r"[ .\-/\x{a0}\x{2010}\x{2011}\x{2013}]"
_SIX_DIGITS = rf"[0-9](?:(?:{_SEP}|[()]){{0,3}}[0-9]){{5}}"
_EXTENSION = r"(?:,? ?(?:x|ext\.?|extension|Durchwahl|poste) ?[0-9]{1,6})?"
_INTERNATIONAL = rf"(?:\+ ?|\b00{_SEP}?)[1-9][0-9]{{0,3}}(?:{_SEP}{{0,2}}\(?[0-9]{{1,12}}\)?){{1,7}}"
_NORTH_AMERICAN = (
    rf"(?:(?:\+|\b00)?1{_SEP}|\b1{_SEP})?(?:\b[2-9][0-9]{{2}}{_SEP}|\([2-9][0-9]{{2}}\){_SEP}?)"
    rf"[2-9][0-9]{{2}}{_SEP}[0-9]{{4}}\b"
)
_TRUNK = rf"(?:\(0[0-9]{{1,5}}\)|\b0[0-9]{{1,5}})(?:{_SEP}{{1,2}}[0-9]{{2,8}}){{1,5}}\b"
_AREA = rf"\([0-9]{{2,5}}\){_SEP}{{0,2}}[0-9]{{2,5}}(?:{_SEP}[0-9]{{2,5}}){{1,3}}\b"
_LOCAL = rf"\b[0-9]{{2,5}}(?:{_SEP}[0-9]{{2,7}}){{1,5}}\b|\b[0-9]{{7,13}}\b"

_ANNOUNCING = f"{PHONE_WORDS}|{PLAIN_NUMBER_WORDS}"

_DATE = re.compile(rb"(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.](?:19|20)\d{2})(?!\d)")
_YEARS = re.compile(rb"(?:19|20)\d{2}[-/](?:19|20)\d{2}")
_ADDRESS = re.compile(rb"\d{1,3}(?:\.\d{1,3}){3}(?!\.?\d)")
_THOUSANDS = re.compile(rb"[1-9]\d{0,2}(?:[ .]\d{3})+")
_CONTINUED = re.compile(rb"[.,:/\-]?\d|[%@]|-[A-Za-z]")
_EXTENDED = re.compile(rb"[,A-Za-z].*")
_CURRENCIES = tuple(sign.encode() for sign in "$\u00a3\u00a5\u20ac\u20b9")
_KINDS = (
    "fixed_line",
    "mobile",
    "toll_free",
    "premium_rate",
    "shared_cost",
    "personal_number",
    "voip",
    "uan",
)


def _plan(region: str) -> list[str]:
    """The patterns of all numbers of a country, without its own code and prefixes."""
    metadata = PhoneMetadata.metadata_for_region(region)
    if metadata is None:
        return []
    kinds = (getattr(metadata, kind) for kind in _KINDS)
    return [kind.national_number_pattern for kind in kinds if kind is not None and kind.national_number_pattern]


def _either(patterns: Iterable[str]) -> "re2._Regexp":
    return compiled("|".join(patterns))


@functools.cache
def world() -> "re2._Regexp":
    """The international numbers of all countries, without +. Made once: it takes a third of a second."""
    plans = {
        code: [pattern for region in regions for pattern in _plan(region)]
        for code, regions in COUNTRY_CODE_TO_REGION_CODE.items()
    }
    return _either(f"{code}(?:{'|'.join(patterns)})" for code, patterns in plans.items() if patterns)


@functools.cache
def _national(regions: tuple[str, ...]) -> "re2._Regexp":
    """The numbers of these countries as one dials them there."""
    parts = []
    for region in regions:
        metadata = PhoneMetadata.metadata_for_region(region)
        prefix = (metadata.national_prefix or "") if metadata else ""
        parts += [f"(?:{re2.escape(prefix)})?(?:{pattern})" for pattern in _plan(region)]
    return _either(parts)


class Phones:
    """Finds telephone numbers: by their form where that says enough, else where words around say that one follows."""

    def __init__(self, regions: Sequence[str]) -> None:
        """`regions`: ISO 3166 codes of the countries whose numbers may stand without their country's code."""
        self._national = _national(tuple(regions))
        self._world = world()
        self._named = compiled(PHONE_WORDS)
        self._other = compiled(NOT_PHONE_WORDS)
        self._plain = compiled(PLAIN_NUMBER_WORDS)
        self._announced = Announced(_ANNOUNCING, MOST)

    def forms(self) -> tuple[Form, ...]:
        """Both ways."""
        strong = "|".join(f"(?:{form}){_EXTENSION}" for form in (_INTERNATIONAL, _NORTH_AMERICAN, _TRUNK, _AREA))
        weak = f"(?:{_LOCAL}){_EXTENSION}"
        return (
            Form("phone", strong, _SIX_DIGITS, self.strong),
            Form("phone", weak, _SIX_DIGITS, self.weak, words=_ANNOUNCING),
        )

    def strong(self, data: bytes, start: int, end: int) -> Span | int:
        """A number in a form of its own; trailing groups that make it none are left out."""
        if _is_cut(data, start) or _dated(data, start):
            return start + 1
        number = data[start : min(end, start + MOST)]
        for stop in _stops(number):
            if not _CONTINUED.match(data, start + stop) and self._is_number(number[:stop]):
                break
        else:
            return start + 1
        near = data[max(0, start - MOST) : start]
        if number[:1] != b"+" and self._other.search(near) and not self._named.search(near):
            return start + stop
        return start, start + stop

    def weak(self, data: bytes, start: int, end: int) -> Span | int:
        """A number that only the words before it tell from others."""
        if not self._announced.before(data, start):
            return self._announced.next(data, start)
        if _is_cut(data, start) or _dated(data, start) or end - start > MOST:
            return start + 1
        near = data[max(0, start - MOST) : start]
        if not self._named.search(near) and not (self._plain.search(near) and not self._other.search(near)):
            return start + 1
        number = data[start:end]
        for stop in _stops(number):
            body = number[:stop]
            if 6 <= len(digits(body)) <= 13 and not _CONTINUED.match(data, start + stop) and _is_plausible(body):
                return start, start + stop
        return start + 1

    def _is_number(self, number: bytes) -> bool:
        """Whether some country's plan has it."""
        body = _EXTENDED.sub(b"", number)
        # The trunk prefix in "+44 (0)20" is not dialled from abroad.
        plain = digits(body.replace(b"(0)", b""))
        if body[:1] == b"+":
            return self._world.fullmatch(plain) is not None
        if plain[:2] == b"00":
            return self._world.fullmatch(plain[2:]) is not None
        if body[:1] == b"(" and plain[:1] != b"0":
            return 8 <= len(plain) <= 11
        return len(plain) >= 8 and self._national.fullmatch(plain) is not None


def _is_cut(data: bytes, start: int) -> bool:
    """Whether the number goes on to the left, as in 1.234-567 or $234 567."""
    if start == 0:
        return False
    if data[start - 1] in b".,-/:+":
        return data[max(0, start - 2) : start - 1].isdigit()
    return data[max(0, start - 4) : start].rstrip().endswith(_CURRENCIES)


def _dated(data: bytes, start: int) -> bool:
    return bool(_DATE.match(data, start) or _YEARS.match(data, start) or _ADDRESS.match(data, start))


def _stops(number: bytes) -> list[int]:
    """Where the number may end, the whole of it first: after each of its groups, from the last on."""
    ends = [match.end() for match in re.finditer(rb"\d+\)?", number)]
    return [len(number), *(end for end in reversed(ends) if end < len(number))][:6]


def _is_plausible(number: bytes) -> bool:
    """Whether digits that words announce are written like a telephone number, not like an amount."""
    if _THOUSANDS.fullmatch(number) and (b"." in number or number.endswith(b"000")):
        return False
    return len(set(digits(number))) > 2 and not (b"." in number and re.fullmatch(rb"\d+\.\d+", number))


assert MOST <= LOOK_BACK
