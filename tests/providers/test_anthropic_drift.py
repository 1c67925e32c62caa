"""What Claude may send tomorrow: unknown members, events and words change nothing that is known today."""

import json
import random
from typing import Any

import pytest
from hedgerow_server.core.event import Finished, FinishReason
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from providers.anthropic_expected import events_of
from providers.anthropic_run import read, stream
from providers.replay import body_bytes, recordings_of

Json = dict[str, Any]

_VALUES: list[Any] = [None, True, 7, 1.5, "x", [], [{"type": "text"}], {}, {"index": 3}]
_NAMES = ["zebra", "p", "status", "obfuscation", "safety", "output"]
_EVENTS = ["ping", "content_block_hint", "message_audit", "vertex_event"]
_MEMBERS = ["index", "delta", "content_block", "message", "usage"]


RECORDED = recordings_of("anthropic_messages", "vertex_anthropic")
STREAMS: dict[str, Json] = {one["id"]: one for one in RECORDED if one["kind"] == "chat_stream"}
DOCUMENTS: dict[str, Json] = {one["id"]: one for one in RECORDED if one["kind"] == "chat"}
if not STREAMS:
    pytest.skip("the recordings of provider traffic are not beside the checkout", allow_module_level=True)

# A seed rather than draws: there are thousands of places in a recording.
_SEEDS = st.integers(0, 2**32 - 1)
_quick = settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))


def _opaque(at: Json) -> bool:
    """Whether the object is passed on as it came, so that what is added to it must be there."""
    kind = str(at.get("type", ""))
    return kind == "server_tool_use" or kind.endswith(("_result", "_location", "_error")) or "encrypted_content" in at


def _pollute(value: Any, luck: random.Random) -> Any:
    """The value with unknown members in its objects, apart from those whose content is not ours to read."""
    if isinstance(value, list):
        return [_pollute(item, luck) for item in value]
    if not isinstance(value, dict) or _opaque(value):
        return value
    kept = {name: item if name in ("input", "usage") else _pollute(item, luck) for name, item in value.items()}
    if luck.random() < 0.25:
        kept.setdefault(luck.choice(_NAMES), luck.choice(_VALUES))
    return kept


def _unknown_event(luck: random.Random) -> Json:
    members = luck.sample(_MEMBERS, luck.randrange(len(_MEMBERS)))
    return {"type": luck.choice(_EVENTS), **{member: luck.choice(_VALUES) for member in members}}


def _frame(event: Json) -> bytes:
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()


@pytest.mark.parametrize("name", STREAMS)
@given(seed=_SEEDS)
@_quick
def test_unknown_members_and_events_in_a_stream_change_nothing(name: str, seed: int) -> None:
    body, luck = STREAMS[name]["response"]["body"], random.Random(seed)
    plain = polluted = b""
    for event in events_of(body):
        if luck.random() < 0.2:
            polluted += _frame(_unknown_event(luck))
        if event["type"] == "content_block_delta" and luck.random() < 0.2:
            polluted += _frame({**event, "delta": {"type": "aroma_delta", "aroma": luck.choice(_VALUES)}})
        plain += _frame(event)
        polluted += _frame(_pollute(event, luck))
    assert stream(polluted) == stream(plain)


@pytest.mark.parametrize("name", DOCUMENTS)
@given(seed=_SEEDS)
@_quick
def test_unknown_members_in_a_message_change_nothing(name: str, seed: int) -> None:
    recorded = DOCUMENTS[name]
    polluted = json.dumps(_pollute(recorded["response"]["body"], random.Random(seed))).encode()
    assert read([polluted], "application/json") == read([body_bytes(recorded)], "application/json")


@pytest.mark.parametrize("name", STREAMS)
def test_an_unknown_stop_reason_is_told_as_it_is(name: str) -> None:
    body = STREAMS[name]["response"]["body"]
    for word in ("end_turn", "tool_use", "max_tokens"):
        body = body.replace(f'"stop_reason":"{word}"', '"stop_reason":"tea_time"')
    last = stream(body.encode())[-1]
    assert isinstance(last, Finished)
    assert last.reason is FinishReason.OTHER
    assert last.native_reason == "tea_time"
