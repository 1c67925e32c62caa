"""What a recorded answer holds, read with the standard library alone: the yardstick for the adapter."""

import base64
import json
import re
import struct
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass
class Expected:
    """One answer. `calls` holds (id or None where the provider sent none, name, arguments)."""

    text: str = ""
    reasoning: str = ""
    refusal: str = ""
    calls: list[tuple[str | None, str, str]] = field(default_factory=list)
    citations: list[str] = field(default_factory=list)
    audio: bytes = b""
    transcript: str = ""
    word: str = ""
    usage: Json | None = None
    model: str = ""
    error: bool = False
    executed: list[Json] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    detailed: str = ""
    encrypted: list[str] = field(default_factory=list)
    timings: Json = field(default_factory=dict)


def body_bytes(recording: Json) -> bytes:
    """The body as the provider's server sent it."""
    response = recording["response"]
    if response["body_encoding"] == "json":
        return json.dumps(response["body"]).encode()
    text: str = response["body"]
    return text.encode()


def expected(recording: Json) -> Expected:
    """The answer in a recording of a chat."""
    answer = Expected()
    if recording["response"]["body_encoding"] == "json":
        _take(answer, recording["response"]["body"], "message")
        return answer
    for block in re.split(r"\r?\n\r?\n", recording["response"]["body"]):
        data = "\n".join(re.findall(r"^data: ?(.*?)\r?$", block, re.MULTILINE))
        if data and data != "[DONE]":
            _take(answer, json.loads(data), "delta")
    # A call without arguments has none to give: the contract says "{}".
    answer.calls = [(call_id, name, arguments or "{}") for call_id, name, arguments in answer.calls]
    return answer


def _take(answer: Expected, chunk: Json, member: str) -> None:
    answer.error = answer.error or bool(chunk.get("error"))
    answer.model = answer.model or chunk.get("model", "")
    usage = chunk.get("usage") or (chunk.get("x_groq") or {}).get("usage") or {}
    if isinstance(usage.get("completion_tokens"), int):
        answer.usage = usage
    answer.timings = chunk.get("timings") or answer.timings
    sources = [one["url"] for one in chunk.get("search_results") or []] or chunk.get("citations")
    answer.sources = sources or answer.sources
    for choice in chunk.get("choices", []):
        if choice["index"] == 0:
            _take_piece(answer, choice.get(member) or {})
            answer.word = choice.get("finish_reason") or answer.word


def _take_piece(answer: Expected, piece: Json) -> None:
    content = piece.get("content")
    if isinstance(content, str):
        answer.text += content
    elif isinstance(content, dict):
        answer.text += json.dumps(content, separators=(",", ":"))
    for item in content if isinstance(content, list) else []:
        answer.text += item.get("text", "")
        answer.reasoning += "".join(thought["text"] for thought in item.get("thinking", []))
    details = piece.get("reasoning_details") or []
    detailed = "".join(one.get("text") or one.get("summary") or "" for one in details)
    answer.reasoning += piece.get("reasoning_content") or piece.get("reasoning") or detailed
    answer.detailed += detailed
    answer.encrypted += [one["data"] for one in details if "data" in one]
    answer.executed += [one for one in piece.get("executed_tools") or [] if "output" in one]
    answer.refusal += piece.get("refusal") or ""
    audio = piece.get("audio") or {}
    answer.audio += base64.b64decode(audio.get("data", ""))
    answer.transcript += audio.get("transcript", "")
    answer.citations += [note["url_citation"]["url"] for note in piece.get("annotations") or []]
    for call in piece.get("tool_calls") or []:
        _take_call(answer, call.get("id"), call["function"], call.get("index"))
    if (piece.get("function_call") or {}).get("name"):
        _take_call(answer, None, piece["function_call"], None)


def _take_call(answer: Expected, call_id: str | None, function: Json, index: int | None) -> None:
    name, arguments = function.get("name") or "", function.get("arguments") or ""
    known = [known_id for known_id, _, _ in answer.calls]
    if name and (not call_id or call_id not in known):
        answer.calls.append((call_id or None, name, arguments))
    elif arguments:
        # No recorded provider leaves gaps between indices, so an index is a position.
        at = -1 if index is None else index
        before = answer.calls[at]
        answer.calls[at] = (before[0], before[1], before[2] + arguments)


def expected_vectors(recording: Json) -> list[list[float]]:
    """The vectors of a recording of embeddings, as 32-bit floats."""
    vectors = []
    for item in sorted(recording["response"]["body"]["data"], key=lambda item: item["index"]):
        value = item["embedding"]
        packed = base64.b64decode(value) if isinstance(value, str) else struct.pack(f"<{len(value)}f", *value)
        vectors.append(list(struct.unpack(f"<{len(packed) // 4}f", packed)))
    return vectors
