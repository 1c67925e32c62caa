"""What vendors of the OpenAI dialect put into their answers that OpenAI does not."""

import base64
import json
from typing import Any

import pytest
from hedgerow_server.core.error import (
    ContentRefused,
    ContextTooLong,
    HedgerowError,
    ProviderAuth,
    ProviderModelUnavailable,
    ProviderRejectedRequest,
    ProviderThrottled,
    ProviderUnavailable,
    UpstreamProtocol,
)
from hedgerow_server.core.event import CitationAdded, Event, Finished, FinishReason, TextDelta
from hedgerow_server.core.request import (
    ChatSpec,
    Citation,
    Content,
    Image,
    Message,
    Part,
    Reasoning,
    Refusal,
    Role,
    Text,
    ToolCall,
)
from providers.openai_run import folded, openai, read, stream

PIXEL = b"\x89PNG\r\n"
PICTURE = {"type": "image_url", "image_url": {"url": f"data:image/webp;base64,{base64.b64encode(PIXEL).decode()}"}}
CALL = {"index": 0, "id": "c1", "function": {"name": "a", "arguments": "{}"}}


def frames(*chunks: Any) -> bytes:
    """Chunks as events."""
    return b"".join(f"data: {json.dumps(chunk)}\n\n".encode() for chunk in chunks)


def choice(delta: Any = None, word: Any = None, **more: Any) -> dict[str, Any]:
    """A chunk with one choice."""
    return {"id": "r1", "choices": [{"index": 0, "delta": delta or {}, "finish_reason": word, **more}]}


def streamed(*deltas: Any) -> list[Event]:
    """The events of a stream of these deltas."""
    return stream(frames(*map(choice, deltas), choice(word="stop")))


def contents(events: list[Event]) -> list[Content]:
    """What the parts hold."""
    return [part.content for part in folded(events).message.content]


def whole(message: Any, word: Any = "stop", **more: Any) -> list[Event]:
    """The events of a whole answer."""
    body = {"id": "r1", "choices": [{"index": 0, "message": message, "finish_reason": word, **more}]}
    return read([json.dumps(body).encode()], "application/json")


def last(events: list[Event]) -> Finished:
    """The last event."""
    end = events[-1]
    assert isinstance(end, Finished)
    return end


def test_thoughts_in_the_summary_of_a_content_item_are_thoughts() -> None:
    """Databricks, of Claude; streams have the text in pieces and the signature last."""
    thought = [{"type": "summary_text", "text": "hm", "signature": "s"}]
    content = [{"type": "reasoning", "summary": thought}, {"type": "text", "text": "a"}]
    assert contents(whole({"content": content})) == [Reasoning("hm"), Text("a")]
    pieces = [
        [{"type": "reasoning", "summary": [{"type": "summary_text", **one}]}] for one in ({"text": "h"}, {"text": "m"})
    ]
    signed = [{"type": "reasoning", "summary": [{"type": "summary_text", "text": "", "signature": "s"}]}]
    assert contents(streamed(*({"content": one} for one in (*pieces, signed, "a")))) == [Reasoning("hm"), Text("a")]


def test_a_refusal_in_a_content_item_is_a_refusal() -> None:
    events = whole({"content": [{"type": "refusal", "refusal": "No."}]})
    assert contents(events) == [Refusal("No.")]
    assert last(events).reason is FinishReason.REFUSAL


@pytest.mark.parametrize(
    "message", [{"content": "a", "images": [PICTURE]}, {"content": [{"type": "text", "text": "a"}, PICTURE]}]
)
def test_generated_images_are_images(message: Any) -> None:
    """OpenRouter, Vercel and LiteLLM beside the content; others in it."""
    wanted = [Text("a"), Image(data=PIXEL, media_type="image/webp")]
    assert contents(whole(message)) == wanted
    assert contents(streamed(message)) == wanted


@pytest.mark.parametrize(
    ("url", "media_type"),
    [("https://x.test/a.jpeg?sig=1", "image/jpeg"), ("https://x.test/a", "image/png"), ("https://[", "image/png")],
)
def test_a_generated_image_may_be_a_link(url: str, media_type: str) -> None:
    image = {"image_url": {"url": url}}
    assert contents(whole({"content": "", "images": [image]})) == [Image(url=url, media_type=media_type)]


def test_an_image_that_is_not_base64_breaks_the_protocol() -> None:
    with pytest.raises(UpstreamProtocol):
        whole({"images": [{"image_url": {"url": "data:image/png;base64,***"}}]})


def test_a_generated_image_goes_back_to_who_made_it() -> None:
    answer = folded(whole({"content": "a", "images": [PICTURE]})).message
    spec = ChatSpec(model="m", messages=(answer, Message(Role.USER, (Part(Text("Bluer.")),))))
    body = openai().build(spec, stream=False, model="m", secret=None).request.body
    assert json.loads(body)["messages"][0] == {"role": "assistant", "content": "a", "images": [PICTURE]}


def test_citations_may_be_flat() -> None:
    """As in the Responses API."""
    note = {"type": "url_citation", "url": "u", "title": "t", "start_index": 1, "end_index": 2}
    events = streamed({"content": "abc"}, {"annotations": [note]})
    assert CitationAdded(0, Citation(url="u", title="t", start_index=1, end_index=2)) in events


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("end_turn", FinishReason.STOP),
        ("stop_sequence", FinishReason.STOP),
        ("eos_token", FinishReason.STOP),
        ("STOP", FinishReason.STOP),
        ("max_tokens", FinishReason.LENGTH),
        ("MAX_TOKENS", FinishReason.LENGTH),
        ("tool_use", FinishReason.TOOL_CALLS),
        ("SAFETY", FinishReason.CONTENT_FILTER),
        ("content_filter: PROHIBITED_CONTENT", FinishReason.CONTENT_FILTER),
        ("content_filter: never heard of", FinishReason.CONTENT_FILTER),
        ("guardrail_intervened", FinishReason.CONTENT_FILTER),
        ("model_context_window_exceeded", FinishReason.CONTEXT_LENGTH),
        ("RECITATION", FinishReason.RECITATION),
        ("pause_turn", FinishReason.PAUSE),
        ("function_call_filter: MALFORMED_FUNCTION_CALL", FinishReason.MALFORMED_TOOL_CALL),
        ("function_call_filter: OTHER", FinishReason.MALFORMED_TOOL_CALL),
    ],
)
def test_words_of_other_vendors_that_are_passed_on_are_known(word: str, reason: FinishReason) -> None:
    end = last(whole({"content": "a"}, word))
    assert (end.reason, end.native_reason) == (reason, word)


def test_a_malformed_call_is_one_whatever_calls_there_are() -> None:
    end = last(whole({"tool_calls": [CALL]}, "function_call_filter: MALFORMED_FUNCTION_CALL"))
    assert end.reason is FinishReason.MALFORMED_TOOL_CALL


def test_the_end_of_a_turn_with_calls_means_that_the_caller_must_act() -> None:
    events = whole({"tool_calls": [CALL]}, "end_turn")
    assert contents(events) == [ToolCall("c1", "a", "{}")]
    assert last(events).reason is FinishReason.TOOL_CALLS


def test_the_first_vision_models_say_it_in_finish_details() -> None:
    details = {"type": "stop", "stop": "<|fim_suffix|>"}
    end = last(stream(frames(choice({"content": "a"}), choice(finish_details=details))))
    assert (end.reason, end.native_reason) == (FinishReason.STOP, "stop")


def test_a_null_that_is_a_word_is_no_finish_reason() -> None:
    end = last(stream(frames(choice({"content": "a"}, "stop"), choice(word="null"))))
    assert end.native_reason == "stop"


def test_tokens_that_are_numbers_in_json_are_their_text() -> None:
    """Cloudflare."""
    tokens = ("counter = ", 0, ", ", 12, ", ", 1.5, ", ", True, ", ", False, ".")
    said = "counter = 0, 12, 1.5, true, false."
    assert contents(streamed(*({"content": one} for one in tokens))) == [Text(said)]
    assert contents(streamed(*({"reasoning_content": one} for one in tokens))) == [Reasoning(said)]


def test_what_follows_a_finish_reason_counts_until_done() -> None:
    """Cloudflare tells the end several times, with counts that grow, and words between."""
    ends = [
        {**choice({"content": one}, "stop"), "usage": {"prompt_tokens": 1, "completion_tokens": n}}
        for n, one in ((2, "b"), (3, "c"))
    ]
    events = stream(frames(choice({"content": "a"}, "stop"), *ends) + b"data: [DONE]\n\ndata: [DONE]\n\n")
    usage = last(events).usage
    assert contents(events) == [Text("abc")]
    assert usage is not None
    assert usage.output_tokens == 3


@pytest.mark.parametrize("index", ["0", None, 0])
def test_the_first_choice_is_read_however_it_is_numbered(index: Any) -> None:
    chunk = {"choices": [{"index": index, "delta": {"content": "a"}, "finish_reason": "stop"}]}
    assert TextDelta(0, "a") in stream(frames(chunk))


@pytest.mark.parametrize(
    ("chunk", "kind"),
    [
        pytest.param(choice(word="error", error={"code": 429, "message": "x"}), ProviderThrottled, id="OpenRouter"),
        pytest.param(
            {**choice(word="stop"), "x_groq": {"id": "r", "error": "stopped early"}}, ProviderUnavailable, id="Groq"
        ),
        pytest.param({"error": "x", "code": "invalid_api_key"}, ProviderAuth, id="xAI: text with a code beside it"),
        pytest.param({"error": "x", "status_code": 400}, ProviderRejectedRequest, id="text with a status beside it"),
        pytest.param({"error": {"message": "x", "statusCode": 401}}, ProviderAuth, id="a status in camel case"),
        pytest.param(
            {"code": "InvalidParameter", "message": "x", "request_id": "r"}, ProviderRejectedRequest, id="DashScope"
        ),
        pytest.param({"code": 500, "msg": "404 NOT_FOUND", "success": False}, ProviderUnavailable, id="Z.ai"),
        pytest.param(
            {"success": False, "errors": [{"code": 5007, "message": "No such model"}]},
            ProviderModelUnavailable,
            id="Cloudflare",
        ),
        pytest.param(
            {"object": "error", "message": "x", "type": "service_tier_capacity_exceeded", "code": "3505"},
            ProviderThrottled,
            id="Mistral",
        ),
        pytest.param(
            {"error": {"message": "maximum context length is 8"}}, ContextTooLong, id="only in words: context"
        ),
        pytest.param({"error": "Content violates usage guidelines."}, ContentRefused, id="only in words: content"),
        pytest.param({"error": "Rate limit reached"}, ProviderThrottled, id="only in words: rate"),
        pytest.param({"error": {"code": "model_decommissioned"}}, ProviderModelUnavailable, id="Groq, a model"),
    ],
)
def test_an_error_inside_a_200_is_classified_in_a_stream_and_in_a_document(
    chunk: Any, kind: type[HedgerowError]
) -> None:
    with pytest.raises(HedgerowError) as in_stream:
        stream(frames(chunk))
    with pytest.raises(HedgerowError) as in_document:
        read([json.dumps(chunk).encode()], "application/json")
    assert (type(in_stream.value), type(in_document.value)) == (kind, kind)


@pytest.mark.parametrize("chunk", [{"code": 200, "message": "ok"}, {"code": "", "message": ""}, {"message": "hello"}])
def test_a_message_without_a_code_of_a_fault_is_no_error(chunk: Any) -> None:
    assert TextDelta(0, "a") in stream(frames(chunk, choice({"content": "a"}, "stop")))


@pytest.mark.parametrize("space", [None, 2])
def test_json_under_the_name_of_a_stream_is_what_it_says(space: int | None) -> None:
    error = json.dumps({"error": {"code": 429, "message": "x"}}, indent=space).encode()
    answer = json.dumps({"choices": [{"message": {"content": "a"}, "finish_reason": "stop"}]}, indent=space).encode()
    assert TextDelta(0, "a") in stream(answer)
    with pytest.raises(ProviderThrottled):
        stream(error)
    with pytest.raises(ProviderThrottled):
        stream(frames(choice({"content": "a"})) + error)


def test_an_error_may_stand_in_the_place_of_data() -> None:
    """Older llama.cpp."""
    with pytest.raises(ContextTooLong):
        stream(frames(choice({"content": "a"})) + b'error: {"code":400,"type":"exceed_context_size_error"}\n\n')


@pytest.mark.parametrize("empty", ["", 0, False, [], {}, None])
@pytest.mark.parametrize("name", ["audio", "function_call", "tool_calls", "message"])
def test_what_is_empty_in_the_place_of_an_object_is_absent(name: str, empty: Any) -> None:
    delta = {"content": "a"} if name == "message" else {"content": "a", name: empty}
    chunk = choice(delta, "stop", **({name: empty} if name == "message" else {}))
    assert contents(stream(frames(chunk))) == [Text("a")]


@pytest.mark.parametrize("empty", ["", [], None])
def test_a_call_may_have_an_empty_kind_beside_its_own(empty: Any) -> None:
    assert contents(streamed({"tool_calls": [{**CALL, "custom": empty}]})) == [ToolCall("c1", "a", "{}")]
