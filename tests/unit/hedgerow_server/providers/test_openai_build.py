"""Requests to OpenAI: every field of the contract, and what is refused or warned about."""

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
from providers.openai_run import openai

HI = (Message(Role.USER, (Part(Text("hi")),)),)
ADD = FunctionTool("add")
SCHEMA = '{"type": "object", "maximum": 9007199254740993, "b": 1.0, "a": 2}'


def built(stream: bool = False, settings: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """The body for a spec with these fields."""
    spec = ChatSpec(model="fast", messages=HI, **fields)
    body = openai(**(settings or {})).build(spec, stream=stream, model="gpt", secret=None).request.body
    return dict(json.loads(body))


def added(**fields: Any) -> dict[str, Any]:
    """What these fields add to the shortest body."""
    body = built(**fields)
    assert body.pop("model") == "gpt"
    assert body.pop("messages") == [{"role": "user", "content": "hi"}]
    return body


def warned(**fields: Any) -> list[tuple[WarningCode, str]]:
    """The warnings for a spec with these fields."""
    prepared = openai().build(ChatSpec(model="fast", messages=HI, **fields), stream=False, model="gpt", secret=None)
    return [(warning.code, warning.field) for warning in prepared.warnings]


def refused(**fields: Any) -> str:
    """The field that a spec with these fields is refused for."""
    with pytest.raises(RequestInvalid) as caught:
        built(**fields)
    assert [violation.field for violation in caught.value.violations] == [caught.value.metadata["field"]]
    return caught.value.metadata["field"]


def test_it_is_a_dialect() -> None:
    dialect: Dialect = openai(embed_batch_limit=7)
    assert (dialect.name, dialect.embed_batch_limit("any")) == ("openai_chat", 7)


def test_the_shortest_chat_has_a_model_and_messages_only() -> None:
    assert built() == {"model": "gpt", "messages": [{"role": "user", "content": "hi"}]}


def test_a_stream_asks_for_its_usage() -> None:
    body = built(stream=True)
    assert (body["stream"], body["stream_options"]) == (True, {"include_usage": True})


def test_the_request_goes_to_the_base_url_with_the_credential() -> None:
    dialect = openai(base_url="http://127.0.0.1:9/v1/", organization="org-1", project="proj-1")
    request = dialect.build(
        ChatSpec(model="fast", messages=HI), stream=True, model="gpt", secret=Secret("sk-1")
    ).request
    assert (request.method, request.url) == ("POST", "http://127.0.0.1:9/v1/chat/completions")
    assert request.headers == {
        "content-type": "application/json",
        "accept": "text/event-stream",
        "authorization": "Bearer sk-1",
        "openai-organization": "org-1",
        "openai-project": "proj-1",
    }


def test_without_a_credential_none_is_sent() -> None:
    request = openai().build(ChatSpec(model="fast", messages=HI), stream=False, model="gpt", secret=None).request
    assert request.url == "https://api.openai.com/v1/chat/completions"
    assert request.headers == {"content-type": "application/json", "accept": "application/json"}


@pytest.mark.parametrize("name", ["temperature", "top_p", "frequency_penalty", "presence_penalty"])
@pytest.mark.parametrize("value", [0.0, 0.5])
def test_a_sampling_scalar_is_sent_as_it_is_also_when_zero(name: str, value: float) -> None:
    assert added(**{name: value}) == {name: value}


def test_a_seed_of_zero_is_sent() -> None:
    assert added(seed=0) == {"seed": 0}


def test_the_output_limit_has_the_configured_name() -> None:
    assert added(max_output_tokens=5) == {"max_completion_tokens": 5}
    assert built(settings={"max_tokens_field": "max_tokens"}, max_output_tokens=5)["max_tokens"] == 5


def test_the_prompt_cache_key_is_sent() -> None:
    assert added(prompt_cache_key="k") == {"prompt_cache_key": "k"}


def test_top_k_is_ignored_with_a_warning() -> None:
    assert added(top_k=3) == {}
    assert warned(top_k=3) == [(WarningCode.PARAMETER_IGNORED, "chat.top_k")]


def test_four_stop_sequences_are_sent_and_five_refused() -> None:
    assert added(stop_sequences=("a", "b", "c", "d")) == {"stop": ["a", "b", "c", "d"]}
    assert refused(stop_sequences=("a", "b", "c", "d", "e")) == "chat.stop_sequences"


@pytest.mark.parametrize("effort", Effort)
def test_an_effort_is_sent_by_its_name(effort: Effort) -> None:
    assert added(reasoning=ReasoningSpec(effort)) == {"reasoning_effort": effort.value}
    assert warned(reasoning=ReasoningSpec(effort)) == []


def test_a_budget_of_reasoning_is_ignored_with_a_warning() -> None:
    assert added(reasoning=ReasoningSpec(max_tokens=0)) == {}
    assert warned(reasoning=ReasoningSpec(max_tokens=0)) == [
        (WarningCode.PARAMETER_IGNORED, "chat.reasoning.max_tokens")
    ]


def test_a_schema_passes_unchanged() -> None:
    """Order, spelling and large numbers survive: the text is spliced, not parsed."""
    spec = ChatSpec(model="fast", messages=HI, tools=(FunctionTool("add", "Adds.", SCHEMA, strict=False),))
    body = openai().build(spec, stream=False, model="gpt", secret=None).request.body
    tool = (
        f'{{"type":"function","function":{{"name":"add","description":"Adds.","parameters":{SCHEMA},"strict":false}}}}'
    )
    assert f'"tools":[{tool}]'.encode() in body


def test_a_bare_tool_has_a_name_only() -> None:
    assert added(tools=(ADD,)) == {"tools": [{"type": "function", "function": {"name": "add"}}]}


@pytest.mark.parametrize("name", ["vendor", "openai", "openai_chat"])
def test_a_tool_of_the_provider_passes_unchanged(name: str) -> None:
    assert added(tools=(ProviderTool(name, '{"type": "custom", "custom": {"name": "x"}}'),)) == {
        "tools": [{"type": "custom", "custom": {"name": "x"}}]
    }


def test_a_tool_of_another_provider_is_not_offered() -> None:
    tools = (ADD, ProviderTool("anthropic", "{}"))
    assert len(added(tools=tools)["tools"]) == 1
    assert warned(tools=tools) == [(WarningCode.PARAMETER_IGNORED, "chat.tools[1].provider_tool")]


NAMED = {"type": "function", "function": {"name": "add"}}
OTHER = {"type": "function", "function": {"name": "sub"}}


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        (ToolChoice(ToolChoiceMode.AUTO), "auto"),
        (ToolChoice(ToolChoiceMode.NONE), "none"),
        (ToolChoice(ToolChoiceMode.NONE, ("add",)), "none"),
        (ToolChoice(ToolChoiceMode.REQUIRED), "required"),
        (ToolChoice(ToolChoiceMode.REQUIRED, ("add",)), NAMED),
        (
            ToolChoice(ToolChoiceMode.REQUIRED, ("add", "sub")),
            {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [NAMED, OTHER]}},
        ),
        (
            ToolChoice(ToolChoiceMode.AUTO, ("add",)),
            {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [NAMED]}},
        ),
    ],
)
def test_a_tool_choice_in_openais_words(choice: ToolChoice, sent: object) -> None:
    assert added(tools=(ADD, FunctionTool("sub")), tool_choice=choice)["tool_choice"] == sent


@pytest.mark.parametrize("parallel", [True, False])
def test_parallel_calls_are_sent_with_tools_only(parallel: bool) -> None:
    """OpenAI refuses the parameter without tools; it would mean nothing."""
    assert added(tools=(ADD,), parallel_tool_calls=parallel)["parallel_tool_calls"] is parallel
    assert added(parallel_tool_calls=parallel) == {}


def test_a_choice_without_tools_is_not_sent() -> None:
    assert added(tool_choice=ToolChoice(ToolChoiceMode.AUTO)) == {}
    assert added(tool_choice=ToolChoice(ToolChoiceMode.NONE)) == {}


def test_a_required_call_without_a_tool_to_offer_is_refused() -> None:
    required = ToolChoice(ToolChoiceMode.REQUIRED)
    assert refused(tool_choice=required, tools=(ProviderTool("cohere", "{}"),)) == "chat.tool_choice.mode"


def test_a_json_object_is_asked_for() -> None:
    assert added(response_format=JsonObjectFormat()) == {"response_format": {"type": "json_object"}}


@pytest.mark.parametrize(("strict", "sent"), [(None, {}), (True, {"strict": True}), (False, {"strict": False})])
def test_a_json_schema_is_as_strict_as_asked(strict: bool | None, sent: dict[str, bool]) -> None:
    form = JsonSchemaFormat("answer", SCHEMA, "What to say.", strict)
    assert added(response_format=form)["response_format"] == {
        "type": "json_schema",
        "json_schema": {
            "name": "answer",
            "schema": json.loads(SCHEMA),
            "description": "What to say.",
            **sent,
        },
    }


def test_options_are_added_to_the_body_as_they_are() -> None:
    options = {"openai": '{"user": "u", "logit_bias": {"7": -100}}', "anthropic": "not even JSON"}
    assert added(provider_options=options) == {"user": "u", "logit_bias": {"7": -100}}
    assert added(provider_options={"openai": "{}"}) == {}


def test_options_by_the_configured_name_win() -> None:
    options = {"openai": '{"user": "dialect"}', "vendor": '{"user": "provider"}'}
    assert added(provider_options=options) == {"user": "provider"}


@pytest.mark.parametrize(
    "member",
    [
        "model",
        "messages",
        "stream",
        "stream_options",
        "n",
        "max_tokens",
        "max_completion_tokens",
        "temperature",
        "tools",
    ],
)
def test_options_do_not_override_what_the_gateway_sets(member: str) -> None:
    assert refused(provider_options={"openai": json.dumps({member: 1})}) == "chat.provider_options['openai']"


@pytest.mark.parametrize("text", ["[]", "{", "7", "{}x"])
def test_options_that_are_no_object_are_refused(text: str) -> None:
    assert refused(provider_options={"vendor": text}) == "chat.provider_options['vendor']"


def embedding(**fields: Any) -> dict[str, Any]:
    """The body for embeddings with these fields."""
    request = openai().build(EmbedSpec(model="e", **fields), stream=False, model="embed", secret=None).request
    assert request.url == "https://api.openai.com/v1/embeddings"
    assert request.headers["accept"] == "application/json"
    return dict(json.loads(request.body))


def test_embeddings_are_asked_for_in_base64() -> None:
    assert embedding(inputs=("a", "b"), dimensions=3, purpose=EmbedPurpose.QUERY) == {
        "model": "embed",
        "input": ["a", "b"],
        "encoding_format": "base64",
        "dimensions": 3,
    }


def test_tokens_are_sent_as_lists() -> None:
    assert embedding(inputs=((1, 2), (3,)))["input"] == [[1, 2], [3]]


def test_texts_and_tokens_do_not_mix() -> None:
    with pytest.raises(RequestInvalid) as caught:
        embedding(inputs=("a", (1,)))
    assert caught.value.metadata["field"] == "embed.inputs"


def test_options_of_embeddings_are_added_and_checked() -> None:
    assert embedding(inputs=("a",), provider_options={"openai": '{"user":"u"}'})["user"] == "u"
    with pytest.raises(RequestInvalid) as caught:
        embedding(inputs=("a",), provider_options={"openai": '{"encoding_format":"float"}'})
    assert caught.value.metadata["field"] == "embed.provider_options['openai']"


def test_dimensions_are_known_for_openais_own_models() -> None:
    names = ("text-embedding-3-small", "text-embedding-3-large", "text-embedding-ada-002", "other")
    assert [openai().default_dimensions(name) for name in names] == [1536, 3072, 1536, None]
