"""What stands in a text in another coding: Base64, hexadecimal, percent signs, ROT13, backwards."""

import base64
import binascii
import codecs
import itertools
import re
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

import re2

_RUNS = re2.compile(
    r"(?:[A-Za-z0-9+/_-]{8,76}[ \t]{0,2}\r?\n[ \t]{0,8})*[A-Za-z0-9+/_-]{16,}={0,2}"
    r"|(?:(?:0x|\\x|\\u00)?[0-9A-Fa-f]{2}[ ,:;]{0,2}){12,}"
    r"|(?:%[0-9A-Fa-f]{2}[A-Za-z0-9._~+-]{0,12}){6,}"
)
_SPACE = re.compile(r"\s+")
_HEX_MARKS = re.compile(r"0x|\\x|\\u00|[ ,:;\s]")
_HEX = re.compile(r"[0-9A-Fa-f]+")
_TURNED = re2.compile(
    r"\b(?:gur|naq|lbh|lbhe|nyy|vafgehpgvbaf?|vtaber|cebzcg|jung|sbetrg|flfgrz|cnffjbeq|guvf|gung|abg|ner|sebz|jvgu|"
    r"gb|vf|bs|va|vg|zl|zr|pna|jvyy|gryy|haq|qre|qvr|qnf|vfg|vpu|nyyrf|jvr|avpug)\b"
)
"""Frequent words of English and German in ROT13, and words of attacks."""
_BACKWARDS = re2.compile(
    r"\b(?:eht|dna|uoy|ruoy|lla|snoitcurtsni|noitcurtsni|erongi|tpmorp|tahw|tegrof|metsys|drowssap|siht|taht|era|morf|"
    r"htiw|ot|fo|lliw|llet|dnu|tsi|hci|sella|eiw|thcin)\b"
)
"""The same backwards."""
_EITHER = re2.compile(f"{_TURNED.pattern}|{_BACKWARDS.pattern}")
"""Both as one, since few texts have any."""
_MOST = 8
"""Runs that are decoded of one piece of text."""


class Decoded(NamedTuple):
    """A text that stood in another one."""

    text: str
    start: int
    end: int
    """Where it stood."""


def decoded(text: str, spelling: bytes) -> Iterator[Decoded]:
    """What the text says in other codings. `spelling` is the text in one spelling, as ASCII."""
    # In bytes: RE2's own module counts the characters before each match of a str.
    data = text.encode(errors="replace")
    for match in itertools.islice(_RUNS.finditer(data), _MOST):
        start, end = match.span()
        if plain := _run(data[start:end].decode()):
            begin = start if len(data) == len(text) else len(data[:start].decode())
            yield Decoded(plain, begin, begin + end - start)
    if _EITHER.search(spelling) is None:
        return
    for pattern, reading in ((_TURNED, _rot13), (_BACKWARDS, _reversed)):
        words = sum(1 for _ in pattern.finditer(spelling))
        if words >= 2 and words * 10 >= spelling.count(b" "):
            yield Decoded(reading(text), 0, len(text))


def _rot13(text: str) -> str:
    return codecs.encode(text, "rot13")


def _reversed(text: str) -> str:
    return text[::-1]


def _run(run: str) -> str | None:
    if run.startswith("%"):
        return _readable(unquote_to_bytes(run))
    bare = _HEX_MARKS.sub("", run)
    if len(bare) % 2 == 0 and _HEX.fullmatch(bare):
        return _readable(bytes.fromhex(bare))
    if run.islower() or run.isupper() or len(bare) < 20:
        return None  # words and paths; Base64 of a text has both cases
    return _base64(_SPACE.sub("", run).rstrip("=").replace("-", "+").replace("_", "/"))


def _base64(run: str) -> str | None:
    """The text of a run, wherever in it the first whole group of four begins."""
    for skip in range(4):
        whole = run[skip:]
        whole = whole[: len(whole) - 1] if len(whole) % 4 == 1 else whole
        try:
            plain = _readable(base64.b64decode(whole + "=" * (-len(whole) % 4)))
        except binascii.Error:
            continue
        if plain:
            return plain
    return None


def _readable(raw: bytes) -> str | None:
    """Bytes that are text; None: they are something else."""
    text, least = raw.decode("utf-8", "ignore"), 0.9 * len(raw.decode("utf-8", "replace"))
    if len(raw) < 8 or len(text) < least:
        return None
    good = sum(1 for character in text if character.isalnum() or character in " \n.,!?'\"-:;")
    return text if good >= least else None
