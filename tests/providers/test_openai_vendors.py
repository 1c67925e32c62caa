"""Recorded traffic of the vendors that speak OpenAI's dialect: each read and written with its preset."""

import base64
import json
import struct
from typing import Any

import pytest
from hedgerow_server.core.error import (
    ContextTooLong,
    HedgerowError,
    ProviderAuth,
    ProviderModelUnavailable,
    ProviderRejectedRequest,
)
from hedgerow_server.core.event import EmbeddingsAdded, Event, Finished, FinishReason, Usage, WarningCode, coalesce
from hedgerow_server.core.port import Operation
from hedgerow_server.core.request import ChatSpec, Message, Part, ProviderItem, Reasoning, Role, Text, ToolCall
from hedgerow_server.providers.openai import OpenAI, OpenAISection
from hedgerow_server.providers.openai.state import EXECUTED_TOOL, tag
from providers.openai_expected import Expected, body_bytes, expected
from providers.openai_run import folded
from providers.vendor_spec import canonical, chat_spec, embed_spec
from stack import RECORDINGS

Json = dict[str, Any]

DIALECTS = ("openai_chat", "mistral_chat", "azure_ai_chat", "openai_embed", "mistral_embed", "voyage_embed")
# The presets of the folder's providers that are named otherwise.
VENDORS = {
    "anthropic": "openai",
    "azure_openai": "openai",
    "qwen": "dashscope",
    "vercel_gateway": "vercel",
}
FAILURES: dict[str, type[HedgerowError]] = {
    # Errors inside a 200: Groq's `event: error`, OpenRouter's `error` member.
    "groq-chat_stream-84a58a25227e": ProviderRejectedRequest,
    "openrouter-chat_stream-ca0b843d74f3": ProviderRejectedRequest,
}
ERRORS: dict[int, type[HedgerowError]] = {
    400: ProviderRejectedRequest,
    401: ProviderAuth,
    404: ProviderModelUnavailable,
}
TOO_LONG = ("deepseek-error-830b47a689d0", "ollama-error-9e2ab1c774b8")
WORDS = {
    "stop": FinishReason.STOP,
    "eos": FinishReason.STOP,
    "length": FinishReason.LENGTH,
    "tool_calls": FinishReason.TOOL_CALLS,
    "": FinishReason.OTHER,
}
BASE_URL = "http://127.0.0.1:9/v1"


def _recordings() -> list[Json]:
    paths = [path for path in sorted(RECORDINGS.glob("*.jsonl")) if path.name != "openai.jsonl"]
    records = [json.loads(line) for path in paths for line in path.read_text(encoding="utf-8").splitlines()]
    return [one for one in records if one["api"] in DIALECTS]


RECORDED = _recordings()
if not RECORDED:
    pytest.skip("the recordings of provider traffic are not beside the checkout", allow_module_level=True)

EMBEDDINGS = {one["id"] for one in RECORDED if one["api"].endswith("_embed")}


def about(*kinds: str, but: Any = ()) -> pytest.MarkDecorator:
    """Runs a test once for each recording of these kinds, as `recorded`; `but` holds ids to leave out."""
    found = [one for one in RECORDED if one["kind"] in kinds and one["id"] not in but]
    return pytest.mark.parametrize("recorded", found, ids=[str(one["id"]) for one in found])


def vendor_of(recording: Json) -> str:
    """The preset for a recording."""
    if recording["api"] == "azure_ai_chat":
        return "azure_ai"
    name: str = recording["provider"]
    return VENDORS.get(name, name)


def provider(recording: Json) -> OpenAI:
    """A provider with the recording's preset."""
    section = OpenAISection.model_validate({"dialect": "openai", "vendor": vendor_of(recording), "base_url": BASE_URL})
    return OpenAI("vendor", section)


def read(recording: Json, piece_bytes: int = 4096, operation: Operation = Operation.CHAT) -> list[Event]:
    """All events of the recorded answer, which arrives in pieces of this size."""
    body = body_bytes(recording)
    kind = "text/event-stream" if recording["response"].get("stream_format") else "application/json"
    reader = provider(recording).reader(operation, stream=kind == "text/event-stream", content_type=kind)
    events: list[Event] = []
    for at in range(0, len(body), piece_bytes):
        events += reader.feed(body[at : at + piece_bytes])
        if reader.done:
            break
    return coalesce(events + reader.finish())


@pytest.mark.parametrize("recorded", [one for one in RECORDED if one["id"] in FAILURES], ids=lambda one: str(one["id"]))
def test_a_failure_inside_a_200_is_a_failure(recorded: Json) -> None:
    with pytest.raises(FAILURES[recorded["id"]]):
        read(recorded)


@about("chat", "chat_stream", but=FAILURES)
def test_a_vendors_answer_is_read_as_recorded(recorded: Json) -> None:
    """Text, thoughts, calls, tools that the provider ran, finish reason."""
    wanted = expected(recorded)
    events = read(recorded)
    answer, last = folded(events), events[-1]
    contents = [part.content for part in answer.message.content]
    assert "".join(one.text for one in contents if isinstance(one, Text)) == wanted.text
    assert "".join(one.text for one in contents if isinstance(one, Reasoning)) == wanted.reasoning
    calls = [(one.name, one.arguments) for one in contents if isinstance(one, ToolCall)]
    assert calls == [(name, arguments) for _, name, arguments in wanted.calls]
    items = [one for one in contents if isinstance(one, ProviderItem)]
    assert [json.loads(item.data) for item in items] == wanted.executed
    assert all((item.type, item.provider) == (EXECUTED_TOOL, tag(vendor_of(recorded))) for item in items)
    assert isinstance(last, Finished)
    assert last.native_reason == wanted.word
    assert last.reason is (FinishReason.TOOL_CALLS if wanted.calls else WORDS[wanted.word])


@about("chat", "chat_stream", but=FAILURES)
def test_a_vendors_usage_is_read_class_by_class(recorded: Json) -> None:
    wanted = expected(recorded)
    last = read(recorded)[-1]
    assert isinstance(last, Finished)
    if wanted.usage is None:
        assert last.usage is None
        return
    assert last.usage is not None
    assert as_classes(last.usage) == classes(recorded, wanted)
    assert last.usage.final


def as_classes(usage: Usage) -> dict[str, int]:
    """The classes that the recordings have."""
    return {
        "input": usage.input_tokens,
        "cached": usage.input_cache_read_tokens,
        "written": sum(tokens for _, tokens in usage.input_cache_writes),
        "heard": usage.input_audio_tokens,
        "output": usage.output_tokens,
        "reasoned": usage.output_reasoning_tokens,
    }


def classes(recording: Json, wanted: Expected) -> dict[str, int]:
    """What a vendor's own counts mean, by its documents and prices."""
    usage = wanted.usage or {}
    read_, made = usage.get("prompt_tokens_details") or {}, usage.get("completion_tokens_details") or {}
    heard, reasoned = read_.get("audio_tokens") or 0, made.get("reasoning_tokens") or 0
    given, output = usage["prompt_tokens"], usage["completion_tokens"]
    if recording["provider"] == "mistral":
        given += heard
    if recording["provider"] == "xai" or (recording["provider"], recording["model"][:7]) == (
        "vercel_gateway",
        "google/",
    ):
        output += reasoned
    if recording["provider"] == "gemini":
        reasoned = usage["total_tokens"] - given - output
        output += reasoned
    others = ("prompt_cache_hit_tokens", "num_cached_tokens", "cached_tokens", "cache_read_input_tokens")
    cached = [read_.get("cached_tokens"), *(usage.get(name) for name in others), wanted.timings.get("cache_n")]
    return {
        "input": given,
        "cached": next((tokens for tokens in cached if tokens), 0),
        "written": read_.get("cache_write_tokens") or usage.get("cache_creation_input_tokens") or 0,
        "heard": heard,
        "output": output,
        "reasoned": reasoned,
    }


@about("chat", "chat_stream", but=FAILURES)
def test_sources_beside_an_answer_are_its_citations(recorded: Json) -> None:
    wanted = expected(recorded)
    cited = [c.url for part in folded(read(recorded)).message.content for c in part.citations]
    assert cited == [*wanted.citations, *wanted.sources]


@about("chat", "chat_stream", but=FAILURES)
def test_small_pieces_give_the_same_events(recorded: Json) -> None:
    """Seven bytes at a time: events, CRLF and UTF-8 sequences are cut everywhere."""
    assert read(recorded, 7) == read(recorded, 1 << 20)


@about("chat", "chat_stream", but=FAILURES)
def test_the_answer_appended_to_the_conversation_means_the_same(recorded: Json) -> None:
    """Text and calls go back as they came; thoughts where and as the vendor wants them."""
    wanted = expected(recorded)
    dialect = provider(recorded)
    spec = ChatSpec(model="m", messages=(folded(read(recorded)).message, Message(Role.USER, (Part(Text("And?")),))))
    prepared = dialect.build(spec, stream=True, model="m", secret=None)
    sent = json.loads(prepared.request.body)["messages"][0]
    assert prepared.warnings == ()
    content = sent.get("content") or ""
    pieces: list[Json] = [{"type": "text", "text": content}] if isinstance(content, str) else content
    assert "".join(piece["text"] for piece in pieces if piece["type"] == "text") == wanted.text
    calls = [(one["function"]["name"], one["function"]["arguments"]) for one in sent.get("tool_calls", [])]
    assert calls == [(name, arguments) for _, name, arguments in wanted.calls]
    returns = dialect._quirks.reasoning_returns
    thought = [one["text"] for piece in pieces if piece["type"] == "thinking" for one in piece["thinking"]]
    assert "".join(thought) == (wanted.reasoning if returns == "content" else "")
    fields = [name for name in ("reasoning", "reasoning_content") if name in sent]
    if returns in ("reasoning", "reasoning_content") and wanted.calls and wanted.reasoning:
        assert (fields, sent[returns]) == ([returns], wanted.reasoning)
    else:
        assert fields == []
    if returns == "never":
        details = sent.get("reasoning_details", [])
        assert [one.get("data") for one in details if "data" in one] == wanted.encrypted
        assert "".join(one.get("text") or one.get("summary") or "" for one in details) == wanted.detailed


@about("chat", "chat_stream", "error", but=EMBEDDINGS)
def test_the_recorded_request_is_built_again(recorded: Json) -> None:
    """The same conversation as a spec gives the recorded body, but for what `canonical` names and warnings tell."""
    body = recorded["request"]["body"]
    spec = chat_spec(body, tag(vendor_of(recorded)))
    prepared = provider(recorded).build(spec, stream=False, model=body["model"], secret=None)
    built, wanted = canonical(json.loads(prepared.request.body)), canonical(body)
    for warning in prepared.warnings:
        assert warning.code in (WarningCode.PARAMETER_IGNORED, WarningCode.PARAMETER_CHANGED)
        name = {"effort": "reasoning_effort", "json_schema": "response_format"}.get(
            warning.field.rpartition(".")[2], warning.field.rpartition(".")[2]
        )
        built.pop(name, None)
        wanted.pop(name, None)
    if spec.reasoning is not None and "thinking" not in wanted:
        built.pop("thinking", None)  # which switches on what the recorded effort had asked for
    assert built == wanted


@about("embed")
def test_embeddings_are_read_as_recorded(recorded: Json) -> None:
    """Vectors to the last bit, in order, and the usage."""
    events = read(recorded, operation=Operation.EMBED)
    added = [event for event in events if isinstance(event, EmbeddingsAdded)]
    assert [list(struct.unpack(f"<{len(one) // 4}f", one)) for one in added[0].vectors] == vectors(recorded)
    last = events[-1]
    assert isinstance(last, Finished)
    usage = recorded["response"]["body"].get("usage")
    assert last.usage is not None
    assert last.usage.input_tokens == usage.get("prompt_tokens", usage["total_tokens"])


def vectors(recording: Json) -> list[list[float]]:
    """The recorded vectors, as 32-bit floats."""
    found = []
    for item in sorted(recording["response"]["body"]["data"], key=lambda item: item.get("index", 0)):
        value = item["embedding"]
        if recording["provider"] == "perplexity":
            found.append([float(byte - 256 if byte > 127 else byte) for byte in base64.b64decode(value)])
            continue
        packed = base64.b64decode(value) if isinstance(value, str) else struct.pack(f"<{len(value)}f", *value)
        found.append(list(struct.unpack(f"<{len(packed) // 4}f", packed)))
    return found


@about("embed")
def test_the_recorded_request_for_embeddings_is_built_again(recorded: Json) -> None:
    """Apart from the encoding, which the preset chooses, and members at their defaults."""
    body = recorded["request"]["body"]
    prepared = provider(recorded).build(embed_spec(body), stream=False, model=body["model"], secret=None)
    built = json.loads(prepared.request.body)
    inputs = body["input"] if isinstance(body["input"], list) else [body["input"]]
    wanted = {name: value for name, value in {**body, "input": inputs}.items() if value is not None}
    for one in (built, wanted):
        one.pop("encoding_format", None)
    assert built == wanted
    assert prepared.warnings == ()


@about("error")
def test_an_error_is_classified_and_says_nothing_of_its_text(recorded: Json) -> None:
    response = recorded["response"]
    error = provider(recorded).classify(response["status"], response["headers"], body_bytes(recorded))
    assert type(error) is (ContextTooLong if recorded["id"] in TOO_LONG else ERRORS[response["status"]])
    assert error.metadata["upstreamStatus"] == str(response["status"])
    said = json.dumps(response["body"])
    assert len(said) < 20 or said[:40] not in f"{error.message} {error.metadata} {error.violations}"
