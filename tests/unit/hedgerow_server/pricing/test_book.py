"""The price list with overrides and discounts."""

import datetime as dt
import random
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from genai_prices.data import providers as listed
from genai_prices.types import ModelInfo, ModelPrice, Provider
from genai_prices.types import Usage as ListUsage
from hedgerow_server.core.event import Usage
from hedgerow_server.pricing.book import PriceBook
from hedgerow_server.pricing.price import Price
from hedgerow_server.pricing.section import PricingSection

NOW = dt.datetime(2026, 11, 26, 14, 30, tzinfo=dt.UTC)
AT = NOW.timestamp()


def book(**section: Any) -> PriceBook:
    """A book as it is configured."""
    return PriceBook(PricingSection.model_validate(section), now=NOW)


PLAIN = book()


def known(family: str, model: str, region: str = "") -> Price:
    """A price that must be there."""
    found = PLAIN.price(family, model, region)
    assert found is not None
    return found


def drawn(lot: random.Random) -> tuple[Usage, dict[str, int]]:
    """A usage, and the same by the names of the price list, whose classes hold each other."""
    size = lot.choice((10, 1_000, 300_000))
    plain, read, short, long, heard, seen, said, thought, spoken, drew = (lot.randrange(size) for _ in range(10))
    usage = Usage(
        input_uncached_tokens=plain,
        input_cache_read_tokens=read,
        input_cache_writes=((300.0, short), (3600.0, long)),
        input_audio_tokens=heard,
        input_image_tokens=seen,
        output_visible_tokens=said,
        output_reasoning_tokens=thought,
        output_audio_tokens=spoken,
        output_image_tokens=drew,
        other_units={"web_search_requests": 3, "num_search_queries": 0},
    )
    names = {
        "input_tokens": usage.input_tokens,
        "cache_read_tokens": read,
        "cache_write_tokens": short + long,
        "cache_write_5m_tokens": short,
        "cache_write_1h_tokens": long,
        "input_audio_tokens": heard,
        "input_image_tokens": seen,
        "output_tokens": usage.output_tokens,
        "output_reasoning_tokens": thought,
        "output_audio_tokens": spoken,
        "output_image_tokens": drew,
        "web_searches": 3,
        **dict.fromkeys(("cache_audio_read_tokens", "cache_image_read_tokens"), 0),
        **dict.fromkeys(("input_video_tokens", "output_video_tokens", "output_citation_tokens"), 0),
    }
    return usage, names


def entries() -> list[tuple[Provider, ModelInfo]]:
    """Entries of the list that price input, output and searches, drawn from all."""
    lot = random.Random(7)
    found = []
    for provider in listed:
        for model in provider.models:
            prices = model.get_prices(NOW)
            claude = "claude" in model.id.lower() and prices.cache_write_mtok and not prices.cache_write_1h_mtok
            timed = prices.input_audio_hours is not None
            if prices.input_mtok is not None and prices.output_mtok is not None and not claude and not timed:
                found.append((provider, model))
    return lot.sample(found, 400)


def test_costs_are_those_of_the_price_list_to_the_pico() -> None:
    """400 entries of all providers at four hours of the day, against the list's own decimal arithmetic."""
    lot, compared, priced_searches = random.Random(11), 0, 0
    for provider, model in entries():
        price = PLAIN.price(provider.id, model.id)
        assert price is not None, (provider.id, model.id)
        for hour in (0, 2, 7, 12):
            at = NOW.replace(hour=hour)
            usage, names = drawn(lot)
            prices = model.get_prices(at)
            if prices.web_searches_kcount is None:
                usage, names = without_searches(usage, names)
            else:
                priced_searches += 1
            expected = prices.calc_price(ListUsage(**names))["total_price"] * 10**12
            cost = price.cost(usage, at.timestamp())
            assert cost is not None, (provider.id, model.id)
            assert abs(cost - expected) <= Decimal("0.5000001"), (provider.id, model.id, usage)
            compared += 1
    assert compared == 1600
    assert priced_searches > 10


def without_searches(usage: Usage, names: dict[str, int]) -> tuple[Usage, dict[str, int]]:
    """The same for a model that does not search."""
    return msgspec.structs.replace(usage, other_units={}), {**names, "web_searches": 0}


@pytest.mark.parametrize(
    ("family", "model", "entry"),
    [
        ("anthropic", "claude-sonnet-4-5-20250929", "anthropic/claude-sonnet-4-5"),
        ("bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "aws/regional.anthropic.claude-sonnet-4-5-"),
        ("bedrock", "global.anthropic.claude-sonnet-4-5-20250929-v1:0", "aws/global.anthropic.claude-sonnet-4-5-"),
        ("bedrock", "arn:aws:bedrock:us-east-1:1:inference-profile/us.amazon.nova-lite-v1:0", "aws/amazon.nova-lite-"),
        ("vertex", "claude-3-5-sonnet-v2@20241022", "google/claude-3-5-sonnet"),
        ("google", "models/gemini-2.0-flash-001", "google/gemini-2.0-flash"),
        ("azure", "gpt-4o-2024-11-20", "azure/gpt-4o"),
        ("openai", "ft:gpt-4o-mini-2024-07-18:acme::a1", "openai/ft:gpt-4o-mini"),
        ("openrouter", "meta-llama/llama-3.3-70b-instruct:free", "openrouter/meta-llama/llama-3.3-70b-instruct:free"),
        ("openrouter", "openai/gpt-4o", "openrouter/openai/gpt-4o"),
        ("huggingface", "openai/gpt-oss-120b:groq", "huggingface_groq/openai/gpt-oss-120b"),
        ("cohere", "c4ai-aya-expanse-32b", "cohere/c4ai-aya-expanse-32b"),
    ],
)
def test_a_providers_own_name_finds_its_entry(family: str, model: str, entry: str) -> None:
    assert known(family, model).source.startswith(f"genai-prices {entry}")


@pytest.mark.parametrize(
    ("family", "model"),
    [
        ("anthropic", "claude-opus-4-10"),
        ("anthropic", "claude-opus-4-8-fast"),
        ("bedrock", "arn:aws:bedrock:us-east-1:1:custom-model/amazon.nova-lite-v1:0:300k/abc"),
        ("bedrock", "openai.gpt-5.6-luna-pro"),
        ("deepseek", "deepseek-r1-distill-qwen-7b"),
        ("google", "gemini-2.5-pro-supreme"),
        ("openai", "ft:gpt-4.1-2025-04-14:acme::a1"),
        ("openrouter", "openai/gpt-4o:free"),
        ("openrouter", "openai/gpt-4o:online"),
        ("huggingface", "openai/gpt-oss-120b"),
        ("azure", "our-gpt-4o"),
        ("vllm", "gpt-4o"),
        ("", "gpt-4o"),
        ("openai", "*"),
    ],
)
def test_a_name_that_only_resembles_an_entry_has_no_price(family: str, model: str) -> None:
    assert PLAIN.price(family, model) is None


def test_every_name_that_the_list_gives_means_the_same_entry_here() -> None:
    for provider in listed:
        for model in provider.models:
            found = PLAIN.price(provider.id, model.id)
            if found is not None and provider.find_model(model.id) is model:
                assert found.source == f"genai-prices {provider.id}/{model.id}"


def test_a_free_model_costs_nothing_and_an_entry_without_prices_is_unknown() -> None:
    assert known("openrouter", "deepseek/deepseek-r1:free").cost(Usage(input_uncached_tokens=9)) == 0
    empty = [(p.id, m.id) for p in listed for m in p.models if m.prices == ModelPrice() and ":free" not in m.id]
    assert empty
    assert [PLAIN.price(*names) for names in empty] == [None] * len(empty)


def test_an_hours_cache_write_of_claude_costs_twice_the_input_where_the_list_does_not_say() -> None:
    rates = known("bedrock", "us.anthropic.claude-3-7-sonnet-20250219-v1:0").rates
    assert (rates.input, rates.cache_write, rates.cache_write_long) == (3_000_000, 3_750_000, 6_000_000)


@pytest.mark.parametrize(
    ("model", "region", "dearer"),
    [
        ("claude-sonnet-4-5@20250929", "europe-west1", True),
        ("claude-sonnet-4-5@20250929", "global", False),
        ("claude-opus-4-1@20250805", "europe-west1", False),
        ("claude-sonnet-4@20250514", "us-east5", False),
        ("claude-opus-5", "us", True),
        ("gemini-2.5-flash", "europe-west1", False),
    ],
)
def test_claude_in_a_region_of_vertex_costs_a_tenth_more_from_4_5_on(model: str, region: str, dearer: bool) -> None:
    usage = Usage(input_uncached_tokens=1000, output_visible_tokens=10)
    everywhere = known("vertex", model).cost(usage)
    assert everywhere is not None
    assert known("vertex", model, region).cost(usage) == (everywhere * 11 // 10 if dearer else everywhere)


def test_audio_that_is_billed_by_the_hour_costs_no_tokens() -> None:
    price = known("mistral", "voxtral-small-latest")
    usage = Usage(input_uncached_tokens=9, input_audio_tokens=375, other_units={"prompt_audio_seconds": 4})
    # $0.10 per million tokens, and four seconds of $0.24 an hour: 266,666,666.67 picos.
    assert price.cost(usage) == 900_000 + 266_666_667


def test_perplexitys_fee_is_for_its_searches_unless_each_is_billed() -> None:
    usage = Usage(other_units={"num_search_queries": 2})
    assert known("perplexity", "sonar").cost(usage) == 12 * 10**9
    assert known("perplexity", "sonar-deep-research").cost(usage) == 2 * 5 * 10**9


def test_a_price_that_was_superseded_before_the_start_is_left_out() -> None:
    before, after = (
        PriceBook(PricingSection(), now=dt.datetime(2026, month, 1, tzinfo=dt.UTC)).price(
            "anthropic", "claude-opus-4-6"
        )
        for month in (1, 11)
    )
    assert before is not None
    assert after is not None
    assert (len(before.periods), len(after.periods)) == (1, 0)
    usage = Usage(input_uncached_tokens=300_000)
    assert before.cost(usage, AT) == after.cost(usage, AT)
    assert before.cost(usage, dt.datetime(2026, 1, 2, tzinfo=dt.UTC).timestamp()) != after.cost(usage, AT)


OVERRIDE = {
    "provider": "ours",
    "model": "our-*",
    "usd_per_million_tokens": {"input": 2.5, "output": "10", "cache_read": 0.1},
    "usd_per_request": 0.001,
    "usd_per_thousand": {"web_search_requests": 10},
    "tiers": [{"above_input_tokens": 1000, "usd_per_million_tokens": {"input": 5, "output": 20}}],
}


def test_an_override_replaces_the_list_and_says_so() -> None:
    found = book(overrides=[OVERRIDE]).price("openai", "our-gpt", provider="ours")
    assert found is not None
    assert found.source == "configuration"
    usage = Usage(input_uncached_tokens=10, input_cache_read_tokens=10, output_visible_tokens=1, output_audio_tokens=1)
    assert found.cost(usage) == 10**9 + 25_000_000 + 1_000_000 + 20_000_000
    assert found.cost(Usage(other_units={"web_search_requests": 1})) == 10**9 + 10**10
    assert found.cost(Usage(input_uncached_tokens=1001)) == 10**9 + 5_005_000_000
    assert found.cost(Usage(other_units={"guardrail_units": 1})) is None


@pytest.mark.parametrize(
    ("provider", "model"), [("theirs", "our-gpt"), ("ours", "gpt-4o"), ("ours", "your-our-"), ("", "our-gpt")]
)
def test_an_override_is_for_its_provider_and_its_models_only(provider: str, model: str) -> None:
    found = book(overrides=[OVERRIDE]).price("openai", model, provider=provider)
    assert found is None or found.source != "configuration"


def test_the_first_override_that_matches_holds() -> None:
    star = {"provider": "ours", "usd_per_million_tokens": {"input": 1}}
    ordered = [
        book(overrides=order).price("", "our-x", provider="ours") for order in ([OVERRIDE, star], [star, OVERRIDE])
    ]
    assert [one.rates.input for one in ordered if one is not None] == [2_500_000, 1_000_000]


def test_an_output_without_a_price_makes_the_cost_unknown_even_in_an_override() -> None:
    found = book(overrides=[{"provider": "p", "usd_per_million_tokens": {"input": 1}}]).price("", "m", provider="p")
    assert found is not None
    assert found.cost(Usage(input_uncached_tokens=1)) == 10**6
    assert found.cost(Usage(output_visible_tokens=1)) is None


def test_a_discount_is_taken_off_exactly() -> None:
    discounts = [{"provider": "us", "model": "gpt-4o*", "percent": 33.3}]
    found = book(discounts=discounts).price("openai", "gpt-4o-mini", provider="us")
    assert found is not None
    # 150,000 picos a token less 33.3 % is 100,050; cached tokens cost 75,000 less that: 50,025.
    assert found.cost(Usage(input_uncached_tokens=3, input_cache_read_tokens=1)) == 350_175
    assert found.cost(Usage(output_visible_tokens=1)) == 400_200


def test_a_discount_that_leaves_fractions_is_rounded_once() -> None:
    found = book(discounts=[{"provider": "us", "percent": 99.99995}]).price("openai", "gpt-4o-mini", provider="us")
    assert found is not None
    assert found.scale > 1
    # A token is 0.075 picos then.
    costs = [found.cost(Usage(input_uncached_tokens=tokens)) for tokens in (1, 7, 20, 100)]
    assert costs == [0, 1, 2, 8]


def test_a_discount_leaves_overrides_and_other_models_alone() -> None:
    both = book(overrides=[OVERRIDE], discounts=[{"provider": "ours", "model": "our-*", "percent": 50}])
    agreed, other = both.price("openai", "our-gpt", provider="ours"), both.price("openai", "gpt-4o", provider="ours")
    assert agreed is not None
    assert other is not None
    assert (agreed.rates.input, other.rates.input) == (2_500_000, 2_500_000)


def test_the_version_names_the_list_and_tells_configured_prices_apart() -> None:
    plain, one, same, other = (
        book(**section).version
        for section in (
            {},
            {"overrides": [OVERRIDE]},
            {"overrides": [OVERRIDE]},
            {"overrides": [OVERRIDE], "discounts": [{"provider": "ours", "percent": 1}]},
        )
    )
    assert plain.startswith("genai-prices-")
    assert "+" not in plain
    assert one == same
    assert len({plain, one, other}) == 3
    assert known("openai", "gpt-4o").version == plain


def test_names_that_only_callers_say_are_kept_within_bounds() -> None:
    one = book()
    assert [one.price("openai", f"made-up-{number}") for number in range(5000)] == [None] * 5000
    assert one._resolved.cache_info().currsize <= 4096
    assert [one.price(f"nobody-{number}", "x") for number in range(100)] == [None] * 100
    assert set(one._indices) == {"openai"}
