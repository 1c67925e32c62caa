"""Recorded traffic of Claude on Vertex AI: the Vertex dialect speaks Anthropic's where the model is Claude."""

import json
from typing import Any

import pytest
from hedgerow_server.core.event import Event, Finished, FinishReason
from hedgerow_server.core.request import Text, ToolCall
from providers.anthropic_expected import expected
from providers.anthropic_spec import canonical, chat_spec
from providers.google_expected import body_bytes
from providers.google_run import read, vertex
from providers.openai_run import cut, folded
from stack import RECORDINGS

Json = dict[str, Any]

WORDS = {"end_turn": FinishReason.STOP, "tool_use": FinishReason.TOOL_CALLS}
PATH = RECORDINGS / "vertex.jsonl"
LINES = PATH.read_text(encoding="utf-8").splitlines() if PATH.exists() else []
RECORDED: list[Json] = [
    one for one in map(json.loads, LINES) if one["api"] == "vertex_anthropic" and one["kind"] in ("chat", "chat_stream")
]
if not RECORDED:
    pytest.skip("the recordings of provider traffic are not beside the checkout", allow_module_level=True)

each = pytest.mark.parametrize("recorded", RECORDED, ids=[str(one["id"]) for one in RECORDED])


def run(recording: Json, *places: int) -> list[Event]:
    """The events of a recorded answer, cut at these bytes."""
    kind = "text/event-stream" if recording["kind"] == "chat_stream" else "application/json"
    return read(vertex(), cut(body_bytes(recording), *places), kind)


@each
def test_an_answer_of_claude_is_read_as_recorded(recorded: Json) -> None:
    """Text, calls, finish reason, usage: without a word of the model in the configuration or in the reader."""
    wanted = expected(recorded)
    events = run(recorded)
    contents = [part.content for part in folded(events).message.content]
    texts = [block["text"] for block in wanted.blocks if block["type"] == "text"]
    assert [one.text for one in contents if isinstance(one, Text)] == texts
    calls = [(b["id"], b["name"], json.loads(b["input"] or "{}")) for b in wanted.blocks if b["type"] == "tool_use"]
    found = [(one.id, one.name, json.loads(one.arguments)) for one in contents if isinstance(one, ToolCall)]
    assert found == calls
    last = events[-1]
    assert isinstance(last, Finished)
    assert (last.reason, last.native_reason) == (WORDS.get(wanted.word, last.reason), wanted.word)
    assert last.usage is not None
    assert last.usage.input_tokens == wanted.usage["input_tokens"]
    assert last.usage.output_tokens == wanted.usage["output_tokens"]


@each
def test_every_cut_gives_the_same_events(recorded: Json) -> None:
    whole = run(recorded)
    for place in range(1, len(body_bytes(recorded))):
        assert run(recorded, place) == whole, f"cut at byte {place}"


@each
def test_the_recorded_request_of_claude_is_built_again(recorded: Json) -> None:
    model = recorded["model"]
    body = canonical(recorded["request"]["body"])
    stream = recorded["kind"] == "chat_stream"
    prepared = vertex().build(chat_spec({**body, "model": model}), stream=stream, model=model, secret=None)
    assert json.loads(prepared.request.body) == {**body, **({"stream": True} if stream else {})}
    assert prepared.request.url.endswith(f"/{recorded['path'].split('/projects/')[1].split('/', 3)[3]}")
    assert prepared.warnings == ()
