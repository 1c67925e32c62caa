"""Specs become requests for content: of the Gemini API and of Vertex AI."""

import json
from typing import Any

import pytest
from hedgerow_server.core.error import RequestInvalid
from hedgerow_server.core.event import WarningCode
from hedgerow_server.core.request import (
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
    ToolChoice,
    ToolChoiceMode,
)
from hedgerow_server.core.secret import Secret
from providers.google_run import gemini, vertex

Json = dict[str, Any]

ASKED = (Message(Role.USER, (Part(Text("hi")),)),)
ADD, DIVIDE = FunctionTool("add"), FunctionTool("divide")
SEARCH = ProviderTool("gemini", '{"googleSearch": {}}')


def built(model: str = "gemini-2.5-flash", **fields: Any) -> Json:
    """The body for "hi" with these fields of the spec; there must be no warning."""
    body, warnings = with_warnings(model, **fields)
    assert warnings == []
    return body


def with_warnings(model: str = "gemini-2.5-flash", **fields: Any) -> tuple[Json, list[tuple[WarningCode, str]]]:
    """The body, and the code and field of each warning."""
    spec = ChatSpec(model="m", **{"messages": ASKED, **fields})
    prepared = gemini().build(spec, stream=False, model=model, secret=None)
    body: Json = json.loads(prepared.request.body)
    return body, [(warning.code, warning.field) for warning in prepared.warnings]


def config(model: str = "gemini-2.5-flash", **fields: Any) -> Json:
    """The generation config for these fields."""
    found: Json = built(model, **fields)["generationConfig"]
    return found


def test_the_shortest_request_holds_the_conversation_only() -> None:
    assert built() == {"contents": [{"parts": [{"text": "hi"}], "role": "user"}]}


@pytest.mark.parametrize(
    ("field", "value", "member"),
    [
        ("temperature", 0.0, "temperature"),
        ("top_p", 0.5, "topP"),
        ("top_k", 40, "topK"),
        ("max_output_tokens", 7, "maxOutputTokens"),
        ("frequency_penalty", -1.5, "frequencyPenalty"),
        ("presence_penalty", 1.5, "presencePenalty"),
        ("seed", -3, "seed"),
    ],
)
def test_a_parameter_has_its_place(field: str, value: float, member: str) -> None:
    fields: Json = {field: value}
    assert config(**fields) == {member: value}


def test_stop_sequences_are_at_most_five() -> None:
    assert config(stop_sequences=("a",) * 5) == {"stopSequences": ["a"] * 5}
    with pytest.raises(RequestInvalid) as caught:
        built(stop_sequences=("a",) * 6)
    assert caught.value.violations[0].field == "chat.stop_sequences"


def test_a_seed_of_more_than_32_bits_is_cut_with_a_warning() -> None:
    body, warnings = with_warnings(seed=(1 << 40) + 5)
    assert body["generationConfig"] == {"seed": 5}
    assert warnings == [(WarningCode.PARAMETER_CHANGED, "chat.seed")]


def test_a_json_object_is_a_media_type() -> None:
    assert config(response_format=JsonObjectFormat()) == {"responseMimeType": "application/json"}


def test_a_json_schema_goes_as_it_is() -> None:
    form = JsonSchemaFormat("answer", '{"type":"object","x-order":[2,1]}')
    wanted = {"responseMimeType": "application/json", "responseJsonSchema": {"type": "object", "x-order": [2, 1]}}
    assert config(response_format=form) == wanted


@pytest.mark.parametrize(
    ("model", "effort", "sent"),
    [
        ("gemini-2.5-flash", Effort.LOW, {"includeThoughts": True, "thinkingBudget": 1024}),
        ("gemini-2.5-flash", Effort.NONE, {"thinkingBudget": 0}),
        ("gemini-2.5-flash", Effort.MAX, {"includeThoughts": True, "thinkingBudget": 24576}),
        ("gemini-2.5-pro", Effort.MAX, {"includeThoughts": True, "thinkingBudget": 32768}),
        ("gemini-3-flash-preview", Effort.MINIMAL, {"includeThoughts": True, "thinkingLevel": "MINIMAL"}),
        ("gemini-3.1-pro-preview", Effort.MEDIUM, {"includeThoughts": True, "thinkingLevel": "MEDIUM"}),
        ("gemini-flash-latest", Effort.HIGH, {"includeThoughts": True, "thinkingLevel": "HIGH"}),
        ("endpoints/123", Effort.HIGH, {"includeThoughts": True, "thinkingBudget": 24576}),
    ],
)
def test_an_effort_is_a_level_or_a_budget_by_generation(model: str, effort: Effort, sent: Json) -> None:
    assert config(model, reasoning=ReasoningSpec(effort)) == {"thinkingConfig": sent}


@pytest.mark.parametrize(
    ("model", "effort", "sent"),
    [
        ("gemini-2.5-pro", Effort.NONE, {"includeThoughts": True, "thinkingBudget": 128}),
        ("gemini-3-flash-preview", Effort.NONE, {"includeThoughts": True, "thinkingLevel": "MINIMAL"}),
        ("gemini-3-flash-preview", Effort.MAX, {"includeThoughts": True, "thinkingLevel": "HIGH"}),
        ("gemini-3-pro-preview", Effort.MINIMAL, {"includeThoughts": True, "thinkingLevel": "LOW"}),
        ("gemini-3-pro-preview", Effort.MEDIUM, {"includeThoughts": True, "thinkingLevel": "HIGH"}),
    ],
)
def test_an_effort_that_a_model_lacks_becomes_the_nearest_with_a_warning(
    model: str, effort: Effort, sent: Json
) -> None:
    body, warnings = with_warnings(model, reasoning=ReasoningSpec(effort))
    assert body["generationConfig"] == {"thinkingConfig": sent}
    assert warnings == [(WarningCode.PARAMETER_CHANGED, "chat.reasoning.effort")]


def test_a_limit_is_a_budget() -> None:
    wanted = {"thinkingConfig": {"includeThoughts": True, "thinkingBudget": 500}}
    assert config("gemini-2.5-pro", reasoning=ReasoningSpec(max_tokens=500)) == wanted
    assert config("gemini-3-pro-preview", reasoning=ReasoningSpec(max_tokens=500)) == wanted


def test_reasoning_without_more_shows_thoughts() -> None:
    assert config(reasoning=ReasoningSpec()) == {"thinkingConfig": {"includeThoughts": True}}


def test_a_model_that_does_not_reason_is_a_warning() -> None:
    body, warnings = with_warnings("gemini-2.0-flash", reasoning=ReasoningSpec(Effort.HIGH))
    assert "generationConfig" not in body
    assert warnings == [(WarningCode.PARAMETER_IGNORED, "chat.reasoning")]


def test_all_functions_are_one_tool() -> None:
    described = FunctionTool("add", "Adds.", '{"type":"object","properties":{}}')
    schema = {"type": "object", "properties": {}}
    functions = [{"name": "add", "description": "Adds.", "parametersJsonSchema": schema}, {"name": "divide"}]
    assert built(tools=(described, DIVIDE))["tools"] == [{"functionDeclarations": functions}]


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        (ToolChoice(ToolChoiceMode.AUTO), {"mode": "AUTO"}),
        (ToolChoice(ToolChoiceMode.NONE), {"mode": "NONE"}),
        (ToolChoice(ToolChoiceMode.REQUIRED), {"mode": "ANY"}),
        (ToolChoice(ToolChoiceMode.REQUIRED, ("add",)), {"mode": "ANY", "allowedFunctionNames": ["add"]}),
    ],
)
def test_a_tool_choice_is_a_mode(choice: ToolChoice, sent: Json) -> None:
    assert built(tools=(ADD, DIVIDE), tool_choice=choice)["toolConfig"] == {"functionCallingConfig": sent}


def test_functions_that_may_not_be_called_are_not_offered() -> None:
    """Google takes names only where a function must be called."""
    body = built(tools=(ADD, DIVIDE), tool_choice=ToolChoice(ToolChoiceMode.AUTO, ("divide",)))
    assert body["tools"] == [{"functionDeclarations": [{"name": "divide"}]}]
    assert body["toolConfig"] == {"functionCallingConfig": {"mode": "AUTO"}}


def test_a_required_call_without_functions_is_invalid() -> None:
    with pytest.raises(RequestInvalid):
        built(tools=(SEARCH,), tool_choice=ToolChoice(ToolChoiceMode.REQUIRED))


def test_what_functions_lack_is_a_warning() -> None:
    _, warnings = with_warnings(tools=(FunctionTool("add", strict=True),), parallel_tool_calls=False)
    assert [field for _, field in warnings] == ["chat.tools[0].function.strict", "chat.parallel_tool_calls"]


def test_a_tool_of_another_provider_is_not_offered() -> None:
    body, warnings = with_warnings(tools=(ProviderTool("anthropic", "{}"),))
    assert "tools" not in body
    assert warnings == [(WarningCode.PARAMETER_IGNORED, "chat.tools[0].provider_tool")]


@pytest.mark.parametrize(("model", "told"), [("gemini-3-flash-preview", True), ("gemini-2.5-flash", False)])
def test_gemini_3_is_told_of_tools_of_both_kinds(model: str, told: bool) -> None:
    body = built(model, tools=(ADD, SEARCH))
    assert body["tools"] == [{"googleSearch": {}}, {"functionDeclarations": [{"name": "add"}]}]
    assert body.get("toolConfig") == ({"includeServerSideToolInvocations": True} if told else None)


def test_options_go_where_they_belong() -> None:
    options = '{"safetySettings":[],"generation_config":{"responseModalities":["AUDIO"]},"toolConfig":{"a":1}}'
    body = built(temperature=1.0, provider_options={"gemini": options})
    assert body["safetySettings"] == []
    assert body["generationConfig"] == {"temperature": 1.0, "responseModalities": ["AUDIO"]}
    assert body["toolConfig"] == {"a": 1}


def test_what_the_request_leaves_open_may_be_said_in_options() -> None:
    options = {"gemini": '{"generationConfig":{"thinkingConfig":{"thinkingBudget":7}}}'}
    assert built(provider_options=options)["generationConfig"] == {"thinkingConfig": {"thinkingBudget": 7}}
    with pytest.raises(RequestInvalid):
        built(provider_options=options, reasoning=ReasoningSpec(Effort.LOW))


@pytest.mark.parametrize(
    "options",
    [
        '{"contents":[]}',
        '{"system_instruction":{}}',
        '{"generationConfig":{"candidateCount":2}}',
        '{"generationConfig":{"max_output_tokens":2}}',
        '{"toolConfig":{"functionCallingConfig":{}}}',
        '{"generationConfig":[]}',
    ],
)
def test_options_override_nothing(options: str) -> None:
    with pytest.raises(RequestInvalid) as caught:
        built(provider_options={"gemini": options})
    assert caught.value.violations[0].field.startswith("chat.provider_options['gemini']")


def test_the_key_goes_in_a_header_and_never_in_the_url() -> None:
    spec = ChatSpec(model="m", messages=ASKED)
    request = gemini().build(spec, stream=True, model="gemini-2.5-flash", secret=Secret("k-1")).request
    base = "https://generativelanguage.googleapis.com/v1beta"
    assert request.url == f"{base}/models/gemini-2.5-flash:streamGenerateContent?alt=sse"
    assert request.headers["x-goog-api-key"] == "k-1"
    assert request.headers["accept"] == "text/event-stream"


def test_a_model_of_another_collection_keeps_it() -> None:
    spec = ChatSpec(model="m", messages=ASKED)
    request = gemini().build(spec, stream=False, model="tunedModels/mine 1", secret=None).request
    assert request.url.endswith("/v1beta/tunedModels/mine%201:generateContent")


@pytest.mark.parametrize(
    ("settings", "model", "host", "version", "resource"),
    [
        ({}, "gemini-x", "us-central1-aiplatform.googleapis.com", "v1beta1", "publishers/google/models/gemini-x"),
        (
            {"location": "global", "api_version": "v1"},
            "gemini-x",
            "aiplatform.googleapis.com",
            "v1",
            "publishers/google/models/gemini-x",
        ),
        ({"location": "eu"}, "endpoints/123", "aiplatform.eu.rep.googleapis.com", "v1beta1", "endpoints/123"),
        (
            {"base_url": "https://proxy.test/x/", "publisher": "google"},
            "claude-y",
            "proxy.test/x",
            "v1beta1",
            "publishers/google/models/claude-y",
        ),
    ],
)
def test_vertex_has_an_address_for_each_place(
    settings: Json, model: str, host: str, version: str, resource: str
) -> None:
    spec = ChatSpec(model="m", messages=ASKED)
    request = vertex(**settings).build(spec, stream=False, model=model, secret=Secret("t-1")).request
    parent = f"projects/example-project/locations/{settings.get('location', 'us-central1')}"
    assert request.url == f"https://{host}/{version}/{parent}/{resource}:generateContent"
    assert request.headers["authorization"] == "Bearer t-1"


def test_claude_on_vertex_is_asked_in_its_own_words() -> None:
    spec = ChatSpec(model="m", messages=ASKED, max_output_tokens=5)
    request = vertex().build(spec, stream=True, model="claude-3-7-sonnet@20250219", secret=None).request
    body = json.loads(request.body)
    assert request.url.endswith("/publishers/anthropic/models/claude-3-7-sonnet@20250219:streamRawPredict")
    assert (body["anthropic_version"], body["stream"], body["max_tokens"]) == ("vertex-2023-10-16", True, 5)
    assert "model" not in body


def test_vertex_knows_no_invocations_of_its_own_tools() -> None:
    spec = ChatSpec(model="m", messages=ASKED, tools=(ADD, ProviderTool("vertex", '{"googleSearch": {}}')))
    prepared = vertex().build(spec, stream=False, model="gemini-3-flash-preview", secret=None)
    assert "toolConfig" not in json.loads(prepared.request.body)
    assert prepared.warnings == ()
