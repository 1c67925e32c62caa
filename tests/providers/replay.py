"""Recordings of provider traffic: which there are, their bytes, where to cut them, and the fold of what comes out."""

import itertools
import json
from typing import Any

from hedgerow_server.core.event import Completed, Event, Finished, Usage
from hedgerow_server.core.fold import Answer, Fold
from stack import RECORDINGS

Json = dict[str, Any]

SHORT_BYTES = 8192
ROUND_EDGES = 8


def recordings_of(*dialects: str) -> list[Json]:
    """Every recording in these dialects, whichever provider's; none where the folder is absent."""
    paths = sorted(RECORDINGS.glob("*.jsonl"))
    records = [json.loads(line) for path in paths for line in path.read_text(encoding="utf-8").splitlines()]
    return [record for record in records if record["api"] in dialects]


def media_type(recording: Json) -> str:
    """The content type that goes with a recording of JSON or server-sent events, which may lack it."""
    return "text/event-stream" if recording["response"].get("stream_format") else "application/json"


def body_bytes(recording: Json) -> bytes:
    """The body as the provider's server sent it."""
    response = recording["response"]
    if response["body_encoding"] == "json":
        return json.dumps(response["body"]).encode()
    text: str = response["body"]
    return text.encode()


def cut(body: bytes, *places: int) -> list[bytes]:
    """The body in pieces, cut at these places."""
    edges = [0, *places, len(body)]
    return [body[start:end] for start, end in itertools.pairwise(edges)]


def cuts(body: bytes, *, every: bool) -> list[int]:
    """Where to cut a stream in two: everywhere if it is short or `every` is set, else round the edges of its events."""
    if every or len(body) <= SHORT_BYTES:
        return list(range(1, len(body)))
    edges = [at + 2 for at in range(len(body)) if body[at : at + 2] == b"\n\n"]
    near = {edge + step for edge in edges for step in range(-ROUND_EDGES, ROUND_EDGES + 1)}
    return sorted(near & set(range(1, len(body))))


def folded(events: list[Event]) -> Answer:
    """The whole answer. Its last event must be Finished."""
    *before, last = events
    assert isinstance(last, Finished)
    fold = Fold()
    for event in before:
        assert not isinstance(event, Finished)
        fold.add(event)
    fold.add(Completed(last.reason, last.native_reason, last.usage or Usage()))
    return fold.answer()
