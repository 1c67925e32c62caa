"""E-mail addresses, URLs, and addresses of machines."""

import re

from hedgerow_server.guardrails.forms import Form, Span
from hedgerow_server.guardrails.pii_checks import is_base58check, is_bech32, is_ipv4, is_ipv6
from hedgerow_server.guardrails.regexp import compiled

LONGEST_EMAIL = 320
"""Bytes: 64 before the @ and 255 behind it (RFC 5321, 4.5.3.1)."""
_LETTER = r"\p{Latin}\p{Greek}\p{Cyrillic}"
_HOST = rf"[{_LETTER}\p{{M}}0-9][{_LETTER}\p{{M}}0-9.\-]*\.[{_LETTER}][{_LETTER}0-9\-]*"
_LOCAL_BACKWARDS = re.compile("[A-Za-z0-9._%+'~\u00aa-\u052f\u1e00-\u1fff-]*")
_NO_MAIL = frozenset(
    (b"png", b"jpg", b"jpeg", b"gif", b"svg", b"webp", b"js", b"ts", b"css", b"html", b"py", b"md", b"mp4")
)
"""What stands behind the last dot of file names such as icon@2x.png."""
_LABELS = compiled(r"(?:[^.\-\s](?:[^.\s]{0,61}[^.\-\s])?\.)+[^.\-\s\d][^.\s]{0,61}[^.\-\s\d]")
_USERINFO = re.compile(r"://[^/?#\s]*$")


def email(data: bytes, start: int, end: int) -> Span | int:
    """RFC 5321 without quotes, RFC 6531 with letters of European scripts; not the user of a URL, nor git@host:path. The
    match begins with the @.
    """
    before = data[max(0, start - 80) : start].decode(errors="ignore")
    local = _LOCAL_BACKWARDS.match(before[::-1])
    assert local is not None
    name = before[len(before) - local.end() :].lstrip(".'-%~")
    first = start - len(name.encode())
    domain = _LABELS.match(data, start + 1, end) if end - start <= 256 else None
    if not name or domain is None or start - first > 64 or before[: -local.end()].endswith("@"):
        return end
    left = before[: len(before) - len(name)]
    if (
        domain.end() - first > LONGEST_EMAIL
        or data[start + 1 : domain.end()].rpartition(b".")[2].lower() in _NO_MAIL
        or (name == "git" and data[domain.end() : domain.end() + 1] in (b":", b"/"))
        or (left.endswith((":", "/")) and _USERINFO.search(left))
    ):
        return end
    return first, domain.end()


LONGEST_URL = 300
"""Bytes; what is longer is found up to here."""


def url(data: bytes, start: int, end: int) -> Span | int:
    """With http or https, or a host that begins with www."""
    if end - start > LONGEST_URL:
        end = start + LONGEST_URL
        while data[end] & 0xC0 == 0x80:
            end -= 1
    while data[end - 1] in b".,;:!?)'\"]}>*":
        end -= 1
    host = data[start:end].rpartition(b"://")[2]
    return (start, end) if b"." in host else start + 1


def ipv4(data: bytes, start: int, end: int) -> Span | int:
    """Four numbers up to 255 that are no version."""
    before = data[max(0, start - 12) : start].lower()
    cut = before[-1:] in (b".", b"-", b"/") and before[-3:] != b"://"
    if cut or _NUMBER_GOES_ON.match(data, end) or _VERSION.search(before):
        return end
    return (start, end) if is_ipv4(data[start:end]) else end


_NUMBER_GOES_ON = re.compile(rb"\.?[0-9]|-")
_VERSION = re.compile(rb"(?:version|ver\.?|release|\bv|build|section|chapter|rev\.?)[ :]*$")
_HEX_PAIRS = r"[0-9A-Fa-f:][:\-][0-9A-Fa-f:]"
_HEX_RUN = re.compile(rb"[0-9A-Fa-f:]*(?:\.[0-9]{1,3}){0,3}")


def ipv6(data: bytes, start: int, end: int) -> Span | int:
    """RFC 4291, 2.2."""
    run = _HEX_RUN.match(data, start)
    assert run is not None
    if re.match(rb"[0-9A-Za-z_:]", data[max(0, start - 1) : start]) or re.match(
        rb"[A-Za-z_]", data[run.end() : run.end() + 1]
    ):
        return run.end()
    end = (
        run.end() - 1
        if data[run.end() - 1 : run.end()] == b":" and data[run.end() - 2 : run.end()] != b"::"
        else run.end()
    )
    return (start, end) if end - start <= 45 and is_ipv6(data[start:end]) else max(run.end(), start + 1)


def mac(data: bytes, start: int, end: int) -> Span | int:
    """Six bytes in hexadecimal, all separated in the same way."""
    around = data[max(0, start - 1) : start] + data[end : end + 1]
    if data[start + 2 : end : 3] != data[start + 2 : start + 3] * 5 or any(char in b":-" for char in around):
        return end
    return start, end


def bitcoin(data: bytes, start: int, end: int) -> Span | int:
    """By its checksum."""
    text = data[start:end]
    lower = text.lower()
    if lower.startswith(b"bc1"):
        return (start, end) if text in (lower, text.upper()) and is_bech32(text) else end
    return (start, end) if is_base58check(text) else end


def found(data: bytes, start: int, end: int) -> Span | int:
    """The form says it all."""
    return start, end


FORMS = (
    Form("email", f"@{_HOST}", "@", email),
    Form("url", r"(?i)\b(?:https?://|www\.)[^\s<>\"`\x{3000}-\x{9fff}]+", r"://|[Ww][Ww][Ww]\.", url),
    Form("ip", r"\b[0-9]{1,3}(?:\.[0-9]{1,3}){3}\b", r"[0-9]\.[0-9]{1,3}\.[0-9]", ipv4),
    Form("mac", r"\b[0-9A-Fa-f]{2}(?:[:\-][0-9A-Fa-f]{2}){5}\b", _HEX_PAIRS, mac),
    Form("ip", r"[0-9A-Fa-f]{0,4}:[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:.]*", _HEX_PAIRS, ipv6),
    Form(
        "crypto",
        r"\b(?:[13][1-9A-HJ-NP-Za-km-z]{25,34}|(?i:bc1)[0-9A-Za-z]{11,71})\b",
        r"[0-9A-Za-z]{25}|[Bb][Cc]1",
        bitcoin,
    ),
    Form("crypto", r"\b0x[0-9a-fA-F]{40}\b", "0x", found),
)
