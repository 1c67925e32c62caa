"""Requests of Chat Completions: every member reaches the core or the provider, and what is wrong names its field."""

from typing import Any

import pytest
from hedgerow_server.core.error import RequestInvalid, RequestMalformed
from hedgerow_server.core.request import (
    ChatRequest,
    ChatSpec,
    Effort,
    FunctionTool,
    JsonObjectFormat,
    JsonSchemaFormat,
    ProviderTool,
    ReasoningSpec,
    ToolChoice,
    ToolChoiceMode,
)
from hedgerow_server.wire.openai.chat_request import Asked
from hedgerow_server.wire.words import in_words
from openai_door import Json, chat_call, unread

MESSAGES = [{"role": "user", "content": "hi"}]
WEATHER = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}


def spec(**more: Any) -> ChatSpec:
    """What is asked by a request with these members."""
    request = chat_call({"model": "m", "messages": MESSAGES, **more}).request
    assert isinstance(request, ChatRequest)
    return request.spec


def field_of(body: Json | bytes) -> str:
    """The field that the error of a request names, in the caller's words."""
    with pytest.raises(RequestInvalid) as caught:
        chat_call(body)
    return caught.value.violations[0].field


def test_sampling_reaches_the_core() -> None:
    """Under the contract's names."""
    given = spec(
        temperature=0.5,
        top_p=1,
        top_k=40,
        frequency_penalty=-1,
        presence_penalty=1.5,
        seed=-(1 << 40),
        stop=["a", "b"],
        parallel_tool_calls=False,
        prompt_cache_key="k",
        max_completion_tokens=7,
        logprobs=True,
        top_logprobs=3,
    )
    assert (given.temperature, given.top_p, given.top_k, given.seed) == (0.5, 1, 40, -(1 << 40))
    assert (given.frequency_penalty, given.presence_penalty) == (-1, 1.5)
    assert (given.stop_sequences, given.parallel_tool_calls) == (("a", "b"), False)
    assert (given.prompt_cache_key, given.max_output_tokens, given.top_logprobs) == ("k", 7, 3)


@pytest.mark.parametrize("name", ["temperature", "tools", "stop", "logprobs", "n", "user", "hedgerow", "reasoning"])
def test_null_asks_for_nothing(name: str) -> None:
    """SDKs of some languages send every member."""
    assert spec(**{name: None}) == spec()


def test_what_is_already_so_asks_for_nothing() -> None:
    """One choice, and no stream."""
    assert spec(n=1, stream=False, response_format={"type": "text"}) == spec()


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"n": 2}, "n"),
        ({"functions": []}, "functions"),
        ({"function_call": "auto"}, "function_call"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"top_logprobs": 2}, "top_logprobs"),
        ({"max_tokens": 1, "max_completion_tokens": 2}, "max_tokens"),
        ({"reasoning_effort": "low", "reasoning": {"effort": "high"}}, "reasoning.effort"),
        ({"reasoning_effort": "huge"}, "reasoning_effort"),
        ({"tool_choice": "maybe"}, "tool_choice"),
        ({"tool_choice": {"type": "custom", "custom": {"name": "x"}}}, "tool_choice"),
        ({"temperature": "hot"}, "temperature"),
        ({"max_tokens": 1 << 31}, "max_tokens"),
        ({"hedgerow": {"rout": {}}}, "hedgerow.rout"),
        ({"hedgerow": {"route": {"allow_route_change": True}}}, "hedgerow.route.allow_route_change"),
        ({"tools": [{"type": "function", "function": {"nam": "x"}}]}, "tools[0].function.nam"),
        ({"tools": [WEATHER, {"type": "function", "function": {"description": "x"}}]}, "tools[1].function.name"),
        ({"response_format": {"type": "grammar"}}, "response_format.type"),
    ],
)
def test_what_cannot_be_honoured_names_its_field(members: Json, field: str) -> None:
    """Before any provider is asked."""
    assert field_of({"model": "m", "messages": MESSAGES, **members}) == field


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_completion_tokens": 0}, "max_completion_tokens"),
        ({"temperature": 3}, "temperature"),
        ({"stop": ["x"] * 17}, "stop"),
        ({"tools": [{"type": "function", "function": {"name": "no spaces"}}]}, "tools[0].function.name"),
        ({"tools": [WEATHER], "tool_choice": {"type": "function", "function": {"name": "x"}}}, "tool_choice"),
        ({"hedgerow": {"labels": {"No": "x"}}}, "hedgerow.labels['No']"),
        ({"hedgerow": {"route": {"max_attempts": 99}}}, "hedgerow.route.max_attempts"),
        ({"hedgerow": {"provider_options": {str(n): {"a": 1} for n in range(17)}}}, "hedgerow.provider_options"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "user", "content": None}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": "x", "name": "n" * 65}]}, "messages[0].name"),
        ({"messages": [{"role": "tool", "tool_call_id": "", "content": "x"}]}, "messages[0].tool_call_id"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "ftp://x"}}]}]},
            "messages[0].content[0].image_url.url",
        ),
        ({"model": ""}, "model"),
    ],
)
def test_the_limits_of_the_contract_are_told_in_the_apis_words(members: Json, field: str) -> None:
    """As the door tells them."""
    call = unread({"model": "m", "messages": MESSAGES, **members})
    with pytest.raises(RequestInvalid) as caught:
        call.method.decode(call)
    told = in_words(caught.value, call.form)
    assert told.violations[0].field == field
    assert told.message.startswith(f"{field}: ")
    assert told.metadata["field"] == field


@pytest.mark.parametrize("body", [b"", b"{", b'{"model": "\xff"}', b'{"model": "\\ud800"}', b'{"x": ' + b"[" * 100_000])
def test_what_is_no_json_is_malformed(body: bytes) -> None:
    """And says so without repeating it."""
    with pytest.raises(RequestMalformed) as caught:
        chat_call(body)
    assert "JSON" in caught.value.message
    assert len(caught.value.message) < 200


@pytest.mark.parametrize("body", [b"[]", b"7", b'"x"', b"null"])
def test_json_that_is_no_object_is_invalid(body: bytes) -> None:
    """The field is the body itself."""
    assert field_of(body) == "body"


@pytest.mark.parametrize("missing", ["model", "messages"])
def test_what_is_missing_is_named(missing: str) -> None:
    """Model and messages."""
    body = {"model": "m", "messages": MESSAGES}
    del body[missing]
    assert field_of(body) == missing


def test_a_stream_is_another_rpc() -> None:
    """The body says so, and whether it shall end with the usage."""
    call = chat_call({"model": "m", "messages": MESSAGES, "stream": True, "stream_options": {"include_usage": True}})
    assert call.method.name.endswith("StreamComplete")
    assert isinstance(call.form, Asked)
    assert call.form.usage


@pytest.mark.parametrize(
    ("members", "reasoning"),
    [
        ({"reasoning_effort": "minimal"}, ReasoningSpec(Effort.MINIMAL)),
        ({"reasoning": {"effort": "xhigh"}}, ReasoningSpec(Effort.XHIGH)),
        ({"reasoning": {"max_tokens": 2000}}, ReasoningSpec(None, 2000)),
        ({"reasoning": {"enabled": False}}, ReasoningSpec(Effort.NONE)),
        ({"reasoning": {"enabled": True}}, ReasoningSpec(Effort.MEDIUM)),
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, ReasoningSpec(None, 1024)),
        ({"reasoning": {"exclude": True}}, None),
    ],
)
def test_reasoning_is_asked_for_in_several_words(members: Json, reasoning: ReasoningSpec | None) -> None:
    """OpenAI's, OpenRouter's and Anthropic's."""
    given = spec(**members)
    assert given.reasoning == reasoning
    assert given.for_any == ()


def test_other_forms_of_thinking_are_a_vendors_own() -> None:
    """DeepSeek and Z.ai switch it on and off."""
    assert spec(thinking={"type": "disabled"}).provider_options == {"openai_chat": '{"thinking":{"type": "disabled"}}'}


def test_what_the_contract_does_not_know_is_passed_on_unchanged() -> None:
    """To the number's last digit; what the Responses API has as well goes to its upstreams, too."""
    body = (
        b'{"model":"m","messages":[{"role":"user","content":"hi"}],"logit_bias":{"5": -1.50},"user":"u","min_p":0.10}'
    )
    request = chat_call(body).request
    assert isinstance(request, ChatRequest)
    assert request.spec.provider_options == {
        "openai": '{"user":"u"}',
        "openai_chat": '{"logit_bias":{"5": -1.50},"min_p":0.10}',
    }
    assert request.spec.for_any == ("openai", "openai_chat")


def test_options_that_are_named_win() -> None:
    """And are warned of by nobody, as they are for one provider."""
    given = spec(hedgerow={"provider_options": {"openai_chat": {"min_p": 1}, "anthropic": {"x": 2}}}, min_p=0)
    assert given.provider_options == {"openai_chat": '{"min_p":1}', "anthropic": '{"x":2}'}
    assert spec(hedgerow={"provider_options": {"anthropic": {"x": 2}}}).for_any == ()


def test_no_bound_of_top_k_is_a_vendors_own() -> None:
    """-1 at vLLM."""
    assert spec(top_k=-1).top_k is None
    assert spec(top_k=-1).provider_options == {"openai_chat": '{"top_k":-1}'}


def test_logprobs_may_be_a_number() -> None:
    """As Together has it; without alternatives it is true alone."""
    assert [spec(logprobs=one).top_logprobs for one in (2, True, False)] == [2, 0, None]


def test_tools_keep_the_text_of_their_schemas() -> None:
    """Order and numbers as the caller wrote them."""
    body = b'{"model":"m","messages":[{"role":"user","content":"hi"}],"tools":[{"type":"function","function":'
    body += b'{"name":"f","parameters":{"b": 1.0, "a": 2},"strict":true,"description":"d"}}]}'
    request = chat_call(body).request
    assert isinstance(request, ChatRequest)
    assert request.spec.tools == (FunctionTool("f", "d", '{"b": 1.0, "a": 2}', strict=True),)


def test_tools_that_are_no_functions_go_to_the_dialect() -> None:
    """Custom ones, and those that a provider runs."""
    tool = {"type": "custom", "custom": {"name": "grep", "description": "d"}}
    call = chat_call({"model": "m", "messages": MESSAGES, "tools": [tool, {"type": "web_search"}]})
    assert isinstance(call.request, ChatRequest)
    assert [type(one) for one in call.request.spec.tools] == [ProviderTool, ProviderTool]
    assert isinstance(call.form, Asked)
    assert call.form.custom == {"grep"}


@pytest.mark.parametrize(
    ("choice", "wanted"),
    [
        ("none", ToolChoice(ToolChoiceMode.NONE)),
        ("auto", ToolChoice(ToolChoiceMode.AUTO)),
        ("required", ToolChoice(ToolChoiceMode.REQUIRED)),
        ("any", ToolChoice(ToolChoiceMode.REQUIRED)),
        ({"type": "function", "function": {"name": "weather"}}, ToolChoice(ToolChoiceMode.REQUIRED, ("weather",))),
        (
            {
                "type": "allowed_tools",
                "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "weather"}}]},
            },
            ToolChoice(ToolChoiceMode.AUTO, ("weather",)),
        ),
    ],
)
def test_every_choice_of_functions_is_known(choice: Any, wanted: ToolChoice) -> None:
    """Words and objects."""
    assert spec(tools=[WEATHER], tool_choice=choice).tool_choice == wanted


def test_the_form_of_the_answer_is_known() -> None:
    """An object, or one that follows a schema."""
    schema = {"name": "n", "schema": {"type": "object"}, "strict": True, "description": "d"}
    assert spec(response_format={"type": "json_object"}).response_format == JsonObjectFormat()
    assert spec(response_format={"type": "json_schema", "json_schema": schema}).response_format == JsonSchemaFormat(
        "n", '{"type": "object"}', "d", strict=True
    )


def test_what_the_door_adds_reaches_the_request() -> None:
    """Policy and labels."""
    hedgerow = {"route": {"providers": ["a"], "cache": "bypass"}, "labels": {"feature": "x"}}
    request = chat_call({"model": "m", "messages": MESSAGES, "hedgerow": hedgerow}).request
    assert isinstance(request, ChatRequest)
    assert request.policy.providers == ("a",)
    assert request.labels == {"feature": "x"}
