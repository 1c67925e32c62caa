"""What Cohere may send tomorrow: unknown members, events, blocks and words change nothing that is known today."""

import json
import random
from typing import Any

import pytest
from hedgerow_server.core.event import Finished, FinishReason
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from providers.cohere_expected import events_of
from providers.cohere_run import body_bytes, read, sse, stream
from providers.pieces import UNKNOWN_VALUES, polluted, unknown_members
from stack import RECORDINGS

Json = dict[str, Any]

_EVENTS = ["debug", "content-hint", "ping", "search-start"]
_MEMBERS = ["index", "delta", "message", "usage", "id"]


def _recordings(kind: str) -> dict[str, Json]:
    path = RECORDINGS / "cohere.jsonl"
    records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
    return {one["id"]: one for one in records if one["kind"] == kind and one["api"] == "cohere_v2_chat"}


STREAMS, DOCUMENTS = _recordings("chat_stream"), _recordings("chat")
if not STREAMS:
    pytest.skip("the recordings of provider traffic are not beside the checkout", allow_module_level=True)

# A seed rather than draws: there are thousands of places in a recording.
_SEEDS = st.integers(0, 2**32 - 1)
_quick = settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))


def _opaque(name: str, value: Any) -> bool:
    """What is counted by the names that it has."""
    return name == "usage"


@pytest.mark.parametrize("name", STREAMS)
@given(seed=_SEEDS)
@_quick
def test_unknown_members_and_events_in_a_stream_change_nothing(name: str, seed: int) -> None:
    luck, changed = random.Random(seed), b""
    for event in events_of(STREAMS[name]["response"]["body"]):
        if luck.random() < 0.2:
            changed += sse({"type": luck.choice(_EVENTS), **unknown_members(luck, _MEMBERS)})
        if luck.random() < 0.2:
            content = {"type": "aroma", "aroma": luck.choice(UNKNOWN_VALUES)}
            kind = luck.choice(["content-start", "content-delta"])
            delta = {"message": {"content": content}}
            changed += sse({"type": kind, "index": luck.randrange(9), "delta": delta})
        changed += sse(polluted(event, luck, _opaque))
    assert stream(changed) == stream(body_bytes(STREAMS[name]))


@pytest.mark.parametrize("name", DOCUMENTS)
@given(seed=_SEEDS)
@_quick
def test_unknown_members_in_a_document_change_nothing(name: str, seed: int) -> None:
    recorded = DOCUMENTS[name]
    body = polluted(recorded["response"]["body"], random.Random(seed), _opaque)
    assert read([json.dumps(body).encode()], "application/json") == read([body_bytes(recorded)], "application/json")


@pytest.mark.parametrize("name", STREAMS)
def test_an_unknown_finish_reason_is_told_as_it_is(name: str) -> None:
    body = STREAMS[name]["response"]["body"]
    for word in ("COMPLETE", "TOOL_CALL"):
        body = body.replace(f'"finish_reason":"{word}"', '"finish_reason":"TEA_TIME"')
    last = stream(body.encode())[-1]
    assert isinstance(last, Finished)
    assert last.reason is FinishReason.OTHER
    assert last.native_reason == "TEA_TIME"
