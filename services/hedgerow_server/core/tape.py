"""An answer as bytes, so that it can be kept and given again as it was."""

from collections.abc import Iterable

import msgspec

from hedgerow_server.core.event import (
    CitationAdded,
    Completed,
    EmbedCompleted,
    EmbeddingsAdded,
    Event,
    GuardVerdict,
    LogprobsDelta,
    MediaDelta,
    ProviderItemAdded,
    ProviderStateAttached,
    ReasoningDelta,
    RefusalDelta,
    RouteChanged,
    Started,
    TextDelta,
    ToolCallArgumentsDelta,
    ToolCallEnded,
    ToolCallStarted,
)

KINDS: tuple[type[Event], ...] = (
    Started,
    TextDelta,
    RefusalDelta,
    ReasoningDelta,
    ToolCallStarted,
    ToolCallArgumentsDelta,
    ToolCallEnded,
    CitationAdded,
    LogprobsDelta,
    MediaDelta,
    ProviderItemAdded,
    ProviderStateAttached,
    RouteChanged,
    GuardVerdict,
    Completed,
    EmbeddingsAdded,
    EmbedCompleted,
)
"""The events of answers that may be kept."""

_ENCODER = msgspec.msgpack.Encoder()
_FRAMES = msgspec.msgpack.Decoder(list[tuple[str, msgspec.Raw]])
# Fields go by their names: a router of the version before reads what this one has written, and the other way round.
_DECODERS: dict[str, msgspec.msgpack.Decoder[Event]] = {kind.__name__: msgspec.msgpack.Decoder(kind) for kind in KINDS}
_ARRAY_32 = b"\xdd"


class Tape:
    """Takes the events of one answer. One that grows above `max_bytes` is let go of."""

    __slots__ = ("_max_bytes", "_pieces", "_size")

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._pieces: list[bytes] | None = []
        self._size = 0

    def add(self, event: Event) -> None:
        """Takes one event, as it is now."""
        if self._pieces is None:
            return
        piece = _ENCODER.encode((type(event).__name__, event))
        self._size += len(piece)
        if self._size > self._max_bytes:
            self._pieces = None
        else:
            self._pieces.append(piece)

    def encoded(self) -> bytes | None:
        """The bytes of the answer; None where there are too many."""
        if self._pieces is None:
            return None
        return b"".join((_ARRAY_32, len(self._pieces).to_bytes(4, "big"), *self._pieces))


def events(encoded: bytes) -> list[Event]:
    """The events of an answer. Raises ValueError for bytes that are none, or of a newer router."""
    try:
        return [_DECODERS[name].decode(raw) for name, raw in _FRAMES.decode(encoded)]
    except (msgspec.DecodeError, KeyError) as error:
        # Without its text, which may have content in it.
        raise ValueError(f"no answer of this version ({type(error).__name__})") from None


def event(name: str, raw: msgspec.Raw) -> Event:
    """One event by the name of its kind. Raises ValueError for bytes that are none, or of a newer router."""
    try:
        return _DECODERS[name].decode(raw)
    except (msgspec.DecodeError, KeyError) as error:
        raise ValueError(f"no event of this version ({type(error).__name__})") from None


def encoded(all_events: Iterable[Event]) -> bytes:
    """The bytes of a whole answer."""
    tape = Tape(1 << 62)
    for event in all_events:
        tape.add(event)
    found = tape.encoded()
    assert found is not None
    return found
