"""The vendors of the OpenAI dialect: the table, how a section overrides it, and what each quirk does."""

import base64
import json
import typing
from pathlib import Path
from typing import Any

import pydantic
import pytest
from hedgerow_server.core.error import RequestInvalid, StreamCut
from hedgerow_server.core.event import EmbeddingsAdded, Finished, FinishReason, Usage, WarningCode
from hedgerow_server.core.port import Operation
from hedgerow_server.core.request import (
    ChatSpec,
    Effort,
    EmbedPurpose,
    EmbedSpec,
    FunctionTool,
    JsonSchemaFormat,
    Message,
    Part,
    ReasoningSpec,
    Role,
    Text,
    ToolCall,
    ToolChoice,
    ToolChoiceMode,
    ToolResult,
)
from hedgerow_server.core.secret import Secret
from hedgerow_server.providers.openai import OpenAI, OpenAISection
from hedgerow_server.providers.openai.quirks import Quirks
from hedgerow_server.providers.openai.section import settings
from hedgerow_server.providers.openai.usage import read_usage
from hedgerow_server.providers.openai.vendors import VENDORS, Name

HI = (Message(Role.USER, (Part(Text("hi")),)),)
TOOLS = (FunctionTool("add"), FunctionTool("sub"))
IGNORED, CHANGED = WarningCode.PARAMETER_IGNORED, WarningCode.PARAMETER_CHANGED
# Where the adapter goes without configuration, and who needs one.
LOCAL = ("litellm", "llamacpp", "lmstudio", "ollama", "vllm")
OF_AN_ACCOUNT = ("azure_ai", "bedrock", "cloudflare", "databricks", "snowflake")
DOCUMENT = Path(__file__).resolve().parents[4] / "docs" / "providers.md"


def section(**given: Any) -> OpenAISection:
    """A section with these keys."""
    return OpenAISection.model_validate({"dialect": "openai", **given})


def vendor(name: str = "openai", **given: Any) -> OpenAI:
    """A provider with a preset."""
    return OpenAI("mine", section(vendor=name, base_url="http://127.0.0.1:9/v1", **given))


def quirky(**quirks: Any) -> OpenAI:
    """A provider that differs from OpenAI in this."""
    return vendor(quirks=quirks)


def body(dialect: OpenAI, **fields: Any) -> dict[str, Any]:
    """What these fields add to the shortest body."""
    built, _ = both(dialect, **fields)
    del built["model"]
    if "messages" not in fields:
        del built["messages"]
    return built


def both(dialect: OpenAI, **fields: Any) -> tuple[dict[str, Any], list[tuple[WarningCode, str]]]:
    """The body and the warnings for a spec with these fields."""
    spec = ChatSpec(**{"model": "fast", "messages": HI, **fields})
    prepared = dialect.build(spec, stream=False, model="m", secret=None)
    return json.loads(prepared.request.body), [(one.code, one.field) for one in prepared.warnings]


def embed(dialect: OpenAI, **fields: Any) -> dict[str, Any]:
    """The body for embeddings."""
    spec = EmbedSpec(model="e", inputs=("a",), **fields)
    return dict(json.loads(dialect.build(spec, stream=False, model="m", secret=None).request.body))


@pytest.mark.parametrize("name", typing.get_args(Name))
def test_each_vendor_is_usable_as_it_is(name: Name) -> None:
    """The table holds what the schema names; the preset is valid, builds a call and reads an answer."""
    preset = VENDORS[name]
    given = {"vendor": name} if preset.base_url else {"vendor": name, "base_url": "https://mine.test/v1"}
    resolved = settings(section(**given))
    assert resolved.quirks == preset.quirks
    scheme = "http://localhost" if name in LOCAL else "https://"
    assert resolved.base_url.startswith(scheme)
    assert (preset.base_url is None) is (name in OF_AN_ACCOUNT)
    dialect = OpenAI("mine", section(**given))
    request = dialect.build(ChatSpec(model="fast", messages=HI), stream=True, model="m", secret=Secret("k")).request
    assert request.url.startswith(f"{resolved.base_url}/chat/completions")
    assert request.headers[resolved.auth_header] == ("Bearer k" if resolved.auth_header == "authorization" else "k")
    assert json.loads(request.body)["messages"] == [{"role": "user", "content": "hi"}]
    answer = {"id": "1", "model": "m", "choices": [{"index": 0, "message": {"content": "a"}, "finish_reason": "stop"}]}
    reader = dialect.reader(Operation.CHAT, stream=False, content_type="application/json")
    reader.feed(json.dumps(answer).encode())
    assert isinstance(reader.finish()[-1], Finished)


def test_the_table_and_the_schema_name_the_same_vendors() -> None:
    assert set(VENDORS) == set(typing.get_args(Name))


def test_the_guide_lists_every_vendor_with_its_address() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    for name, preset in VENDORS.items():
        assert f"| `{name}` | {preset.base_url or ''}" in text


@pytest.mark.parametrize("name", OF_AN_ACCOUNT)
def test_a_vendor_whose_address_depends_on_the_account_must_be_given_it(name: str) -> None:
    with pytest.raises(pydantic.ValidationError, match="base_url"):
        section(vendor=name)


def test_everything_of_a_preset_can_be_overridden() -> None:
    given = section(
        vendor="mistral",
        base_url="https://proxy.test/v1",
        auth_header="x-key",
        query={"v": "1"},
        max_tokens_field="max_completion_tokens",
        embed_batch_limit=3,
        headers={"x-title": "me"},
        quirks={"stream_usage": True},
    )
    resolved = settings(given)
    assert resolved.quirks == VENDORS["mistral"].quirks.model_copy(update={"stream_usage": True})
    dialect = OpenAI("mine", given)
    request = dialect.build(
        ChatSpec(model="fast", messages=HI, max_output_tokens=5), stream=True, model="m", secret=Secret("k")
    ).request
    assert request.url == "https://proxy.test/v1/chat/completions?v=1"
    assert (request.headers["x-key"], request.headers["x-title"]) == ("k", "me")
    assert "authorization" not in request.headers
    sent = json.loads(request.body)
    assert (sent["max_completion_tokens"], sent["stream_options"]) == (5, {"include_usage": True})
    assert dialect.embed_batch_limit("any") == 3


def test_options_and_tools_are_addressed_by_the_vendors_name_too() -> None:
    assert body(vendor("mistral"), provider_options={"mistral": '{"safe_prompt": true}'}) == {"safe_prompt": True}


def test_a_stream_is_not_asked_for_what_the_vendor_does_not_know() -> None:
    spec = ChatSpec(model="fast", messages=HI)
    sent = json.loads(vendor("mistral").build(spec, stream=True, model="m", secret=None).request.body)
    assert sent["stream"] is True
    assert "stream_options" not in sent


def test_a_developer_becomes_the_system_where_there_is_no_such_role() -> None:
    messages = (Message(Role.DEVELOPER, (Part(Text("be brief")),)), *HI)
    roles = [message["role"] for message in body(vendor("groq"), messages=messages)["messages"]]
    assert roles == ["system", "user"]
    assert body(vendor("openai"), messages=messages)["messages"][0]["role"] == "developer"


def test_names_are_ignored_with_a_warning_where_there_are_none() -> None:
    sent, warnings = both(quirky(names=False), messages=(Message(Role.USER, (Part(Text("hi")),), "ann"),))
    assert sent["messages"] == [{"role": "user", "content": "hi"}]
    assert warnings == [(IGNORED, "chat.messages[0].name")]


def test_texts_are_joined_where_lists_are_not_taken() -> None:
    two = (Part(Text("a")), Part(Text("b")))
    messages = (Message(Role.SYSTEM, two), Message(Role.TOOL, (Part(ToolResult("c", two)),)))
    assert [one["content"] for one in body(vendor("deepseek"), messages=messages)["messages"]] == ["a\nb", "a\nb"]
    pieces = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert [one["content"] for one in body(vendor(), messages=messages)["messages"]] == [pieces, pieces]


def test_a_message_of_calls_alone_has_empty_content_where_the_vendor_needs_one() -> None:
    """Cloudflare answers null with 400."""
    messages = (Message(Role.ASSISTANT, (Part(ToolCall("c", "a", "{}")),)),)
    assert body(vendor("cloudflare"), messages=messages)["messages"][0]["content"] == ""
    assert "content" not in body(vendor(), messages=messages)["messages"][0]


@pytest.mark.parametrize("name", ["frequency_penalty", "presence_penalty", "seed", "temperature", "top_p"])
def test_a_parameter_that_the_vendor_lacks_is_ignored_with_a_warning(name: str) -> None:
    sent, warnings = both(quirky(lacks=[name]), **{name: 1})
    assert name not in sent
    assert warnings == [(IGNORED, f"chat.{name}")]


def test_parallel_calls_and_cache_keys_that_the_vendor_lacks() -> None:
    """The key is a hint, which the contract lets be ignored silently."""
    dialect = quirky(lacks=["parallel_tool_calls", "prompt_cache_key"])
    sent, warnings = both(dialect, tools=TOOLS, parallel_tool_calls=False, prompt_cache_key="k")
    assert {"parallel_tool_calls", "prompt_cache_key"}.isdisjoint(sent)
    assert warnings == [(IGNORED, "chat.parallel_tool_calls")]


@pytest.mark.parametrize(
    ("quirks", "most"), [({}, 4), ({"max_stop_sequences": 1}, 1), ({"lacks": ["stop_sequences"]}, 0)]
)
def test_stop_sequences_beyond_what_the_vendor_takes_are_refused(quirks: dict[str, Any], most: int) -> None:
    stops = ("a", "b", "c", "d", "e")
    assert body(quirky(**quirks), stop_sequences=stops[:most]) == ({"stop": list(stops[:most])} if most else {})
    with pytest.raises(RequestInvalid):
        body(quirky(**quirks), stop_sequences=stops[: most + 1])


def test_top_k_is_sent_where_there_is_one() -> None:
    assert body(vendor("together"), top_k=3) == {"top_k": 3}


def test_a_seed_goes_under_the_vendors_name_for_it() -> None:
    assert body(vendor("mistral"), seed=7) == {"random_seed": 7}


def test_the_word_for_a_required_call() -> None:
    choice = ToolChoice(ToolChoiceMode.REQUIRED)
    assert body(vendor("mistral"), tools=TOOLS, tool_choice=choice)["tool_choice"] == "any"
    assert body(vendor("groq"), tools=TOOLS, tool_choice=choice)["tool_choice"] == "required"


@pytest.mark.parametrize("mode", [ToolChoiceMode.AUTO, ToolChoiceMode.REQUIRED])
def test_a_choice_among_some_offers_only_those_where_the_vendor_cannot_narrow(mode: ToolChoiceMode) -> None:
    tools = (*TOOLS, FunctionTool("mul"))
    sent = body(vendor("groq"), tools=tools, tool_choice=ToolChoice(mode, ("add", "mul")))
    assert [tool["function"]["name"] for tool in sent["tools"]] == ["add", "mul"]
    assert sent["tool_choice"] == mode.value
    assert body(vendor(), tools=tools, tool_choice=ToolChoice(mode, ("add", "mul")))["tool_choice"] == {
        "type": "allowed_tools",
        "allowed_tools": {
            "mode": mode.value,
            "tools": [{"type": "function", "function": {"name": name}} for name in ("add", "mul")],
        },
    }


def test_a_schema_becomes_any_object_with_a_warning_where_there_are_none() -> None:
    sent, warnings = both(vendor("zai"), response_format=JsonSchemaFormat("n", "{}"))
    assert sent["response_format"] == {"type": "json_object"}
    assert warnings == [(CHANGED, "chat.response_format.json_schema")]


@pytest.mark.parametrize(
    ("name", "asked", "wanted", "warnings"),
    [
        ("openai", ReasoningSpec(Effort.MAX), {"reasoning_effort": "max"}, []),
        ("openai", ReasoningSpec(None, 5), {}, [(IGNORED, "chat.reasoning.max_tokens")]),
        ("groq", ReasoningSpec(Effort.XHIGH), {"reasoning_effort": "high"}, [(CHANGED, "chat.reasoning.effort")]),
        ("mistral", ReasoningSpec(Effort.LOW), {"reasoning_effort": "high"}, [(CHANGED, "chat.reasoning.effort")]),
        ("mistral", ReasoningSpec(Effort.NONE), {"reasoning_effort": "none"}, []),
        ("llamacpp", ReasoningSpec(Effort.MAX), {"reasoning_effort": "max"}, []),
        ("together", ReasoningSpec(Effort.NONE), {"reasoning_effort": "low"}, [(CHANGED, "chat.reasoning.effort")]),
        ("openrouter", ReasoningSpec(Effort.LOW), {"reasoning": {"effort": "low"}}, []),
        ("openrouter", ReasoningSpec(None, 500), {"reasoning": {"max_tokens": 500}}, []),
        ("zai", ReasoningSpec(Effort.NONE), {"thinking": {"type": "disabled"}}, []),
        ("zai", ReasoningSpec(Effort.LOW), {"thinking": {"type": "enabled"}}, [(CHANGED, "chat.reasoning.effort")]),
        ("deepseek", ReasoningSpec(Effort.NONE), {"thinking": {"type": "disabled"}}, []),
        (
            "deepseek",
            ReasoningSpec(Effort.MAX),
            {"thinking": {"type": "enabled"}, "reasoning_effort": "max"},
            [],
        ),
        ("dashscope", ReasoningSpec(Effort.HIGH), {"enable_thinking": True}, []),
        ("dashscope", ReasoningSpec(Effort.NONE), {"enable_thinking": False}, []),
        ("dashscope", ReasoningSpec(None, 9), {"enable_thinking": True, "thinking_budget": 9}, []),
        ("dashscope", ReasoningSpec(None, 0), {"enable_thinking": False}, []),
    ],
)
def test_reasoning_in_the_vendors_words(name: str, asked: ReasoningSpec, wanted: Any, warnings: Any) -> None:
    sent, told = both(vendor(name), reasoning=asked)
    del sent["model"], sent["messages"]
    assert (sent, told) == (wanted, warnings)


def test_a_vendor_without_reasoning_ignores_it_with_a_warning() -> None:
    _, warnings = both(quirky(reasoning="none"), reasoning=ReasoningSpec(Effort.LOW, 5))
    assert warnings == [(IGNORED, "chat.reasoning.max_tokens"), (IGNORED, "chat.reasoning.effort")]


def test_what_a_preset_has_set_no_option_overrides() -> None:
    options = {"openai": '{"reasoning": {"exclude": true}}'}
    assert body(vendor("openrouter"), provider_options=options) == {"reasoning": {"exclude": True}}
    with pytest.raises(RequestInvalid):
        body(vendor("openrouter"), provider_options=options, reasoning=ReasoningSpec(Effort.LOW))
    with pytest.raises(RequestInvalid):
        body(vendor("mistral"), provider_options={"mistral": '{"random_seed": 1}'})


def test_embeddings_in_the_vendors_words() -> None:
    assert embed(vendor("voyage"), dimensions=8, purpose=EmbedPurpose.QUERY) == {
        "model": "m",
        "input": ["a"],
        "encoding_format": "base64",
        "output_dimension": 8,
        "input_type": "query",
    }
    assert "input_type" not in embed(vendor("voyage"), purpose=EmbedPurpose.CLUSTERING)
    assert embed(vendor("mistral"), dimensions=8)["output_dimension"] == 8
    assert "encoding_format" not in embed(vendor("together"))
    assert vendor("perplexity")._embed_url == "http://127.0.0.1:9/v1/v1/embeddings"


def test_vectors_of_eight_bits_are_read_as_numbers() -> None:
    data = {"data": [{"index": 0, "embedding": base64.b64encode(bytes([1, 255, 128])).decode()}], "usage": None}
    reader = vendor("perplexity").reader(Operation.EMBED, stream=False, content_type="application/json")
    reader.feed(json.dumps(data).encode())
    added = reader.finish()[1]
    assert isinstance(added, EmbeddingsAdded)
    assert added.vectors == [b"\x00\x00\x80?\x00\x00\x80\xbf\x00\x00\x00\xc3"]


@pytest.mark.parametrize(
    ("end", "complete"),
    [(b"data: [DONE]\n\n", True), (b"data: [DONE]", True), (b"", False)],
    ids=["done", "cut", "none"],
)
def test_a_stream_may_end_without_a_finish_reason_where_the_vendor_sends_none(end: bytes, complete: bool) -> None:
    chunk = {"id": "1", "model": "m", "choices": [{"index": 0, "delta": {"content": "a"}}]}
    reader = vendor("snowflake").reader(Operation.CHAT, stream=True, content_type="text/event-stream")
    reader.feed(f"data: {json.dumps(chunk)}\n\n".encode() + end)
    if not complete:
        with pytest.raises(StreamCut):
            reader.finish()
        return
    finished = reader.finish()[-1]
    assert isinstance(finished, Finished)
    assert (finished.reason, finished.native_reason) == (FinishReason.OTHER, "")


def usage(quirks: Quirks | None = None, model: str = "m", timings: Any = None, **counts: Any) -> Usage:
    """The usage of these counts."""
    read = read_usage(counts, quirks=quirks or Quirks(), model=model, timings=timings)
    assert read is not None
    return read


def test_reasoning_and_audio_that_only_the_total_has_stand_outside() -> None:
    """The reasoning of xAI and the audio of Mistral, alone or together."""
    details: dict[str, Any] = {
        "prompt_tokens_details": {"audio_tokens": 30},
        "completion_tokens_details": {"reasoning_tokens": 7},
    }
    for total, given, made in ((15, 10, 5), (22, 10, 12), (45, 40, 5), (52, 40, 12), (99, 10, 5)):
        read = usage(prompt_tokens=10, completion_tokens=5, total_tokens=total, **details)
        assert (read.input_tokens, read.output_tokens) == (given, made)


def test_reasoning_that_even_the_total_leaves_out_is_the_vendors_quirk() -> None:
    counts: dict[str, Any] = {
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "completion_tokens_details": {"reasoning_tokens": 3},
    }
    quirks = VENDORS["vercel"].quirks
    assert usage(quirks, "google/gemini-2.5-flash", **counts, total_tokens=15).output_tokens == 8
    assert usage(quirks, "openai/gpt-5", **counts, total_tokens=15).output_tokens == 5


def test_reasoning_hidden_in_the_total_is_the_vendors_quirk() -> None:
    counts: dict[str, Any] = {"prompt_tokens": 66, "completion_tokens": 6, "total_tokens": 100}
    assert usage(VENDORS["gemini"].quirks, **counts).output_reasoning_tokens == 28
    assert usage(**counts).output_tokens == 6


@pytest.mark.parametrize(
    "counts",
    [
        {"prompt_cache_hit_tokens": 4},
        {"num_cached_tokens": 4},
        {"cached_tokens": 4},
        {"cache_read_input_tokens": 4},
        {"prompt_tokens_details": {"cached_tokens": 4}, "prompt_cache_hit_tokens": 4},
        {"prompt_tokens_details": None, "prompt_token_details": {"cached_tokens": 4}},
        {"timings": {"cache_n": 4}},
    ],
)
def test_cached_tokens_by_every_name(counts: dict[str, Any]) -> None:
    read = usage(prompt_tokens=10, completion_tokens=1, **counts)
    assert (read.input_cache_read_tokens, read.input_uncached_tokens) == (4, 6)


def test_what_is_billed_in_other_units() -> None:
    read = usage(
        prompt_tokens=1,
        num_sources_used=2,
        prompt_audio_seconds=3,
        server_tool_use_details={"web_search_requests": 4},
        num_search_queries=0,
    )
    assert read.other_units == {"num_sources_used": 2, "prompt_audio_seconds": 3, "web_search_requests": 4}
