"""EstimateCost on the wire."""

import pytest
from google.protobuf import json_format
from hedgerow.router.v1 import router_service_pb2 as pb
from hedgerow_server.core.error import RequestInvalid
from hedgerow_server.core.event import CandidateInfo, CostEstimate, CostEstimated
from hedgerow_server.core.request import ChatSpec, EmbedSpec, EstimateRequest
from hedgerow_server.wire.check import Checker
from hedgerow_server.wire.router import EstimateAnswer, RouterDecoder
from unit.hedgerow_server.calls import call

CHAT = {"model": "fast", "messages": [{"role": "ROLE_USER", "content": [{"text": "hi"}]}], "maxOutputTokens": 9}
EMBED = {"model": "vec", "inputs": [{"text": "one"}]}


def decoded(request: dict[str, object]) -> EstimateRequest:
    """The core request of an EstimateCostRequest."""
    message = json_format.ParseDict(request, pb.EstimateCostRequest())
    return RouterDecoder(Checker(4096)).estimate_cost(call(body=message.SerializeToString()))


def test_a_chat_is_read_like_the_chat_itself() -> None:
    found = decoded({"chat": CHAT, "route": {"providers": ["a"]}, "labels": {"feature": "search"}})
    assert isinstance(found.spec, ChatSpec)
    assert (found.spec.model, found.spec.max_output_tokens, len(found.spec.messages)) == ("fast", 9, 1)
    assert (found.policy.providers, found.labels) == (("a",), {"feature": "search"})


def test_a_batch_is_read_like_the_batch_itself() -> None:
    assert decoded({"embed": EMBED}).spec == EmbedSpec(model="vec", inputs=("one",))


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"chat": {**CHAT, "messages": []}},
        {"embed": {"model": "vec"}},
        {"chat": CHAT, "labels": {"Not A Label": "x"}},
        {"chat": {**CHAT, "providerOptions": {"openai": "no json"}}},
    ],
)
def test_what_the_call_itself_would_refuse_is_refused(request_: dict[str, object]) -> None:
    with pytest.raises(RequestInvalid):
        decoded(request_)


def test_estimates_are_written_whole_and_what_is_unknown_is_left_out() -> None:
    whole = CostEstimate(
        candidate=CandidateInfo("sim", "gpt", "eu"),
        low_picos=0,
        expected_picos=2,
        high_picos=3,
        expected_input_tokens=4,
        input_tokens_bound=5,
        expected_output_tokens=6,
        output_tokens_bound=0,
        price_version="v1",
    )
    bare = CostEstimate(
        candidate=CandidateInfo("other", "gpt", ""),
        low_picos=None,
        expected_picos=None,
        high_picos=None,
        expected_input_tokens=4,
        input_tokens_bound=None,
        expected_output_tokens=6,
        output_tokens_bound=None,
        price_version="",
    )
    answer = EstimateAnswer()
    answer.add(CostEstimated((whole, bare)))
    assert json_format.MessageToDict(pb.EstimateCostResponse.FromString(answer.encode())) == {
        "candidates": [
            {
                "provider": "sim",
                "model": "gpt",
                "region": "eu",
                "lowCostPicos": "0",
                "expectedCostPicos": "2",
                "upperBoundCostPicos": "3",
                "expectedInputTokens": "4",
                "upperBoundInputTokens": "5",
                "expectedOutputTokens": "6",
                "upperBoundOutputTokens": "0",
                "priceVersion": "v1",
            },
            {"provider": "other", "model": "gpt", "expectedInputTokens": "4", "expectedOutputTokens": "6"},
        ]
    }
