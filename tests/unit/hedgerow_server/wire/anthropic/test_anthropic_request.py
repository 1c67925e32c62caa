"""Requests at the Anthropic door: every member reaches the core as it is meant, and nothing is dropped in silence."""

import base64
import json
from typing import Any

import pytest
from anthropic_door import DECODER, asked, call_with, counted
from hedgerow_server.core.call import Kind
from hedgerow_server.core.request import (
    VERBATIM,
    CacheHint,
    CacheMode,
    ChatSpec,
    Effort,
    File,
    FunctionTool,
    Image,
    JsonSchemaFormat,
    Message,
    Part,
    ProviderItem,
    ProviderState,
    ProviderTool,
    Reasoning,
    ReasoningSpec,
    Role,
    Text,
    ToolCall,
    ToolChoice,
    ToolChoiceMode,
    ToolResult,
)

Json = dict[str, Any]
HI = {"role": "user", "content": "hi"}
DIALECT = "anthropic_messages"
PIXEL = base64.b64encode(b"\x89PNG").decode()


def spec(*messages: Json, **members: Any) -> ChatSpec:
    """What a body with these messages and further members asks."""
    return asked({"model": "m", "max_tokens": 10, "messages": list(messages) or [HI], **members}).spec


def user(*blocks: Json) -> tuple[Message, ...]:
    """The messages of a turn of the user with these blocks."""
    return spec({"role": "user", "content": list(blocks)}).messages


def part_of(block: Json) -> Part:
    """The one part of a user's block."""
    ((part,),) = (message.content for message in user(block))
    return part


def spoken(*blocks: Json) -> tuple[Part, ...]:
    """The parts of a turn of the assistant with these blocks."""
    return spec(HI, {"role": "assistant", "content": list(blocks)}).messages[1].content


def own(**members: Any) -> Json:
    """What a body with these members says for providers of the dialect alone."""
    return dict(json.loads(spec(**members).provider_options.get(DIALECT, "{}")))


def state(**facts: Any) -> ProviderState:
    """State of the dialect."""
    return ProviderState(DIALECT, json.dumps(facts, separators=(",", ":")).encode())


def test_the_shortest_request_is_a_model_a_limit_and_a_message() -> None:
    assert spec() == ChatSpec(model="m", messages=(Message(Role.USER, (Part(Text("hi")),)),), max_output_tokens=10)


def test_sampling_and_limits_have_fields_of_the_contract() -> None:
    found = spec(temperature=0.5, top_p=0.9, top_k=40, stop_sequences=["END"])
    assert (found.temperature, found.top_p, found.top_k, found.stop_sequences) == (0.5, 0.9, 40, ("END",))
    assert found.provider_options == {}


@pytest.mark.parametrize(
    "name", ["system", "temperature", "tools", "tool_choice", "thinking", "output_config", "stream"]
)
def test_null_is_the_same_as_no_member(name: str) -> None:
    assert spec(**{name: None}) == spec()


@pytest.mark.parametrize("system", ["Be brief.", [{"type": "text", "text": "Be brief."}]])
def test_the_system_prompt_is_the_first_message(system: Any) -> None:
    first, *_ = spec(system=system).messages
    assert first == Message(Role.SYSTEM, (Part(Text("Be brief.")),))


def test_an_empty_system_prompt_is_none() -> None:
    assert spec(system="") == spec(system=[]) == spec()


def test_messages_stay_in_their_places_whoever_speaks() -> None:
    """The operator in the middle, and neighbours of one role."""
    turns = [HI, {"role": "system", "content": "New rules."}, HI, HI]
    roles = [message.role for message in spec(*turns).messages]
    assert roles == [Role.USER, Role.SYSTEM, Role.USER, Role.USER]


def test_a_block_of_the_operators_that_the_contract_lacks_goes_as_it_is() -> None:
    block = {"type": "tool_addition", "tool": {"type": "tool_reference", "name": "f"}}
    message = spec(HI, {"role": "system", "content": [block]}).messages[1]
    assert message.content == (Part(Text(json.dumps(block)), ProviderState(DIALECT, VERBATIM)),)


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ({"type": "base64", "media_type": "image/png", "data": PIXEL}, Image(data=b"\x89PNG", media_type="image/png")),
        ({"type": "url", "url": "https://example.com/a.png"}, Image(url="https://example.com/a.png")),
        ({"type": "file", "file_id": "file_1"}, File(provider_file_id="file_1", media_type="image/*")),
    ],
)
def test_pictures_come_from_everywhere(source: Json, wanted: Image | File) -> None:
    assert part_of({"type": "image", "source": source}) == Part(wanted)


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        (
            {"type": "base64", "media_type": "application/pdf", "data": base64.b64encode(b"%PDF").decode()},
            File(data=b"%PDF", media_type="application/pdf", name="T"),
        ),
        (
            {"type": "text", "media_type": "text/plain", "data": "words"},
            File(data=b"words", media_type="text/plain", name="T"),
        ),
        ({"type": "url", "url": "https://example.com/a.pdf"}, File(url="https://example.com/a.pdf", name="T")),
        ({"type": "file", "file_id": "file_1"}, File(provider_file_id="file_1", name="T")),
    ],
)
def test_documents_come_from_everywhere(source: Json, wanted: File) -> None:
    assert part_of({"type": "document", "source": source, "title": "T"}) == Part(wanted)


def test_what_else_is_said_of_a_medium_travels_with_it() -> None:
    source = {"type": "url", "url": "https://example.com/a.pdf"}
    found = part_of({"type": "document", "source": source, "citations": {"enabled": True}, "context": "c"})
    assert found.content == File(url="https://example.com/a.pdf")
    assert found.state is not None
    assert json.loads(found.state.data) == {"members": {"citations": {"enabled": True}, "context": "c"}}


@pytest.mark.parametrize(
    "block",
    [
        {"type": "search_result", "source": "s", "title": "t", "content": [{"type": "text", "text": "found"}]},
        {"type": "container_upload", "file_id": "file_1"},
        {"type": "document", "source": {"type": "content", "content": "words"}},
        {"type": "document", "source": {"type": "text", "data": "words"}, "context": "more words"},
        {"type": "text", "text": "hi", "new_member": 1},
        {"type": "new_block", "a": 1},
    ],
    ids=lambda block: str(block["type"]),
)
def test_a_block_that_the_contract_lacks_is_a_text_that_holds_it(block: Json) -> None:
    """So guards read its words, and providers of other dialects are sent them."""
    assert part_of(block) == Part(Text(json.dumps(block)), ProviderState(DIALECT, VERBATIM))


@pytest.mark.parametrize(("ttl", "wanted"), [(None, None), ("5m", 300.0), ("1h", 3600.0)])
def test_where_to_cache_is_a_hint(ttl: str | None, wanted: float | None) -> None:
    control = {"type": "ephemeral"} | ({"ttl": ttl} if ttl else {})
    assert part_of({"type": "text", "text": "hi", "cache_control": control}).cache_hint == CacheHint(wanted)
    tool = {"name": "f", "input_schema": {}, "cache_control": control}
    assert spec(tools=[tool]).tools[0].cache_hint == CacheHint(wanted)


def test_results_of_tools_are_messages_of_their_own_in_the_order_of_the_turn() -> None:
    result = {"type": "tool_result", "tool_use_id": "t1", "content": "4"}
    more = {"type": "tool_result", "tool_use_id": "t2", "is_error": True, "content": [{"type": "text", "text": "no"}]}
    found = user(result, more, {"type": "text", "text": "And?"})
    assert found == (
        Message(
            Role.TOOL,
            (
                Part(ToolResult("t1", (Part(Text("4")),))),
                Part(ToolResult("t2", (Part(Text("no")),), is_error=True)),
            ),
        ),
        Message(Role.USER, (Part(Text("And?")),)),
    )


def test_a_result_may_be_empty_or_hold_pictures_and_blocks_of_the_apis_own() -> None:
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}
    reference = {"type": "tool_reference", "tool_name": "f"}
    found = user(
        {"type": "tool_result", "tool_use_id": "t1"},
        {"type": "tool_result", "tool_use_id": "t2", "content": [picture, reference], "toolset_name": "browser"},
    )
    empty, full = found[0].content
    assert empty.content == ToolResult("t1")
    assert full.content == ToolResult(
        "t2",
        (
            Part(Image(data=b"\x89PNG", media_type="image/png")),
            Part(Text(json.dumps(reference)), ProviderState(DIALECT, VERBATIM)),
        ),
    )
    assert full.state == state(toolset_name="browser")


def test_what_the_assistant_has_said_comes_back_with_its_state() -> None:
    cited = {"type": "char_location", "cited_text": "c", "document_index": 0}
    found = spoken(
        {"type": "thinking", "thinking": "Hm.", "signature": "sig"},
        {"type": "redacted_thinking", "data": "enc"},
        {"type": "text", "text": "So.", "citations": [cited]},
        {"type": "tool_use", "id": "t1", "name": "f", "input": {"a": 1.0}, "caller": {"type": "x", "tool_id": "s"}},
    )
    assert [part.content for part in found] == [
        Reasoning("Hm."),
        Reasoning(""),
        Text("So."),
        ToolCall("t1", "f", '{"a": 1.0}'),
    ]
    assert found[0].state == state(signature="sig")
    assert found[1].state == state(redacted="enc")
    assert [part.state is not None and json.loads(part.state.data) for part in found[2:]] == [
        {"citations": [cited]},
        {"caller": {"type": "x", "tool_id": "s"}},
    ]


def test_a_thought_without_a_signature_has_no_state() -> None:
    assert spoken({"type": "thinking", "thinking": "Hm."}) == (Part(Reasoning("Hm.")),)


def test_the_direct_caller_of_a_tool_is_the_default() -> None:
    block = {"type": "tool_use", "id": "t1", "name": "f", "input": {}, "caller": {"type": "direct"}}
    assert spoken(block) == (Part(ToolCall("t1", "f", "{}")),)


@pytest.mark.parametrize("kind", ["server_tool_use", "web_search_tool_result", "compaction", "new_block"])
def test_what_only_the_provider_understands_is_an_item_of_its(kind: str) -> None:
    block = {"type": kind, "id": "s1", "input": {"b": 1, "a": 2}}
    assert spoken(block) == (Part(ProviderItem(DIALECT, kind, json.dumps(block).encode())),)


def test_arguments_that_were_no_json_come_back_as_the_model_wrote_them() -> None:
    block = {"type": "tool_use", "id": "t1", "name": "f", "input": {"INVALID_JSON": '{"a": '}}
    assert spoken(block) == (Part(ToolCall("t1", "f", '{"a": ')),)


def test_a_function_is_a_tool_of_the_contracts() -> None:
    tool = {"type": "custom", "name": "f", "description": "d", "input_schema": {"type": "object"}, "strict": True}
    assert spec(tools=[tool]).tools == (FunctionTool("f", "d", '{"type": "object"}', strict=True),)


def test_what_the_contract_cannot_say_of_a_function_goes_to_providers_of_the_dialect() -> None:
    tool = {"name": "f", "input_schema": {}, "defer_loading": True, "input_examples": [{"a": 1}]}
    found = spec(tools=[tool])
    assert found.tools == (FunctionTool("f", parameters="{}"),)
    assert json.loads(found.provider_options[DIALECT]) == {
        "tool_members": {"f": {"defer_loading": True, "input_examples": [{"a": 1}]}}
    }


def test_a_tool_that_the_provider_runs_goes_as_it_is() -> None:
    tool = {"type": "web_search_20250305", "name": "web_search", "max_uses": 3}
    assert spec(tools=[tool]).tools == (ProviderTool("anthropic", json.dumps(tool)),)


@pytest.mark.parametrize(
    ("choice", "wanted"),
    [
        ({"type": "auto"}, ToolChoice(ToolChoiceMode.AUTO)),
        ({"type": "any"}, ToolChoice(ToolChoiceMode.REQUIRED)),
        ({"type": "none"}, ToolChoice(ToolChoiceMode.NONE)),
        ({"type": "tool", "name": "f"}, ToolChoice(ToolChoiceMode.REQUIRED, ("f",))),
    ],
)
def test_the_choice_of_a_tool_is_one_of_the_contracts(choice: Json, wanted: ToolChoice) -> None:
    assert spec(tools=[{"name": "f", "input_schema": {}}], tool_choice=choice).tool_choice == wanted


@pytest.mark.parametrize(("given", "wanted"), [(True, False), (False, True), (None, None)])
def test_whether_tools_run_side_by_side_is_said_the_other_way_round(given: bool | None, wanted: bool | None) -> None:
    choice = {"type": "auto", "disable_parallel_tool_use": given}
    assert spec(tools=[{"name": "f", "input_schema": {}}], tool_choice=choice).parallel_tool_calls is wanted


@pytest.mark.parametrize(
    ("members", "reasoning", "left"),
    [
        ({"thinking": {"type": "enabled", "budget_tokens": 2048}}, ReasoningSpec(max_tokens=2048), {}),
        ({"thinking": {"type": "disabled"}}, ReasoningSpec(effort=Effort.NONE), {}),
        (
            {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}},
            ReasoningSpec(effort=Effort.LOW),
            {},
        ),
        ({"thinking": {"type": "adaptive"}}, None, {"thinking": {"type": "adaptive"}}),
        ({"thinking": {"type": "between_tools"}}, None, {"thinking": {"type": "between_tools"}}),
        ({"output_config": {"effort": "max"}}, ReasoningSpec(effort=Effort.MAX), {"output_config": {"effort": "max"}}),
        (
            {"thinking": {"type": "enabled", "budget_tokens": 2048, "display": "omitted"}},
            ReasoningSpec(max_tokens=2048),
            {"thinking": {"type": "enabled", "budget_tokens": 2048, "display": "omitted"}},
        ),
        (
            {"thinking": {"type": "disabled"}, "output_config": {"effort": "low"}},
            ReasoningSpec(effort=Effort.NONE),
            {"thinking": {"type": "disabled"}, "output_config": {"effort": "low"}},
        ),
    ],
)
def test_how_to_think_is_said_for_every_model_and_exactly_for_claude(
    members: Json, reasoning: ReasoningSpec | None, left: Json
) -> None:
    """What the contract says as well as Claude's own words stands there alone."""
    assert spec(**members).reasoning == reasoning
    assert own(**members) == left


@pytest.mark.parametrize("at", ["output_config", "output_format"])
def test_the_form_of_an_answer_is_a_schema_of_the_contracts(at: str) -> None:
    form = {"type": "json_schema", "schema": {"type": "object"}}
    found = spec(**{at: {"format": form} if at == "output_config" else form})
    assert found.response_format == JsonSchemaFormat("answer", '{"type": "object"}')
    assert found.provider_options == {}


def test_further_members_go_to_providers_of_the_dialect_and_warn_elsewhere() -> None:
    """Known ones and new ones."""
    members = {"metadata": {"user_id": "u"}, "service_tier": "auto", "container": "c1", "new": 1}
    found = spec(**members)
    assert json.loads(found.provider_options[DIALECT]) == members
    assert found.for_any == (DIALECT,)


def test_features_in_beta_go_along() -> None:
    found = asked({"model": "m", "messages": [HI]}, {"anthropic-beta": "a-1, b-2"})
    assert json.loads(found.spec.provider_options[DIALECT]) == {"betas": ["a-1", "b-2"]}


def test_the_gateways_own_member_says_how_to_treat_the_call() -> None:
    told = {
        "route": {"providers": ["a"], "cache": "bypass"},
        "labels": {"feature": "search"},
        "provider_options": {"anthropic": {"x": 1}, "openai": {"y": 2}, DIALECT: {"metadata": {"user_id": "mine"}}},
    }
    found = asked({"model": "m", "messages": [HI], "metadata": {"user_id": "u"}, "hedgerow": told})
    assert found.policy.providers == ("a",)
    assert found.policy.cache is CacheMode.BYPASS
    assert found.labels == {"feature": "search"}
    assert {name: json.loads(text) for name, text in found.spec.provider_options.items()} == told["provider_options"]


def test_an_idempotency_key_comes_in_its_header() -> None:
    found = asked({"model": "m", "messages": [HI]}, {"idempotency-key": "k"})
    assert found.once is not None
    assert found.once.key == "k"


@pytest.mark.parametrize(("stream", "kind"), [(True, Kind.SERVER_STREAM), (False, Kind.UNARY), (None, Kind.UNARY)])
def test_the_body_says_whether_the_answer_is_streamed(stream: bool | None, kind: Kind) -> None:
    call = call_with({"model": "m", "messages": [HI], "stream": stream})
    DECODER.create(call)
    assert call.method.kind is kind


def test_a_count_asks_for_the_same_as_the_call_without_a_limit() -> None:
    body: Json = {"model": "m", "messages": [HI], "system": "s", "tools": [{"name": "f", "input_schema": {}}]}
    assert counted(body).spec == asked(body).spec


def test_numbers_and_the_order_of_members_survive_in_schemas_and_inputs() -> None:
    schema = '{"type":"object","maximum":9007199254740993,"b":1.0,"a":2}'
    body = b'{"model":"m","messages":[{"role":"user","content":"hi"}],"tools":[{"name":"f","input_schema":%b}]}'
    (tool,) = asked(body % schema.encode()).spec.tools
    assert isinstance(tool, FunctionTool)
    assert tool.parameters == schema
