"""EstimateCost and the cost of a call, through a real router."""

from typing import Any

import grpc
import pytest
from hedgerow.common.v1.policy_pb2 import RoutePolicy
from hedgerow.embed.v1.embed_service_pb2 import EmbedInput, EmbedSpec
from hedgerow.router.v1.router_service_pb2 import CostEstimate, EstimateCostRequest, EstimateCostResponse
from rpc.caller import COMPLETE, STREAM_COMPLETE, Caller, Door, Outcome, chat, connected
from rpc.conftest import StartRouter

ESTIMATE = "/hedgerow.router.v1.RouterService/EstimateCost"
WORDS = "Why do hedges grow? "
INPUT, OUTPUT = 150_000, 600_000
"""Picos a token of gpt-4o-mini."""


def ask(caller: Caller, model: str, *, route: RoutePolicy | None = None, **spec: Any) -> Outcome[EstimateCostResponse]:
    """Asks what a chat with the model would cost."""
    request = EstimateCostRequest(chat=chat(model, **spec).chat, route=route)
    return caller.unary(ESTIMATE, request, EstimateCostResponse.FromString)


def estimated(caller: Caller, model: str, **spec: Any) -> CostEstimate:
    """What a chat with the model would cost at its one candidate."""
    (one,) = ask(caller, model, **spec).message.candidates
    return one


def test_a_known_model_has_a_range_in_whole_picos(door: Door) -> None:
    one = estimated(door.caller, "fast", max_output_tokens=100)
    assert (one.provider, one.model) == ("sim", "gpt-4o-mini")
    assert one.price_version.startswith("genai-prices-")
    assert one.expected_cost_picos == one.expected_input_tokens * INPUT + 100 * OUTPUT
    assert one.upper_bound_cost_picos == one.upper_bound_input_tokens * INPUT + 100 * OUTPUT
    assert one.low_cost_picos < one.expected_cost_picos < one.upper_bound_cost_picos


@pytest.mark.parametrize("rpc", [COMPLETE, STREAM_COMPLETE])
def test_a_call_costs_its_usage_within_what_was_estimated(door: Door, rpc: str) -> None:
    one = estimated(door.caller, "fast", max_output_tokens=100)
    outcome = door.caller.chat(rpc, "fast", spec={"max_output_tokens": 100})
    assert outcome.code is grpc.StatusCode.OK
    last = outcome.messages[-1]
    answer = last if rpc == COMPLETE else last.completed
    usage = answer.usage
    cost = INPUT * usage.input_tokens + OUTPUT * usage.output_tokens
    assert answer.cost_picos == answer.charged_picos == answer.attempts[0].cost_picos == cost
    assert outcome.report.cost_picos == cost
    assert answer.price_version == outcome.report.price_version == one.price_version
    assert one.low_cost_picos <= cost <= one.upper_bound_cost_picos


def test_a_batch_of_embeddings_is_estimated_without_output(door: Door) -> None:
    spec = EmbedSpec(model="embed-small", inputs=[EmbedInput(text=WORDS * 50)])
    outcome = door.caller.unary(ESTIMATE, EstimateCostRequest(embed=spec), EstimateCostResponse.FromString)
    (one,) = outcome.message.candidates
    assert one.expected_cost_picos == one.expected_input_tokens * 20_000
    assert (one.expected_output_tokens, one.upper_bound_output_tokens) == (0, 0)


def test_an_unknown_price_is_left_out_and_not_zero(door: Door) -> None:
    one = estimated(door.caller, "vllm", max_output_tokens=5)
    costs = ("low_cost_picos", "expected_cost_picos", "upper_bound_cost_picos")
    assert [one.HasField(field) for field in costs] == [False] * 3  # type: ignore[arg-type]
    assert one.price_version == ""
    assert one.expected_input_tokens > 0
    answer = door.caller.chat(COMPLETE, "vllm").message
    assert not answer.HasField("cost_picos")
    assert answer.price_version == ""


def test_nothing_is_sent_so_a_provider_that_is_down_does_not_matter(door: Door) -> None:
    assert estimated(door.caller, "fault-down").expected_cost_picos > 0


def test_what_the_call_would_be_refused_for_the_estimate_is_refused_for(door: Door) -> None:
    assert ask(door.caller, "not-there").reason == "MODEL_NOT_FOUND"
    assert ask(door.caller, "embed-small").reason == "MODEL_NOT_FOUND"
    assert ask(door.caller, "fast", route=RoutePolicy(providers=["other"])).reason == "NO_CANDIDATE"
    empty = door.caller.unary(ESTIMATE, EstimateCostRequest(), EstimateCostResponse.FromString)
    assert empty.code is grpc.StatusCode.INVALID_ARGUMENT


def test_configured_prices_hold_for_estimates_and_for_calls(start_router: StartRouter) -> None:
    pricing = {
        "overrides": [
            {
                "provider": "vllm",
                "model": "llama-*",
                "usd_per_million_tokens": {"input": 0.5, "output": 1.25},
                "usd_per_request": 0.002,
            }
        ],
        "discounts": [{"provider": "sim", "percent": 10}],
    }
    with start_router(pricing=pricing) as router, connected(router.addresses["grpc"]) as caller:
        own, less = (estimated(caller, model, max_output_tokens=10) for model in ("vllm", "fast"))
        answer = caller.chat(COMPLETE, "vllm").message
    assert own.expected_cost_picos == 2_000_000_000 + own.expected_input_tokens * 500_000 + 10 * 1_250_000
    assert less.expected_cost_picos == less.expected_input_tokens * INPUT * 9 // 10 + 10 * OUTPUT * 9 // 10
    assert own.price_version == less.price_version == answer.price_version
    assert "+" in own.price_version
    usage = answer.usage
    assert answer.cost_picos == 2_000_000_000 + usage.input_tokens * 500_000 + usage.output_tokens * 1_250_000
