"""Requests to Converse: every field of the contract, and what is refused or warned about."""

import json
from typing import Any

import pytest
from hedgerow_server.core.error import RequestInvalid
from hedgerow_server.core.event import WarningCode
from hedgerow_server.core.port import Dialect
from hedgerow_server.core.request import (
    CacheHint,
    ChatSpec,
    Effort,
    FunctionTool,
    JsonObjectFormat,
    JsonSchemaFormat,
    Message,
    Part,
    ProviderTool,
    ReasoningSpec,
    Role,
    Text,
    ToolCall,
    ToolChoice,
    ToolChoiceMode,
    ToolResult,
)
from providers.bedrock_run import bedrock

HI = Message(Role.USER, (Part(Text("hi")),))
CALLED = (
    HI,
    Message(Role.ASSISTANT, (Part(ToolCall("c1", "add", '{"a": 1}')),)),
    Message(Role.TOOL, (Part(ToolResult("c1", (Part(Text("2")),))),)),
)
ADD, MUL = FunctionTool("add"), FunctionTool("mul")
CLAUDE = "us.anthropic.claude-sonnet-4-6"
OLD_CLAUDE = "anthropic.claude-3-7-sonnet-20250219-v1:0"
NOVA = "us.amazon.nova-2-lite-v1:0"
IGNORED, CHANGED = WarningCode.PARAMETER_IGNORED, WarningCode.PARAMETER_CHANGED
NO_ARGUMENTS = {"json": {"type": "object", "properties": {}}}


def built(model: str = CLAUDE, messages: tuple[Message, ...] = (HI,), **fields: Any) -> dict[str, Any]:
    """The body for a spec with these fields."""
    spec = ChatSpec(model="fast", messages=messages, **fields)
    return dict(json.loads(bedrock().build(spec, stream=False, model=model, secret=None).request.body))


def added(model: str = CLAUDE, **fields: Any) -> dict[str, Any]:
    """What these fields add to the shortest body."""
    body = built(model, **fields)
    assert body.pop("messages") == [{"role": "user", "content": [{"text": "hi"}]}]
    return body


def warned(model: str = CLAUDE, messages: tuple[Message, ...] = (HI,), **fields: Any) -> list[tuple[WarningCode, str]]:
    """The warnings for a spec with these fields."""
    spec = ChatSpec(model="fast", messages=messages, **fields)
    prepared = bedrock().build(spec, stream=False, model=model, secret=None)
    return [(warning.code, warning.field) for warning in prepared.warnings]


def refused(**fields: Any) -> str:
    """The field that a spec with these fields is refused for."""
    with pytest.raises(RequestInvalid) as caught:
        built(**fields)
    assert [violation.field for violation in caught.value.violations] == [caught.value.metadata["field"]]
    return caught.value.metadata["field"]


def test_the_adapter_is_a_dialect() -> None:
    adapter: Dialect = bedrock()
    assert adapter.name == "bedrock_converse"
    assert adapter.embed_batch_limit("amazon.titan-embed-text-v2:0") == 1


def test_the_shortest_call_is_the_shortest_body() -> None:
    assert added() == {}


@pytest.mark.parametrize(("stream", "operation"), [(False, "converse"), (True, "converse-stream")])
def test_the_operation_is_in_the_path(stream: bool, operation: str) -> None:
    request = (
        bedrock().build(ChatSpec(model="fast", messages=(HI,)), stream=stream, model=OLD_CLAUDE, secret=None).request
    )
    assert request.method == "POST"
    assert request.url == f"https://bedrock-runtime.us-east-1.amazonaws.com/model/{OLD_CLAUDE}/{operation}"


def test_slashes_of_an_arn_are_quoted() -> None:
    arn = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-lite-v1:0"
    spec = ChatSpec(model="fast", messages=(HI,))
    url = bedrock(base_url="http://127.0.0.1:9/x/").build(spec, stream=False, model=arn, secret=None).request.url
    assert url == f"http://127.0.0.1:9/x/model/{arn.replace('/', '%2F')}/converse"


def test_what_all_models_know_goes_into_the_inference_configuration() -> None:
    fields: dict[str, Any] = {"max_output_tokens": 9, "temperature": 0.5, "top_p": 0.25, "stop_sequences": ("a", "b")}
    wanted = {"maxTokens": 9, "temperature": 0.5, "topP": 0.25, "stopSequences": ["a", "b"]}
    assert added(**fields) == {"inferenceConfig": wanted}
    assert warned(**fields) == []


def test_a_temperature_above_one_is_lowered_with_a_warning() -> None:
    assert added(temperature=1.5) == {"inferenceConfig": {"temperature": 1.0}}
    assert warned(temperature=1.5) == [(CHANGED, "chat.temperature")]


@pytest.mark.parametrize("name", ["frequency_penalty", "presence_penalty", "seed"])
def test_what_converse_does_not_know_is_ignored_with_a_warning(name: str) -> None:
    fields: dict[str, Any] = {name: 1}
    assert added(**fields) == {}
    assert warned(**fields) == [(IGNORED, f"chat.{name}")]


def test_a_prompt_cache_key_is_ignored_silently() -> None:
    assert added(prompt_cache_key="k") == {}
    assert warned(prompt_cache_key="k") == []


def test_a_function_keeps_its_schema_as_written() -> None:
    schema = '{"type": "object", "maximum": 9007199254740993, "b": 1.0, "a": 2}'
    tool = FunctionTool("add", "Adds.", schema, strict=True)
    spec = {"name": "add", "inputSchema": {"json": json.loads(schema)}, "description": "Adds.", "strict": True}
    assert added(tools=(tool,)) == {"toolConfig": {"tools": [{"toolSpec": spec}]}}
    body = (
        bedrock()
        .build(ChatSpec(model="m", messages=(HI,), tools=(tool,)), stream=False, model=CLAUDE, secret=None)
        .request.body
    )
    assert schema.encode() in body


def test_a_function_without_parameters_takes_an_object() -> None:
    spec = {"name": "add", "inputSchema": NO_ARGUMENTS}
    assert added(tools=(ADD,)) == {"toolConfig": {"tools": [{"toolSpec": spec}]}}


def test_a_tool_of_bedrock_is_offered_as_it_is_and_one_of_others_is_not() -> None:
    own = ProviderTool("bedrock", '{"systemTool": {"name": "nova_grounding"}}')
    foreign = ProviderTool("openai", '{"type": "web_search"}')
    assert added(tools=(own, foreign)) == {"toolConfig": {"tools": [{"systemTool": {"name": "nova_grounding"}}]}}
    assert warned(tools=(own, foreign)) == [(IGNORED, "chat.tools[1].provider_tool")]


@pytest.mark.parametrize(
    ("choice", "wanted"),
    [
        (ToolChoice(ToolChoiceMode.AUTO), {"auto": {}}),
        (ToolChoice(ToolChoiceMode.REQUIRED), {"any": {}}),
        (ToolChoice(ToolChoiceMode.REQUIRED, ("mul",)), {"tool": {"name": "mul"}}),
    ],
)
def test_a_tool_choice_is_sent(choice: ToolChoice, wanted: dict[str, Any]) -> None:
    config = added(tools=(ADD, MUL), tool_choice=choice)["toolConfig"]
    assert config["toolChoice"] == wanted
    assert len(config["tools"]) == 2


@pytest.mark.parametrize(
    ("mode", "names", "wanted"),
    [
        (ToolChoiceMode.AUTO, ("mul",), {"auto": {}}),
        (ToolChoiceMode.REQUIRED, ("mul", "sub"), {"any": {}}),
    ],
)
def test_tools_that_may_not_be_called_are_not_offered(
    mode: ToolChoiceMode, names: tuple[str, ...], wanted: dict[str, Any]
) -> None:
    config = added(tools=(ADD, MUL), tool_choice=ToolChoice(mode, names))["toolConfig"]
    assert [tool["toolSpec"]["name"] for tool in config["tools"]] == ["mul"]
    assert config["toolChoice"] == wanted


def test_no_call_allowed_means_no_tools() -> None:
    choice = ToolChoice(ToolChoiceMode.NONE)
    assert added(tools=(ADD,), tool_choice=choice) == {}
    assert warned(tools=(ADD,), tool_choice=choice) == []


def test_no_call_allowed_after_calls_is_a_warning_since_bedrock_wants_the_tools() -> None:
    choice = ToolChoice(ToolChoiceMode.NONE)
    config = built(messages=CALLED, tools=(ADD,), tool_choice=choice)["toolConfig"]
    assert config == {"tools": [{"toolSpec": {"name": "add", "inputSchema": NO_ARGUMENTS}}]}
    assert warned(messages=CALLED, tools=(ADD,), tool_choice=choice) == [(CHANGED, "chat.tool_choice.mode")]


def test_a_conversation_with_calls_gets_its_tools_by_name_where_none_are_given() -> None:
    config = built(messages=CALLED)["toolConfig"]
    assert config == {"tools": [{"toolSpec": {"name": "add", "inputSchema": NO_ARGUMENTS}}]}
    assert warned(messages=CALLED) == [(CHANGED, "chat.tools")]


def test_a_required_call_without_a_tool_is_refused() -> None:
    assert refused(tool_choice=ToolChoice(ToolChoiceMode.REQUIRED)) == "chat.tool_choice.mode"


def test_one_call_at_a_time_cannot_be_asked_for() -> None:
    assert warned(tools=(ADD,), parallel_tool_calls=False) == [(IGNORED, "chat.parallel_tool_calls")]
    assert warned(tools=(ADD,), parallel_tool_calls=True) == []


def test_a_schema_of_the_answer_is_sent_as_its_text() -> None:
    schema = '{"type": "object"}'
    form = {"schema": schema, "name": "answer", "description": "The answer."}
    config = {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": form}}}
    assert added(response_format=JsonSchemaFormat("answer", schema, "The answer.")) == {"outputConfig": config}


def test_any_json_object_cannot_be_asked_for() -> None:
    assert added(response_format=JsonObjectFormat()) == {}
    assert warned(response_format=JsonObjectFormat()) == [(IGNORED, "chat.response_format.json_object")]


def test_a_loose_schema_is_a_strict_one() -> None:
    form = JsonSchemaFormat("answer", "{}", strict=False)
    assert warned(response_format=form) == [(CHANGED, "chat.response_format.json_schema.strict")]


@pytest.mark.parametrize(
    ("model", "wanted"), [(CLAUDE, {"top_k": 7}), (NOVA, {"inferenceConfig": {"topK": 7}}), ("meta.llama3-v1:0", None)]
)
def test_top_k_is_each_models_own(model: str, wanted: dict[str, Any] | None) -> None:
    assert added(model, top_k=7) == ({"additionalModelRequestFields": wanted} if wanted else {})
    assert warned(model, top_k=7) == ([] if wanted else [(IGNORED, "chat.top_k")])


def test_options_are_added_and_the_models_own_are_merged() -> None:
    given = {"additionalModelRequestFields": {"beta": ["x"]}, "requestMetadata": {"a": "b"}}
    body = added(top_k=7, provider_options={"bedrock": json.dumps(given), "openai": '{"user": "u"}'})
    assert body == {"additionalModelRequestFields": {"top_k": 7, "beta": ["x"]}, "requestMetadata": {"a": "b"}}


@pytest.mark.parametrize(
    "given", ['{"messages": []}', '{"toolConfig": {}}', '{"additionalModelRequestFields": {"top_k": 1}}']
)
def test_options_do_not_override_what_the_gateway_sets(given: str) -> None:
    assert refused(top_k=7, provider_options={"vendor": given}) == "chat.provider_options['vendor']"


@pytest.mark.parametrize(
    ("spec", "model", "wanted", "warnings"),
    [
        (ReasoningSpec(Effort.NONE), CLAUDE, {"thinking": {"type": "disabled"}}, []),
        (ReasoningSpec(max_tokens=0), OLD_CLAUDE, {"thinking": {"type": "disabled"}}, []),
        (
            ReasoningSpec(Effort.HIGH),
            CLAUDE,
            {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}},
            [],
        ),
        (
            ReasoningSpec(Effort.XHIGH),
            CLAUDE,
            {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}},
            [(CHANGED, "chat.reasoning.effort")],
        ),
        (
            ReasoningSpec(Effort.XHIGH),
            "anthropic.claude-opus-4-7",
            {"thinking": {"type": "adaptive"}, "output_config": {"effort": "xhigh"}},
            [],
        ),
        (ReasoningSpec(max_tokens=2000), CLAUDE, {"thinking": {"type": "enabled", "budget_tokens": 2000}}, []),
        (
            ReasoningSpec(max_tokens=1),
            OLD_CLAUDE,
            {"thinking": {"type": "enabled", "budget_tokens": 1024}},
            [(CHANGED, "chat.reasoning.max_tokens")],
        ),
        (
            ReasoningSpec(Effort.LOW),
            "anthropic.claude-sonnet-4-20250514-v1:0",
            {"thinking": {"type": "enabled", "budget_tokens": 2048}},
            [(CHANGED, "chat.reasoning.effort")],
        ),
        (
            ReasoningSpec(Effort.MEDIUM),
            NOVA,
            {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "medium"}},
            [],
        ),
        (ReasoningSpec(Effort.NONE), NOVA, {"reasoningConfig": {"type": "disabled"}}, []),
        (
            ReasoningSpec(Effort.MAX),
            "openai.gpt-oss-120b-1:0",
            {"reasoning_effort": "high"},
            [(CHANGED, "chat.reasoning.effort")],
        ),
        (ReasoningSpec(Effort.HIGH), "deepseek.r1-v1:0", None, [(IGNORED, "chat.reasoning.effort")]),
        (ReasoningSpec(max_tokens=9), NOVA, None, [(IGNORED, "chat.reasoning.max_tokens")]),
    ],
)
def test_reasoning_is_each_models_own(
    spec: ReasoningSpec, model: str, wanted: dict[str, Any] | None, warnings: list[tuple[WarningCode, str]]
) -> None:
    assert added(model, reasoning=spec) == ({"additionalModelRequestFields": wanted} if wanted else {})
    assert warned(model, reasoning=spec) == warnings


def test_a_budget_leaves_room_for_the_answer() -> None:
    body = built(OLD_CLAUDE, reasoning=ReasoningSpec(Effort.HIGH), max_output_tokens=3000)
    assert body["additionalModelRequestFields"] == {"thinking": {"type": "enabled", "budget_tokens": 2999}}
    small: dict[str, Any] = {"reasoning": ReasoningSpec(Effort.HIGH), "max_output_tokens": 1000}
    assert "additionalModelRequestFields" not in built(OLD_CLAUDE, **small)
    assert warned(OLD_CLAUDE, **small) == [(IGNORED, "chat.reasoning.effort")]


def test_a_hint_on_a_tool_is_a_cache_point_after_it() -> None:
    tools = (FunctionTool("add", cache_hint=CacheHint()), MUL)
    sent = added(tools=tools)["toolConfig"]["tools"]
    assert [next(iter(tool)) for tool in sent] == ["toolSpec", "cachePoint", "toolSpec"]
    assert sent[1] == {"cachePoint": {"type": "default"}}


@pytest.mark.parametrize("model", [NOVA, "meta.llama3-1-8b-instruct-v1:0"])
def test_models_without_cache_points_among_tools_get_none_silently(model: str) -> None:
    tools = (FunctionTool("add", cache_hint=CacheHint()),)
    assert len(added(model, tools=tools)["toolConfig"]["tools"]) == 1
    assert warned(model, tools=tools) == []
