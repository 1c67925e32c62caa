"""Tells random strings, and passwords that somebody has chosen, from words, names and examples."""

import math
import re
from collections import Counter

from hedgerow_server.guardrails.regexp import compiled

_PIECE = re.compile(rb"[A-Za-z0-9+/=]{16,}")
_LONG_PIECE = re.compile(rb"[A-Za-z0-9+/=_]{10}")
_DIGIT = re.compile(rb"[0-9]")
_LETTER = re.compile(rb"[A-Za-z]")
_CLASSES = bytes.maketrans(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", b"U" * 26 + b"l" * 26 + b"0" * 10
)
_CHANGE = re.compile(rb"U(?=[l0])|l(?=[U0])|0(?=[Ul])")
_UUID = re.compile(rb"(?i)[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_HEX = re.compile(rb"[0-9a-f]+|[0-9A-F]+")
_EXAMPLE = re.compile(
    rb"(?i)your|example|sample|dummy|placeholder|redacted|xxxx|\*\*\*|\.\.\.|todo|change-?_?me|insert|replace|1234567|abcdef"
)
_CODE = re.compile(
    rb"[(){}\[\]<>|\\]|^\$[A-Z_][A-Z0-9_]*$|^%[A-Z_]+%$|://"
    rb"|^(?:os|env|process|config|settings|self|this|args|request)\."
)
_NAME = compiled(
    r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)+|[a-z]+(?:[_\-][a-z]+)+[0-9]?|[a-z]+(?:[A-Z][a-z]+)+"
)
_NO_PASSWORD = frozenset(
    b"password passwd pass pwd secret token username none null true false nil undefined required optional".split()
)


def entropy(text: bytes) -> float:
    """Bits for each byte, after Shannon, going by how often each occurs in the text."""
    count = len(text)
    return -sum(times / count * math.log2(times / count) for times in Counter(text).values()) if count else 0.0


def _changes(text: bytes) -> int:
    """How often capitals, small letters and digits follow each other."""
    return len(_CHANGE.findall(text.translate(_CLASSES)))


def is_random(text: bytes) -> bool:
    """Whether a string of at least 16 characters looks drawn by lot: digits among letters, or both cases without words,
    often changing between the kinds, hardly repeating. Neither UUIDs nor examples are.
    """
    piece = max(_PIECE.findall(text), key=len, default=b"")
    if not piece or _UUID.fullmatch(text) or _EXAMPLE.search(text) or not _LETTER.search(piece):
        return False
    digits = len(_DIGIT.findall(piece))
    least = len(piece) * (0.16 if digits >= 2 else 0.45)
    return _changes(piece) >= least and entropy(piece) >= (2.7 if _HEX.fullmatch(piece) else 3.3)


def is_password(text: bytes) -> bool:
    """Whether what a configuration or a sentence gives as a password may be one: letters with digits or signs, no code
    that fetches it, no placeholder. Passwords of letters alone are not told from words.
    """
    if len(text) < 6 or text.lower() in _NO_PASSWORD or _EXAMPLE.search(text) or _CODE.search(text):
        return False
    if _NAME.fullmatch(text) or not _LETTER.search(text):
        return False
    signs = (
        len(text) - len(_DIGIT.findall(text)) - len(_LETTER.findall(text)) - sum(text.count(sign) for sign in b"._-/'")
    )
    return bool(_DIGIT.search(text)) or (len(text) >= 8 and (signs > 0 or _changes(text) >= 0.4 * len(text)))


def is_token(text: bytes) -> bool:
    """Whether what is given as a key or token may be one: as a password, but long and with several digits."""
    if len(text) < 12 or len(set(text)) < 6 or not is_password(text) or not _LONG_PIECE.search(text):
        return False
    return len(_DIGIT.findall(text)) >= 2 or _changes(text) >= 0.3 * len(text)
