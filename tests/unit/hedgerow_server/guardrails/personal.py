"""Texts with made-up personal data and secrets: own templates, drawn numbers with right check digits."""

import json
import os
import random
import string
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]
TEXTS = Path(os.environ.get("HEDGEROW_GUARDRAIL_TEXTS", ROOT.parent / "shared" / "guardrails"))
"""Where development texts lie, beside the checkout; tests do without where they are not."""
_PROSE = """
the plan for next week is still open and nobody in London has said when 3 of us may leave so please wait St. until March
or later I think 2024 was better than 2023 by 12.5 percent, see page 10-12 (or 14) and the Via note
"""
_WORDS = tuple(_PROSE.split())


def luhn_digit(number: str) -> str:
    """The digit that makes it pass."""
    total = 0
    for place, char in enumerate(reversed(number)):
        value = int(char) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


def card(draw: random.Random) -> str:
    """Of one of the large issuers."""
    prefix, length = draw.choice(
        (
            ("4", 16),
            ("51", 16),
            ("2221", 16),
            ("34", 15),
            ("37", 15),
            ("36", 14),
            ("6011", 16),
            ("3530", 16),
            ("5018", 12),
        )
    )
    number = prefix + "".join(draw.choice(string.digits) for _ in range(length - len(prefix) - 1))
    return number + luhn_digit(number)


def grouped_card(draw: random.Random) -> str:
    """In fours."""
    number = "4" + "".join(draw.choice(string.digits) for _ in range(14))
    number += luhn_digit(number)
    return draw.choice((" ", "-")).join(number[at : at + 4] for at in range(0, 16, 4))


def iban(draw: random.Random, *, printed: bool = False) -> str:
    """German, British, Dutch or Norwegian."""
    country, letters, count = draw.choice((("DE", 0, 18), ("GB", 4, 14), ("NL", 4, 10), ("NO", 0, 11)))
    bank = "".join(draw.choice(string.ascii_uppercase) for _ in range(letters))
    bank += "".join(draw.choice(string.digits) for _ in range(count))
    check = 98 - int("".join(str(int(char, 36)) for char in f"{bank}{country}00")) % 97
    number = f"{country}{check:02}{bank}"
    return " ".join(number[at : at + 4] for at in range(0, len(number), 4)) if printed else number


def email(draw: random.Random) -> str:
    """With what may stand in one."""
    name = "".join(draw.choice(string.ascii_lowercase) for _ in range(draw.randint(1, 12)))
    return draw.choice(
        (
            f"{name}@example.org",
            f"{name}.x+y@mail.example.co.uk",
            f"{name.upper()}_1@ex-ample.de",
            f"jö.{name}@müller.de",
        )
    )


def ssn(draw: random.Random) -> str:
    """Of an area that is given out."""
    return f"{draw.randint(1, 665):03}-{draw.randint(1, 99):02}-{draw.randint(1, 9999):04}"


def ip(draw: random.Random) -> str:
    """IPv4 or IPv6."""
    if draw.random() < 0.5:
        return ".".join(str(draw.randint(1, 223)) for _ in range(4))
    return ":".join(f"{draw.randint(1, 65535):x}" for _ in range(8))


_PHONES = (
    *("+44 20 7946 0###", "+1 (212) 555-2###", "+27 82 345 6###", "+49 30 12345###", "+33 6 12 34 5# ##"),
    *("0033 6 12 34 5# ##", "(212) 555-2###", "212-555-2###", "212.555.2###", "1-212-555-2###", "020 7946 0###"),
    *("0161 496 0###", "06 12 34 5# ##", "01.42.34.5#.##", "(08) 8747 6###", "(0561) 12 34 ##", "030 12345###"),
    *("079 123 4# ##", "0470 12 3# ##", "082 345 6###"),
)
_LOCAL = (
    "60-56-8#-##",
    "467 3###",
    "9472 7###",
    "699 956 ###",
    "78 651 ###",
    "434 14 ###",
    "21 284 69# ###",
    "(72) 754-###",
)


def phone(draw: random.Random) -> str:
    """In a form that says that it is one."""
    return _drawn(draw, draw.choice(_PHONES))


def local_phone(draw: random.Random) -> str:
    """In a form that only words tell from other numbers."""
    return _drawn(draw, draw.choice(_LOCAL))


def _drawn(draw: random.Random, form: str) -> str:
    return "".join(draw.choice("23456789") if char == "#" else char for char in form)


def address(draw: random.Random) -> str:
    """In one of several languages."""
    number = draw.randint(1, 999)
    return draw.choice(
        (
            f"{number} Evergreen Ln", f"{number} North Oak Avenue", f"Gartenstraße {number}", f"Via dei Mille {number}",
            f"{number} rue de la Gare", f"ul. Polna {number}", f"Kossuth Lajos u. {number}.", f"P.O. Box {number}",
            f"Mäntytie {number}", f"PSC {number}, Box 1234\nAPO AE 09{number:03}", f"Suite {number}",
        )
    )  # fmt: skip


def text(draw: random.Random) -> str:
    """A few words around some personal data."""
    kinds = (card, grouped_card, iban, lambda one: iban(one, printed=True), email, ssn, ip, phone, address)
    parts: list[str] = []
    for _ in range(draw.randint(1, 3)):
        parts += draw.choices(_WORDS, k=draw.randint(0, 6))
        parts.append(draw.choice(kinds)(draw) if draw.random() < 0.8 else f"call {local_phone(draw)}")
        parts[-1] += draw.choice(("", "", ".", ",", "?", ")", "\n", " 12", "."))
    return draw.choice((" ", " ", "\n", "  ")).join(parts + draw.choices(_WORDS, k=draw.randint(0, 4)))


def others(count: int, draw: random.Random) -> list[str]:
    """Texts of the development set where it lies beside the checkout, the short ones."""
    if not TEXTS.exists():
        return []
    found = [
        json.loads(line)["text"] for path in sorted(TEXTS.glob("*.jsonl")) for line in path.read_text().splitlines()
    ]
    short = sorted({one for one in found if len(one) <= 400})
    return draw.sample(short, min(count, len(short)))
