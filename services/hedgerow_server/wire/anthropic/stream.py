"""A streamed message: https://platform.claude.com/docs/en/build-with-claude/streaming.

Blocks come one after the other there. Parts of the contract mostly do, but a tool call that has not ended makes the
parts after it wait, and what still comes for a part that is closed stands in a block of its own.
"""

from typing import Any

import msgspec

from hedgerow_server.core.call import Call
from hedgerow_server.core.error import Internal
from hedgerow_server.core.event import (
    Completed,
    Delta,
    Event,
    GuardVerdict,
    LogprobsDelta,
    ProviderItemAdded,
    ProviderStateAttached,
    ReasoningDelta,
    Started,
    TextDelta,
    ToolCallArgumentsDelta,
    ToolCallEnded,
)
from hedgerow_server.core.request import ProviderItem
from hedgerow_server.wire.anthropic import usage
from hedgerow_server.wire.anthropic.answer import MessageTold, message_id
from hedgerow_server.wire.anthropic.blocks import apart, item
from hedgerow_server.wire.anthropic.finish import stop_reason
from hedgerow_server.wire.anthropic.open_block import END, OpenBlock, delta, encode, sse, whole
from hedgerow_server.wire.anthropic.tokens import DIALECT
from hedgerow_server.wire.extension import told_of_end, told_of_start

_STOP = sse("message_stop", b'{"type":"message_stop"}')
_GROWING: dict[str, type] = {"text": TextDelta, "thinking": ReasoningDelta, "tool_use": ToolCallArgumentsDelta}
_RUNS_ELSEWHERE = ("server_tool_use", "mcp_tool_use")
"""Items whose input comes in deltas, as that of any tool."""


class EventEncoder:
    """The server-sent events of one answer."""

    __slots__ = ("_block", "_call", "_closed", "_growing", "_next", "_part", "_prefix", "_verdicts", "_waiting")

    def __init__(self, call: Call) -> None:
        self._call = call
        self._block: OpenBlock | None = None
        self._closed: dict[int, tuple[int, str]] = {}  # parts, with the index of the block and the id of the tool call
        self._next = 0
        self._verdicts: list[GuardVerdict] = []
        self._waiting: list[Any] = []
        self._growing: type | None = None  # what only adds words to the open block, of which part, after which bytes
        self._part = -1
        self._prefix = b""

    def encode(self, event: Event) -> list[bytes]:
        """The events of one event."""
        if type(event) is self._growing and event.part_index == self._part:  # type: ignore[union-attr]
            words: str = event.arguments if self._growing is ToolCallArgumentsDelta else event.text  # type: ignore[union-attr]
            return [b"".join((self._prefix, encode(words), END))] if words else []
        match event:
            case Started():
                return [self._head(event)]
            case Completed():
                return self._end(event)
            case GuardVerdict():
                self._verdicts.append(event)
                return []
            case LogprobsDelta():  # nobody can ask for them here
                return []
            case _:
                return self._take(event)

    def _head(self, started: Started) -> bytes:
        message = MessageTold(
            id=message_id(self._call, started),
            model=started.model,
            content=[],
            usage=usage.NONE_YET,
            hedgerow=told_of_start(self._call, started),
        )
        return sse("message_start", b'{"type":"message_start","message":%b}' % msgspec.json.encode(message))

    def _end(self, completed: Completed) -> list[bytes]:
        out: list[bytes] = []
        while self._block is not None or self._waiting:
            out += self._close()
        told = {
            "type": "message_delta",
            "delta": {"stop_reason": stop_reason(completed), "stop_sequence": completed.stop_sequence or None},
            "usage": usage.told(completed.usage),
            "hedgerow": told_of_end(self._call, completed, self._verdicts),
        }
        return [*out, sse("message_delta", encode(told)), _STOP]

    def _take(self, event: Any) -> list[bytes]:
        """Takes an event of a part."""
        part: int = event.part_index
        block = self._block
        out: list[bytes] = []
        if block is not None and block.part != part:
            if not block.ended:
                self._waiting.append(event)
                return []
            out = self._close()
            block = self._block
        if block is None:
            return out + self._take_first(event, part)
        out += block.take(event)
        if isinstance(event, ToolCallEnded):
            out += self._close()
        else:
            self._note(block)
        return out

    def _take_first(self, event: Delta, part: int) -> list[bytes]:
        """Takes an event while no block is open."""
        if isinstance(event, ProviderItemAdded):
            self._closed[part] = (self._next, "")
            return self._item(event.item)
        if isinstance(event, ToolCallEnded):
            return []
        if isinstance(event, ProviderStateAttached) and part in self._closed:
            index, call_id = self._closed[part]
            return self._whole(apart(event.state, call_id, self._next - index))
        try:
            block = self._block = OpenBlock(part, self._next, event)
        except KeyError:
            raise Internal(f"A part begins with {type(event).__name__}.") from None
        self._next += 1
        out = block.take(event)
        self._note(block)
        return out

    def _note(self, block: OpenBlock) -> None:
        """From now on deltas of the block only add to it."""
        if block.started and block.kind in _GROWING:
            self._growing, self._part, self._prefix = _GROWING[block.kind], block.part, block.prefix

    def _close(self) -> list[bytes]:
        """Closes the open block, and takes what has waited for that."""
        block, self._block = self._block, None
        self._growing = None
        out: list[bytes] = []
        if block is not None:
            self._closed[block.part] = (block.index, block.call_id)
            out, state = block.close()
            if state is not None:
                out += self._whole(apart(state, block.call_id))
        waiting, self._waiting = self._waiting, []
        for event in waiting:
            out += self.encode(event)
        return out

    def _whole(self, block: Any) -> list[bytes]:
        index, self._next = self._next, self._next + 1
        return whole(index, block)

    def _item(self, one: ProviderItem) -> list[bytes]:
        block = item(one)
        if one.provider != DIALECT or one.type not in _RUNS_ELSEWHERE:
            return self._whole(block)
        members = msgspec.json.decode(one.data, type=dict[str, msgspec.Raw])
        given = bytes(members.get("input", b"{}")).decode()
        start, end = self._whole(members | {"input": msgspec.Raw(b"{}")})
        index = self._next - 1
        return [start, delta(index, {"type": "input_json_delta", "partial_json": given}), end]
