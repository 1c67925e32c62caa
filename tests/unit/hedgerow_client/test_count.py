"""`count_tokens` of both clients."""

import asyncio

from hedgerow.router.v1.router_service_pb2 import CountTokensRequest, TokenCount
from hedgerow_client import AsyncClient, Client, chat, embedding
from unit.hedgerow_client.fake_gateway import FakeGateway

COUNTS = [
    TokenCount(provider="a", model="a-1", expected_input_tokens=12),
    TokenCount(provider="b", model="b-1", expected_input_tokens=9),
]


def test_a_conversation_or_a_batch_is_enough_of_a_request(gateway: FakeGateway) -> None:
    gateway.counts = COUNTS
    request = CountTokensRequest(chat=chat("fast", "hi"))
    with Client(gateway.target) as client:
        assert client.count_tokens(chat("fast", "hi")) == COUNTS
        assert client.count_tokens(embedding("vec", "one")) == COUNTS
        assert client.count_tokens(request) == COUNTS
    first, second, third = gateway.requests
    assert (first, third) == (request, request)
    assert second.embed.inputs[0].text == "one"


def test_the_asyncio_client_counts_as_well(gateway: FakeGateway) -> None:
    gateway.counts = COUNTS

    async def ask() -> list[TokenCount]:
        async with AsyncClient(gateway.target) as client:
            return await client.count_tokens(chat("fast", "hi"))

    assert asyncio.run(ask()) == COUNTS
