"""The readers of OpenAI's answers, for answers that nobody has seen yet."""

import json
from typing import Any

from hedgerow_server.core.error import HedgerowError
from hedgerow_server.core.event import Event, Finished, coalesce
from hedgerow_server.core.port import Operation
from hypothesis import given
from hypothesis import strategies as st
from providers.openai_run import folded, openai, read, stream

Json = dict[str, Any]

SCALARS = st.none() | st.booleans() | st.integers(-3, 1 << 70) | st.floats() | st.text(max_size=5)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
MEMBERS = (
    st.sampled_from(
        ["id", "model", "choices", "usage", "error", "x_groq", "index", "delta", "message", "finish_reason", "content"]
    )
    | st.sampled_from(
        [
            "reasoning",
            "refusal",
            "tool_calls",
            "function_call",
            "annotations",
            "audio",
            "type",
            "function",
            "custom",
            "name",
        ]
    )
    | st.sampled_from(["arguments", "input", "data", "transcript", "embedding", "object", "url_citation"])
)
ODD_VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(MEMBERS, inner, max_size=4), max_leaves=8
)
ODD_PIECES = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("content", "tool_calls", "audio", "refusal"), ODD_VALUES)
)
FRAGMENTS = st.fixed_dictionaries(
    {},
    optional={
        "index": st.none() | st.integers(0, 2),
        "id": st.none() | st.sampled_from(["", "a", "b"]),
        "function": st.fixed_dictionaries(
            {},
            optional={
                "name": st.sampled_from([None, "", "f", "g"]),
                "arguments": st.sampled_from([None, "", "{", "{}"]),
            },
        ),
    },
)
ODD_CHUNKS = ODD_VALUES | st.fixed_dictionaries(
    {"choices": st.lists(st.fixed_dictionaries({"index": st.integers(0, 1), "delta": ODD_PIECES}), max_size=2)},
    optional={"usage": ODD_VALUES},
)
CALL_CHUNKS = st.lists(FRAGMENTS, max_size=3).map(
    lambda calls: {"choices": [{"index": 0, "delta": {"tool_calls": calls}}]}
)
FINISH = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
KNOWN = [
    {"id": "r", "model": "m", "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]},
    {"id": "r", "choices": [{"index": 0, "delta": {"content": "漢 Hi"}, "finish_reason": None}], "usage": None},
    {"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f"}}]}}]},
    {"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]}}]},
    FINISH,
    {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2, "prompt_tokens_details": {}}},
]


def frames(chunks: list[Any]) -> bytes:
    """The chunks as a stream."""
    return b"".join(f"data: {json.dumps(chunk)}\n\n".encode() for chunk in chunks) + b"data: [DONE]\n\n"


def survives(body: bytes, content_type: str, operation: Operation) -> list[Event] | None:
    """The events, None for a failure that callers know. Anything else escapes and fails the test."""
    try:
        return read([body], content_type, operation)
    except HedgerowError:
        return None


@given(st.lists(ODD_CHUNKS | CALL_CHUNKS, max_size=5))
def test_any_json_in_a_stream_is_an_answer_or_a_known_failure(chunks: list[Any]) -> None:
    """An answer folds: its parts are numbered from 0 without gaps and end with Finished."""
    events = survives(frames([*chunks, FINISH]), "text/event-stream", Operation.CHAT)
    if events is not None:
        answer = folded(events)
        indices = {index for event in events if (index := getattr(event, "part_index", None)) is not None}
        assert indices == set(range(len(answer.message.content)))


def outcome(pieces: list[bytes]) -> tuple[list[Event], str]:
    """All events and the reason of the failure after them, if any."""
    reader = openai().reader(Operation.CHAT, stream=True, content_type="text/event-stream")
    events: list[Event] = []
    try:
        for piece in pieces:
            events += reader.feed(piece)
        events += reader.finish()
    except HedgerowError as error:
        return coalesce(events), error.reason
    return coalesce(events), ""


@given(st.lists(ODD_CHUNKS | CALL_CHUNKS | st.sampled_from(KNOWN), max_size=5), st.integers(1, 40))
def test_any_cut_gives_the_same_events_and_the_same_failure(chunks: list[Any], piece_bytes: int) -> None:
    """Also where ids and models change from chunk to chunk, and up to the byte that makes the answer a failure."""
    named = [{"id": f"r{at}", **chunk} if isinstance(chunk, dict) else chunk for at, chunk in enumerate(chunks)]
    body = frames([*named, FINISH])
    pieces = [body[at : at + piece_bytes] for at in range(0, len(body), piece_bytes)]
    assert outcome(pieces) == outcome([body])


@given(ODD_CHUNKS)
def test_any_json_in_a_document_is_an_answer_or_a_known_failure(document: Any) -> None:
    for operation in Operation:
        events = survives(json.dumps(document).encode(), "application/json", operation)
        assert events is None or isinstance(events[-1], Finished)


@given(st.binary(max_size=60))
def test_any_bytes_are_an_answer_or_a_known_failure(body: bytes) -> None:
    for operation in Operation:
        survives(body, "application/json", operation)
    survives(body, "text/event-stream", Operation.CHAT)
    survives(b"data: " + body + b"\n\n", "text/event-stream", Operation.CHAT)


def strew(value: Any, draw: Any) -> Any:
    """The value with unknown members in its objects."""
    if isinstance(value, list):
        return [strew(item, draw) for item in value]
    if not isinstance(value, dict):
        return value
    more = {
        f"x-{name}": unknown for name, unknown in draw(st.dictionaries(st.text(max_size=3), VALUES, max_size=2)).items()
    }
    return {**more, **{name: strew(item, draw) for name, item in value.items()}}


@given(st.data())
def test_unknown_members_change_nothing(data: st.DataObject) -> None:
    assert stream(frames(strew(KNOWN, data.draw))) == stream(frames(KNOWN))
