"""The readers of Ollama's answers, for answers that nobody has seen yet."""

import json
from typing import Any

from hedgerow_server.core.error import HedgerowError
from hedgerow_server.core.event import Event, Finished, coalesce
from hedgerow_server.core.port import Operation
from hypothesis import given
from hypothesis import strategies as st
from providers.ollama_run import LINES, lines, ollama, read
from providers.pieces import folded

Json = dict[str, Any]

SCALARS = st.none() | st.booleans() | st.integers(-3, 1 << 70) | st.floats() | st.text(max_size=5)
MEMBERS = st.sampled_from(
    ["model", "message", "content", "thinking", "tool_calls", "function", "name", "arguments", "id", "logprobs"]
) | st.sampled_from(["token", "logprob", "bytes", "done", "done_reason", "prompt_eval_count", "eval_count", "error"])
ODD = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(MEMBERS, inner, max_size=4), max_leaves=8
)
TEXTS = st.text("ab漢😀", max_size=3)
TOKENS = st.lists(st.fixed_dictionaries({"token": TEXTS, "logprob": st.floats(-9, 0), "bytes": ODD}), max_size=2)
CALLS = st.fixed_dictionaries(
    {"function": st.fixed_dictionaries({"name": st.just("f"), "arguments": ODD})}, optional={"id": TEXTS}
)
MESSAGES = st.fixed_dictionaries(
    {}, optional={"content": TEXTS, "thinking": TEXTS, "tool_calls": st.lists(CALLS, max_size=2)}
)
LIKELY = st.fixed_dictionaries({"message": MESSAGES}, optional={"logprobs": TOKENS})
DOCUMENTS = st.lists(LIKELY | st.dictionaries(MEMBERS, ODD, max_size=3) | ODD, max_size=6)
END: Json = {"message": {"content": ""}, "done": True, "done_reason": "stop"}


def outcome(pieces: list[bytes]) -> tuple[list[Event], str]:
    """All events and the reason of the failure after them, if any."""
    reader = ollama().reader(Operation.CHAT, stream=True, content_type=LINES)
    events: list[Event] = []
    try:
        for piece in pieces:
            events += reader.feed(piece)
        events += reader.finish()
    except HedgerowError as error:
        return coalesce(events), error.reason
    return coalesce(events), ""


def survives(body: bytes, operation: Operation) -> None:
    """Anything but an answer or a failure that callers know escapes and fails the test."""
    try:
        read([body], "application/json", operation)
    except HedgerowError:
        return


@given(DOCUMENTS)
def test_any_json_in_a_stream_is_an_answer_or_a_known_failure(documents: list[Any]) -> None:
    """An answer folds: its parts are numbered from 0 without gaps and end with Finished."""
    found, failure = outcome([lines(*documents, END)])
    if not failure:
        assert isinstance(found[-1], Finished)
        indices = {index for event in found if (index := getattr(event, "part_index", None)) is not None}
        assert indices == set(range(len(folded(found).message.content)))


@given(DOCUMENTS, st.integers(1, 40), st.booleans())
def test_any_cut_gives_the_same_events_and_the_same_failure(
    documents: list[Any], piece_bytes: int, last_line_is_open: bool
) -> None:
    body = lines(*documents, END)[: -1 if last_line_is_open else None]
    pieces = [body[at : at + piece_bytes] for at in range(0, len(body), piece_bytes)]
    assert outcome(pieces) == outcome([body])


@given(ODD)
def test_any_json_as_a_document_is_an_answer_or_a_known_failure(value: Any) -> None:
    survives(json.dumps(value).encode(), Operation.CHAT)
    survives(json.dumps(value).encode(), Operation.EMBED)
    message = {"content": value, "thinking": value, "tool_calls": [{"function": {"name": "f", "arguments": value}}]}
    survives(json.dumps({**END, "message": message, "logprobs": value}).encode(), Operation.CHAT)
    survives(json.dumps({"embeddings": value, "prompt_eval_count": value}).encode(), Operation.EMBED)


@given(st.integers(300, 599), ODD)
def test_any_refusal_is_classified(status: int, value: Any) -> None:
    assert isinstance(ollama().classify(status, {}, json.dumps(value).encode()), HedgerowError)
