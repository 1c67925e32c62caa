"""Answers of Google that no recording shows."""

import base64
import json
from typing import Any

import pytest
from hedgerow_server.core.error import (
    ProviderAuth,
    ProviderQuotaSpent,
    ProviderRejectedRequest,
    ProviderThrottled,
    ProviderUnavailable,
    StreamCut,
    UpstreamProtocol,
)
from hedgerow_server.core.event import (
    CitationAdded,
    Event,
    Finished,
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
    WarningCode,
)
from hedgerow_server.core.port import Operation
from hedgerow_server.providers.google import Gemini, Vertex
from providers.google_run import gemini, read, vertex

Json = dict[str, Any]


def chunk(*parts: Json, finish: object = None, **more: Any) -> Json:
    """A chunk with these parts."""
    candidate: Json = {"content": {"parts": list(parts), "role": "model"}, "index": 0}
    if finish is not None:
        candidate["finishReason"] = finish
    return {"candidates": [{**candidate, **more}], "responseId": "r", "modelVersion": "m"}


def streamed(*chunks: Json, dialect: Gemini | Vertex | None = None) -> list[Event]:
    """The events of a stream of these chunks."""
    body = "".join(f"data: {json.dumps(one)}\r\n\r\n" for one in chunks)
    return read(dialect or gemini(), [body.encode()], "text/event-stream")


def content(*chunks: Json) -> list[Event]:
    """The events between Started and Finished."""
    first, *between, last = streamed(*chunks)
    assert isinstance(first, Started)
    assert isinstance(last, Finished)
    return between


def finished(*chunks: Json, dialect: Gemini | Vertex | None = None) -> Finished:
    """The last event."""
    last = streamed(*chunks, dialect=dialect)[-1]
    assert isinstance(last, Finished)
    return last


def test_signed_text_is_a_part_of_its_own() -> None:
    events = content(
        chunk({"text": "a"}),
        chunk({"text": "b", "thoughtSignature": "c2ln"}),
        chunk({"text": "c"}),
        chunk({"text": "d"}, {"thoughtSignature": "ZW5k"}, finish="STOP"),
    )
    kinds = [(type(event), getattr(event, "part_index", None), getattr(event, "text", None)) for event in events]
    assert kinds == [
        (TextDelta, 0, "a"),
        (TextDelta, 1, "b"),
        (ProviderStateAttached, 1, None),
        (TextDelta, 2, "cd"),
        (TextDelta, 3, ""),
        (ProviderStateAttached, 3, None),
    ]


def test_a_call_is_whole_and_ended_at_once() -> None:
    events = content(chunk({"functionCall": {"name": "f", "args": {"a": 1.50}}}), chunk({"text": ""}, finish="STOP"))
    assert [type(event) for event in events] == [ToolCallStarted, ToolCallArgumentsDelta, ToolCallEnded]
    assert events[1] == ToolCallArgumentsDelta(0, '{"a": 1.5}')


@pytest.mark.parametrize("call", [{"name": "f"}, {"name": "f", "args": None}, {"name": "f", "args": {}}])
def test_a_call_without_arguments_has_an_empty_object(call: Json) -> None:
    assert ToolCallArgumentsDelta(0, "{}") in content(chunk({"functionCall": call}, finish="STOP"))


def test_ids_are_made_of_the_answer_and_the_part() -> None:
    def ids(response_id: str) -> list[str]:
        calls = chunk({"functionCall": {"name": "f"}}, {"functionCall": {"name": "f"}}, finish="STOP")
        return [e.id for e in content({**calls, "responseId": response_id}) if isinstance(e, ToolCallStarted)]

    assert ids("r1") == ids("r1")
    assert len({*ids("r1"), *ids("r2")}) == 4


def test_answers_without_id_have_calls_with_different_ids() -> None:
    def call_id(tokens: int) -> str:
        counts = {"promptTokenCount": tokens}
        one = {**chunk({"functionCall": {"name": "f"}}, finish="STOP"), "responseId": "", "usageMetadata": counts}
        return next(event.id for event in content(one) if isinstance(event, ToolCallStarted))

    assert call_id(1) != call_id(2)


def test_streamed_arguments_are_put_together() -> None:
    """Vertex AI, where the caller asks for it (streamFunctionCallArguments)."""
    pieces: list[Json] = [
        {"name": "f", "id": "x", "willContinue": True},
        {
            "partialArgs": [{"jsonPath": "$.stops[0].city", "stringValue": "Par", "willContinue": True}],
            "willContinue": True,
        },
        {"partialArgs": [{"jsonPath": "$.stops[0].city", "stringValue": "is"}], "willContinue": True},
        {"partialArgs": [{"jsonPath": "$['n']", "numberValue": 2}, {"jsonPath": "$.b", "boolValue": True}, {"x": 1}]},
    ]
    first = {"functionCall": pieces[0], "thoughtSignature": "c2ln"}
    chunks = [chunk(first), *(chunk({"functionCall": one}) for one in pieces[1:]), chunk({"text": ""}, finish="STOP")]
    events = content(*chunks)
    assert [type(e) for e in events] == [
        ToolCallStarted,
        ProviderStateAttached,
        ToolCallArgumentsDelta,
        ToolCallEnded,
    ]
    assert isinstance(events[2], ToolCallArgumentsDelta)
    assert json.loads(events[2].arguments) == {"stops": [{"city": "Paris"}], "n": 2, "b": True}


def test_arguments_that_came_whole_stay_when_pieces_follow() -> None:
    first = {"functionCall": {"name": "f", "args": {"a": 1}, "willContinue": True}}
    last = {"functionCall": {"partialArgs": [{"jsonPath": "$.b", "numberValue": 2}]}}
    assert ToolCallArgumentsDelta(0, '{"a":1,"b":2}') in content(chunk(first), chunk(last, finish="STOP"))


def test_a_call_that_breaks_off_is_a_failure() -> None:
    with pytest.raises(UpstreamProtocol):
        streamed(chunk({"functionCall": {"name": "f", "willContinue": True}}, finish="STOP"))


def test_a_call_without_a_name_is_a_failure() -> None:
    with pytest.raises(UpstreamProtocol):
        streamed(chunk({"functionCall": {"args": {}}}, finish="STOP"))


def test_pictures_are_parts_of_their_own_with_their_signatures() -> None:
    picture = {"inlineData": {"mimeType": "image/png", "data": base64.b64encode(b"\xfb\xff").decode()}}
    events = content(chunk({"text": "See:"}, {**picture, "thoughtSignature": "c2ln"}, picture, finish="STOP"))
    assert events[1] == MediaDelta(1, "image/png", b"\xfb\xff")
    assert isinstance(events[2], ProviderStateAttached)
    assert events[3] == MediaDelta(2, "image/png", b"\xfb\xff")


def test_speech_in_pieces_is_one_part() -> None:
    sound = {"inlineData": {"mimeType": "audio/L16;codec=pcm;rate=24000", "data": "AAE="}}
    events = content(chunk(sound), chunk(sound), chunk(finish="STOP"))
    assert events == [MediaDelta(0, "audio/L16;codec=pcm;rate=24000", b"\0\1"), MediaDelta(0, data=b"\0\1")]


def test_media_that_are_not_base64_are_a_failure() -> None:
    with pytest.raises(UpstreamProtocol):
        streamed(chunk({"inlineData": {"mimeType": "image/png", "data": "*"}}, finish="STOP"))


def test_pictures_of_a_thought_are_items() -> None:
    thought = {"thought": True, "inlineData": {"mimeType": "image/png", "data": "AAE="}}
    events = content(chunk(thought, {"text": "a"}, finish="STOP"))
    assert isinstance(events[0], ProviderItemAdded)
    assert (events[0].item.type, json.loads(events[0].item.data)) == ("inlineData", thought)


def test_a_part_of_a_new_kind_is_an_item_and_the_text_around_it_stays() -> None:
    events = content(chunk({"text": "a"}, {"hologram": {"x": 1}}, {}, {"text": "b"}, finish="STOP"))
    assert [type(event) for event in events] == [TextDelta, ProviderItemAdded, TextDelta]
    assert isinstance(events[1], ProviderItemAdded)
    assert events[1].item.type == "hologram"


def test_a_thought_signature_alone_is_kept_with_an_empty_thought() -> None:
    events = content(chunk({"thought": True, "thoughtSignature": "c2ln"}, {"text": "a"}, finish="STOP"))
    assert events[0] == ReasoningDelta(0, "")
    assert isinstance(events[1], ProviderStateAttached)


def test_only_the_first_candidate_is_read() -> None:
    first, second = chunk({"text": "a"}, finish="STOP"), chunk({"text": "x"}, finish="SAFETY")
    first["candidates"].append({**second["candidates"][0], "index": 1})
    assert content(first) == [TextDelta(0, "a")]
    last = finished(first)
    assert last.reason is FinishReason.STOP
    assert [warning.code for warning in last.warnings] == [WarningCode.CHOICES_DROPPED]


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("BLOCKLIST", FinishReason.CONTENT_FILTER),
        ("SPII", FinishReason.CONTENT_FILTER),
        ("IMAGE_SAFETY", FinishReason.CONTENT_FILTER),
        ("RECITATION", FinishReason.RECITATION),
        ("MALFORMED_FUNCTION_CALL", FinishReason.MALFORMED_TOOL_CALL),
        ("UNEXPECTED_TOOL_CALL", FinishReason.MALFORMED_TOOL_CALL),
        ("MALFORMED_RESPONSE", FinishReason.MALFORMED_OUTPUT),
        ("LANGUAGE", FinishReason.OTHER),
        ("NO_IMAGE", FinishReason.OTHER),
        ("SOMETHING_NEW", FinishReason.OTHER),
    ],
)
def test_finish_reasons(word: str, reason: FinishReason) -> None:
    last = finished(chunk(finish=word))
    assert (last.reason, last.native_reason) == (reason, word)


@pytest.mark.parametrize(
    ("dialect", "number", "reason"),
    [
        (gemini(), 2, FinishReason.LENGTH),
        (gemini(), 8, FinishReason.CONTENT_FILTER),
        (gemini(), 10, FinishReason.MALFORMED_TOOL_CALL),
        (vertex(publisher="google"), 9, FinishReason.MALFORMED_TOOL_CALL),
        (vertex(publisher="google"), 10, FinishReason.CONTENT_FILTER),
        (gemini(), 999, FinishReason.OTHER),
        (gemini(), 99999, FinishReason.OTHER),
    ],
)
def test_finish_reasons_as_numbers_are_counted_as_the_service_does(
    dialect: Gemini | Vertex, number: int, reason: FinishReason
) -> None:
    last = finished(chunk(finish=number), dialect=dialect)
    assert (last.reason, last.native_reason) == (reason, str(number))


def test_a_blocked_prompt_is_an_answer_without_content() -> None:
    last = finished({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": {"promptTokenCount": 3}})
    assert (last.reason, last.native_reason) == (FinishReason.CONTENT_FILTER, "PROHIBITED_CONTENT")
    assert last.usage is not None
    assert last.usage.input_tokens == 3


def test_a_last_chunk_may_follow_that_with_the_finish_reason() -> None:
    last = finished(chunk({"text": "a"}, finish="STOP"), {"usageMetadata": {"promptTokenCount": 3}})
    assert last.usage is not None
    assert last.usage.input_tokens == 3


def test_a_missing_signature_and_a_disabled_account_are_failures() -> None:
    with pytest.raises(ProviderRejectedRequest):
        streamed(chunk(finish="MISSING_THOUGHT_SIGNATURE"))
    with pytest.raises(ProviderAuth):
        streamed(chunk(finish="PUP_LIMITED_DISABLED"))


@pytest.mark.parametrize("body", ["{}", '{"candidates":[]}', '{"candidates":[{"content":{"parts":[{"text":"a"}]}}]}'])
def test_a_document_without_finish_reason_is_cut(body: str) -> None:
    with pytest.raises(StreamCut):
        read(gemini(), [body.encode()], "application/json")


@pytest.mark.parametrize("body", ["", "[]x", "<html>", '{"candidates":7}', "[1]"])
def test_a_body_of_another_shape_is_not_of_the_protocol(body: str) -> None:
    with pytest.raises(UpstreamProtocol):
        read(gemini(), [body.encode()], "application/json")


def test_an_error_inside_a_stream_comes_after_what_was_said() -> None:
    error = {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "secret words"}}
    body = f"data: {json.dumps(chunk({'text': 'a'}))}\r\n\r\ndata: {json.dumps(error)}\r\n\r\n".encode()
    reader = gemini().reader(Operation.CHAT, stream=True, content_type="text/event-stream")
    assert TextDelta(0, "a") in reader.feed(body)
    with pytest.raises(ProviderThrottled) as caught:
        reader.finish()
    assert "secret" not in caught.value.message


def test_an_event_may_hold_a_list_of_chunks_or_of_the_error() -> None:
    def listed(*chunks: Json) -> bytes:
        return f"data: {json.dumps(chunks)}".encode()  # without its blank line: the end of the body counts as one

    assert TextDelta(0, "a") in read(gemini(), [listed(chunk({"text": "a"}, finish="STOP"))], "text/event-stream")
    with pytest.raises(ProviderThrottled):
        read(gemini(), [listed({"error": {"code": 429}})], "text/event-stream")
    with pytest.raises(StreamCut):
        read(gemini(), [listed({"error": {"code": 429}})[:-1]], "text/event-stream")


def test_an_error_in_the_place_of_a_document_is_classified() -> None:
    with pytest.raises(ProviderQuotaSpent):
        read(gemini(), [b'[{"error":{"code":402,"status":"RESOURCE_EXHAUSTED"}}]'], "application/json")


def test_json_under_the_name_of_a_stream_is_read_as_json() -> None:
    body = b' \n{"error":{"code":503,"status":"UNAVAILABLE"}}'
    for place in range(len(body)):
        with pytest.raises(ProviderUnavailable):
            read(gemini(), [body[:place], body[place:]], "text/event-stream")


def test_a_content_type_of_another_kind_is_not_of_the_protocol() -> None:
    with pytest.raises(UpstreamProtocol):
        gemini().reader(Operation.CHAT, stream=True, content_type="text/html; charset=utf-8")


def grounded(text: str, *supports: Json, chunks: list[Json]) -> list[CitationAdded]:
    """The citations of an answer in two chunks."""
    metadata = {"groundingChunks": chunks, "groundingSupports": list(supports)}
    half = len(text) // 2
    events = streamed(
        chunk({"thought": True, "text": "hm"}, {"text": text[:half]}),
        chunk(
            {"text": text[half:]}, {"text": "", "thoughtSignature": "c2ln"}, finish="STOP", groundingMetadata=metadata
        ),
    )
    return [event for event in events if isinstance(event, CitationAdded)]


def segment(start: int, end: int, text: str, *numbers: int) -> Json:
    """A support of a piece of text by these chunks."""
    return {"segment": {"startIndex": start, "endIndex": end, "text": text}, "groundingChunkIndices": list(numbers)}


WEB = {"web": {"uri": "https://a.test", "title": "A"}}


def test_citations_count_code_points_where_google_counts_bytes() -> None:
    text = "Über 20 °C. Schön."
    cited = grounded(text, segment(14, 21, "Schön.", 0), chunks=[WEB])
    assert [(one.part_index, one.citation.start_index, one.citation.end_index) for one in cited] == [(1, 12, 18)]
    assert cited[0].citation.url == "https://a.test"


def test_miscounted_citations_are_found_by_their_words() -> None:
    cited = grounded("one two", segment(1, 4, "two", 0), segment(50, 60, "three", 0), chunks=[WEB])
    assert [(one.citation.start_index, one.citation.end_index) for one in cited] == [(4, 7), (None, None)]


def test_a_source_that_is_given_twice_is_cited_once() -> None:
    cited = grounded("one two", segment(0, 3, "one", 0), segment(0, 3, "one", 0, 9), chunks=[WEB])
    assert len(cited) == 1


def test_sources_without_supports_are_cited_for_the_whole() -> None:
    found = {"retrievedContext": {"uri": "", "title": "T", "text": "words", "fileSearchStore": "stores/1"}}
    cited = [one.citation for one in grounded("one two", chunks=[WEB, found, {"new": {}}])]
    assert [(one.url, one.title, one.cited_text, one.source_id) for one in cited] == [
        ("https://a.test", "A", "", ""),
        ("", "T", "words", "stores/1"),
    ]
    assert cited[0].start_index is None


def test_recitations_are_citations() -> None:
    metadata = {"citationSources": [{"startIndex": 0, "endIndex": 3, "uri": "https://b.test"}, 7]}
    events = streamed(chunk({"text": "one two"}, finish="STOP", citationMetadata=metadata))
    cited = [event.citation for event in events if isinstance(event, CitationAdded)]
    assert [(one.url, one.start_index, one.end_index) for one in cited] == [("https://b.test", 0, 3)]


def test_searches_are_units() -> None:
    queries = {"webSearchQueries": ["a", "b", "a", ""], "imageSearchQueries": ["c"]}
    last = finished(chunk({"text": "x"}, finish="STOP", groundingMetadata=queries))
    assert last.usage is not None
    assert last.usage.other_units == {"webSearchQueries": 2, "imageSearchQueries": 1}


def test_claude_on_vertex_is_known_by_its_answer() -> None:
    body = (
        b'{"type":"message","id":"x","model":"claude","content":[{"type":"text","text":"a"}],"stop_reason":"end_turn"}'
    )
    events = read(vertex(), [body[:30], body[30:]], "application/json")
    assert TextDelta(0, "a") in events
    assert isinstance(events[-1], Finished)
    assert events[-1].native_reason == "end_turn"


@pytest.mark.parametrize("settings", [{}, {"publisher": "anthropic"}])
def test_claudes_stream_on_vertex_is_cut_as_any(settings: Json) -> None:
    delta = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hey"}}
    events: list[Json] = [
        {"type": "message_start", "message": {"id": "x", "model": "c", "content": []}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        delta,
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
        {"type": "message_stop"},
    ]
    lines = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)
    stream = f": hi\n\nevent: new\ndata: {{}}\n\n{lines}".encode() if not settings else lines.encode()
    whole = read(vertex(**settings), [stream], "text/event-stream")
    assert TextDelta(0, "hey") in whole
    for place in range(1, len(stream), 7):
        assert read(vertex(**settings), [stream[:place], stream[place:]], "text/event-stream") == whole


def test_an_empty_stream_on_vertex_is_cut() -> None:
    with pytest.raises(StreamCut):
        read(vertex(), [b""], "text/event-stream")
