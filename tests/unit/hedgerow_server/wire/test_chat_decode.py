"""Chat requests: every field of the contract reaches the core, and what breaks a rule names its field."""

from collections.abc import Callable

import pytest
from google.protobuf import json_format
from hedgerow.chat.v1 import chat_service_pb2 as service
from hedgerow.chat.v1 import message_pb2 as pb
from hedgerow_server.core.error import MessageTooLarge, RequestInvalid, RequestMalformed
from hedgerow_server.core.request import (
    Audio,
    CacheHint,
    ChatRequest,
    ChatSpec,
    Citation,
    Effort,
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
    RoutePolicy,
    Text,
    ToolCall,
    ToolChoice,
    ToolChoiceMode,
    ToolResult,
)
from hedgerow_server.wire.chat import ChatDecoder
from hedgerow_server.wire.check import Checker
from unit.hedgerow_server.calls import call

DECODER = ChatDecoder(Checker(1 << 20))
USER = {"role": "ROLE_USER", "content": [{"text": "hi"}]}
Fields = dict[str, object]
Decode = Callable[[Fields], ChatRequest]


def complete(fields: Fields) -> ChatRequest:
    """The core request of a CompleteRequest with these fields (protobuf JSON)."""
    message = json_format.ParseDict(fields, service.CompleteRequest())
    return DECODER.complete(call(body=message.SerializeToString()))


def stream_complete(fields: Fields) -> ChatRequest:
    """The core request of a StreamCompleteRequest."""
    message = json_format.ParseDict(fields, service.StreamCompleteRequest())
    return DECODER.stream_complete(call(body=message.SerializeToString()))


def spec(**chat: object) -> ChatSpec:
    """The core spec of the shortest request and these fields."""
    return complete({"chat": {"model": "fast", "messages": [USER], **chat}}).spec


def message(role: str, *parts: Fields, **fields: object) -> Message:
    """The core message of this one."""
    given = {"role": f"ROLE_{role}", "content": list(parts), **fields}
    return spec(messages=[given]).messages[0]


def refused(decode: Callable[[], object]) -> list[str]:
    """The fields that a request is refused for."""
    with pytest.raises(RequestInvalid) as caught:
        decode()
    found = [violation.field for violation in caught.value.violations]
    assert caught.value.metadata == {"field": found[0]}
    assert caught.value.message.startswith(f"{found[0]}: ")
    return found


@pytest.mark.parametrize("decode", [complete, stream_complete])
def test_the_shortest_request_sets_nothing_else(decode: Decode) -> None:
    request = decode({"chat": {"model": "fast", "messages": [USER]}})
    assert request == ChatRequest(spec=ChatSpec(model="fast", messages=(Message(Role.USER, (Part(Text("hi")),)),)))


@pytest.mark.parametrize("decode", [complete, stream_complete])
def test_a_request_with_every_field_set_reaches_the_core_whole(decode: Decode) -> None:
    request = decode(
        {
            "chat": {
                "model": "fast",
                "messages": [USER],
                "tools": [
                    {
                        "function": {
                            "name": "add",
                            "description": "adds",
                            "parameters": '{"b": 1, "a": 2}',
                            "strict": True,
                        },
                        "cacheHint": {"ttl": "3600s"},
                    },
                    {"providerTool": {"provider": "openai", "definition": '{"type": "web_search"}'}, "cacheHint": {}},
                ],
                "toolChoice": {"mode": "TOOL_CHOICE_MODE_REQUIRED", "functionNames": ["add"]},
                "parallelToolCalls": False,
                "responseFormat": {
                    "jsonSchema": {"name": "out", "schema": '{"type": "object"}', "description": "d", "strict": False}
                },
                "reasoning": {"effort": "REASONING_EFFORT_XHIGH", "maxTokens": 0},
                "maxOutputTokens": 100,
                "temperature": 0.0,
                "topP": 0.0,
                "topK": 7,
                "frequencyPenalty": -2.0,
                "presencePenalty": 0.0,
                "seed": 0,
                "stopSequences": ["a", "b"],
                "promptCacheKey": "key",
                "providerOptions": {"openai": '{"user": "u"}'},
                "topLogprobs": 0,
            },
            "route": {
                "providers": ["one", "two"],
                "requireParameters": True,
                "firstTokenTimeout": "2.5s",
                "idleTimeout": "0.000000001s",
                "allowRouteChange": True,
            },
            "labels": {"feature": "search", "empty": ""},
        }
    )
    assert request == ChatRequest(
        spec=ChatSpec(
            model="fast",
            messages=(Message(Role.USER, (Part(Text("hi")),)),),
            tools=(
                FunctionTool("add", "adds", '{"b": 1, "a": 2}', True, CacheHint(3600.0)),
                ProviderTool("openai", '{"type": "web_search"}', CacheHint(None)),
            ),
            tool_choice=ToolChoice(ToolChoiceMode.REQUIRED, ("add",)),
            parallel_tool_calls=False,
            response_format=JsonSchemaFormat("out", '{"type": "object"}', "d", False),
            reasoning=ReasoningSpec(Effort.XHIGH, 0),
            max_output_tokens=100,
            temperature=0.0,
            top_p=0.0,
            top_k=7,
            frequency_penalty=-2.0,
            presence_penalty=0.0,
            seed=0,
            stop_sequences=("a", "b"),
            prompt_cache_key="key",
            provider_options={"openai": '{"user": "u"}'},
            top_logprobs=0,
        ),
        policy=RoutePolicy(
            providers=("one", "two"),
            require_parameters=True,
            first_token_timeout_s=2.5,
            idle_timeout_s=1e-9,
            allow_route_change=True,
        ),
        labels={"feature": "search", "empty": ""},
    )


def test_no_field_of_the_spec_is_forgotten() -> None:
    """The contract may grow: then the test above and the decoder must, too. What only the HTTP doors know is theirs."""
    of_the_doors = {"bound", "for_any"}
    assert {field.name for field in pb.ChatSpec.DESCRIPTOR.fields} == set(ChatSpec.__struct_fields__) - of_the_doors


@pytest.mark.parametrize("name", [name for name in ChatSpec.__struct_fields__ if name not in ("model", "messages")])
def test_a_field_that_is_unset_stays_unset(name: str) -> None:
    assert getattr(spec(), name) in (None, (), "", {})


STATE = {"provider": "openai_chat", "data": "AP8="}


@pytest.mark.parametrize(
    ("role", "part", "core"),
    [
        ("USER", {"text": ""}, Part(Text(""))),
        ("SYSTEM", {"text": "漢" * 100}, Part(Text("漢" * 100))),
        ("USER", {"text": "x", "cacheHint": {}}, Part(Text("x"), cache_hint=CacheHint(None))),
        ("DEVELOPER", {"text": "x", "cacheHint": {"ttl": "1.5s"}}, Part(Text("x"), cache_hint=CacheHint(1.5))),
        (
            "ASSISTANT",
            {"text": "x", "providerState": STATE},
            Part(Text("x"), state=ProviderState("openai_chat", b"\x00\xff")),
        ),
        (
            "ASSISTANT",
            {"text": "x", "citations": [{}]},
            Part(Text("x"), citations=(Citation(),)),
        ),
        (
            "ASSISTANT",
            {
                "text": "x",
                "citations": [
                    {"url": "u", "title": "t", "citedText": "c", "startIndex": 0, "endIndex": 1, "sourceId": "s"}
                ],
            },
            Part(Text("x"), citations=(Citation("u", "t", "c", 0, 1, "s"),)),
        ),
        (
            "USER",
            {"image": {"data": "AAE=", "mediaType": "image/png", "detail": "IMAGE_DETAIL_HIGH"}},
            Part(Image(b"\x00\x01", None, "image/png", ImageDetail.HIGH)),
        ),
        ("USER", {"image": {"url": "https://i"}}, Part(Image(None, "https://i"))),
        ("USER", {"audio": {"data": "AA==", "mediaType": "audio/wav"}}, Part(Audio(b"\x00", None, "audio/wav"))),
        (
            "ASSISTANT",
            {"audio": {"data": "", "mediaType": "audio/wav", "transcript": "hey"}},
            Part(Audio(b"", None, "audio/wav", "hey")),
        ),
        ("USER", {"audio": {"url": "https://a"}}, Part(Audio(None, "https://a"))),
        (
            "USER",
            {"file": {"data": "AA==", "mediaType": "application/pdf", "name": "a.pdf"}},
            Part(File(b"\x00", media_type="application/pdf", name="a.pdf")),
        ),
        ("USER", {"file": {"url": "gs://f"}}, Part(File(url="gs://f"))),
        ("USER", {"file": {"providerFileId": "file-1"}}, Part(File(provider_file_id="file-1"))),
        ("ASSISTANT", {"toolCall": {"id": "i", "name": "f", "arguments": "{"}}, Part(ToolCall("i", "f", "{"))),
        ("ASSISTANT", {"reasoning": {"text": ""}}, Part(Reasoning(""))),
        ("ASSISTANT", {"refusal": "no"}, Part(Refusal("no"))),
        (
            "ASSISTANT",
            {"providerItem": {"provider": "openai_chat", "type": "search", "data": "AP8="}},
            Part(ProviderItem("openai_chat", "search", b"\x00\xff")),
        ),
        (
            "TOOL",
            {
                "toolResult": {
                    "toolCallId": "i",
                    "content": [{"text": "3"}, {"image": {"url": "https://i"}}],
                    "isError": True,
                }
            },
            Part(ToolResult("i", (Part(Text("3")), Part(Image(None, "https://i"))), True)),
        ),
        ("TOOL", {"toolResult": {"toolCallId": "i"}}, Part(ToolResult("i"))),
    ],
)
def test_every_part_reaches_the_core(role: str, part: Fields, core: Part) -> None:
    assert message(role, part) == Message(Role[role], (core,))


@pytest.mark.parametrize("role", list(Role))
def test_every_role_has_its_twin(role: Role) -> None:
    part: Fields = {"toolResult": {"toolCallId": "i"}} if role is Role.TOOL else {"text": "x"}
    assert message(role.name, part, name="who").role is role
    assert message(role.name, part, name="who").name == "who"


@pytest.mark.parametrize("effort", list(Effort))
def test_every_effort_has_its_twin(effort: Effort) -> None:
    assert spec(reasoning={"effort": f"REASONING_EFFORT_{effort.name}"}).reasoning == ReasoningSpec(effort)


@pytest.mark.parametrize("mode", list(ToolChoiceMode))
def test_every_mode_of_tool_choice_has_its_twin(mode: ToolChoiceMode) -> None:
    assert spec(toolChoice={"mode": f"TOOL_CHOICE_MODE_{mode.name}"}).tool_choice == ToolChoice(mode)


@pytest.mark.parametrize(
    ("form", "core"),
    [({}, None), ({"text": {}}, None), ({"jsonObject": {}}, JsonObjectFormat())],
)
def test_free_text_is_no_format(form: Fields, core: JsonObjectFormat | None) -> None:
    assert spec(responseFormat=form).response_format == core


@pytest.mark.parametrize("which", ["toolCall", "reasoning", "refusal", "providerItem"])
@pytest.mark.parametrize("role", ["SYSTEM", "DEVELOPER", "USER"])
def test_what_only_a_model_says_is_refused_of_others(role: str, which: str) -> None:
    parts: dict[str, Fields] = {
        "toolCall": {"toolCall": {"id": "i", "name": "f"}},
        "reasoning": {"reasoning": {"text": "x"}},
        "refusal": {"refusal": "x"},
        "providerItem": {"providerItem": {"provider": "p"}},
    }
    snake = {"toolCall": "tool_call", "providerItem": "provider_item"}.get(which, which)
    assert refused(lambda: message(role, {"text": "x"}, parts[which])) == [f"chat.messages[0].content[1].{snake}"]


@pytest.mark.parametrize("role", ["SYSTEM", "DEVELOPER", "USER", "ASSISTANT"])
def test_a_tool_result_is_refused_outside_of_its_role(role: str) -> None:
    part: Fields = {"toolResult": {"toolCallId": "i"}}
    assert refused(lambda: message(role, part)) == ["chat.messages[0].content[0].tool_result"]


@pytest.mark.parametrize("part", [{"text": "x"}, {"image": {"url": "https://i"}}, {"refusal": "x"}])
def test_anything_but_a_tool_result_is_refused_of_a_tool(part: Fields) -> None:
    assert refused(lambda: message("TOOL", part)) == ["chat.messages[0].content[0]"]


@pytest.mark.parametrize("role", ["SYSTEM", "DEVELOPER", "USER", "TOOL"])
def test_a_message_without_parts_is_refused(role: str) -> None:
    assert refused(lambda: message(role)) == ["chat.messages[0].content"]


def test_a_model_may_have_said_nothing() -> None:
    assert message("ASSISTANT") == Message(Role.ASSISTANT, ())


@pytest.mark.parametrize(
    "part",
    [
        {"toolCall": {"id": "i", "name": "f"}},
        {"reasoning": {"text": "x"}},
        {"toolResult": {"toolCallId": "j"}},
        {"refusal": "x"},
    ],
)
def test_a_tool_result_holds_content_only(part: Fields) -> None:
    result: Fields = {"toolResult": {"toolCallId": "i", "content": [{"text": "x"}, part]}}
    assert refused(lambda: message("TOOL", result)) == ["chat.messages[0].content[0].tool_result.content[1]"]


@pytest.mark.parametrize("kind", ["image", "audio", "file"])
def test_data_needs_a_media_type(kind: str) -> None:
    part: Fields = {kind: {"data": "AA=="}}
    assert refused(lambda: message("USER", part)) == [f"chat.messages[0].content[0].{kind}.media_type"]


NOT_OBJECTS = [
    "[]",
    '"x"',
    "1x",
    "{",
    "{]",
    '{"a": }',
    "{} {}",
    "nu",
    "null",
    '{"a":' * 100_000,
    "{'a': 1}",
    '{"a": NaN}',
]


@pytest.mark.parametrize("text", NOT_OBJECTS, ids=lambda text: text[:12])
@pytest.mark.parametrize(
    ("field", "chat"),
    [
        ("chat.tools[0].function.parameters", lambda t: {"tools": [{"function": {"name": "f", "parameters": t}}]}),
        (
            "chat.tools[0].provider_tool.definition",
            lambda t: {"tools": [{"providerTool": {"provider": "p", "definition": t}}]},
        ),
        (
            "chat.response_format.json_schema.schema",
            lambda t: {"responseFormat": {"jsonSchema": {"name": "n", "schema": t}}},
        ),
        ("chat.provider_options['p']", lambda t: {"providerOptions": {"p": t}}),
    ],
)
def test_what_must_be_a_json_object_is_one(field: str, chat: Callable[[str], Fields], text: str) -> None:
    if len(text) > 262_144:
        text = text[:262_140]
    assert refused(lambda: spec(**chat(text))) == [field]


@pytest.mark.parametrize(
    "text", ["{}", ' {"a": {"b": [1e400, 9007199254740993]}} ', '{"a": 1, "a": 2}', '{"é": "\\ud83d\\ude00"}']
)
def test_a_json_object_is_kept_to_the_letter(text: str) -> None:
    (tool,) = spec(tools=[{"function": {"name": "f", "parameters": text}}]).tools
    assert isinstance(tool, FunctionTool)
    assert tool.parameters == text


def test_function_names_are_unique() -> None:
    tools = [{"function": {"name": name}} for name in ("a", "b", "a")]
    assert refused(lambda: spec(tools=tools)) == ["chat.tools[2].function.name"]


def test_a_tool_choice_names_functions_of_the_call() -> None:
    tools = [{"function": {"name": "a"}}, {"providerTool": {"provider": "p", "definition": "{}"}}]
    choice = {"mode": "TOOL_CHOICE_MODE_AUTO", "functionNames": ["a", "b"]}
    assert refused(lambda: spec(tools=tools, toolChoice=choice)) == ["chat.tool_choice.function_names[1]"]


def keyed(**more: object) -> Fields:
    """A request with an idempotency key."""
    return {"chat": {"model": "fast", "messages": [USER], **more}, "idempotencyKey": "k"}


def asked(fields: Fields, decode: Decode = complete) -> bytes:
    """What the key of a request stands for."""
    once = decode(fields).once
    assert once is not None
    assert once.key == fields["idempotencyKey"]
    return once.asked


@pytest.mark.parametrize("decode", [complete, stream_complete])
def test_a_request_without_an_idempotency_key_has_no_digest(decode: Decode) -> None:
    assert decode({"chat": {"model": "fast", "messages": [USER]}}).once is None


@pytest.mark.parametrize("decode", [complete, stream_complete])
def test_what_a_key_stands_for_is_the_request_without_the_key_and_the_labels(decode: Decode) -> None:
    first = asked(keyed(), decode)
    assert asked({**keyed(), "labels": {"try": "2"}}, decode) == first
    assert asked({**keyed(), "idempotencyKey": "other"}, decode) == first


@pytest.mark.parametrize(
    "other",
    [
        keyed(model="slow"),
        keyed(temperature=0.0),
        keyed(messages=[USER, USER]),
        keyed(messages=[{"role": "ROLE_DEVELOPER", "content": USER["content"]}]),
        keyed(providerOptions={"p": "{}"}),
        {**keyed(), "route": {"allowRouteChange": True}},
    ],
)
def test_whatever_else_differs_makes_another_request(other: Fields) -> None:
    assert asked(other) != asked(keyed())


def test_the_same_asked_by_another_rpc_is_another_request() -> None:
    assert asked(keyed(), complete) != asked(keyed(), stream_complete)


def test_the_order_of_a_map_in_the_message_makes_no_other_request() -> None:
    """Go writes maps in a random order."""
    names = [str(number) for number in range(16)]
    spec = pb.ChatSpec(model="fast", messages=[pb.Message(role=pb.ROLE_USER, content=[pb.Part(text="hi")])])
    one = service.CompleteRequest(chat=spec, idempotency_key="k").SerializeToString()
    entries = [pb.ChatSpec(provider_options={name: "{}"}).SerializeToString() for name in names]

    def digest(order: list[bytes]) -> bytes:
        # A field of messages that comes again is merged with what came before.
        merged = b"".join(b"\x0a" + bytes([len(entry)]) + entry for entry in order)
        once = DECODER.complete(call(body=one + merged)).once
        assert once is not None
        return once.asked

    assert digest(entries) == digest(entries[::-1])


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, "chat"),
        ({"chat": {"messages": [USER]}}, "chat.model"),
        ({"chat": {"model": "m"}}, "chat.messages"),
        ({"chat": {"model": "m", "messages": [USER], "temperature": 2.5}}, "chat.temperature"),
        ({"chat": {"model": "m", "messages": [USER], "temperature": "NaN"}}, "chat.temperature"),
        ({"chat": {"model": "m", "messages": [USER], "maxOutputTokens": 0}}, "chat.max_output_tokens"),
        ({"chat": {"model": "m", "messages": [USER], "stopSequences": ["a", ""]}}, "chat.stop_sequences[1]"),
        ({"chat": {"model": "m", "messages": [{"content": [{"text": "x"}]}]}}, "chat.messages[0].role"),
        (
            {"chat": {"model": "m", "messages": [USER, {"role": "ROLE_USER", "content": [{}]}]}},
            "chat.messages[1].content[0].content",
        ),
        ({"chat": {"model": "m", "messages": [USER]}, "labels": {"Bad": "x"}}, "labels['Bad']"),
        ({"chat": {"model": "m", "messages": [USER]}, "route": {"idleTimeout": "0s"}}, "route.idle_timeout"),
        ({"chat": {"model": "m", "messages": [USER], "reasoning": {"effort": 99}}}, "chat.reasoning.effort"),
        ({"chat": {"model": "m", "messages": [USER], "toolChoice": {}}}, "chat.tool_choice.mode"),
        ({"chat": {"model": "m", "messages": [USER], "topLogprobs": 21}}, "chat.top_logprobs"),
    ],
)
def test_a_limit_of_the_contract_names_its_field(fields: Fields, expected: str) -> None:
    assert refused(lambda: complete(fields)) == [expected]


def test_several_violations_are_told_together_and_the_message_counts_them() -> None:
    with pytest.raises(RequestInvalid) as caught:
        spec(temperature=3, topP=2, topK=0)
    assert [one.field for one in caught.value.violations] == ["chat.temperature", "chat.top_p", "chat.top_k"]
    assert caught.value.message.endswith("(and 2 more)")


def test_violations_are_told_up_to_a_number() -> None:
    with pytest.raises(RequestInvalid) as caught:
        spec(messages=[{"role": "ROLE_USER", "content": [{}]}] * 100)
    assert len(caught.value.violations) == 16


@pytest.mark.parametrize(
    "fields", [{"labels": {"K" * 50_000: "v"}}, {"chat": {"providerOptions": {"K" * 50_000: "[]"}}}]
)
def test_a_key_of_any_length_is_cut_in_the_message(fields: dict[str, Fields]) -> None:
    request: Fields = {**fields, "chat": {"model": "m", "messages": [USER], **fields.get("chat", {})}}
    with pytest.raises(RequestInvalid) as caught:
        complete(request)
    assert len(caught.value.message) < 300
    assert len(caught.value.metadata["field"]) < 120


def test_a_violation_does_not_repeat_what_the_caller_said() -> None:
    with pytest.raises(RequestInvalid) as caught:
        spec(
            tools=[{"function": {"name": "canary canary"}}],
            messages=[{"role": "ROLE_USER", "content": [{"image": {"url": "canary://x"}}]}],
        )
    assert "canary" not in f"{caught.value.message} {caught.value.violations}"


@pytest.mark.parametrize("body", [b"\xff", b"\x0a\xff\xff\xff\xff\x0f", b"\x0a\x03\x0a\x01\xff", b"not protobuf"])
def test_bytes_that_are_no_such_message_are_malformed(body: bytes) -> None:
    with pytest.raises(RequestMalformed) as caught:
        DECODER.complete(call(body=body))
    assert caught.value.metadata == {"method": "test.Service/Call"}
    assert "hedgerow.chat.v1.CompleteRequest" in caught.value.message


@pytest.mark.parametrize(("size", "fits"), [(100, True), (101, False)])
def test_a_message_above_the_limit_is_refused_unparsed(size: int, fits: bool) -> None:
    decoder = ChatDecoder(Checker(100))
    empty = service.CompleteRequest(chat=pb.ChatSpec(model="")).ByteSize()
    body = service.CompleteRequest(chat=pb.ChatSpec(model="x" * (size - empty - 2))).SerializeToString()
    assert len(body) == size
    with pytest.raises(RequestInvalid if fits else MessageTooLarge) as caught:
        decoder.complete(call(body=body))
    if not fits:
        assert caught.value.metadata == {"limitBytes": "100", "sizeBytes": "101"}
        assert caught.value.subject == "message_bytes"
