"""OpenAI's usage, in disjoint classes.

`prompt_tokens` includes the cached, cache-written, audio and image tokens that `prompt_tokens_details` lists,
`completion_tokens` includes the reasoning and audio tokens of `completion_tokens_details`. Cached tokens may be audio
tokens, too, so a class takes no more than what the classes before it have left.
"""

from typing import Any

from hedgerow_server.core.event import Usage

_MAX_TOKENS = 1 << 40
_COUNTS = frozenset({"prompt_tokens", "completion_tokens", "total_tokens"})


def read_usage(usage: Any) -> Usage | None:
    """The usage, or None where there is none or where it cannot be true."""
    if not isinstance(usage, dict) or not usage.keys() & _COUNTS:
        return None
    completion = _count(usage.get("completion_tokens", 0))
    # Voyage reports nothing but the total.
    total = _count(usage.get("total_tokens", 0))
    prompt = _count(usage.get("prompt_tokens", max((total or 0) - (completion or 0), 0)))
    if prompt is None or completion is None:
        return None
    read = _Rest(prompt, usage.get("prompt_tokens_details"))
    cached, written = read.take("cached_tokens"), read.take("cache_write_tokens")
    heard, seen = read.take("audio_tokens"), read.take("image_tokens")
    made = _Rest(completion, usage.get("completion_tokens_details"))
    reasoned, spoken, drawn = made.take("reasoning_tokens"), made.take("audio_tokens"), made.take("image_tokens")
    return Usage(
        input_uncached_tokens=read.left,
        input_cache_read_tokens=cached,
        input_cache_writes=((None, written),) if written else (),
        input_audio_tokens=heard,
        input_image_tokens=seen,
        output_visible_tokens=made.left,
        output_reasoning_tokens=reasoned,
        output_audio_tokens=spoken,
        output_image_tokens=drawn,
        final=True,
    )


class _Rest:
    """What is left of a total once its listed classes are taken out."""

    __slots__ = ("_details", "left")

    def __init__(self, total: int, details: object) -> None:
        self.left = total
        self._details = details if isinstance(details, dict) else {}

    def take(self, name: str) -> int:
        """The tokens of a class, at most what is left."""
        taken = min(_count(self._details.get(name)) or 0, self.left)
        self.left -= taken
        return taken


def _count(value: object) -> int | None:
    """A count that can be true."""
    if type(value) is int and 0 <= value <= _MAX_TOKENS:
        return value
    return None
