"""What is under way in a stream of the Responses API: items, and the parts whose words are written by hand."""

from collections.abc import Callable
from typing import Any

import msgspec

from hedgerow_server.core import event as core

_ENCODE = msgspec.json.Encoder().encode
TEXT, REFUSAL = "response.output_text", "response.refusal"
SUMMARY, SUMMARY_PART = "response.reasoning_summary_text", "response.reasoning_summary_part"
ARGUMENTS, INPUT = "response.function_call_arguments", "response.custom_tool_call_input"
_Kind = Callable[[int, str], core.TextDelta | core.RefusalDelta | core.ReasoningDelta | core.ToolCallArgumentsDelta]
_KINDS: dict[str, _Kind] = {
    TEXT: core.TextDelta,
    REFUSAL: core.RefusalDelta,
    SUMMARY: core.ReasoningDelta,
    ARGUMENTS: core.ToolCallArgumentsDelta,
    INPUT: core.ToolCallArgumentsDelta,
}
_END, _TEXT_END = b"}\n\n", b',"logprobs":[]}\n\n'


class Line(msgspec.Struct, frozen=True):
    """A part whose words go on, and what stands around them in their events."""

    kind: _Kind
    """The deltas that the words come as."""
    head: bytes
    """Before the number of an event."""
    place: bytes
    """Between that and the words."""
    end: bytes
    """After them."""
    said: list[str]
    """The words since the fold was told of any."""


NO_LINE = Line(core.TextDelta, b"", b"", b"", [])


def begun_line(name: str, place: dict[str, Any]) -> Line:
    """A part begins whose deltas are called so and belong there."""
    kind = f"{name}.delta".encode()
    head = b'event: %b\ndata: {"type":"%b","sequence_number":' % (kind, kind)
    end = _TEXT_END if name == TEXT else _END
    return Line(_KINDS[name], head, b"," + _ENCODE(place)[1:-1] + b',"delta":', end, [])


class Open:
    """An item that is under way."""

    __slots__ = ("ended", "index", "item_id", "kind", "parts", "pieces", "sealed")

    def __init__(self, kind: str, index: int, item_id: str) -> None:
        self.kind = kind
        self.index = index
        self.item_id = item_id
        self.parts: list[int] = []
        self.pieces = 0
        """Those that have begun."""
        self.sealed = False
        """Whether the provider has attached something: then nothing more is added."""
        self.ended = False
        """Whether a call has all of its arguments."""

    @property
    def place(self) -> dict[str, Any]:
        """Where its events say that they belong."""
        return {"item_id": self.item_id, "output_index": self.index}
