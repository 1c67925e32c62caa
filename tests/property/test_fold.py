"""Joining deltas loses nothing, and an answer is the sum of its deltas."""

from hedgerow_server.core.event import (
    Completed,
    Event,
    FinishReason,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolCallArgumentsDelta,
    ToolCallEnded,
    ToolCallStarted,
    Usage,
    coalesce,
)
from hedgerow_server.core.fold import Fold
from hedgerow_server.core.request import Message, Reasoning, Refusal, Text, ToolCall
from hypothesis import given
from hypothesis import strategies as st

TextKind = type[TextDelta] | type[ReasoningDelta] | type[RefusalDelta] | type[ToolCallArgumentsDelta]
KINDS: tuple[TextKind, ...] = (TextDelta, ReasoningDelta, RefusalDelta, ToolCallArgumentsDelta)
TEXT = st.text(st.sampled_from("ab {}é漢😀\u0301"), max_size=4)


@st.composite
def streams(draw: st.DrawFn) -> list[Event]:
    """Deltas of some parts, each part of one kind, in any order; a tool call is opened before its arguments."""
    kinds = draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=4))
    events: list[Event] = []
    opened: set[int] = set()
    for index in draw(st.lists(st.integers(0, len(kinds) - 1), max_size=20)):
        kind = kinds[index]
        if kind is ToolCallArgumentsDelta and index not in opened:
            opened.add(index)
            events.append(ToolCallStarted(index, f"call_{index}", f"f{index}"))
        events.append(kind(index, draw(TEXT)))
        if kind is ToolCallArgumentsDelta and draw(st.booleans()):
            events.append(ToolCallEnded(index))
    return events


def text_of(event: Event) -> str:
    """The text of a delta."""
    return event.arguments if isinstance(event, ToolCallArgumentsDelta) else getattr(event, "text", "")


def folded(events: list[Event]) -> Message:
    """The message that the events make."""
    fold = Fold()
    for event in (*events, Completed(FinishReason.STOP, "", Usage())):
        fold.add(event)
    return fold.answer().message


@given(streams())
def test_the_fold_is_the_text_of_each_part_by_its_index(events: list[Event]) -> None:
    expected: dict[int, str] = {}
    for event in events:
        index: int = getattr(event, "part_index")  # noqa: B009  every event of these streams has one
        expected[index] = expected.get(index, "") + text_of(event)
    contents = [part.content for part in folded(events).content]
    texts = [one.arguments if isinstance(one, ToolCall) else getattr(one, "text", None) for one in contents]
    assert texts == [text for _, text in sorted(expected.items())]


@given(streams())
def test_the_fold_keeps_the_kind_of_each_part(events: list[Event]) -> None:
    kinds = {TextDelta: Text, ReasoningDelta: Reasoning, RefusalDelta: Refusal, ToolCallArgumentsDelta: ToolCall}
    expected = {event.part_index: kinds[type(event)] for event in events if isinstance(event, KINDS)}
    assert [type(part.content) for part in folded(events).content] == [kind for _, kind in sorted(expected.items())]


@given(streams())
def test_joined_events_fold_to_the_same_message(events: list[Event]) -> None:
    assert folded(coalesce(events)) == folded(events)


@given(streams())
def test_joining_keeps_text_and_order(events: list[Event]) -> None:
    joined = coalesce(events)
    assert "".join(map(text_of, joined)) == "".join(map(text_of, events))
    places = [(type(event), getattr(event, "part_index", None)) for event in events]
    expected = [
        place
        for number, place in enumerate(places)
        if number == 0 or place != places[number - 1] or place[0] in (ToolCallStarted, ToolCallEnded)
    ]
    assert [(type(event), getattr(event, "part_index", None)) for event in joined] == expected


@given(streams(), st.integers(0, 20))
def test_joining_in_two_steps_gives_the_same(events: list[Event], cut: int) -> None:
    """Deltas may be joined at any place on their way."""
    assert coalesce(coalesce(events[:cut]) + events[cut:]) == coalesce(events)
