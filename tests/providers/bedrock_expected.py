"""What a recorded answer of Bedrock holds, read with the standard library alone: the yardstick for the adapter."""

import base64
import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass
class Expected:
    """One answer: its blocks as a document has them, in order and without empty ones."""

    blocks: list[Json] = field(default_factory=list)
    cited: list[str] = field(default_factory=list)
    word: str = ""
    usage: Json = field(default_factory=dict)
    units: Json = field(default_factory=dict)

    @property
    def text(self) -> str:
        """All text, joined."""
        return "".join(block.get("text", "") for block in self.blocks)

    @property
    def reasoning(self) -> str:
        """All thoughts, joined."""
        return "".join(block["reasoningContent"]["reasoningText"]["text"] for block in self.of("reasoningContent"))

    def of(self, kind: str) -> list[Json]:
        """The blocks of a kind."""
        return [block for block in self.blocks if kind in block]

    @property
    def calls(self) -> list[tuple[str, str, Json]]:
        """Id, name and arguments of the calls that the caller must answer."""
        uses = [block["toolUse"] for block in self.of("toolUse")]
        return [(use["toolUseId"], use["name"], use["input"]) for use in uses if not is_server(use)]


def is_server(use: Json) -> bool:
    """Whether a tool use is one of a tool that the provider runs."""
    return use.get("type") == "server_tool_use"


def frames(body: bytes) -> Iterator[tuple[str, Json]]:
    """Event type and payload of each frame. Checksums are not looked at, all headers are strings."""
    at = 0
    while at < len(body):
        size, header_size = struct.unpack_from(">II", body, at)
        headers, position, end = {}, at + 12, at + 12 + header_size
        while position < end:
            length = body[position]
            name = body[position + 1 : position + 1 + length].decode()
            position += 2 + length
            (value_length,) = struct.unpack_from(">H", body, position)
            headers[name] = body[position + 2 : position + 2 + value_length].decode()
            position += 2 + value_length
        yield headers[":event-type"], json.loads(body[end : at + size - 4])
        at += size


def expected(recording: Json) -> Expected:
    """The answer in a recording of a chat."""
    answer = Expected()
    response = recording["response"]
    if response["body_encoding"] == "json":
        body = response["body"]
        answer.blocks = body["output"]["message"]["content"]
        _take_end(answer, body)
    else:
        growing: dict[int, Json] = {}
        for name, payload in frames(base64.b64decode(response["body"])):
            if name in ("contentBlockStart", "contentBlockDelta"):
                block = growing.setdefault(payload["contentBlockIndex"], {})
                _grow(answer, block, payload.get("start") or payload["delta"])
            elif name in ("messageStop", "metadata"):
                _take_end(answer, payload)
        answer.blocks = [_whole(block) for _, block in sorted(growing.items())]
    answer.blocks = [block for block in answer.blocks if block and block.get("text", "-")]
    return answer


def _take_end(answer: Expected, source: Json) -> None:
    answer.word = source.get("stopReason", answer.word)
    answer.usage = source.get("usage", answer.usage)
    guardrail = source.get("trace", {}).get("guardrail", {})
    found = [*guardrail.get("inputAssessment", {}).values()]
    found += [one for many in guardrail.get("outputAssessments", {}).values() for one in many]
    for assessment in found:
        for unit, count in assessment["invocationMetrics"]["usage"].items():
            if count:
                answer.units[unit] = answer.units.get(unit, 0) + count


def _grow(answer: Expected, block: Json, piece: Json) -> None:
    if "text" in piece:
        block["text"] = block.get("text", "") + piece["text"]
    elif "citation" in piece:
        answer.cited.append(piece["citation"]["location"]["web"]["url"])
    elif "toolUse" in piece:
        use = block.setdefault("toolUse", {"input": ""})
        use["input"] += piece["toolUse"].pop("input", "")
        use.update(piece["toolUse"])
    elif isinstance(piece.get("toolResult"), list):
        block["toolResult"]["content"] += piece["toolResult"]
    elif "toolResult" in piece:
        block["toolResult"] = {**piece["toolResult"], "content": []}
    elif "reasoningContent" in piece:
        thoughts = block.setdefault("reasoningContent", {"reasoningText": {"text": "", "signature": ""}})
        for name, value in piece["reasoningContent"].items():
            thoughts["reasoningText"][name] += value


def _whole(block: Json) -> Json:
    if "toolUse" in block:
        return {"toolUse": {**block["toolUse"], "input": json.loads(block["toolUse"]["input"] or "{}")}}
    return block


def expected_vectors(recording: Json) -> list[list[float]]:
    """The vectors of a recording of embeddings, as 32-bit floats."""
    body = recording["response"]["body"]
    if "embedding" in body:
        found = [body["embedding"]]
    elif isinstance(body["embeddings"], dict):
        found = body["embeddings"]["float"]
    else:
        found = [one["embedding"] if isinstance(one, dict) else one for one in body["embeddings"]]
    return [list(struct.unpack(f"<{len(one)}f", struct.pack(f"<{len(one)}f", *one))) for one in found]
