"""The system prompt and the turns of a request, as messages of the contract.

What tools returned stands in messages of its own there. A block that the contract has no part for travels as a text
that holds its JSON, marked so that a provider of the dialect is sent the block and any other the text.
"""

from collections.abc import Callable

import msgspec
from hedgerow.chat.v1 import message_pb2 as pb

from hedgerow_server.core.request import VERBATIM
from hedgerow_server.wire.anthropic import media
from hedgerow_server.wire.anthropic.asked import CACHE_CONTROL, PlainText, Turn
from hedgerow_server.wire.anthropic.reading import Members, members, text_of
from hedgerow_server.wire.anthropic.spoken import SPOKEN, Spoken
from hedgerow_server.wire.anthropic.tokens import DIALECT, State, write_state
from hedgerow_server.wire.check import wrong
from hedgerow_server.wire.json_body import decoded

_ROLES = {"user": pb.ROLE_USER, "assistant": pb.ROLE_ASSISTANT, "system": pb.ROLE_SYSTEM}
_TTLS_S = {"5m": 300, "1h": 3600}
_TEXT = frozenset({"type", "text", "cache_control", "citations"})
_RESULT = frozenset({"type", "tool_use_id", "content", "is_error", "cache_control", "toolset_name"})
_PLAIN = msgspec.json.Decoder(PlainText)
_CONTENT = msgspec.json.Decoder(str | list[msgspec.Raw])
_FLAG = msgspec.json.Decoder(bool)
_Write = Callable[[pb.Part, Members, str], bool]
"""Fills a part from the members of a block; false where the contract cannot hold all of them."""


class Conversation:
    """Collects the messages of a request."""

    __slots__ = ("_message", "_target", "paths")

    def __init__(self, target: pb.ChatSpec) -> None:
        self._target = target
        self._message: pb.Message | None = None
        self.paths: list[tuple[str, list[str]]] = []
        """For each message where it comes from, and for each of its parts."""

    def add(self, turn: Turn, field: str) -> None:
        """Adds a turn, or the system prompt. Raises RequestInvalid."""
        self._message = None
        role, content = _ROLES[turn.role], turn.content
        if isinstance(content, str):
            self._part(role, f"{field}.content", field).text = content
            return
        if not content:
            self._open(role, f"{field}.content")
        spoken = Spoken()
        for index, raw in enumerate(content):
            at = f"{field}.content[{index}]" if field != "system" else f"system[{index}]"
            if (plain := _plain(raw)) is not None:
                part = self._part(role, at, field)
                part.text = plain
                spoken.parts.append(part)
                continue
            found = members(raw, at)
            kind = text_of(found, "type", at)
            if role == pb.ROLE_ASSISTANT:
                self._say(spoken, kind, raw, found, at)
            elif kind == "tool_result" and role == pb.ROLE_USER:
                _write_result(self._part(pb.ROLE_TOOL, at, field), found, at)
            elif kind in _ONLY_SPOKEN:
                raise wrong(at, f"must not be {kind}: it only stands in messages of the assistant")
            else:
                _write(self._part(role, at, field), kind, raw, found, at)

    def _say(self, spoken: Spoken, kind: str, raw: msgspec.Raw, found: Members, at: str) -> None:
        if kind == "tool_result":
            raise wrong(at, "must not be tool_result: it only stands in messages of the user")
        if spoken.refers(kind, found, at):
            return
        part = self._part(pb.ROLE_ASSISTANT, at, at)
        spoken.parts.append(part)
        write = _SAID.get(kind)
        if write is None or not write(part, found, at):
            part.Clear()
            part.provider_item.provider, part.provider_item.type = DIALECT, kind
            part.provider_item.data = bytes(raw)
        elif kind != "thinking":
            write_cache_hint(part, found, at)

    def _part(self, role: pb.Role.ValueType, at: str, field: str) -> pb.Part:
        message = self._open(role, field)
        self.paths[-1][1].append(at)
        return message.content.add()

    def _open(self, role: pb.Role.ValueType, field: str) -> pb.Message:
        if self._message is None or self._message.role != role:
            self._message = self._target.messages.add(role=role)
            self.paths.append((field, []))
        return self._message


def _plain(raw: msgspec.Raw) -> str | None:
    """The text of a block that says nothing else, as most do; None for any other."""
    try:
        return _PLAIN.decode(raw).text
    except ValueError:  # msgspec's errors, and those of Unicode, which the general way tells
        return None


def write_cache_hint(target: pb.Part | pb.Tool, found: Members, at: str) -> None:
    """Takes over where to cache. Raises RequestInvalid."""
    if "cache_control" in found:
        control = decoded(CACHE_CONTROL, found["cache_control"], f"{at}.cache_control")
        target.cache_hint.SetInParent()
        if control.ttl is not None:
            target.cache_hint.ttl.seconds = _TTLS_S[control.ttl]


def _write(part: pb.Part, kind: str, raw: msgspec.Raw, found: Members, at: str) -> None:
    """Fills a part of a message of the user or the operator, or of the result of a tool."""
    write = _GIVEN.get(kind)
    if write is not None and write(part, found, at):
        write_cache_hint(part, found, at)
        return
    part.Clear()
    part.text = bytes(raw).decode()
    part.provider_state.provider, part.provider_state.data = DIALECT, VERBATIM


def _write_text(part: pb.Part, found: Members, at: str) -> bool:
    part.text = text_of(found, "text", at)
    return not found.keys() - _TEXT


def _write_result(part: pb.Part, found: Members, at: str) -> None:
    """What a tool returned."""
    if more := sorted(found.keys() - _RESULT):
        raise wrong(f"{at}.{more[0]}", "is not known")
    result = part.tool_result
    result.tool_call_id = text_of(found, "tool_use_id", at)
    if "is_error" in found:
        result.is_error = decoded(_FLAG, found["is_error"], f"{at}.is_error")
    if "toolset_name" in found:
        write_state(part, State(toolset_name=text_of(found, "toolset_name", at)))
    write_cache_hint(part, found, at)
    content = decoded(_CONTENT, found["content"], f"{at}.content") if "content" in found else []
    if isinstance(content, str):
        result.content.add(text=content)
        return
    for index, raw in enumerate(content):
        where = f"{at}.content[{index}]"
        piece = members(raw, where)
        _write(result.content.add(), text_of(piece, "type", where), raw, piece, where)


_GIVEN: dict[str, _Write] = {
    "text": _write_text,
    "image": media.write_image,
    "document": media.write_document,
}
_SAID: dict[str, _Write] = _GIVEN | SPOKEN
_ONLY_SPOKEN = SPOKEN.keys() - _GIVEN.keys()
