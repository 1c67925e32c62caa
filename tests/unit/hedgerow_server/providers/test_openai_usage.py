"""OpenAI's usage in disjoint classes."""

import json
from typing import Any

import pytest
from hedgerow_server.core.event import Finished, Usage
from hedgerow_server.providers.openai.usage import read_usage
from hedgerow_server.providers.openai.vendors import VENDORS
from providers.openai_run import stream


def usage(prompt: Any = 0, completion: Any = 0, read: Any = None, made: Any = None) -> Usage | None:
    """The usage for these members."""
    return read_usage(
        {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "prompt_tokens_details": read,
            "completion_tokens_details": made,
        }
    )


def test_the_listed_classes_are_taken_out_of_the_totals() -> None:
    read = {"cached_tokens": 40, "cache_write_tokens": 30, "audio_tokens": 20, "text_tokens": 9}
    made = {"reasoning_tokens": 5, "audio_tokens": 3, "accepted_prediction_tokens": 1}
    assert usage(100, 10, read, made) == Usage(
        input_uncached_tokens=10,
        input_cache_read_tokens=40,
        input_cache_writes=((None, 30),),
        input_audio_tokens=20,
        output_visible_tokens=2,
        output_reasoning_tokens=5,
        output_audio_tokens=3,
        final=True,
    )


@pytest.mark.parametrize(
    "details",
    [None, {}, {"cached_tokens": 0}, {"cached_tokens": None}, {"cached_tokens": -3}, {"cached_tokens": "x"}, []],
)
def test_without_classes_all_tokens_are_plain(details: object) -> None:
    assert usage(7, 3, details, details) == Usage(input_uncached_tokens=7, output_visible_tokens=3, final=True)


def test_no_class_goes_below_zero_and_the_totals_hold() -> None:
    """OpenRouter reports more reasoning tokens than output tokens."""
    counted = usage(10, 10, {"cached_tokens": 8, "audio_tokens": 8}, {"reasoning_tokens": 11})
    assert counted is not None
    assert (counted.input_tokens, counted.output_tokens) == (10, 10)
    assert (counted.input_cache_read_tokens, counted.input_audio_tokens, counted.input_uncached_tokens) == (8, 2, 0)
    assert (counted.output_reasoning_tokens, counted.output_visible_tokens) == (10, 0)


@pytest.mark.parametrize("nonsense", [-1, 1.5, "7", None, True, (1 << 40) + 1, [7]])
def test_nonsense_is_no_usage(nonsense: object) -> None:
    assert usage(nonsense, 1) is None
    assert usage(1, nonsense) is None


@pytest.mark.parametrize("value", [None, {}, [], 7, "x", {"cost": 1}])
def test_nothing_is_no_usage(value: object) -> None:
    assert read_usage(value) is None


@pytest.mark.parametrize("name", ["cache_write_tokens", "cache_creation_input_tokens", "cache_creation_tokens"])
def test_cache_written_tokens_by_every_name(name: str) -> None:
    """OpenAI, DashScope, LiteLLM."""
    details = {
        "cached_tokens": 10,
        name: 30,
        "cache_creation": {"ephemeral_5m_input_tokens": 30},
        "cache_type": "ephemeral",
    }
    counted = usage(100, 1, details)
    assert counted is not None
    assert (counted.input_uncached_tokens, counted.input_cache_read_tokens) == (60, 10)
    assert counted.input_cache_writes == ((None, 30),)


@pytest.mark.parametrize("details", [None, {}, {"accepted_prediction_tokens": 1}, {"reasoning_tokens": None}])
def test_reasoning_may_stand_beside_the_details(details: object) -> None:
    """Perplexity, SGLang."""
    counts = {"prompt_tokens": 4, "completion_tokens": 10, "reasoning_tokens": 6, "completion_tokens_details": details}
    counted = read_usage(counts)
    assert counted is not None
    assert (counted.output_visible_tokens, counted.output_reasoning_tokens) == (4, 6)


def test_completion_tokens_that_are_null_are_what_the_total_has_left() -> None:
    counted = read_usage({"prompt_tokens": 4, "completion_tokens": None, "total_tokens": 9})
    assert counted is not None
    assert (counted.input_tokens, counted.output_tokens) == (4, 5)
    assert read_usage({"prompt_tokens": 4, "completion_tokens": None, "total_tokens": 3}) is None


def test_reasoning_of_deep_research_is_counted_beside_the_completion() -> None:
    """Perplexity prices it apart, and no total has it."""
    counts = {"prompt_tokens": 33, "completion_tokens": 7163, "total_tokens": 7196, "reasoning_tokens": 73997}
    quirks = VENDORS["perplexity"].quirks
    deep = read_usage(counts, quirks=quirks, model="sonar-deep-research")
    assert deep is not None
    assert (deep.output_visible_tokens, deep.output_reasoning_tokens) == (7163, 73997)
    plain = read_usage(counts | {"reasoning_tokens": 163}, quirks=quirks, model="sonar-reasoning-pro")
    assert plain is not None
    assert (plain.output_visible_tokens, plain.output_reasoning_tokens) == (7000, 163)


def test_a_total_alone_is_input() -> None:
    """Voyage."""
    assert read_usage({"total_tokens": 9}) == Usage(input_uncached_tokens=9, final=True)


def chunk(**members: Any) -> bytes:
    """A chunk that may end the answer."""
    return f"data: {json.dumps({'choices': [], **members})}\n\n".encode()


FINISH = chunk(choices=[{"index": 0, "delta": {"content": "Hi"}, "finish_reason": "stop"}])
ONE = {"prompt_tokens": 1, "completion_tokens": 1}
TWO = {"prompt_tokens": 2, "completion_tokens": 2}


@pytest.mark.parametrize(
    ("body", "tokens"),
    [
        pytest.param(FINISH + chunk(usage=TWO), 2, id="in a last chunk without choices"),
        pytest.param(chunk(usage=ONE) + chunk(usage=TWO) + FINISH, 2, id="in each chunk, growing"),
        pytest.param(chunk(usage=TWO) + FINISH + chunk(usage=ONE), 1, id="the last one holds"),
        pytest.param(FINISH + chunk(usage=TWO) + chunk(usage={"prompt_tokens": -1}), 2, id="nonsense does not undo"),
        pytest.param(FINISH + chunk(usage=TWO) + chunk(usage=None), 2, id="null does not undo"),
        pytest.param(FINISH + chunk(x_groq={"id": "r", "usage": TWO}), 2, id="Groq's own member"),
        pytest.param(FINISH + chunk(x_groq={"id": "r"}), None, id="Groq's own member without it"),
        pytest.param(FINISH, None, id="none"),
    ],
)
def test_the_last_true_usage_of_a_stream_holds(body: bytes, tokens: int | None) -> None:
    last = stream(body + b"data: [DONE]\n\n")[-1]
    assert isinstance(last, Finished)
    assert (last.usage and last.usage.input_tokens) == tokens


def test_perplexitys_fee_by_search_context_and_its_other_units_are_told() -> None:
    usage = {
        "prompt_tokens": 5,
        "completion_tokens": 6,
        "total_tokens": 11,
        "search_context_size": "medium",
        "citation_tokens": 900,
        "num_search_queries": 12,
    }
    read_ = read_usage(usage)
    assert read_ is not None
    assert read_.other_units == {"search_context_medium": 1, "citation_tokens": 900, "num_search_queries": 12}


@pytest.mark.parametrize("size", ["huge", 3, None, ["low"]])
def test_a_search_context_of_no_known_size_is_no_unit(size: Any) -> None:
    read_ = read_usage({"prompt_tokens": 5, "completion_tokens": 6, "search_context_size": size})
    assert read_ is not None
    assert read_.other_units == {}
