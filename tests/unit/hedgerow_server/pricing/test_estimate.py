"""What a request may cost before it is sent."""

import msgspec
import pytest
from hedgerow_server.core.event import Usage
from hedgerow_server.core.request import (
    Audio,
    ChatSpec,
    EmbedSpec,
    File,
    FunctionTool,
    Image,
    JsonSchemaFormat,
    Message,
    Part,
    ProviderItem,
    ProviderTool,
    Role,
    Text,
    ToolCall,
    ToolResult,
)
from hedgerow_server.core.tokens import input_tokens
from hedgerow_server.pricing.estimate import EstimatedCost, estimate
from hedgerow_server.pricing.price import Period, Price, Rates, Tier


def rates(given: int, made: int, **other: object) -> Rates:
    """Rates of one price for input and one for output."""
    inputs = ("input", "cache_read", "cache_write", "cache_write_long", "input_audio", "input_image")
    outputs = ("output", "reasoning", "output_audio", "output_image")
    return Rates(**{**dict.fromkeys(inputs, given), **dict.fromkeys(outputs, made), **other})  # type: ignore[arg-type]


PRICE = Price(rates=rates(2, 10, cache_read=1), version="v7", source="s")


def chat(*parts: Part, **more: object) -> ChatSpec:
    """A chat of one message."""
    return ChatSpec(model="m", messages=(Message(Role.USER, parts),), **more)  # type: ignore[arg-type]


def text(words: str) -> Part:
    """A part of text."""
    return Part(Text(words))


def bound(*parts: Part, **more: object) -> int | None:
    """The bound of a chat's input."""
    return input_tokens(chat(*parts, **more)).bound


def test_a_price_makes_a_range_that_says_what_it_is_from() -> None:
    found = estimate(chat(text("a" * 400), max_output_tokens=50), PRICE)
    assert found.low is not None
    assert found.expected is not None
    assert found.high is not None
    assert found.low < found.expected < found.high
    assert found.price_version == "v7"
    assert (found.expected_output_tokens, found.output_tokens_bound) == (50, 50)
    assert found.expected == 2 * found.input_tokens.expected + 10 * 50


def test_without_a_price_only_the_tokens_are_known() -> None:
    found = estimate(chat(text("hello"), max_output_tokens=5), None)
    assert (found.low, found.expected, found.high, found.price_version) == (None, None, None, "")
    assert found.input_tokens.expected > 0
    assert found.output_tokens_bound == 5


@pytest.mark.parametrize("words", ["plain words", "日本語の文章です。", "🌳🌲🪴", "\ud800", "a" * 5000])
def test_no_text_can_be_more_tokens_than_its_bytes(words: str) -> None:
    limit = bound(text(words))
    assert limit is not None
    assert limit >= len(words.encode("utf-8", "replace"))


def test_everything_that_is_sent_counts() -> None:
    whole = chat(
        text("said"),
        Part(ToolCall("c", "name", '{"q":1}')),
        Part(ToolResult("c", (text("result of the call"),))),
        tools=(FunctionTool("search", "looks things up", '{"type":"object"}'),),
        response_format=JsonSchemaFormat("form", '{"type":"object"}', "how it looks"),
        provider_options={"openai": '{"user":"somebody"}'},
    )
    fewer: tuple[dict[str, object], ...] = (
        {"messages": (Message(Role.USER, whole.messages[0].content[:2]),)},
        {"messages": (Message(Role.USER, whole.messages[0].content[1:]),)},
        {"tools": ()},
        {"response_format": None},
        {"provider_options": {}},
    )
    limit = input_tokens(whole).bound
    assert limit is not None
    sizes = [input_tokens(msgspec.structs.replace(whole, **less)).bound for less in fewer]
    assert all(size is not None and size < limit for size in sizes)


@pytest.mark.parametrize(
    "part",
    [
        Part(File(url="https://example.com/a.pdf")),
        Part(File(data=b"%PDF", media_type="application/pdf")),
        Part(Audio(data=b"RIFF")),
        Part(ProviderItem("openai", "item_reference", b"{}")),
        Part(ToolResult("c", (Part(File(provider_file_id="file-1")),))),
    ],
)
def test_what_the_provider_reads_by_its_own_rules_is_bounded_by_the_context_alone(part: Part) -> None:
    assert bound(part) is None
    found = estimate(chat(part, max_output_tokens=10), PRICE, context_tokens=1000)
    assert found.input_tokens.bound == 1000
    assert found.high == 1000 * 2 + 10 * 10


def test_a_picture_has_a_bound_and_a_text_file_its_bytes() -> None:
    assert (bound(Part(Image(url="https://example.com/a.png"))) or 0) > 48_000
    size = bound(Part(File(data=b"x" * 3000, media_type="text/plain")))
    assert size is not None
    assert 3000 <= size < 6000


@pytest.mark.parametrize(
    "more",
    [
        {"tools": (ProviderTool("openai", '{"type":"web_search"}'),)},
        {"provider_options": {"openai": '{"previous_response_id":"resp_1"}'}},
        {"provider_options": {"gemini": '{"cachedContent" : "c"}'}},
        {"provider_options": {"openai": '{"n":3}'}},
        {"provider_options": {"openai": '{"max_completion_tokens":100000}'}},
        {"provider_options": {"openai": '{"service_tier":"priority"}'}},
    ],
)
def test_nothing_bounds_a_call_that_asks_for_more_than_its_size_tells(more: dict[str, object]) -> None:
    found = estimate(chat(text("hi"), max_output_tokens=10, **more), PRICE, context_tokens=1000)
    assert found.input_tokens.bound is None
    assert found.high is None
    assert found.expected is not None


@pytest.mark.parametrize(
    ("asked", "models", "context", "most"),
    [
        (50, 100, 1000, 50),
        (500, 100, 1000, 100),
        (None, 100, 1000, 100),
        (None, None, 80, 80),
        (None, None, None, None),
    ],
)
def test_the_least_limit_bounds_the_output(
    asked: int | None, models: int | None, context: int | None, most: int | None
) -> None:
    spec = chat(text("hi"), max_output_tokens=asked)
    found = estimate(spec, PRICE, max_output_tokens=models, context_tokens=context)
    assert found.output_tokens_bound == most
    assert (found.high is None) == (most is None)


def embedded(*inputs: str | tuple[int, ...]) -> EstimatedCost:
    """The estimate of a batch."""
    return estimate(EmbedSpec(model="m", inputs=inputs), PRICE)


def test_embeddings_have_no_output_and_tokens_count_as_what_they_are() -> None:
    words, ids = embedded("a" * 4000), embedded(tuple(range(1000)))
    assert words.output_tokens_bound == ids.output_tokens_bound == 0
    assert words.input_tokens.expected == ids.input_tokens.expected == 1004
    assert words.expected == 2 * 1004
    assert (words.input_tokens.bound or 0) - (ids.input_tokens.bound or 0) == 3000
    assert embedded("a", "b").input_tokens.expected > embedded("a").input_tokens.expected


def test_the_upper_bound_is_the_dearest_rate_that_can_be_met() -> None:
    spec = chat(text("a" * 1000), max_output_tokens=10)
    size = input_tokens(spec).bound
    assert size is not None
    dear = rates(2, 10, cache_write_long=5, reasoning=30)
    assert estimate(spec, Price(rates=dear, version="v", source="s")).high == size * 5 + 10 * 30
    tiers = (Tier(size - 1, rates(7, 40)), Tier(size, rates(1000, 1000)))
    assert estimate(spec, Price(rates=dear, tiers=tiers, version="v", source="s")).high == size * 7 + 10 * 40
    peak = (Period(daily_s=(0, 1), rates=rates(9, 50)),)
    assert estimate(spec, Price(rates=dear, periods=peak, version="v", source="s")).high == size * 9 + 10 * 50


def test_a_model_that_searches_unasked_and_bills_it_has_no_upper_bound() -> None:
    searching = Price(rates=rates(1, 1, units={"num_search_queries": 5}), version="v", source="s")
    assert estimate(chat(text("hi"), max_output_tokens=1), searching).high is None


def test_a_class_without_a_price_leaves_the_upper_bound_open() -> None:
    mute = Price(rates=rates(1, 1, output=None), version="v", source="s")
    found = estimate(chat(text("hi"), max_output_tokens=1), mute)
    assert (found.expected, found.high) == (None, None)


def test_the_upper_bound_holds_what_the_same_text_costs_at_one_token_a_byte() -> None:
    words = "ξ" * 700
    found = estimate(chat(text(words), max_output_tokens=20), PRICE)
    worst = PRICE.cost(Usage(input_uncached_tokens=1400, output_visible_tokens=20))
    assert found.high is not None
    assert worst is not None
    assert found.high >= worst
