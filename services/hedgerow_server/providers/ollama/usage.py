"""Ollama's usage: https://docs.ollama.com/api/usage.

There are two counts, of the prompt and of what was generated, thoughts included. What of the prompt was read from the
cache is part of its count; older servers do not say. A count of zero may be left out.
"""

from hedgerow_server.core.event import Usage

_MAX_TOKENS = 1 << 40


def read_usage(prompt: object, generated: object, cached: object = None) -> Usage | None:
    """The usage; None where there is none or where it cannot be true."""
    if prompt is None and generated is None:
        return None
    read, made = _count(prompt), _count(generated)
    if read is None or made is None:
        return None
    kept = min(_count(cached) or 0, read)
    return Usage(
        input_uncached_tokens=read - kept, input_cache_read_tokens=kept, output_visible_tokens=made, final=True
    )


def _count(value: object) -> int | None:
    if value is None:
        return 0
    return value if type(value) is int and 0 <= value <= _MAX_TOKENS else None
