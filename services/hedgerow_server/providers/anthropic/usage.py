"""Claude's usage, in disjoint classes.

`input_tokens` excludes what was read from and written to the cache; `output_tokens` includes thinking. A stream counts
twice: at its start, which knows the first round of the provider's own tools only, and at its end, where each count that
is named is the total.
"""

from typing import Any

from hedgerow_server.core.event import Usage

_MAX_TOKENS = 1 << 40
_COUNTS = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens")
_TTLS_S = {"ephemeral_5m_input_tokens": 300.0, "ephemeral_1h_input_tokens": 3600.0}
# Rounds that are billed beside the totals: another model's advice, and the summary of a conversation.
_APART = ("advisor_message", "compaction")


class Tally:
    """What a message says of its usage, the last word on each count."""

    __slots__ = ("_counts", "_rounds", "_thinking", "_tools", "_writes")

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._writes: dict[str, int] = {}
        self._tools: dict[str, int] = {}
        self._rounds: dict[str, int] = {}
        self._thinking = 0

    def add(self, usage: Any) -> None:
        """Takes a usage; what cannot be true is ignored."""
        if not isinstance(usage, dict):
            return
        self._counts |= _counts(usage, _COUNTS)
        self._writes = _counts(usage.get("cache_creation"), _TTLS_S) or self._writes
        if isinstance(tools := usage.get("server_tool_use"), dict):
            self._tools = {str(name): count for name, count in _counts(tools, tools).items() if count}
        thinking = _counts(usage.get("output_tokens_details"), ("thinking_tokens",))
        self._thinking = thinking.get("thinking_tokens", self._thinking)
        if isinstance(rounds := usage.get("iterations"), list):
            self._rounds = _apart(rounds)

    def usage(self) -> Usage | None:
        """The usage, None where nothing was counted."""
        counts = self._counts
        if "input_tokens" not in counts and "output_tokens" not in counts:
            return None
        output = counts.get("output_tokens", 0)
        reasoned = min(self._thinking, output)
        return Usage(
            input_uncached_tokens=counts.get("input_tokens", 0),
            input_cache_read_tokens=counts.get("cache_read_input_tokens", 0),
            input_cache_writes=self._cache_writes(),
            output_visible_tokens=output - reasoned,
            output_reasoning_tokens=reasoned,
            other_units=self._tools | self._rounds,
            final=True,
        )

    def _cache_writes(self) -> tuple[tuple[float | None, int], ...]:
        split = tuple((ttl_s, self._writes.get(name, 0)) for name, ttl_s in _TTLS_S.items() if self._writes.get(name))
        written = sum(tokens for _, tokens in split)
        total = self._counts.get("cache_creation_input_tokens", written)
        # The split may lag behind the total, or stay zero.
        if written == total:
            return split
        return ((None, total),) if total else ()


def _apart(rounds: list[Any]) -> dict[str, int]:
    """The tokens of rounds that the totals leave out, by the provider's words for the round and the count."""
    units: dict[str, int] = {}
    for one in rounds:
        if isinstance(one, dict) and one.get("type") in _APART:
            for name, count in _counts(one, _COUNTS).items():
                if count:
                    unit = f"{one['type']}_{name}"
                    units[unit] = units.get(unit, 0) + count
    return units


def _counts(source: Any, names: Any) -> dict[str, int]:
    """The counts of these names that can be true."""
    if not isinstance(source, dict):
        return {}
    return {name: count for name in names if type(count := source.get(name)) is int and 0 <= count <= _MAX_TOKENS}
