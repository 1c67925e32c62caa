"""What Bedrock may send tomorrow: unknown members, events, blocks and words change nothing that is known today."""

import json
import random
from typing import Any

import pytest
from hedgerow_server.core.event import Finished, FinishReason
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from providers.bedrock_expected import frames
from providers.bedrock_run import body_bytes, frame, read, stream
from providers.pieces import UNKNOWN_VALUES, polluted, unknown_members
from stack import RECORDINGS

Json = dict[str, Any]

_EVENTS = ["contentBlockHint", "messageAudit", "ping"]
_MEMBERS = ["contentBlockIndex", "delta", "start", "usage", "stopReason", "role"]
_WORDS = ("end_turn", "tool_use", "max_tokens", "guardrail_intervened")


def _recordings(kind: str) -> dict[str, Json]:
    path = RECORDINGS / "bedrock.jsonl"
    records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
    return {one["id"]: one for one in records if one["kind"] == kind and one["api"] == "bedrock_converse"}


STREAMS, DOCUMENTS = _recordings("chat_stream"), _recordings("chat")
if not STREAMS:
    pytest.skip("the recordings of provider traffic are not beside the checkout", allow_module_level=True)

# A seed rather than draws: there are thousands of places in a recording.
_SEEDS = st.integers(0, 2**32 - 1)
_quick = settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))


def _opaque(name: str, value: Any) -> bool:
    """What is passed on as it came, or counted by the names that it has."""
    server = isinstance(value, dict) and value.get("type") == "server_tool_use"
    return name in ("input", "toolResult", "usage", "trace") or server


@pytest.mark.parametrize("name", STREAMS)
@given(seed=_SEEDS)
@_quick
def test_unknown_members_and_events_in_a_stream_change_nothing(name: str, seed: int) -> None:
    luck, changed = random.Random(seed), b""
    for event, payload in frames(body_bytes(STREAMS[name])):
        if luck.random() < 0.2:
            changed += frame(luck.choice(_EVENTS), unknown_members(luck, _MEMBERS))
        if luck.random() < 0.2:
            delta = {"aroma": luck.choice(UNKNOWN_VALUES)}
            changed += frame("contentBlockDelta", {"contentBlockIndex": luck.randrange(9), "delta": delta})
        changed += frame(event, polluted(payload, luck, _opaque))
    assert stream(changed) == stream(body_bytes(STREAMS[name]))


@pytest.mark.parametrize("name", DOCUMENTS)
@given(seed=_SEEDS)
@_quick
def test_unknown_members_and_blocks_in_a_document_change_nothing(name: str, seed: int) -> None:
    luck, recorded = random.Random(seed), DOCUMENTS[name]
    body = polluted(recorded["response"]["body"], luck, _raw)
    blocks = body["output"]["message"]["content"]
    blocks.insert(luck.randrange(len(blocks) + 1), {"aroma": luck.choice(UNKNOWN_VALUES)})
    assert read([json.dumps(body).encode()], "application/json") == read([body_bytes(recorded)], "application/json")


def _raw(name: str, value: Any) -> bool:
    """As above; blocks of the provider's own tools are passed on byte by byte."""
    own = isinstance(value, list) and any(
        "toolResult" in block or block.get("toolUse", {}).get("type") == "server_tool_use" for block in value
    )
    return _opaque(name, value) or (name == "content" and own)


@pytest.mark.parametrize("name", STREAMS)
def test_an_unknown_stop_reason_is_told_as_it_is(name: str) -> None:
    changed = b""
    for event, payload in frames(body_bytes(STREAMS[name])):
        changed += frame(event, {**payload, "stopReason": "tea_time"} if event == "messageStop" else payload)
    last = stream(changed)[-1]
    assert isinstance(last, Finished)
    assert last.reason is FinishReason.OTHER
    assert last.native_reason == "tea_time"
