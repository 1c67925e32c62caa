"""Judgements of answers: what fits passes, and each thing that does not is named."""

import struct

import pytest
from hedgerow_server.core.event import (
    EmbeddingsAdded,
    Event,
    Finished,
    FinishReason,
    ReasoningDelta,
    Started,
    TextDelta,
    ToolCallArgumentsDelta,
    ToolCallEnded,
    ToolCallStarted,
    Usage,
    Warning,
    WarningCode,
)
from hedgerow_server.verdict import Asked, CheckName, Result, judge

USAGE = Usage(input_uncached_tokens=9, output_visible_tokens=2, final=True)
END = Finished(FinishReason.STOP, "stop", USAGE)
TOOL_END = Finished(FinishReason.TOOL_CALLS, "tool_calls", USAGE)


def judged(
    check: CheckName,
    *events: Event,
    inputs: int = 2,
    dimensions: int | None = None,
    finish_optional: bool = False,
) -> Result:
    """What is found in these events."""
    result = Result(provider="p", route="r", model="m", check=check)
    asked = Asked(tool="get_weather", inputs=inputs, dimensions=dimensions, finish_optional=finish_optional)
    judge(result, list(events), asked)
    return result


def chat(last: Finished = END, text: str = "OK", **settings: bool) -> Result:
    """The judgement of a chat."""
    return judged("chat", Started(), TextDelta(0, text), last, **settings)


def called(arguments: str, name: str = "get_weather", call_id: str = "c1", last: Finished = TOOL_END) -> Result:
    """The judgement of a tool call."""
    events = (ToolCallStarted(0, call_id, name), ToolCallArgumentsDelta(0, arguments), ToolCallEnded(0))
    return judged("tool", Started(), *events, last)


def vectors(*lengths: int, value: float = 0.5, usage: Usage | None = USAGE, dimensions: int | None = None) -> Result:
    """The judgement of vectors of these lengths."""
    made = [struct.pack(f"<{length}f", *[value] * length) for length in lengths]
    last = Finished(FinishReason.STOP, "", usage)
    return judged("embed", Started(), EmbeddingsAdded(made), last, dimensions=dimensions)


def test_an_answer_with_everything_fits() -> None:
    assert (chat().problems, chat().notes) == ([], [])


@pytest.mark.parametrize(
    ("last", "problem"),
    [
        (Finished(FinishReason.OTHER, "tired", USAGE), "the finish reason 'tired' is not known"),
        (Finished(FinishReason.OTHER, "", USAGE), "no finish reason"),
        (Finished(FinishReason.LENGTH, "length", USAGE), "finish reason LENGTH ('length') in place of STOP"),
        (Finished(FinishReason.STOP, "stop", None), "no usage"),
        (
            Finished(FinishReason.STOP, "stop", Usage(output_visible_tokens=1, final=True)),
            "the usage has no input tokens",
        ),
        (
            Finished(FinishReason.STOP, "stop", Usage(input_uncached_tokens=1, final=True)),
            "the usage has no output tokens",
        ),
        (
            Finished(
                FinishReason.STOP,
                "stop",
                Usage(input_uncached_tokens=1, output_visible_tokens=1, estimated=True, final=True),
            ),
            "the usage is estimated",
        ),
        (
            Finished(FinishReason.STOP, "stop", Usage(input_uncached_tokens=1, output_visible_tokens=1)),
            "the usage is not the final one",
        ),
    ],
)
def test_the_end_of_a_chat_that_does_not_fit(last: Finished, problem: str) -> None:
    assert chat(last).problems == [problem]


def test_a_finish_word_of_any_length_is_shown_in_part_and_without_controls() -> None:
    (problem,) = chat(Finished(FinishReason.OTHER, "\x1b" + "x" * 500, USAGE)).problems
    assert problem == f"the finish reason '\\x1b{'x' * 63}' is not known"


def test_a_vendor_that_is_known_to_give_no_finish_reason_fits() -> None:
    found = chat(Finished(FinishReason.OTHER, "", USAGE), finish_optional=True)
    assert (found.problems, found.notes) == ([], ["no finish reason"])


def test_an_answer_without_text_does_not_fit() -> None:
    assert chat(text=" \n").problems == ["no text in the answer"]


def test_a_warning_is_a_note() -> None:
    warning = Warning(WarningCode.PARAMETER_IGNORED, "seed", "there is none here")
    found = judged("chat", Started(warnings=(warning,)), TextDelta(0, "OK"), END)
    assert (found.problems, found.notes) == ([], ["seed: there is none here"])


def test_reasoning_is_a_feature() -> None:
    assert judged("stream", Started(), ReasoningDelta(0, "Hm."), TextDelta(1, "OK"), END).features == ["reasoning"]


def test_a_tool_call_with_its_arguments_fits() -> None:
    found = called('{"city":"Oslo"}')
    assert (found.problems, found.features) == ([], ["tool_call"])


@pytest.mark.parametrize(
    ("found", "problem"),
    [
        (called('{"city":'), "the tool's arguments are not JSON"),
        (called('["Oslo"]'), "the tool's arguments are no JSON object"),
        (called("null"), "the tool's arguments are no JSON object"),
        (called("{}"), "the tool's arguments lack the required member 'city'"),
        (called('{"city":"Oslo"}', name="weather"), "another tool was called: 'weather'"),
        (called('{"city":"Oslo"}', call_id=""), "a tool call without an id"),
        (called('{"city":"Oslo"}', last=END), "finish reason STOP ('stop') in place of TOOL_CALLS"),
        (
            judged("tool", Started(), TextDelta(0, "It rains."), TOOL_END),
            "the tool was not called though it had to be",
        ),
    ],
)
def test_a_tool_call_that_does_not_fit(found: Result, problem: str) -> None:
    assert found.problems == [problem]


def test_vectors_of_one_length_fit() -> None:
    assert vectors(3, 3, dimensions=3).problems == []


@pytest.mark.parametrize(
    ("found", "problem"),
    [
        (vectors(3), "1 vectors for 2 inputs"),
        (vectors(3, 4), "vectors of unequal length: 3, 4"),
        (vectors(0, 0), "empty vectors"),
        (vectors(3, 3, dimensions=4), "vectors of 3 numbers in place of 4"),
        (vectors(3, 3, value=float("nan")), "a vector holds what is no finite number"),
        (vectors(3, 3, value=0.0), "a vector of zeros"),
        (vectors(3, 3, usage=Usage(final=True)), "the usage has no input tokens"),
    ],
)
def test_vectors_that_do_not_fit(found: Result, problem: str) -> None:
    assert found.problems == [problem]


def test_embeddings_without_usage_are_a_note() -> None:
    """Google's API for them reports none."""
    assert (vectors(3, 3, usage=None).problems, vectors(3, 3, usage=None).notes) == (
        [],
        ["no usage, so it is estimated"],
    )


def test_an_answer_without_an_end_does_not_fit() -> None:
    assert judged("chat", Started(), TextDelta(0, "OK")).problems == ["no last event"]
