"""What the members of a request to the Responses API become."""

import json
from typing import Any

import pytest
from hedgerow_server.core.call import Kind
from hedgerow_server.core.error import RequestInvalid, RequestMalformed
from hedgerow_server.core.request import (
    ChatSpec,
    Effort,
    FunctionTool,
    JsonObjectFormat,
    JsonSchemaFormat,
    ProviderTool,
    Role,
    Text,
    ToolChoice,
    ToolChoiceMode,
)
from responses_door import decoded

WEATHER = {"type": "function", "name": "weather", "parameters": {"type": "object"}}
SEARCH = {"type": "web_search", "search_context_size": "low"}


def spec(**members: Any) -> ChatSpec:
    """What a request with these members asks for."""
    return decoded({"model": "m", "input": "hi", **members})[0].spec


def options(**members: Any) -> dict[str, Any]:
    """What of the members goes to upstreams of the API alone, by the names of dialects."""
    found = spec(**members)
    assert set(found.for_any) == set(found.provider_options)
    return {name: json.loads(text) for name, text in found.provider_options.items()}


def refused(**members: Any) -> tuple[str, str]:
    """The field of which the refusal of a request speaks, as the caller knows it, and what it says."""
    body = {"model": "m", "input": "hi", **members}
    with pytest.raises(RequestInvalid) as error:
        decoded(body)
    violation = error.value.violations[0]
    return violation.field, violation.description


def test_a_text_is_a_message_of_the_user() -> None:
    (message,) = spec().messages
    assert (message.role, message.content[0].content) == (Role.USER, Text("hi"))


def test_instructions_come_first() -> None:
    first, second = spec(instructions="be brief").messages
    assert (first.role, first.content[0].content) == (Role.SYSTEM, Text("be brief"))
    assert second.role is Role.USER


def test_null_and_the_defaults_of_the_api_ask_for_nothing() -> None:
    names = "instructions tools tool_choice text reasoning include store background stream temperature metadata"
    kept = "previous_response_id conversation prompt truncation user"
    nothing = dict.fromkeys([*names.split(), *kept.split()])
    same = {"background": False, "stream": False, "text": {"format": {"type": "text"}}, "reasoning": {"effort": None}}
    assert spec(**nothing) == spec(**same) == spec()


def test_scalars_are_those_of_the_contract() -> None:
    found = spec(temperature=0.5, top_p=0.25, max_output_tokens=7, top_logprobs=3, parallel_tool_calls=False, seed=4)
    assert (found.temperature, found.top_p, found.max_output_tokens, found.top_logprobs) == (0.5, 0.25, 7, 3)
    assert (found.parallel_tool_calls, found.seed) == (False, 4)
    assert spec(prompt_cache_key="k").prompt_cache_key == "k"


def test_a_stream_is_the_other_rpc() -> None:
    assert decoded({"model": "m", "input": "hi"})[1].method.kind is Kind.UNARY
    assert decoded({"model": "m", "input": "hi", "stream": True})[1].method.kind is Kind.SERVER_STREAM


def test_functions_and_tools_of_the_provider() -> None:
    given = spec(tools=[{**WEATHER, "strict": True, "description": "d"}, SEARCH, {"type": "custom", "name": "sql"}])
    function, search, custom = given.tools
    assert function == FunctionTool("weather", "d", '{"type":"object"}', strict=True)
    assert isinstance(search, ProviderTool)
    assert (search.provider, json.loads(search.definition)) == ("openai_responses", SEARCH)
    assert isinstance(custom, ProviderTool)


def test_a_function_with_more_than_the_contract_has_goes_as_it_is() -> None:
    (tool,) = spec(tools=[{**WEATHER, "defer_loading": True}]).tools
    assert isinstance(tool, ProviderTool)
    assert json.loads(tool.definition)["defer_loading"] is True
    assert isinstance(spec(tools=[{**WEATHER, "defer_loading": None}]).tools[0], FunctionTool)


@pytest.mark.parametrize(
    ("choice", "wanted"),
    [
        ("auto", ToolChoice(ToolChoiceMode.AUTO)),
        ("none", ToolChoice(ToolChoiceMode.NONE)),
        ("required", ToolChoice(ToolChoiceMode.REQUIRED)),
        ({"type": "function", "name": "weather"}, ToolChoice(ToolChoiceMode.REQUIRED, ("weather",))),
        (
            {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "weather"}]},
            ToolChoice(ToolChoiceMode.AUTO, ("weather",)),
        ),
    ],
)
def test_the_choice_of_functions(choice: Any, wanted: ToolChoice) -> None:
    assert spec(tools=[WEATHER], tool_choice=choice).tool_choice == wanted


@pytest.mark.parametrize(
    "choice",
    [
        {"type": "web_search"},
        {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "web_search"}]},
    ],
)
def test_a_choice_of_other_tools_is_for_upstreams_of_the_api(choice: Any) -> None:
    assert spec(tools=[WEATHER, SEARCH], tool_choice=choice).tool_choice is None
    assert options(tools=[WEATHER, SEARCH], tool_choice=choice) == {"openai_responses": {"tool_choice": choice}}


def test_the_forms_of_an_answer() -> None:
    schema = {"type": "json_schema", "name": "city", "schema": {"type": "object"}, "strict": True}
    assert spec(text={"format": schema}).response_format == JsonSchemaFormat("city", '{"type":"object"}', strict=True)
    assert spec(text={"format": {"type": "json_object"}}).response_format == JsonObjectFormat()
    assert options(text={"format": {"type": "text"}, "verbosity": "low"}) == {
        "openai_responses": {"text": {"verbosity": "low"}}
    }


def test_reasoning() -> None:
    found = spec(reasoning={"effort": "xhigh", "summary": "auto"})
    assert found.reasoning is not None
    assert found.reasoning.effort is Effort.XHIGH
    assert options(reasoning={"effort": "low", "summary": "auto"}) == {
        "openai_responses": {"reasoning": {"summary": "auto"}}
    }


def test_what_is_included() -> None:
    """Encrypted reasoning is there anyhow, log probabilities the contract has; the rest is the upstream's."""
    assert options(include=["reasoning.encrypted_content"]) == {}
    assert spec(include=["message.output_text.logprobs"]).top_logprobs == 0
    assert spec(include=["message.output_text.logprobs"], top_logprobs=2).top_logprobs == 2
    assert options(include=["file_search_call.results"]) == {
        "openai_responses": {"include": ["file_search_call.results"]}
    }


def test_what_the_contract_does_not_have_goes_to_upstreams_of_the_api() -> None:
    """What both of OpenAI's APIs have, to upstreams of either."""
    assert options(metadata={"a": "b"}, user="u", truncation="auto", max_tool_calls=2, some_new_thing=[1]) == {
        "openai": {"metadata": {"a": "b"}, "user": "u"},
        "openai_responses": {"truncation": "auto", "max_tool_calls": 2, "some_new_thing": [1]},
    }


def test_the_callers_own_options_win() -> None:
    given = {"provider_options": {"openai_responses": {"truncation": "auto"}, "mine": {"a": 1}}}
    found = spec(truncation="disabled", hedgerow=given)
    assert json.loads(found.provider_options["openai_responses"]) == {"truncation": "auto"}
    assert json.loads(found.provider_options["mine"]) == {"a": 1}
    assert found.for_any == ("openai_responses",)


@pytest.mark.parametrize("field", ["previous_response_id", "conversation", "prompt"])
def test_what_a_provider_has_kept_binds_the_call_to_such_a_provider(field: str) -> None:
    found = spec(**{field: "x_1"}, instructions="be brief")
    assert found.bound == ("openai_responses", field)
    assert len(found.messages) == 1
    assert json.loads(found.provider_options["openai_responses"]) == {field: "x_1", "instructions": "be brief"}


def test_to_be_kept_binds_and_not_to_be_kept_does_not() -> None:
    assert spec(store=True).bound == ("openai_responses", "store")
    assert options(store=True) == {"openai_responses": {"store": True}}
    assert spec(store=False).bound is None
    assert options(store=False) == {"openai_responses": {"store": False}}


def test_an_item_that_is_only_named_binds() -> None:
    assert spec(input=[{"type": "item_reference", "id": "msg_1"}]).bound == ("openai_responses", "input[0]")


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"temperature": "hot"}, "temperature"),
        ({"temperature": 3}, "chat.temperature"),
        ({"max_output_tokens": 0}, "chat.max_output_tokens"),
        ({"background": True}, "background"),
        ({"input": None}, "input"),
        ({"input": []}, "input"),
        ({"input": [{"content": "hi"}]}, "input[0].type"),
        ({"input": [{"role": "critic", "content": "hi"}]}, "input[0].role"),
        ({"input": [{"role": "user", "content": [{"type": "input_text"}]}]}, "input[0].content[0].text"),
        ({"input": [{"role": "user", "content": [{"type": "smell"}]}]}, "input[0].content[0].type"),
        (
            {"input": [{"role": "user", "content": [{"type": "input_text", "text": "", "x": 1}]}]},
            "input[0].content[0].x",
        ),
        ({"input": [{"type": "function_call", "call_id": "c", "name": "f"}]}, "input[0].arguments"),
        ({"reasoning": {"effort": "some"}}, "reasoning.effort"),
        ({"tools": [{"name": "f"}]}, "tools[0].type"),
        ({"tool_choice": "perhaps"}, "tool_choice"),
        ({"text": {"format": {"type": "poem"}}}, "text.format.type"),
        ({"stream_options": {"include_obfuscation": False}}, "stream_options"),
        ({"stream": True, "stream_options": {"include_obfuscation": True}}, "stream_options.include_obfuscation"),
        ({"hedgerow": {"rout": {}}}, "hedgerow.rout"),
    ],
)
def test_a_refusal_names_the_field(members: dict[str, Any], field: str) -> None:
    assert refused(**members)[0] == field


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"model": "m"' + b"[" * 100_000])
def test_what_is_no_json_is_malformed(body: bytes) -> None:
    with pytest.raises(RequestMalformed):
        decoded(body)


@pytest.mark.parametrize(
    ("contract", "named"),
    [
        ("chat.temperature", "temperature"),
        ("chat.messages", "input"),
        ("chat.messages[0].content[0].text", "instructions"),
        ("chat.messages[1].content[1].image.url", "input[0].content[1].image_url"),
        ("chat.messages[1].content[1].image.media_type", "input[0].content[1].media_type"),
        ("chat.messages[1]", "input[0]"),
        ("chat.messages[2].content[0].tool_call", "input[1]"),
        ("chat.messages[3].content[0].tool_result.content[0].text", "input[2].output[0]"),
        ("chat.messages[9]", "input"),
        ("chat.tools[1].function.name", "tools[1].name"),
        ("chat.tools[0].provider_tool", "tools[0]"),
        ("chat.tool_choice.function_names[0]", "tool_choice"),
        ("chat.response_format.json_schema.name", "text.format.name"),
        ("chat.provider_options['openai_responses'].truncation", "truncation"),
        ("route.max_attempts", "hedgerow.route.max_attempts"),
        ("labels", "hedgerow.labels"),
        ("input[0].content", "input[0].content"),
    ],
)
def test_fields_of_the_contract_in_the_words_of_the_caller(contract: str, named: str) -> None:
    content = [{"type": "input_text", "text": "hi"}, {"type": "input_image", "image_url": "https://a/b.png"}]
    items = [
        {"role": "user", "content": content},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_text", "text": "x"}]},
    ]
    call = decoded({"model": "m", "instructions": "be brief", "input": items})[1]
    assert call.form.named(contract) == named  # type: ignore[attr-defined]
