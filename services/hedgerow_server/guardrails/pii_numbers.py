"""Numbers of accounts, of cards and of people."""

import re
from collections.abc import Callable

from stdnum.au import tfn
from stdnum.be import nn
from stdnum.bg import egn
from stdnum.br import cpf
from stdnum.ca import sin
from stdnum.ch import ssn as ahv
from stdnum.cl import rut
from stdnum.cn import ric
from stdnum.cz import rc
from stdnum.de import idnr as steuer_id
from stdnum.dk import cpr
from stdnum.ee import ik
from stdnum.es import dni, nie
from stdnum.fi import hetu
from stdnum.fr import nir
from stdnum.gb import nhs
from stdnum.gr import amka
from stdnum.hr import oib
from stdnum.ie import pps
from stdnum.in_ import aadhaar
from stdnum.is_ import kennitala
from stdnum.it import codicefiscale
from stdnum.kr import rrn
from stdnum.mx import curp
from stdnum.nl import bsn
from stdnum.no import fodselsnummer
from stdnum.pl import pesel
from stdnum.ro import cnp
from stdnum.se import personnummer
from stdnum.tr import tckimlik
from stdnum.us import itin
from stdnum.za import idnr as za_id

from hedgerow_server.guardrails.announced import Announced
from hedgerow_server.guardrails.forms import Form, Span
from hedgerow_server.guardrails.pii_checks import (
    digits,
    iban_lengths,
    is_birth_date,
    is_card,
    is_issued,
    is_mod_97,
    is_multiple,
    is_ssn,
    is_verhoeff,
)
from hedgerow_server.guardrails.pii_words import (
    BIRTH_WORDS,
    CARD_WORDS,
    ID_WORDS,
    LICENCE_WORDS,
    PASSPORT_WORDS,
    POSTCODE_WORDS,
    SSN_WORDS,
)
from hedgerow_server.guardrails.regexp import compiled

_NEAR = 48
"""Bytes before a number in which a word says what it is."""
MANY_DIGITS = r"[0-9](?:[ .\-/()]{0,3}[0-9]){5}"
"""RE2: six digits with little between them."""
_HYPHEN = r"[\-\x{2010}\x{2011}\x{2013}]"
_CARD_NAMED = compiled(CARD_WORDS)
_SSN_NAMED = Announced(SSN_WORDS, _NEAR)
_ID_NAMED = Announced(ID_WORDS, _NEAR)
_JOINED = re.compile(rb"[0-9][.,\-/]")
_CARD_GOES_ON = re.compile(rb"[.,\-]?[0-9]")
_SSN_GOES_ON = re.compile(rb"[.\-]?[0-9]")
_ID_GOES_ON = re.compile(rb"[.,\-/][0-9]")
_NAMED_GOES_ON = re.compile(rb"[.,/\-]?[0-9]")


def iban(data: bytes, start: int, end: int) -> Span | int:
    """ISO 13616: as long as the country's are, and the check digits are right."""
    length = iban_lengths().get(data[start : start + 2].upper())
    if length is None:
        return start + 1
    text = data[start : start + length + 9]
    stop = _printed_end(text, length)
    if stop is None or re.match(rb"[0-9A-Za-z_]", data[start + stop : start + stop + 1]):
        return start + 1
    bare = text[:stop].translate(None, b" -")
    if bare.upper() != bare and bare.lower() != bare:
        return start + 1
    return (start, start + stop) if is_mod_97(bare.upper()) else start + 1


def _printed_end(text: bytes, length: int) -> int | None:
    """Where a number of so many letters and digits ends that stands in one piece or in groups of four."""
    if text[:length].isalnum():
        return length
    if text[4:5] not in (b" ", b"-"):
        return None
    if text[5 : length + 1].isalnum():
        return length + 1
    stop = length + (length - 1) // 4
    groups = text[:stop].split(text[4:5])
    fits = len(text) >= stop and all(len(group) == 4 for group in groups[:-1])
    return stop if fits and all(group.isalnum() for group in groups) else None


def card(data: bytes, start: int, end: int) -> Span | int:
    """ISO/IEC 7812: issuers' ranges and the check digit."""
    number = digits(data[start:end])
    if not is_card(number) or _CARD_GOES_ON.match(data, end) or _joined(data, start):
        return start + 1
    named = is_issued(number) or _CARD_NAMED.search(data[max(0, start - _NEAR) : start]) is not None
    return (start, end) if named else start + 1


def ssn(data: bytes, start: int, end: int) -> Span | int:
    """With hyphens; in any other form only where a word says so."""
    text = data[start:end]
    if _joined(data, start) or _SSN_GOES_ON.match(data, end) or not is_ssn(digits(text)):
        return start + 1
    hyphens = not text.isdigit() and b" " not in text and b"." not in text
    return (start, end) if hyphens or _SSN_NAMED.directly(data, start) else start + 1


def _joined(data: bytes, start: int) -> bool:
    return start > 1 and _JOINED.match(data, start - 2) is not None


class _Id:
    """One country's numbers of people."""

    __slots__ = ("counts", "form", "is_valid", "shape")

    def __init__(self, counts: tuple[int, ...], form: str, is_valid: Callable[[str], bool]) -> None:
        """`counts`: how many digits it may have."""
        self.counts = counts
        self.form = form
        self.shape = re.compile(form)
        self.is_valid = is_valid


def _always(number: str) -> bool:
    return True


def _is_ric(number: str) -> bool:
    try:
        return ric.is_valid(number)
    except KeyError:  # a number of a prefecture of which python-stdnum knows no county
        return False


def _is_aadhaar(number: str) -> bool:
    # What most numbers fail at comes first: python-stdnum takes ten times as long. So below.
    return is_verhoeff(digits(number.encode())) and aadhaar.is_valid(number)


def _is_fodselsnummer(number: str) -> bool:
    weights = bytes((5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1))
    return is_multiple(digits(number.encode()), weights, 11) and fodselsnummer.is_valid(number)


# Unambiguous: by their separators and letters, or by check digits of which one number in a hundred has the right ones.
_ALONE = (
    _Id((11,), r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}", cpf.is_valid),
    _Id((11,), r"[0-9]{2}\.[0-9]{2}\.[0-9]{2}-[0-9]{3}\.[0-9]{2}", nn.is_valid),
    _Id((13,), r"756\.[0-9]{4}\.[0-9]{4}\.[0-9]{2}", ahv.is_valid),
    _Id((9, 10), r"[0-9]{6}[\-+A-FU-Y][0-9]{3}[0-9A-FHJ-NPR-Y]", hetu.is_valid),
    _Id((10, 12), r"(?:19|20)?[0-9]{6}[\-+][0-9]{4}", personnummer.is_valid),
    _Id((10,), r"[0-9]{6}-[0-9]{4}", kennitala.is_valid),
    _Id((13,), r"[0-9]{6}-[1-8][0-9]{6}", rrn.is_valid),
    _Id((9, 10), r"[0-9]{6}/[0-9]{3,4}", rc.is_valid),
    _Id((7,), r"[A-Za-z]{6}[0-9]{2}[A-Za-z][0-9]{2}[A-Za-z][0-9]{3}[A-Za-z]", codicefiscale.is_valid),
    _Id((8,), r"[0-9]{8}-?[A-Z]", dni.is_valid),
    _Id((7,), r"[XYZ]-?[0-9]{7}-?[A-Z]", nie.is_valid),
    _Id((7, 8), r"[A-Z]{4}[0-9]{6}[HM][A-Z]{5}[0-9A-Z][0-9]", curp.is_valid),
    _Id((17, 18), r"[0-9]{17}[0-9Xx]", _is_ric),
    _Id((15,), r"[12](?:[0-9]{14}| [0-9]{2} [0-9]{2} [0-9]{2} [0-9]{3} [0-9]{3} [0-9]{2})", nir.is_valid),
    _Id((4,), r"[A-Z]{3}P[A-Z][0-9]{4}[A-Z]", _always),  # India, PAN of a person
    _Id((12,), r"[2-9][0-9]{3} [0-9]{4} [0-9]{4}", _is_aadhaar),
    _Id((6,), r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]", _always),  # UK, NINO
    _Id((11,), r"[0-9]{6} ?[0-9]{5}", _is_fodselsnummer),
    _Id((13,), r"[1-8][0-9]{12}", cnp.is_valid),
    _Id((9,), r"9[0-9]{2}-[0-9]{2}-[0-9]{4}", itin.is_valid),
    _Id((7,), r"[0-9]{7}[A-W][A-IW]", pps.is_valid),
    _Id((7, 8, 9), r"[0-9]{1,2}\.[0-9]{3}\.[0-9]{3}-[0-9Kk]", rut.is_valid),
)
# With a word before them: every tenth number of that length has their check digit.
_NAMED = (
    _Id((11,), r"[0-9]{2} ?[0-9]{3} ?[0-9]{3} ?[0-9]{3}", steuer_id.is_valid),
    _Id((9,), r"[0-9]{9}|[0-9]{4}\.[0-9]{2}\.[0-9]{3}", bsn.is_valid),
    _Id((11,), r"[0-9]{11}", lambda number: any(kind.is_valid(number) for kind in (pesel, ik, oib, tckimlik, amka))),
    _Id((10,), r"[0-9]{6}-?[0-9]{4}", cpr.is_valid),
    _Id((10,), r"[0-9]{10}", egn.is_valid),
    _Id((9,), r"[0-9]{3}[ \-]?[0-9]{3}[ \-]?[0-9]{3}", lambda number: sin.is_valid(number) or tfn.is_valid(number)),
    _Id((10,), r"[0-9]{3}[ \-]?[0-9]{3}[ \-]?[0-9]{4}", nhs.is_valid),
    _Id((13,), r"[0-9]{13}", za_id.is_valid),
    _Id((7,), r"[0-9]{7}[A-W]", pps.is_valid),
)


def _by_count(kinds: tuple[_Id, ...]) -> dict[int, list[_Id]]:
    """Which there are of each number of digits."""
    found: dict[int, list[_Id]] = {}
    for kind in kinds:
        for count in kind.counts:
            found.setdefault(count, []).append(kind)
    return found


_ALONE_BY_COUNT, _NAMED_BY_COUNT = _by_count(_ALONE), _by_count(_NAMED)


def national_id(data: bytes, start: int, end: int) -> Span | int:
    """Of a country whose numbers tell themselves from others."""
    return (start, end) if _is_id(_ALONE_BY_COUNT, data, start, end) else start + 1


def named_id(data: bytes, start: int, end: int) -> Span | int:
    """Of other countries, where a word says that it is one."""
    if not _ID_NAMED.directly(data, start):
        return _ID_NAMED.next(data, start)
    return (start, end) if _is_id(_NAMED_BY_COUNT, data, start, end) else start + 1


def _is_id(kinds: dict[int, list[_Id]], data: bytes, start: int, end: int) -> bool:
    fitting = kinds.get(len(digits(data[start:end])))
    if fitting is None or _joined(data, start) or _ID_GOES_ON.match(data, end):
        return False
    text = data[start:end].decode()
    return any(kind.shape.fullmatch(text) and kind.is_valid(text) for kind in fitting)


class Named:
    """Something that only the word before it tells from other numbers."""

    __slots__ = ("_is_one", "_words")

    def __init__(self, words: str, is_one: Callable[[bytes], bool]) -> None:
        self._words = Announced(words, _NEAR)
        self._is_one = is_one

    def __call__(self, data: bytes, start: int, end: int) -> Span | int:
        """Checks that the word stands there."""
        if not self._words.directly(data, start):
            return self._words.next(data, start)
        if _NAMED_GOES_ON.match(data, end) or not self._is_one(data[start:end]):
            return start + 1
        return start, end


def _least_digits(count: int) -> Callable[[bytes], bool]:
    return lambda text: len(digits(text)) >= count


_MONTH = (
    r"(?:(?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}"
    r"|(?i:januar|februar|m\x{e4}rz|mai|juni|juli|oktober|dezember|janvier|f\x{e9}vrier|mars|avril|juin|juillet"
    r"|ao\x{fb}t|enero|febrero|marzo|abril|mayo|junio|julio|agosto))"
)
_BIRTH_DATE = (
    rf"\b(?:[0-9]{{1,2}}[./\-][0-9]{{1,2}}[./\-][0-9]{{2,4}}|[0-9]{{4}}[./\-][0-9]{{1,2}}[./\-][0-9]{{1,2}}"
    rf"|[0-9]{{1,2}}(?:st|nd|rd|th)?\.? (?:of )?{_MONTH}\.?,? [0-9]{{4}}"
    rf"|{_MONTH}\.? [0-9]{{1,2}}(?:st|nd|rd|th)?,? [0-9]{{4}})\b"
)
_POSTCODE = (
    r"\b(?:[0-9]{3,6}|[0-9]{5}-[0-9]{3,4}|[0-9]{2}-[0-9]{3}|[0-9]{3}[ \-][0-9]{2,4}|[0-9]{4} ?[A-Z]{2}"
    r"|[A-Z]{1,2}-?[0-9]{4,5}|[A-Z][0-9][A-Z] ?[0-9][A-Z][0-9]|[A-Z]{1,2}[0-9][0-9A-Z]? ?[0-9][A-Z]{2})\b"
)
_STATE_ZIP = (
    r"\b(?:A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|PA|PR|RI|S[CD]|T[NX]|UT|V[AT]"
    r"|W[AIVY])[ ,]{1,2}[0-9]{5}(?:-[0-9]{4})?\b"
)
_OTHER_POSTCODE = (
    r"\b(?:[A-CEGHJ-NPR-TVXY][0-9][A-CEGHJ-NPR-TV-Z] [0-9][A-CEGHJ-NPR-TV-Z][0-9]"
    r"|(?:[A-PR-UWYZ][A-HK-Y]?[0-9][0-9A-HJKPSTUW]?) [0-9][ABD-HJLNP-UW-Z]{2})\b"
)


def _either(kinds: tuple[_Id, ...]) -> str:
    return rf"\b(?:{'|'.join(kind.form for kind in kinds)})\b"


def _alone(data: bytes, start: int, end: int) -> Span | int:
    return (start, end) if not _ZIP_GOES_ON.match(data, end) else start + 1


_ZIP_GOES_ON = re.compile(rb"[\-.][0-9]")
_LETTERED = r"[A-Z][A-Z0-9][0-9 ][0-9A-Z ][0-9]|[0-9]-?[A-Z]"
_DIGITS = r"[0-9]{2}"

FORMS = (
    Form("iban", r"\b[A-Za-z]{2}[0-9]{2}[ \-]?[0-9A-Za-z]{4}", "[A-Za-z]{2}[0-9]{2}", iban),
    Form(
        "card",
        r"\b(?:[0-9]{12,19}|[0-9]{4}(?:[ .\-][0-9]{4}){2,3}(?:[ .\-][0-9]{1,4})?"
        r"|[0-9]{4}[ .\-][0-9]{6}[ .\-][0-9]{4,5})\b",
        MANY_DIGITS,
        card,
    ),
    Form(
        "us_ssn",
        rf"\b[0-9]{{3}}(?:{_HYPHEN}[0-9]{{2}}{_HYPHEN}|[ .]?[0-9]{{2}}[ .]?)[0-9]{{4}}\b",
        rf"[0-9](?:{_HYPHEN}|[ .])?[0-9]{{2}}(?:{_HYPHEN}|[ .])?[0-9]{{4}}",
        ssn,
    ),
    Form("national_id", _either(_ALONE), f"{MANY_DIGITS}|{_LETTERED}", national_id),
    Form("national_id", _either(_NAMED), MANY_DIGITS, named_id, words=ID_WORDS),
    Form("birth_date", _BIRTH_DATE, _DIGITS, Named(BIRTH_WORDS, is_birth_date), words=BIRTH_WORDS),
    Form(
        "passport",
        r"\b(?:[A-Z]{1,3} ?)?[0-9][0-9A-Z]{5,9}\b",
        _DIGITS,
        Named(PASSPORT_WORDS, _least_digits(5)),
        words=PASSPORT_WORDS,
    ),
    Form(
        "driving_licence",
        r"\b(?:[A-Z]{1,5}[\- ]?)?[0-9][0-9A-Z]{0,15}(?:[\- ][0-9A-Z]{2,6}){0,4}\b",
        _DIGITS,
        Named(LICENCE_WORDS, _least_digits(4)),
        words=LICENCE_WORDS,
    ),
    Form("postcode", _POSTCODE, _DIGITS, Named(POSTCODE_WORDS, _least_digits(2)), words=POSTCODE_WORDS),
    Form("postcode", f"{_STATE_ZIP}|{_OTHER_POSTCODE}", r"[A-Z][ ,]{1,2}[0-9]{5}|[0-9][0-9A-Z]? [0-9][A-Z]", _alone),
)
