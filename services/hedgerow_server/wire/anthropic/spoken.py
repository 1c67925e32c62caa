"""What the assistant has said: blocks of an answer that come back."""

from collections.abc import Callable

import msgspec
from hedgerow.chat.v1 import message_pb2 as pb

from hedgerow_server.wire.anthropic.reading import Members, text_of
from hedgerow_server.wire.anthropic.tokens import NOTHING, State, write_state, write_token
from hedgerow_server.wire.check import wrong
from hedgerow_server.wire.json_body import decoded
from hedgerow_server.wire.token import PREFIX, Token, token_of

MALFORMED = "INVALID_JSON"
"""The one member of the input of a tool whose arguments, as the model wrote them, are no JSON object."""
_TEXT = frozenset({"type", "text", "cache_control", "citations"})
_CALL = frozenset({"type", "id", "name", "input", "cache_control", "caller", "toolset_name"})
_DIRECT = b'{"type":"direct"}'
_CITATIONS = msgspec.json.Decoder(list[msgspec.Raw])
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])


class _Cited(msgspec.Struct):
    encrypted_index: str = ""


class _Malformed(msgspec.Struct, forbid_unknown_fields=True):
    INVALID_JSON: str


_CITED = msgspec.json.Decoder(_Cited)
_MALFORMED = msgspec.json.Decoder(_Malformed)


class Spoken:
    """The parts of one message, and words of ours among its blocks that speak of others."""

    __slots__ = ("parts",)

    def __init__(self) -> None:
        self.parts: list[pb.Part | None] = []
        """One for each block; None for a word that speaks of another one."""

    def refers(self, kind: str, found: Members, at: str) -> bool:
        """Whether the block only tells the state of another one, which then has it."""
        if kind != "redacted_thinking":
            return False
        token = token_of(text_of(found, "data", at), f"{at}.data")
        if token is None or token.kind != "of":
            return False
        part = self._named(token)
        if part is not None:
            write_token(part, token)
        self.parts.append(None)
        return True

    def _named(self, token: Token) -> pb.Part | None:
        """The part; None where the client has left it out."""
        if token.type:
            return next((one for one in self.parts if one is not None and one.tool_call.id == token.type), None)
        return self.parts[-token.back] if 0 < token.back <= len(self.parts) else None


def _write_text(part: pb.Part, found: Members, at: str) -> bool:
    part.text = text_of(found, "text", at)
    if "citations" in found:
        # Those that we made of another provider's mean nothing to this one.
        cited = decoded(_CITATIONS, found["citations"], f"{at}.citations")
        cited = [one for one in cited if decoded(_CITED, one, f"{at}.citations").encrypted_index != PREFIX]
        if cited:
            write_state(part, State(citations=cited))
    return not found.keys() - _TEXT


def _write_thought(part: pb.Part, found: Members, at: str) -> bool:
    part.reasoning.text = text_of(found, "thinking", at)
    if "signature" not in found:
        return True
    signature = text_of(found, "signature", at)
    if signature == PREFIX:
        return True
    token = token_of(signature, f"{at}.signature")
    if token is None:
        write_state(part, State(signature=signature))
    else:
        write_token(part, token)
    return True


def _write_redacted(part: pb.Part, found: Members, at: str) -> bool:
    data = text_of(found, "data", at)
    token = token_of(data, f"{at}.data")
    if token is None:
        part.reasoning.SetInParent()
        write_state(part, State(redacted=data))
    elif token.kind == "item":
        item = part.provider_item
        item.provider, item.type, item.data = token.provider, token.type, token.data
    else:
        part.reasoning.SetInParent()
        write_token(part, token)
    return True


def _write_call(part: pb.Part, found: Members, at: str) -> bool:
    call = part.tool_call
    call.id, call.name = text_of(found, "id", at), text_of(found, "name", at)
    if "input" not in found:
        raise wrong(f"{at}.input", "is required")
    call.arguments = _arguments(found["input"], f"{at}.input")
    caller = found.get("caller", NOTHING)
    if bytes(caller).replace(b" ", b"") == _DIRECT:
        caller = NOTHING
    toolset = text_of(found, "toolset_name", at) if "toolset_name" in found else None
    write_state(part, State(caller=caller, toolset_name=toolset))
    return not found.keys() - _CALL


def _arguments(given: msgspec.Raw, field: str) -> str:
    """The JSON text of the arguments, or what the model wrote in its place."""
    decoded(_OBJECT, given, field)
    try:
        return _MALFORMED.decode(given).INVALID_JSON
    except msgspec.ValidationError:
        return bytes(given).decode()


SPOKEN: dict[str, Callable[[pb.Part, Members, str], bool]] = {
    "text": _write_text,
    "thinking": _write_thought,
    "redacted_thinking": _write_redacted,
    "tool_use": _write_call,
}
"""How blocks become parts: from the members of a block; false where the contract cannot hold all of them."""
