"""Answers in Claude's dialect of servers that differ from Anthropic's first platform, or are newer."""

import json
from typing import Any

from hedgerow_server.core.drift import Unknown
from hedgerow_server.core.event import Started
from hedgerow_server.core.port import Operation
from hedgerow_server.core.request import Part, ProviderItem, Text, ToolCall
from providers.anthropic_run import anthropic, stream
from providers.pieces import folded

Json = dict[str, Any]

HEAD = {"type": "message_start", "message": {"id": "r", "model": "claude-x", "content": []}}
END = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}}
TAKEN_OVER: Json = {"type": "fallback", "from": {"model": "claude-x"}, "to": {"model": "claude-y"}, "trigger": {}}


def frames(*events: Json) -> bytes:
    """Events as they are sent, between the first and the last."""
    return b"".join(f"data: {json.dumps(event)}\n\n".encode() for event in (HEAD, *events, END))


def start(index: int = 0, **members: Any) -> Json:
    """The start of a block."""
    return {"type": "content_block_start", "index": index, "content_block": members}


def delta(kind: str, index: int = 0, **members: Any) -> Json:
    """More of a block."""
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **members}}


def stop(index: int = 0) -> Json:
    """The end of a block."""
    return {"type": "content_block_stop", "index": index}


def test_text_in_the_block_of_a_call_comes_behind_the_call() -> None:
    """SGLang writes the line between two calls into the first one's block."""
    body = frames(
        start(type="tool_use", id="c", name="f", input={}),
        delta("input_json_delta", partial_json='{"a":'),
        delta("text_delta", text="so"),
        delta("input_json_delta", partial_json=" 1}"),
        stop(),
    )
    assert folded(stream(body)).message.content == (Part(ToolCall("c", "f", '{"a": 1}')), Part(Text("so")))


def test_the_model_that_took_over_is_the_one_that_answers() -> None:
    words = (start(1, type="text", text=""), delta("text_delta", 1, text="x"), stop(1))
    assert stream(frames(start(**TAKEN_OVER), stop(), *words))[0] == Started(model="claude-y", response_id="r")


def test_a_listing_of_tools_is_a_known_item() -> None:
    listing: Json = {"type": "mcp_tool_listing", "mcp_server_name": "s", "tools": []}
    dialect = anthropic()
    reader = dialect.reader(Operation.CHAT, stream=True, content_type="text/event-stream")
    events = reader.feed(frames(start(**listing), stop())) + reader.finish()
    [part] = folded(events).message.content
    assert isinstance(part.content, ProviderItem)
    assert json.loads(part.content.data) == listing
    assert Unknown.CONTENT_TYPE.value not in dialect.drift.counts()
