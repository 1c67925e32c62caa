"""When a provider wants to be asked again, from the headers of its refusal."""

import math
import re
import time
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

MAX_DELAY_S = 300.0
"""The longest delay that is believed, in seconds."""

_DURATION = re.compile(
    r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?"
    # What Go prints for less than a millisecond, with either of the letters that look like a Greek mu.
    r"(?:(\d+(?:\.\d+)?)[u\u00b5\u03bc]s)?(?:(\d+)ns)?",
    re.ASCII,
)
_UNITS_S = (86_400.0, 3_600.0, 60.0, 1.0, 1e-3, 1e-6, 1e-9)
_NUMBER = re.compile(r"\d{1,15}(\.\d{1,15})?", re.ASCII)
_DIGITS = 15
_RESET = "x-ratelimit-reset-"
_REMAINING = "x-ratelimit-remaining-"
_LIMITS = ("requests", "tokens")


def retry_delay_s(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, 0 to 300, or None where the headers say nothing of use. Header names are lower case.

    In this order: `retry-after-ms` and `x-ms-retry-after-ms`; `retry-after` in seconds or as a date (RFC 9110, section
    10.2.3); the reset times of the limits that are used up. A zero counts only where nothing else is said: Azure sends
    `retry-after-ms: 0` beside `retry-after: 1`.
    """
    delays = [
        _milliseconds(headers.get("retry-after-ms")),
        _milliseconds(headers.get("x-ms-retry-after-ms")),
        _seconds_or_date(headers.get("retry-after"), headers.get("date")),
    ]
    known = [delay for delay in delays if delay is not None]
    if not known:
        return _reset_s(headers)
    return min(next((delay for delay in known if delay > 0), 0.0), MAX_DELAY_S)


def duration_s(text: str) -> float | None:
    """Seconds of a duration such as `6m0s`, `120ms` or `1h2m`; a bare number is seconds. None for anything else."""
    # Most are one number with one unit; an expression takes several times as long for it.
    count, unit_s = (text[:-2], 1e-3) if text[-2:] == "ms" else (text.removesuffix("s"), 1.0)
    if len(count) <= _DIGITS and count.isascii() and count.isdigit():
        return float(count) * unit_s
    if text[-1:].isdigit():
        return float(text) if _NUMBER.fullmatch(text) else None
    match = _DURATION.fullmatch(text)
    if not text or not match or len(text) > 64:
        return None
    total_s = 0.0
    for each, unit_s in zip(match.groups(), _UNITS_S, strict=True):
        if each:
            total_s += float(each) * unit_s
    return total_s


def _milliseconds(text: str | None) -> float | None:
    # Not all that is white to `strip` is so to `float`.
    number = text.strip() if text is not None else ""
    return float(number) / 1000 if _NUMBER.fullmatch(number) else None


def _seconds_or_date(text: str | None, now: str | None) -> float | None:
    if text is None:
        return None
    delay = duration_s(text.strip())
    if delay is not None:
        return delay
    then_s = unix_s(text)
    if then_s is None:
        return None
    # The provider's own clock, where it tells it: ours may differ.
    now_s = unix_s(now) if now else None
    return max(0.0, then_s - (time.time() if now_s is None else now_s))


def unix_s(date: str) -> float | None:
    """Seconds since 1970 of a date as HTTP writes it, None for anything else."""
    try:
        moment = parsedate_to_datetime(date)
        return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _reset_s(headers: Mapping[str, str]) -> float | None:
    """The longest reset time among the limits that are used up, or may be: those that do not say how much is left."""
    resets = {limit: duration_s(headers.get(_RESET + limit, "").strip()) for limit in _LIMITS}
    spent = [limit for limit in _LIMITS if headers.get(_REMAINING + limit, "").strip() in ("", "0")]
    delays = [delay for limit in spent if (delay := resets[limit]) is not None and math.isfinite(delay)]
    return min(max(delays), MAX_DELAY_S) if delays else None
