"""Recorded traffic of Claude through our own Anthropic door and back: what goes in and what comes out mean the same.

What is not told the same is listed here, and in docs/anthropic.md; nothing else may differ.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from anthropic_door import accumulated, answer, asked, streamed
from door_events import ended
from hedgerow_server.core.request import Role
from hedgerow_server.core.secret import Secret
from providers.anthropic_expected import expected
from providers.anthropic_run import anthropic, read
from providers.anthropic_spec import canonical
from providers.replay import body_bytes, media_type, recordings_of

Json = dict[str, Any]

DROPPED = {"container", "context_management", "stop_details"}
"""Members of a message that the gateway does not tell."""
DROPPED_OF_USAGE = {"service_tier", "inference_geo", "iterations"}
"""Members of a usage that it does not tell."""
ADDED = {"hedgerow"}
PAGE = Path(__file__).parents[2] / "docs" / "anthropic.md"
BETAS = "anthropic-beta"
NO_REQUEST = "anthropic-error-e2e0b26e1e27"  # a message that is no object

RECORDED = recordings_of("anthropic_messages")
if not RECORDED:
    pytest.skip("the recordings of provider traffic are not beside the checkout", allow_module_level=True)


def about(*kinds: str) -> pytest.MarkDecorator:
    """Runs a test once for each recording of these kinds, as `recorded`."""
    found = [one for one in RECORDED if one["kind"] in kinds and one["id"] != NO_REQUEST]
    return pytest.mark.parametrize("recorded", found, ids=[str(one["id"]) for one in found])


def sent(body: Json, headers: dict[str, str] | None = None) -> Any:
    """What an upstream of the dialect is sent of what came in at the door; nothing may be changed on the way."""
    spec = asked(body, headers).spec
    prepared = anthropic().build(spec, stream=bool(body.get("stream")), model=body["model"], secret=Secret("sk-1"))
    assert prepared.warnings == ()
    return prepared.request


def normal_block(block: Json) -> Json:
    """The block without members at their defaults."""
    block = {name: value for name, value in block.items() if value is not None}
    if block.get("caller") == {"type": "direct"} and block["type"] == "tool_use":
        del block["caller"]
    if block.get("citations") == []:
        del block["citations"]
    return block


def normal_usage(usage: Json) -> Json:
    """The usage, with a count of 0 where one is left out."""
    usage = {name: value for name, value in usage.items() if value is not None and name not in DROPPED_OF_USAGE}
    for name in ("cache_creation_input_tokens", "cache_read_input_tokens"):
        usage.setdefault(name, 0)
    usage.setdefault("cache_creation", {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0})
    usage.setdefault("output_tokens_details", {"thinking_tokens": 0})
    tools = usage.get("server_tool_use") or {}
    usage["server_tool_use"] = {"web_search_requests": 0, "web_fetch_requests": 0} | tools
    return usage


def recorded_message(recorded: Json) -> Json:
    """The message that the provider sent, put together by the standard library alone."""
    wanted = expected(recorded)
    blocks = []
    for block in wanted.blocks:
        if block["type"] == "text" and not block["text"] and not block.get("citations"):
            continue
        blocks.append(block | {"input": json.loads(block["input"])} if "input" in block else block)
    return {
        "id": wanted.response_id,
        "type": "message",
        "role": "assistant",
        "model": wanted.model,
        "content": [normal_block(one) for one in blocks],
        "stop_reason": wanted.word,
        "stop_sequence": wanted.stop_sequence or None,
        "usage": normal_usage(wanted.usage),
    }


def told(message: Json) -> Json:
    """The message that the door told, in the same form."""
    kept = {name: value for name, value in message.items() if name not in ADDED}
    content = [normal_block(one) for one in message["content"]]
    return kept | {"content": content, "usage": normal_usage(message["usage"])}


@about("chat", "chat_stream", "error")
def test_a_recorded_request_reaches_the_provider_as_it_came(recorded: Json) -> None:
    """Field by field, but for what `canonical` takes for the same; features in beta included."""
    body = recorded["request"]["body"]
    headers = {name: value for name, value in recorded["request"]["headers"].items() if name == BETAS}
    request = sent(body, headers)
    assert canonical(json.loads(request.body)) == canonical(body)
    assert request.headers.get(BETAS) == headers.get(BETAS)


@about("chat", "chat_stream")
def test_a_recorded_answer_comes_out_as_the_provider_sent_it(recorded: Json) -> None:
    events = ended(read([body_bytes(recorded)], media_type(recorded)))
    assert told(answer(events)) == recorded_message(recorded)


@about("chat", "chat_stream")
def test_a_recorded_answer_streams_out_to_the_same_message(recorded: Json) -> None:
    events = ended(read([body_bytes(recorded)], media_type(recorded)))
    assert told(accumulated(streamed(events))) == recorded_message(recorded)


@about("chat")
def test_no_member_of_an_answer_is_lost_that_is_not_listed(recorded: Json) -> None:
    message = recorded["response"]["body"]
    out = answer(ended(read([body_bytes(recorded)], media_type(recorded))))
    assert message.keys() - out.keys() <= DROPPED
    assert message["usage"].keys() - out["usage"].keys() <= DROPPED_OF_USAGE


def test_what_is_listed_as_dropped_is_so_and_stands_on_the_page() -> None:
    """No more than that, too: a member that is told one day leaves the list."""
    messages = [one["response"]["body"] for one in RECORDED if one["kind"] == "chat"]
    seen = {name for message in messages for name in message}
    seen_of_usage = {name for message in messages for name in message["usage"]}
    assert seen >= DROPPED
    assert seen_of_usage >= DROPPED_OF_USAGE
    (table,) = re.findall(r"<!-- Recorded: answers -->\n(.*?)<!-- End -->", PAGE.read_text("utf-8"), re.DOTALL)
    listed = set(re.findall(r"^\| `(.+?)` \|", table, re.MULTILINE))
    assert listed == DROPPED | {f"usage.{name}" for name in DROPPED_OF_USAGE} | ADDED | {"content[].caller"}


@about("chat", "chat_stream")
def test_an_answer_that_is_appended_unchanged_reaches_the_provider_as_it_had_come(recorded: Json) -> None:
    """Signatures, encrypted thoughts, citations and the provider's own items included."""
    out = answer(ended(read([body_bytes(recorded)], media_type(recorded))))
    hi: Json = {"role": "user", "content": "hi"}
    turns = [hi, {"role": out["role"], "content": out["content"]}, hi]
    body: Json = {"model": "claude-sonnet-4-5", "max_tokens": 10, "messages": turns}
    assert asked(body).spec.messages[1].role is Role.ASSISTANT or not out["content"]
    said = {turn["role"]: turn["content"] for turn in json.loads(sent(body).body)["messages"]}
    blocks = [normal_block(block) for block in said.get("assistant", [])]
    assert blocks == recorded_message(recorded)["content"]
