import asyncio

import pytest
from hedgerow_server.core.call import Call, Kind, Method, Principal
from hedgerow_server.core.error import DeadlineExceeded
from hedgerow_server.core.event import EmbedCompleted, EmbeddingsAdded, Events, Usage
from hedgerow_server.core.request import ChatRequest, RoutePolicy
from hedgerow_server.interceptors.internal import InternalCalls, QuestionVectors
from unit.hedgerow_server.calls import call as caller_call
from unit.hedgerow_server.routing.paper import EU, US, Paper
from unit.hedgerow_server.routing.scripted import HI

ANN = Principal("acme", user="ann", regions=frozenset(("eu",)))
QUESTIONS = {"kind": "embed", "candidates": [{**EU, "model": "vectors"}]}


def chat(policy: RoutePolicy = RoutePolicy()) -> Call:  # noqa: B008  (frozen)
    """A call of a caller, under way."""
    made = caller_call()
    made.call_id, made.request_id, made.principal = "c" * 32, "req-1", ANN
    made.trace = (("traceparent", "00-1"),)
    made.request = ChatRequest(spec=HI, policy=policy)
    return made


class Model:
    """Stands where the RPC does."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.waits = False
        self.method = Method("embed/Embed", Kind.UNARY, lambda call: call.request, self.embed)

    async def embed(self, call: Call) -> Events:
        self.calls.append(call)
        if self.waits:
            await asyncio.Event().wait()
        yield EmbeddingsAdded([b"vector"])
        yield EmbedCompleted(Usage(final=True))


async def test_an_internal_call_is_its_callers_and_says_what_for() -> None:
    model, cause = Model(), chat()
    await InternalCalls([]).ask("checking", cause, model.method, "request", timeout_s=1.0)
    (made,) = model.calls
    assert (made.principal, made.request_id, made.trace) == (ANN, "req-1", cause.trace)
    assert made.cause is not None
    assert (made.cause.call_id, made.cause.purpose) == ("c" * 32, "checking")
    assert (made.metadata, made.body, made.call_id) == ({}, b"", "")


@pytest.mark.parametrize(("own_s", "left_s"), [(0.01, None), (60.0, 0.01), (60.0, -1.0)])
async def test_it_takes_no_longer_than_it_may_nor_than_its_cause(own_s: float, left_s: float | None) -> None:
    model, cause = Model(), chat()
    model.waits = True
    if left_s is not None:
        cause.deadline_s = cause.started_s + left_s
    with pytest.raises(DeadlineExceeded):
        await InternalCalls([]).ask("checking", cause, model.method, "request", timeout_s=own_s)


@pytest.mark.parametrize(
    ("route", "policy", "regions", "providers"),
    [
        ({}, RoutePolicy(), (), ()),
        ({"regions": ["eu"]}, RoutePolicy(), ("eu",), ()),
        ({"regions": ["eu", "us"]}, RoutePolicy(regions=("us",)), ("us",), ()),
        ({"rules": [{"when": 'tenant == "acme"', "regions": ["eu"]}]}, RoutePolicy(), ("eu",), ()),
        ({"rules": [{"when": 'tenant == "acme"', "providers": ["mistral"]}]}, RoutePolicy(), (), ("mistral",)),
        ({}, RoutePolicy(providers=("openai",)), (), ("openai",)),
        ({"regions": ["eu"]}, RoutePolicy(regions=("us",)), None, None),
    ],
)
async def test_a_question_goes_only_where_its_chat_may_go(
    route: dict[str, object],
    policy: RoutePolicy,
    regions: tuple[str, ...] | None,
    providers: tuple[str, ...] | None,
) -> None:
    model = Model()
    made = {"kind": "chat", "candidates": [EU, US], **route}
    routes = Paper().routes({"fast": made, "questions": QUESTIONS})
    found = await QuestionVectors(InternalCalls([]), model.method, routes, "questions", 1.0)(chat(policy), "hi")
    if regions is None:
        assert (found, model.calls) == (None, [])
        return
    assert found is not None
    assert found.packed == b"vector"
    request = model.calls[0].request
    asked = request.policy  # type: ignore[attr-defined]
    assert (asked.regions, asked.providers) == (regions, providers)
