"""An answer that a client appends unchanged gives back all that its provider had attached, whichever it was."""

import json
from typing import Any

import pytest
from anthropic_door import accumulated, answer, asked, streamed
from hedgerow_server.core.event import (
    Completed,
    Event,
    FinishReason,
    MediaDelta,
    ProviderItemAdded,
    ProviderStateAttached,
    ReasoningDelta,
    Started,
    TextDelta,
    ToolCallArgumentsDelta,
    ToolCallEnded,
    ToolCallStarted,
    Usage,
)
from hedgerow_server.core.fold import Fold
from hedgerow_server.core.request import CacheHint, Part, ProviderItem, ProviderState

Json = dict[str, Any]
OTHER = ProviderState("openai_responses", b'{"encrypted_content":"\xff\x00"}')
MORE = ProviderState("gemini", b"signature")
OWN = ProviderState("anthropic_messages", b'{"signature":"sig"}')


def call(part: int, call_id: str) -> list[Event]:
    """The events of a call of a tool."""
    return [ToolCallStarted(part, call_id, "f"), ToolCallArgumentsDelta(part, '{"a": 1}'), ToolCallEnded(part)]


CASES: dict[str, list[Event]] = {
    "thought": [ReasoningDelta(0, "Hm."), ProviderStateAttached(0, OTHER)],
    "thought of the dialect": [ReasoningDelta(0, "Hm."), ProviderStateAttached(0, OWN)],
    "thought without state": [ReasoningDelta(0, "Hm.")],
    "hidden thought": [ReasoningDelta(0, ""), ProviderStateAttached(0, OTHER), TextDelta(1, "a")],
    "text": [TextDelta(0, "a"), ProviderStateAttached(0, OTHER), TextDelta(1, "b")],
    "call": [ToolCallStarted(0, "t1", "f"), ProviderStateAttached(0, MORE), *call(0, "t1")[1:], *call(1, "t2")],
    "late state of a call": [*call(0, "t1"), *call(1, "t2"), ProviderStateAttached(0, MORE)],
    "late state of a text": [TextDelta(0, "a"), *call(1, "t1"), ProviderStateAttached(0, MORE), TextDelta(2, "b")],
    "many": [
        ReasoningDelta(0, ""),
        ProviderStateAttached(0, OTHER),
        TextDelta(1, "a"),
        ProviderStateAttached(1, MORE),
        *call(2, "t1")[:2],
        ProviderStateAttached(2, OTHER),
        ToolCallEnded(2),
        ReasoningDelta(3, "Hm."),
    ],
    "item": [
        ProviderItemAdded(0, ProviderItem("openai_responses", "web_search_call", b'{"id":"ws"}')),
        TextDelta(1, "a"),
    ],
    "picture": [MediaDelta(0, "image/png", b"\x89PNG"), ProviderStateAttached(0, MORE), TextDelta(1, "a")],
}
END = Completed(FinishReason.STOP, "stop", Usage())


def folded(events: list[Event]) -> tuple[Part, ...]:
    """The parts that the provider had sent."""
    fold = Fold()
    for event in events:
        fold.add(event)
    return fold.answer().message.content


def sent_back(message: Json) -> tuple[Part, ...]:
    """The parts of a message that comes back in the conversation."""
    hi: Json = {"role": "user", "content": "hi"}
    turns = [hi, {"role": "assistant", "content": message["content"]}, hi]
    return asked({"model": "m", "messages": turns}).spec.messages[1].content


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("way", ["whole", "streamed"])
def test_the_parts_come_back_as_they_went(name: str, way: str) -> None:
    events: list[Event] = [Started("vendor", "m"), *CASES[name], END]
    message = answer(events) if way == "whole" else accumulated(streamed(events))
    assert sent_back(json.loads(json.dumps(message))) == folded(events)


def test_a_client_may_leave_out_what_it_does_not_want_to_keep() -> None:
    """Then only that is lost."""
    message = answer([Started("vendor", "m"), *CASES["many"], END])
    message["content"] = [block for block in message["content"] if block["type"] in ("text", "tool_use")]
    assert [part.state for part in sent_back(message)] == [None, None]


def test_the_state_of_a_call_finds_it_by_its_id() -> None:
    message = answer([Started("vendor", "m"), *CASES["call"], END])
    first, words, second = message["content"]
    assert [part.state for part in sent_back({"content": [second, first, words]})] == [None, MORE]


def test_state_of_a_block_that_is_gone_is_left_out() -> None:
    message = answer([Started("vendor", "m"), *CASES["text"], END])
    assert sent_back({"content": message["content"][1:]}) == (Part(folded([*CASES["text"], END])[1].content),)


def test_a_client_may_say_where_to_cache_in_what_comes_back() -> None:
    message = answer([Started("vendor", "m"), TextDelta(0, "a"), END])
    message["content"][0]["cache_control"] = {"type": "ephemeral"}
    assert sent_back(message)[0].cache_hint == CacheHint()


def test_citations_that_the_gateway_has_made_are_not_sent_to_a_provider() -> None:
    cited = {
        "type": "web_search_result_location",
        "url": "u",
        "title": "t",
        "cited_text": "c",
        "encrypted_index": "hg1.",
    }
    assert sent_back({"content": [{"type": "text", "text": "a", "citations": [cited]}]})[0].state is None
