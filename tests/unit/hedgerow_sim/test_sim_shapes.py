"""The simulator sends nothing that the provider never sent: compared with recorded traffic, member by member."""

import binascii
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hedgerow_sim.dialects.port import Incoming, Wish
from hedgerow_sim.dialects.registry import dialects
from unit.hedgerow_sim.wires import CALL, HELLO, WIRES, Wire, frames

_RECORDINGS = os.environ.get("HEDGEROW_TEST_RECORDINGS")
_APIS = {
    "openai": "openai_chat", "responses": "openai_responses", "anthropic": "anthropic_messages",
    "gemini": "gemini_generate", "bedrock": "bedrock_converse", "cohere": "cohere_v2_chat", "ollama": "ollama_chat",
}  # fmt: skip
_FREE = ("args", "input", "arguments", "parameters", "input_schema", "metadata")
"""Members with members of the caller's."""
_ONLY_DOCUMENTED = {
    # No recorded stream reasons at Bedrock.
    ("contentBlockDelta", ".delta.reasoningContent"),
    ("contentBlockDelta", ".delta.reasoningContent.text"),
    ("contentBlockDelta", ".delta.reasoningContent.signature"),
}

Member = tuple[str | None, str]
"""The kind of an event, and the path of a member of it."""


def _members(kind: str | None, value: Any, path: str = "") -> Iterator[Member]:
    if isinstance(value, list):
        for one in value:
            yield from _members(kind, one, path)
    elif isinstance(value, dict):
        for name, one in value.items():
            yield kind, f"{path}.{name}"
            if name not in _FREE:
                yield from _members(kind, one, f"{path}.{name}")


def _parts(form: str | None, body: bytes) -> Iterator[tuple[str | None, Any]]:
    """The events of a stream, or the one document, each with its kind."""
    match form:
        case "sse":
            for block in re.split(rb"\r?\n\r?\n", body):
                for line in block.splitlines():
                    if line.startswith(b"data: {"):
                        data = json.loads(line[6:])
                        yield data.get("type"), data
        case "aws-eventstream":
            yield from ((headers[":event-type"], data) for headers, data in frames(body))
        case "ndjson":
            yield from ((None, json.loads(line)) for line in body.splitlines())
        case _:
            data = json.loads(body)
            yield from ((None, one) for one in (data if isinstance(data, list) else [data]))


def _recorded(api: str) -> set[Member]:
    found: set[Member] = set()
    for file in Path(_RECORDINGS or "/nowhere").glob("*.jsonl"):
        for line in file.read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            if record["api"] != api or record["kind"] not in ("chat", "chat_stream"):
                continue
            response = record["response"]
            body = response["body"]
            match response["body_encoding"]:
                case "base64":
                    data = binascii.a2b_base64(body)
                case "json":
                    data = json.dumps(body).encode()
                case _:
                    data = body.encode()
            for kind, part in _parts(response["stream_format"], data):
                found.update(_members(kind, part))
    return found


def _simulated(wire: Wire, *, stream: bool) -> set[Member]:
    found: set[Member] = set()
    model = "gemini-3-pro"
    for prompt, tools in ((HELLO, False), (CALL, True)):
        path, _, query = wire.path(model, stream).partition("?")
        body = json.dumps(wire.body(model, stream, prompt, None, tools)).encode()
        dialect = next(one for one in dialects(0) if one.serves(path))
        reply = dialect.read(Incoming(path, query, {"anthropic-version": "2023-06-01"}, body)).reply(1, Wish())
        form = {"bedrock": "aws-eventstream", "ollama": "ndjson"}.get(wire.name, "sse") if stream else None
        for kind, part in _parts(form, b"".join(frame.data for frame in reply.frames)):
            found.update(_members(kind, part))
    return found


@pytest.mark.skipif(_RECORDINGS is None, reason="the recordings of provider traffic are not beside the checkout")
@pytest.mark.parametrize("wire", [one for one in WIRES if one.name in _APIS], ids=lambda wire: wire.name)
def test_every_member_of_an_answer_was_seen_in_recorded_traffic(wire: Wire) -> None:
    recorded = _recorded(_APIS[wire.name])
    for stream in (False, True):
        simulated = _simulated(wire, stream=stream)
        assert len(simulated) > 5
        assert simulated - recorded - _ONLY_DOCUMENTED == set()
