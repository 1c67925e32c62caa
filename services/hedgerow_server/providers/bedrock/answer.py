"""What Bedrock sends: the answer of Converse and the events of ConverseStream, as far as they are read.

Members whose types may change are declared `Any` and looked at where they are used; unknown members, such as the
padding `p`, are skipped.
"""

from typing import Any, TypeVar

import msgspec

from hedgerow_server.providers.loose import repaired

T = TypeVar("T")


class Delta(msgspec.Struct, rename="camel"):
    """More of a block: one of these."""

    text: Any = None
    tool_use: Any = None
    reasoning_content: Any = None
    citation: Any = None
    tool_result: Any = None
    image: Any = None


class Start(msgspec.Struct, rename="camel"):
    """How a block begins: one of these. Blocks of text and reasoning have no such event."""

    tool_use: Any = None
    tool_result: Any = None
    image: Any = None


class BlockEvent(msgspec.Struct, rename="camel"):
    """An event of one block: its start, a delta or its stop."""

    content_block_index: Any = None
    start: Start | None = None
    delta: Delta | None = None


class LastEvent(msgspec.Struct, rename="camel"):
    """The events at the end: messageStop and metadata."""

    stop_reason: Any = None
    additional_model_response_fields: Any = None
    usage: Any = None
    trace: Any = None


class WholeCall(msgspec.Struct, rename="camel"):
    """A tool call that came whole."""

    tool_use_id: Any = None
    name: Any = None
    input: msgspec.Raw = msgspec.Raw(b"{}")
    type: Any = None


class Block(msgspec.Struct, rename="camel"):
    """A block that came whole: one of these."""

    text: Any = None
    tool_use: WholeCall | None = None
    reasoning_content: Any = None
    citations_content: Any = None
    tool_result: Any = None
    image: Any = None


class Message(msgspec.Struct):
    """The message of an answer; its blocks stay as they came."""

    content: list[msgspec.Raw] | None = None


class Output(msgspec.Struct):
    """What a model put out."""

    message: Message | None = None


class Converse(LastEvent, rename="camel"):
    """A whole answer."""

    output: Output | None = None


_BLOCK_EVENT = msgspec.json.Decoder(BlockEvent)
_LAST_EVENT = msgspec.json.Decoder(LastEvent)
_BLOCK = msgspec.json.Decoder(Block)
_CONVERSE = msgspec.json.Decoder(Converse)


def read_block_event(payload: bytes) -> BlockEvent | None:
    """The event of a block, None where there is none."""
    try:
        return _BLOCK_EVENT.decode(payload)
    except (ValueError, RecursionError):
        return _loose(payload, _BLOCK_EVENT)


def read_last_event(payload: bytes) -> LastEvent | None:
    """The event at the end, None where there is none."""
    return _loose(payload, _LAST_EVENT)


def read_converse(payload: bytes) -> Converse | None:
    """The whole answer, None where there is none."""
    return _loose(payload, _CONVERSE)


def read_block(payload: bytes) -> Block | None:
    """The whole block, None where there is none."""
    return _loose(payload, _BLOCK)


def _loose(payload: bytes, decoder: msgspec.json.Decoder[T]) -> T | None:
    """What is in JSON, even if a half of a surrogate pair or a byte that is not UTF-8 is in it, too."""
    try:
        return decoder.decode(payload)
    except (ValueError, RecursionError):  # msgspec's errors are ValueErrors
        mended = repaired(payload.decode(errors="replace").encode())
    try:
        return decoder.decode(mended) if mended is not None else None
    except (ValueError, RecursionError):
        return None


def text_of(value: object) -> str:
    """The value if it is a string, else an empty one."""
    return value if isinstance(value, str) else ""


def member(value: object, name: str) -> Any:
    """A member of the value if it is an object."""
    return value.get(name) if isinstance(value, dict) else None
