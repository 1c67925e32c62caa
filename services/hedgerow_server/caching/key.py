"""What makes two calls equal, and whom an answer belongs to.

A key has three parts, hashed apart: the scope (whose answer it is), the partition (all that must be equal but the words
of the last message) and those words. Each part is written with the length of everything in it, so that no two calls
share a key unless they are equal: no separator can be moved, and no value can pass for another of another type. Texts
are compared byte by byte, as UTF-8: two Unicode forms of one name are two names.
"""

import hmac
from collections.abc import Sequence
from hashlib import sha256
from typing import Literal

import msgspec

from hedgerow_server.core.call import Principal
from hedgerow_server.core.erasure import person_of
from hedgerow_server.core.joined import joined, octets
from hedgerow_server.core.request import (
    Audio,
    ChatSpec,
    Content,
    EmbedInput,
    EmbedSpec,
    File,
    FunctionTool,
    Image,
    JsonObjectFormat,
    JsonSchemaFormat,
    Message,
    Part,
    ProviderItem,
    ProviderTool,
    Reasoning,
    Refusal,
    Role,
    RoutePolicy,
    Text,
    ToolCall,
    ToolResult,
    is_stateful,
)

FORMAT = 1
"""The version of keys and kept values. A router of another one neither finds nor reads what this one keeps."""
Scope = Literal["tenant", "user", "session"]
"""With whom a call may share answers: everybody of its tenant, the same user, or the same conversation of a caller."""
_encode = msgspec.msgpack.Encoder().encode
_NOBODY = Principal(tenant="")


class Asked(msgspec.Struct, frozen=True):
    """What a call asks for, as far as it must equal another one's."""

    scope: bytes
    """Whose answers it may get: never equal for two tenants. Not hashed, so that it can be authenticated as it is."""
    partition: bytes
    """The digest of all that must be equal but the words of the last message: model, earlier messages, tools, sampling,
    guards, regions."""
    words: bytes
    """The digest of the words of the last message."""
    text: str | None = None
    """Those words, where the last message is a user's and has some."""


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer depends on beside the request itself."""

    model: str
    """The name of the route, or of the model behind it."""
    by_model: bool = False
    """Whether it is the latter: then routes share answers."""
    guards: bytes = b""
    """The digest of the guards in force and of how they are configured."""
    regions: frozenset[str] = frozenset()
    """The caller's residency."""
    downgraded_from: str = ""
    """The model that a budget has turned the call away from."""


def scope_of(scope: Scope, principal: Principal | None, session_id: str) -> bytes | None:
    """Whom the answer of a call belongs to. None where the call does not say what the scope needs, a user or a session:
    it never falls back to a wider one.
    """
    who = principal or _NOBODY
    if scope == "tenant":
        return joined((scope, who.tenant))
    if scope == "user":
        return joined((scope, who.tenant, who.user)) if who.user else None
    if not session_id:
        return None
    # Callers choose the names of their conversations: those of two callers may be the same.
    key_id = "" if who.user or who.service else who.key_id
    return joined((scope, who.tenant, who.team, who.service, who.user, key_id, session_id))


def owner_of(principal: Principal | None) -> bytes:
    """Who has caused an answer to be kept, so that it can be erased with him; empty where no user has."""
    who = principal or _NOBODY
    return person_of(who.tenant, who.user)


def chat_asked(scope: bytes, spec: ChatSpec, policy: RoutePolicy, terms: Terms) -> Asked:
    """What a chat call asks for. Whether it streams makes no difference, nor do labels, keys and cache hints."""
    *before, last = spec.messages or (Message(Role.USER, ()),)
    texts = [one.content.text for one in last.content if isinstance(one.content, Text)]
    shape = [None if isinstance(one.content, Text) else _part(one) for one in last.content]
    states = [_state(one) for one in last.content if isinstance(one.content, Text)]
    partition = (
        *_terms("chat", policy, terms),
        [_message(one) for one in before],
        (last.role.value, last.name, shape, states),
        [_tool(one) for one in spec.tools],
        _choice(spec),
        _sampling(spec),
        _options(spec),
    )
    text = "\n".join(texts) if texts and last.role is Role.USER else None
    return Asked(scope, _digest(partition), _digest(texts), text)


def embed_asked(scope: bytes, spec: EmbedSpec, policy: RoutePolicy, terms: Terms) -> list[Asked]:
    """What an embedding call asks for, input by input: which others stand beside one makes no difference."""
    purpose = spec.purpose.value if spec.purpose is not None else None
    partition = _digest((*_terms("embed", policy, terms), spec.dimensions, purpose, _options(spec)))
    return [Asked(scope, partition, _digest(_input(one))) for one in spec.inputs]


def slot_of(asked: Asked, secret: bytes) -> bytes:
    """Where the answer is kept: 32 bytes. Without the secret nobody can tell what was asked, not even by trying."""
    told = b"".join((asked.partition, asked.words, asked.scope))
    return hmac.digest(secret, b"slot" + FORMAT.to_bytes(2, "big") + told, "sha256")


def unfit(spec: ChatSpec) -> bool:
    """Whether the answer depends on more than the request says: what a provider's own tools find, what stands behind an
    address, or a conversation that the provider keeps.
    """
    if any(isinstance(one, ProviderTool) for one in spec.tools):
        return True
    if spec.bound is not None or is_stateful(spec.provider_options):
        return True
    return any(_elsewhere(one.content) for one in spec.messages)


def _elsewhere(parts: Sequence[Part]) -> bool:
    for one in parts:
        content = one.content
        if isinstance(content, Image | Audio | File) and content.url is not None:
            return True
        if isinstance(content, ToolResult) and _elsewhere(content.content):
            return True
    return False


def _digest(value: object) -> bytes:
    # MessagePack writes types and lengths, so that different values are different bytes.
    return sha256(_encode(value)).digest()


def _terms(kind: str, policy: RoutePolicy, terms: Terms) -> tuple[object, ...]:
    return (
        FORMAT,
        kind,
        terms.by_model,
        terms.model,
        terms.guards,
        sorted(octets(one) for one in terms.regions),
        terms.downgraded_from,
        sorted(set(policy.providers)),
        sorted(set(policy.models)),
        sorted(set(policy.regions)),
        policy.require_parameters,
    )


def _message(message: Message) -> tuple[object, ...]:
    return message.role.value, message.name, [_part(one) for one in message.content]


def _part(part: Part) -> tuple[object, ...]:
    content = part.content
    if isinstance(content, Text) and part.state is None and not part.citations:
        return "text", content.text
    return _content(content), _state(part)


def _state(part: Part) -> tuple[object, ...]:
    state = (part.state.provider, part.state.data) if part.state is not None else None
    citations = [msgspec.structs.astuple(one) for one in part.citations]
    return state, citations


def _content(content: Content) -> tuple[object, ...]:
    match content:
        case ToolResult():
            return "result", content.tool_call_id, content.is_error, [_part(one) for one in content.content]
        case Image():
            detail = content.detail.value if content.detail is not None else None
            return "image", content.data, content.url, content.media_type, detail
        case _:
            return _NAMES[type(content)], *msgspec.structs.astuple(content)


_NAMES: dict[type[Content], str] = {
    Text: "text",
    Audio: "audio",
    File: "file",
    ToolCall: "call",
    Reasoning: "reasoning",
    Refusal: "refusal",
    ProviderItem: "item",
}


def _tool(tool: FunctionTool | ProviderTool) -> tuple[object, ...]:
    if isinstance(tool, FunctionTool):
        return "function", tool.name, tool.description, tool.parameters, tool.strict
    return "provider", tool.provider, tool.definition


def _choice(spec: ChatSpec) -> tuple[object, ...]:
    choice = spec.tool_choice
    told = (choice.mode.value, list(choice.function_names)) if choice is not None else None
    return told, spec.parallel_tool_calls


def _sampling(spec: ChatSpec) -> tuple[object, ...]:
    reasoning = spec.reasoning
    effort = None
    if reasoning is not None:
        effort = (reasoning.effort.value if reasoning.effort is not None else None, reasoning.max_tokens)
    return (
        _format(spec.response_format),
        effort,
        spec.max_output_tokens,
        spec.temperature,
        spec.top_p,
        spec.top_k,
        spec.frequency_penalty,
        spec.presence_penalty,
        spec.seed,
        list(spec.stop_sequences),
        spec.top_logprobs,
    )


def _format(form: JsonObjectFormat | JsonSchemaFormat | None) -> tuple[object, ...] | None:
    if form is None:
        return None
    if isinstance(form, JsonSchemaFormat):
        return "schema", form.name, form.schema, form.description, form.strict
    return ("object",)


def _options(spec: ChatSpec | EmbedSpec) -> list[tuple[str, str]]:
    # Which of them are sent depends on whom they are for.
    return [*sorted(spec.provider_options.items()), *(("", name) for name in spec.for_any)]


def _input(one: EmbedInput) -> object:
    return one if isinstance(one, str) else list(one)
