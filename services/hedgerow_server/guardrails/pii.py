"""Personal data: what has a form of its own, checked by its check digits, ranges and plans."""

import re
from collections.abc import Mapping
from typing import Literal, get_args

import pydantic

from hedgerow_server.guardrails import pii_address, pii_contact
from hedgerow_server.guardrails.entry import GuardEntry
from hedgerow_server.guardrails.forms import FormScanner, last_word
from hedgerow_server.guardrails.pii_checks import iban_lengths
from hedgerow_server.guardrails.regexp import compiled

Category = Literal[
    "address",
    "birth_date",
    "card",
    "crypto",
    "driving_licence",
    "email",
    "iban",
    "ip",
    "mac",
    "national_id",
    "passport",
    "phone",
    "postcode",
    "url",
    "us_ssn",
]
"""address: a number with a kind of street, post boxes, units; birth_date: a date that words call one of birth; card:
payment cards; crypto: Bitcoin and Ethereum addresses; ip: IPv4 and IPv6; mac: hardware addresses; national_id: the
numbers under which some 30 states know somebody, with check digits where they have them; driving_licence, passport:
where a word says so; postcode: where a word says so, and the forms of the United Kingdom, of Canada and of US states;
url: with http, https or www; us_ssn: US Social Security numbers."""
_BY_DEFAULT = frozenset(get_args(Category)) - {"url"}
_REGIONS = (
    *("US", "CA", "GB", "IE", "AU", "NZ", "ZA", "IN", "SG", "HK", "MY", "PH", "DE", "AT", "CH", "FR", "BE", "NL", "LU"),
    *("ES", "PT", "IT", "GR", "CY", "MT", "DK", "SE", "NO", "FI", "IS", "EE", "LV", "LT", "PL", "CZ", "SK", "HU", "SI"),
    *("HR", "RO", "BG", "RS", "TR", "IL", "AE", "MX", "BR", "AR", "UY", "CL", "CO", "PE", "TN", "MA", "EG", "NG", "KE"),
    *("JP", "KR", "TH"),
)
LONGEST_NUMBER = 64
"""Code points of a number with what separates its groups."""
_RUN = (
    r"(?:(?:[+(]+ ?)?[0-9][0-9 ().+/,\-\x{a0}\x{2010}\x{2011}\x{2013}]*"
    r"(?:(?:x|e|ex|ext|exte[a-z]*|D[a-z]*|p[a-z]*)\.? ?[0-9]*)?|[+(]+ ?)\z"
)
"""RE2: the beginning of a number at the end of a text, perhaps with an extension."""
_ACCOUNT = r"\b[A-Za-z]{2}[0-9]{2}(?:[ \-]?[0-9A-Za-z]*|(?:[ \-][0-9A-Za-z]{4})*[ \-]?[0-9A-Za-z]{0,4})\z"
"""RE2: the beginning of an IBAN there, in one piece or in groups of four."""
_NUMERIC = re.compile(b"[0-9+(]")


_NO_MARKS = bytes(code for code in range(256) if chr(code) not in "0123456789@")
_MARKS = bytes(code if chr(code) == "@" else ord("0") if code not in _NO_MARKS else ord(" ") for code in range(256))
_NUMBER, _AT = b" 0", b"@"
"""How _MARKS spells where a number begins, and what stands in an e-mail address."""
_SPARSE = 40
"""Code points of a step for each number and e-mail address in it: where there are more of them, which take 2 to 15 µs
each, the step is shorter."""
_LEAST_STEP = 256


class PiiGuardSection(GuardEntry):
    """Personal data that has a form of its own. Names of people and places are not found: see docs/guardrails.md."""

    type: Literal["pii"] = "pii"
    """Personal data."""
    categories: frozenset[Category] = _BY_DEFAULT
    """What it looks for. Default: all but `url`."""
    replacements: Mapping[Category, str] = {}
    """What stands in the place of each once it is redacted. Default: the category in capitals, such as "[EMAIL]"."""
    phone_regions: tuple[str, ...] = pydantic.Field(default=_REGIONS, min_length=1)
    """ISO 3166 codes of the countries whose telephone numbers may stand without their country's code. Numbers with one
    are found for all countries."""


class PiiGuard(FormScanner):
    """Finds personal data. What stands alone is held to the end of its word, numbers and addresses to the end of the
    last word that may belong to them: at most 320 code points.
    """

    def __init__(self, section: PiiGuardSection) -> None:
        from hedgerow_server.guardrails import pii_numbers
        from hedgerow_server.guardrails.pii_phone import Phones

        forms = [
            *pii_contact.FORMS,
            *pii_numbers.FORMS,
            *pii_address.FORMS,
            *(Phones(section.phone_regions).forms() if "phone" in section.categories else ()),
        ]
        iban_lengths()  # a registry is read: not in the first call
        replacements = {category: f"[{category.upper()}]" for category in get_args(Category)}
        super().__init__(
            [form for form in forms if form.category in section.categories],
            {**replacements, **dict(section.replacements.items())},
            "pii",
            _open_from,
        )

    def reach(self, text: str, begin: int, end: int) -> int:
        """See core.guard.Paced: as far as there are no more numbers than a step of sparse text has."""
        if end - begin <= _LEAST_STEP:
            return end
        seen, most = text[begin:end].encode("ascii", "replace"), (end - begin) // _SPARSE
        if len(seen.translate(None, _NO_MARKS)) <= most:
            return end
        marks = seen.translate(_MARKS)
        while (there := marks.count(_NUMBER) + marks.count(_AT)) > most and len(marks) > _LEAST_STEP:
            marks = marks[: max(_LEAST_STEP, min(len(marks) * most // there, len(marks) * 3 // 4))]
        return begin + len(marks)


_OPEN = tuple(map(compiled, (_RUN, _ACCOUNT)))


def _open_from(text: str, begin: int) -> int:
    """Where something may begin that has not ended yet."""
    word = last_word(text, begin, pii_contact.LONGEST_EMAIL)
    open_from = pii_address.open_from(text, begin, word)
    tail = text[max(begin, len(text) - LONGEST_NUMBER) :].encode(errors="replace")
    if _NUMERIC.search(tail):
        found = [match.start() for one in _OPEN if (match := one.search(tail)) is not None]
        open_from = min([open_from, *(len(text) - len(tail[start:].decode()) for start in found)])
    return open_from
