"""Structured output through the whole router: `sim-echo` says what it is told, so the user's words are the answer."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from hedgerow.chat.v1 import chat_service_pb2 as chat_pb
from hedgerow.chat.v1 import message_pb2 as message_pb
from hedgerow.chat.v1.event_pb2 import FinishReason
from hedgerow.common.v1 import warning_pb2
from hedgerow.common.v1.attempt_pb2 import AttemptKind
from rpc.caller import Caller, Outcome, booked, chat, connected, hello, new_trace
from rpc.conftest import StartRouter
from stack import Stack

SCHEMA = json.dumps({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]})
WRONG = '{"n": "one"}'


def route(**structured: Any) -> dict[str, Any]:
    return {
        "kind": "chat",
        "candidates": [{"provider": "sim", "model": "*"}],
        "structured_output": structured,
        "max_attempts": 3,
    }


@pytest.fixture(scope="module", name="caller")
def caller_fixture(start_router: StartRouter) -> Iterator[Caller]:
    """A caller of a router whose routes check what they answer."""
    routes = {"checked/*": route(), "again/*": route(reask=1), "held/*": route(reask=1, hold=True)}
    with start_router(extra_routes=routes) as running, connected(running.addresses) as caller:
        yield caller


def asking(model: str, text: str, schema: str = SCHEMA) -> chat_pb.CompleteRequest:
    wanted = message_pb.ResponseFormat(json_schema=message_pb.JsonSchemaFormat(name="numbers", schema=schema))
    return chat(model, messages=[hello(text)], response_format=wanted)


def complete(caller: Caller, model: str, text: str, **options: Any) -> chat_pb.CompleteResponse:
    return caller.complete(asking(model, text), **options).message


def streamed(outcome: Outcome[chat_pb.StreamCompleteResponse]) -> str:
    return "".join(one.text_delta.text for one in outcome.messages if one.HasField("text_delta"))


def test_what_follows_the_schema_passes(caller: Caller) -> None:
    answer = complete(caller, "checked/sim-echo", '{"n": 1}')
    assert answer.message.content[0].text == '{"n": 1}'
    assert answer.finish_reason == FinishReason.FINISH_REASON_STOP
    assert not answer.warnings


def test_fences_are_removed_with_a_warning(caller: Caller) -> None:
    answer = complete(caller, "checked/sim-echo", 'Here:\n```json\n{"n": 1}\n```')
    assert answer.message.content[0].text == '{"n": 1}'
    assert answer.finish_reason == FinishReason.FINISH_REASON_STOP
    assert [one.code for one in answer.warnings] == [warning_pb2.WARNING_CODE_OUTPUT_REPAIRED]


def test_what_stays_wrong_is_malformed_output(caller: Caller) -> None:
    answer = complete(caller, "checked/sim-echo", WRONG)
    assert answer.message.content[0].text == WRONG
    assert answer.finish_reason == FinishReason.FINISH_REASON_MALFORMED_OUTPUT


def test_the_model_is_asked_again_and_both_attempts_are_told(caller: Caller, stack: Stack) -> None:
    trace = new_trace()
    model = f"again/sim-echo-1-{uuid.uuid4().hex[:12]}"
    outcome = caller.complete(asking(model, WRONG), metadata=[("traceparent", trace)])
    answer = outcome.message
    assert answer.finish_reason == FinishReason.FINISH_REASON_STOP
    assert isinstance(json.loads(answer.message.content[0].text)["n"], int)
    assert [(one.number, one.kind) for one in answer.attempts] == [
        (1, AttemptKind.ATTEMPT_KIND_PRIMARY),
        (2, AttemptKind.ATTEMPT_KIND_RETRY),
    ]
    sent = booked(stack.sim_url, trace)
    assert len(sent) == 2
    input_tokens = sum(one.usage.input_uncached_tokens for one in answer.attempts)
    assert answer.usage.input_uncached_tokens == input_tokens


def test_a_stream_is_checked_at_its_end(caller: Caller) -> None:
    outcome = caller.stream_complete(asking("again/sim-echo", WRONG).SerializeToString())
    assert streamed(outcome) == WRONG
    assert outcome.messages[-1].completed.finish_reason == FinishReason.FINISH_REASON_MALFORMED_OUTPUT
    assert len(outcome.messages[-1].completed.attempts) == 1


def test_a_held_stream_is_repaired(caller: Caller) -> None:
    outcome = caller.stream_complete(asking("held/sim-echo", '```\n{"n": 1,}\n```').SerializeToString())
    assert streamed(outcome) == '{"n": 1}'
    assert outcome.messages[-1].completed.finish_reason == FinishReason.FINISH_REASON_STOP


def test_a_schema_that_leads_elsewhere_is_refused(caller: Caller, stack: Stack) -> None:
    trace = new_trace()
    request = asking("checked/sim-echo", "{}", '{"$ref": "http://127.0.0.1:9/schema.json"}')
    outcome = caller.complete(request, metadata=[("traceparent", trace)])
    assert outcome.reason == "REQUEST_INVALID"
    assert "response_format" in outcome.text
    assert booked(stack.sim_url, trace) == []
