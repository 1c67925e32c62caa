"""In which order a route asks those who may serve a call."""

import random
import time
from collections.abc import Callable, Sequence
from typing import Literal

import msgspec

from hedgerow_server.core.event import Usage
from hedgerow_server.core.tokens import USUAL_OUTPUT_TOKENS
from hedgerow_server.routing.candidate import Candidate
from hedgerow_server.routing.need import Need
from hedgerow_server.routing.pace import Pace
from hedgerow_server.routing.state import CandidateState

Strategy = Literal["ordered", "weighted", "cheapest", "fastest"]

_EXPLORED = 0.05
"""The share of calls of a `fastest` route that go to another candidate first, to learn how fast it has become."""
_EMBED_TOKENS = 1000
"""The length of a batch that `cheapest` assumes where a stream of inputs is only beginning."""
_random = random.random


class View(msgspec.Struct, frozen=True):
    """What an order may look at."""

    need: Need
    stream: bool
    """Whether attempts stream upstream: times of both shapes are kept apart."""
    warm: CandidateState | None = None
    """The candidate whose prompt cache is warm for the conversation."""


Order = Callable[[Sequence[Candidate], View], list[Candidate]]
"""Sorts candidates for a call."""


def ordered(candidates: Sequence[Candidate], view: View) -> list[Candidate]:
    """As the configuration lists them."""
    return list(candidates)


def weighted(candidates: Sequence[Candidate], view: View) -> list[Candidate]:
    """Each first with the probability of its weight; those that follow are drawn the same way from the rest."""
    # Efraimidis and Spirakis 2006: keys u^(1/w), sorted, are a weighted sample without replacement.
    keys = [(_random() ** (1.0 / one.weight) if one.weight else -1.0, one) for one in candidates]
    keys.sort(key=lambda key: key[0], reverse=True)
    return [one for _, one in keys]


def heaviest(candidates: Sequence[Candidate], view: View) -> list[Candidate]:
    """The likeliest of the orders that `weighted` draws."""
    return sorted(candidates, key=lambda one: -one.weight)


def cheapest(candidates: Sequence[Candidate], view: View) -> list[Candidate]:
    """By what the request probably costs; those without a known price last. A prompt that the warm candidate has cached
    costs less there.
    """

    def cost(one: Candidate) -> float:
        picos = expected_cost(one, view.need, cached=one.state is view.warm)
        return float("inf") if picos is None else picos

    return sorted(candidates, key=cost)


def expected_cost(candidate: Candidate, need: Need, *, cached: bool = False) -> int | None:
    """What the request probably costs there, in 10^-12 US dollars; None where the price is not known."""
    if candidate.price is None:
        return None
    tokens, output = need.input_tokens, 0
    if need.kind == "embed":
        tokens = tokens or _EMBED_TOKENS
    else:
        output = min(need.max_output_tokens or USUAL_OUTPUT_TOKENS, USUAL_OUTPUT_TOKENS)
    usage = Usage(
        input_uncached_tokens=0 if cached else tokens,
        input_cache_read_tokens=tokens if cached else 0,
        output_visible_tokens=output,
    )
    return candidate.price.cost(usage)


def quickest(candidates: Sequence[Candidate], view: View) -> list[Candidate]:
    """By how soon their first tokens come now; those of which nothing is known last."""
    now_s = time.monotonic()

    def typical_s(one: Candidate) -> float:
        found = _pace(one, view).typical_s(now_s)
        return float("inf") if found is None else found

    return sorted(candidates, key=typical_s)


def fastest(candidates: Sequence[Candidate], view: View) -> list[Candidate]:
    """By how soon their first tokens come now. One that nothing is known of goes first once, to find out; after that,
    like all that are not the fastest, with a small share of calls, the one that was asked the longest ago before the
    others. So one that only ever fails does not get every call.
    """
    found = quickest(candidates, view)
    if len(found) < 2:
        return found
    explore = _random() < _EXPLORED
    others = [one for one in found[explore:] if one.state.open() and (explore or _pace(one, view).unknown)]
    if others:
        first = min(others, key=lambda one: _pace(one, view).last_s)
        _pace(first, view).asked_s = time.monotonic()
        found.remove(first)
        found.insert(0, first)
    return found


def _pace(one: Candidate, view: View) -> Pace:
    return one.state.pace(stream=view.stream)


ORDERS: dict[Strategy, Order] = {
    "ordered": ordered,
    "weighted": weighted,
    "cheapest": cheapest,
    "fastest": fastest,
}
LIKELY: dict[Strategy, Order] = {
    "ordered": ordered,
    "weighted": heaviest,
    "cheapest": cheapest,
    "fastest": quickest,
}
"""The orders that are the likeliest, without chance: for explanations, which must not change what they look at."""
