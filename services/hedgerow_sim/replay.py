"""Answers with recorded traffic: a folder of JSON Lines files, one HTTP interaction a line.

Each record has `id`, `path`, `model`, `request.body` and `response` with `status`, `headers`, `body_encoding` (`json`,
`text` or `base64`), `body` and `stream_format` (`sse`, `ndjson`, `aws-eventstream`, `json-array` or null).
"""

import binascii
import functools
import hashlib
import random
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal
from urllib.parse import unquote

import msgspec

from hedgerow_sim.laws import Law
from hedgerow_sim.script import Head, Pause, Script, Send

_CONTENT_TYPES: Final[Mapping[str | None, str]] = MappingProxyType(
    {
        "sse": "text/event-stream",
        "ndjson": "application/x-ndjson",
        "aws-eventstream": "application/vnd.amazon.eventstream",
    }
)
# Framing is this server's own, and recorded bodies are decoded.
_DROPPED: Final = frozenset({"content-length", "transfer-encoding", "content-encoding", "connection", "date", "server"})
_EVENT: Final = re.compile(rb".*?(?:\r\n\r\n|\n\n|\r\r)|.+", re.DOTALL)
_REMEMBERED: Final = 256


class _Request(msgspec.Struct, frozen=True):
    body: Any = None


class _Response(msgspec.Struct, frozen=True):
    status: int
    body_encoding: Literal["json", "text", "base64"]
    body: Any
    headers: dict[str, str] = {}
    stream_format: str | None = None


class _Record(msgspec.Struct, frozen=True):
    id: str
    path: str
    request: _Request
    response: _Response
    model: str | None = None


class Recording(msgspec.Struct, frozen=True):
    """A recorded answer, ready to be sent."""

    id: str
    """The record's."""
    status: int
    """HTTP status."""
    headers: Mapping[str, str]
    """As recorded, without those that frame a body; the content type is always there."""
    events: tuple[bytes, ...]
    """The body: a stream's events, else one piece. Joined, they are exactly what was recorded."""
    streamed: bool
    """Whether it is a stream."""

    def script(self, law: Law, rng: random.Random) -> Script:
        """Sends it at the pace of the law, a stream event by event, each on its own."""
        if first := law.first.draw(rng):
            yield Pause(first)
        yield Head(self.status, self.headers, None if self.streamed else sum(map(len, self.events)))
        for index, event in enumerate(self.events):
            if index:
                yield Pause(law.token.draw(rng))
            yield Send(event)


class Found(msgspec.Struct, frozen=True):
    """A recording for a request, and what the request asked for."""

    recording: Recording
    """What to answer with."""
    model: str
    """As requested; empty if the body names none."""
    stream: bool
    """Whether a stream was asked for."""


class _Place(msgspec.Struct, frozen=True):
    """Where a record is, and what is asked of it to find it."""

    id: str
    file: Path
    offset: int
    path: str
    model: str | None
    stream: bool
    body: bytes
    """Digest of the request's body."""


class Library:
    """The recordings of a folder. The index is in memory; bodies are read when they are asked for."""

    def __init__(self, folder: Path) -> None:
        """Raises ValueError, with file and line, for a record that is not one, and for a folder without any."""
        self._places: dict[str, _Place] = {}
        for file in sorted(folder.glob("*.jsonl")):
            for place in _indexed(file):
                self._places.setdefault(place.id, place)
        if not self._places:
            raise ValueError(f"no recordings (*.jsonl) in {folder}")
        self._by_path: dict[str, list[_Place]] = {}
        for place in sorted(self._places.values(), key=lambda one: one.id):
            self._by_path.setdefault(place.path, []).append(place)
        self._load = functools.lru_cache(_REMEMBERED)(_load)

    def __len__(self) -> int:
        return len(self._places)

    def find(self, path: str, body: bytes) -> Found | None:
        """The recording for a request.

        A model, in the body or in the path, that is a record's id gets that record. Else path, model and whether a
        stream is asked for have to agree, and the record with the very same request is preferred, then the lowest id.
        """
        try:
            fields = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            fields = None
        path = unquote(path)
        model = fields.get("model") if isinstance(fields, dict) else None
        place = self._places.get(model) if isinstance(model, str) else None
        place = place or next((self._places[name] for name in _names(path) if name in self._places), None)
        place = place or self._best(path, model, fields)
        if place is None:
            return None
        return Found(self._load(place), model if isinstance(model, str) else "", _streams(path, fields))

    def _best(self, path: str, model: object, fields: object) -> _Place | None:
        stream = _streams(path, fields)
        fitting = [
            place
            for recorded, places in self._by_path.items()
            if recorded.endswith(path) or path.endswith(recorded)
            for place in places
            if place.model == model and place.stream == stream
        ]
        digest = _digest(fields)
        return min(fitting, key=lambda place: (place.body != digest, place.id), default=None)


def _names(path: str) -> Iterator[str]:
    """Where a path may name a model: /model/NAME/converse, /models/NAME:generateContent."""
    for segment in path.split("/"):
        yield segment.partition(":")[0]


def _streams(path: str, fields: object) -> bool:
    asked = isinstance(fields, dict) and fields.get("stream") is True
    return asked or "stream" in path.rpartition("/")[2].lower()


def _digest(fields: object) -> bytes:
    return hashlib.blake2b(msgspec.json.encode(fields, order="deterministic"), digest_size=16).digest()


def _indexed(file: Path) -> Iterator[_Place]:
    offset = 0
    with file.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                try:
                    record = msgspec.json.decode(line, type=_Record)
                except msgspec.DecodeError as exc:
                    raise ValueError(f"{file}:{number}: not a recording: {exc}") from exc
                path, fields = unquote(record.path), record.request.body
                model = fields.get("model") if isinstance(fields, dict) else None
                yield _Place(record.id, file, offset, path, model, _streams(path, fields), _digest(fields))
            offset += len(line)


def _load(place: _Place) -> Recording:
    with place.file.open("rb") as lines:
        lines.seek(place.offset)
        record = msgspec.json.decode(lines.readline(), type=_Record)
    response = record.response
    headers = {name: value for name, value in response.headers.items() if name.lower() not in _DROPPED}
    headers.setdefault("content-type", _CONTENT_TYPES.get(response.stream_format, "application/json"))
    match response.body_encoding:
        case "json":
            body = msgspec.json.encode(response.body)
        case "text":
            body = str(response.body).encode()
        case "base64":
            body = binascii.a2b_base64(response.body)
    events = tuple(_events(response.stream_format, body))
    return Recording(record.id, response.status, headers, events, response.stream_format is not None)


def _events(form: str | None, body: bytes) -> Iterable[bytes]:
    match form:
        case "sse":
            return (match[0] for match in _EVENT.finditer(body))
        case "ndjson":
            return body.splitlines(keepends=True)
        case "aws-eventstream":
            return _frames(body)
    return (body,)


def _frames(body: bytes) -> Iterator[bytes]:
    """AWS event stream messages: each begins with its own length, 4 bytes big-endian."""
    start = 0
    while start < len(body):
        size = int.from_bytes(body[start : start + 4]) or len(body)
        yield body[start : start + size]
        start += size
