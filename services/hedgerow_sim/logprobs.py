"""Log probabilities of an answer's tokens: made up, but always the same for the same tokens."""

import math
from typing import Any, Final
from zlib import crc32

_OTHERS: Final = (" the", " a", " of", " and", " to", " in", " it", " is", " on", " no")


def entry(token: str, top: int) -> dict[str, Any]:
    """What OpenAI says of a token, with `top` of the likeliest ones: the token itself, then ever less likely ones."""
    chance = 0.5 + crc32(token.encode("utf-8", "surrogatepass")) % 50 / 100
    alternatives = [_said(token, chance)]
    for number in range(top - 1):
        chance = (1 - chance) / 2 if not number else chance / 2
        word = _OTHERS[number % len(_OTHERS)] * (1 + number // len(_OTHERS))
        alternatives.append(_said(word if word != token else f"{word}.", chance))
    return alternatives[0] | {"top_logprobs": alternatives[:top]}


def _said(token: str, chance: float) -> dict[str, Any]:
    return {"token": token, "logprob": math.log(chance), "bytes": [*token.encode("utf-8", "replace")]}
