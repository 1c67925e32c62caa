"""The block of a streamed message that is being written."""

import msgspec

from hedgerow_server.core.event import (
    CitationAdded,
    Delta,
    MediaDelta,
    ProviderStateAttached,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolCallArgumentsDelta,
    ToolCallEnded,
    ToolCallStarted,
)
from hedgerow_server.core.request import Audio, Citation, File, Image, ProviderState
from hedgerow_server.wire.anthropic import blocks
from hedgerow_server.wire.anthropic.blocks import Block
from hedgerow_server.wire.anthropic.tokens import DIALECT, own_state

encode = msgspec.json.Encoder().encode
END = b"}}\n\n"
"""What follows the words of a delta."""
# Kind of the deltas of each kind of block, and the member that holds their words.
_DELTAS = {
    "text": b'{"type":"text_delta","text":',
    "thinking": b'{"type":"thinking_delta","thinking":',
    "tool_use": b'{"type":"input_json_delta","partial_json":',
}
_KINDS: dict[type, str] = {
    TextDelta: "text",
    RefusalDelta: "text",
    CitationAdded: "text",
    ReasoningDelta: "thinking",
    ToolCallStarted: "tool_use",
    MediaDelta: "medium",
}


def sse(name: str, data: bytes) -> bytes:
    """A server-sent event."""
    return b"event: %b\ndata: %b\n\n" % (name.encode(), data)


def whole(index: int, block: Block) -> list[bytes]:
    """A block that comes at once."""
    return [_start(index, block), stop(index)]


def stop(index: int) -> bytes:
    """The end of a block."""
    return sse("content_block_stop", b'{"type":"content_block_stop","index":%d}' % index)


def delta(index: int, said: dict[str, object]) -> bytes:
    """More of a block."""
    return sse("content_block_delta", b'{"type":"content_block_delta","index":%d,"delta":%b}' % (index, encode(said)))


def _start(index: int, block: Block) -> bytes:
    data = b'{"type":"content_block_start","index":%d,"content_block":%b}' % (index, encode(block))
    return sse("content_block_start", data)


class OpenBlock:
    """One block, from its first event to its last. What it begins with may depend on state that comes with the second
    event: it is told as soon as that is known.
    """

    __slots__ = ("_call", "_citations", "_media", "_state", "ended", "index", "kind", "part", "prefix", "started")

    def __init__(self, part: int, index: int, event: Delta) -> None:
        """`event` is the first one of its part, and still to be taken. Raises KeyError for one that begins nothing."""
        self.part, self.index, self.kind = part, index, _KINDS[type(event)]
        self.ended = self.kind != "tool_use"
        """Whether another one may follow: a tool call says when it has ended."""
        self.prefix = b""
        """What stands before the words of a delta."""
        if self.kind in _DELTAS:
            self.prefix = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":%b' % (
                index,
                _DELTAS[self.kind],
            )
        self.started = False
        """Whether its beginning was told."""
        self._call = ("", "")
        self._citations: list[Citation] = []
        self._media: list[MediaDelta] = []
        self._state: ProviderState | None = None

    @property
    def call_id(self) -> str:
        """The id of the tool call; empty for anything else."""
        return self._call[0]

    def take(self, event: Delta) -> list[bytes]:
        """Takes an event of its part."""
        match event:
            case TextDelta(_, text) | RefusalDelta(_, text):
                return self._say(text)
            case ReasoningDelta(_, text):
                return self._say(text) if text else []
            case ToolCallArgumentsDelta(_, arguments):
                return self._say(arguments)
            case ToolCallStarted(_, call_id, name):
                self._call = (call_id, name)
            case ToolCallEnded():
                self.ended = True
            case CitationAdded(_, citation):
                self._citations.append(citation)
                return self._begin()
            case MediaDelta():
                self._media.append(event)
            case ProviderStateAttached(_, state):
                self._state = state
        return []

    def close(self) -> tuple[list[bytes], ProviderState | None]:
        """Its end, and the state that there is no place for in it."""
        if self.kind == "thinking":
            return self._end_thought(), None
        if self.kind == "medium":
            return whole(self.index, blocks.medium(_medium(self._media))), self._state
        out = self._begin()
        left = self._state
        if self.kind == "text":
            for one in blocks.citations(self._citations, own_state(left)):
                out.append(delta(self.index, {"type": "citations_delta", "citation": one}))
            left = None if left is not None and left.provider == DIALECT else left
        out.append(stop(self.index))
        return out, left

    def _say(self, words: str) -> list[bytes]:
        out = self._begin()
        if words:
            out.append(b"".join((self.prefix, encode(words), END)))
        return out

    def _begin(self) -> list[bytes]:
        if self.started:
            return []
        self.started = True
        match self.kind:
            case "text":
                block: Block = {"type": "text", "text": ""}
            case "thinking":
                block = {"type": "thinking", "thinking": "", "signature": ""}
            case _:
                own = own_state(self._state)
                if own is not None:  # later state would have no place in it any more
                    self._state = None
                block = blocks.called(*self._call, own)
        return [_start(self.index, block)]

    def _end_thought(self) -> list[bytes]:
        own = own_state(self._state)
        if not self.started and own is not None and own.redacted is not None:
            return whole(self.index, {"type": "redacted_thinking", "data": own.redacted})
        out = self._begin()
        signature = blocks.signature(self._state)
        if signature:
            out.append(delta(self.index, {"type": "signature_delta", "signature": signature}))
        out.append(stop(self.index))
        return out


def _medium(pieces: list[MediaDelta]) -> Image | Audio | File:
    media_type = next((one.media_type for one in pieces if one.media_type), "")
    url = next((one.url for one in pieces if one.url), None)
    data = b"".join(one.data for one in pieces) if url is None else None
    if media_type.startswith("image/"):
        return Image(data=data, url=url, media_type=media_type)
    if media_type.startswith("audio/"):
        transcript = "".join(one.transcript for one in pieces)
        return Audio(data=data, url=url, media_type=media_type, transcript=transcript)
    return File(data=data, url=url, media_type=media_type)
