"""Requests to Cohere: every field of the contract, and what is refused or warned about."""

import json
from typing import Any

import pytest
from hedgerow_server.core.error import RequestInvalid
from hedgerow_server.core.event import WarningCode
from hedgerow_server.core.port import Dialect
from hedgerow_server.core.request import (
    ChatSpec,
    Effort,
    EmbedPurpose,
    EmbedSpec,
    File,
    FunctionTool,
    JsonObjectFormat,
    JsonSchemaFormat,
    Message,
    Part,
    ProviderTool,
    ReasoningSpec,
    Role,
    Text,
    ToolChoice,
    ToolChoiceMode,
)
from hedgerow_server.core.secret import Secret
from providers.cohere_run import cohere

HI = Message(Role.USER, (Part(Text("hi")),))
WITH_FILE = Message(Role.USER, (Part(Text("hi")), Part(File(data=b"x", media_type="text/plain"))))
ADD, MUL = FunctionTool("add"), FunctionTool("mul")
IGNORED, CHANGED = WarningCode.PARAMETER_IGNORED, WarningCode.PARAMETER_CHANGED
NO_ARGUMENTS = {"type": "object", "properties": {}}


def built(message: Message = HI, /, **fields: Any) -> dict[str, Any]:
    """The body for a spec with these fields."""
    spec = ChatSpec(model="fast", messages=(message,), **fields)
    return dict(json.loads(cohere().build(spec, stream=False, model="command", secret=None).request.body))


def added(**fields: Any) -> dict[str, Any]:
    """What these fields add to the shortest body."""
    body = built(**fields)
    assert body.pop("messages") == [{"role": "user", "content": "hi"}]
    assert body.pop("model") == "command"
    assert body.pop("stream") is False
    return body


def warned(**fields: Any) -> list[tuple[WarningCode, str]]:
    """The warnings for a spec with these fields."""
    spec = ChatSpec(model="fast", messages=(HI,), **fields)
    prepared = cohere().build(spec, stream=False, model="command", secret=None)
    return [(warning.code, warning.field) for warning in prepared.warnings]


def refused(message: Message = HI, /, **fields: Any) -> str:
    """The field that a spec with these fields is refused for."""
    with pytest.raises(RequestInvalid) as caught:
        built(message, **fields)
    assert [violation.field for violation in caught.value.violations] == [caught.value.metadata["field"]]
    return caught.value.metadata["field"]


def embedded(model: str = "embed-v4.0", inputs: tuple[Any, ...] = ("a", "b"), **fields: Any) -> dict[str, Any]:
    """The body for these inputs."""
    spec = EmbedSpec(model="e", inputs=inputs, **fields)
    return dict(json.loads(cohere().build(spec, stream=False, model=model, secret=None).request.body))


def test_the_adapter_is_a_dialect() -> None:
    adapter: Dialect = cohere()
    assert adapter.name == "cohere_v2"
    assert adapter.embed_batch_limit("embed-v4.0") == 96


def test_the_shortest_call_is_the_shortest_body() -> None:
    assert added() == {}


def test_where_and_with_what_secret() -> None:
    spec = ChatSpec(model="fast", messages=(HI,))
    request = cohere(base_url="http://127.0.0.1:9/v2/").build(spec, stream=True, model="m", secret=Secret("k")).request
    assert (request.method, request.url) == ("POST", "http://127.0.0.1:9/v2/chat")
    assert request.headers["authorization"] == "Bearer k"
    assert request.headers["accept"] == "text/event-stream"
    assert json.loads(request.body)["stream"] is True
    embed = cohere().build(EmbedSpec(model="e", inputs=("a",)), stream=False, model="m", secret=None).request
    assert embed.url == "https://api.cohere.com/v2/embed"


def test_the_scalars_go_by_coheres_names() -> None:
    fields: dict[str, Any] = {
        "max_output_tokens": 9,
        "temperature": 1.5,
        "top_p": 0.5,
        "top_k": 7,
        "frequency_penalty": 0.25,
        "presence_penalty": 0.75,
        "seed": 5,
        "stop_sequences": ("a",),
        "prompt_cache_key": "k",
    }
    assert added(**fields) == {
        "max_tokens": 9,
        "temperature": 1.5,
        "p": 0.5,
        "k": 7,
        "frequency_penalty": 0.25,
        "presence_penalty": 0.75,
        "seed": 5,
        "stop_sequences": ["a"],
    }
    assert warned(**fields) == []


@pytest.mark.parametrize(
    ("field", "value", "name", "sent"),
    [
        ("top_p", 1.0, "p", 0.99),
        ("top_p", 0.0, "p", 0.01),
        ("top_k", 1000, "k", 500),
        ("frequency_penalty", -1.0, "frequency_penalty", 0.0),
        ("presence_penalty", 2.0, "presence_penalty", 1.0),
    ],
)
def test_what_is_out_of_range_is_changed_with_a_warning(field: str, value: float, name: str, sent: float) -> None:
    assert added(**{field: value}) == {name: sent}
    assert warned(**{field: value}) == [(CHANGED, f"chat.{field}")]


def test_a_sixth_stop_sequence_is_refused() -> None:
    assert refused(stop_sequences=tuple("abcdef")) == "chat.stop_sequences"


def test_a_function_keeps_its_schema_as_written() -> None:
    schema = '{"type": "object", "maximum": 9007199254740993}'
    tool = FunctionTool("add", "Adds.", schema)
    function = {"name": "add", "description": "Adds.", "parameters": json.loads(schema)}
    assert added(tools=(tool,)) == {"tools": [{"type": "function", "function": function}]}


def test_a_function_without_parameters_takes_an_object() -> None:
    function = {"name": "add", "parameters": NO_ARGUMENTS}
    assert added(tools=(ADD,)) == {"tools": [{"type": "function", "function": function}]}


@pytest.mark.parametrize(
    ("strict", "sent", "warnings"),
    [
        ((None, None), None, []),
        ((False, None), None, []),
        ((True, True), True, []),
        ((True, None), True, [(CHANGED, "chat.tools")]),
        ((True, False), True, [(CHANGED, "chat.tools")]),
    ],
)
def test_tools_are_strict_together(
    strict: tuple[bool | None, bool | None], sent: bool | None, warnings: list[tuple[WarningCode, str]]
) -> None:
    tools = tuple(FunctionTool(f"f{n}", strict=one) for n, one in enumerate(strict))
    assert added(tools=tools).get("strict_tools") is sent
    assert warned(tools=tools) == warnings


@pytest.mark.parametrize(
    ("choice", "sent", "names"),
    [
        (ToolChoice(ToolChoiceMode.AUTO), None, ["add", "mul"]),
        (ToolChoice(ToolChoiceMode.NONE), "NONE", ["add", "mul"]),
        (ToolChoice(ToolChoiceMode.NONE, ("mul",)), "NONE", ["add", "mul"]),
        (ToolChoice(ToolChoiceMode.REQUIRED), "REQUIRED", ["add", "mul"]),
        (ToolChoice(ToolChoiceMode.REQUIRED, ("mul",)), "REQUIRED", ["mul"]),
        (ToolChoice(ToolChoiceMode.AUTO, ("mul",)), None, ["mul"]),
    ],
)
def test_a_tool_choice_is_sent_and_names_narrow_the_tools(
    choice: ToolChoice, sent: str | None, names: list[str]
) -> None:
    body = added(tools=(ADD, MUL), tool_choice=choice)
    assert body.get("tool_choice") == sent
    assert [tool["function"]["name"] for tool in body["tools"]] == names
    assert warned(tools=(ADD, MUL), tool_choice=choice) == []


def test_a_required_call_without_a_tool_is_refused() -> None:
    assert refused(tool_choice=ToolChoice(ToolChoiceMode.REQUIRED)) == "chat.tool_choice.mode"


def test_one_call_at_a_time_cannot_be_asked_for() -> None:
    assert warned(tools=(ADD,), parallel_tool_calls=False) == [(IGNORED, "chat.parallel_tool_calls")]


def test_a_tool_of_others_is_not_offered() -> None:
    tools = (ProviderTool("openai", "{}"), ProviderTool("cohere", '{"type": "x"}'))
    assert added(tools=tools) == {"tools": [{"type": "x"}]}
    assert warned(tools=tools) == [(IGNORED, "chat.tools[0].provider_tool")]


def test_json_is_asked_for_with_and_without_a_schema() -> None:
    assert added(response_format=JsonObjectFormat()) == {"response_format": {"type": "json_object"}}
    form = JsonSchemaFormat("a", '{"type": "object"}', "The answer.", strict=False)
    wanted = {"type": "json_object", "json_schema": {"type": "object"}}
    assert added(response_format=form) == {"response_format": wanted}
    assert warned(response_format=form) == [
        (CHANGED, "chat.response_format.json_schema.strict"),
        (IGNORED, "chat.response_format.json_schema.description"),
    ]


@pytest.mark.parametrize(
    ("spec", "sent", "warnings"),
    [
        (ReasoningSpec(), None, []),
        (ReasoningSpec(Effort.NONE), {"type": "disabled"}, []),
        (ReasoningSpec(max_tokens=0), {"type": "disabled"}, []),
        (ReasoningSpec(max_tokens=50), {"type": "enabled", "token_budget": 50}, []),
        (ReasoningSpec(Effort.LOW, 50), {"type": "enabled", "token_budget": 50}, []),
        (ReasoningSpec(Effort.LOW), {"type": "enabled"}, [(CHANGED, "chat.reasoning.effort")]),
    ],
)
def test_reasoning_is_a_budget(
    spec: ReasoningSpec, sent: dict[str, Any] | None, warnings: list[tuple[WarningCode, str]]
) -> None:
    assert added(reasoning=spec).get("thinking") == sent
    assert warned(reasoning=spec) == warnings


def test_options_are_added_but_do_not_override() -> None:
    options = {"cohere": '{"safety_mode": "STRICT", "documents": ["d"]}'}
    assert added(provider_options=options) == {"safety_mode": "STRICT", "documents": ["d"]}
    assert refused(provider_options={"vendor": '{"p": 1}'}) == "chat.provider_options['vendor']"
    assert refused(WITH_FILE, provider_options=options) == "chat.provider_options['cohere']"


@pytest.mark.parametrize(
    ("purpose", "sent", "warnings"),
    [
        (None, "search_document", []),
        (EmbedPurpose.QUERY, "search_query", []),
        (EmbedPurpose.DOCUMENT, "search_document", []),
        (EmbedPurpose.CLASSIFICATION, "classification", []),
        (EmbedPurpose.CLUSTERING, "clustering", []),
        (EmbedPurpose.SIMILARITY, "clustering", [(CHANGED, "embed.purpose")]),
    ],
)
def test_embeddings_always_say_what_they_are_for(
    purpose: EmbedPurpose | None, sent: str, warnings: list[tuple[WarningCode, str]]
) -> None:
    assert embedded(purpose=purpose) == {
        "model": "embed-v4.0",
        "texts": ["a", "b"],
        "input_type": sent,
        "embedding_types": ["float"],
    }
    spec = EmbedSpec(model="e", inputs=("a",), purpose=purpose)
    prepared = cohere().build(spec, stream=False, model="m", secret=None)
    assert [(one.code, one.field) for one in prepared.warnings] == warnings


def test_a_length_is_asked_for_where_there_are_several() -> None:
    assert embedded(dimensions=256)["output_dimension"] == 256
    with pytest.raises(RequestInvalid) as caught:
        embedded("embed-english-v3.0", dimensions=256)
    assert caught.value.metadata["field"] == "embed.dimensions"


def test_token_ids_are_refused() -> None:
    with pytest.raises(RequestInvalid) as caught:
        embedded(inputs=("a", (1, 2)))
    assert caught.value.metadata["field"] == "embed.inputs"


def test_options_of_embeddings_are_added_but_do_not_override() -> None:
    assert embedded(provider_options={"cohere": '{"truncate": "NONE"}'})["truncate"] == "NONE"
    with pytest.raises(RequestInvalid):
        embedded(provider_options={"cohere": '{"embedding_types": ["int8"]}'})


@pytest.mark.parametrize(
    ("model", "length"),
    [("embed-v4.0", 1536), ("embed-english-v3.0", 1024), ("embed-english-light-v3.0", 384), ("other", None)],
)
def test_lengths_are_known(model: str, length: int | None) -> None:
    assert cohere().default_dimensions(model) == length
