"""What a request may cost, before it is sent."""

import re
from collections.abc import Iterator

import msgspec

from hedgerow_server.core.event import Usage
from hedgerow_server.core.request import ChatSpec, EmbedSpec, ProviderTool
from hedgerow_server.core.tokens import USUAL_OUTPUT_TOKENS, InputTokens, input_tokens
from hedgerow_server.pricing.price import SEARCHES_BY_ITSELF, Price, Rates, rounded

_LEAST_SHARE = 4
"""The optimistic end takes the input for a quarter of what is expected."""
# Options that bring in, or ask for, what no size in the request tells of: kept state, tools, more answers, another
# limit, another tier of service.
_UNBOUNDED = re.compile(
    r'"(previous_response_id|conversation|cached_?content|prompt|tools|plugins|web_search_options|search_parameters'
    r'|n|candidate_?count|max_(completion_|output_)?tokens|max(output)?tokens|service_?tier|speed)"\s*:',
    re.IGNORECASE,
)


class EstimatedCost(msgspec.Struct, frozen=True, kw_only=True):
    """What a request may cost at one price. Costs are picos, 10^-12 US dollars."""

    low: int | None = None
    """An optimistic cost, no bound: little input, all of it cached, and a token of output. None: price unknown."""
    expected: int | None = None
    """The cost of the expected tokens, none of them cached. None: the price is unknown."""
    high: int | None = None
    """The most it can cost in one attempt. None: the price is unknown, or there is no bound."""
    input_tokens: InputTokens
    """The input, as expected and at most."""
    expected_output_tokens: int
    """The output of a usual answer, or the most it may have where that is less."""
    output_tokens_bound: int | None
    """The most output. None: neither the request nor what is known of the model bounds it."""
    price_version: str = ""
    """The version of the price; empty: the price is unknown."""


def estimate(
    spec: ChatSpec | EmbedSpec,
    price: Price | None,
    *,
    max_output_tokens: int | None = None,
    context_tokens: int | None = None,
    at_unix_s: float | None = None,
) -> EstimatedCost:
    """Estimates one attempt that starts then (None: now).

    `max_output_tokens` and `context_tokens` are the model's own limits where they are known. The context bounds an
    input that nothing else bounds, unless the provider runs tools: each of its rounds reads the context again.
    """
    given = bounded_input(spec, context_tokens)
    most = 0 if isinstance(spec, EmbedSpec) else _least(spec.max_output_tokens, max_output_tokens, context_tokens)
    usual = USUAL_OUTPUT_TOKENS if most is None else min(USUAL_OUTPUT_TOKENS, most)
    sizes = EstimatedCost(input_tokens=given, expected_output_tokens=usual, output_tokens_bound=most)
    if price is None:
        return sizes
    least = Usage(input_cache_read_tokens=max(given.expected // _LEAST_SHARE, 1), output_visible_tokens=min(usual, 1))
    expected = Usage(input_uncached_tokens=given.expected, output_visible_tokens=usual)
    return msgspec.structs.replace(
        sizes,
        low=price.cost(least, at_unix_s),
        expected=price.cost(expected, at_unix_s),
        high=_most(price, given.bound, most),
        price_version=price.version,
    )


def input_size(spec: ChatSpec | EmbedSpec) -> InputTokens:
    """How long the input is; without a bound where options bring in what no size in the request tells of."""
    given = input_tokens(spec)
    if spec.provider_options and any(_UNBOUNDED.search(text) for text in spec.provider_options.values()):
        return InputTokens(given.expected, None)
    return given


def highest(
    spec: ChatSpec | EmbedSpec,
    size: InputTokens,
    price: Price,
    *,
    max_output_tokens: int | None = None,
    context_tokens: int | None = None,
) -> int | None:
    """The most that one attempt can cost, as `estimate` says it, where the size of the input is known already."""
    most = 0 if isinstance(spec, EmbedSpec) else _least(spec.max_output_tokens, max_output_tokens, context_tokens)
    return _most(price, _within(spec, size, context_tokens).bound, most)


def bounded_input(spec: ChatSpec | EmbedSpec, context_tokens: int | None) -> InputTokens:
    """How long the input is, at most a model's context where nothing else bounds it."""
    return _within(spec, input_size(spec), context_tokens)


def _within(spec: ChatSpec | EmbedSpec, given: InputTokens, context_tokens: int | None) -> InputTokens:
    """The size within a model's context."""
    if context_tokens is None or (given.bound is not None and given.bound <= context_tokens):
        return given
    if spec.provider_options and any(_UNBOUNDED.search(text) for text in spec.provider_options.values()):
        return given
    if isinstance(spec, ChatSpec) and any(isinstance(tool, ProviderTool) for tool in spec.tools):
        return given
    return InputTokens(given.expected, context_tokens)


def _least(*limits: int | None) -> int | None:
    return min([one for one in limits if one is not None], default=None)


def _most(price: Price, given: int | None, made: int | None) -> int | None:
    """The cost where every token is of the dearest class at the dearest time."""
    if given is None or made is None:
        return None
    if not price.tiers and not price.periods:
        total = _dearest(price.rates, given, made)
        return rounded(total, price.scale) if total is not None else None
    totals = [_dearest(rates, given, made) for rates in _reachable(price, given)]
    known = [total for total in totals if total is not None]
    return rounded(max(known), price.scale) if known and len(known) == len(totals) else None


def _reachable(price: Price, input_tokens: int) -> Iterator[Rates]:
    """All rates that a request of at most so many tokens can meet, whenever it is sent."""
    for rates, tiers in [(price.rates, price.tiers), *((one.rates, one.tiers) for one in price.periods)]:
        yield rates
        yield from (tier.rates for tier in tiers if tier.above_input_tokens < input_tokens)


def _dearest(rates: Rates, given: int, made: int) -> int | None:
    if rates.units.get(SEARCHES_BY_ITSELF):
        return None
    inputs = (
        rates.input,
        rates.cache_read,
        rates.cache_write,
        rates.cache_write_long,
        rates.input_audio,
        rates.input_image,
    )
    outputs = (rates.output, rates.reasoning, rates.output_audio, rates.output_image)
    if None in inputs:
        return None
    dearest = max(inputs)  # type: ignore[type-var]  # none of them is None
    if not made:
        return rates.request + given * dearest  # type: ignore[operator]
    if None in outputs:
        return None
    return rates.request + given * dearest + made * max(outputs)  # type: ignore[operator, type-var]
