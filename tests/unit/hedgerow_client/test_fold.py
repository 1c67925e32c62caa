"""The fold of a stream's events, without any call."""

from collections.abc import Iterable

import pytest
from hedgerow.chat.v1 import event_pb2, message_pb2
from hedgerow.chat.v1.chat_service_pb2 import CompleteResponse
from hedgerow.common.v1.attempt_pb2 import Attempt
from hedgerow.common.v1.usage_pb2 import Usage
from hedgerow.common.v1.warning_pb2 import Warning as CallWarning
from hedgerow_client.errors import (
    IncompleteStreamError,
    StreamContractError,
    StreamSequenceError,
    Trailers,
    UnknownRouteChangeError,
)
from hedgerow_client.fold import ChatFold
from unit.hedgerow_client.fake_gateway import Event, completed, numbered, started, text


def folded(*events: Event) -> CompleteResponse:
    fold = ChatFold()
    feed(fold, events)
    return fold.finish(Trailers())


def feed(fold: ChatFold, events: Iterable[Event]) -> None:
    for event in numbered(events):
        fold.feed(event)


def parts(*events: Event) -> list[message_pb2.Part]:
    return list(folded(started(), *events, completed()).message.content)


def test_pieces_of_text_become_one_part() -> None:
    assert parts(text("Hel"), text("lo")) == [message_pb2.Part(text="Hello")]


def test_the_message_is_the_assistants() -> None:
    assert folded(started(), text("x"), completed()).message.role == message_pb2.ROLE_ASSISTANT


def test_parts_stand_in_the_order_of_their_indices() -> None:
    reasoning = Event(reasoning_delta=event_pb2.ReasoningDelta(part_index=0, text="hm"))
    result = parts(text("b", 1), reasoning, text("c", 2))
    assert [part.WhichOneof("content") for part in result] == ["reasoning", "text", "text"]


def test_refusal_becomes_a_part_of_its_own_kind() -> None:
    delta = event_pb2.RefusalDelta(part_index=0, text="no")
    assert parts(Event(refusal_delta=delta)) == [message_pb2.Part(refusal="no")]


def test_empty_reasoning_with_state_is_kept_to_be_sent_back() -> None:
    state = message_pb2.ProviderState(provider="openai_chat", data=b"\x00sig")
    result = parts(
        Event(reasoning_delta=event_pb2.ReasoningDelta(part_index=0)),
        Event(provider_state_attached=event_pb2.ProviderStateAttached(part_index=0, state=state)),
    )
    assert result == [message_pb2.Part(reasoning=message_pb2.Reasoning(), provider_state=state)]


def test_tool_calls_collect_their_arguments_apart() -> None:
    result = parts(
        Event(tool_call_started=event_pb2.ToolCallStarted(part_index=0, id="a", name="f")),
        Event(tool_call_started=event_pb2.ToolCallStarted(part_index=1, id="b", name="g")),
        Event(tool_call_arguments_delta=event_pb2.ToolCallArgumentsDelta(part_index=1, arguments='{"x":')),
        Event(tool_call_arguments_delta=event_pb2.ToolCallArgumentsDelta(part_index=0, arguments="{}")),
        Event(tool_call_arguments_delta=event_pb2.ToolCallArgumentsDelta(part_index=1, arguments="1}")),
        Event(tool_call_ended=event_pb2.ToolCallEnded(part_index=0)),
        Event(tool_call_ended=event_pb2.ToolCallEnded(part_index=1)),
    )
    assert result == [
        message_pb2.Part(tool_call=message_pb2.ToolCall(id="a", name="f", arguments="{}")),
        message_pb2.Part(tool_call=message_pb2.ToolCall(id="b", name="g", arguments='{"x":1}')),
    ]


def test_a_tool_call_without_arguments_has_an_empty_object() -> None:
    (part,) = parts(Event(tool_call_started=event_pb2.ToolCallStarted(part_index=0, id="a", name="f")))
    assert part.tool_call.arguments == "{}"


def test_citations_stand_with_their_text() -> None:
    citation = message_pb2.Citation(url="https://example.com", title="Example")
    (part,) = parts(text("x"), Event(citation_added=event_pb2.CitationAdded(part_index=0, citation=citation)))
    assert (part.text, list(part.citations)) == ("x", [citation])


def test_log_probabilities_stand_with_their_tokens_in_order() -> None:
    tokens = [message_pb2.TokenLogprob(token=token, logprob=-0.5) for token in "xyz"]
    first = event_pb2.LogprobsDelta(part_index=0, tokens=tokens[:2])
    last = event_pb2.LogprobsDelta(part_index=0, tokens=tokens[2:])
    (part,) = parts(text("xy"), Event(logprobs_delta=first), text("z"), Event(logprobs_delta=last))
    assert (part.text, list(part.logprobs)) == ("xyz", tokens)


def test_a_provider_item_is_kept_unchanged() -> None:
    item = message_pb2.ProviderItem(provider="openai_chat", type="web_search_call", data=b"\xff\x00")
    added = event_pb2.ProviderItemAdded(part_index=0, item=item)
    assert parts(Event(provider_item_added=added)) == [message_pb2.Part(provider_item=item)]


@pytest.mark.parametrize(
    ("media_type", "kind"),
    [("image/png", "image"), ("audio/wav", "audio"), ("application/pdf", "file"), ("video/mp4", "file")],
)
def test_the_media_type_decides_the_kind_of_part(media_type: str, kind: str) -> None:
    (part,) = parts(
        Event(media_delta=event_pb2.MediaDelta(part_index=0, media_type=media_type, data=b"ab")),
        Event(media_delta=event_pb2.MediaDelta(part_index=0, data=b"cd")),
    )
    assert part.WhichOneof("content") == kind
    content = getattr(part, kind)
    assert (content.media_type, content.data) == (media_type, b"abcd")


def test_a_medium_by_address_keeps_its_address() -> None:
    delta = event_pb2.MediaDelta(part_index=0, media_type="image/png", url="https://example.com/a.png")
    (part,) = parts(Event(media_delta=delta))
    assert (part.image.WhichOneof("source"), part.image.url) == ("url", "https://example.com/a.png")


def test_spoken_words_become_the_transcript() -> None:
    (part,) = parts(
        Event(media_delta=event_pb2.MediaDelta(part_index=0, media_type="audio/wav", data=b"a", transcript="good ")),
        Event(media_delta=event_pb2.MediaDelta(part_index=0, data=b"b", transcript="day")),
    )
    assert part.audio.transcript == "good day"


def test_the_closing_event_fills_the_answer() -> None:
    closing = completed(
        cost_picos=5,
        charged_picos=0,
        price_version="v7",
        stop_sequence="END",
        attempts=[Attempt(number=1, provider="sim")],
    )
    answer = folded(started(response_id="r-1"), text("x"), closing)
    assert answer.finish_reason == event_pb2.FINISH_REASON_STOP
    assert answer.native_finish_reason == "stop"
    assert answer.usage == Usage(input_tokens=9, output_tokens=12, final=True)
    assert (answer.provider, answer.model, answer.response_id) == ("sim", "sim-1", "r-1")
    assert (answer.cost_picos, answer.price_version, answer.stop_sequence) == (5, "v7", "END")
    assert answer.HasField("charged_picos")
    assert [attempt.provider for attempt in answer.attempts] == ["sim"]


def test_costs_stay_unset_where_no_price_is_known() -> None:
    answer = folded(started(), text("x"), completed())
    assert not answer.HasField("cost_picos")
    assert not answer.HasField("charged_picos")


def test_guardrail_verdicts_are_collected() -> None:
    verdict = event_pb2.GuardrailVerdict(guardrail="pii", category="pii.email")
    answer = folded(started(), Event(guardrail_verdict=verdict), text("x"), completed())
    assert list(answer.guardrail_verdicts) == [verdict]


def test_where_a_kept_answer_comes_from_is_told() -> None:
    origin = event_pb2.CacheOrigin(kind=event_pb2.CACHE_KIND_EXACT, provider="sim", saved_picos=7)
    begun = Event(started=event_pb2.Started(provider="sim", cache_origin=origin))
    assert folded(begun, text("x"), completed()).cache_origin == origin


def test_discarding_voids_the_output_and_replaces_who_serves() -> None:
    old = CallWarning(field="chat.top_k", message="ignored")
    new = CallWarning(field="chat.seed", message="ignored")
    answer = folded(
        started(warnings=[old], response_id="r-1"),
        text("void"),
        text("void too", 1),
        Event(
            route_change=event_pb2.RouteChange(
                action=event_pb2.ROUTE_CHANGE_ACTION_DISCARD_OUTPUT,
                to_provider="other",
                to_model="other-1",
                warnings=[new],
                response_id="r-2",
            )
        ),
        text("kept"),
        completed(),
    )
    assert list(answer.message.content) == [message_pb2.Part(text="kept")]
    assert (answer.provider, answer.model, answer.response_id) == ("other", "other-1", "r-2")
    assert list(answer.warnings) == [new]


@pytest.mark.parametrize("action", [event_pb2.ROUTE_CHANGE_ACTION_CONTINUE, 99])
def test_an_action_that_is_not_known_fails(action: event_pb2.RouteChangeAction.ValueType) -> None:
    change = Event(route_change=event_pb2.RouteChange(action=action))
    with pytest.raises(UnknownRouteChangeError):
        folded(started(), change, completed())


def test_events_of_unknown_kind_are_ignored() -> None:
    # Field 2047, a string: an event of a later version of the contract.
    unknown = Event.FromString(b"\xfa\x7f\x01x")
    assert unknown.WhichOneof("event") is None
    assert parts(text("a"), unknown, text("b")) == [message_pb2.Part(text="ab")]


def test_a_part_with_state_alone_is_left_out() -> None:
    """Its content was of a kind that this version does not know; a part without content could not be sent back."""
    state = message_pb2.ProviderState(provider="x", data=b"y")
    attached = Event(provider_state_attached=event_pb2.ProviderStateAttached(part_index=0, state=state))
    assert parts(attached, text("b", 1)) == [message_pb2.Part(text="b")]


def test_a_missing_closing_event_fails_with_what_there_is() -> None:
    with pytest.raises(IncompleteStreamError) as caught:
        folded(started(), text("half"))
    assert caught.value.partial is not None
    assert list(caught.value.partial.message.content) == [message_pb2.Part(text="half")]


@pytest.mark.parametrize("number", [1, 2, 4])
def test_a_gap_or_a_repetition_in_the_sequence_fails(number: int) -> None:
    fold = ChatFold()
    feed(fold, [started(), text("a")])
    event = text("b")
    event.sequence = number
    with pytest.raises(StreamSequenceError):
        fold.feed(event)


def test_an_event_after_the_closing_one_fails() -> None:
    with pytest.raises(StreamContractError, match="after the closing"):
        folded(started(), completed(), text("late"))


def test_a_second_beginning_fails() -> None:
    with pytest.raises(StreamContractError, match="twice"):
        folded(started(), started())


def test_a_delta_that_does_not_fit_its_part_fails() -> None:
    with pytest.raises(StreamContractError, match="cannot become"):
        parts(text("a"), Event(reasoning_delta=event_pb2.ReasoningDelta(part_index=0, text="b")))


def test_a_second_tool_call_in_one_part_fails() -> None:
    call = Event(tool_call_started=event_pb2.ToolCallStarted(part_index=0, id="a", name="f"))
    with pytest.raises(StreamContractError, match="second tool call"):
        parts(call, call)
