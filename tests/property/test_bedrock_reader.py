"""The readers of Bedrock's answers, for answers that nobody has seen yet."""

import json
from typing import Any

from hedgerow_server.core.error import HedgerowError
from hedgerow_server.core.event import Event, Finished, coalesce
from hedgerow_server.core.port import Operation
from hypothesis import given
from hypothesis import strategies as st
from providers.bedrock_run import STREAM, bedrock, exception, frame, read
from providers.pieces import folded

SCALARS = st.none() | st.booleans() | st.integers(-3, 1 << 70) | st.floats() | st.text(max_size=5)
MEMBERS = st.sampled_from(
    ["contentBlockIndex", "start", "delta", "text", "toolUse", "toolResult", "reasoningContent", "citation", "image"]
) | st.sampled_from(
    [
        "toolUseId",
        "name",
        "input",
        "type",
        "signature",
        "redactedContent",
        "location",
        "web",
        "source",
        "bytes",
        "usage",
    ]
)
ODD = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(MEMBERS, inner, max_size=4), max_leaves=8
)
NAMES = st.sampled_from(
    ["messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata", "new"]
)
INDICES = st.integers(0, 2)
TEXTS = st.text("ab漢😀", max_size=3)


def block(kind: str, strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[str, Any]]:
    """Events of a block that are what they should be, one by one."""
    member = {"contentBlockStart": "start", "contentBlockDelta": "delta"}[kind]
    return st.builds(lambda index, value: (kind, {"contentBlockIndex": index, member: value}), INDICES, strategy)


LIKELY = st.one_of(
    block("contentBlockDelta", TEXTS.map(lambda text: {"text": text})),
    block("contentBlockDelta", TEXTS.map(lambda text: {"reasoningContent": {"text": text}})),
    block("contentBlockDelta", TEXTS.map(lambda text: {"reasoningContent": {"signature": text}})),
    block("contentBlockDelta", st.just({"citation": {"title": "t"}})),
    block("contentBlockDelta", st.just({"toolUse": {"input": "{}"}})),
    block("contentBlockDelta", st.just({"toolResult": [{"text": "r"}]})),
    block("contentBlockStart", st.just({"toolUse": {"toolUseId": "c", "name": "f"}})),
    block("contentBlockStart", st.just({"toolUse": {"toolUseId": "s", "name": "f", "type": "server_tool_use"}})),
    block("contentBlockStart", st.just({"toolResult": {"toolUseId": "s"}})),
    block("contentBlockStart", st.just({"image": {"format": "png"}})),
    INDICES.map(lambda index: ("contentBlockStop", {"contentBlockIndex": index})),
)
EVENTS = st.lists(LIKELY | st.tuples(NAMES, ODD), max_size=8)
END = frame("messageStop", {"stopReason": "end_turn"}) + frame("metadata", {"usage": {"outputTokens": 1}})


def frames(events: list[tuple[str, Any]]) -> bytes:
    """The events as a stream."""
    return b"".join(frame(name, payload) for name, payload in events) + END


def outcome(pieces: list[bytes]) -> tuple[list[Event], str]:
    """All events and the reason of the failure after them, if any."""
    reader = bedrock().reader(Operation.CHAT, stream=True, content_type=STREAM)
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
def test_any_json_in_a_stream_is_an_answer_or_a_known_failure(events: list[tuple[str, Any]]) -> None:
    """An answer folds: its parts are numbered from 0 without gaps and end with Finished."""
    found, failure = outcome([frames(events)])
    if not failure:
        assert isinstance(found[-1], Finished)
        indices = {index for event in found if (index := getattr(event, "part_index", None)) is not None}
        assert indices == set(range(len(folded(found).message.content)))


@given(EVENTS, st.booleans(), st.integers(1, 40))
def test_any_cut_gives_the_same_events_and_the_same_failure(
    events: list[tuple[str, Any]], failing: bool, piece_bytes: int
) -> None:
    body = (frames(events)[: -len(END)] + exception("throttlingException")) if failing else frames(events)
    pieces = [body[at : at + piece_bytes] for at in range(0, len(body), piece_bytes)]
    assert outcome(pieces) == outcome([body])


@given(ODD)
def test_any_json_as_a_document_is_an_answer_or_a_known_failure(value: Any) -> None:
    survives(json.dumps(value).encode(), Operation.CHAT)
    survives(json.dumps(value).encode(), Operation.EMBED)
    whole = {"output": {"message": {"content": value}}, "stopReason": "end_turn", "usage": value}
    survives(json.dumps(whole).encode(), Operation.CHAT)
    survives(json.dumps({"embeddings": value, "embedding": None}).encode(), Operation.EMBED)


@given(st.integers(100, 599), ODD)
def test_any_refusal_is_classified(status: int, value: Any) -> None:
    error = bedrock().classify(status, {}, json.dumps(value).encode())
    assert isinstance(error, HedgerowError)
