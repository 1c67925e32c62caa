"""How the console writes numbers, money and times. All times are UTC: operators compare them with logs."""

import datetime as dt
import math

_PICOS = 10**12
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86400
_TENTH_MS_S = 0.0001
_STEP = 1000
_PREFIXES = ("", "k", "M", "G", "T")
NOTHING = "—"
"""What stands where nothing is known."""


def count(value: float | None) -> str:
    """A whole number with separators: 12,345."""
    return NOTHING if value is None else f"{value:,.0f}"


def compact(value: float) -> str:
    """A number in three or four digits: 812, 14.1 k, 150 M, 2.50 G."""
    size, place = float(value), 0
    while abs(size) >= _STEP and place < len(_PREFIXES) - 1:
        size, place = size / _STEP, place + 1
    if not place:
        return f"{size:.0f}"
    digits = max(0, 2 - math.floor(math.log10(abs(size))))
    return f"{size:.{digits}f} {_PREFIXES[place]}"


def money(picos: float | None) -> str:
    """US dollars of 10^-12 US dollars: cents from a dollar on, else three digits that tell something."""
    if picos is None:
        return NOTHING
    dollars = picos / _PICOS
    if dollars == 0:
        return "$0"
    size = abs(dollars)
    digits = 2 if size >= 1 else 2 - math.floor(math.log10(size))
    return f"{'-' if dollars < 0 else ''}${size:,.{digits}f}"


def took(seconds: float | None) -> str:
    """A duration: 12 µs, 0.4 ms, 312 ms, 4.21 s, 3 min 20 s, 2 h 5 min, 3 d 4 h."""
    if seconds is None:
        return NOTHING
    if 0 < seconds < _TENTH_MS_S:
        return f"{seconds * 1e6:.0f} µs"
    if seconds < 1:
        ms = seconds * 1000
        return f"{ms:.1f} ms" if 0 < ms < 10 else f"{ms:.0f} ms"
    if seconds < _MINUTE_S:
        return f"{seconds:.2f} s"
    if seconds < _HOUR_S:
        return _two(seconds, _MINUTE_S, "min", 1, "s")
    if seconds < _DAY_S:
        return _two(seconds, _HOUR_S, "h", _MINUTE_S, "min")
    return _two(seconds, _DAY_S, "d", _HOUR_S, "h")


def _two(seconds: float, large: int, name: str, small: int, small_name: str) -> str:
    whole, rest = divmod(int(seconds), large)
    rest //= small
    return f"{whole} {name} {rest} {small_name}" if rest else f"{whole} {name}"


def about(seconds: float) -> str:
    """A long duration in one word: 40 s, 3 min, 2 h, 5 d."""
    size = abs(seconds)
    if size < _MINUTE_S:
        return f"{size:.0f} s"
    if size < _HOUR_S:
        return f"{size / _MINUTE_S:.0f} min"
    if size < 2 * _DAY_S:
        return f"{size / _HOUR_S:.0f} h"
    return f"{size / _DAY_S:.0f} d"


def ago(unix_s: float | None, now_unix_s: float) -> str:
    """How long ago, or in how long: "3 min ago", "in 2 h"."""
    if unix_s is None:
        return NOTHING
    passed_s = now_unix_s - unix_s
    if abs(passed_s) < 1:
        return "now"
    return f"{about(passed_s)} ago" if passed_s > 0 else f"in {about(passed_s)}"


def stamp(unix_s: float) -> str:
    """For machines, to the second: 2026-03-01T12:00:00Z (RFC 3339)."""
    return dt.datetime.fromtimestamp(unix_s, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def when(unix_s: float | None, now_unix_s: float) -> str:
    """The time of today, the date and time of other days."""
    if unix_s is None:
        return NOTHING
    at, now = (dt.datetime.fromtimestamp(one, dt.UTC) for one in (unix_s, now_unix_s))
    return at.strftime("%H:%M:%S" if at.date() == now.date() else "%Y-%m-%d %H:%M")


def clock(unix_s: float) -> str:
    """The time without seconds: 12:00."""
    return dt.datetime.fromtimestamp(unix_s, dt.UTC).strftime("%H:%M")


def day(unix_s: float) -> str:
    """The day and month: 1 Mar."""
    at = dt.datetime.fromtimestamp(unix_s, dt.UTC)
    return f"{at.day} {at:%b}"


def share(part: float, whole: float) -> str:
    """A share of something: 12 %; of nothing there is none."""
    if not whole:
        return NOTHING
    percent = 100 * part / whole
    return f"{percent:.1f} %" if 0 < percent < 10 else f"{percent:.0f} %"


def amount(value: float | None, unit: str) -> str:
    """An amount of a limit, in its unit."""
    return money(value) if unit == "usd" else count(value)


def spoken(word: str) -> str:
    """A name of the contract as words: HEDGE_LOST and hedge_lost are "hedge lost"."""
    return word.replace("_", " ").lower()
