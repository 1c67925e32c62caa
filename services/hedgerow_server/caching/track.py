"""The events of an answer as bytes: as `core.tape` writes them, but words that follow each other in one part in one go,
piece by piece, since nearly all of an answer is that.
"""

import msgspec

from hedgerow_server.core import tape
from hedgerow_server.core.event import Event, ReasoningDelta, TextDelta

_encode = msgspec.msgpack.Encoder().encode
_FRAMES = msgspec.msgpack.Decoder(list[tuple[str, msgspec.Raw]])
_RUN = msgspec.msgpack.Decoder(tuple[int, list[str]])
_KINDS: dict[str, type[TextDelta | ReasoningDelta]] = {"text": TextDelta, "reasoning": ReasoningDelta}
_NAMES = {kind: name for name, kind in _KINDS.items()}
_PIECE_BYTES = 5
"""The most that a piece of a run takes beside its words."""


class Track:
    """Takes the events of one answer. One that grows above `max_bytes` is let go of."""

    __slots__ = ("_frames", "_kind", "_left", "_part", "_texts")

    def __init__(self, max_bytes: int) -> None:
        self._frames: list[tuple[str, msgspec.Raw]] | None = []
        self._left = max_bytes
        self._kind: type[Event] | None = None
        self._part = 0
        self._texts: list[str] = []

    def add(self, event: Event) -> None:
        """Takes one event, as it is now."""
        if isinstance(event, TextDelta | ReasoningDelta):
            if type(event) is not self._kind or event.part_index != self._part:
                self._end_run()
                self._kind, self._part = type(event), event.part_index
            self._texts.append(event.text)
            # Of letters beyond ASCII the bytes are counted once the run ends.
            self._left -= len(event.text) + _PIECE_BYTES
            if self._left < 0:
                self._let_go()
            return
        self._end_run()
        self._write(type(event).__name__, _encode(event))

    def encoded(self) -> bytes | None:
        """The bytes of the answer; None where there are too many."""
        self._end_run()
        return None if self._frames is None else _encode(self._frames)

    def _end_run(self) -> None:
        if self._kind is None:
            return
        written = _encode((self._part, self._texts))
        self._left += sum(map(len, self._texts)) + len(self._texts) * _PIECE_BYTES
        name, self._kind, self._texts = _NAMES[self._kind], None, []  # type: ignore[index]  # one of the two
        self._write(name, written)

    def _write(self, name: str, written: bytes) -> None:
        self._left -= len(name) + len(written) + _PIECE_BYTES
        if self._left < 0:
            self._let_go()
        elif self._frames is not None:
            self._frames.append((name, msgspec.Raw(written)))

    def _let_go(self) -> None:
        self._frames, self._kind, self._texts, self._left = None, None, [], -1


def events(encoded: bytes) -> list[Event]:
    """The events of an answer, each as it was. Raises ValueError for bytes that are none."""
    found: list[Event] = []
    try:
        for name, raw in _FRAMES.decode(encoded):
            kind = _KINDS.get(name)
            if kind is None:
                found.append(tape.event(name, raw))
            else:
                part, texts = _RUN.decode(raw)
                found += [kind(part, text) for text in texts]
    except msgspec.DecodeError as error:
        # Without its text, which may have content in it.
        raise ValueError(f"no answer of this version ({type(error).__name__})") from None
    return found
