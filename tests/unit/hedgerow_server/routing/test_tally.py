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
from hedgerow_server.core.request import ChatSpec, EmbedSpec, Message, Part, Role, Text
from hedgerow_server.core.tokens import input_tokens
from hedgerow_server.routing.tally import Tally

NOTHING = EmbedSpec(model="m")


def test_the_input_is_estimated_from_what_was_asked() -> None:
    asked = ChatSpec(model="m", messages=(Message(Role.USER, (Part(Text("x" * 400)),)),))
    assert Tally(asked).estimate().input_tokens == input_tokens(asked).expected > 100


@pytest.mark.parametrize(
    ("event", "visible", "reasoning"),
    [
        (TextDelta(0, "x" * 9), 3, 0),
        (RefusalDelta(0, "x" * 8), 2, 0),
        (ToolCallArgumentsDelta(0, "{}"), 1, 0),
        (ReasoningDelta(0, "x" * 8), 0, 2),
        (TextDelta(0, "日本"), 2, 0),
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
