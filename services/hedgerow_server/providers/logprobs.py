"""Log probabilities of tokens in OpenAI's words, which most vendors and Ollama have taken over."""

import math
from typing import Any

from hedgerow_server.core.request import TokenAlternative, TokenLogprob
from hedgerow_server.providers.loose import text_of

_MAX_TOKEN_ID = (1 << 63) - 1


def read_tokens(entries: Any) -> tuple[TokenLogprob, ...]:
    """The tokens in a list of `{token, logprob, bytes, top_logprobs}`; what has no number is left out."""
    return tuple(
        TokenLogprob(
            text_of(entry.get("token")),
            logprob,
            token_bytes(entry.get("bytes")),
            token_id(entry.get("token_id")),
            _alternatives(entry.get("top_logprobs")),
        )
        for entry in objects_of(entries)
        if (logprob := number(entry.get("logprob"))) is not None
    )


def _alternatives(entries: Any) -> tuple[TokenAlternative, ...]:
    return tuple(
        TokenAlternative(
            text_of(entry.get("token")), logprob, token_bytes(entry.get("bytes")), token_id(entry.get("token_id"))
        )
        for entry in objects_of(entries)
        if (logprob := number(entry.get("logprob"))) is not None
    )


def objects_of(value: Any) -> list[dict[str, Any]]:
    """The objects in a list; none where there is no list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def number(value: object) -> float | None:
    """A log probability, None where it is no finite number."""
    if type(value) is int:
        return float(value) if abs(value) < 1 << 53 else None
    return value if type(value) is float and math.isfinite(value) else None


def token_id(value: object) -> int | None:
    """A token's number in the vocabulary, None where there is none."""
    return value if type(value) is int and 0 <= value <= _MAX_TOKEN_ID else None


def token_bytes(value: Any) -> bytes:
    """The bytes that a list of numbers gives; none where it is no such list."""
    try:
        return bytes(value) if isinstance(value, list) else b""
    except (TypeError, ValueError):
        return b""
