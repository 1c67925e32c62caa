"""Streams that a real gateway has sent, to be played again."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import KW_ONLY, dataclass
from os import PathLike
from pathlib import Path
from typing import Self

from google.protobuf.json_format import MessageToJson, Parse, ParseError

from hedgerow_client.testing.contract import Event, RecordingError, check, numbered
from hedgerow_client.testing.play import Play
from hedgerow_client.testing.request import Request


@dataclass(frozen=True, slots=True)
class Recording:
    """The events of one stream. The unary RPC gives their fold.

    Events without numbers are numbered. Raises RecordingError where they are not one whole stream by the contract.
    """

    events: tuple[Event, ...]
    """The events, from `Started` to `Completed`."""
    _: KW_ONLY
    first_delay_s: float = 0.0
    """The pause before the first event."""
    chunk_delay_s: float = 0.0
    """The pause before each further event."""

    def __post_init__(self) -> None:
        """Numbers the events and checks them."""
        events = numbered(self.events) if not any(event.sequence for event in self.events) else list(self.events)
        check(events)
        object.__setattr__(self, "events", tuple(events))

    @classmethod
    def of(cls, events: Iterable[Event], *, first_delay_s: float = 0.0, chunk_delay_s: float = 0.0) -> Self:
        """A recording of events, such as those that a test has kept of a stream."""
        return cls(tuple(events), first_delay_s=first_delay_s, chunk_delay_s=chunk_delay_s)

    @classmethod
    def load(cls, path: str | PathLike[str], *, first_delay_s: float = 0.0, chunk_delay_s: float = 0.0) -> Self:
        """A recording from a file: each event as a JSON object, one after the other, over one line or several, as
        `grpcurl … hedgerow.chat.v1.ChatService/StreamComplete > file.jsonl` writes them.

        Raises OSError, and RecordingError that names the event which cannot be read. Fields that this version does not
        know are ignored.
        """
        return cls.of(_read(Path(path)), first_delay_s=first_delay_s, chunk_delay_s=chunk_delay_s)

    def save(self, path: str | PathLike[str]) -> None:
        """Writes a file that `load` reads, an event a line."""
        lines = (MessageToJson(event, indent=None, ensure_ascii=False) + "\n" for event in self.events)
        Path(path).write_text("".join(lines), encoding="utf-8")

    def play(self, request: Request) -> Play:
        """What a call sees of it."""
        return Play(self.events, first_delay_s=self.first_delay_s, chunk_delay_s=self.chunk_delay_s)


def _read(path: Path) -> Iterator[Event]:
    decoder = json.JSONDecoder()
    text = path.read_text(encoding="utf-8")
    position, number = _skip(text, 0), 0
    while position < len(text):
        number += 1
        try:
            value, end = decoder.raw_decode(text, position)
            # Through text again: the JSON form of protobuf has rules of its own, for 64-bit numbers and bytes.
            yield Parse(json.dumps(value), Event(), ignore_unknown_fields=True)
        except (ValueError, ParseError) as error:
            raise RecordingError(f"{path}, event {number}: {error}") from None
        position = _skip(text, end)


def _skip(text: str, position: int) -> int:
    while position < len(text) and text[position].isspace():
        position += 1
    return position
