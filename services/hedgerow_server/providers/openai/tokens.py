"""Log probabilities in a choice: OpenAI's lists, or what vendors have kept of its older API for completions."""

from itertools import zip_longest
from typing import Any

from hedgerow_server.core.request import TokenAlternative, TokenLogprob
from hedgerow_server.providers.logprobs import number, read_tokens, token_id
from hedgerow_server.providers.loose import text_of


def read_logprobs(said: Any, text: object) -> tuple[tuple[TokenLogprob, ...], tuple[TokenLogprob, ...]]:
    """The tokens of the text and those of a refusal. `text` is what the choice says; Together's streams give the number
    of a chunk's one token alone.
    """
    if isinstance(said, dict):
        content = read_tokens(said.get("content")) or _older(said)
        return content, read_tokens(said.get("refusal"))
    logprob = number(said)
    return ((TokenLogprob(text_of(text), logprob),) if logprob is not None else (), ())


def _older(said: dict[str, Any]) -> tuple[TokenLogprob, ...]:
    """Lists of tokens and of their numbers side by side (Together, Fireworks)."""
    texts, numbers, ids, tops = (
        _list(said.get(name)) for name in ("tokens", "token_logprobs", "token_ids", "top_logprobs")
    )
    return tuple(
        TokenLogprob(text_of(text), logprob, token_id=token_id(an_id), top=_top(top))
        for text, value, an_id, top in zip_longest(texts, numbers[: len(texts)], ids[: len(texts)], tops[: len(texts)])
        if (logprob := number(value)) is not None
    )


def _top(tokens: Any) -> tuple[TokenAlternative, ...]:
    """The likeliest tokens, an object of numbers by text."""
    if not isinstance(tokens, dict):
        return ()
    return tuple(
        TokenAlternative(text, logprob) for text, value in tokens.items() if (logprob := number(value)) is not None
    )


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
