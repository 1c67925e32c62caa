"""The fold of an answer's events is a message that can go back into the conversation."""

import pytest
from hedgerow_server.core.error import Internal
from hedgerow_server.core.event import (
    CitationAdded,
    Completed,
    Event,
    FinishReason,
    LogprobsDelta,
    MediaDelta,
    ProviderItemAdded,
    ProviderStateAttached,
    ReasoningDelta,
    RefusalDelta,
    Started,
    TextDelta,
    ToolCallArgumentsDelta,
    ToolCallEnded,
    ToolCallStarted,
    Usage,
)
from hedgerow_server.core.fold import Answer, Fold
from hedgerow_server.core.request import (
    Audio,
    Citation,
    File,
    Image,
    Part,
    ProviderItem,
    ProviderState,
    Reasoning,
    Refusal,
    Role,
    Text,
    TokenLogprob,
    ToolCall,
)

DONE = Completed(FinishReason.STOP, "stop", Usage(final=True))


def folded(*events: Event) -> Answer:
    """The answer of these events and a last one."""
    fold = Fold()
    for event in (*events, DONE):
        fold.add(event)
    return fold.answer()


def parts(*events: Event) -> list[Part]:
    """The parts of the answer of these events."""
    return list(folded(*events).message.content)


def test_reasoning_stands_before_the_call_that_it_led_to() -> None:
    assert parts(
        ReasoningDelta(0, "thin"),
        ReasoningDelta(0, "king"),
        TextDelta(1, "let me see"),
        ToolCallStarted(2, "call_1", "add"),
        ToolCallArgumentsDelta(2, '{"a":'),
        ToolCallArgumentsDelta(2, "1}"),
        ToolCallEnded(2),
        ToolCallStarted(3, "call_2", "sub"),
        ToolCallEnded(3),
    ) == [
        Part(Reasoning("thinking")),
        Part(Text("let me see")),
        Part(ToolCall("call_1", "add", '{"a":1}')),
        Part(ToolCall("call_2", "sub", "")),
    ]


def test_parts_stand_in_the_order_of_their_indices_whatever_came_first() -> None:
    assert parts(TextDelta(2, "c"), TextDelta(0, "a"), TextDelta(2, "C"), TextDelta(1, "b")) == [
        Part(Text("a")),
        Part(Text("b")),
        Part(Text("cC")),
    ]


def test_a_refusal_is_a_part_of_its_own_kind() -> None:
    assert parts(RefusalDelta(0, "I can"), RefusalDelta(0, "not.")) == [Part(Refusal("I cannot."))]


def test_citations_and_state_belong_to_their_part() -> None:
    one, two, state = Citation(url="https://a"), Citation(url="https://b"), ProviderState("d", b"2")
    assert parts(
        TextDelta(0, "a"),
        CitationAdded(0, one),
        ProviderStateAttached(0, ProviderState("d", b"1")),
        CitationAdded(0, two),
        ProviderStateAttached(0, state),
    ) == [Part(Text("a"), state=state, citations=(one, two))]


def test_log_probabilities_stand_with_their_part_in_order() -> None:
    one, two = TokenLogprob("a", -1.0), TokenLogprob("b", -0.5)
    events = (TextDelta(0, "a"), LogprobsDelta(0, (one,)), TextDelta(0, "b"), LogprobsDelta(0, (two,)))
    assert parts(*events) == [Part(Text("ab"), logprobs=(one, two))]


def test_citations_state_and_log_probabilities_of_a_part_that_is_not_there_make_none() -> None:
    nowhere = LogprobsDelta(2, (TokenLogprob("a", -1.0),))
    assert parts(CitationAdded(0, Citation()), ProviderStateAttached(1, ProviderState("d", b"")), nowhere) == []


def test_an_empty_delta_makes_a_part_that_state_can_be_attached_to() -> None:
    state = ProviderState("d", b"signature")
    assert parts(ReasoningDelta(0, ""), ProviderStateAttached(0, state)) == [Part(Reasoning(""), state=state)]


@pytest.mark.parametrize(
    ("events", "content"),
    [
        ([MediaDelta(0, "image/png", b"ab"), MediaDelta(0, data=b"c")], Image(data=b"abc", media_type="image/png")),
        ([MediaDelta(0, "image/png", url="https://i")], Image(url="https://i", media_type="image/png")),
        (
            [MediaDelta(0, "audio/wav", b"a", transcript="he"), MediaDelta(0, data=b"b", transcript="y")],
            Audio(data=b"ab", media_type="audio/wav", transcript="hey"),
        ),
        (
            [MediaDelta(0, "audio/wav", transcript="only words")],
            Audio(data=b"", media_type="audio/wav", transcript="only words"),
        ),
        ([MediaDelta(0, "application/pdf", b"a")], File(data=b"a", media_type="application/pdf")),
    ],
)
def test_the_media_type_decides_the_kind_of_a_medium(events: list[Event], content: Image | Audio | File) -> None:
    assert parts(*events) == [Part(content)]


def test_a_provider_item_is_kept_as_it_is() -> None:
    item = ProviderItem("dialect", "web_search_call", b"\x00\xff")
    assert parts(ProviderItemAdded(0, item)) == [Part(item)]


def test_the_answer_knows_how_it_began_and_ended() -> None:
    started = Started("sim", "model", response_id="r1")
    answer = folded(started, TextDelta(0, "a"))
    assert answer.started == started
    assert answer.completed == DONE
    assert answer.message.role is Role.ASSISTANT


def test_an_answer_without_its_last_event_is_none() -> None:
    fold = Fold()
    fold.add(TextDelta(0, "a"))
    with pytest.raises(Internal):
        fold.answer()
