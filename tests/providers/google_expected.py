"""What a recorded answer of Google holds, read with the standard library alone: the yardstick for the adapter."""

import json
import re
import struct
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

ITEMS = ("executableCode", "codeExecutionResult", "toolCall", "toolResponse")


@dataclass
class Expected:
    """One answer. `calls` holds (id or None where the provider sent none, name, arguments)."""

    text: str = ""
    reasoning: str = ""
    calls: list[tuple[str | None, str, Json]] = field(default_factory=list)
    items: list[tuple[str, Json]] = field(default_factory=list)
    parts: list[Json] = field(default_factory=list)
    sources: list[tuple[str, str, str]] = field(default_factory=list)
    queries: set[str] = field(default_factory=set)
    word: str = ""
    usage: Json | None = None
    model: str = ""
    response_id: str = ""


def body_bytes(recording: Json) -> bytes:
    """The body as the provider's server sent it."""
    response = recording["response"]
    if response["body_encoding"] == "json":
        return json.dumps(response["body"]).encode()
    text: str = response["body"]
    return text.encode()


def chunks(recording: Json) -> list[Json]:
    """The chunks of a stream, or the one document."""
    body = recording["response"]["body"]
    if isinstance(body, str):
        return [json.loads(data) for data in re.findall(r"^data: (.*?)\r?$", body, re.MULTILINE)]
    return body if isinstance(body, list) else [body]


def expected(recording: Json) -> Expected:
    """The answer in a recording of a chat."""
    answer = Expected()
    for chunk in chunks(recording):
        answer.model = answer.model or chunk.get("modelVersion", "")
        answer.response_id = answer.response_id or chunk.get("responseId", "")
        counts = chunk.get("usageMetadata") or {}
        if any(name.endswith("TokenCount") for name in counts):
            answer.usage = counts
        answer.word = chunk.get("promptFeedback", {}).get("blockReason", answer.word)
        for candidate in chunk.get("candidates", []):
            _take(answer, candidate)
    return answer


def _take(answer: Expected, candidate: Json) -> None:
    for part in candidate.get("content", {}).get("parts", []):
        answer.parts.append(part)
        if part.get("thought"):
            answer.reasoning += part.get("text", "")
        else:
            answer.text += part.get("text", "")
        if call := part.get("functionCall"):
            answer.calls.append((call.get("id"), call["name"], call.get("args", {})))
        answer.items += [(kind, part) for kind in ITEMS if kind in part]
    if "finishReason" in candidate:
        answer.word = str(candidate["finishReason"])
    grounding = candidate.get("groundingMetadata") or {}
    answer.queries |= {query for query in grounding.get("webSearchQueries", []) if query}
    for support in grounding.get("groundingSupports", []):
        for number in support["groundingChunkIndices"]:
            chunk = grounding["groundingChunks"][number]
            source = chunk.get("web") or chunk["retrievedContext"]
            answer.sources.append((source.get("uri", ""), source.get("title", ""), support["segment"]["text"]))


def returned(parts: list[Json]) -> list[Json]:
    """The parts of an answer as they go back: neighbouring texts without signature joined, without thoughts that have
    no signature and without empty texts.
    """
    back: list[Json] = []
    for part in parts:
        signed = "thoughtSignature" in part
        if not signed and (part.get("thought") or part.get("text") == ""):
            continue
        if not signed and "text" in part and back and back[-1].keys() == {"text"}:
            back[-1] = {"text": back[-1]["text"] + part["text"]}
        else:
            back.append(part)
    return back


def expected_vectors(recording: Json) -> list[list[float]]:
    """The vectors of a recording of embeddings, as 32-bit floats."""
    body = recording["response"]["body"]
    found = body.get("embeddings") or [body["embedding"]] if "predictions" not in body else []
    found = found or [one["embeddings"] for one in body["predictions"]]
    return [
        list(struct.unpack(f"<{len(v['values'])}f", struct.pack(f"<{len(v['values'])}f", *v["values"]))) for v in found
    ]


def expected_tokens(recording: Json) -> int:
    """The input tokens of a recording of embeddings."""
    body = recording["response"]["body"]
    if "predictions" in body:
        return sum(one["embeddings"]["statistics"]["token_count"] for one in body["predictions"])
    tokens: int = body["usageMetadata"]["promptTokenCount"]
    return tokens
