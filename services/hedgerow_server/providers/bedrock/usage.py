"""Bedrock's usage, in disjoint classes.

`inputTokens` leaves out the tokens that were read from or written to the cache, as the sum in `totalTokens` shows.
Reasoning is not told apart from the rest of the output. What a guardrail bills stands in its trace, if that was asked
for.
"""

from collections.abc import Iterator
from typing import Any

from hedgerow_server.core.event import Usage

_MAX_TOKENS = 1 << 40
_CHARGED = ("inputTokens", "outputTokens")
_COUNTS = (*_CHARGED, "totalTokens")
_TTLS_S = {"5m": 300.0, "1h": 3600.0}
_ASSESSMENTS = ("inputAssessment", "outputAssessments")


def read_usage(usage: Any, trace: Any) -> Usage | None:
    """The usage, or None where there is none or where it cannot be true."""
    if not isinstance(usage, dict) or all(usage.get(name) is None for name in _COUNTS):
        return None
    read, made = (_count(usage.get(name) or 0) for name in _CHARGED)
    if read is None or made is None:
        return None
    return Usage(
        input_uncached_tokens=read,
        input_cache_read_tokens=_cached(usage, "cacheReadInputToken"),
        input_cache_writes=_writes(usage),
        output_visible_tokens=made,
        other_units=_units(usage, trace),
        final=True,
    )


def _cached(usage: dict[str, Any], name: str) -> int:
    """A count of cached tokens, which has two names: answers hold either or both."""
    return _count(usage.get(f"{name}s")) or _count(usage.get(f"{name}Count")) or 0


def _writes(usage: dict[str, Any]) -> tuple[tuple[float | None, int], ...]:
    """The tokens written, by time to live as far as the details tell."""
    left = _cached(usage, "cacheWriteInputToken")
    writes: list[tuple[float | None, int]] = []
    details = usage.get("cacheDetails")
    for detail in details if isinstance(details, list) else ():
        if isinstance(detail, dict):
            tokens = min(_count(detail.get("inputTokens")) or 0, left)
            ttl = detail.get("ttl")
            if tokens and isinstance(ttl, str):
                writes.append((_TTLS_S.get(ttl), tokens))
                left -= tokens
    return (*writes, (None, left)) if left else tuple(writes)


def _units(usage: dict[str, Any], trace: Any) -> dict[str, int]:
    """The counts of the provider's tools and of its guardrails, by its own words."""
    units: dict[str, int] = {}
    for counts in (usage.get("serverToolUsage"), *_guardrail_usages(trace)):
        for unit, value in counts.items() if isinstance(counts, dict) else ():
            if count := _count(value):
                units[str(unit)] = units.get(str(unit), 0) + count
    return units


def _guardrail_usages(trace: Any) -> Iterator[Any]:
    guardrail = trace.get("guardrail") if isinstance(trace, dict) else None
    if not isinstance(guardrail, dict):
        return
    for name in _ASSESSMENTS:
        by_id = guardrail.get(name)
        for found in by_id.values() if isinstance(by_id, dict) else ():
            # One assessment of the input, a list of them for the output.
            for assessment in found if isinstance(found, list) else [found]:
                metrics = assessment.get("invocationMetrics") if isinstance(assessment, dict) else None
                if isinstance(metrics, dict):
                    yield metrics.get("usage")


def _count(value: object) -> int | None:
    """A count that can be true."""
    if type(value) is int and 0 <= value <= _MAX_TOKENS:
        return value
    return None
