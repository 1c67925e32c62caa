"""What answers tell of rate limits beside their bodies, whatever a vendor calls the headers.

The names are data; each costs one look-up a call. What cannot be true counts for nothing: Azure sends -1 and 0 where
there is no limit, Hugging Face the largest integer.
"""

import math
import re
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import msgspec

from hedgerow_server.core.port import RateLimit, RateLimits
from hedgerow_server.providers.retry_after import duration_s, unix_s

_Kind = Literal["requests", "tokens", "input_tokens", "output_tokens"]
_MAX_COUNT = 1 << 50
_MAX_DIGITS = 16
_MAX_RESET_S = 400 * 86_400.0
_SECONDS_SINCE_1970 = 1e9  # more than any duration
_MILLISECONDS_SINCE_1970 = 1e11
_COUNT = re.compile(r"\s*(\d+)(?:\.0+)?\s*(?:[,;].*)?", re.ASCII)
_DAY_S, _MONTH_S = 86_400.0, 30 * 86_400.0
_WINDOWS_S = {"minute": 60.0, "hour": 3600.0, "day": _DAY_S}


class Names(msgspec.Struct, frozen=True):
    """How the headers of one limit are called, in lower case. A limit counts if the first of them is there."""

    kind: _Kind
    remaining: str
    limit: str
    reset: str | None = None
    window_s: float | None = None
    renewal: str | None = None
    """The header with the seconds of the window, which only Azure sends. Its resets need it: see `_azure_s`."""


def _openai(kind: _Kind, word: str, window_s: float | None = None, *, renewal: bool = False) -> Names:
    return Names(
        kind,
        f"x-ratelimit-remaining-{word}",
        f"x-ratelimit-limit-{word}",
        f"x-ratelimit-reset-{word}",
        window_s,
        f"x-ratelimit-renewalperiod-{word}" if renewal else None,
    )


def _anthropic(kind: _Kind, word: str) -> Names:
    head = f"anthropic-ratelimit-{word}"
    return Names(kind, f"{head}-remaining", f"{head}-limit", f"{head}-reset")


OPENAI: tuple[Names, ...] = (
    # OpenAI (https://platform.openai.com/docs/guides/rate-limits), Azure, Groq, xAI, Anthropic's OpenAI door, vLLM's
    # and others' gateways.
    _openai("requests", "requests", renewal=True),
    _openai("tokens", "tokens", renewal=True),
    # Cerebras (https://inference-docs.cerebras.ai/support/rate-limits), SambaNova; Hugging Face hands theirs on.
    *(_openai("requests", f"requests-{window}", window_s) for window, window_s in _WINDOWS_S.items()),
    *(_openai("tokens", f"tokens-{window}", window_s) for window, window_s in _WINDOWS_S.items()),
    # Mistral says `req`, and bounds some models by the size of the requests.
    _openai("requests", "req-10-second", 10.0),
    _openai("requests", "req-minute", 60.0),
    _openai("tokens", "tokens-month", _MONTH_S),
    Names("tokens", "ratelimitbysize-remaining", "ratelimitbysize-limit", "ratelimitbysize-reset", 60.0),
    Names("tokens", "x-ratelimitbysize-remaining-month", "x-ratelimitbysize-limit-month", None, _MONTH_S),
    # Fireworks (https://docs.fireworks.ai/guides/quotas_usage/rate-limits).
    _openai("input_tokens", "tokens-prompt"),
    _openai("output_tokens", "tokens-generated"),
    # Together (https://docs.together.ai/docs/rate-limits), OpenRouter, and the draft of the IETF.
    Names("requests", "x-ratelimit-remaining", "x-ratelimit-limit", "x-ratelimit-reset"),
    Names("tokens", "x-tokenlimit-remaining", "x-tokenlimit-limit", "x-tokenlimit-reset"),
    Names("requests", "ratelimit-remaining", "ratelimit-limit", "ratelimit-reset"),
)
"""The OpenAI dialects, of every vendor."""
_ANTHROPICS_LIMIT = {"requests": "x-ratelimit-requests", "tokens": "x-ratelimit-tokens"}
"""What Anthropic's OpenAI door calls the limits."""

ANTHROPIC: tuple[Names, ...] = (
    _anthropic("requests", "requests"),
    _anthropic("tokens", "tokens"),
    _anthropic("input_tokens", "input-tokens"),
    _anthropic("output_tokens", "output-tokens"),
)
"""Anthropic: https://docs.claude.com/en/api/rate-limits#response-headers."""

COHERE: tuple[Names, ...] = (
    Names("requests", "x-trial-endpoint-call-remaining", "x-trial-endpoint-call-limit", None, 60.0),
)
"""Cohere tells trial keys what is left: https://docs.cohere.com/docs/rate-limits."""


def rate_limits(headers: Mapping[str, str], names: tuple[Names, ...]) -> RateLimits | None:
    """The limits of these names, None where there is none. Headers are looked up in lower case."""
    found: dict[_Kind, RateLimit] = {}
    get, now = headers.get, None
    for one in names:
        remaining = get(one.remaining)
        if remaining is None:
            continue
        now = now or Now(get("date"))
        limit = _read(headers, one, remaining, now)
        if limit is not None and (one.kind not in found or _tighter(limit, found[one.kind])):
            found[one.kind] = limit
    return RateLimits(**found) if found else None


def _read(headers: Mapping[str, str], names: Names, told: str, now: "Now") -> RateLimit | None:
    remaining = _count(told)
    written = headers.get(names.limit) or headers.get(_ANTHROPICS_LIMIT.get(names.kind, ""))
    limit = _count(written)
    if remaining is None or (written is not None and not limit):
        return None
    window_s = names.window_s
    renewing = headers.get(names.renewal) if names.renewal is not None else None
    if renewing is not None and (renewal := _count(renewing)):
        window_s = float(renewal)
    told_reset = headers.get(names.reset) if names.reset is not None else None
    left_s = None if told_reset is None else reset_s(told_reset, now)
    if left_s is not None and limit and renewing is not None and window_s:
        left_s = _azure_s(left_s, max(limit - remaining, 0) / limit * window_s)
    return RateLimit(remaining, limit, left_s, window_s)


def _tighter(one: RateLimit, other: RateLimit) -> bool:
    """Whether less is left of one limit: by share, or by count where a share is not known."""
    if one.remaining is None or other.remaining is None:
        return False
    if one.limit is None or other.limit is None:
        return one.remaining < other.remaining
    return one.remaining * other.limit < other.remaining * one.limit


class Now:
    """When an answer came, by the provider's own clock where it tells it; only looked at where a moment is told."""

    __slots__ = ("_date", "_unix_s")

    def __init__(self, date: str | None) -> None:
        """`date` is the header of that name."""
        self._date = date
        self._unix_s: float | None = None

    @property
    def unix_s(self) -> float:
        """Seconds since 1970."""
        if self._unix_s is None:
            told_s = unix_s(self._date) if self._date else None
            self._unix_s = time.time() if told_s is None else told_s
        return self._unix_s


def reset_s(text: str, now: Now) -> float | None:
    """Seconds until a reset: a duration (`6m0s`, `12ms`), a number of seconds, or a moment as in RFC 3339 or in seconds
    or milliseconds since 1970. None for anything else; 0 for what has passed.
    """
    text = text.strip()
    left_s = duration_s(text)
    if left_s is None or left_s >= _SECONDS_SINCE_1970:
        then_s = _moment_s(text) if left_s is None else left_s
        if then_s is None:
            return None
        if then_s >= _MILLISECONDS_SINCE_1970:
            then_s /= 1000
        left_s = max(0.0, then_s - now.unix_s)
    return left_s if left_s <= _MAX_RESET_S else None


def _moment_s(text: str) -> float | None:
    try:
        moment = datetime.fromisoformat(text)
        # Without an offset it would be taken for our local time.
        return moment.timestamp() if moment.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def _azure_s(told: float, expected_s: float) -> float:
    """Seconds of a reset that Azure writes as a bare number: in milliseconds for some APIs and in seconds for others.
    A bucket that refills steadily is full again when what was used of it has flowed back, and the unit that comes
    nearer to that time is the right one.
    """
    if told <= 0 or expected_s <= 0:
        return told
    as_ms = told / 1000
    return as_ms if abs(math.log(as_ms / expected_s)) < abs(math.log(told / expected_s)) else told


def _count(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()):
        # An average, or a list of windows of which the first is the one that is told of.
        match = _COUNT.fullmatch(text)
        text = match[1] if match is not None else ""
    return int(text) if 0 < len(text) <= _MAX_DIGITS and int(text) <= _MAX_COUNT else None
