"""`estimate_cost` of both clients, and `hedgerow estimate`."""

import asyncio
import json
import re

import pytest
from hedgerow.router.v1.router_service_pb2 import CostEstimate, EstimateCostRequest
from hedgerow_client import AsyncClient, Client, NotFoundError, chat, embedding
from hedgerow_client.cli.verbs import build
from typer.testing import CliRunner, Result
from unit.hedgerow_client.fake_gateway import Failure, FakeGateway

KNOWN = CostEstimate(
    provider="a",
    model="a-1",
    region="eu",
    low_cost_picos=1,
    expected_cost_picos=2_500_000_000,
    upper_bound_cost_picos=12_000_000_000,
    expected_input_tokens=1200,
    upper_bound_input_tokens=5000,
    expected_output_tokens=256,
    upper_bound_output_tokens=1000,
    price_version="genai-prices-1",
)
UNBOUNDED = CostEstimate(
    provider="b",
    model="[odd]",
    expected_cost_picos=0,
    expected_input_tokens=9,
    expected_output_tokens=3,
    price_version="v",
)
UNKNOWN = CostEstimate(provider="c", model="c-1", expected_input_tokens=9, expected_output_tokens=3)


def run(gateway: FakeGateway, *arguments: str, stdin: str | bytes | None = None) -> Result:
    """Runs the verb against the gateway."""
    environment = {"HEDGEROW_TARGET": gateway.target, "COLUMNS": "200", "NO_COLOR": "1"}
    return CliRunner().invoke(build(), ("estimate", *arguments), input=stdin, env=environment)


def test_a_conversation_or_a_batch_is_enough_of_a_request(gateway: FakeGateway) -> None:
    gateway.estimates = [KNOWN]
    with Client(gateway.target) as client:
        assert client.estimate_cost(chat("fast", "hi", max_output_tokens=7)) == [KNOWN]
        assert client.estimate_cost(embedding("vec", "one")) == [KNOWN]
        request = EstimateCostRequest(chat=chat("fast", "hi"), labels={"feature": "search"})
        assert client.estimate_cost(request) == [KNOWN]
    first, second, third = gateway.requests
    assert (first.WhichOneof("call"), first.chat.max_output_tokens) == ("chat", 7)
    assert (second.WhichOneof("call"), second.embed.inputs[0].text) == ("embed", "one")
    assert third == request


def test_the_asyncio_client_estimates_as_well(gateway: FakeGateway) -> None:
    gateway.estimates = [KNOWN, UNKNOWN]

    async def ask() -> list[CostEstimate]:
        async with AsyncClient(gateway.target) as client:
            return await client.estimate_cost(chat("fast", "hi"))

    assert asyncio.run(ask()) == [KNOWN, UNKNOWN]


def test_a_model_that_is_not_there_is_an_error_of_its_own(gateway: FakeGateway) -> None:
    import grpc

    gateway.failure = Failure(grpc.StatusCode.NOT_FOUND, "no model", "ERROR_REASON_MODEL_NOT_FOUND")
    with Client(gateway.target) as client, pytest.raises(NotFoundError):
        client.estimate_cost(chat("none", "hi"))


def test_the_estimate_is_a_table_with_a_line_for_each_candidate(gateway: FakeGateway) -> None:
    gateway.estimates = [KNOWN, UNBOUNDED, UNKNOWN]
    result = run(gateway, "fast", "why", "so", "--max-output-tokens", "1000")
    rows = [re.split(r" {2,}", line.strip()) for line in result.stdout.splitlines()]
    assert rows == [
        ["PROVIDER", "MODEL", "INPUT", "OUTPUT", "EXPECTED", "AT MOST"],
        ["a (eu)", "a-1", "~1,200", "~256 of 1,000", "$0.002500", "$0.012000"],
        ["b", "[odd]", "~9", "~3", "$0.000000", "no bound"],
        ["c", "c-1", "~9", "~3", "unknown", "unknown"],
    ]
    assert "does not mean that it is free" in result.stderr
    (request,) = gateway.requests
    assert (request.chat.messages[0].content[0].text, request.chat.max_output_tokens) == ("why so", 1000)


def test_known_prices_need_no_remark(gateway: FakeGateway) -> None:
    gateway.estimates = [KNOWN]
    assert run(gateway, "fast", "hi").stderr == ""


def test_an_embedding_is_estimated_from_stdin_and_printed_as_json(gateway: FakeGateway) -> None:
    gateway.estimates = [KNOWN]
    result = run(gateway, "vec", "--embed", "--json", stdin="a text\n")
    assert json.loads(result.stdout)["upper_bound_cost_picos"] == "12000000000"
    assert gateway.requests[0].embed.inputs[0].text == "a text"


@pytest.mark.parametrize("stdin", ["", b"\xff\xfe"])
def test_nothing_to_estimate_is_an_error_in_one_line(gateway: FakeGateway, stdin: str | bytes) -> None:
    result = run(gateway, "fast", stdin=stdin)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("error: there is nothing to estimate")
