"""Verdicts as the contract has them."""

import pytest
from hedgerow.chat.v1 import chat_service_pb2, event_pb2
from hedgerow_server.core.event import Completed, FinishReason, GuardVerdict, Started, TextDelta, Usage
from hedgerow_server.core.guard import Action, Side
from hedgerow_server.store.ledger_rows import Judgement
from hedgerow_server.wire.chat import ChatAnswer
from hedgerow_server.wire.chat_events import EventEncoder
from hedgerow_server.wire.verdict import judgement

VERDICT = GuardVerdict("w", Action.BLOCKED, Side.OUTPUT, "words", 0.5, shadow=True)
MESSAGE = event_pb2.GuardrailVerdict(
    guardrail="w",
    action=event_pb2.GUARDRAIL_ACTION_BLOCKED,
    side=event_pb2.GUARDRAIL_SIDE_OUTPUT,
    category="words",
    score=0.5,
    shadow=True,
)


def test_a_verdict_is_an_event_of_a_stream() -> None:
    (encoded,) = EventEncoder().encode(VERDICT)
    assert chat_service_pb2.StreamCompleteResponse.FromString(encoded).guardrail_verdict == MESSAGE


def test_verdicts_stand_in_a_unary_answer_in_their_order() -> None:
    answer = ChatAnswer()
    other = GuardVerdict("v", Action.FLAGGED, Side.INPUT, "c")
    for event in (Started("p", "m"), other, TextDelta(0, "x"), VERDICT, Completed(FinishReason.STOP, "", Usage())):
        answer.add(event)
    found = chat_service_pb2.CompleteResponse.FromString(answer.encode()).guardrail_verdicts
    assert [one.guardrail for one in found] == ["v", "w"]
    assert found[1] == MESSAGE
    assert not found[0].HasField("score")


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("side", Side)
def test_what_the_ledger_has_is_told_by_the_same_words(action: Action, side: Side) -> None:
    told = judgement("w", Judgement(action.name, side.name, "c"))
    (encoded,) = EventEncoder().encode(GuardVerdict("w", action, side, "c"))
    assert told == chat_service_pb2.StreamCompleteResponse.FromString(encoded).guardrail_verdict
