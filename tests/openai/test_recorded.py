"""Recorded traffic of OpenAI, and of vendors who speak its API, through the OpenAI door to an upstream of the dialect.

What is not the same on both sides of the gateway stands in docs/openai.md, and nothing else may differ.
"""

import base64
import json
import re
import struct
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import msgspec
import pytest
from hedgerow_server.core.call import Call
from hedgerow_server.core.error import HedgerowError, RequestInvalid, StreamCut
from hedgerow_server.core.fold import Fold
from hedgerow_server.core.port import Operation
from hedgerow_server.core.request import ChatRequest, Message, Part, Text
from hedgerow_server.providers.openai import OpenAI, OpenAISection
from openai_door import (
    Json,
    asked_by,
    chat_call,
    chunks,
    embed_call,
    folded,
    sent_upstream,
    streamed,
    upstream_events,
    whole,
)
from providers.openai_expected import Expected, body_bytes, expected, expected_vectors
from stack import RECORDINGS, ROOT, Stack
from stack import recordings as recordings_of_openai


def recordings() -> list[Json]:
    """Every recording of OpenAI."""
    return recordings_of_openai()


if not recordings():
    pytest.skip("the recordings of provider traffic are not beside the checkout", allow_module_level=True)

STREAM = "text/event-stream"
DOCUMENT = "application/json"
ABSENT: Any = object()
QUESTION = {"role": "user", "content": "?"}
# What the door answers where the provider answered so: its refusal of our key is no business of the caller's.
ERRORS = {400: 400, 401: 503, 404: 503}
# The presets of the folder's providers that are named otherwise.
VENDORS = {"anthropic": "openai", "azure_openai": "openai", "qwen": "dashscope", "vercel_gateway": "vercel"}
# An error within a 200, which is one for the caller as well.
FAILING = {"groq-chat_stream-84a58a25227e", "openrouter-chat_stream-ca0b843d74f3"}
Rule = Callable[[Any, Any], bool]


def _gone(sent: Any, got: Any) -> bool:
    return got is ABSENT


def _added(sent: Any, got: Any) -> bool:
    return sent is ABSENT


REQUESTS: dict[str, Rule] = {
    "encoding_format": lambda _, got: got == "base64",
    "input": lambda sent, got: got == [sent],
    "max_tokens": _gone,
    "max_completion_tokens": _added,
    "messages[].content": lambda sent, got: sent is None and got is ABSENT,
    "n": lambda sent, got: sent == 1 and got is ABSENT,
    "response_format": lambda sent, got: sent == {"type": "text"} and got is ABSENT,
    "stop": lambda sent, got: got == [sent],
    "stream": lambda sent, got: sent is False and got is ABSENT,
    "stream_options": lambda sent, got: sent is ABSENT and got == {"include_usage": True},
    "tools[].function.description": lambda sent, got: sent == "" and got is ABSENT,
}
ANSWERS: dict[str, Rule] = {
    "choices[].finish_reason": lambda sent, got: sent in ("stop", "function_call") and got == "tool_calls",
    "choices[].logprobs": lambda sent, got: sent is ABSENT and got is None,
    "choices[].message.annotations": lambda sent, got: sent == [] and got is ABSENT,
    "choices[].message.audio.expires_at": _gone,
    "choices[].message.refusal": lambda sent, got: sent is ABSENT and got is None,
    "created": lambda _, got: abs(got - time.time()) < 60,
    "data[].embedding[]": lambda sent, got: struct.pack("<f", sent) == struct.pack("<f", got),
    "hedgerow": _added,
    "system_fingerprint": lambda sent, got: not sent and got is ABSENT,
    "usage": _added,
    "usage.completion_tokens_details": lambda sent, got: sent is ABSENT and not any(got.values()),
    "usage.completion_tokens_details.accepted_prediction_tokens": _gone,
    "usage.completion_tokens_details.rejected_prediction_tokens": _gone,
    "usage.completion_tokens_details.text_tokens": _gone,
    "usage.prompt_tokens_details": lambda sent, got: sent is ABSENT and not any(got.values()),
    "usage.prompt_tokens_details.image_tokens": lambda sent, got: sent == 0 and got is ABSENT,
    "usage.prompt_tokens_details.text_tokens": _gone,
}
# Members of requests that the door refuses, with the field that it names.
REFUSED = {"functions": "functions", "n": "n"}


def differences(sent: Any, got: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Every field that is not the same, with its value on both sides."""
    if isinstance(sent, dict) and isinstance(got, dict):
        for name in sorted(sent.keys() | got.keys()):
            below = f"{path}.{name}" if path else name
            yield from differences(sent.get(name, ABSENT), got.get(name, ABSENT), below)
    elif isinstance(sent, list) and isinstance(got, list) and len(sent) == len(got):
        for one, other in zip(sent, got, strict=True):
            yield from differences(one, other, f"{path}[]")
    elif sent is ABSENT or got is ABSENT or sent != got or isinstance(sent, bool) is not isinstance(got, bool):
        yield path, sent, got


def documented(name: str) -> set[str]:
    """The fields of a table of docs/openai.md."""
    text = (ROOT / "docs" / "openai.md").read_text(encoding="utf-8")
    (table,) = re.findall(rf"<!-- Recorded: {name} -->\n(.*?)<!-- End -->", text, re.DOTALL)
    return set(re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE))


def upstream(recording: Json | None = None) -> OpenAI:
    """The provider that was recorded, by its preset."""
    vendor = "openai"
    if recording is not None:
        name = "azure_ai" if recording["api"] == "azure_ai_chat" else recording["provider"]
        vendor = VENDORS.get(name, name)
    section = {"dialect": "openai", "vendor": vendor, "base_url": "http://127.0.0.1:9/v1"}
    return OpenAI("upstream", OpenAISection.model_validate(section))


def vendors_recordings() -> list[Json]:
    """Every chat of other vendors in the dialect."""
    paths = [path for path in sorted(RECORDINGS.glob("*.jsonl")) if path.name != "openai.jsonl"]
    records = [json.loads(line) for path in paths for line in path.read_text(encoding="utf-8").splitlines()]
    apis = ("openai_chat", "mistral_chat", "azure_ai_chat")
    return [
        one for one in records if one["api"] in apis and one["kind"].startswith("chat") and one["id"] not in FAILING
    ]


def refused_field(body: Json) -> str:
    """The member that the door has no way to honour; empty where it has."""
    return next((field for name, field in REFUSED.items() if body.get(name, 1) != 1), "")


def test_upstreams_are_sent_what_the_caller_sends() -> None:
    """Field by field, but for what the page lists; and the page lists nothing that does not happen."""
    seen = set()
    for recording in recordings():
        body = recording["request"]["body"]
        embeds = recording["api"] == "openai_embed"
        try:
            call = embed_call(body) if embeds else chat_call(body)
        except RequestInvalid:
            assert recording["kind"] == "error" or refused_field(body), recording["id"]
            continue
        got, warnings = sent_upstream(call, upstream())
        assert not warnings, recording["id"]
        for field, sent, came in differences(body, got):
            assert field in REQUESTS, (recording["id"], field, sent, came)
            assert REQUESTS[field](sent, came), (recording["id"], field, sent, came)
            seen.add(field)
        if "max_tokens" in body:
            assert got["max_completion_tokens"] == body["max_tokens"]
    assert seen == REQUESTS.keys() == documented("requests")


def test_requests_that_the_door_refuses_name_the_field() -> None:
    """Deprecated functions, and several choices."""
    refused = [one for one in recordings() if refused_field(one["request"]["body"])]
    assert refused
    for recording in refused:
        body = recording["request"]["body"]
        with pytest.raises(RequestInvalid) as caught:
            chat_call(body)
        assert [one.field for one in caught.value.violations] == [refused_field(body)]


def test_callers_are_answered_what_the_provider_answers() -> None:
    """Field by field, but for what the page lists, and the first of several choices. Streams by what they add up to."""
    seen = set()
    for recording in recordings():
        if recording["kind"] == "error":
            continue
        recorded, got = both(recording)
        if len(recorded.get("choices", ())) > 1:
            recorded["choices"] = recorded["choices"][:1]
        legacy_to_tools(recorded, got)
        for field, sent, came in differences(recorded, got):
            assert field in ANSWERS, (recording["id"], field, sent, came)
            assert ANSWERS[field](sent, came), (recording["id"], field, sent, came)
            seen.add(field)
    assert seen == ANSWERS.keys() == documented("answers")


def both(recording: Json) -> tuple[Json, Json]:
    """The recorded answer and the door's, as documents."""
    body = recording["request"]["body"]
    if recording["kind"] == "embed":
        call = embed_call({**body, "encoding_format": _encoding(recording)})
        return recording["response"]["body"], whole(call, events_of(recording))
    if recording["kind"] == "chat":
        return recording["response"]["body"], whole(asked_by(), events_of(recording))
    with_usage = (body.get("stream_options") or {}).get("include_usage", False)
    got = streamed(asked_by(stream=True, usage=True), events_of(recording))
    recorded = chunks(body_bytes(recording))
    assert with_usage == any(one.get("usage") for one in recorded)
    return folded(recorded), folded(chunks(got))


def _encoding(recording: Json) -> str:
    return "base64" if isinstance(recording["response"]["body"]["data"][0]["embedding"], str) else "float"


def legacy_to_tools(recorded: Json, got: Json) -> None:
    """Calls of functions, which OpenAI has deprecated, are told as those of tools."""
    for one, other in zip(recorded.get("choices", ()), got.get("choices", ()), strict=True):
        function = one["message"].pop("function_call", None)
        if function is not None:
            (call,) = other["message"].pop("tool_calls")
            assert call["function"] == function


def events_of(recording: Json, pieces: list[bytes] | None = None, provider: OpenAI | None = None) -> list[Any]:
    """What the executor hands on of a recorded answer, which comes in these pieces (None: at once)."""
    operation = Operation.EMBED if recording["kind"] == "embed" else Operation.CHAT
    media = STREAM if recording["response"].get("stream_format") else DOCUMENT
    return upstream_events(provider or upstream(), pieces or [body_bytes(recording)], media, operation)


def said(recording: Json, *, stream: bool, pieces: list[bytes] | None = None) -> Expected:
    """What the door's answer says, read as recorded answers are."""
    call = asked_by(stream=stream, usage=True)
    events = events_of(recording, pieces, upstream(recording))
    if not stream:
        return expected({"response": {"body_encoding": "json", "body": whole(call, events)}})
    return expected({"response": {"body_encoding": "text", "body": streamed(call, events).decode()}})


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_what_other_vendors_say_is_told_in_openais_words(*, stream: bool) -> None:
    """Text, thoughts, refusals, calls, sources and audio of every recorded vendor, whichever of a stream and a document
    was recorded, and whichever the caller wants.
    """
    for recording in vendors_recordings():
        wanted, got = expected(recording), said(recording, stream=stream)
        told = (got.text, got.reasoning, got.refusal, got.audio, got.transcript)
        assert told == (wanted.text, wanted.reasoning, wanted.refusal, wanted.audio, wanted.transcript), recording["id"]
        assert [call[1:] for call in got.calls] == [(name, args or "{}") for _, name, args in wanted.calls]
        for (call_id, _, _), (sent_id, _, _) in zip(got.calls, wanted.calls, strict=True):
            assert call_id == sent_id or (sent_id is None and call_id), recording["id"]
        assert got.citations == (wanted.citations or wanted.sources), recording["id"]
        assert got.word in ("stop", "length", "tool_calls", "content_filter"), recording["id"]
        assert (got.word == "tool_calls") == bool(wanted.calls) or wanted.word == "length", recording["id"]
        assert got.model == wanted.model, recording["id"]


def stream_events(recording: Json) -> list[bytes]:
    """The events of a recorded stream, each with what ends it."""
    return re.findall(rb".*?(?:\r\n\r\n|\n\n|\Z)", body_bytes(recording), re.DOTALL)[:-1]


def test_how_a_stream_arrives_makes_no_difference() -> None:
    """Event by event, or in pieces of 100 bytes that cut events anywhere: the chunks add up to the same."""
    streams = [one for one in recordings() if one["kind"] == "chat_stream"]
    assert streams
    for recording in streams:
        body = body_bytes(recording)
        cut = [body[at : at + 100] for at in range(0, len(body), 100)]
        at_once, *others = (
            said(recording, stream=True, pieces=pieces) for pieces in ([body], stream_events(recording), cut)
        )
        assert others == [at_once, at_once], recording["id"]


def test_a_stream_that_is_cut_never_ends_for_the_caller() -> None:
    """After any event before the one with the finish reason: what the caller has by then holds no end either."""
    streams = [one for one in recordings() if one["kind"] == "chat_stream"]
    for recording in streams:
        events = stream_events(recording)
        last = next(at for at, one in enumerate(events) if re.search(rb'"finish_reason": ?"', one))
        for end in range(1, last + 1, max(1, last // 8)):
            call = asked_by(stream=True, usage=True)
            handed: list[Any] = []
            with pytest.raises(StreamCut):
                handed += events_until_cut(events[:end], handed)
            stream = streamed(call, handed)
            assert b"[DONE]" not in stream
            assert not re.search(rb'"finish_reason":"', stream)


def events_until_cut(pieces: list[bytes], handed: list[Any]) -> list[Any]:
    """Puts what comes of the pieces into `handed`, and raises what their end raises."""
    reader = upstream().reader(Operation.CHAT, stream=True, content_type=STREAM)
    for piece in pieces:
        handed += reader.feed(piece)
    return list(reader.finish())


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_an_answers_message_goes_back_as_if_it_had_never_left(*, stream: bool) -> None:
    """The message of every recorded answer, as an SDK appends it: its provider is sent the same as if the caller had
    sent all that the gateway knows of it.
    """
    states = 0
    for recording in [*recordings(), *vendors_recordings()]:
        if not recording["kind"].startswith("chat"):
            continue
        provider, call = upstream(recording), asked_by(stream=stream, usage=True)
        events = events_of(recording, provider=provider)
        answer = folded(chunks(streamed(call, events))) if stream else whole(call, events)
        message = answer["choices"][0]["message"]
        states += "hedgerow" in message
        again = chat_call({"model": "m", "messages": [QUESTION, message]})
        wanted = chat_call({"model": "m", "messages": [QUESTION]})
        assert isinstance(wanted.request, ChatRequest)
        spec = wanted.request.spec
        spec = msgspec.structs.replace(spec, messages=(*spec.messages, known(events)))
        wanted.request = msgspec.structs.replace(wanted.request, spec=spec)
        assert outcome(again, provider) == outcome(wanted, provider), recording["id"]
    assert states


def known(events: list[Any]) -> Message:
    """All that the gateway knows of an answer. Several pieces of text in a row say the same as one."""
    fold = Fold()
    for event in events:
        fold.add(event)
    message = fold.answer().message
    content: list[Part] = []
    for part in message.content:
        before = content[-1] if content else None
        if isinstance(part.content, Text) and before is not None and part.state is None and is_text(before):
            content[-1] = Part(Text(before.content.text + part.content.text))  # type: ignore[union-attr]
        else:
            content.append(part)
    return Message(message.role, tuple(content))


def is_text(part: Part) -> bool:
    """Whether a part is text and nothing else."""
    return isinstance(part.content, Text) and part.state is None


def outcome(call: Call, provider: OpenAI) -> object:
    """What a provider is sent, or why nothing can be sent."""
    try:
        return sent_upstream(call, provider)
    except HedgerowError as error:
        return error.message


@pytest.mark.parametrize("kind", ["chat", "chat_stream", "embed", "error"])
def test_the_same_comes_through_a_router(stack: Stack, kind: str) -> None:
    """Over HTTP on both sides: a recording answers, and the caller is told what it says."""
    url = f"http://{stack.router.addresses['http']}/v1"
    with httpx.Client(base_url=url, timeout=30, trust_env=False) as client:
        for recording in recordings():
            if recording["kind"] == kind:
                check_told(recording, client)


def check_told(recording: Json, client: httpx.Client) -> None:
    """Asks for a recording."""
    embeds = recording["api"] == "openai_embed"
    stream = not embeds and bool(recording["request"]["body"].get("stream"))
    asked: Json = {"model": recording["id"], "messages": [QUESTION], "stream": stream}
    if embeds:
        given = recording["request"]["body"]["input"]
        several = isinstance(given, list) and not isinstance(given[0], int)
        asked = {"model": recording["id"], "input": given if several else [given], "encoding_format": "base64"}
    answer = client.post("/embeddings" if embeds else "/chat/completions", json=asked)
    if recording["kind"] == "error":
        assert answer.status_code == ERRORS[recording["response"]["status"]], answer.text
        said = recording["response"]["body"]["error"]
        assert answer.json()["error"]["hedgerow"]["metadata"]["upstreamCode"] == (said["code"] or said["type"])
        assert said["message"] not in answer.text
        return
    assert answer.status_code == 200, answer.text
    if embeds:
        packed = [base64.b64decode(one["embedding"]) for one in answer.json()["data"]]
        assert packed == [struct.pack(f"<{len(one)}f", *one) for one in expected_vectors(recording)]
        return
    document = folded(chunks(answer.content)) if stream else answer.json()
    got = expected({"response": {"body_encoding": "json", "body": document}})
    wanted = expected(recording)
    assert (got.text, got.refusal, got.audio, got.model) == (wanted.text, wanted.refusal, wanted.audio, wanted.model)
    assert [call[1:] for call in got.calls] == [call[1:] for call in wanted.calls]
    assert got.word == ("tool_calls" if wanted.calls else wanted.word)
