"""Log probabilities through the whole router: asked for, streamed, folded, sent back, and where nobody has them."""

import json
import math

import pytest
from hedgerow.chat.v1 import chat_service_pb2 as chat_pb
from hedgerow.chat.v1 import message_pb2 as pb
from hedgerow.common.v1 import warning_pb2
from hedgerow_client.errors import Trailers
from hedgerow_client.fold import ChatFold
from rpc.caller import COMPLETE, STREAM_COMPLETE, Door, chat


def test_the_tokens_of_the_text_come_with_their_probabilities(either: Door) -> None:
    """Whole or streamed they are the same, and make up the text."""
    whole = either.caller.complete(chat_pb.CompleteRequest(chat=asked("fast", 2))).message.message
    (part,) = whole.content
    assert "".join(token.token for token in part.logprobs) == part.text
    for token in part.logprobs:
        assert token.data.decode() == token.token
        assert -10 < token.logprob <= 0
        assert token.top[0].token == token.token
        assert math.fsum(math.exp(one.logprob) for one in token.top) <= 1
        assert len(token.top) == 2
    fold = ChatFold()
    for event in either.caller.stream_complete(chat_pb.StreamCompleteRequest(chat=asked("fast", 2))).messages:
        fold.feed(event)
    assert fold.finish(Trailers()).message == whole


def asked(model: str, top: int) -> pb.ChatSpec:
    """A conversation of one message whose answer's tokens are to be told with so many of the likeliest."""
    return chat(model, top_logprobs=top).chat


def test_an_answer_with_them_can_be_appended_unchanged(door: Door) -> None:
    spec = asked("fast", 0)
    answer = door.caller.complete(chat_pb.CompleteRequest(chat=spec)).message.message
    assert answer.content[0].logprobs
    spec.messages.extend([answer, spec.messages[0]])
    assert door.caller.complete(chat_pb.CompleteRequest(chat=spec)).message.message.content[0].text


def test_none_come_unless_they_are_asked_for(door: Door) -> None:
    assert not door.caller.chat(COMPLETE, "fast").message.message.content[0].logprobs
    events = door.caller.chat(STREAM_COMPLETE, "fast").messages
    assert not any(event.HasField("logprobs_delta") for event in events)


def test_a_provider_without_them_answers_with_a_warning(door: Door) -> None:
    answer = door.caller.complete(chat_pb.CompleteRequest(chat=asked("anthropic", 3))).message
    about = {warning.field: warning.code for warning in answer.warnings}
    assert about["chat.top_logprobs"] == warning_pb2.WARNING_CODE_PARAMETER_IGNORED
    assert not answer.message.content[0].logprobs


@pytest.mark.parametrize("top", [-1, 21])
def test_more_than_twenty_are_not_asked_for(door: Door, top: int) -> None:
    outcome = door.caller.complete(chat_pb.CompleteRequest(chat=asked("fast", top)))
    assert outcome.reason == "REQUEST_INVALID"
    assert "chat.top_logprobs" in json.dumps([outcome.text, dict(outcome.info.metadata)])
