"""What a recorded answer of Ollama holds, read with the standard library alone: the yardstick for the adapter."""

import json
import re
import struct
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass
class Expected:
    """One answer."""

    text: str = ""
    thinking: str = ""
    calls: list[tuple[str, str, Json]] = field(default_factory=list)
    """Id (empty where there is none), name and arguments."""
    end: Json = field(default_factory=dict)
    """The document with the finish reason and the counts."""


def documents_of(recording: Json) -> list[Json]:
    """The documents of an answer: one, or one a line."""
    body = recording["response"]["body"]
    if recording["response"]["body_encoding"] == "json":
        return [body]
    return [json.loads(line) for line in body.splitlines() if line.strip()]


def expected(recording: Json) -> Expected:
    """The answer in a recording of a chat."""
    answer = Expected()
    for document in documents_of(recording):
        message = document.get("message", {})
        answer.text += message.get("content") or ""
        answer.thinking += message.get("thinking") or ""
        for call in message.get("tool_calls") or []:
            answer.calls.append((call.get("id", ""), call["function"]["name"], call["function"]["arguments"]))
        if document.get("done"):
            answer.end = document
    return answer


def pieces_of(recorded: Json) -> list[Json]:
    """The answer as a stream of words would have brought it."""
    documents = documents_of(recorded)
    if len(documents) > 1:
        return documents
    (whole,) = documents
    common = {"model": whole["model"], "created_at": whole["created_at"]}
    message = whole["message"]
    said: list[Json] = [{"content": "", "thinking": word} for word in _words(message.get("thinking", ""))]
    said += [{"content": word} for word in _words(message["content"])]
    said += [{"content": "", "tool_calls": [call]} for call in message.get("tool_calls", [])]
    made = [{**common, "message": {"role": "assistant", **piece}, "done": False} for piece in said]
    return [*made, {**whole, "message": {"role": "assistant", "content": ""}}]


def _words(text: str) -> list[str]:
    return re.findall(r"\S*\s*", text)


def merged(recorded: Json) -> Json:
    """The answer as one document."""
    wanted = expected(recorded)
    message: Json = {"role": "assistant", "content": wanted.text}
    if wanted.thinking:
        message["thinking"] = wanted.thinking
    if wanted.calls:
        calls = [{"id": one, "function": {"name": name, "arguments": given}} for one, name, given in wanted.calls]
        message["tool_calls"] = calls
    return {**wanted.end, "message": message}


def expected_vectors(recording: Json) -> list[list[float]]:
    """The vectors of a recording of embeddings, as 32-bit floats."""
    body = recording["response"]["body"]
    found = body["embeddings"] if "embeddings" in body else [body["embedding"]]
    return [list(struct.unpack(f"<{len(one)}f", struct.pack(f"<{len(one)}f", *one))) for one in found]
