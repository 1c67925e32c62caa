"""Requests to Claude: all but the conversation and reasoning, and what is refused or warned about."""

import json
from typing import Any

import pytest
from hedgerow_server.core.error import RequestInvalid
from hedgerow_server.core.event import WarningCode
from hedgerow_server.core.port import Dialect, HttpRequest
from hedgerow_server.core.request import (
    CacheHint,
    ChatSpec,
    Effort,
    EmbedSpec,
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
from hedgerow_server.providers.anthropic import BEDROCK, VERTEX, AnthropicSection, Envelope, Options, message_body
from hedgerow_server.providers.draft import Draft
from providers.anthropic_run import anthropic

HI = (Message(Role.USER, (Part(Text("hi")),)),)
SAID = [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]
ADD, SUB = FunctionTool("add"), FunctionTool("sub")
NO_PARAMETERS = {"type": "object", "properties": {}}
SCHEMA = '{"type": "object", "maximum": 9007199254740993, "b": 1.0, "a": 2}'
SEARCH = ProviderTool("anthropic", '{"type": "web_search_20250305", "name": "web_search"}')
OLD, NEW = "claude-sonnet-4-5", "claude-opus-5"
IGNORED, CHANGED = WarningCode.PARAMETER_IGNORED, WarningCode.PARAMETER_CHANGED


def request(
    *, stream: bool = False, model: str = OLD, settings: dict[str, Any] | None = None, **fields: Any
) -> tuple[HttpRequest, list[tuple[WarningCode, str]]]:
    """The request for a spec with these fields, and its warnings."""
    spec = ChatSpec(model="fast", messages=HI, **fields)
    prepared = anthropic(**(settings or {})).build(spec, stream=stream, model=model, secret=Secret("sk-1"))
    return prepared.request, [(warning.code, warning.field) for warning in prepared.warnings]


def built(**fields: Any) -> dict[str, Any]:
    """The body, which must come without a warning."""
    sent, warnings = request(**fields)
    assert warnings == []
    return dict(json.loads(sent.body))


def added(**fields: Any) -> dict[str, Any]:
    """What these fields add to the shortest body."""
    body = built(**fields)
    return {name: value for name, value in body.items() if name not in ("model", "messages", "max_tokens")}


def warned(**fields: Any) -> tuple[dict[str, Any], list[tuple[WarningCode, str]]]:
    """The body and its warnings."""
    sent, warnings = request(**fields)
    return dict(json.loads(sent.body)), warnings


def refused(**fields: Any) -> str:
    """The field that a spec with these fields is refused for."""
    with pytest.raises(RequestInvalid) as caught:
        request(**fields)
    assert [violation.field for violation in caught.value.violations] == [caught.value.metadata["field"]]
    return caught.value.metadata["field"]


def offered(body: dict[str, Any]) -> list[str]:
    """The names of the tools in a body."""
    return [tool["name"] for tool in body["tools"]]


def test_it_is_a_dialect() -> None:
    dialect: Dialect = anthropic()
    assert (dialect.name, dialect.embed_batch_limit("any")) == ("anthropic_messages", 1)
    assert dialect.default_dimensions(OLD) is None


def test_the_shortest_chat_has_a_model_messages_and_a_limit_only() -> None:
    assert built() == {"model": OLD, "messages": SAID, "max_tokens": 8192}


def test_a_stream_is_asked_for_in_the_body_and_in_the_header() -> None:
    sent, _ = request(stream=True)
    assert json.loads(sent.body)["stream"] is True
    assert sent.headers["accept"] == "text/event-stream"


def test_the_request_goes_to_anthropic_with_its_key_and_version() -> None:
    sent, _ = request()
    assert (sent.method, sent.url) == ("POST", "https://api.anthropic.com/v1/messages")
    assert sent.headers == {
        "content-type": "application/json",
        "accept": "application/json",
        "anthropic-version": "2023-06-01",
        "x-api-key": "sk-1",
    }


def test_the_section_changes_address_version_betas_and_how_the_key_is_sent() -> None:
    settings = {
        "base_url": "https://example.com/anthropic/",
        "auth": "bearer",
        "anthropic_version": "2026-10-21",
        "anthropic_beta": ["files-api-2025-04-14", "context-1m-2025-08-07"],
    }
    sent, _ = request(settings=settings)
    assert sent.url == "https://example.com/anthropic/v1/messages"
    assert sent.headers["authorization"] == "Bearer sk-1"
    assert "x-api-key" not in sent.headers
    assert sent.headers["anthropic-version"] == "2026-10-21"
    assert sent.headers["anthropic-beta"] == "files-api-2025-04-14,context-1m-2025-08-07"


def test_without_a_secret_no_credential_is_sent() -> None:
    prepared = anthropic().build(ChatSpec(model="m", messages=HI), stream=False, model=OLD, secret=None)
    assert prepared.request.headers.keys() == {"content-type", "accept", "anthropic-version"}


def test_a_beta_with_a_line_break_is_refused_by_the_section() -> None:
    with pytest.raises(ValueError, match="anthropic_beta"):
        AnthropicSection.model_validate({"dialect": "anthropic", "anthropic_beta": ["a\nb"]})


def test_embeddings_are_refused() -> None:
    with pytest.raises(RequestInvalid, match="no embeddings"):
        anthropic().build(EmbedSpec(model="m", inputs=("a",)), stream=False, model=OLD, secret=None)


@pytest.mark.parametrize(
    ("model", "limit"),
    [
        ("claude-3-opus-20240229", 4096),
        ("claude-3-5-haiku-20241022", 8192),
        (OLD, 8192),
        (NEW, 32_000),
        ("claude-something", 32_000),
        ("other-vendor-1", 8192),
    ],
)
def test_without_a_limit_of_the_callers_the_model_has_one(model: str, limit: int) -> None:
    assert built(model=model)["max_tokens"] == limit


def test_the_sections_limit_goes_before_the_models_and_the_callers_before_both() -> None:
    settings = {"default_max_tokens": 1000}
    assert built(settings=settings)["max_tokens"] == 1000
    assert built(settings=settings, max_output_tokens=7)["max_tokens"] == 7


def test_sampling_is_passed_on() -> None:
    assert added(temperature=0.5, top_k=40) == {"temperature": 0.5, "top_k": 40}
    assert added(top_p=0.9) == {"top_p": 0.9}
    assert added(temperature=0.0) == {"temperature": 0.0}


def test_a_temperature_above_one_becomes_one_with_a_warning() -> None:
    body, warnings = warned(temperature=1.7)
    assert body["temperature"] == 1.0
    assert warnings == [(CHANGED, "chat.temperature")]


def test_a_model_that_takes_one_sampler_gets_the_temperature() -> None:
    body, warnings = warned(temperature=0.5, top_p=0.9)
    assert ("top_p" in body, body["temperature"]) == (False, 0.5)
    assert warnings == [(IGNORED, "chat.top_p")]
    assert added(model="claude-3-7-sonnet-20250219", temperature=0.5, top_p=0.9) == {"temperature": 0.5, "top_p": 0.9}


def test_a_model_without_sampling_parameters_gets_none() -> None:
    body, warnings = warned(model=NEW, temperature=0.5, top_p=0.9, top_k=4)
    assert body.keys() == {"model", "messages", "max_tokens"}
    assert warnings == [(IGNORED, "chat.temperature"), (IGNORED, "chat.top_p"), (IGNORED, "chat.top_k")]


@pytest.mark.parametrize("name", ["frequency_penalty", "presence_penalty", "seed"])
def test_what_the_provider_lacks_is_ignored_with_a_warning(name: str) -> None:
    body, warnings = warned(**{name: 1})
    assert body.keys() == {"model", "messages", "max_tokens"}
    assert warnings == [(IGNORED, f"chat.{name}")]


def test_the_cache_key_is_ignored_silently() -> None:
    assert added(prompt_cache_key="k") == {}


def test_stop_sequences_are_passed_on() -> None:
    assert added(stop_sequences=("a", " b")) == {"stop_sequences": ["a", " b"]}


def test_a_blank_stop_sequence_is_refused() -> None:
    assert refused(stop_sequences=("a", "\n\n")) == "chat.stop_sequences[1]"


def test_a_function_is_offered_with_all_that_is_known_of_it() -> None:
    tool = FunctionTool("add", "adds", SCHEMA, strict=True, cache_hint=CacheHint(3600.0))
    body = built(tools=(tool,))
    assert body["tools"] == [
        {
            "name": "add",
            "description": "adds",
            "input_schema": json.loads(SCHEMA),
            "strict": True,
            "cache_control": {"type": "ephemeral", "ttl": "1h"},
        }
    ]


def test_a_schema_is_sent_to_the_last_digit() -> None:
    sent, _ = request(tools=(FunctionTool("add", parameters=SCHEMA),))
    assert SCHEMA.encode() in sent.body


def test_a_function_without_parameters_has_an_empty_schema() -> None:
    assert built(tools=(ADD,))["tools"] == [{"name": "add", "input_schema": NO_PARAMETERS}]


def test_a_tool_of_the_providers_own_goes_as_it_is() -> None:
    body = built(tools=(SEARCH, ADD))
    assert body["tools"][0] == {"type": "web_search_20250305", "name": "web_search"}
    assert offered(body) == ["web_search", "add"]


def test_a_tool_of_the_providers_own_takes_a_cache_hint_unless_it_has_one() -> None:
    own = '{"type":"t","name":"n","cache_control":{"type":"ephemeral","ttl":"1h"}}'
    tools = (
        ProviderTool("anthropic", SEARCH.definition, CacheHint()),
        ProviderTool("vendor", own, CacheHint()),
    )
    first, second = built(tools=tools)["tools"]
    assert first["cache_control"] == {"type": "ephemeral"}
    assert second["cache_control"] == {"type": "ephemeral", "ttl": "1h"}


def test_a_tool_of_another_provider_is_not_offered() -> None:
    body, warnings = warned(tools=(ADD, ProviderTool("openai", "{}")))
    assert offered(body) == ["add"]
    assert warnings == [(IGNORED, "chat.tools[1].provider_tool")]


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        (ToolChoice(ToolChoiceMode.AUTO), {"type": "auto"}),
        (ToolChoice(ToolChoiceMode.REQUIRED), {"type": "any"}),
        (ToolChoice(ToolChoiceMode.NONE), {"type": "none"}),
        (ToolChoice(ToolChoiceMode.REQUIRED, ("sub",)), {"type": "tool", "name": "sub"}),
    ],
)
def test_a_tool_choice_is_said_in_the_providers_words(choice: ToolChoice, sent: dict[str, str]) -> None:
    body = built(tools=(ADD, SUB), tool_choice=choice)
    assert body["tool_choice"] == sent
    assert offered(body) == ["add", "sub"]


def test_a_choice_among_several_functions_offers_only_those() -> None:
    names = ("sub", "mul")
    tools = (ADD, SUB, SEARCH, FunctionTool("mul"))
    body = built(tools=tools, tool_choice=ToolChoice(ToolChoiceMode.REQUIRED, names))
    assert (body["tool_choice"], offered(body)) == ({"type": "any"}, ["sub", "mul"])
    body = built(tools=tools, tool_choice=ToolChoice(ToolChoiceMode.AUTO, ("sub",)))
    assert (body["tool_choice"], offered(body)) == ({"type": "auto"}, ["sub"])


def test_one_call_at_a_time_is_part_of_the_choice() -> None:
    alone = {"disable_parallel_tool_use": True}
    assert built(tools=(ADD,), parallel_tool_calls=False)["tool_choice"] == {"type": "auto", **alone}
    required = ToolChoice(ToolChoiceMode.REQUIRED)
    assert built(tools=(ADD,), parallel_tool_calls=False, tool_choice=required)["tool_choice"] == {
        "type": "any",
        **alone,
    }
    none = ToolChoice(ToolChoiceMode.NONE)
    assert built(tools=(ADD,), parallel_tool_calls=False, tool_choice=none)["tool_choice"] == {"type": "none"}


def test_parallel_calls_are_the_default() -> None:
    assert "tool_choice" not in built(tools=(ADD,), parallel_tool_calls=True)


def test_a_choice_without_tools_is_nothing_unless_one_is_required() -> None:
    assert added(tool_choice=ToolChoice(ToolChoiceMode.AUTO)) == {}
    assert refused(tool_choice=ToolChoice(ToolChoiceMode.REQUIRED)) == "chat.tool_choice.mode"


def test_a_json_schema_is_the_format_of_the_output() -> None:
    body = built(response_format=JsonSchemaFormat("n", SCHEMA, strict=True))
    assert body["output_config"] == {"format": {"type": "json_schema", "schema": json.loads(SCHEMA)}}


def test_what_a_json_schema_cannot_say_is_ignored_with_a_warning() -> None:
    _, warnings = warned(response_format=JsonSchemaFormat("n", SCHEMA, "why", strict=False))
    at = "chat.response_format.json_schema"
    assert warnings == [(IGNORED, f"{at}.description"), (IGNORED, f"{at}.strict")]


def test_json_without_a_schema_is_ignored_with_a_warning() -> None:
    body, warnings = warned(response_format=JsonObjectFormat())
    assert body.keys() == {"model", "messages", "max_tokens"}
    assert warnings == [(IGNORED, "chat.response_format.json_object")]


@pytest.mark.parametrize("name", ["vendor", "anthropic", "anthropic_messages"])
def test_options_for_the_provider_are_added(name: str) -> None:
    assert added(provider_options={name: '{"metadata": {"user_id": "u"}}', "openai": '{"n": 2}'}) == {
        "metadata": {"user_id": "u"}
    }


def test_options_may_say_of_thinking_what_the_spec_does_not() -> None:
    options = {"anthropic": '{"thinking": {"type": "between_tools"}, "output_config": {"effort": "low"}}'}
    assert added(provider_options=options) == json.loads(options["anthropic"])


@pytest.mark.parametrize("member", ["model", "messages", "system", "max_tokens", "stream", "tools", "temperature"])
def test_options_override_nothing_of_the_gateways(member: str) -> None:
    assert refused(provider_options={"vendor": json.dumps({member: 1})}) == "chat.provider_options['vendor']"


def test_options_do_not_replace_a_format_that_was_asked_for() -> None:
    form = JsonSchemaFormat("n", SCHEMA)
    options = {"vendor": '{"output_config": {"format": {}}}'}
    assert refused(response_format=form, provider_options=options) == "chat.provider_options['vendor'].output_config"


def test_options_say_what_effort_an_answer_is_worth_beside_its_format() -> None:
    form = JsonSchemaFormat("n", '{"type": "object"}')
    options = {"vendor": '{"output_config": {"effort": "low"}}'}
    assert added(response_format=form, provider_options=options) == {
        "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": {"type": "object"}}}
    }


def test_the_callers_own_words_on_thinking_hold_before_what_reasoning_makes_of_it() -> None:
    options = {"vendor": '{"thinking": {"type": "adaptive", "display": "summarized"}}'}
    given = ReasoningSpec(effort=Effort.LOW)
    assert added(model=NEW, reasoning=given, provider_options=options) == json.loads(options["vendor"])


def test_reasoning_holds_where_the_model_does_not_take_the_callers_own_words() -> None:
    options = {"vendor": '{"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}'}
    told = added(reasoning=ReasoningSpec(max_tokens=2048), max_output_tokens=4096, provider_options=options)
    assert told == {"thinking": {"type": "enabled", "budget_tokens": 2048}}


def test_further_members_of_a_function_are_told_by_its_name() -> None:
    options = {"vendor": '{"tool_members": {"f": {"defer_loading": true}}}'}
    told = added(tools=(FunctionTool("f"), FunctionTool("g")), provider_options=options)
    assert [one.get("defer_loading") for one in told["tools"]] == [True, None]


@pytest.mark.parametrize("text", ['{"f": {"name": "g"}}', "[]", '{"f": 1}'])
def test_members_of_functions_replace_none_of_the_gateways(text: str) -> None:
    options = {"vendor": f'{{"tool_members": {text}}}'}
    assert (
        refused(tools=(FunctionTool("f"),), provider_options=options) == "chat.provider_options['vendor'].tool_members"
    )


def test_the_callers_features_in_beta_join_those_of_the_section() -> None:
    options = {"anthropic": '{"betas": ["b", "c"]}'}
    sent, warnings = request(settings={"anthropic_beta": ["a", "b"]}, provider_options=options)
    assert sent.headers["anthropic-beta"] == "a,b,c"
    assert "betas" not in json.loads(sent.body)
    assert warnings == []


def test_features_in_beta_are_a_list_of_words() -> None:
    assert refused(provider_options={"vendor": '{"betas": "a"}'}) == "chat.provider_options['vendor'].betas"


@pytest.mark.parametrize("envelope", [VERTEX, BEDROCK])
def test_other_platforms_are_asked_for_no_features_but_their_own(envelope: Envelope) -> None:
    draft = Draft("vendor", "anthropic")
    spec = ChatSpec(model="fast", messages=HI, provider_options={"anthropic": '{"betas": ["b"]}'})
    body = message_body(spec, draft, model=OLD, stream=False, options=Options(), envelope=envelope)
    assert not json.loads(body).keys() & {"betas", "anthropic_beta"}
    assert [warning.field for warning in draft.warnings] == ["chat.provider_options['anthropic'].betas"]


def platform_body(envelope: Envelope, *, stream: bool) -> dict[str, Any]:
    """The shortest body on another platform."""
    draft = Draft("vendor", "anthropic")
    spec = ChatSpec(model="fast", messages=HI)
    built_ = message_body(spec, draft, model=OLD, stream=stream, options=Options(), envelope=envelope)
    return dict(json.loads(built_))


def test_on_vertex_the_version_stands_in_the_place_of_the_model() -> None:
    assert platform_body(VERTEX, stream=True) == {
        "anthropic_version": "vertex-2023-10-16",
        "messages": SAID,
        "max_tokens": 8192,
        "stream": True,
    }


def test_on_bedrock_the_url_says_whether_to_stream() -> None:
    assert platform_body(BEDROCK, stream=True) == {
        "anthropic_version": "bedrock-2023-05-31",
        "messages": SAID,
        "max_tokens": 8192,
    }


def test_on_other_platforms_betas_stand_in_the_body() -> None:
    envelope = Envelope(names_model=False, version="v", betas=("a", "b"))
    assert platform_body(envelope, stream=False)["anthropic_beta"] == ["a", "b"]
