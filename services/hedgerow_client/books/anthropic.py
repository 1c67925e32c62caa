"""Anthropic's exports: pages of GET /v1/organizations/usage_report/messages and of /v1/organizations/cost_report.

https://platform.claude.com/docs/en/api/admin-api/usage-cost: amounts of the cost report are decimal texts in cents;
costs have a model only where they were asked for with `group_by[]=description`, and never those of tools.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from hedgerow_client.books.figures import (
    CACHE_READ,
    CACHE_WRITE,
    CACHE_WRITE_LONG,
    COST,
    INPUT,
    OUTPUT,
    PICOS,
    ExportError,
    Figure,
    day_of,
    picos,
)

_CENT = PICOS // 100


def is_bucket(bucket: dict[str, Any]) -> bool:
    """Whether an element of a page is Anthropic's."""
    return isinstance(bucket.get("starting_at"), str)


def figures(bucket: dict[str, Any]) -> Iterator[Figure | None]:
    """What a bucket says. Raises ExportError."""
    try:
        day = day_of(datetime.fromisoformat(bucket["starting_at"]).timestamp())
    except ValueError:
        raise ExportError(f"{bucket['starting_at']!r} is no time") from None
    for result in bucket.get("results") or ():
        if "amount" in result:
            yield _cost(day, result)
        elif "output_tokens" in result:
            yield from _usage(day, result)
        else:
            yield None


def _usage(day: str, result: dict[str, Any]) -> Iterator[Figure]:
    model, written = result.get("model") or "", result.get("cache_creation") or {}
    counts = {
        INPUT: result.get("uncached_input_tokens"),
        CACHE_READ: result.get("cache_read_input_tokens"),
        CACHE_WRITE: written.get("ephemeral_5m_input_tokens"),
        CACHE_WRITE_LONG: written.get("ephemeral_1h_input_tokens"),
        OUTPUT: result.get("output_tokens"),
    }
    for name, count in counts.items():
        yield Figure(day, model, name, count or 0)


def _cost(day: str, result: dict[str, Any]) -> Figure:
    if result.get("currency", "USD") != "USD":
        raise ExportError(f"{day}: costs in {result['currency']}, not in US dollars")
    return Figure(day, result.get("model") or "", COST, picos(str(result["amount"]), _CENT))
