"""OpenAI's exports: pages of GET /v1/organization/usage/completions (and embeddings), and of /v1/organization/costs.

https://platform.openai.com/docs/api-reference/usage: input tokens include the cached and the cache-write ones; usage is
told by model only where it was asked for with `group_by=model`, costs by `group_by=line_item`, as "MODEL, input".
"""

from collections.abc import Iterator
from typing import Any

from hedgerow_client.books.figures import (
    CACHE_READ,
    CACHE_WRITE,
    COST,
    INPUT,
    OUTPUT,
    ExportError,
    Figure,
    day_of,
    picos,
)

_USAGE, _COSTS = "organization.usage.", "organization.costs.result"


def is_bucket(bucket: dict[str, Any]) -> bool:
    """Whether an element of a page is OpenAI's."""
    return bucket.get("object") == "bucket" and isinstance(bucket.get("start_time"), int)


def figures(bucket: dict[str, Any]) -> Iterator[Figure | None]:
    """What a bucket says. Raises ExportError."""
    day = day_of(bucket["start_time"])
    for result in bucket.get("results") or bucket.get("result") or ():
        kind = result.get("object", "")
        if kind == _COSTS:
            yield _cost(day, result)
        elif kind.startswith(_USAGE) and "input_tokens" in result:
            yield from _usage(day, result)
        else:
            yield None


def _usage(day: str, result: dict[str, Any]) -> Iterator[Figure]:
    model = result.get("model") or ""
    cached = result.get("input_cached_tokens") or 0
    written = result.get("input_cache_write_tokens") or 0
    counts = {
        INPUT: (result.get("input_tokens") or 0) - cached - written,
        CACHE_READ: cached,
        CACHE_WRITE: written,
        OUTPUT: result.get("output_tokens") or 0,
    }
    for name, count in counts.items():
        yield Figure(day, model, name, count)


def _cost(day: str, result: dict[str, Any]) -> Figure:
    amount = result.get("amount") or {}
    currency = str(amount.get("currency", "usd"))
    if currency.lower() != "usd":
        raise ExportError(f"{day}: costs in {currency}, not in US dollars")
    model = (result.get("line_item") or "").partition(",")[0].strip()
    return Figure(day, model, COST, picos(str(amount.get("value", 0))))
