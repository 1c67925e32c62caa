"""Requests to Ollama: every field of the contract, and what is refused or warned about."""

import json
from typing import Any

import pytest
from hedgerow_server.core.error import RequestInvalid
from hedgerow_server.core.event import WarningCode
from hedgerow_server.core.port import CancelBilling, Dialect
from hedgerow_server.core.request import (
    Audio,
    ChatSpec,
    Effort,
    EmbedSpec,
    FunctionTool,
    Image,
    ImageDetail,
    JsonObjectFormat,
    JsonSchemaFormat,
    Message,
    Part,
    ProviderItem,
    ProviderState,
    ProviderTool,
    Reasoning,
    ReasoningSpec,
    Refusal,
    Role,
    Text,
    ToolCall,
    ToolChoice,
    ToolChoiceMode,
    ToolResult,
)
from hedgerow_server.core.secret import Secret
from providers.ollama_run import ollama

HI = Message(Role.USER, (Part(Text("hi")),))
ADD, MUL = FunctionTool("add"), FunctionTool("mul", "Multiplies.", '{"type":"object"}')
IGNORED, CHANGED = WarningCode.PARAMETER_IGNORED, WarningCode.PARAMETER_CHANGED
OWN = ProviderState("ollama_chat", b'{"thinking":true}')


def prepared(*messages: Message, model: str = "qwen3", configured: dict[str, Any] | None = None, **fields: Any) -> Any:
    """The request for a spec with these fields, its body decoded."""
    spec = ChatSpec(model="fast", messages=messages or (HI,), **fields)
    return ollama(**configured or {}).build(spec, stream=False, model=model, secret=None)


def body(*messages: Message, **fields: Any) -> dict[str, Any]:
    """The body for a spec with these fields."""
    return dict(json.loads(prepared(*messages, **fields).request.body))


def added(**fields: Any) -> dict[str, Any]:
    """What these fields add to the shortest body."""
    built = body(**fields)
    for name in ("messages", "model", "stream"):
        built.pop(name)
    return built


def warned(*messages: Message, **fields: Any) -> list[tuple[WarningCode, str]]:
    """The warnings for a spec with these fields."""
    return [(warning.code, warning.field) for warning in prepared(*messages, **fields).warnings]


def refused(*messages: Message, **fields: Any) -> str:
    """The field that a spec with these fields is refused for."""
    with pytest.raises(RequestInvalid) as caught:
        prepared(*messages, **fields)
    return caught.value.metadata["field"]


def turn(role: Role, *contents: Any) -> Message:
    """A message of these contents."""
    return Message(role, tuple(part if isinstance(part, Part) else Part(part) for part in contents))


def test_the_adapter_is_a_dialect_of_a_server_of_ones_own() -> None:
    adapter: Dialect = ollama(embed_batch_limit=7)
    assert adapter.name == "ollama_chat"
    assert adapter.embed_batch_limit("bge-m3") == 7
    assert adapter.default_dimensions("bge-m3:567m") == 1024
    assert adapter.default_dimensions("someones") is None
    assert adapter.billing_after_cancel("qwen3", stream=False) is CancelBilling.STOPS
    assert adapter.rate_limits({"x-ratelimit-limit-requests": "9"}) is None


def test_the_shortest_call_is_the_shortest_body() -> None:
    """Without a word on streaming Ollama would stream."""
    assert body() == {"model": "qwen3", "messages": [{"role": "user", "content": "hi"}], "stream": False}


def test_a_stream_is_asked_for_as_json_lines_with_the_key_of_the_hosted_service() -> None:
    spec = ChatSpec(model="fast", messages=(HI,))
    request = ollama(base_url="https://ollama.com/").build(spec, stream=True, model="m", secret=Secret("k")).request
    assert request.url == "https://ollama.com/api/chat"
    assert request.headers["accept"] == "application/x-ndjson"
    assert request.headers["authorization"] == "Bearer k"
    assert json.loads(request.body)["stream"] is True


def test_sampling_stands_among_the_options() -> None:
    fields = {
        "temperature": 0.5, "top_p": 0.9, "top_k": 40, "frequency_penalty": 0.1, "presence_penalty": -0.1, "seed": 7,
    }  # fmt: skip
    asked = added(**fields, max_output_tokens=100, stop_sequences=("a", "b"))
    assert asked == {"options": {**fields, "num_predict": 100, "stop": ["a", "b"]}}


def test_what_is_configured_holds_where_the_caller_says_nothing() -> None:
    configured = {"num_ctx": 32768, "keep_alive": "-1m"}
    assert added(configured=configured) == {"options": {"num_ctx": 32768}, "keep_alive": "-1m"}
    given = {"ollama": '{"options":{"num_ctx":8192,"min_p":0.1},"keep_alive":"1h","truncate":false}'}
    asked = added(configured=configured, provider_options=given, seed=1)
    assert asked == {
        "options": {"seed": 1, "num_ctx": 8192, "min_p": 0.1}, "keep_alive": "1h", "truncate": False,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ('{"stream":true}', "chat.provider_options['vendor']"),
        ('{"options":{"seed":2}}', "chat.provider_options['vendor'].options"),
        ('{"options":3}', "chat.provider_options['vendor'].options"),
    ],
)
def test_the_hatch_adds_and_does_not_override(given: str, field: str) -> None:
    assert refused(seed=1, provider_options={"vendor": given}) == field


def test_thinking_through_the_hatch_is_the_callers_unless_the_call_says_it() -> None:
    given = {"ollama": '{"think":"max"}'}
    assert added(provider_options=given) == {"think": "max"}
    asked = ReasoningSpec(effort=Effort.NONE)
    assert refused(provider_options=given, reasoning=asked) == "chat.provider_options['ollama']"


@pytest.mark.parametrize(
    ("model", "asked", "think", "warnings"),
    [
        ("qwen3", ReasoningSpec(effort=Effort.NONE), False, []),
        ("qwen3", ReasoningSpec(max_tokens=0), False, []),
        ("qwen3", ReasoningSpec(effort=Effort.LOW), True, [(CHANGED, "chat.reasoning.effort")]),
        ("qwen3", ReasoningSpec(max_tokens=9), True, [(IGNORED, "chat.reasoning.max_tokens")]),
        ("hub/gpt-oss:20b", ReasoningSpec(effort=Effort.LOW), "low", []),
        ("gpt-oss", ReasoningSpec(effort=Effort.MAX), "high", [(CHANGED, "chat.reasoning.effort")]),
    ],
)
def test_reasoning_is_switched_and_stepped_where_the_model_knows_steps(
    model: str, asked: ReasoningSpec, think: bool | str, warnings: list[Any]
) -> None:
    assert added(model=model, reasoning=asked) == {"think": think}
    assert warned(model=model, reasoning=asked) == warnings


def test_formats() -> None:
    assert added(response_format=JsonObjectFormat()) == {"format": "json"}
    form = JsonSchemaFormat("answer", '{"type":"object"}', "An answer.", strict=False)
    assert added(response_format=form) == {"format": {"type": "object"}}
    path = "chat.response_format.json_schema"
    assert warned(response_format=form) == [(CHANGED, f"{path}.strict"), (IGNORED, f"{path}.description")]


def test_log_probabilities() -> None:
    assert added(top_logprobs=0) == {"logprobs": True}
    assert added(top_logprobs=5) == {"logprobs": True, "top_logprobs": 5}


def test_tools_that_may_not_be_called_are_not_offered() -> None:
    empty = {"type": "object", "properties": {}}
    add = {"type": "function", "function": {"name": "add", "parameters": empty}}
    mul = {
        "type": "function",
        "function": {"name": "mul", "description": "Multiplies.", "parameters": {"type": "object"}},
    }
    assert added(tools=(ADD, MUL)) == {"tools": [add, mul]}
    assert added(tools=(ADD, MUL), tool_choice=ToolChoice(ToolChoiceMode.NONE)) == {}
    choice = ToolChoice(ToolChoiceMode.REQUIRED, ("mul",))
    assert added(tools=(ADD, MUL), tool_choice=choice) == {"tools": [mul]}
    assert warned(tools=(ADD, MUL), tool_choice=choice) == [(CHANGED, "chat.tool_choice.mode")]


def test_what_of_tools_ollama_does_not_have_is_said() -> None:
    tools = (FunctionTool("add", strict=True), ProviderTool("openai", "{}"))
    assert warned(tools=tools, parallel_tool_calls=False) == [
        (IGNORED, "chat.tools[0].function.strict"),
        (IGNORED, "chat.tools[1].provider_tool"),
        (IGNORED, "chat.parallel_tool_calls"),
    ]
    choice = ToolChoice(ToolChoiceMode.REQUIRED)
    assert refused(tools=tools[1:], tool_choice=choice) == "chat.tool_choice.mode"


def test_a_conversation_in_all_roles() -> None:
    call = ToolCall("c1", "add", '{"a": 1}')
    messages = (
        turn(Role.DEVELOPER, Text("Be brief.")),
        turn(Role.USER, Text("See:"), Image(data=b"png", media_type="image/png"), Text("?")),
        turn(Role.ASSISTANT, Part(Reasoning("Hm."), OWN), Text("I "), Text("add."), call, ToolCall("c2", "now", "")),
        turn(Role.TOOL, ToolResult("c1", (Part(Text("2")),)), ToolResult("c9", (Part(Text("?")),), is_error=True)),
        turn(Role.ASSISTANT, Refusal("No.")),
    )
    assert body(*messages)["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "See:\n?", "images": ["cG5n"]},
        {
            "role": "assistant",
            "content": "I add.",
            "thinking": "Hm.",
            "tool_calls": [
                {"id": "c1", "function": {"name": "add", "arguments": {"a": 1}}},
                {"id": "c2", "function": {"name": "now", "arguments": {}}},
            ],
        },
        {"role": "tool", "content": "2", "tool_name": "add", "tool_call_id": "c1"},
        {"role": "tool", "content": "?", "tool_call_id": "c9"},
        {"role": "assistant", "content": "No."},
    ]
    assert warned(*messages) == []


def test_what_other_providers_left_is_dropped_with_one_warning() -> None:
    """Their thoughts as well: they are not the model's own."""
    foreign = Part(Reasoning("Hm."), ProviderState("anthropic_messages", b"{}"))
    message = turn(
        Role.ASSISTANT, foreign, ProviderItem("openai_responses", "search", b"{}"), Reasoning("?"), Text("a")
    )
    assert body(message)["messages"] == [{"role": "assistant", "content": "a"}]
    assert warned(message) == [(WarningCode.PROVIDER_STATE_DROPPED, "chat.messages[0].content[0].provider_state")]


@pytest.mark.parametrize("written", ["{", "[1]", "3"])
def test_arguments_that_are_no_object_are_sent_within_one(written: str) -> None:
    message = turn(Role.ASSISTANT, ToolCall("c", "f", written))
    (call,) = body(message)["messages"][0]["tool_calls"]
    assert call["function"]["arguments"] == {"INVALID_JSON": written}
    assert warned(message) == [(CHANGED, "chat.messages[0].content[0].tool_call.arguments")]


def test_what_cannot_be_said_is_refused_or_warned_about() -> None:
    path = "chat.messages[0].content[0]"
    assert refused(turn(Role.USER, Image(url="https://example.com/a.png"))) == f"{path}.image"
    assert refused(turn(Role.USER, Audio(data=b"a", media_type="audio/wav"))) == path
    result = turn(Role.TOOL, ToolResult("c", (Part(Audio(data=b"a", media_type="audio/wav")),)))
    assert refused(result) == f"{path}.tool_result.content[0]"
    image = Image(data=b"a", media_type="image/png", detail=ImageDetail.LOW)
    assert warned(turn(Role.USER, image)) == [(IGNORED, f"{path}.image.detail")]
    assert warned(Message(Role.USER, (Part(Text("a")),), name="ada")) == [(IGNORED, "chat.messages[0].name")]


def test_embeddings_are_asked_for_in_batches() -> None:
    spec = EmbedSpec(model="e", inputs=("a", "b"), dimensions=256)
    adapter = ollama(num_ctx=512, keep_alive="1h")
    request = adapter.build(spec, stream=False, model="nomic-embed-text", secret=None).request
    assert request.url == "http://localhost:11434/api/embed"
    assert json.loads(request.body) == {
        "model": "nomic-embed-text", "input": ["a", "b"], "dimensions": 256,
        "options": {"num_ctx": 512}, "keep_alive": "1h",
    }  # fmt: skip
    with pytest.raises(RequestInvalid):
        adapter.build(EmbedSpec(model="e", inputs=((1, 2),)), stream=False, model="m", secret=None)
