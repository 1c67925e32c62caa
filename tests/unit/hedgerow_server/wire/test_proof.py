"""Which messages are proved to keep the rules of the contract. That no wrong one is: tests/property/test_proof.py."""

import pytest
from google.protobuf import json_format
from hedgerow.chat.v1 import chat_service_pb2 as service
from hedgerow_server.wire.proof import Proof

PROOF = Proof(service.CompleteRequest.DESCRIPTOR)
USER = {"role": "ROLE_USER", "content": [{"text": "hi"}]}
TOOL = {"function": {"name": "look_up", "description": "Looks something up.", "parameters": "{}"}}
ASKED = {"role": "ROLE_ASSISTANT", "content": [{"tool_call": {"id": "1", "name": "look_up", "arguments": "{}"}}]}
TOLD = {"role": "ROLE_TOOL", "content": [{"tool_result": {"tool_call_id": "1", "content": [{"text": "42"}]}}]}


def proved(**fields: object) -> bool:
    """Whether a request is that has these fields (protobuf JSON)."""
    return PROOF.holds(json_format.ParseDict(fields, service.CompleteRequest()))


@pytest.mark.parametrize(
    "chat",
    [
        {},
        {"max_output_tokens": 200, "temperature": 0.2, "stop_sequences": ["END"]},
        {"tools": [TOOL], "tool_choice": {"mode": "TOOL_CHOICE_MODE_AUTO"}, "messages": [USER, ASKED, TOLD]},
        {"messages": [{"role": "ROLE_USER", "content": [{"image": {"url": "https://example.com/a.png"}}]}]},
    ],
    ids=["plain", "sampling", "tools", "image"],
)
def test_a_usual_request_is_proved(chat: dict[str, object]) -> None:
    labels, route = {"feature": "search"}, {"providers": ["openai"], "session_id": "s"}
    assert proved(chat={"model": "fast", "messages": [USER], **chat}, labels=labels, route=route)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"chat": {"model": "fast"}},
        {"chat": {"messages": [USER]}},
        {"chat": {"model": "fast", "messages": [{"role": "ROLE_USER", "content": [{}]}]}},
        {"chat": {"model": "fast", "messages": [USER]}, "labels": {"Feature": "search"}},
    ],
    ids=["no_chat", "no_messages", "no_model", "no_choice_made", "label"],
)
def test_a_wrong_request_is_not_proved(fields: dict[str, object]) -> None:
    assert not proved(**fields)


def test_a_request_with_a_rule_that_is_not_known_is_not_proved_though_right() -> None:
    assert not proved(chat={"model": "fast", "messages": [USER]}, route={"idle_timeout": "5s"})
