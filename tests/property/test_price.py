"""Costs as sums: more usage never costs less, and parts cost what the whole does, up to one rounding each."""

import datetime as dt
from decimal import ROUND_HALF_EVEN, Decimal, localcontext

import msgspec
from hedgerow_server.core.event import Usage, added
from hedgerow_server.pricing.book import PriceBook
from hedgerow_server.pricing.price import Price, Rates
from hedgerow_server.pricing.section import PricingSection
from hypothesis import given
from hypothesis import strategies as st

COUNTS = (
    "input_uncached_tokens",
    "input_cache_read_tokens",
    "input_audio_tokens",
    "input_image_tokens",
    "output_visible_tokens",
    "output_reasoning_tokens",
    "output_audio_tokens",
    "output_image_tokens",
)
CLASSES = Rates.__struct_fields__[:10]
tokens = st.integers(0, 10_000_000)
usages = st.builds(
    Usage,
    **dict.fromkeys(COUNTS, tokens),
    input_cache_writes=st.lists(st.tuples(st.sampled_from((None, 300.0, 3600.0)), tokens), max_size=3).map(tuple),
)
prices = st.builds(
    lambda values, scale: Price(
        rates=Rates(**dict(zip(CLASSES, values, strict=True))), scale=scale, version="v", source="s"
    ),
    st.lists(st.integers(0, 10**9), min_size=10, max_size=10),
    st.integers(1, 1000),
)


@given(prices, usages, st.sampled_from(COUNTS), st.integers(0, 1000))
def test_more_of_a_class_never_costs_less(price: Price, usage: Usage, name: str, more: int) -> None:
    larger = msgspec.structs.replace(usage, **{name: getattr(usage, name) + more})
    before, after = price.cost(usage), price.cost(larger)
    assert before is not None
    assert after is not None
    assert after >= before


@given(prices, usages, usages)
def test_two_usages_cost_what_their_sum_does_up_to_the_rounding(price: Price, one: Usage, other: Usage) -> None:
    costs = [price.cost(usage) for usage in (one, other, added(one, other))]
    assert None not in costs
    first, second, both = (cost or 0 for cost in costs)
    assert abs(first + second - both) <= (0 if price.scale == 1 else 1)


@given(st.integers(0, 10_000), st.integers(0, 10_000_000), st.decimals(0, 10_000, places=12))
def test_a_configured_price_costs_what_decimal_arithmetic_says(read: int, made: int, usd: Decimal) -> None:
    section = {"overrides": [{"provider": "p", "usd_per_million_tokens": {"input": str(usd), "output": "0.0375"}}]}
    price = PriceBook(PricingSection.model_validate(section), now=dt.datetime(2026, 1, 1, tzinfo=dt.UTC)).price(
        "", "m", provider="p"
    )
    assert price is not None
    with localcontext(prec=60):
        exact = (usd * read + Decimal("0.0375") * made) * 10**6
        assert price.cost(Usage(input_uncached_tokens=read, output_visible_tokens=made)) == int(
            exact.quantize(Decimal(1), ROUND_HALF_EVEN)
        )
