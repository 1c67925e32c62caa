"""Answers of Claude: what the recordings do not show."""

import json
from typing import Any

import pytest
from hedgerow_server.core.error import StreamCut, UpstreamProtocol
from hedgerow_server.core.event import Event, Finished, FinishReason, Started, ToolCallEnded, Usage
from hedgerow_server.core.fold import Answer
from hedgerow_server.core.port import Operation
from hedgerow_server.core.request import Part, ProviderItem, ProviderState, Reasoning, Text, ToolCall
from providers.anthropic_run import anthropic, read, stream
from providers.replay import folded

HEAD = {"type": "message", "id": "msg_1", "model": "claude-x", "role": "assistant", "content": []}
USAGE = {"input_tokens": 10, "output_tokens": 1}
STOP = {"type": "content_block_stop", "index": 0}


def frames(*events: dict[str, Any]) -> bytes:
    """Events as they are sent."""
    return b"".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events)


def start(usage: dict[str, Any] | None = None) -> dict[str, Any]:
    """The first event."""
    return {"type": "message_start", "message": {**HEAD, "usage": USAGE if usage is None else usage}}


def block(index: int = 0, **members: Any) -> dict[str, Any]:
    """The start of a block."""
    return {"type": "content_block_start", "index": index, "content_block": members}


def delta(kind: str, index: int = 0, **members: Any) -> dict[str, Any]:
    """More of a block."""
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **members}}


def finish(word: str | None = "end_turn", usage: dict[str, Any] | None = None, **members: Any) -> dict[str, Any]:
    """The event with the stop reason."""
    return {"type": "message_delta", "delta": {"stop_reason": word, **members}, "usage": usage or {"output_tokens": 5}}


def said(*events: dict[str, Any]) -> list[Event]:
    """All events of a stream of these."""
    return stream(frames(start(), *events, finish(), {"type": "message_stop"}))


def parts(*events: dict[str, Any]) -> tuple[Part, ...]:
    """The parts of an answer of these events."""
    return folded(said(*events)).message.content


def document(**members: Any) -> list[Event]:
    """All events of a message."""
    message = {**HEAD, "stop_reason": "end_turn", "usage": USAGE, **members}
    return read([json.dumps(message).encode()], "application/json")


def last(events: list[Event]) -> Finished:
    """The last event."""
    assert isinstance(events[-1], Finished)
    return events[-1]


def usage(*reports: dict[str, Any]) -> Usage | None:
    """The usage of a stream whose first event and whose later ones report these."""
    first, *later = reports
    body = frames(start(first), *(finish(usage=report) for report in later))
    return last(stream(body)).usage


def state(**facts: Any) -> ProviderState:
    """State as the dialect attaches it."""
    return ProviderState("anthropic_messages", json.dumps(facts, separators=(",", ":")).encode())


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("end_turn", FinishReason.STOP),
        ("stop_sequence", FinishReason.STOP),
        ("max_tokens", FinishReason.LENGTH),
        ("tool_use", FinishReason.TOOL_CALLS),
        ("pause_turn", FinishReason.PAUSE),
        ("compaction", FinishReason.PAUSE),
        ("refusal", FinishReason.REFUSAL),
        ("model_context_window_exceeded", FinishReason.CONTEXT_LENGTH),
        ("tea_time", FinishReason.OTHER),
    ],
)
def test_each_stop_reason_has_its_finish_reason(word: str, reason: FinishReason) -> None:
    for events in (stream(frames(start(), finish(word))), document(stop_reason=word)):
        assert (last(events).reason, last(events).native_reason) == (reason, word)


def test_an_answer_with_calls_waits_for_them_even_if_it_says_end_turn() -> None:
    call = block(type="tool_use", id="c", name="add", input={})
    assert last(said(call, STOP)).reason is FinishReason.TOOL_CALLS


def test_the_stop_sequence_is_told() -> None:
    events = stream(frames(start(), finish("stop_sequence", stop_sequence="END")))
    assert last(events).stop_sequence == "END"
    assert last(document(stop_reason="stop_sequence", stop_sequence="END")).stop_sequence == "END"


def test_a_stream_without_a_stop_reason_is_cut() -> None:
    body = frames(start(), block(type="text", text=""), delta("text_delta", text="a"), STOP)
    for end in (b"", frames(finish(None)), frames({"type": "message_stop"}), b"data: [DONE]\n\n"):
        with pytest.raises(StreamCut):
            stream(body + end)


def test_a_message_without_a_stop_reason_is_cut() -> None:
    with pytest.raises(StreamCut):
        document(stop_reason=None)


def test_a_stop_reason_is_enough() -> None:
    assert last(stream(frames(start(), finish()))).reason is FinishReason.STOP


def test_what_follows_the_last_word_is_not_read() -> None:
    reader = anthropic().reader(Operation.CHAT, stream=True, content_type="text/event-stream")
    events = reader.feed(frames(start(), finish(), {"type": "message_stop"}) + b"data: nonsense\n\n")
    assert reader.done
    assert reader.feed(b"data: nonsense\n\n") == []
    assert [type(event) for event in events + reader.finish()] == [Started, Finished]


def test_an_answer_that_says_nothing_is_an_answer() -> None:
    assert parts() == ()
    assert parts(block(type="text", text=""), STOP) == ()
    assert folded(document()).message.content == ()


def test_each_block_is_a_part() -> None:
    """Neighbouring texts stay apart: each has citations of its own."""
    assert parts(
        block(type="text", text="a"),
        STOP,
        block(1, type="text", text=""),
        delta("text_delta", 1, text="b"),
        block(2, type="text", text="c"),  # the one before was never closed
    ) == (Part(Text("a")), Part(Text("b")), Part(Text("c")))


def test_the_last_signature_of_a_thought_is_attached_to_it() -> None:
    assert parts(
        block(type="thinking", thinking="", signature=""),
        delta("thinking_delta", thinking="h"),
        delta("thinking_delta", thinking="m"),
        delta("signature_delta", signature="sig"),
        STOP,
    ) == (Part(Reasoning("hm"), state(signature="sig")),)


def test_a_thought_that_is_not_shown_keeps_its_signature() -> None:
    blocks = (block(type="thinking", thinking="", signature=""), delta("signature_delta", signature="sig"), STOP)
    assert parts(*blocks) == (Part(Reasoning(""), state(signature="sig")),)


def test_neighbouring_thoughts_stay_apart() -> None:
    assert parts(
        block(type="thinking", thinking="a", signature="1"),
        block(1, type="redacted_thinking", data="enc"),
        block(2, type="thinking", thinking="b", signature="2"),
    ) == (
        Part(Reasoning("a"), state(signature="1")),
        Part(Reasoning(""), state(redacted="enc")),
        Part(Reasoning("b"), state(signature="2")),
    )


def test_an_empty_thought_without_a_signature_is_none() -> None:
    assert parts(block(type="thinking", thinking="", signature=""), STOP) == ()


@pytest.mark.parametrize(
    ("given", "fragments", "arguments"),
    [({}, [], "{}"), ({}, ["", '{"a"', ": 1}"], '{"a": 1}'), ({"a": 1}, [], '{"a": 1}')],
)
def test_arguments_come_in_fragments_or_at_once(given: dict[str, Any], fragments: list[str], arguments: str) -> None:
    pieces = [delta("input_json_delta", partial_json=fragment) for fragment in fragments]
    events = said(block(type="tool_use", id="c", name="add", input=given), *pieces, STOP)
    assert folded(events).message.content == (Part(ToolCall("c", "add", arguments)),)
    assert sum(isinstance(event, ToolCallEnded) for event in events) == 1


def test_a_call_by_code_that_the_provider_runs_keeps_its_caller() -> None:
    caller = {"type": "code_execution_20250825", "tool_id": "s"}
    [part] = parts(block(type="tool_use", id="c", name="add", input={}, caller=caller), STOP)
    assert part.state == state(caller=caller)
    [part] = parts(block(type="tool_use", id="c", name="add", input={}, caller={"type": "direct"}), STOP)
    assert part.state is None


def test_a_call_without_an_id_gets_one_and_without_a_name_is_a_fault() -> None:
    first, second = parts(block(type="tool_use", name="add"), block(1, type="tool_use", name="add"))
    assert isinstance(first.content, ToolCall)
    assert isinstance(second.content, ToolCall)
    assert first.content.id
    assert first.content.id != second.content.id
    with pytest.raises(UpstreamProtocol):
        parts(block(type="tool_use", id="c"))


@pytest.mark.parametrize(
    ("citation", "wanted"),
    [
        ({"type": "web_search_result_location", "url": "u", "title": "t"}, ("u", "t", "")),
        ({"type": "char_location", "document_index": 2, "document_title": "d", "file_id": None}, ("", "d", "2")),
        ({"type": "page_location", "document_index": 0, "document_title": None, "file_id": "f"}, ("", "", "f")),
        ({"type": "search_result_location", "source": "s", "title": "t", "search_result_index": 1}, ("s", "t", "1")),
        ({"type": "of_tomorrow"}, ("", "", "")),
    ],
)
def test_citations_tell_their_source(citation: dict[str, Any], wanted: tuple[str, str, str]) -> None:
    citation = {**citation, "cited_text": "words"}
    [part] = parts(block(type="text", text="", citations=[]), delta("citations_delta", citation=citation), STOP)
    [cited] = part.citations
    assert (cited.url, cited.title, cited.source_id, cited.cited_text) == (*wanted, "words")
    assert (cited.start_index, cited.end_index) == (None, None)
    [part] = folded(document(content=[{"type": "text", "text": "a", "citations": [citation]}])).message.content
    assert part.state is not None
    assert json.loads(part.state.data) == {"citations": [citation]}


def item(part: Part) -> dict[str, Any]:
    """The block of an item."""
    assert isinstance(part.content, ProviderItem)
    block_: dict[str, Any] = json.loads(part.content.data)
    assert part.content.type == block_["type"]
    return block_


def test_a_tool_of_the_providers_gets_its_input_in_fragments() -> None:
    [part] = parts(
        block(type="server_tool_use", id="s", name="web_search", input={}),
        delta("input_json_delta", partial_json='{"q": '),
        delta("input_json_delta", partial_json="1.0}"),
        STOP,
    )
    assert item(part) == {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"q": 1.0}}


def test_input_that_was_cut_is_kept_within_an_object() -> None:
    search = block(type="server_tool_use", id="s", name="web_search", input={})
    [part] = parts(search, delta("input_json_delta", partial_json='{"q": '))
    assert item(part)["input"] == {"INVALID_JSON": '{"q": '}


def test_a_block_of_an_unknown_kind_is_an_item_with_all_that_came() -> None:
    [one, two] = parts(
        block(type="compaction", content=None),
        delta("compaction_delta", content="so far", encrypted_content="E"),
        STOP,
        block(1, type="hologram", beam=[1, {"x": 2}], text=""),
        delta("text_delta", 1, text="a"),
        delta("text_delta", 1, text="b"),
    )
    assert item(one) == {"type": "compaction", "content": "so far", "encrypted_content": "E"}
    assert item(two) == {"type": "hologram", "beam": [1, {"x": 2}], "text": "ab"}


def test_an_item_is_passed_on_byte_by_byte() -> None:
    raw = '{"type":"web_search_tool_result",  "n": 1.0, "big": 123456789012345678901234567890}'
    event = f'{{"type":"content_block_start","index":0,"content_block":{raw}}}'
    events = stream(frames(start()) + f"data: {event}\n\n".encode() + frames(STOP, finish()))
    [part] = folded(events).message.content
    assert part.content == ProviderItem("anthropic_messages", "web_search_tool_result", raw.encode())


@pytest.mark.parametrize(
    "event",
    [
        {"type": "ping"},
        {"type": "of_tomorrow", "delta": "x", "index": {}},
        {"type": "of_tomorrow", "message": []},
        delta("aroma_delta", aroma=1),
        delta("text_delta", text=None),
        delta("text_delta", text=7),
    ],
)
def test_what_is_not_known_is_passed_over(event: dict[str, Any]) -> None:
    events = said(block(type="text", text="a"), event, delta("text_delta", text="b"), STOP)
    assert folded(events).message.content == (Part(Text("ab")),)


@pytest.mark.parametrize(
    "bad",
    [
        b"data: {\n\n",
        b'data: {"type": "content_block_delta", "delta": "x"}\n\n',
        b'data: {"type": "message_start", "message": 7}\n\n',
        b'data: {"type": "content_block_start", "index": 0}\n\n',
        b'data: {"type": "content_block_start", "index": 0, "content_block": {}}\n\n',
        frames(block(type="text", text=""), delta("text_delta", 1, text="of another block")),
    ],
)
def test_a_known_event_of_another_shape_is_a_fault(bad: bytes) -> None:
    with pytest.raises(UpstreamProtocol):
        stream(frames(start()) + bad + frames(finish()))


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"content": "x"}', b'{"content": [7]}'])
def test_a_document_that_is_no_message_is_a_fault(body: bytes) -> None:
    with pytest.raises(UpstreamProtocol):
        read([body], "application/json")


def test_halves_of_surrogate_pairs_are_replaced() -> None:
    half = rb'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a\ud83d"}}' + b"\n\n"
    events = stream(frames(start(), block(type="text", text="")) + half + frames(STOP, finish()))
    assert folded(events).message.content == (Part(Text("a\ufffd")),)


def test_text_before_a_fault_goes_out_first() -> None:
    reader = anthropic().reader(Operation.CHAT, stream=True, content_type="text/event-stream")
    events = reader.feed(frames(start(), block(type="text", text="a")) + b"data: {\n\n")
    assert len(events) == 2
    with pytest.raises(UpstreamProtocol):
        reader.feed(b"")
    with pytest.raises(UpstreamProtocol):
        reader.finish()


@pytest.mark.parametrize("content_type", ["text/html", "application/vnd.amazon.eventstream"])
def test_another_content_type_is_a_fault(content_type: str) -> None:
    with pytest.raises(UpstreamProtocol):
        anthropic().reader(Operation.CHAT, stream=True, content_type=content_type)
    with pytest.raises(UpstreamProtocol):
        anthropic().reader(Operation.EMBED, stream=False, content_type="application/json")


def test_without_a_content_type_what_was_asked_for_is_read() -> None:
    body = json.dumps({**HEAD, "stop_reason": "end_turn"}).encode()
    assert len(read([body], "")) == 2


def answer(**reports: Any) -> Answer:
    """A message with this usage."""
    return folded(document(usage=reports))


def test_the_last_word_on_each_count_holds() -> None:
    """The start of a stream knows only the first round of the provider's tools."""
    counted = usage(
        {"input_tokens": 2060, "cache_read_input_tokens": 5, "output_tokens": 9},
        {"input_tokens": 63_011, "output_tokens": 400, "cache_read_input_tokens": None},
        {"output_tokens": 760},
    )
    assert counted == Usage(
        input_uncached_tokens=63_011, input_cache_read_tokens=5, output_visible_tokens=760, final=True
    )


def test_cache_writes_are_told_by_time_to_live() -> None:
    writes = {"ephemeral_5m_input_tokens": 30, "ephemeral_1h_input_tokens": 12}
    first = {"input_tokens": 1, "cache_creation_input_tokens": 42, "cache_creation": writes}
    counted = usage(first, {"output_tokens": 1})
    assert counted is not None
    assert counted.input_cache_writes == ((300.0, 30), (3600.0, 12))
    assert counted.input_tokens == 43


@pytest.mark.parametrize("total", [50, 41])
def test_a_split_that_does_not_add_up_is_not_told(total: int) -> None:
    writes = {"ephemeral_5m_input_tokens": 30, "ephemeral_1h_input_tokens": 12}
    first = {"input_tokens": 1, "cache_creation_input_tokens": 42, "cache_creation": writes}
    counted = usage(first, {"cache_creation_input_tokens": total, "output_tokens": 1})
    assert counted is not None
    assert counted.input_cache_writes == ((None, total),)


def test_thinking_is_a_class_of_its_own_within_the_output() -> None:
    report = {"input_tokens": 1, "output_tokens": 10, "output_tokens_details": {"thinking_tokens": 7}}
    counted = answer(**report).completed.usage
    assert (counted.output_visible_tokens, counted.output_reasoning_tokens) == (3, 7)
    report["output_tokens_details"] = {"thinking_tokens": 70}
    counted = answer(**report).completed.usage
    assert (counted.output_visible_tokens, counted.output_reasoning_tokens) == (0, 10)


def test_what_is_not_billed_in_the_models_tokens_is_counted_apart() -> None:
    rounds = [
        {"type": "message", "input_tokens": 5, "output_tokens": 5},
        {"type": "compaction", "input_tokens": 180, "output_tokens": 3},
        {"type": "compaction", "input_tokens": 20, "output_tokens": 0},
        {"type": "of_tomorrow", "input_tokens": 1},
    ]
    tools = {"web_search_requests": 2, "web_fetch_requests": 0}
    counted = answer(input_tokens=5, output_tokens=5, iterations=rounds, server_tool_use=tools).completed.usage
    assert counted.other_units == {
        "web_search_requests": 2,
        "compaction_input_tokens": 200,
        "compaction_output_tokens": 3,
    }


@pytest.mark.parametrize("nonsense", [None, True, -1, 1.5, "7", 1 << 60, [], {}])
def test_counts_that_cannot_be_true_are_ignored(nonsense: Any) -> None:
    counted = usage(
        {"input_tokens": 3, "output_tokens": 1},
        {
            "input_tokens": nonsense,
            "output_tokens": 5,
            "cache_creation": nonsense,
            "server_tool_use": nonsense,
            "output_tokens_details": nonsense,
            "iterations": [nonsense, {"type": nonsense}],
        },
    )
    assert counted == Usage(input_uncached_tokens=3, output_visible_tokens=5, final=True)


@pytest.mark.parametrize("report", [{}, {"service_tier": "standard"}, {"input_tokens": None}])
def test_without_counts_there_is_no_usage(report: dict[str, Any]) -> None:
    message = {**HEAD, "stop_reason": "end_turn", "usage": report}
    assert last(read([json.dumps(message).encode()], "application/json")).usage is None
