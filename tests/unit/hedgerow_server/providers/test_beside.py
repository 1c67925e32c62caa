"""What readers of OpenAI's APIs note of members that the contract has no word for."""

import json
from typing import Any

import pytest
from hedgerow_server.core.event import Event, Finished, Started
from providers import openai_run, responses_run

CHOICE = {"index": 0, "delta": {"content": "hi"}, "finish_reason": None}
STOP = {"index": 0, "delta": {}, "finish_reason": "stop"}


def frames(*chunks: dict[str, Any]) -> bytes:
    """A stream of these."""
    return b"".join(b"data: " + json.dumps(one).encode() + b"\n\n" for one in chunks)


def beside(events: list[Event]) -> list[object]:
    """What the first and the last event tell."""
    return [one.beside for one in events if isinstance(one, Started | Finished)]


def chat(*members: dict[str, Any]) -> list[object]:
    """What is told of a stream of a role, words and a finish reason, with these members."""
    choices = [{"index": 0, "delta": {"role": "assistant"}}, CHOICE, STOP]
    chunks = [{"choices": [choice], **more} for choice, more in zip(choices, members, strict=True)]
    return beside(openai_run.stream(frames(*chunks) + b"data: [DONE]\n\n"))


def test_a_chat_tells_its_tier_to_both_apis_and_its_fingerprint_to_chats() -> None:
    said = {"service_tier": "default", "system_fingerprint": "fp_1"}
    told = {"openai": {"service_tier": "default"}, "openai_chat": {"system_fingerprint": "fp_1"}}
    assert chat(said, said, said) == [told, told]


def test_what_a_chat_says_late_is_in_its_last_event_alone() -> None:
    """As Groq does; and what was told first stays as it was."""
    assert chat({}, {}, {"service_tier": "flex"}) == [{}, {"openai": {"service_tier": "flex"}}]
    told = [{"openai": {"service_tier": tier}} for tier in ("auto", "flex")]
    assert chat({"service_tier": "auto"}, {}, {"service_tier": "flex"}) == told


def test_a_whole_chat_tells_at_both_ends() -> None:
    choice = {"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}
    body = json.dumps({"choices": [choice], "service_tier": "priority"}).encode()
    told = {"openai": {"service_tier": "priority"}}
    assert beside(openai_run.read([body], "application/json")) == [told, told]


@pytest.mark.parametrize("said", [None, "", 7, {"a": 1}, ["x"], "x" * 129])
def test_what_is_no_short_text_is_not_told(said: object) -> None:
    assert chat({"service_tier": said, "system_fingerprint": said}, {}, {}) == [{}, {}]


def test_a_response_tells_its_tier_as_it_stands_at_each_end() -> None:
    """OpenAI says "auto" first, and what it was in the end."""
    first = {"type": "response.created", "response": {"id": "r", "status": "in_progress", "service_tier": "auto"}}
    words = {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "hi"}
    last = {"type": "response.completed", "response": {"id": "r", "status": "completed", "service_tier": "default"}}
    told = [{"openai": {"service_tier": tier}} for tier in ("auto", "default")]
    assert beside(responses_run.stream(frames(first, words, last))) == told
