"""Ollama's usage: https://docs.ollama.com/api/usage.

There are two counts, of the prompt and of what was generated, thoughts included; what of the prompt was cached it does
not say. A count of zero is left out.
"""

from hedgerow_server.core.event import Usage

_MAX_TOKENS = 1 << 40


def read_usage(prompt: object, generated: object) -> Usage | None:
    """The usage; None where there is none or where it cannot be true."""
    if prompt is None and generated is None:
        return None
    read, made = _count(prompt), _count(generated)
    if read is None or made is None:
        return None
    return Usage(input_uncached_tokens=read, output_visible_tokens=made, final=True)


def _count(value: object) -> int | None:
    if value is None:
        return 0
    return value if type(value) is int and 0 <= value <= _MAX_TOKENS else None
