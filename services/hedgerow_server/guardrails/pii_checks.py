"""Tells numbers that somebody was given from numbers that only look like them: check digits, ranges, dates."""

import datetime as dt
import functools
import hashlib
import ipaddress
import re

from stdnum import numdb

_DOUBLED = bytes.maketrans(b"0123456789", bytes((0, 2, 4, 6, 8, 1, 3, 5, 7, 9)))
_PLAIN = bytes.maketrans(b"0123456789", bytes(range(10)))
_NOT_DIGITS = bytes(set(range(256)) - set(b"0123456789"))
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_BANK_PART = re.compile("([0-9]+)!")


def digits(data: bytes) -> bytes:
    """The digits alone."""
    return data.translate(None, _NOT_DIGITS)


def is_luhn(number: bytes) -> bool:
    """Whether the check digit is right (ISO/IEC 7812-1, annex B)."""
    backwards = number[::-1]
    return (sum(backwards[::2].translate(_PLAIN)) + sum(backwards[1::2].translate(_DOUBLED))) % 10 == 0


def _verhoeff_row(place: int) -> bytes:
    """What becomes of each check digit with each digit at a place from the right, the two of them read as a number."""
    permuted = tuple(range(10))
    for _ in range(place):
        permuted = tuple((1, 5, 7, 6, 2, 8, 3, 0, 9, 4)[digit] for digit in permuted)
    return bytes(_d5(check, digit) for check in range(10) for digit in permuted)


def _d5(first: int, second: int) -> int:
    """The product of two turns (0 to 4) or reflections (5 to 9) of a pentagon."""
    turned = (first - second if first > 4 else first + second) % 5
    return turned if (first > 4) == (second > 4) else 5 + turned


_VERHOEFF = tuple(_verhoeff_row(place % 8) for place in range(12))


def is_verhoeff(number: bytes) -> bool:
    """Whether the check digit of at most twelve digits is right (J. Verhoeff, 1969)."""
    check = 0
    for row, digit in zip(_VERHOEFF, reversed(number.translate(_PLAIN)), strict=False):
        check = row[10 * check + digit]
    return check == 0


def is_multiple(number: bytes, weights: bytes, of: int) -> bool:
    """Whether the sum of the digits, each times its weight, is a multiple of that."""
    total = sum(digit * weight for digit, weight in zip(number.translate(_PLAIN), weights, strict=False))
    return total % of == 0


# Ranges of issuers as ISO/IEC 7812 numbers: first and last prefix, and the lengths that are in use.
_CARD_RANGES: tuple[tuple[str, str, frozenset[int]], ...] = (
    ("4", "4", frozenset({16, 19})),  # Visa
    ("51", "55", frozenset({16})),  # Mastercard
    ("2221", "2720", frozenset({16})),
    ("34", "34", frozenset({15})),  # American Express
    ("37", "37", frozenset({15})),
    ("300", "305", frozenset({14, 16})),  # Diners Club
    ("3095", "3095", frozenset({14, 16})),
    ("36", "36", frozenset({14, 16, 19})),
    ("38", "39", frozenset({14, 16, 19})),
    ("6011", "6011", frozenset({16, 19})),  # Discover
    ("644", "659", frozenset({16, 19})),
    ("35", "35", frozenset({16, 19})),  # JCB
    ("1800", "1800", frozenset({15})),
    ("2131", "2131", frozenset({15})),
    ("62", "62", frozenset({16, 17, 18, 19})),  # UnionPay
    ("81", "82", frozenset({16})),  # RuPay
    ("60", "60", frozenset({16})),
    ("2200", "2204", frozenset({16, 19})),  # Mir
    ("9792", "9792", frozenset({16})),  # Troy
    ("5018", "5018", frozenset(range(12, 20))),  # Maestro
    ("5020", "5020", frozenset(range(12, 20))),
    ("5038", "5038", frozenset(range(12, 20))),
    ("50", "50", frozenset({16, 18, 19})),
    ("56", "58", frozenset(range(12, 20))),
    ("6304", "6304", frozenset(range(12, 20))),
    ("6390", "6390", frozenset(range(12, 20))),
    ("67", "67", frozenset(range(12, 20))),
)


@functools.cache
def _card_lengths(prefix: str) -> frozenset[int]:
    """The lengths of cards whose number begins with these four digits."""
    lengths: frozenset[int] = frozenset()
    for first, last, allowed in _CARD_RANGES:
        if first <= prefix[: len(first)] <= last:
            lengths |= allowed
    return lengths


def is_card(number: bytes) -> bool:
    """Whether it may be the number of a payment card, of today or of old."""
    return 12 <= len(number) <= 19 and is_luhn(number) and len(set(number)) > 1


def is_issued(number: bytes) -> bool:
    """Whether cards of that length are issued whose numbers begin so."""
    return len(number) in _card_lengths(number[:4].decode())


@functools.cache
def iban_lengths() -> dict[bytes, int]:
    """How long the IBAN of each country is: SWIFT's registry, as python-stdnum has it."""
    registry = numdb.get("iban")
    lengths = {}
    for first in "ABCDEFGHIJKLMNOPQRSTUVWXYZ":
        for second in "ABCDEFGHIJKLMNOPQRSTUVWXYZ":
            fields = registry.info(first + second)[0][1]
            if fields.get("bban"):
                lengths[(first + second).encode()] = 4 + sum(map(int, _BANK_PART.findall(fields["bban"])))
    return lengths


def is_mod_97(iban: bytes) -> bool:
    """Whether the check digits are right (ISO 13616, ISO 7064 MOD 97-10). `iban` has capitals and no spaces."""
    turned = iban[4:] + iban[:4]
    return int("".join(str(int(chr(char), 36)) for char in turned)) % 97 == 1


def is_ssn(number: bytes) -> bool:
    """Whether nine digits may be a US Social Security number: no area 000, 666 or above 899, no group 00, no serial
    0000 (20 CFR 422.103, SSA's randomised numbers since 2011).
    """
    return (
        number[:3] not in (b"000", b"666")
        and number[:1] != b"9"
        and number[3:5] != b"00"
        and number[5:] != b"0000"
        and len(set(number)) > 1
    )


def is_ipv4(data: bytes) -> bool:
    """Whether it is an address of somebody: no netmask, and none that means "here" or "all"."""
    try:
        address = ipaddress.IPv4Address(data.decode())
    except ValueError:
        return False
    return not (data in (b"127.0.0.1", b"0.0.0.0") or data.startswith(b"255.255.") or address.is_multicast)


def is_ipv6(data: bytes) -> bool:
    """As `is_ipv4`. Short forms count only where the beginning is one that is given out: `a::b` is also C++."""
    if b"::" in data and not re.match(rb"(?i)(?:[23][0-9a-f]{3}|f[cd][0-9a-f]{2}|fe[89ab][0-9a-f]|64:ff9b):", data):
        return False
    try:
        ipaddress.IPv6Address(data.decode())
    except ValueError:
        return False
    return True


def is_base58check(data: bytes) -> bool:
    """Whether the last four bytes are the checksum of the rest (Bitcoin addresses)."""
    value = 0
    for char in data.decode():
        value = value * 58 + _BASE58.index(char)
    raw = value.to_bytes(25, "big") if value.bit_length() <= 200 else b""
    return bool(raw) and hashlib.sha256(hashlib.sha256(raw[:-4]).digest()).digest()[:4] == raw[-4:]


def is_bech32(data: bytes) -> bool:
    """Whether the checksum is right (BIP 173 and 350)."""
    prefix, _, body = data.decode().lower().rpartition("1")
    values = [ord(char) >> 5 for char in prefix] + [0] + [ord(char) & 31 for char in prefix]
    values += [_BECH32.find(char) for char in body]
    checksum = 1
    for value in values:
        if value < 0:
            return False
        top = checksum >> 25
        checksum = (checksum & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            if top >> bit & 1:
                checksum ^= generator
    return checksum in (1, 0x2BC830A3)


def is_birth_date(data: bytes) -> bool:
    """Whether the numbers in it, day and month in either order, are a date on which somebody alive was born."""
    numbers = [int(number) for number in re.findall(rb"[0-9]+", data)]
    if re.search(rb"[A-Za-z]{3}", data.replace(b"st", b"").replace(b"nd", b"").replace(b"rd", b"").replace(b"th", b"")):
        return len(numbers) == 2 and 1 <= min(numbers) <= 31 and 1900 <= max(numbers) <= 2100
    if len(numbers) != 3:
        return False
    year, first, second = numbers if numbers[0] > 31 else (numbers[2], numbers[0], numbers[1])
    if year < 100:
        year += 1900
    return 1900 <= year <= 2100 and (_is_date(year, first, second) or _is_date(year, second, first))


def _is_date(year: int, month: int, day: int) -> bool:
    try:
        dt.date(year, month, day)
    except ValueError:
        return False
    return True
