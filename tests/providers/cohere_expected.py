"""What a recorded answer of Cohere holds, read with the standard library alone: the yardstick for the adapter."""

import json
import struct
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass
class Expected:
    """One answer: its message as a document has it."""

    message: Json = field(default_factory=dict)
    word: str = ""
    usage: Json = field(default_factory=dict)
    id: str = ""

    def of(self, kind: str) -> str:
        """All text or thinking, joined."""
        return "".join(block.get(kind, "") for block in self.message.get("content", []))

    @property
    def calls(self) -> list[tuple[str, str, Json]]:
        """Id, name and arguments of the calls."""
        calls = [(call["id"], call["function"]) for call in self.message.get("tool_calls", [])]
        return [(call_id, function["name"], json.loads(function["arguments"])) for call_id, function in calls]

    @property
    def cited(self) -> list[tuple[int, int, str]]:
        """Start, end and the source's id of the citations, one for each source."""
        found = self.message.get("citations", [])
        return [(one["start"], one["end"], source["id"]) for one in found for source in one["sources"]]


def events_of(body: str) -> list[Json]:
    """The events of a stream, without the [DONE] at its end."""
    lines = [line.removeprefix("data: ") for line in body.splitlines() if line.startswith("data: ")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


def expected(recording: Json) -> Expected:
    """The answer in a recording of a chat."""
    body = recording["response"]["body"]
    if recording["response"]["body_encoding"] == "json":
        return Expected(body["message"], body["finish_reason"], body["usage"], body["id"])
    answer = Expected()
    blocks: dict[int, Json] = {}
    calls: dict[int, Json] = {}
    for event in events_of(body):
        _take(answer, blocks, calls, event)
    if blocks:
        answer.message["content"] = list(blocks.values())
    if calls:
        answer.message["tool_calls"] = list(calls.values())
    return answer


def _take(answer: Expected, blocks: dict[int, Json], calls: dict[int, Json], event: Json) -> None:
    delta, index = event.get("delta", {}), event.get("index", 0)
    piece = delta.get("message", {})
    match event["type"]:
        case "message-start":
            answer.id = event["id"]
        case "content-start":
            blocks[index] = dict(piece["content"])
        case "content-delta":
            for kind, text in piece["content"].items():
                blocks[index][kind] += text
        case "tool-plan-delta":
            answer.message["tool_plan"] = answer.message.get("tool_plan", "") + piece["tool_plan"]
        case "tool-call-start":
            calls[index] = piece["tool_calls"]
        case "tool-call-delta":
            calls[index]["function"]["arguments"] += piece["tool_calls"]["function"]["arguments"]
        case "citation-start":
            answer.message.setdefault("citations", []).append(piece["citations"])
        case "message-end":
            answer.word, answer.usage = delta["finish_reason"], delta["usage"]


def expected_vectors(recording: Json) -> list[list[float]]:
    """The vectors of a recording of embeddings, as 32-bit floats."""
    found = recording["response"]["body"]["embeddings"]["float"]
    return [list(struct.unpack(f"<{len(one)}f", struct.pack(f"<{len(one)}f", *one))) for one in found]
