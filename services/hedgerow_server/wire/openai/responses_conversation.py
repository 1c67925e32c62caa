"""The input of a request to the Responses API, as the contract's messages.

The model's items in a row make one message, as one answer of the contract would be; so do the outputs of functions.
"""

from collections.abc import Callable
from typing import Any

import msgspec
from hedgerow.chat.v1 import message_pb2 as pb

from hedgerow_server.wire.check import wrong
from hedgerow_server.wire.json_body import decoded, unpacked
from hedgerow_server.wire.openai import responses_body as body
from hedgerow_server.wire.openai.media import write_audio, write_file, write_source
from hedgerow_server.wire.openai.responses_tokens import DIALECT, is_responses, members_of, told
from hedgerow_server.wire.token import Token, token_of

_ROLES = {
    "user": pb.ROLE_USER,
    "assistant": pb.ROLE_ASSISTANT,
    "system": pb.ROLE_SYSTEM,
    "developer": pb.ROLE_DEVELOPER,
}
_DETAILS = {"auto": pb.IMAGE_DETAIL_AUTO, "low": pb.IMAGE_DETAIL_LOW, "high": pb.IMAGE_DETAIL_HIGH}
_TTL_S = {"30m": 1800, "12h": 43_200}
_ONLY_HEDGEROW = frozenset({"hedgerow"})
_HEAD = msgspec.json.Decoder(body.Head)
_MESSAGE = msgspec.json.Decoder(body.MessageItem)
_CALL = msgspec.json.Decoder(body.CallItem)
_CUSTOM_CALL = msgspec.json.Decoder(body.CustomCallItem)
_OUTPUT = msgspec.json.Decoder(body.OutputItem)
_REASONING = msgspec.json.Decoder(body.ReasoningItem)
_IMAGE = msgspec.json.Decoder(body.ImageItem)
_NOTHING = body.Kept()
_MESSAGE_TYPE, _CUSTOM_TYPE = msgspec.Raw(b'"message"'), b'"custom_tool_call"'
_ENCODE = msgspec.json.Encoder().encode


class Conversation:
    """Fills the messages of a request."""

    def __init__(self, chat: pb.ChatSpec) -> None:
        self._chat = chat
        self._tag = DIALECT  # whose items the caller has last sent back
        self.places: list[list[str]] = []
        """Where each part of each message stands in the body."""
        self.reference = ""
        """Where an item is only named; empty: nowhere."""

    def instruct(self, text: str) -> None:
        """Instructions come before everything else."""
        self._say(self._message(pb.ROLE_SYSTEM), text, "instructions")

    def ask(self, text: str) -> None:
        """The whole input is a text."""
        self._say(self._message(pb.ROLE_USER), text, "input")

    def add(self, raw: msgspec.Raw, place: str) -> None:
        """Takes an item, which stands at a place of the body. Raises RequestInvalid."""
        head = decoded(_HEAD, raw, place)
        kind = head.type or ("message" if head.role is not None else "")
        if not kind:
            raise wrong(f"{place}.type", "is required")
        take = _TAKES.get(kind)
        if take is not None:
            take(self, raw, place, head.hedgerow or _NOTHING)
            return
        kept = head.hedgerow or _NOTHING
        if kind == "item_reference":
            self.reference = self.reference or place
        self._tag = kept.provider or self._tag
        self._item(Token(self._tag, _without(raw), "item", kind), place)

    def _message(self, role: pb.Role.ValueType, *, joined: bool = False) -> pb.Message:
        """A message to add to: the last one where the role goes on."""
        messages = self._chat.messages
        if joined and messages and messages[-1].role == role:
            return messages[-1]
        self.places.append([])
        return messages.add(role=role)

    def _part(self, message: pb.Message, place: str) -> pb.Part:
        self.places[-1].append(place)
        return message.content.add()

    def _said(self, place: str) -> pb.Part:
        """A part of the model's."""
        return self._part(self._message(pb.ROLE_ASSISTANT, joined=True), place)

    def _say(self, message: pb.Message, text: str, place: str) -> None:
        self._part(message, place).text = text

    def _item(self, token: Token, place: str) -> None:
        item = self._said(place).provider_item
        item.provider, item.type, item.data = token.provider, token.type, token.data

    def speak(self, raw: msgspec.Raw, place: str, kept: body.Kept) -> None:
        """A message."""
        given = decoded(_MESSAGE, raw, place)
        role = _ROLES.get(given.role)
        if role is None:
            raise wrong(f"{place}.role", "must be developer, system, user or assistant")
        answered = role == pb.ROLE_ASSISTANT
        message = self._message(role, joined=answered)
        before = len(message.content)
        if isinstance(given.content, str):
            self._say(message, given.content, f"{place}.content")
        else:
            for index, piece in enumerate(given.content):
                at = f"{place}.content[{index}]"
                _write_piece(self._part(message, at), piece, at)
        if answered and len(message.content) > before:
            self._remember(message.content[before:], raw, place, kept)

    def _remember(self, parts: list[pb.Part], raw: msgspec.Raw, place: str, kept: body.Kept) -> None:
        """Attaches what the provider had attached: to all parts of its item, or to the last one."""
        token = token_of(kept.state, f"{place}.hedgerow.state") if kept.state else None
        if token is None:
            rest, kind = told(raw, kept.id), members_of(raw).get("type", _MESSAGE_TYPE)
            if not rest and bytes(kind) != _CUSTOM_TYPE:
                return
            token = Token(DIALECT, _ENCODE({"type": kind, **rest}))
        for part in parts if is_responses(token.provider) else parts[-1:]:
            part.provider_state.provider, part.provider_state.data = token.provider, token.data

    def think(self, raw: msgspec.Raw, place: str, kept: body.Kept) -> None:
        """What the model thought, or a provider's item that was put there."""
        given = decoded(_REASONING, raw, place)
        token = token_of(given.encrypted_content or "", f"{place}.encrypted_content")
        if token is not None and token.kind == "item":
            self._item(token, place)
            return
        if token is None:
            token = _reasoning_state(raw, kept)
        texts = [one.text for one in given.summary or ()]
        if not texts and token is None:
            return
        part = None
        for index, text in enumerate(texts or [""]):
            part = self._said(f"{place}.summary[{index}]")
            part.reasoning.text = text
        if part is not None and token is not None:
            part.provider_state.provider, part.provider_state.data = token.provider, token.data

    def call(self, raw: msgspec.Raw, place: str, kept: body.Kept) -> None:
        """A call of a function."""
        given = decoded(_CALL, raw, place)
        self._called(given.call_id, given.name, given.arguments, (raw, place, kept))

    def call_custom(self, raw: msgspec.Raw, place: str, kept: body.Kept) -> None:
        """A call of a custom tool."""
        given = decoded(_CUSTOM_CALL, raw, place)
        self._called(given.call_id, given.name, given.input, (raw, place, kept))

    def _called(self, call_id: str, name: str, arguments: str, item: tuple[msgspec.Raw, str, body.Kept]) -> None:
        raw, place, kept = item
        part = self._said(place)
        part.tool_call.id, part.tool_call.name, part.tool_call.arguments = call_id, name, arguments
        self._remember([part], raw, place, kept)

    def result(self, raw: msgspec.Raw, place: str, _kept: body.Kept) -> None:
        """What a function returned."""
        given = decoded(_OUTPUT, raw, place)
        part = self._part(self._message(pb.ROLE_TOOL, joined=True), place)
        part.tool_result.tool_call_id = given.call_id
        if isinstance(given.output, str):
            part.tool_result.content.add(text=given.output)
            return
        for index, piece in enumerate(given.output):
            _write_piece(part.tool_result.content.add(), piece, f"{place}.output[{index}]")

    def draw(self, raw: msgspec.Raw, place: str, kept: body.Kept) -> None:
        """A picture that the model has drawn."""
        given = decoded(_IMAGE, raw, place)
        if not given.result:
            self._item(Token(kept.provider or DIALECT, _without(raw), "item", "image_generation_call"), place)
            return
        part = self._said(place)
        part.image.data = unpacked(given.result, f"{place}.result")
        part.image.media_type = f"image/{given.output_format or 'png'}"
        self._remember([part], raw, place, kept)


_Take = Callable[[Conversation, msgspec.Raw, str, body.Kept], None]
_TAKES: dict[str, _Take] = {
    "message": Conversation.speak,
    "reasoning": Conversation.think,
    "function_call": Conversation.call,
    "custom_tool_call": Conversation.call_custom,
    "function_call_output": Conversation.result,
    "custom_tool_call_output": Conversation.result,
    "image_generation_call": Conversation.draw,
}


def _without(raw: msgspec.Raw) -> bytes:
    """An item of the provider's own, without what is ours."""
    return bytes(raw) if b'"hedgerow"' not in bytes(raw) else _ENCODE(told(raw, "", _ONLY_HEDGEROW))


def _reasoning_state(raw: msgspec.Raw, kept: body.Kept) -> Token | None:
    """The item as OpenAI gave it; None where it is nothing but text."""
    members: dict[str, Any] = told(raw, kept.id, _ONLY_HEDGEROW)
    return Token(DIALECT, _ENCODE(members)) if members.keys() & {"id", "encrypted_content", "content"} else None


def _write_piece(target: pb.Part, piece: body.Piece, place: str) -> None:
    match piece:
        case body.InputText(text=text) | body.OutputText(text=text):
            target.text = text
        case body.OutputRefusal(refusal=refusal):
            target.refusal = refusal
        case body.InputImage():
            _write_image(target, piece, place)
        case body.InputAudio(input_audio=audio):
            write_audio(target.audio, audio.data, audio.format, f"{place}.input_audio.data")
        case body.InputFile():
            _write_file(target.file, piece, place)
        case body.OutputMedium():
            _write_medium(target, piece, place)
    mark = piece.prompt_cache_breakpoint if isinstance(piece, body.InputPiece) else None
    if mark is not None:
        target.cache_hint.SetInParent()
        if mark.ttl is not None:
            target.cache_hint.ttl.seconds = _TTL_S[mark.ttl]


def _write_image(target: pb.Part, piece: body.InputImage, place: str) -> None:
    if piece.image_url:
        write_source(target.image, piece.image_url, f"{place}.image_url")
        if piece.detail is not None:
            target.image.detail = _DETAILS[piece.detail]
    elif piece.file_id:
        target.file.provider_file_id, target.file.media_type = piece.file_id, "image/*"
    else:
        raise wrong(place, "must have image_url or file_id")


def _write_file(target: pb.File, piece: body.InputFile, place: str) -> None:
    target.name = piece.filename or ""
    if piece.file_data:
        write_file(target, piece.file_data, piece.filename or "", f"{place}.file_data")
    elif piece.file_url:
        target.url = piece.file_url
    elif piece.file_id:
        target.provider_file_id = piece.file_id
    else:
        raise wrong(place, "must have file_id, file_url or file_data")


def _write_medium(target: pb.Part, piece: body.OutputMedium, place: str) -> None:
    medium = target.audio if piece.media_type.startswith("audio/") else target.file
    medium.media_type = piece.media_type
    if isinstance(medium, pb.Audio):
        medium.transcript = piece.transcript
    if piece.url:
        medium.url = piece.url
        return
    medium.data = unpacked(piece.data, f"{place}.data")
