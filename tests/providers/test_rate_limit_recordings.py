"""The rate limits of every recorded answer that tells of some, against a reading of the headers by their words."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from fractions import Fraction
from typing import Any

import pydantic
import pytest
from hedgerow_server.core.port import Dialect, RateLimit, RateLimits
from hedgerow_server.providers import registry
from providers.replay import Json, recordings_of

PROVIDER: pydantic.TypeAdapter[Any] = pydantic.TypeAdapter(registry.Provider)
SECTIONS = {
    "anthropic_messages": {"dialect": "anthropic"},
    "openai_responses": {"dialect": "openai_responses"},
    "azure_openai": {"dialect": "azure_openai", "base_url": "https://x.openai.azure.com"},
    "anthropic": {"dialect": "openai", "base_url": "https://api.anthropic.com/v1"},
    "mistral": {"dialect": "openai", "vendor": "mistral"},
    "groq": {"dialect": "openai", "vendor": "groq"},
    "together": {"dialect": "openai", "vendor": "together"},
    "huggingface": {"dialect": "openai", "vendor": "huggingface"},
    "openai": {"dialect": "openai"},
    "xai": {"dialect": "openai", "vendor": "xai"},
}
APIS = ("anthropic_messages", "mistral_chat", "mistral_embed", "openai_chat", "openai_embed", "openai_responses")
WINDOWS = {"10-second": 10, "minute": 60, "hour": 3600, "day": 86_400, "month": 30 * 86_400}
UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
UNLIMITED = 9_223_372_036_854_767_616
# Azure's bare numbers, by the record: two milliseconds, the others seconds. The buckets refill steadily, so that one of
# 120 requests a minute is back after 500 ms, and one of 50 after 1.2 s.
AZURES = {"500": 0.5, "7": 0.007, "1": 1.0, "0": 0.0}


def told(recording: Json) -> dict[str, str]:
    """The headers of an answer that are about limits."""
    headers: dict[str, str] = recording["response"]["headers"]
    return {name: value for name, value in headers.items() if "ratelimit" in name}


RECORDS = [one for one in recordings_of(*APIS) if told(one)]
each = pytest.mark.parametrize("record", RECORDS, ids=[one["id"] for one in RECORDS])


def words(name: str) -> tuple[str, str, int | None] | None:
    """What is counted, which of its numbers this is, and the window in seconds, by the words of a header's name."""
    window = next((seconds for word, seconds in WINDOWS.items() if name.endswith(f"-{word}")), None)
    number = next((word for word in ("remaining", "limit", "reset") if word in re.split(r"[-]", name)), None)
    if "bysize" in name:
        return ("tokens", number or "", window or 60) if number else None
    if name in ("x-ratelimit-requests", "x-ratelimit-tokens"):
        number = "limit"
    if number is None or "images" in name or "audio" in name:
        return None
    if "input-tokens" in name or "output-tokens" in name:
        kind = "input_tokens" if "input" in name else "output_tokens"
    else:
        kind = "tokens" if "token" in name else "requests"
    return kind, number, window


def seconds(text: str, now: datetime, *, azure: bool) -> float:
    """A reset in seconds."""
    if "T" in text:
        return (datetime.fromisoformat(text) - now).total_seconds()
    if azure:
        return AZURES[text]
    parts = re.findall(r"([\d.]+)(ms|s|m|h)", text)
    return sum(float(number) * UNITS[unit] for number, unit in parts) if parts else float(text)


def expected(record: Json, now: datetime) -> RateLimits:
    """The limits, of each kind the window of which the smallest share is left."""
    headers = told(record)
    azure = record["provider"] == "azure_openai"
    windows: dict[tuple[str, int | None], dict[str, Any]] = {}
    for name, value in headers.items():
        found = words(name)
        if found is not None:
            kind, number, window = found
            read: Any = seconds(value, now, azure=azure) if number == "reset" else int(value)
            windows.setdefault((kind, window), {})[number] = read
    best: dict[str, tuple[Fraction, RateLimit]] = {}
    for (kind, window), numbers in windows.items():
        if "remaining" not in numbers or numbers["remaining"] == UNLIMITED:
            continue
        renewal = headers.get(f"x-ratelimit-renewalperiod-{kind}")
        length = float(renewal) if renewal else window
        limit = RateLimit(numbers["remaining"], numbers.get("limit"), numbers.get("reset"), length)
        share = Fraction(numbers["remaining"], numbers.get("limit", 1))
        if kind not in best or share < best[kind][0]:
            best[kind] = share, limit
    return RateLimits(**{kind: limit for kind, (_, limit) in best.items()})


def dialect(record: Json) -> Dialect:
    """Who speaks to this provider."""
    of_api = record["provider"] in ("anthropic", "openai", "xai") and record["api"] in SECTIONS
    section = SECTIONS[record["api"] if of_api else record["provider"]]
    return registry.dialect("one", PROVIDER.validate_python(section))


@each
def test_the_limits_are_those_of_the_headers(record: Json) -> None:
    headers = dict(record["response"]["headers"])
    resets = [
        datetime.fromisoformat(value) for name, value in headers.items() if name.endswith("-reset") and "T" in value
    ]
    now = min(resets, default=datetime(2026, 1, 1, tzinfo=UTC)) - timedelta(seconds=7)
    limits = dialect(record).rate_limits(headers | {"date": format_datetime(now, usegmt=True)})
    wanted = expected(record, now)
    assert limits is not None
    for kind in ("requests", "tokens", "input_tokens", "output_tokens"):
        mine, theirs = getattr(limits, kind), getattr(wanted, kind)
        assert (mine is None) == (theirs is None), kind
        if mine is not None:
            assert (mine.remaining, mine.limit, mine.window_s) == (theirs.remaining, theirs.limit, theirs.window_s)
            assert mine.reset_s == (None if theirs.reset_s is None else pytest.approx(theirs.reset_s))


@pytest.mark.skipif(not RECORDS, reason="the recordings of provider traffic are not beside the checkout")
def test_there_are_limits_of_many_providers() -> None:
    assert len(RECORDS) >= 100
    assert len({one["provider"] for one in RECORDS}) >= 8
