"""Google's log probabilities: https://ai.google.dev/api/generate-content#LogprobsResult."""

from itertools import zip_longest
from typing import Any

from hedgerow_server.core.request import TokenAlternative, TokenLogprob
from hedgerow_server.providers.logprobs import number, objects_of, token_id
from hedgerow_server.providers.loose import member, text_of


def read_logprobs(result: Any) -> tuple[TokenLogprob, ...]:
    """The chosen tokens and, step by step beside them, the likeliest ones."""
    chosen, likeliest = member(result, "chosenCandidates"), member(result, "topCandidates")
    if not isinstance(chosen, list):
        return ()
    steps = zip_longest(chosen, likeliest[: len(chosen)] if isinstance(likeliest, list) else ())
    return tuple(
        TokenLogprob(
            text_of(member(one, "token")),
            logprob,
            token_id=token_id(member(one, "tokenId")),
            top=_alternatives(member(step, "candidates")),
        )
        for one, step in steps
        if (logprob := _logprob(one)) is not None
    )


def _alternatives(candidates: Any) -> tuple[TokenAlternative, ...]:
    return tuple(
        TokenAlternative(text_of(one.get("token")), logprob, token_id=token_id(one.get("tokenId")))
        for one in objects_of(candidates)
        if (logprob := _logprob(one)) is not None
    )


def _logprob(candidate: Any) -> float | None:
    """A certain token has none: Google leaves zeros out."""
    return number(candidate.get("logProbability", 0.0)) if isinstance(candidate, dict) else None
