"""The reader of chat answers: what each oddity of the dialect's vendors becomes."""

import base64
import json
from typing import Any

import pytest
from hedgerow_server.core.error import ProviderUnavailable, StreamCut, UpstreamProtocol
from hedgerow_server.core.event import (
    CitationAdded,
    Event,
    Finished,
    FinishReason,
    MediaDelta,
    ReasoningDelta,
    RefusalDelta,
    Started,
    TextDelta,
    ToolCallArgumentsDelta,
    ToolCallEnded,
    ToolCallStarted,
    WarningCode,
)
from hedgerow_server.core.port import Operation
from hedgerow_server.core.request import Audio, ChatSpec, Citation
from providers.openai_run import folded, openai, read, stream

STOP = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
DONE = b"data: [DONE]\n\n"


def frame(chunk: object) -> bytes:
    """A chunk as an event."""
    return f"data: {json.dumps(chunk)}\n\n".encode()


def delta(**members: Any) -> dict[str, Any]:
    """A chunk with a delta."""
    return {"id": "r1", "model": "m1", "choices": [{"index": 0, "delta": members, "finish_reason": None}]}


def call(index: int | None, call_id: str | None, name: str | None, arguments: Any, **more: Any) -> dict[str, Any]:
    """A chunk with a fragment of a tool call; None leaves a member out."""
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    members = {"index": index, "id": call_id, **more}
    fragment = {key: value for key, value in members.items() if value is not None}
    return delta(tool_calls=[{**fragment, "function": function}])


def events_of(*chunks: object) -> list[Event]:
    """What a stream of these chunks becomes, with a finish at its end."""
    return stream(b"".join(frame(chunk) for chunk in (*chunks, STOP)) + DONE)


def content_of(*chunks: object) -> list[Event]:
    """The same without Started and Finished."""
    first, *content, last = events_of(*chunks)
    assert isinstance(first, Started)
    assert isinstance(last, Finished)
    return content


def calls_of(*chunks: object) -> list[tuple[str, str]]:
    """Names and arguments of the calls in a stream of these chunks, each opened once, closed once, in order."""
    calls: list[list[str]] = []
    for event in content_of(*chunks):
        if isinstance(event, ToolCallStarted):
            calls.append([event.name, ""])
        elif isinstance(event, ToolCallArgumentsDelta):
            calls[-1][1] += event.arguments
        else:
            assert isinstance(event, ToolCallEnded)
            assert event.part_index == len(calls) - 1
    return [(name, arguments) for name, arguments in calls]


def finished(*chunks: object) -> Finished:
    """The last word on these chunks."""
    last = stream(b"".join(map(frame, chunks)) + DONE)[-1]
    assert isinstance(last, Finished)
    return last


def test_started_waits_for_content_and_tells_its_id_and_model() -> None:
    """Azure's first chunk has empty names; an error before the first content can still move the call elsewhere."""
    reader = openai().reader(Operation.CHAT, stream=True, content_type="text/event-stream")
    assert reader.feed(frame({"id": "", "model": "", "choices": [], "prompt_filter_results": []})) == []
    assert reader.feed(frame(delta(role="assistant", content=""))) == []
    assert reader.feed(frame(delta(content="Hi"))) == [Started(model="m1", response_id="r1"), TextDelta(0, "Hi")]
    assert reader.feed(frame(delta(content="!"))) == [TextDelta(0, "!")]


def test_an_answer_without_content_still_starts() -> None:
    assert [type(event) for event in events_of()] == [Started, Finished]


def test_a_new_part_begins_with_each_change_of_kind() -> None:
    content = content_of(
        delta(reasoning_content="hm"),
        delta(content="a"),
        delta(content="b"),
        call(0, "c1", "add", "{}"),
        delta(content="c"),
        delta(refusal="No."),
    )
    assert content == [
        ReasoningDelta(0, "hm"),
        TextDelta(1, "ab"),
        ToolCallStarted(2, "c1", "add"),
        ToolCallArgumentsDelta(2, "{}"),
        ToolCallEnded(2),
        TextDelta(3, "c"),
        RefusalDelta(4, "No."),
    ]


@pytest.mark.parametrize("member", ["reasoning_content", "reasoning"])
def test_thoughts_are_read_under_both_names(member: str) -> None:
    assert content_of(delta(content=None, **{member: "hm"})) == [ReasoningDelta(0, "hm")]


def test_thoughts_under_both_names_count_once() -> None:
    assert content_of(delta(reasoning_content="hm", reasoning="hm")) == [ReasoningDelta(0, "hm")]


def test_a_list_of_typed_content_is_text_and_thoughts() -> None:
    """Mistral."""
    thinking = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}], "closed": True}
    content = [thinking, {"type": "reference", "reference_ids": [1]}, {"type": "text", "text": "a"}]
    assert content_of(delta(content=content), delta(content="b")) == [ReasoningDelta(0, "hm"), TextDelta(1, "ab")]


def test_content_that_is_plain_json_is_its_text() -> None:
    """Cloudflare's JSON mode."""
    assert content_of(delta(content={"age": 32})) == [TextDelta(0, '{"age":32}')]


@pytest.mark.parametrize(
    "chunks",
    [
        pytest.param([call(0, "c1", "add", '{"a": 1}', type="function")], id="whole in one chunk"),
        pytest.param([call(0, "c1", "add", ""), call(0, None, None, '{"a"'), call(0, None, None, ": 1}")], id="OpenAI"),
        pytest.param([call(0, "c1", "add", '{"a"'), call(0, "", "", ": 1}")], id="empty id and name (Qwen)"),
        pytest.param([call(0, "c1", "add", '{"a"'), call(0, "c1", "add", ": 1}")], id="repeated id and name"),
        pytest.param([call(0, "c1", "add", '{"a"'), call(0, "c9", None, ": 1}")], id="another id in each chunk"),
        pytest.param([call(None, "c1", "add", '{"a": 1}')], id="no index (older Mistral)"),
        pytest.param([call(None, "c1", "add", '{"a"'), call(None, None, None, ": 1}")], id="no index, fragments"),
        pytest.param([call(None, "c1", "add", '{"a"'), call(None, "c1", None, ": 1}")], id="no index, by id"),
        pytest.param([call(0, "c1", None, None), call(0, None, "add", '{"a": 1}')], id="the name comes later"),
        pytest.param([call(0, "c1", None, '{"a"'), call(0, None, "add", ": 1}")], id="the name comes after arguments"),
        pytest.param([call(4, "c1", "add", '{"a": 1}')], id="an index that does not begin at 0"),
    ],
)
def test_a_call_is_read_however_it_is_cut(chunks: list[object]) -> None:
    assert calls_of(*chunks) == [("add", '{"a": 1}')]


def test_arguments_as_an_object_are_its_text() -> None:
    assert calls_of(call(0, "c1", "add", {"a": 1})) == [("add", '{"a":1}')]


@pytest.mark.parametrize("arguments", ["", None])
def test_a_call_without_arguments_has_an_empty_object(arguments: str | None) -> None:
    assert calls_of(call(0, "c1", "now", arguments)) == [("now", "{}")]


@pytest.mark.parametrize(
    "chunks",
    [
        pytest.param([call(0, "c1", "a", "{}"), call(1, "c2", "b", "{}")], id="by index"),
        pytest.param([call(0, "c1", "a", "{}"), call(0, "c2", "b", "{}")], id="one index, two ids"),
        pytest.param([call(0, "", "a", "{}"), call(0, "", "b", "{}")], id="one index, no ids"),
        pytest.param([call(None, "c1", "a", "{}"), call(None, "c2", "b", "{}")], id="no index"),
        pytest.param([call(None, None, "a", "{}"), call(None, None, "b", "{}")], id="neither index nor id"),
    ],
)
def test_two_calls_are_told_apart(chunks: list[object]) -> None:
    assert calls_of(*chunks) == [("a", "{}"), ("b", "{}")]


def test_a_made_id_is_the_same_for_each_reading_and_differs_between_calls_and_answers() -> None:
    chunks = [call(0, None, "a", "{}"), call(1, None, "b", "{}")]
    ids = [event.id for event in content_of(*chunks) if isinstance(event, ToolCallStarted)]
    assert ids == [event.id for event in content_of(*chunks) if isinstance(event, ToolCallStarted)]
    other = [{**chunk, "id": "r2"} for chunk in chunks]
    ids += [event.id for event in content_of(*other) if isinstance(event, ToolCallStarted)]
    assert len(set(ids)) == 4
    assert all(len(one) <= 40 for one in ids), "OpenAI takes no longer ids"


def test_the_deprecated_function_call_is_a_tool_call() -> None:
    first, second = {"name": "add", "arguments": '{"a"'}, {"arguments": ": 1}"}
    assert calls_of(delta(function_call=first), delta(function_call=second)) == [("add", '{"a": 1}')]


def test_members_full_of_emptiness_are_no_call() -> None:
    """Snowflake."""
    empty = {"function_call": {"name": "", "arguments": ""}, "audio": {"id": "", "data": ""}, "tool_calls": []}
    custom = [{"custom": {"input": "", "name": ""}, "function": {"arguments": "", "name": ""}, "id": "", "type": ""}]
    assert content_of(delta(content="Hi", **empty), delta(tool_calls=custom)) == [TextDelta(0, "Hi")]


def test_arguments_for_a_call_that_has_ended_break_the_protocol() -> None:
    with pytest.raises(UpstreamProtocol):
        events_of(call(0, "c1", "a", "{}"), call(1, "c2", "b", "{}"), call(0, None, None, "}"))


def test_a_call_that_never_got_a_name_breaks_the_protocol() -> None:
    with pytest.raises(UpstreamProtocol):
        events_of(call(0, "c1", None, "{}"))


def test_a_call_of_a_custom_tool_goes_back_as_one() -> None:
    custom = {"index": 0, "id": "c1", "type": "custom", "custom": {"name": "sql", "input": "select 1"}}
    message = folded(events_of(delta(tool_calls=[custom]))).message
    body = openai().build(ChatSpec(model="m", messages=(message,)), stream=False, model="m", secret=None).request.body
    del custom["index"]
    assert json.loads(body)["messages"] == [{"role": "assistant", "tool_calls": [custom]}]


def test_citations_are_of_the_text() -> None:
    note = {"type": "url_citation", "url_citation": {"url": "u", "title": "t", "start_index": 1, "end_index": -1}}
    other = {"type": "file_citation", "file_citation": {}}
    content = content_of(delta(reasoning="hm"), delta(content="ab"), delta(annotations=[note, other]))
    assert content[2:] == [CitationAdded(1, Citation(url="u", title="t", start_index=1))]


def test_streamed_audio_is_one_part_with_its_transcript_and_goes_back_by_its_id() -> None:
    encoded = base64.b64encode(b"\x00\x01").decode()
    answer = folded(
        events_of(
            delta(audio={"id": "audio_1", "transcript": "He"}),
            delta(audio={"transcript": "llo"}),
            delta(audio={"data": encoded}),
            delta(audio={"data": encoded, "expires_at": 7}),
        )
    )
    assert [part.content for part in answer.message.content] == [
        Audio(data=b"\x00\x01\x00\x01", media_type="audio/pcm", transcript="Hello")
    ]
    spec = ChatSpec(model="m", messages=(answer.message,))
    body = openai().build(spec, stream=False, model="m", secret=None).request.body
    assert json.loads(body)["messages"] == [{"role": "assistant", "audio": {"id": "audio_1"}}]


@pytest.mark.parametrize(
    ("head", "media_type"),
    [(b"RIFF", "audio/wav"), (b"OggS", "audio/ogg"), (b"fLaC", "audio/flac"), (b"ID3", "audio/mpeg")],
)
def test_the_kind_of_audio_is_seen_from_its_first_bytes(head: bytes, media_type: str) -> None:
    first = content_of(delta(audio={"id": "a", "data": base64.b64encode(head).decode()}))[0]
    assert isinstance(first, MediaDelta)
    assert first.media_type == media_type


def test_audio_that_is_not_base64_breaks_the_protocol() -> None:
    with pytest.raises(UpstreamProtocol):
        events_of(delta(audio={"id": "a", "data": "***"}))


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("stop", FinishReason.STOP),
        ("eos", FinishReason.STOP),
        ("length", FinishReason.LENGTH),
        ("model_length", FinishReason.CONTEXT_LENGTH),
        ("tool_calls", FinishReason.TOOL_CALLS),
        ("function_call", FinishReason.TOOL_CALLS),
        ("content_filter", FinishReason.CONTENT_FILTER),
        ("never heard of", FinishReason.OTHER),
    ],
)
def test_a_finish_reason_is_mapped_and_kept(word: str, reason: FinishReason) -> None:
    last = finished(delta(content="Hi"), {"choices": [{"index": 0, "delta": {}, "finish_reason": word}]})
    assert (last.reason, last.native_reason) == (reason, word)


def test_stop_with_a_call_means_that_the_caller_must_act() -> None:
    last = finished(call(0, "c1", "a", "{}"), STOP)
    assert (last.reason, last.native_reason) == (FinishReason.TOOL_CALLS, "stop")


def test_stop_with_a_refusal_is_a_refusal() -> None:
    assert finished(delta(refusal="No."), STOP).reason is FinishReason.REFUSAL


def test_a_length_is_not_hidden_by_a_call() -> None:
    cut = {"choices": [{"index": 0, "delta": {}, "finish_reason": "length"}]}
    assert finished(call(0, "c1", "a", '{"a'), cut).reason is FinishReason.LENGTH


@pytest.mark.parametrize("word", ["error", "insufficient_system_resource", "network_error", "abort"])
def test_a_failure_in_the_place_of_a_finish_reason_is_a_failure(word: str) -> None:
    with pytest.raises(ProviderUnavailable):
        finished(delta(content="Hi"), {"choices": [{"index": 0, "delta": {}, "finish_reason": word}]})


def test_a_finish_reason_that_is_null_again_or_empty_does_not_undo_it() -> None:
    """OpenRouter sends its usage with a choice that has none."""
    again = {"choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": None}], "usage": {"prompt_tokens": 1}}
    empty = {"choices": [{"index": 0, "delta": {}, "finish_reason": ""}]}
    assert finished(delta(content="Hi"), STOP, again, empty).native_reason == "stop"


@pytest.mark.parametrize("end", [b"", DONE, b"data: [DONE]"])
def test_an_end_without_a_finish_reason_is_a_cut(end: bytes) -> None:
    """Also with [DONE]: success is a finish reason."""
    with pytest.raises(StreamCut) as caught:
        stream(frame(delta(content="Hi")) + end)
    assert caught.value.metadata == {"provider": "vendor"}


def test_no_done_is_needed() -> None:
    assert isinstance(stream(frame(delta(content="Hi")) + frame(STOP))[-1], Finished)


def test_a_last_event_without_a_blank_line_counts_and_half_a_one_does_not() -> None:
    body = frame(delta(content="Hi")) + frame(STOP)
    assert stream(body.rstrip(b"\n")) == stream(body)
    with pytest.raises(StreamCut):
        stream(body[:-20])


def test_what_follows_done_is_ignored() -> None:
    whole = frame(delta(content="Hi")) + frame(STOP) + DONE
    assert stream(whole + frame(delta(content="more")) + b"garbage\n\n") == stream(whole)
    reader = openai().reader(Operation.CHAT, stream=True, content_type="text/event-stream")
    reader.feed(whole)
    assert reader.done
    assert reader.feed(b"data: more\n\n") == []


def test_a_failure_comes_after_what_stood_before_it() -> None:
    """The reader is done at once, so that nobody waits for further bytes to learn of the failure."""
    reader = openai().reader(Operation.CHAT, stream=True, content_type="text/event-stream")
    events = reader.feed(frame(delta(content="Hi")) + b"data: {broken\n\n" + frame(delta(content="more")))
    assert events[1:] == [TextDelta(0, "Hi")]
    assert reader.done
    with pytest.raises(UpstreamProtocol):
        reader.feed(b"")
    with pytest.raises(UpstreamProtocol):
        reader.finish()


@pytest.mark.parametrize("data", ["{", "[]", "7", "null", '"x"', '{"choices": 7}', '{"choices": [{"delta": 7}]}'])
def test_data_of_another_shape_breaks_the_protocol(data: str) -> None:
    with pytest.raises(UpstreamProtocol) as caught:
        stream(f"data: {data}\n\n".encode())
    assert caught.value.metadata["provider"] == "vendor"


@pytest.mark.parametrize(
    "event",
    [
        b": OPENROUTER PROCESSING\n\n",
        b"\n\n\n",
        b"data:\n\n",
        b"event: ping\ndata: not JSON\n\n",
        b'event: x-new\ndata: {"anything": 1}\n\n',
        b'data: {"object": "new.thing", "choices": null}\n\n',
        b'data: {"choices": [{"index": 0, "content_filter_results": {}}]}\n\n',
        b'data: {"choices": [{"index": 0, "delta": null}], "obfuscation": "xyz", "usage": null}\n\n',
        b'data: {"choices": [{"index": 0, "delta": {"content": null, "tool_calls": null, "audio": null}}]}\n\n',
        b'data: {"choices": [{"index": 0, "delta": {"refusal": [7], "annotations": 7}, "logprobs": NaN}]}\n\n',
    ],
)
def test_what_is_not_known_is_skipped(event: bytes) -> None:
    quiet = frame(delta(content="Hi")) + frame(STOP) + DONE
    noisy = event + frame(delta(content="Hi")) + event + frame(STOP) + event + DONE
    assert stream(noisy) == stream(quiet)


def test_half_a_surrogate_pair_is_a_replacement_character() -> None:
    """Some servers cut an emoji between two tokens and write its halves as escapes."""
    raw = b'data: {"choices": [{"index": 0, "delta": {"content": "a\\ud83d"}}], "x": NaN}\n\n'
    assert stream(raw + frame(STOP))[1] == TextDelta(0, "a\ufffd")


def test_other_choices_are_dropped_with_one_warning() -> None:
    second = {"choices": [{"index": 1, "delta": {"content": "other"}, "finish_reason": "length"}]}
    events = events_of(delta(content="Hi"), second, second)
    last = events[-1]
    assert events[1] == TextDelta(0, "Hi")
    assert isinstance(last, Finished)
    assert [warning.code for warning in last.warnings] == [WarningCode.CHOICES_DROPPED]
    assert last.native_reason == "stop"


def test_a_whole_message_in_the_place_of_deltas_is_read_once() -> None:
    """Perplexity repeats the text so far in `message`; a server that streams in one piece has nothing else."""
    message = {"choices": [{"index": 0, "message": {"content": "Hi"}, "finish_reason": "stop"}]}
    assert stream(frame(message) + DONE)[1] == TextDelta(0, "Hi")
    both = delta(content="Hi")
    both["choices"][0]["message"] = {"content": "Hi"}
    assert content_of(both, message) == [TextDelta(0, "Hi")]


def test_a_document_gives_the_events_of_the_stream() -> None:
    tool = {"id": "c1", "type": "function", "function": {"name": "a", "arguments": "{}"}}
    message = {"role": "assistant", "content": "Hi", "reasoning": "hm", "tool_calls": [tool]}
    whole = {"id": "r1", "model": "m1", "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]}
    last = {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}
    deltas = [delta(reasoning="hm"), delta(content="Hi"), delta(tool_calls=[{"index": 0, **tool}]), last]
    assert read([b"\n \n", json.dumps(whole).encode()], "application/json") == stream(b"".join(map(frame, deltas)))


@pytest.mark.parametrize("body", [b"", b"{", b"<html>", b"{}", b'{"choices": []}', b"\xff", b"[" * 100_000])
def test_a_document_that_is_no_completion_breaks_the_protocol(body: bytes) -> None:
    with pytest.raises(UpstreamProtocol):
        read([body], "application/json")


def test_an_error_in_a_document_is_a_failure() -> None:
    with pytest.raises(ProviderUnavailable):
        read([b'{"error": {"message": "x", "code": 503}}'], "application/json")


@pytest.mark.parametrize("operation", list(Operation))
@pytest.mark.parametrize("content_type", ["text/html", "text/plain; charset=utf-8", "application/x-ndjson", "<b>"])
def test_another_content_type_breaks_the_protocol(operation: Operation, content_type: str) -> None:
    with pytest.raises(UpstreamProtocol) as caught:
        openai().reader(operation, stream=True, content_type=content_type)
    assert caught.value.metadata["provider"] == "vendor"
    assert caught.value.metadata["detail"].startswith("content type")
    assert "<" not in caught.value.message


def test_the_answer_decides_between_stream_and_document() -> None:
    """One JSON document may come although a stream was asked for, and the other way round."""
    whole = b'{"choices": [{"index": 0, "message": {"content": "Hi"}, "finish_reason": "stop"}]}'
    document = openai().reader(Operation.CHAT, stream=True, content_type="application/json; charset=utf-8")
    events = openai().reader(Operation.CHAT, stream=False, content_type="Text/Event-Stream;charset=UTF-8")
    assert document.feed(whole) == []
    assert document.finish()[1] == TextDelta(0, "Hi")
    assert events.feed(frame(delta(content="Hi")))[1] == TextDelta(0, "Hi")
