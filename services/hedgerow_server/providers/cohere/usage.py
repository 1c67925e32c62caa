"""Cohere's usage, in disjoint classes: https://docs.cohere.com/reference/chat.

`tokens` is what the model processed, Cohere's own preamble included; `billed_units` is what is charged. The classes
count the former, so that they agree with every other provider's. The latter stand in the other units under Cohere's
names, its tokens as `billed_input_tokens` and so on. Cached tokens are part of the input tokens, reasoning tokens part
of the output; image tokens stand beside the input tokens.
"""

from typing import Any

from hedgerow_server.core.event import Usage
from hedgerow_server.providers.loose import member

_MAX_TOKENS = 1 << 40
_TOKENS = "_tokens"
_COUNTS = ("input_tokens", "output_tokens")


def read_usage(usage: Any) -> Usage | None:
    """The usage of a chat, or the `meta` of embeddings; None where there is none or where it cannot be true."""
    if not isinstance(usage, dict):
        return None
    billed = usage.get("billed_units")
    tokens = usage.get("tokens")
    # Embeddings have only the billed ones.
    counted = billed if all(member(tokens, name) is None for name in _COUNTS) else tokens
    if not isinstance(counted, dict):
        return None
    read, made = (_count(counted.get(name) or 0) for name in _COUNTS)
    if read is None or made is None:
        return None
    cached = min(_count(usage.get("cached_tokens")) or 0, read)
    reasoned = min(_count(counted.get("reasoning_tokens")) or 0, made)
    return Usage(
        input_uncached_tokens=read - cached,
        input_cache_read_tokens=cached,
        input_image_tokens=_count(counted.get("image_tokens")) or 0,
        output_visible_tokens=made - reasoned,
        output_reasoning_tokens=reasoned,
        other_units=_units(billed),
        final=True,
    )


def _units(billed: object) -> dict[str, int]:
    units: dict[str, int] = {}
    for unit, value in billed.items() if isinstance(billed, dict) else ():
        if count := _count(value):
            units[f"billed_{unit}" if unit.endswith(_TOKENS) else unit] = count
    return units


def _count(value: object) -> int | None:
    """A count that can be true; Cohere declares its counts as floats."""
    if type(value) is float and value.is_integer():
        value = int(value)
    if type(value) is int and 0 <= value <= _MAX_TOKENS:
        return value
    return None
