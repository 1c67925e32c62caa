"""`explain_route` of both clients, and `hedgerow explain`."""

import asyncio
import json
import re

import pytest
from google.protobuf.duration_pb2 import Duration
from hedgerow.common.v1.rate_pool_pb2 import RatePool
from hedgerow.router.v1 import router_service_pb2 as pb
from hedgerow_client import AsyncClient, Client, chat, embedding
from hedgerow_client.cli.verbs import build
from typer.testing import CliRunner, Result
from unit.hedgerow_client.fake_gateway import FakeGateway

WHOLE = pb.ExplainRouteResponse(
    strategy=pb.ROUTE_STRATEGY_CHEAPEST,
    rules=[0, 2],
    max_attempts=3,
    affinity=True,
    hedging=pb.HedgingExplanation(max_extra_percent=5, min_delay=Duration(nanos=50_000_000)),
    candidates=[
        pb.CandidateExplanation(
            provider="a",
            model="a-1",
            region="eu",
            eligible=True,
            would_be_asked=True,
            reason=pb.CANDIDATE_REASON_PRICE,
            explanation="costs about $0.002500",
            health=pb.CandidateHealth(
                typical_first_token=Duration(nanos=412_000_000),
                rate_pool=RatePool(requests_limit=60, requests_left=3, waiting_calls_count=2),
            ),
            price=pb.CandidatePrice(expected_cost_picos=2_500_000_000),
        ),
        pb.CandidateExplanation(
            provider="b",
            model="[odd]",
            eligible=True,
            reason=pb.CANDIDATE_REASON_RESTING,
            explanation="is left alone for 4.0 s: rate limit",
        ),
        pb.CandidateExplanation(
            provider="c",
            model="c-1",
            reason=pb.CANDIDATE_REASON_REGION,
            explanation="runs in us\x1b[2J",
            written_in="regions",
        ),
    ],
)


def run(gateway: FakeGateway, *arguments: str) -> Result:
    """Runs the verb against the gateway."""
    environment = {"HEDGEROW_TARGET": gateway.target, "COLUMNS": "200", "NO_COLOR": "1"}
    return CliRunner().invoke(build(), ("explain", *arguments), env=environment)


def test_a_conversation_or_a_batch_is_enough_of_a_request(gateway: FakeGateway) -> None:
    gateway.explanation = WHOLE
    with Client(gateway.target) as client:
        assert client.explain_route(chat("fast", "hi")) == WHOLE
        client.explain_route(embedding("vec", "one"))
        request = pb.ExplainRouteRequest(chat=chat("fast", "hi"), labels={"feature": "search"}, stream=True)
        client.explain_route(request)
    first, second, third = gateway.requests
    assert (first.chat.model, second.embed.model, third) == ("fast", "vec", request)


def test_the_asyncio_client_explains_as_well(gateway: FakeGateway) -> None:
    gateway.explanation = WHOLE

    async def ask() -> pb.ExplainRouteResponse:
        async with AsyncClient(gateway.target) as client:
            return await client.explain_route(chat("fast", "hi"))

    assert asyncio.run(ask()) == WHOLE


def test_the_explanation_is_a_table_in_order_without_control_characters(gateway: FakeGateway) -> None:
    gateway.explanation = WHOLE
    result = run(gateway, "fast")
    rows = [re.split(r" {2,}", line.strip()) for line in result.stdout.splitlines()]
    assert rows == [
        ["PROVIDER", "MODEL", "EXPECTED", "FIRST TOKEN", "LEFT", "WHY"],
        ["1", "a (eu)", "a-1", "$0.002500", "0.412 s", "3 of 60, 2 waiting", "costs about $0.002500"],
        ["(2)", "b", "[odd]", "-", "-", "-", "is left alone for 4.0 s: rate limit"],
        ["-", "c", "c-1", "-", "-", "-", "runs in us[2J [regions]"],
    ]
    assert result.stderr.strip() == (
        "cheapest · rules that hold: 0, 2 · at most 3 attempts · conversations stay"
        " · hedged after 0.05 s or more for up to 5 % of calls"
    )


def test_the_options_are_what_the_call_would_say(gateway: FakeGateway) -> None:
    run(gateway, "fast", "why", "so", "--label", "a=b=c", "--provider", "p", "--region", "eu", "--session", "s")
    run(gateway, "fast", "--unary")
    run(gateway, "vec", "x", "--embed")
    first, second, third = gateway.requests
    assert first.chat.messages[0].content[0].text == "why so"
    assert (dict(first.labels), first.stream) == ({"a": "b=c"}, True)
    assert (list(first.route.providers), list(first.route.regions), first.route.session_id) == (["p"], ["eu"], "s")
    assert (second.stream, third.embed.inputs[0].text) == (False, "x")


def test_all_there_is_can_be_had_as_json(gateway: FakeGateway) -> None:
    gateway.explanation = WHOLE
    printed = json.loads(run(gateway, "fast", "--json").stdout)
    assert [one.get("reason") for one in printed["candidates"]] == [
        "CANDIDATE_REASON_PRICE",
        "CANDIDATE_REASON_RESTING",
        "CANDIDATE_REASON_REGION",
    ]


@pytest.mark.parametrize("label", ["x", ""])
def test_a_label_without_a_value_is_an_error_in_one_line(gateway: FakeGateway, label: str) -> None:
    result = run(gateway, "fast", "--label", label)
    assert (result.exit_code, gateway.requests) == (1, [])
    assert result.stderr.startswith("error: --label takes KEY=VALUE")
