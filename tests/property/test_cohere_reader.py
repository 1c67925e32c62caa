"""The readers of Cohere's answers, for answers that nobody has seen yet."""

import json
from typing import Any

from hedgerow_server.core.error import HedgerowError
from hedgerow_server.core.event import Event, Finished, coalesce
from hedgerow_server.core.port import Operation
from hypothesis import given
from hypothesis import strategies as st
from providers.cohere_run import STREAM, cohere, read
from providers.pieces import folded

Json = dict[str, Any]

SCALARS = st.none() | st.booleans() | st.integers(-3, 1 << 70) | st.floats() | st.text(max_size=5)
MEMBERS = st.sampled_from(
    ["type", "index", "delta", "message", "content", "text", "thinking", "tool_plan", "tool_calls", "citations"]
) | st.sampled_from(
    ["function", "name", "arguments", "id", "sources", "start", "end", "usage", "finish_reason", "error", "error_type"]
)
ODD = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(MEMBERS, inner, max_size=4), max_leaves=8
)
KINDS = st.sampled_from(
    ["message-start", "content-start", "content-delta", "content-end", "tool-plan-delta", "citation-start"]
) | st.sampled_from(["tool-call-start", "tool-call-delta", "tool-call-end", "message-end", "debug", "error"])
TEXTS = st.text("ab漢😀", max_size=3)
PIECES = st.one_of(
    TEXTS.map(lambda text: ("content-start", {"content": {"type": "text", "text": text}})),
    TEXTS.map(lambda text: ("content-delta", {"content": {"text": text}})),
    TEXTS.map(lambda text: ("content-delta", {"content": {"thinking": text}})),
    TEXTS.map(lambda text: ("tool-plan-delta", {"tool_plan": text})),
    st.just(("tool-call-start", {"tool_calls": {"id": "c", "function": {"name": "f"}}})),
    st.just(("tool-call-delta", {"tool_calls": {"function": {"arguments": "{}"}}})),
    st.just(("tool-call-end", {})),
    st.just(("citation-start", {"citations": {"start": 0, "end": 1, "sources": [{"id": "d"}], "content_index": 0}})),
)
LIKELY = st.builds(
    lambda piece, index: {"type": piece[0], "index": index, "delta": {"message": piece[1]}}, PIECES, st.integers(0, 2)
)
ODD_EVENTS = st.builds(lambda kind, rest: {**rest, "type": kind}, KINDS, st.dictionaries(MEMBERS, ODD, max_size=3))
EVENTS = st.lists(LIKELY | ODD_EVENTS | ODD, max_size=8)
END: Json = {"type": "message-end", "delta": {"finish_reason": "COMPLETE"}}


def frames(events: list[Any]) -> bytes:
    """The events as a stream."""
    return b"".join(f"event: x\ndata: {json.dumps(event)}\n\n".encode() for event in events) + b"data: [DONE]\n\n"


def outcome(pieces: list[bytes]) -> tuple[list[Event], str]:
    """All events and the reason of the failure after them, if any."""
    reader = cohere().reader(Operation.CHAT, stream=True, content_type=STREAM)
    events: list[Event] = []
    try:
        for piece in pieces:
            events += reader.feed(piece)
        events += reader.finish()
    except HedgerowError as error:
        return coalesce(events), error.reason
    return coalesce(events), ""


def survives(body: bytes, operation: Operation) -> list[Event] | None:
    """The events of a document, None for a failure that callers know. Anything else escapes and fails the test."""
    try:
        return read([body], "application/json", operation)
    except HedgerowError:
        return None


@given(EVENTS)
def test_any_json_in_a_stream_is_an_answer_or_a_known_failure(events: list[Any]) -> None:
    """An answer folds: its parts are numbered from 0 without gaps and end with Finished."""
    found, failure = outcome([frames([*events, END])])
    if not failure:
        assert isinstance(found[-1], Finished)
        indices = {index for event in found if (index := getattr(event, "part_index", None)) is not None}
        assert indices == set(range(len(folded(found).message.content)))


@given(EVENTS, st.integers(1, 40))
def test_any_cut_gives_the_same_events_and_the_same_failure(events: list[Any], piece_bytes: int) -> None:
    body = frames([*events, END])
    pieces = [body[at : at + piece_bytes] for at in range(0, len(body), piece_bytes)]
    assert outcome(pieces) == outcome([body])


@given(ODD)
def test_any_json_as_a_document_is_an_answer_or_a_known_failure(value: Any) -> None:
    survives(json.dumps(value).encode(), Operation.CHAT)
    survives(json.dumps(value).encode(), Operation.EMBED)
    whole = {"id": value, "message": {"content": value, "tool_calls": value, "citations": value, "tool_plan": value}}
    survives(json.dumps({**whole, "finish_reason": "COMPLETE", "usage": value}).encode(), Operation.CHAT)
    survives(json.dumps({"embeddings": value, "meta": value}).encode(), Operation.EMBED)


@given(st.integers(100, 599), ODD)
def test_any_refusal_is_classified(status: int, value: Any) -> None:
    error = cohere().classify(status, {}, json.dumps(value).encode())
    assert isinstance(error, HedgerowError)
