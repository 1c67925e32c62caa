"""What each class of a usage costs by itself."""

from fractions import Fraction

import msgspec
import pytest
from hedgerow_server.core.event import Usage
from hedgerow_server.pricing.classes import REQUESTS, Classes, counts, uncached
from hedgerow_server.pricing.price import Price, Rates, Tier, priced

AT = 1_800_014_400.0
RATES = Rates(
    input=30,
    cache_read=3,
    cache_write=40,
    cache_write_long=60,
    input_audio=None,
    input_image=30,
    output=150,
    reasoning=151,
    output_audio=150,
    output_image=150,
    request=7,
    units={"web_search_requests": 9},
)
DOUBLE = msgspec.structs.replace(RATES, input=60)
PRICE = Price(rates=RATES, tiers=(Tier(1_000, DOUBLE),), scale=7, version="v", source="s")
USAGE = Usage(
    input_uncached_tokens=100,
    input_cache_read_tokens=50,
    input_cache_writes=((300.0, 10), (None, 5), (3600.0, 4)),
    output_visible_tokens=20,
    output_reasoning_tokens=30,
    other_units={"web_search_requests": 2},
)


def test_classes_are_priced_one_by_one_and_add_up_to_the_cost() -> None:
    classes = Classes(PRICE)
    classes.add(USAGE, AT)
    parts = {name: classes.picos(name) for name, _ in counts(USAGE)}
    exact = {"input_uncached_tokens": 3000, "input_cache_read_tokens": 150, "input_cache_write_tokens": 600}
    exact |= {"input_cache_write_long_tokens": 240, "output_visible_tokens": 3000, "output_reasoning_tokens": 4530}
    exact |= {"web_search_requests": 18}
    assert parts == {name: round(Fraction(value, 7)) for name, value in exact.items()}
    assert classes.picos(REQUESTS) == 1
    cost = PRICE.cost(USAGE, AT)
    assert cost is not None
    assert abs(sum(value or 0 for value in parts.values()) + 1 - cost) <= len(parts)


def test_each_request_is_priced_in_its_own_tier_and_rounded_once_at_the_end() -> None:
    classes = Classes(PRICE)
    for tokens in (1_000, 1_001):
        classes.add(Usage(input_uncached_tokens=tokens), AT)
    assert classes.picos("input_uncached_tokens") == round(Fraction(1_000 * 30 + 1_001 * 60, 7))


def test_a_class_without_a_price_has_none_and_leaves_the_others_theirs() -> None:
    classes = Classes(PRICE)
    classes.add(Usage(input_uncached_tokens=7, input_audio_tokens=1, other_units={"odd": 1}), AT)
    classes.add(Usage(input_uncached_tokens=7), AT)
    assert [classes.picos(name) for name in ("input_uncached_tokens", "input_audio_tokens", "odd")] == [60, None, None]
    assert Classes(None).picos("input_uncached_tokens") is None


def test_what_the_provider_says_that_it_billed_is_what_counts() -> None:
    usage = Usage(input_uncached_tokens=900, other_units={"billed_input_tokens": 70, "billed_output_tokens": 7})
    assert dict(counts(priced(usage))) == {"input_uncached_tokens": 70, "output_visible_tokens": 7}
    classes = Classes(PRICE)
    classes.add(usage, AT)
    assert classes.picos("input_uncached_tokens") == 300


@pytest.mark.parametrize("usage", [USAGE, Usage(input_audio_tokens=3, output_image_tokens=2)])
def test_without_a_cache_there_are_as_many_tokens(usage: Usage) -> None:
    without = uncached(usage)
    assert (without.input_tokens, without.output_tokens) == (usage.input_tokens, usage.output_tokens)
    assert (without.input_cache_read_tokens, without.input_cache_writes) == (0, ())
