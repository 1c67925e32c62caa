"""What Bedrock sends: the answer of Converse and the events of ConverseStream, as far as they are read.

Members whose types may change are declared `Any` and looked at where they are used; unknown members, such as the
padding `p`, are skipped.
"""

from typing import Any

import msgspec

from hedgerow_server.providers.loose import Loose, tolerant


class Delta(Loose, rename="camel"):
    """More of a block: one of these."""

    text: Any = None
    tool_use: Any = None
    reasoning_content: Any = None
    citation: Any = None
    tool_result: Any = None
    image: Any = None


class Start(Loose, rename="camel"):
    """How a block begins: one of these. Blocks of text and reasoning have no such event."""

    tool_use: Any = None
    tool_result: Any = None
    image: Any = None


class BlockEvent(Loose, rename="camel"):
    """An event of one block: its start, a delta or its stop."""

    content_block_index: Any = None
    start: Start | None = None
    delta: Delta | None = None


class LastEvent(Loose, rename="camel"):
    """The events at the end: messageStop and metadata."""

    stop_reason: Any = None
    additional_model_response_fields: Any = None
    usage: Any = None
    trace: Any = None


class WholeCall(Loose, rename="camel"):
    """A tool call that came whole."""

    tool_use_id: Any = None
    name: Any = None
    input: msgspec.Raw = msgspec.Raw(b"{}")
    type: Any = None


class Block(Loose, rename="camel"):
    """A block that came whole: one of these."""

    text: Any = None
    tool_use: WholeCall | None = None
    reasoning_content: Any = None
    citations_content: Any = None
    tool_result: Any = None
    image: Any = None


class Message(Loose):
    """The message of an answer; its blocks stay as they came."""

    content: list[msgspec.Raw] | None = None


class Output(Loose):
    """What a model put out."""

    message: Message | None = None


class Converse(LastEvent, rename="camel"):
    """A whole answer."""

    output: Output | None = None


# What is no UTF-8 is read as well: the frames of a stream hold bytes.
read_block_event = tolerant(BlockEvent)
"""The event of a block, None where there is none."""
read_last_event = tolerant(LastEvent)
"""The event at the end, None where there is none."""
read_converse = tolerant(Converse)
"""The whole answer, None where there is none."""
read_block = tolerant(Block)
"""The whole block, None where there is none."""
