"""Complete and StreamComplete on one path."""

import json

import pytest
from hedgerow_server.core.call import Call, Kind, Method
from hedgerow_server.core.error import ModelNotFound
from hedgerow_server.core.event import Completed, Event, Finished, FinishReason, Started, TextDelta
from hedgerow_server.core.fold import Fold
from hedgerow_server.core.request import ChatRequest, ChatSpec, Message, Part, Role, Text
from hedgerow_server.rpc.chat import Chat
from unit.hedgerow_server.calls import no_request
from unit.hedgerow_server.routing.scripted import (
    DONE,
    HI,
    JSON,
    Answer,
    ScriptedTransport,
    candidate,
    chunk,
    document,
    routes,
    usage_chunk,
)

STREAM = Answer([chunk("he"), chunk("llo"), chunk(finish="stop"), usage_chunk(), DONE])
WHOLE = Answer([document("hello")], headers=JSON)


async def run(kind: Kind, answer: Answer, spec: ChatSpec = HI) -> tuple[Call, ScriptedTransport, list[Event]]:
    """A call, what was sent for it, and its events."""
    transport = ScriptedTransport(answer)
    chat = Chat(routes({("chat", "fast"): (candidate(transport),)}))
    one = Call(Method("test.Service/Complete", kind, no_request, chat.complete), {}, b"")
    one.request = ChatRequest(spec=spec)
    return one, transport, [event async for event in one.method.rpc(one)]


@pytest.mark.parametrize(("kind", "answer"), [(Kind.SERVER_STREAM, STREAM), (Kind.UNARY, WHOLE)])
async def test_an_answer_is_started_once_and_completed_once(kind: Kind, answer: Answer) -> None:
    _, _, events = await run(kind, answer)
    assert isinstance(events[0], Started)
    assert isinstance(events[-1], Completed)
    assert [type(event) for event in events[1:-1]] == [TextDelta] * (len(events) - 2)
    assert not any(isinstance(event, Finished) for event in events)


@pytest.mark.parametrize(("kind", "answer"), [(Kind.SERVER_STREAM, STREAM), (Kind.UNARY, WHOLE)])
async def test_what_the_contract_has_no_word_for_comes_along(kind: Kind, answer: Answer) -> None:
    assert all(isinstance(piece, bytes) for piece in answer.body)
    body = [
        piece.replace(b'{"id"', b'{"service_tier":"flex","id"') for piece in answer.body if isinstance(piece, bytes)
    ]
    _, _, events = await run(kind, Answer(body, headers=answer.headers))
    told = {"openai": {"service_tier": "flex"}}
    assert [one.beside for one in events if isinstance(one, Started | Completed)] == [told, told]


@pytest.mark.parametrize(("kind", "answer", "asked"), [(Kind.SERVER_STREAM, STREAM, True), (Kind.UNARY, WHOLE, None)])
async def test_only_a_streaming_call_asks_for_a_stream(kind: Kind, answer: Answer, asked: bool | None) -> None:
    _, transport, _ = await run(kind, answer)
    assert json.loads(transport.requests[0].body).get("stream") is asked


async def test_the_unary_answer_is_the_fold_of_the_stream() -> None:
    folds = []
    for kind, answer in ((Kind.SERVER_STREAM, STREAM), (Kind.UNARY, WHOLE)):
        fold = Fold()
        for event in (await run(kind, answer))[2]:
            fold.add(event)
        folds.append(fold.answer())
    one, other = folds
    assert one.message == other.message == Message(Role.ASSISTANT, (Part(Text("hello")),))
    assert one.completed.usage == other.completed.usage
    assert (one.completed.reason, one.completed.native_reason) == (FinishReason.STOP, "stop")
    assert (other.completed.reason, other.completed.native_reason) == (FinishReason.STOP, "stop")


async def test_the_last_event_has_usage_and_record_of_the_call() -> None:
    one, _, events = await run(Kind.SERVER_STREAM, STREAM)
    completed = events[-1]
    assert isinstance(completed, Completed)
    assert completed.attempts == tuple(one.attempts)
    assert len(completed.attempts) == 1
    assert completed.usage == one.usage == one.attempts[0].usage


async def test_an_unknown_model_is_not_found_before_anything_is_sent() -> None:
    with pytest.raises(ModelNotFound):
        await run(Kind.UNARY, WHOLE, ChatSpec(model="fsat", messages=HI.messages))
