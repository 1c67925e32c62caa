"""Requests to the Responses API: every field of the contract, and what is refused or warned about."""

import base64
import json
from typing import Any

import pytest
from hedgerow_server.core.error import RequestInvalid
from hedgerow_server.core.event import WarningCode
from hedgerow_server.core.request import (
    Audio,
    CacheHint,
    ChatSpec,
    Content,
    Effort,
    EmbedSpec,
    File,
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
from providers.responses_run import responses

TAG = "openai_responses"
HI = (Message(Role.USER, (Part(Text("hi")),)),)
ADD = FunctionTool("add")
ADD_BODY = {
    "type": "function",
    "name": "add",
    "parameters": {"type": "object", "properties": {}, "additionalProperties": False},
}
PNG = base64.b64encode(b"png").decode()
CALL = {"type": "function_call", "call_id": "c1", "name": "add", "arguments": "{}"}


def built(settings: dict[str, Any] | None = None, stream: bool = False, model: str = "gpt-5", **fields: Any) -> Any:
    """The body for a spec with these fields."""
    spec = ChatSpec(**{"model": "fast", "messages": HI, **fields})
    return json.loads(responses(**(settings or {})).build(spec, stream=stream, model=model, secret=None).request.body)


def added(**fields: Any) -> dict[str, Any]:
    """What these fields add to the shortest body."""
    body = built(**fields)
    for name in ("model", "input", "store", "include"):
        body.pop(name)
    return dict(body)


def warned(**fields: Any) -> list[tuple[WarningCode, str]]:
    """The warnings for a spec with these fields."""
    spec = ChatSpec(**{"model": "fast", "messages": HI, **fields})
    prepared = responses().build(spec, stream=False, model="gpt-5", secret=None)
    return [(warning.code, warning.field) for warning in prepared.warnings]


def refused(**fields: Any) -> str:
    """The field that a spec with these fields is refused for."""
    with pytest.raises(RequestInvalid) as caught:
        built(**fields)
    return caught.value.metadata["field"]


def items(*messages: Message, **settings: Any) -> Any:
    """The input for these messages."""
    return built(settings, messages=messages)["input"]


def said(role: Role, *contents: Content) -> Message:
    """A message without state."""
    return Message(role, tuple(Part(content) for content in contents))


def state(**members: Any) -> ProviderState:
    """State as the dialect attaches it."""
    return ProviderState(TAG, json.dumps(members).encode())


def test_the_shortest_call_stores_nothing_and_asks_for_reasoning_that_can_go_back() -> None:
    assert built() == {
        "model": "gpt-5",
        "input": [{"role": "user", "content": "hi"}],
        "store": False,
        "include": ["reasoning.encrypted_content"],
    }


def test_a_stream_is_asked_for() -> None:
    assert built(stream=True)["stream"] is True


def test_the_request_goes_to_the_base_url_with_the_credential() -> None:
    dialect = responses(base_url="http://127.0.0.1:9/v1/", organization="org-1", project="proj-1")
    spec = ChatSpec(model="fast", messages=HI)
    request = dialect.build(spec, stream=True, model="m", secret=Secret("sk-1")).request
    assert (request.method, request.url) == ("POST", "http://127.0.0.1:9/v1/responses")
    assert request.headers == {
        "content-type": "application/json",
        "accept": "text/event-stream",
        "authorization": "Bearer sk-1",
        "openai-organization": "org-1",
        "openai-project": "proj-1",
    }


def test_embeddings_are_those_of_the_openai_dialect() -> None:
    dialect = responses(base_url="http://127.0.0.1:9/v1")
    request = dialect.build(EmbedSpec(model="e", inputs=("a",)), stream=False, model="text", secret=None).request
    assert request.url == "http://127.0.0.1:9/v1/embeddings"
    assert json.loads(request.body) == {"model": "text", "input": ["a"], "encoding_format": "base64"}
    assert dialect.default_dimensions("text-embedding-3-small") == 1536


@pytest.mark.parametrize(
    ("model", "asked"),
    [
        ("gpt-5", True),
        ("o4-mini", True),
        ("grok-4", True),
        ("gpt-5.1-chat-latest", False),
        ("gpt-4o", False),
        ("gpt-4.1-mini", False),
        ("openai/gpt-4o", False),
        ("openai.gpt-5.5", True),
        ("chatgpt-4o-latest", False),
    ],
)
def test_encrypted_reasoning_is_asked_of_models_that_reason(model: str, asked: bool) -> None:
    """OpenAI answers 400 "Encrypted content is not supported with this model" otherwise."""
    assert ("include" in built(model=model)) is asked


@pytest.mark.parametrize("asked", [True, False])
def test_the_configuration_decides_on_encrypted_reasoning(asked: bool) -> None:
    assert ("include" in built({"encrypted_reasoning": asked}, model="gpt-4o")) is asked


@pytest.mark.parametrize("name", ["temperature", "top_p"])
@pytest.mark.parametrize("value", [0.0, 0.5])
def test_a_sampling_scalar_is_sent_as_it_is_also_when_zero(name: str, value: float) -> None:
    assert added(**{name: value}) == {name: value}


def test_the_output_limit_and_the_cache_key_are_sent() -> None:
    fields = {"max_output_tokens": 5, "prompt_cache_key": "k"}
    assert added(**fields) == fields


@pytest.mark.parametrize("name", ["top_k", "frequency_penalty", "presence_penalty", "seed"])
def test_what_the_api_lacks_is_ignored_with_a_warning(name: str) -> None:
    assert added(**{name: 1}) == {}
    assert warned(**{name: 1}) == [(WarningCode.PARAMETER_IGNORED, f"chat.{name}")]


def test_stop_sequences_are_refused_since_the_answer_would_run_on() -> None:
    assert refused(stop_sequences=("a",)) == "chat.stop_sequences"


@pytest.mark.parametrize("effort", Effort)
def test_an_effort_is_sent_by_its_name(effort: Effort) -> None:
    assert added(reasoning=ReasoningSpec(effort)) == {"reasoning": {"effort": effort.value}}


def test_the_configured_summary_goes_with_reasoning_only() -> None:
    settings = {"reasoning_summary": "auto"}
    assert built(settings, reasoning=ReasoningSpec(Effort.LOW))["reasoning"] == {"effort": "low", "summary": "auto"}
    assert "reasoning" not in built(settings)


def test_a_budget_of_reasoning_is_ignored_with_a_warning() -> None:
    assert added(reasoning=ReasoningSpec(max_tokens=9)) == {}
    assert warned(reasoning=ReasoningSpec(max_tokens=9)) == [
        (WarningCode.PARAMETER_IGNORED, "chat.reasoning.max_tokens")
    ]


def test_formats_are_flat() -> None:
    schema = JsonSchemaFormat("n", '{"type": "object"}', "d", strict=True)
    wanted = {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "description": "d", "strict": True}
    assert added(response_format=schema) == {"text": {"format": wanted}}
    assert added(response_format=JsonObjectFormat()) == {"text": {"format": {"type": "json_object"}}}


def test_functions_are_flat_and_always_have_parameters() -> None:
    tool = FunctionTool("sub", "d", '{"type": "object", "maximum": 9007199254740993}', strict=False)
    wanted = {
        "type": "function",
        "name": "sub",
        "description": "d",
        "parameters": {"type": "object", "maximum": 9007199254740993},
        "strict": False,
    }
    assert added(tools=(ADD, tool), parallel_tool_calls=False) == {
        "tools": [ADD_BODY, wanted],
        "parallel_tool_calls": False,
    }


@pytest.mark.parametrize("name", ["vendor", "openai", TAG])
def test_a_tool_of_the_provider_is_sent_as_it_is(name: str) -> None:
    assert added(tools=(ProviderTool(name, '{"type": "web_search"}'),)) == {"tools": [{"type": "web_search"}]}


def test_a_tool_of_another_provider_is_not_offered() -> None:
    tool = ProviderTool("anthropic", "{}")
    assert added(tools=(tool,)) == {}
    assert warned(tools=(tool,)) == [(WarningCode.PARAMETER_IGNORED, "chat.tools[0].provider_tool")]
    assert refused(tools=(tool,), tool_choice=ToolChoice(ToolChoiceMode.REQUIRED)) == "chat.tool_choice.mode"


@pytest.mark.parametrize(
    ("choice", "wanted"),
    [
        (ToolChoice(ToolChoiceMode.AUTO), "auto"),
        (ToolChoice(ToolChoiceMode.NONE), "none"),
        (ToolChoice(ToolChoiceMode.REQUIRED), "required"),
        (ToolChoice(ToolChoiceMode.REQUIRED, ("add",)), {"type": "function", "name": "add"}),
        (
            ToolChoice(ToolChoiceMode.AUTO, ("add",)),
            {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "add"}]},
        ),
    ],
)
def test_a_tool_choice_in_its_form(choice: ToolChoice, wanted: Any) -> None:
    assert added(tools=(ADD,), tool_choice=choice)["tool_choice"] == wanted


def test_options_are_added_and_go_into_reasoning_text_and_include() -> None:
    hatch = {"metadata": {"a": "b"}, "reasoning": {"summary": "auto"}, "text": {"verbosity": "low"}, "include": ["x"]}
    body = built(
        reasoning=ReasoningSpec(Effort.LOW),
        response_format=JsonObjectFormat(),
        provider_options={TAG: json.dumps(hatch)},
    )
    assert body["metadata"] == {"a": "b"}
    assert body["reasoning"] == {"effort": "low", "summary": "auto"}
    assert body["text"] == {"format": {"type": "json_object"}, "verbosity": "low"}
    assert body["include"] == ["reasoning.encrypted_content", "x"]


def test_a_caller_may_do_without_being_kept_but_not_have_it_where_nothing_is() -> None:
    def kept(configured: bool, asked: bool) -> Any:
        options = {TAG: json.dumps({"store": asked})}
        return built({"store": configured}, provider_options=options)["store"]

    assert kept(configured=True, asked=False) is False
    assert kept(configured=True, asked=True) is True
    assert kept(configured=False, asked=False) is False
    assert refused(provider_options={TAG: '{"store": true}'}) == "chat.provider_options['openai_responses'].store"


def test_a_summary_that_is_asked_for_comes_before_the_configured_one() -> None:
    options = {TAG: '{"reasoning": {"summary": "detailed"}}'}
    body = built({"reasoning_summary": "auto"}, reasoning=ReasoningSpec(Effort.LOW), provider_options=options)
    assert body["reasoning"] == {"effort": "low", "summary": "detailed"}


def test_a_choice_of_tools_that_the_contract_lacks_goes_through_the_hatch_unless_there_is_one() -> None:
    options = {TAG: '{"tool_choice": {"type": "web_search"}}'}
    assert added(tools=(ADD,), provider_options=options)["tool_choice"] == {"type": "web_search"}
    both = {"tool_choice": ToolChoice(ToolChoiceMode.AUTO), "provider_options": options}
    assert refused(tools=(ADD,), **both) == "chat.provider_options['openai_responses']"


@pytest.mark.parametrize(
    "hatch", [{"store": True}, {"background": True}, {"input": []}, {"reasoning": {"effort": "high"}}, {"text": []}]
)
def test_options_override_nothing(hatch: dict[str, Any]) -> None:
    options = {"vendor": json.dumps(hatch)}
    assert refused(reasoning=ReasoningSpec(Effort.LOW), provider_options=options).startswith("chat.provider_options")


@pytest.mark.parametrize("role", [Role.SYSTEM, Role.DEVELOPER, Role.USER])
def test_roles_keep_their_place_and_their_name(role: Role) -> None:
    assert items(*HI, said(role, Text("x")))[1] == {"role": role.value, "content": "x"}


def test_media_of_a_user() -> None:
    audio = Audio(data=b"wav", media_type="audio/wav")
    media = (
        Text("t"),
        Image(data=b"png", media_type="image/png", detail=ImageDetail.LOW),
        Image(url="https://x.test/a.png"),
        File(data=b"png", media_type="application/pdf", name="a.pdf"),
        File(data=b"png", media_type="application/pdf"),
        File(url="https://x.test/a.pdf"),
        File(provider_file_id="file-1"),
        File(provider_file_id="file-2", media_type="image/png"),
        audio,
    )
    assert items(said(Role.USER, *media))[0]["content"] == [
        {"type": "input_text", "text": "t"},
        {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}", "detail": "low"},
        {"type": "input_image", "image_url": "https://x.test/a.png"},
        {"type": "input_file", "filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PNG}"},
        {"type": "input_file", "filename": "file.pdf", "file_data": f"data:application/pdf;base64,{PNG}"},
        {"type": "input_file", "file_url": "https://x.test/a.pdf"},
        {"type": "input_file", "file_id": "file-1"},
        {"type": "input_image", "file_id": "file-2"},
        {"type": "input_audio", "input_audio": {"data": base64.b64encode(b"wav").decode(), "format": "wav"}},
    ]


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (said(Role.SYSTEM, Text("a"), Image(url="https://x.test")), "chat.messages[0].content[1]"),
        (said(Role.USER, File(url="gs://b/o")), "chat.messages[0].content[0].file.url"),
        (said(Role.USER, Audio(url="https://x.test")), "chat.messages[0].content[0].audio.url"),
        (said(Role.USER, Reasoning("x")), "chat.messages[0].content[0]"),
        (said(Role.TOOL, Text("x")), "chat.messages[0].content[0]"),
        (said(Role.ASSISTANT, File(url="https://x.test")), "chat.messages[0].content[0]"),
    ],
)
def test_content_that_has_no_place_is_refused(message: Message, field: str) -> None:
    assert refused(messages=(message,)) == field


def test_a_name_is_ignored_with_a_warning() -> None:
    message = Message(Role.USER, (Part(Text("x")),), "ann")
    assert warned(messages=(message,)) == [(WarningCode.PARAMETER_IGNORED, "chat.messages[0].name")]


def test_tool_results_are_items_with_text_or_media() -> None:
    results = said(
        Role.TOOL,
        ToolResult("c1", (Part(Text("5")),)),
        ToolResult("c2"),
        ToolResult("c3", (Part(Text("a")), Part(Image(url="https://x.test/a.png")))),
    )
    assert items(results) == [
        {"type": "function_call_output", "call_id": "c1", "output": "5"},
        {"type": "function_call_output", "call_id": "c2", "output": ""},
        {
            "type": "function_call_output",
            "call_id": "c3",
            "output": [
                {"type": "input_text", "text": "a"},
                {"type": "input_image", "image_url": "https://x.test/a.png"},
            ],
        },
    ]


def test_an_answer_without_state_goes_as_messages_and_calls() -> None:
    answer = said(Role.ASSISTANT, Reasoning("hm"), Text("a"), Text("b"), ToolCall("c1", "add", "{}"), Refusal("no"))
    assert items(answer) == [
        {
            "role": "assistant",
            "content": [
                {"type": "output_text", "text": "a", "annotations": []},
                {"type": "output_text", "text": "b", "annotations": []},
            ],
        },
        CALL,
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]},
    ]


def test_two_answers_stay_two_messages() -> None:
    one = {"role": "assistant", "content": "a"}
    assert items(said(Role.ASSISTANT, Text("a")), said(Role.ASSISTANT, Text("a"))) == [one, one]


def test_an_answer_with_state_goes_as_the_items_that_it_was() -> None:
    reasoning = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "e"}
    parts = (
        Part(Reasoning("first")),
        Part(Reasoning("second"), state=state(**reasoning)),
        Part(Text("a"), state=state(type="message", id="msg_1", phase="commentary")),
        Part(Refusal("b"), state=state(type="message", id="msg_1", phase="commentary")),
        Part(ToolCall("c1", "add", "{}"), state=state(type="function_call", id="fc_1", namespace="math")),
        Part(ProviderItem(TAG, "web_search_call", b'{"type":"web_search_call","id":"ws_1"}')),
        Part(Image(data=b"png", media_type="image/png"), state=state(type="image_generation_call", id="ig_1")),
    )
    assert items(Message(Role.ASSISTANT, parts)) == [
        reasoning,
        {
            "type": "message",
            "id": "msg_1",
            "role": "assistant",
            "status": "completed",
            "phase": "commentary",
            "content": [
                {"type": "output_text", "text": "a", "annotations": []},
                {"type": "refusal", "refusal": "b"},
            ],
        },
        {**CALL, "id": "fc_1", "namespace": "math"},
        {"type": "web_search_call", "id": "ws_1"},
        {"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": PNG},
    ]


def test_without_item_ids_the_encrypted_reasoning_goes_alone() -> None:
    """Azure refuses the ids of reasoning that it did not store."""
    parts = (
        Part(Reasoning(""), state=state(type="reasoning", id="rs_1", summary=[], encrypted_content="e")),
        Part(Text("a"), state=state(type="message", id="msg_1", phase="final_answer")),
        Part(ToolCall("c1", "add", "{}"), state=state(type="function_call", id="fc_1")),
    )
    assert items(Message(Role.ASSISTANT, parts), item_ids=False) == [
        {"type": "reasoning", "summary": [], "encrypted_content": "e"},
        {"role": "assistant", "content": "a", "phase": "final_answer"},
        CALL,
    ]


@pytest.mark.parametrize("stored", [True, False])
def test_reasoning_that_holds_nothing_goes_back_only_to_who_has_stored_it(stored: bool) -> None:
    """Its id alone is an error elsewhere, and so are the ids of the items that came from it."""
    empty = {"type": "reasoning", "id": "rs_1", "summary": []}
    parts = (Part(Reasoning(""), state=state(**empty)), Part(Text("a"), state=state(type="message", id="msg_1")))
    sent = items(Message(Role.ASSISTANT, parts), store=stored)
    assert (empty in sent) is stored
    assert [item.get("id") for item in sent] == (["rs_1", "msg_1"] if stored else [None])


def test_reasoning_in_plain_words_goes_back() -> None:
    """DeepSeek and gpt-oss on open servers encrypt nothing."""
    item = {"type": "reasoning", "id": "r", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}]}
    assert items(Message(Role.ASSISTANT, (Part(Reasoning("hm"), state=state(**item)),))) == [item]


def test_calls_of_custom_tools_and_their_results() -> None:
    call = Part(ToolCall("c1", "grep", "a.*b"), state=state(type="custom_tool_call", id="ctc_1"))
    result = said(Role.TOOL, ToolResult("c1", (Part(Text("5")),)))
    assert items(Message(Role.ASSISTANT, (call,)), result) == [
        {"type": "custom_tool_call", "call_id": "c1", "name": "grep", "input": "a.*b", "id": "ctc_1"},
        {"type": "custom_tool_call_output", "call_id": "c1", "output": "5"},
    ]


@pytest.mark.parametrize("provider", ["anthropic", f"{TAG}@api.x.ai"])
def test_state_of_another_provider_is_dropped_with_one_warning(provider: str) -> None:
    """Also of another vendor of the API: it cannot decrypt."""
    foreign = ProviderState(provider, b'{"type":"reasoning","encrypted_content":"e"}')
    parts = (
        Part(Reasoning("a"), state=foreign),
        Part(Text("b"), state=foreign),
        Part(ProviderItem(provider, "x", b"{}")),
    )
    message = Message(Role.ASSISTANT, parts)
    assert items(message) == [{"role": "assistant", "content": "b"}]
    assert [code for code, _ in warned(messages=(message,))] == [WarningCode.PROVIDER_STATE_DROPPED]


@pytest.mark.parametrize(("name", "sent"), [("vendor", True), (TAG, False), (f"{TAG}@x.test", True)])
def test_an_item_of_openai_goes_to_no_other_vendor(name: str, sent: bool) -> None:
    message = said(Role.ASSISTANT, ProviderItem(name, "web_search_call", b'{"type":"web_search_call"}'))
    assert bool(items(message, base_url="https://x.test/v1")) is sent


def test_state_that_is_no_json_object_is_refused() -> None:
    part = Part(Text("a"), state=ProviderState(TAG, b"["))
    assert refused(messages=(Message(Role.ASSISTANT, (part,)),)) == "chat.messages[0].content[0].provider_state.data"


def test_generated_audio_goes_as_its_transcript() -> None:
    message = said(Role.ASSISTANT, Audio(data=b"", media_type="audio/wav", transcript="hello"))
    assert items(message) == [{"role": "assistant", "content": "hello"}]
    assert warned(messages=(message,)) == [(WarningCode.PARAMETER_CHANGED, "chat.messages[0].content[0].audio")]


@pytest.mark.parametrize(
    ("ttl_s", "wanted"), [(None, {}), (60.0, {"ttl": "30m"}), (1800.0, {"ttl": "30m"}), (3600.0, {"ttl": "12h"})]
)
def test_cache_hints_are_breakpoints_where_that_is_configured(ttl_s: float | None, wanted: dict[str, str]) -> None:
    message = Message(Role.SYSTEM, (Part(Text("long"), cache_hint=CacheHint(ttl_s)),))
    assert items(message) == [{"role": "system", "content": "long"}]
    marked = {"type": "input_text", "text": "long", "prompt_cache_breakpoint": {"mode": "explicit", **wanted}}
    assert items(message, cache_breakpoints=True) == [{"role": "system", "content": [marked]}]
