"""ExplainRoute on the wire."""

import pytest
from google.protobuf import json_format
from hedgerow.router.v1 import router_service_pb2 as pb
from hedgerow_server.core.error import RequestInvalid
from hedgerow_server.core.explanation import (
    CandidateExplanation,
    CandidateHealth,
    CandidatePrice,
    HedgingTerms,
    RouteExplained,
    Why,
)
from hedgerow_server.core.request import ChatSpec, EmbedSpec, ExplainRequest
from hedgerow_server.wire.check import Checker
from hedgerow_server.wire.explain import ExplainAnswer, ExplainDecoder
from unit.hedgerow_server.calls import call

CHAT = {"model": "fast", "messages": [{"role": "ROLE_USER", "content": [{"text": "hi"}]}]}


def decoded(request: dict[str, object]) -> ExplainRequest:
    """The core request of an ExplainRouteRequest."""
    message = json_format.ParseDict(request, pb.ExplainRouteRequest())
    return ExplainDecoder(Checker(4096)).explain_route(call(body=message.SerializeToString()))


def encoded(explained: RouteExplained) -> dict[str, object]:
    """The response as a caller reads it."""
    answer = ExplainAnswer()
    answer.add(explained)
    return dict(json_format.MessageToDict(pb.ExplainRouteResponse.FromString(answer.encode())))


def test_a_chat_is_read_like_the_chat_itself() -> None:
    found = decoded({"chat": CHAT, "route": {"regions": ["eu"]}, "labels": {"a": "b"}, "stream": True})
    assert isinstance(found.spec, ChatSpec)
    assert (found.policy.regions, found.labels, found.stream) == (("eu",), {"a": "b"}, True)


def test_a_batch_is_read_like_the_batch_itself() -> None:
    found = decoded({"embed": {"model": "vec", "inputs": [{"text": "one"}]}})
    assert (found.spec, found.stream) == (EmbedSpec(model="vec", inputs=("one",)), False)


@pytest.mark.parametrize("request_", [{}, {"chat": {**CHAT, "messages": []}}, {"chat": CHAT, "labels": {"A": "x"}}])
def test_what_the_call_itself_would_refuse_is_refused(request_: dict[str, object]) -> None:
    with pytest.raises(RequestInvalid):
        decoded(request_)


def test_an_explanation_is_written_whole() -> None:
    whole = CandidateExplanation(
        provider="sim",
        model="gpt",
        region="eu",
        credential="key",
        eligible=True,
        asked=True,
        why=Why.PRICE,
        text="costs about $1",
        health=CandidateHealth(
            breaker="half_open",
            back_in_s=1.5,
            resting_because="x",
            running=2,
            typical_s=0.25,
            rate_limited_share=0.5,
        ),
        price=CandidatePrice(input_picos=0.5, output_picos=None, expected_picos=0, version="v1"),
        first_share=0.0,
    )
    explained = RouteExplained(
        candidates=(whole,),
        strategy="cheapest",
        rules=(0, 2),
        max_attempts=3,
        affinity=True,
        hedging=HedgingTerms(5.0, 0.05, 30.0),
    )
    assert encoded(explained) == {
        "candidates": [
            {
                "provider": "sim",
                "model": "gpt",
                "region": "eu",
                "credential": "key",
                "eligible": True,
                "wouldBeAsked": True,
                "reason": "CANDIDATE_REASON_PRICE",
                "explanation": "costs about $1",
                "health": {
                    "breaker": "BREAKER_STATE_HALF_OPEN",
                    "backIn": "1.500s",
                    "restingBecause": "x",
                    "runningAttempts": 2,
                    "typicalFirstToken": "0.250s",
                    "rateLimitedShare": 0.5,
                },
                "price": {"inputTokenPicos": 0.5, "expectedCostPicos": "0", "priceVersion": "v1"},
                "firstShare": 0.0,
            }
        ],
        "strategy": "ROUTE_STRATEGY_CHEAPEST",
        "rules": [0, 2],
        "maxAttempts": 3,
        "affinity": True,
        "hedging": {"maxExtraPercent": 5.0, "minDelay": "0.050s", "maxDelay": "30s"},
    }


def test_what_is_not_known_is_not_written() -> None:
    bare = CandidateExplanation(
        provider="sim",
        model="gpt",
        region="",
        credential="",
        eligible=False,
        asked=False,
        why=Why.REGION,
        text="runs in us",
        written_in="regions",
        health=CandidateHealth(breaker="closed"),
    )
    explained = RouteExplained(candidates=(bare,), strategy="ordered", rules=(), max_attempts=1, affinity=False)
    assert encoded(explained) == {
        "candidates": [
            {
                "provider": "sim",
                "model": "gpt",
                "reason": "CANDIDATE_REASON_REGION",
                "explanation": "runs in us",
                "writtenIn": "regions",
                "health": {"breaker": "BREAKER_STATE_CLOSED"},
            }
        ],
        "strategy": "ROUTE_STRATEGY_ORDERED",
        "maxAttempts": 1,
    }


@pytest.mark.parametrize("why", Why)
def test_every_reason_has_the_contracts_name(why: Why) -> None:
    assert pb.CandidateReason.Name(why.value) == f"CANDIDATE_REASON_{why.name}"  # type: ignore[arg-type]


def test_the_contract_has_no_reason_that_is_never_given() -> None:
    assert set(pb.CandidateReason.values()) == {0, *(why.value for why in Why)}
