"""Cohere's log probabilities: https://docs.cohere.com/reference/chat."""

from typing import Any

from hedgerow_server.core.request import TokenLogprob
from hedgerow_server.providers.cohere.answer import list_of
from hedgerow_server.providers.logprobs import number, objects_of, token_id
from hedgerow_server.providers.loose import text_of


def read_logprobs(items: Any) -> tuple[TokenLogprob, ...]:
    """The tokens of the items, or of one. An item has the text of all its tokens, and for each its number in the
    vocabulary and its log probability: the text stands in the first token.
    """
    tokens: list[TokenLogprob] = []
    for item in objects_of(list_of(items)):
        text = text_of(item.get("text"))
        ids = list_of(item.get("token_ids"))
        for position, value in enumerate(list_of(item.get("logprobs"))):
            if (logprob := number(value)) is not None:
                an_id = token_id(ids[position]) if position < len(ids) else None
                tokens.append(TokenLogprob(text, logprob, token_id=an_id))
                text = ""
    return tuple(tokens)
