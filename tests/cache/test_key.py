"""Two calls have one key only if they are equal, and never if they are of two tenants."""

from typing import Any

import msgspec
import pytest
from cache.names import names
from cache.world import spec
from hedgerow_server.caching.key import Asked, Terms, chat_asked, embed_asked, owner_of, scope_of, slot_of, unfit
from hedgerow_server.core.call import Principal
from hedgerow_server.core.request import (
    NO_POLICY,
    Audio,
    CacheHint,
    CacheMode,
    ChatSpec,
    Citation,
    Content,
    Effort,
    EmbedPurpose,
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
    RoutePolicy,
    Text,
    ToolCall,
    ToolChoice,
    ToolChoiceMode,
    ToolResult,
)
from hypothesis import given
from hypothesis import strategies as st

TERMS = Terms(model="fast")
SECRET = b"s" * 32


def key(asked: ChatSpec, policy: RoutePolicy = NO_POLICY, terms: Terms = TERMS) -> Asked:
    """What a chat asks for."""
    return chat_asked(b"scope", asked, policy, terms)


def said(*parts: Part, role: Role = Role.USER, name: str = "") -> ChatSpec:
    """A conversation of one message."""
    return spec(messages=(Message(role, parts, name),))


CHANGES: dict[str, list[object]] = {
    "messages": [
        (Message(Role.USER, (Part(Text("other")),)),),
        (Message(Role.SYSTEM, (Part(Text("hi")),)),),
        (Message(Role.USER, (Part(Text("hi")),), "ann"),),
        (Message(Role.USER, (Part(Text("h")), Part(Text("i")))),),
        (Message(Role.USER, (Part(Text("x")),)), Message(Role.USER, (Part(Text("hi")),))),
    ],
    "tools": [
        (FunctionTool("f"),),
        (FunctionTool("f", "d"),),
        (FunctionTool("f", "", "{}"),),
        (FunctionTool("f", strict=True),),
        (ProviderTool("f", ""),),
        (FunctionTool("f"), FunctionTool("g")),
        (FunctionTool("g"), FunctionTool("f")),
    ],
    "tool_choice": [ToolChoice(ToolChoiceMode.AUTO), ToolChoice(ToolChoiceMode.REQUIRED, ("f",))],
    "parallel_tool_calls": [True, False],
    "response_format": [JsonObjectFormat(), JsonSchemaFormat("n", "{}"), JsonSchemaFormat("n", "{}", strict=True)],
    "reasoning": [ReasoningSpec(), ReasoningSpec(Effort.LOW), ReasoningSpec(None, 5)],
    "max_output_tokens": [1, 2],
    "temperature": [0.0, 0.1],
    "top_p": [0.0, 1.0],
    "top_k": [1],
    "frequency_penalty": [0.5],
    "presence_penalty": [0.5],
    "seed": [0, 1],
    "stop_sequences": [("a",), ("a", "b"), ("ab",), ("b", "a")],
    "provider_options": [{"a": "{}"}, {"b": "{}"}, {"a": '{"x": 1}'}],
    "top_logprobs": [0, 1],
    "for_any": [("a",), ("a", "b")],
}


def test_every_field_of_a_chat_is_a_part_of_its_key() -> None:
    """A field that is added to the contract must be thought of here: only these two change nothing of an answer, and
    with the third one none is kept.
    """
    fields = {one.name for one in msgspec.structs.fields(ChatSpec)}
    assert fields - CHANGES.keys() == {"model", "prompt_cache_key", "bound"}
    plain = spec()
    keys = [key(plain)]
    for name, values in CHANGES.items():
        keys += [key(msgspec.structs.replace(plain, **{name: value})) for value in values]
    assert len({slot_of(one, SECRET) for one in keys}) == len(keys)


CONTENTS: list[Content] = [
    Text("x"),
    Reasoning("x"),
    Refusal("x"),
    Image(data=b"x"),
    Image(url="x"),
    Image(data=b"x", media_type="image/png"),
    Image(data=b"x", detail=ImageDetail.LOW),
    Audio(data=b"x"),
    Audio(data=b"x", transcript="x"),
    File(data=b"x"),
    File(provider_file_id="x"),
    File(data=b"x", name="x"),
    ToolCall("x", "", ""),
    ToolCall("", "x", ""),
    ToolCall("", "", "x"),
    ToolResult("x"),
    ToolResult("x", is_error=True),
    ToolResult("x", (Part(Text("x")),)),
    ToolResult("x", (Part(Refusal("x")),)),
    ProviderItem("x", "", b""),
    ProviderItem("", "x", b""),
    ProviderItem("", "", b"x"),
]


@pytest.mark.parametrize("last", [True, False], ids=["in the last message", "before it"])
def test_every_kind_of_content_is_a_kind_of_its_own(last: bool) -> None:
    parts = [Part(one) for one in CONTENTS]
    parts += [Part(Text("x"), ProviderState("p", b"x")), Part(Text("x"), citations=(Citation("x"),))]
    more = () if last else (Message(Role.USER, ()),)
    keys = {slot_of(key(spec(messages=(Message(Role.USER, (one,)), *more))), SECRET) for one in parts}
    assert len(keys) == len(parts)


def test_what_changes_nothing_of_an_answer_is_no_part_of_its_key() -> None:
    hint = CacheHint(5.0)
    plain = spec(tools=(FunctionTool("f"),), provider_options={"a": "{}", "b": "{}"})
    hinted = spec(
        messages=(Message(Role.USER, (Part(Text("hi"), cache_hint=hint),)),),
        tools=(FunctionTool("f", cache_hint=hint),),
        provider_options={"b": "{}", "a": "{}"},
        prompt_cache_key="k",
    )
    policy = RoutePolicy(idle_timeout_s=5, max_attempts=1, session_id="s", cache=CacheMode.REFRESH, cache_max_age_s=5)
    assert key(plain) == key(hinted, policy)


POLICIES: list[dict[str, Any]] = [
    {"providers": ("a",)},
    {"providers": ("a", "b")},
    {"models": ("a",)},
    {"regions": ("a",)},
    {"require_parameters": True},
]
OTHER_TERMS: list[dict[str, Any]] = [
    {"model": "other"},
    {"by_model": True},
    {"guards": b"g"},
    {"regions": frozenset({"a"})},
    {"downgraded_from": "a"},
]


def test_what_narrows_who_may_answer_is_a_part_of_the_key() -> None:
    keys = [key(spec()), *(key(spec(), RoutePolicy(**one)) for one in POLICIES)]
    keys += [key(spec(), terms=Terms(**{"model": "fast", **one})) for one in OTHER_TERMS]
    assert len({one.partition for one in keys}) == len(keys)
    one, other = RoutePolicy(providers=("a", "b")), RoutePolicy(providers=("b", "a", "b"))
    assert key(spec(), one) == key(spec(), other)


def test_the_words_of_the_last_message_are_apart_from_the_rest() -> None:
    """So that what is kept for one question can be compared with another: see semantic caching."""
    system = Message(Role.SYSTEM, (Part(Text("be brief")),))
    one, other = (spec(messages=(system, Message(Role.USER, (Part(Text(text)),)))) for text in ("a", "b"))
    assert (key(one).partition, key(one).text) == (key(other).partition, "a")
    assert key(one).words != key(other).words
    assert key(said(Part(Text("a")), role=Role.ASSISTANT)).text is None
    assert key(said(Part(Image(data=b"x")), Part(Text("a")))).partition != key(said(Part(Text("a")))).partition


def test_inputs_of_embeddings_have_keys_of_their_own() -> None:
    plain = EmbedSpec(model="e", inputs=("a", "b", (1, 2), "1,2"))
    keys = embed_asked(b"scope", plain, NO_POLICY, TERMS)
    assert len({slot_of(one, SECRET) for one in keys}) == 4
    alone = embed_asked(b"scope", EmbedSpec(model="e", inputs=("b",)), NO_POLICY, TERMS)
    assert alone == [keys[1]]
    for change in ({"dimensions": 4}, {"purpose": EmbedPurpose.QUERY}, {"provider_options": {"a": "{}"}}):
        other = embed_asked(b"scope", msgspec.structs.replace(plain, **change), NO_POLICY, TERMS)
        assert {one.partition for one in other}.isdisjoint(one.partition for one in keys)
    assert key(spec("a")).partition != keys[0].partition


Who = tuple[str, str, str, str, str, str]


@given(st.tuples(*[names()] * 6), st.tuples(*[names()] * 6))
def test_no_two_callers_share_a_scope_but_by_its_rule(one: Who, other: Who) -> None:
    """Ids with separators, with lengths, in two Unicode forms, without valid Unicode, empty."""
    for scope in ("tenant", "user", "session"):
        found = []
        for tenant, team, user, service, key_id, session in (one, other):
            who = Principal(tenant, team, user, service=service, key_id=key_id)
            known = {"tenant": (tenant,), "user": (tenant, user)}.get(scope)
            named = key_id if not (user or service) else ""
            found.append((scope_of(scope, who, session), known or (tenant, team, service, user, named, session)))
        (bytes_, told), (more, also) = found
        if bytes_ is not None and more is not None:
            assert (bytes_ == more) == (told == also)


@given(st.tuples(names(), names(), names()))
def test_scopes_of_different_kinds_are_never_equal(one: tuple[str, str, str]) -> None:
    tenant, user, session = one
    who = Principal(tenant, user=user)
    scopes = [scope_of(kind, who, session) for kind in ("tenant", "user", "session")]
    known = [one for one in scopes if one is not None]
    assert len(set(known)) == len(known)
    assert owner_of(who) == b"" or owner_of(who) not in known


def test_without_the_secret_nobody_can_tell_a_slot() -> None:
    assert slot_of(key(spec()), SECRET) != slot_of(key(spec()), b"t" * 32)


def test_an_answer_that_depends_on_what_a_provider_has_kept_has_no_key() -> None:
    kept = {"openai_responses": '{"previous_response_id": "resp_1"}'}
    assert unfit(spec(provider_options=kept))
    assert unfit(spec(bound=("openai_responses", "input[0]")))
    assert not unfit(spec(provider_options={"openai_responses": '{"store": false}'}))
