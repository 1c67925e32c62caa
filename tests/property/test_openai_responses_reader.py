"""The readers of responses, for answers that nobody has seen yet."""

import json
from typing import Any

from hedgerow_server.core.error import HedgerowError
from hedgerow_server.core.event import Event, Finished, coalesce
from hedgerow_server.core.port import Operation
from hypothesis import given
from hypothesis import strategies as st
from providers.openai_run import folded
from providers.responses_run import responses

TYPES = [
    "response.created",
    "response.output_item.added",
    "response.output_item.done",
    "response.output_text.delta",
    "response.refusal.delta",
    "response.reasoning_summary_text.delta",
    "response.reasoning_text.delta",
    "response.function_call_arguments.delta",
    "response.output_text.annotation.added",
    "response.image_generation_call.partial_image",
    "response.some.new.event",
    "response.incomplete",
    "error",
]
ITEM_TYPES = ["message", "reasoning", "function_call", "custom_tool_call", "image_generation_call", "web_search_call"]
NAMES = [
    "content",
    "summary",
    "text",
    "call_id",
    "name",
    "arguments",
    "input",
    "result",
    "annotations",
    "delta",
    "output_index",
    "content_index",
    "item_id",
    "response",
    "annotation",
    "partial_image_b64",
    "error",
    "status",
    "usage",
    "output",
]
SCALARS = st.none() | st.booleans() | st.integers(-2, 3) | st.floats(allow_nan=False) | st.text(max_size=4)
VALUES = st.recursive(
    SCALARS,
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.sampled_from(NAMES), values, max_size=4),
    max_leaves=8,
)
ITEMS = st.fixed_dictionaries(
    {"type": st.sampled_from(ITEM_TYPES)},
    optional=dict.fromkeys(("id", "content", "summary", "name", "call_id", "arguments", "input", "result"), VALUES),
)
EVENTS = st.fixed_dictionaries(
    {"type": st.sampled_from(TYPES) | VALUES},
    optional={
        "output_index": st.integers(0, 2) | VALUES,
        "content_index": st.integers(0, 1) | VALUES,
        "summary_index": st.integers(0, 1) | VALUES,
        "delta": st.text(max_size=4) | VALUES,
        "item": ITEMS | VALUES,
        "annotation": VALUES,
        "partial_image_b64": st.sampled_from(["aGk=", "%"]) | VALUES,
        "item_id": VALUES,
    },
)
END = {"type": "response.completed", "response": {"id": "r", "model": "m", "status": "completed", "output": []}}


def frames(events: list[Any]) -> bytes:
    """A stream of these events."""
    return "".join(f"data: {json.dumps(event)}\n\n" for event in events).encode()


def outcome(pieces: list[bytes], content_type: str = "text/event-stream") -> tuple[list[Event], str]:
    """All events and the reason of the failure after them, if any. Anything but a known failure is raised."""
    reader = responses().reader(Operation.CHAT, stream=True, content_type=content_type)
    events: list[Event] = []
    try:
        for piece in pieces:
            events += reader.feed(piece)
        events += reader.finish()
    except HedgerowError as error:
        return coalesce(events), error.reason
    return coalesce(events), ""


@given(st.lists(EVENTS, max_size=6))
def test_any_events_are_an_answer_or_a_known_failure(events: list[Any]) -> None:
    """An answer has its parts numbered without gaps and folds into a message."""
    found, failure = outcome([frames([*events, END])])
    if not failure:
        assert isinstance(found[-1], Finished)
        indices = {index for event in found if (index := getattr(event, "part_index", None)) is not None}
        assert indices == set(range(len(folded(found).message.content)))


@given(st.lists(EVENTS, max_size=4), st.integers(1, 40))
def test_any_cut_gives_the_same_events_and_the_same_failure(events: list[Any], piece_bytes: int) -> None:
    body = frames([*events, END])
    pieces = [body[at : at + piece_bytes] for at in range(0, len(body), piece_bytes)]
    assert outcome(pieces) == outcome([body])


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, VALUES)) | VALUES, st.lists(ITEMS, max_size=3))
def test_any_document_is_an_answer_or_a_known_failure(document: Any, items: list[Any]) -> None:
    outcome([json.dumps(document).encode()], "application/json")
    whole = {"id": "r", "model": "m", "status": "completed", "output": items}
    found, failure = outcome([json.dumps(whole).encode()], "application/json")
    assert failure or isinstance(found[-1], Finished)


@given(st.binary(max_size=60))
def test_any_bytes_are_an_answer_or_a_known_failure(body: bytes) -> None:
    outcome([body], "application/json")
    outcome([body])
    outcome([b"data: " + body + b"\n\n"])
