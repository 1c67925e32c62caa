"""The usage of the Responses API, in disjoint classes.

`input_tokens` includes the cached and cache-written tokens that `input_tokens_details` lists, `output_tokens` includes
reasoning: so say OpenAI, Azure and xAI alike (xAI's chat completions differ).
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from hedgerow_server.core.event import Usage
from hedgerow_server.providers.loose import member, plain, text_of
from hedgerow_server.providers.openai.usage import Rest, count

_TTLS_S = {"ttl_30m_tokens": 1800.0, "ttl_12h_tokens": 43_200.0}
_SEARCHES = "web_search.num_requests"
_CALLS = {"web_search_call": _SEARCHES, "file_search_call": "file_search.num_requests"}
_TOOL_UNITS = (("web_search", "num_requests"), ("image_gen", "input_tokens"), ("image_gen", "output_tokens"))


def read_usage(usage: Any, tool_usage: Any, items: Sequence[msgspec.Raw] = ()) -> Usage | None:
    """The usage, or None where there is none or where it cannot be true. `tool_usage` stands beside it, and the
    `items` of the output.
    """
    if not isinstance(usage, dict):
        return None
    given, made = count(usage.get("input_tokens")), count(usage.get("output_tokens"))
    if given is None or made is None:
        return None
    read = Rest(given, usage.get("input_tokens_details"))
    cached, written = read.take("cached_tokens"), read.take("cache_write_tokens")
    heard, seen = read.take("audio_tokens"), read.take("image_tokens")
    output = Rest(made, usage.get("output_tokens_details"))
    reasoned, spoken, drawn = output.take("reasoning_tokens"), output.take("audio_tokens"), output.take("image_tokens")
    return Usage(
        input_uncached_tokens=read.left,
        input_cache_read_tokens=cached,
        input_cache_writes=_writes(written, usage.get("input_tokens_details")),
        input_audio_tokens=heard,
        input_image_tokens=seen,
        output_visible_tokens=output.left,
        output_reasoning_tokens=reasoned,
        output_audio_tokens=spoken,
        output_image_tokens=drawn,
        other_units=_units(usage, tool_usage, items),
        final=True,
    )


def _writes(written: int, details: Any) -> tuple[tuple[float | None, int], ...]:
    """The cache-written tokens by time to live, where the provider splits them."""
    split = details.get("cache_write_tokens_details") if isinstance(details, dict) else None
    writes = Rest(written, split)
    by_ttl = [(ttl_s, writes.take(name)) for name, ttl_s in _TTLS_S.items()]
    return tuple((ttl_s, tokens) for ttl_s, tokens in [*by_ttl, (None, writes.left)] if tokens)


def _units(usage: dict[str, Any], tool_usage: Any, items: Sequence[msgspec.Raw]) -> dict[str, int]:
    """What provider-run tools did: OpenAI's `tool_usage`, xAI's `server_side_tool_usage_details`, or the calls in the
    output where neither says it.
    """
    units: dict[str, int | None] = {}
    for tool, unit in _TOOL_UNITS:
        used = tool_usage.get(tool) if isinstance(tool_usage, dict) else None
        units[f"{tool}.{unit}"] = count(used.get(unit)) if isinstance(used, dict) else 0
    details = usage.get("server_side_tool_usage_details")
    if isinstance(details, dict):
        units |= {name: count(used) for name, used in details.items()}
    elif not units.get(_SEARCHES):
        units |= _calls(items)
    return {unit: used for unit, used in units.items() if used}


def _calls(items: Sequence[msgspec.Raw]) -> dict[str, int]:
    """The calls that OpenAI charges by number: https://platform.openai.com/docs/pricing#built-in-tools. Of web searches
    opening a page and finding something on it are free.
    """
    units = dict.fromkeys(_CALLS.values(), 0)
    for raw in items:
        if b"_search_call" not in bytes(raw):
            continue
        item = plain(raw)
        action = member(member(item, "action"), "type")
        if (unit := _CALLS.get(text_of(member(item, "type")))) and action in (None, "search"):
            units[unit] += 1
    return units
