"""What an answer consumed, as Anthropic's API tells it: input without what was read from or written to a cache."""

import msgspec

from hedgerow_server.core.event import Usage

_LONG_TTL_S = 1950.0
"""Midway between the two times that there are, five minutes and an hour."""
_REQUESTS = "_requests"
_ALWAYS = {"web_search_requests": 0, "web_fetch_requests": 0}
"""Counts that stand wherever one does."""


class CacheCreation(msgspec.Struct, frozen=True):
    """Tokens written to the cache, by how long they stay."""

    ephemeral_5m_input_tokens: int = 0
    ephemeral_1h_input_tokens: int = 0


class Details(msgspec.Struct, frozen=True):
    """What of the output nobody sees."""

    thinking_tokens: int


class UsageTold(msgspec.Struct, frozen=True):
    """The usage."""

    input_tokens: int
    output_tokens: int
    cache_creation_input_tokens: int = 0
    cache_read_input_tokens: int = 0
    cache_creation: CacheCreation = CacheCreation()
    output_tokens_details: Details | None = None
    server_tool_use: dict[str, int] | None = None


NONE_YET = UsageTold(0, 0)
"""What the head of a stream says: nobody knows before the end, where every count stands again."""


def told(usage: Usage) -> UsageTold:
    """The usage in the API's words."""
    writes = usage.input_cache_writes
    read, wrote = usage.input_cache_read_tokens, sum(tokens for _, tokens in writes)
    tools = {unit: count for unit, count in usage.other_units.items() if unit.endswith(_REQUESTS)}
    return UsageTold(
        input_tokens=usage.input_tokens - read - wrote,
        output_tokens=usage.output_tokens,
        cache_creation_input_tokens=wrote,
        cache_read_input_tokens=read,
        cache_creation=CacheCreation(
            sum(tokens for ttl_s, tokens in writes if ttl_s is not None and ttl_s <= _LONG_TTL_S),
            sum(tokens for ttl_s, tokens in writes if ttl_s is not None and ttl_s > _LONG_TTL_S),
        ),
        output_tokens_details=Details(usage.output_reasoning_tokens) if usage.output_reasoning_tokens else None,
        server_tool_use=_ALWAYS | tools if tools else None,
    )
