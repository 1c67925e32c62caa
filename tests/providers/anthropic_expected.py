"""What a recorded answer holds, read with the standard library alone: the yardstick for the adapter."""

import json
import re
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

_DELTAS = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "signature"}


@dataclass
class Expected:
    """One answer. `blocks` are the content blocks whole, as an answer that is not streamed has them; the input of a
    tool is JSON text.
    """

    blocks: list[Json] = field(default_factory=list)
    word: str = ""
    stop_sequence: str = ""
    usage: Json = field(default_factory=dict)
    model: str = ""
    response_id: str = ""


def expected(recording: Json) -> Expected:
    """The answer in a recording of a chat."""
    answer = Expected()
    if recording["response"]["body_encoding"] == "json":
        message = recording["response"]["body"]
        _head(answer, message)
        _stop(answer, message)
        answer.blocks = [dict(block) for block in message["content"]]
        for block in answer.blocks:
            if "input" in block:
                block["input"] = json.dumps(block["input"])
        return answer
    for event in events_of(recording["response"]["body"]):
        _take(answer, event)
    return answer


def events_of(body: str) -> list[Json]:
    """The data of all events of a stream."""
    datas = re.findall(r"^data: ?(.*?)\r?$", body, re.MULTILINE)
    return [json.loads(data) for data in datas]


def _take(answer: Expected, event: Json) -> None:
    kind = event["type"]
    if kind == "message_start":
        _head(answer, event["message"])
    elif kind == "content_block_start":
        assert event["index"] == len(answer.blocks)
        block = dict(event["content_block"])
        if "input" in block:
            assert block["input"] == {}
            block["input"] = ""
        answer.blocks.append(block)
    elif kind == "content_block_delta":
        _grow(answer.blocks[event["index"]], event["delta"])
    elif kind == "content_block_stop":
        block = answer.blocks[event["index"]]
        if "input" in block:
            # A call without arguments has none to give: the contract says "{}".
            block["input"] = block["input"] or "{}"
    elif kind == "message_delta":
        _stop(answer, event["delta"])
        answer.usage |= {name: value for name, value in event["usage"].items() if value is not None}


def _grow(block: Json, delta: Json) -> None:
    if member := _DELTAS.get(delta["type"]):
        block[member] += delta[member]
    elif delta["type"] == "input_json_delta":
        block["input"] += delta["partial_json"]
    else:
        assert delta["type"] == "citations_delta"
        block["citations"] = [*(block.get("citations") or []), delta["citation"]]


def _head(answer: Expected, message: Json) -> None:
    answer.model, answer.response_id = message["model"], message["id"]
    answer.usage = dict(message["usage"])


def _stop(answer: Expected, source: Json) -> None:
    answer.word = source["stop_reason"]
    answer.stop_sequence = source.get("stop_sequence") or ""
