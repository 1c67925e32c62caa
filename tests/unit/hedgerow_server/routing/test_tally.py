"""What an attempt has probably consumed, where the provider does not say."""

import pytest
from hedgerow_server.core.event import (
    Event,
    MediaDelta,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolCallArgumentsDelta,
)
from hedgerow_server.core.request import (
    ChatSpec,
    EmbedSpec,
    FunctionTool,
    Image,
    Message,
    Part,
    Reasoning,
    Role,
    Text,
    ToolCall,
    ToolResult,
)
from hedgerow_server.routing.tally import Tally

NOTHING = EmbedSpec(model="m")


def spec(*contents: Text | Reasoning | ToolCall | ToolResult | Image, tools: tuple[FunctionTool, ...] = ()) -> ChatSpec:
    """A request with these parts."""
    return ChatSpec(model="m", messages=(Message(Role.USER, tuple(map(Part, contents))),), tools=tools)


@pytest.mark.parametrize(
    ("asked", "tokens"),
    [
        (spec(Text("")), 0),
        (spec(Text("x")), 1),
        (spec(Text("x" * 8)), 2),
        (spec(Text("x" * 8), Reasoning("x" * 8), ToolCall("id", "name", "x" * 4)), 6),
        (spec(ToolResult("id", (Part(Text("x" * 12)),))), 3),
        (spec(Text("x" * 4), tools=(FunctionTool("f" * 4, "d" * 4, "p" * 4),)), 4),
        (spec(Text("x" * 4), Image(data=b"x" * 1_000_000)), 1),
        (EmbedSpec(model="m", inputs=("x" * 8, (1, 2, 3))), 5),
    ],
)
def test_the_input_is_estimated_from_what_was_asked(asked: ChatSpec | EmbedSpec, tokens: int) -> None:
    """Four characters a token, rounded up; tokens of a vocabulary are what they are, media are not guessed at."""
    assert Tally(asked).estimate().input_tokens == tokens


@pytest.mark.parametrize(
    ("event", "visible", "reasoning"),
    [
        (TextDelta(0, "x" * 9), 3, 0),
        (RefusalDelta(0, "x" * 8), 2, 0),
        (ToolCallArgumentsDelta(0, "{}"), 1, 0),
        (ReasoningDelta(0, "x" * 8), 0, 2),
        (MediaDelta(0, "image/png", b"x" * 100), 0, 0),
    ],
)
def test_the_output_is_estimated_from_what_has_passed(event: Event, visible: int, reasoning: int) -> None:
    tally = Tally(NOTHING)
    tally.add(event)
    usage = tally.estimate()
    assert (usage.output_visible_tokens, usage.output_reasoning_tokens) == (visible, reasoning)


def test_deltas_are_rounded_once_and_not_one_by_one() -> None:
    tally = Tally(NOTHING)
    for _ in range(8):
        tally.add(TextDelta(0, "x"))
    assert tally.estimate().output_tokens == 2


def test_it_knows_whether_anything_has_passed() -> None:
    tally = Tally(NOTHING)
    assert not tally.seen
    tally.add(TextDelta(0, ""))
    assert tally.seen


@pytest.mark.parametrize("final", [True, False])
def test_an_estimate_is_marked_as_one(final: bool) -> None:
    usage = Tally(NOTHING).estimate(final=final)
    assert (usage.estimated, usage.final) == (True, final)
