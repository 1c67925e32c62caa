"""Google's usage in disjoint classes; the last report holds."""

import json
from typing import Any

import pytest
from hedgerow_server.core.event import Finished, Usage
from providers.google_run import gemini, read

Json = dict[str, Any]


def usage(*reports: Json) -> Usage | None:
    """The usage of an answer whose chunks report this."""
    stop = {"candidates": [{"finishReason": "STOP"}]}
    body = json.dumps([*({"usageMetadata": report} for report in reports), stop])
    last = read(gemini(), [body.encode()], "application/json")[-1]
    assert isinstance(last, Finished)
    return last.usage


def of(*counts: tuple[str | int, int]) -> list[Json]:
    """Details by modality."""
    return [{"modality": modality, "tokenCount": tokens} for modality, tokens in counts]


def test_cached_tokens_are_part_of_the_prompt_and_tool_results_are_not() -> None:
    found = usage({"promptTokenCount": 10, "cachedContentTokenCount": 4, "toolUsePromptTokenCount": 5})
    assert found == Usage(input_uncached_tokens=11, input_cache_read_tokens=4, final=True)


def test_thoughts_are_no_part_of_the_candidates() -> None:
    found = usage({"promptTokenCount": 1, "candidatesTokenCount": 2, "thoughtsTokenCount": 3})
    assert found == Usage(input_uncached_tokens=1, output_visible_tokens=2, output_reasoning_tokens=3, final=True)


def test_thoughts_that_the_total_does_not_add_are_part_of_the_candidates() -> None:
    report = {"promptTokenCount": 1, "candidatesTokenCount": 5, "thoughtsTokenCount": 3}
    apart = Usage(input_uncached_tokens=1, output_visible_tokens=5, output_reasoning_tokens=3, final=True)
    within = Usage(input_uncached_tokens=1, output_visible_tokens=2, output_reasoning_tokens=3, final=True)
    assert [usage({**report, "totalTokenCount": total}) for total in (6, 9, 7)] == [within, apart, apart]


def test_modalities_are_classes_of_their_own() -> None:
    found = usage(
        {
            "promptTokenCount": 100,
            "cachedContentTokenCount": 30,
            "promptTokensDetails": of(("TEXT", 10), ("AUDIO", 40), ("IMAGE", 20), ("VIDEO", 25), ("DOCUMENT", 5)),
            "cacheTokensDetails": of(("AUDIO", 30)),
            "candidatesTokenCount": 9,
            "candidatesTokensDetails": of(("IMAGE", 4), ("AUDIO", 3), ("TEXT", 2)),
        }
    )
    assert found == Usage(
        input_uncached_tokens=15,
        input_cache_read_tokens=30,
        input_audio_tokens=10,
        input_image_tokens=45,
        output_visible_tokens=2,
        output_audio_tokens=3,
        output_image_tokens=4,
        final=True,
    )


def test_modalities_may_be_numbers() -> None:
    found = usage({"promptTokenCount": 9, "promptTokensDetails": of((4, 5), (2, 1))})
    assert found == Usage(input_uncached_tokens=3, input_audio_tokens=5, input_image_tokens=1, final=True)


def test_details_that_do_not_add_up_take_no_more_than_there_is() -> None:
    found = usage({"promptTokenCount": 9, "cachedContentTokenCount": 99, "promptTokensDetails": of(("AUDIO", 50))})
    assert found == Usage(input_cache_read_tokens=9, final=True)


def test_the_last_report_holds_not_the_largest() -> None:
    found = usage(
        {"promptTokenCount": 15, "candidatesTokenCount": 50, "thoughtsTokenCount": 7},
        {"promptTokenCount": 14, "candidatesTokenCount": 33},
    )
    assert found == Usage(input_uncached_tokens=14, output_visible_tokens=33, final=True)


def test_a_prompt_that_the_last_report_leaves_out_is_what_the_total_leaves() -> None:
    found = usage({"candidatesTokenCount": 3, "thoughtsTokenCount": 2, "totalTokenCount": 15})
    assert found == Usage(input_uncached_tokens=10, output_visible_tokens=3, output_reasoning_tokens=2, final=True)


def test_a_prompt_that_the_last_report_leaves_out_is_the_one_before() -> None:
    found = usage({"promptTokenCount": 8}, {"candidatesTokenCount": 3})
    assert found == Usage(input_uncached_tokens=8, output_visible_tokens=3, final=True)


@pytest.mark.parametrize(
    "nonsense",
    [
        {},
        {"trafficType": "ON_DEMAND"},
        {"promptTokenCount": -1},
        {"promptTokenCount": "9"},
        {"candidatesTokenCount": 1e300},
    ],
)
def test_a_report_that_cannot_be_true_counts_for_nothing(nonsense: Json) -> None:
    assert usage({"promptTokenCount": 8}, nonsense) == Usage(input_uncached_tokens=8, final=True)
    assert usage(nonsense) is None


@pytest.mark.parametrize("details", [None, 7, {}, [7], [{"modality": "AUDIO"}], [{"modality": [], "tokenCount": "x"}]])
def test_details_of_another_shape_are_skipped(details: Any) -> None:
    assert usage({"promptTokenCount": 8, "promptTokensDetails": details}) == Usage(input_uncached_tokens=8, final=True)
