"""What a usage costs, class by class."""

from typing import Any

import pytest
from hedgerow_server.core.event import Usage
from hedgerow_server.pricing.price import MAX_PICOS, Period, Price, Rates, Tier, rounded

NOON = 1_800_014_400.0
"""A noon in UTC."""
HOUR = 3600.0


def rates(factor: int = 1, **other: object) -> Rates:
    """Rates of which each is a different power of ten."""
    names = (
        "input",
        "cache_read",
        "cache_write",
        "cache_write_long",
        "input_audio",
        "input_image",
        "output",
        "reasoning",
        "output_audio",
        "output_image",
    )
    given: dict[str, object] = {name: factor * 10**place for place, name in enumerate(names)}
    return Rates(**{**given, **other})  # type: ignore[arg-type]


def price(**fields: object) -> Price:
    """A price of those rates."""
    return Price(**{"rates": rates(), "version": "v", "source": "s", **fields})  # type: ignore[arg-type]


def test_every_class_is_charged_at_its_own_rate() -> None:
    usage = Usage(
        input_uncached_tokens=1,
        input_cache_read_tokens=2,
        input_cache_writes=((300.0, 1), (None, 2), (3600.0, 4)),
        input_audio_tokens=5,
        input_image_tokens=6,
        output_visible_tokens=7,
        output_reasoning_tokens=8,
        output_audio_tokens=9,
        output_image_tokens=1,
    )
    assert price().cost(usage) == 1_987_654_321


def test_a_request_costs_its_fee_beside_its_tokens() -> None:
    assert price(rates=rates(request=7)).cost(Usage(input_uncached_tokens=1)) == 8


def test_units_are_charged_by_the_providers_word() -> None:
    one = price(rates=rates(units={"web_search_requests": 50}))
    assert one.cost(Usage(other_units={"web_search_requests": 3})) == 150


@pytest.mark.parametrize(
    ("without", "usage"),
    [
        ("input", Usage(input_uncached_tokens=1)),
        ("cache_read", Usage(input_cache_read_tokens=1)),
        ("cache_write", Usage(input_cache_writes=((None, 1),))),
        ("cache_write_long", Usage(input_cache_writes=((3600.0, 1),))),
        ("output", Usage(output_visible_tokens=1)),
        ("output_audio", Usage(output_audio_tokens=1)),
        ("units", Usage(other_units={"code_execution_hours": 1})),
    ],
)
def test_a_cost_is_unknown_where_something_used_has_no_price(without: str, usage: Usage) -> None:
    gap: dict[str, Any] = {} if without == "units" else {without: None}
    assert price(rates=rates(**gap)).cost(usage) is None
    # What has no price and was not used does not matter.
    other = Usage(input_image_tokens=1)
    assert price(rates=rates(**gap)).cost(other) == 10**5


@pytest.mark.parametrize(
    ("total", "scale", "picos"), [(5, 10, 0), (15, 10, 2), (25, 10, 2), (26, 10, 3), (24, 10, 2), (8, 3, 3), (7, 1, 7)]
)
def test_a_cost_is_rounded_half_to_even(total: int, scale: int, picos: int) -> None:
    assert rounded(total, scale) == picos


def test_a_cost_is_rounded_once_and_not_by_class() -> None:
    usage = Usage(input_uncached_tokens=1, output_visible_tokens=1)
    assert price(scale=3, rates=rates(input=4, output=4)).cost(usage) == 3


def test_a_tier_holds_for_every_token_of_a_request_above_its_threshold() -> None:
    one = price(tiers=(Tier(100, rates(2)), Tier(200, rates(3))))
    assert one.cost(Usage(input_uncached_tokens=60, input_cache_read_tokens=40)) == 460
    assert one.cost(Usage(input_uncached_tokens=61, input_cache_read_tokens=40)) == 2 * 461
    assert one.cost(Usage(input_uncached_tokens=201)) == 3 * 201


@pytest.mark.parametrize(
    ("daily", "at", "factor"),
    [
        ((43_200, 50_400), NOON, 5),
        ((43_200, 50_400), NOON + 2 * HOUR - 0.001, 5),
        ((43_200, 50_400), NOON + 2 * HOUR, 1),
        ((43_200, 50_400), NOON - 0.001, 1),
        ((79_200, 7_200), NOON + 11 * HOUR, 5),
        ((79_200, 7_200), NOON + 13 * HOUR, 5),
        ((79_200, 7_200), NOON, 1),
    ],
)
def test_a_rate_of_some_hours_holds_in_them_only(daily: tuple[int, int], at: float, factor: int) -> None:
    one = price(periods=(Period(daily_s=daily, rates=rates(5)),))
    assert one.cost(Usage(input_uncached_tokens=1), at) == factor


def test_a_price_to_come_takes_effect_by_itself_and_the_last_period_that_holds_wins() -> None:
    one = price(
        periods=(
            Period(since_unix_s=NOON, rates=rates(5)),
            Period(daily_s=(46_800, 50_400), rates=rates(7), tiers=(Tier(1, rates(8)),)),
        )
    )
    usage = Usage(input_uncached_tokens=1)
    costs = [one.cost(usage, NOON + late) for late in (-1, 0, HOUR, 2 * HOUR)]
    assert costs == [1, 5, 7, 5]
    assert one.cost(Usage(input_uncached_tokens=2), NOON + HOUR) == 16


def test_what_a_provider_says_it_billed_is_what_costs() -> None:
    usage = Usage(
        input_uncached_tokens=900,
        output_visible_tokens=80,
        other_units={"billed_input_tokens": 3, "billed_output_tokens": 2, "search_units": 1},
    )
    assert price(rates=rates(units={"search_units": 5})).cost(usage) == 3 + 2 * 10**6 + 5


def test_a_cost_beyond_the_contracts_integers_is_unknown() -> None:
    assert price().cost(Usage(input_uncached_tokens=MAX_PICOS)) == MAX_PICOS
    assert price().cost(Usage(input_uncached_tokens=MAX_PICOS + 1)) is None
