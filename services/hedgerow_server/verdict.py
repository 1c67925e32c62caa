"""Whether an answer is what it should be: pure judgements of the events of a probe's call."""

import math
import struct
from typing import Literal, get_args

import msgspec

from hedgerow_server.core.event import (
    Completed,
    EmbeddingsAdded,
    Event,
    Finished,
    FinishReason,
    ReasoningDelta,
    Started,
    Usage,
)
from hedgerow_server.core.fold import Fold
from hedgerow_server.core.request import Part, Text, ToolCall

CheckName = Literal["chat", "stream", "tool", "embed"]
"""What can be checked: a whole answer, a streamed one, a forced tool call, embeddings."""
CHECKS: tuple[CheckName, ...] = get_args(CheckName)

_SHOWN_CHARACTERS = 64


class Result(msgspec.Struct, kw_only=True):
    """What came of a check. Times in seconds."""

    provider: str
    route: str
    model: str
    """The provider's own name of the model."""
    credential: str = ""
    """The entry of `credentials`; empty: it is called without any."""
    check: CheckName
    fits: bool = False
    """Whether there are no problems."""
    problems: list[str] = []
    """What no longer fits, a phrase each."""
    notes: list[str] = []
    """What is worth knowing and no fault, such as a parameter that the provider does not have."""
    reason: str = ""
    """The error reason of a failed call; empty for an answer."""
    http_status: int = 0
    """The provider's status; 0 where none came."""
    seconds: float = 0.0
    first_token_seconds: float | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    features: list[str] = []
    """What the conversation has, in the words of recordings."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer is held against."""

    tool: str
    """The function that had to be called."""
    inputs: int
    """How many texts were embedded."""
    dimensions: int | None
    """The length of their vectors where it is known."""
    finish_optional: bool
    """Whether the vendor is known to give no finish reason."""


def judge(result: Result, events: list[Event], asked: Asked) -> None:
    """Writes what it finds into the result."""
    before, last = events[:-1], events[-1] if events else None
    if not isinstance(last, Finished):
        result.problems.append("no last event")
        return
    started = next((event for event in before if isinstance(event, Started)), Started())
    result.notes += [
        f"{one.field or one.code.name.lower()}: {one.message}" for one in (*started.warnings, *last.warnings)
    ]
    if result.check == "embed":
        _vectors(result, before, asked)
        _embed_usage(result, last.usage)
        return
    parts = _parts(before, last)
    if result.check == "tool":
        _tool_call(result, parts, asked.tool)
        _finish(result, last, FinishReason.TOOL_CALLS, asked)
    else:
        if not any(isinstance(part.content, Text) and part.content.text.strip() for part in parts):
            result.problems.append("no text in the answer")
        _finish(result, last, FinishReason.STOP, asked)
    _chat_usage(result, last.usage)
    if any(isinstance(event, ReasoningDelta) for event in before):
        result.features.append("reasoning")


def _parts(before: list[Event], last: Finished) -> tuple[Part, ...]:
    fold = Fold()
    for event in before:
        fold.add(event)
    fold.add(Completed(last.reason, last.native_reason, last.usage or Usage()))
    return fold.answer().message.content


def _finish(result: Result, last: Finished, wanted: FinishReason, asked: Asked) -> None:
    word = repr(last.native_reason[:_SHOWN_CHARACTERS])
    if not last.native_reason:
        # The readers let a whole answer without one pass: it has its end all the same.
        (result.notes if asked.finish_optional else result.problems).append("no finish reason")
    elif last.reason is FinishReason.OTHER:
        result.problems.append(f"the finish reason {word} is not known")
    elif last.reason is not wanted:
        result.problems.append(f"finish reason {last.reason.name} ({word}) in place of {wanted.name}")


def _chat_usage(result: Result, usage: Usage | None) -> None:
    if usage is None:
        result.problems.append("no usage")
        return
    if usage.estimated:
        result.problems.append("the usage is estimated")
    if not usage.final:
        result.problems.append("the usage is not the final one")
    sides = (("input", usage.input_tokens), ("output", usage.output_tokens))
    result.problems += [f"the usage has no {side} tokens" for side, tokens in sides if tokens <= 0]


def _embed_usage(result: Result, usage: Usage | None) -> None:
    # Not all providers report any for embeddings; the gateway then estimates it.
    if usage is None or usage.estimated:
        result.notes.append("no usage, so it is estimated")
    elif usage.input_tokens <= 0:
        result.problems.append("the usage has no input tokens")


def _tool_call(result: Result, parts: tuple[Part, ...], tool: str) -> None:
    calls = [part.content for part in parts if isinstance(part.content, ToolCall)]
    if not calls:
        result.problems.append("the tool was not called though it had to be")
        return
    result.features.append("tool_call")
    if len(calls) > 1:
        result.features.append("parallel_tools")
    for call in calls:
        if call.name != tool:
            result.problems.append(f"another tool was called: {call.name[:_SHOWN_CHARACTERS]!r}")
        if not call.id:
            result.problems.append("a tool call without an id")
        if problem := _arguments(call.arguments):
            result.problems.append(f"the tool's arguments {problem}")


def _arguments(text: str) -> str:
    """What is wrong with a tool call's arguments; empty where nothing is."""
    try:
        arguments = msgspec.json.decode(text)
    except msgspec.MsgspecError:
        return "are not JSON"
    if not isinstance(arguments, dict):
        return "are no JSON object"
    return "" if "city" in arguments else "lack the required member 'city'"


def _vectors(result: Result, events: list[Event], asked: Asked) -> None:
    vectors = [vector for event in events if isinstance(event, EmbeddingsAdded) for vector in event.vectors]
    if len(vectors) != asked.inputs:
        result.problems.append(f"{len(vectors)} vectors for {asked.inputs} inputs")
    lengths = sorted({len(vector) // 4 for vector in vectors})
    if len(lengths) > 1:
        result.problems.append(f"vectors of unequal length: {', '.join(map(str, lengths))}")
    elif lengths == [0]:
        result.problems.append("empty vectors")
    elif lengths and asked.dimensions is not None and lengths != [asked.dimensions]:
        result.problems.append(f"vectors of {lengths[0]} numbers in place of {asked.dimensions}")
    numbers = [struct.unpack(f"<{len(vector) // 4}f", vector) for vector in vectors]
    if any(not math.isfinite(number) for vector in numbers for number in vector):
        result.problems.append("a vector holds what is no finite number")
    if any(vector and not any(vector) for vector in numbers):
        result.problems.append("a vector of zeros")
    if asked.inputs > 1:
        result.features.append("multi_input")
