"""What an answer's message has beside what Chat Completions knows: state that its provider wants back, and the parts
that it belongs to. It travels in the message's member `hedgerow`, which SDKs keep: `parts` is the contract's Message in
base64.
"""

import base64
import binascii

from google.protobuf.message import DecodeError
from hedgerow.chat.v1 import message_pb2 as pb

from hedgerow_server.core.request import Audio, File, Image, Message, Part, ProviderItem
from hedgerow_server.wire.message import write_message
from hedgerow_server.wire.openai import chat_body as body
from hedgerow_server.wire.openai.state import CUSTOM, DIALECT, audio_id

_BEYOND = (ProviderItem, Image, Audio, File)


def kept_parts(message: Message) -> str:
    """The parts in base64, where one of them has what the API has no place for; else empty."""
    if not any(map(_is_beyond, message.content)):
        return ""
    written = pb.Message()
    # What a request does not need is left out: where the text comes from, and how likely its tokens were.
    parts = tuple(Part(part.content, part.state) for part in message.content)
    write_message(written, Message(message.role, parts))
    return base64.b64encode(written.SerializeToString(deterministic=True)).decode()


def _is_beyond(part: Part) -> bool:
    if isinstance(part.content, Audio) and audio_id(part.state):
        return False  # its id says it
    if part.state is not None and part.state.provider == DIALECT and part.state.data == CUSTOM:
        return False  # so does the type of its call
    return part.state is not None or isinstance(part.content, _BEYOND)


def parts_of(given: body.Message) -> pb.Message | None:
    """The parts that came back with a message. None where they do not agree with what else the message says: then it
    was changed, and what it says counts.
    """
    assert given.hedgerow is not None
    try:
        message = pb.Message.FromString(base64.b64decode(given.hedgerow.parts, validate=True))
    except (DecodeError, binascii.Error, ValueError):
        return None
    if message.role != pb.ROLE_ASSISTANT or not _agrees(message, given):
        return None
    return message


def _agrees(message: pb.Message, given: body.Message) -> bool:
    parts = message.content
    calls = [(part.tool_call.id, part.tool_call.name, part.tool_call.arguments) for part in parts if _is_call(part)]
    said = given.content
    if isinstance(said, list):
        said = "".join(part.text for part in said if isinstance(part, body.TextPart))
    return (
        calls == [call_of(call) for call in given.tool_calls or ()]
        and "".join(part.text for part in parts) == (said or "")
        and "".join(part.refusal for part in parts) == (given.refusal or "")
    )


def _is_call(part: pb.Part) -> bool:
    return part.WhichOneof("content") == "tool_call"


def call_of(call: body.ToolCall) -> tuple[str, str, str]:
    """The id, name and arguments of a call."""
    if call.custom is not None:
        return call.id, call.custom.name, call.custom.input
    return (call.id, call.function.name, call.function.arguments) if call.function is not None else (call.id, "", "")
