"""Recordings are answered as they were recorded."""

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from unit.hedgerow_sim.harness import CHAT, HELLO, Sim, running

_SSE = 'data: {"a":"é"}\r\n\r\n: still here\n\ndata: {"b": 2}\n\ndata: [DONE]\n\n'
_FRAMES = b"".join((len(part) + 4).to_bytes(4) + part for part in (b"first", b"\x00\xff", b"third one"))


def _record(name: str, body: Any, encoding: str, **more: Any) -> dict[str, Any]:
    request = {"model": "m", "messages": HELLO, "stream": more.get("form") is not None}
    return {
        "id": name,
        "path": more.get("path", CHAT),
        "model": more.get("model", "m"),
        "request": {"body": more.get("request", request)},
        "response": {
            "status": more.get("status", 200),
            "headers": {"x-request-id": f"id-of-{name}", "content-encoding": "gzip", "Content-Length": "3"}
            | more.get("headers", {}),
            "body_encoding": encoding,
            "body": body,
            "stream_format": more.get("form"),
        },
    }


_RECORDS = [
    _record("rec-sse", _SSE, "text", form="sse"),
    _record("rec-ndjson", '{"a": 1}\n{"b": 2}\n', "text", form="ndjson", path="/api/chat"),
    _record(
        "rec-aws", base64.b64encode(_FRAMES).decode(), "base64", form="aws-eventstream", path="/model/x%3A0/stream"
    ),
    _record("rec-json", {"ok": True}, "json", model="plain", request={"model": "plain", "n": 1}),
    _record("rec-json-other", {"ok": 2}, "json", model="plain", request={"model": "plain", "n": 2}),
    _record("rec-error", {"error": "no"}, "json", status=403, headers={"content-type": "application/problem+json"}),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of recordings in two files."""
    lines = [json.dumps(record) for record in _RECORDS]
    (tmp_path / "a.jsonl").write_text("\n".join(lines[:2]) + "\n\n")
    (tmp_path / "b.jsonl").write_text("\n".join(lines[2:]))
    return tmp_path


@pytest.mark.parametrize(
    ("name", "status", "content_type", "body", "chunks"),
    [
        ("rec-sse", 200, "text/event-stream", _SSE.encode(), 4),
        ("rec-ndjson", 200, "application/x-ndjson", b'{"a": 1}\n{"b": 2}\n', 2),
        ("rec-aws", 200, "application/vnd.amazon.eventstream", _FRAMES, 3),
        ("rec-json", 200, "application/json", b'{"ok":true}', 1),
        ("rec-error", 403, "application/problem+json", b'{"error":"no"}', 1),
    ],
)
async def test_a_model_named_like_a_record_gets_that_record_byte_for_byte(
    folder: Path, *, name: str, status: int, content_type: str, body: bytes, chunks: int
) -> None:
    async with running(replay=folder) as sim:
        answer = await sim.chat(name)
        entry = await sim.last()
    assert (answer.status, answer.headers["content-type"], answer.body) == (status, content_type, body)
    assert answer.headers["x-request-id"] == f"id-of-{name}"
    assert "content-encoding" not in answer.headers
    assert (entry["record"], entry["model"], entry["sent_chunks"]) == (name, name, chunks)
    assert entry["outcome"] == ("completed" if status == 200 else "error")


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize("name", ["rec-sse", "rec-aws", "rec-json", "simulated"])
async def test_pieces_joined_are_the_same_bytes(folder: Path, name: str, size: int) -> None:
    async with running(replay=folder) as sim:
        whole = await sim.chat(name, stream=True)
        pieces: list[bytes] = []
        url = f"{sim.url}/_sim/chunk-bytes/{size}{CHAT}"
        async with sim.http.post(url, json={"model": name, "messages": HELLO, "stream": True}) as answer:
            async for chunk, _ in answer.content.iter_chunks():
                pieces.append(chunk)
    body = b"".join(pieces)
    assert _without_ids(body) == _without_ids(whole.body)
    if name != "rec-json":  # A body of known length has no chunks that could be told apart.
        assert max(map(len, pieces)) <= size


def _without_ids(body: bytes) -> list[bytes]:
    """What is left of a simulated stream when id and creation time, which differ from call to call, are gone."""
    return [line.partition(b'"model"')[2] or line for line in body.split(b"\n")]


async def test_a_request_like_a_recorded_one_finds_its_record(folder: Path) -> None:
    async with running(replay=folder) as sim:
        first = await sim.post(CHAT, {"n": 1, "model": "plain"})
        second = await sim.post(CHAT, {"model": "plain", "n": 2})
        neither = await sim.post(CHAT, {"model": "plain", "n": 3})
        stream = await sim.post("/prefix" + CHAT, {"model": "m", "stream": True})
        other = await sim.chat("unrecorded")
    assert (first.json, second.json, neither.json) == ({"ok": True}, {"ok": 2}, {"ok": True})
    assert stream.body == _SSE.encode()
    assert other.json["object"] == "chat.completion"


async def test_a_record_is_found_by_its_path_and_by_its_id_in_the_path(folder: Path) -> None:
    async with running(replay=folder) as sim:
        recorded = await sim.post("/model/x%3A0/stream", {"model": "m"})
        named = await sim.post("/v1beta/models/rec-json:generateContent", {"contents": []})
    assert recorded.body == _FRAMES
    assert named.json == {"ok": True}


async def test_replay_only_simulates_nothing(folder: Path) -> None:
    async with running(replay=folder, replay_only=True) as sim:
        assert (await sim.chat("unrecorded")).status == 404
        assert (await sim.chat("rec-json")).status == 200


async def test_a_broken_record_is_named_with_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text(json.dumps(_RECORDS[0]) + '\n{"id": 3}\n')
    with pytest.raises(ValueError, match=r"x\.jsonl:2: not a recording"):
        async with running(replay=tmp_path):
            pass


async def test_a_folder_without_recordings_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no recordings"):
        async with running(replay=tmp_path):
            pass


async def test_every_real_recording_comes_back_as_recorded() -> None:
    """All of the folder in HEDGEROW_TEST_RECORDINGS: status, headers and bytes."""
    source = os.environ.get("HEDGEROW_TEST_RECORDINGS")
    if not source:
        pytest.skip("HEDGEROW_TEST_RECORDINGS names no folder of recordings")
    async with running(replay=Path(source)) as sim:
        for record in _recorded(Path(source)):
            await _comes_back(sim, record)


def _recorded(folder: Path) -> Iterator[dict[str, Any]]:
    for file in sorted(folder.glob("*.jsonl")):
        yield from map(json.loads, file.read_bytes().splitlines())


async def _comes_back(sim: Sim, record: dict[str, Any]) -> None:
    answer = await sim.chat(record["id"])
    recorded = record["response"]
    match recorded["body_encoding"]:
        case "json":
            assert answer.json == recorded["body"], record["id"]
        case "text":
            assert answer.body == recorded["body"].encode(), record["id"]
        case _:
            assert answer.body == base64.b64decode(recorded["body"]), record["id"]
    assert answer.status == recorded["status"]
    assert {name: answer.headers[name] for name in recorded["headers"]} == recorded["headers"], record["id"]
