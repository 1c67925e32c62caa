"""How many calls a connection may have, and what becomes of more: at the gateway's gRPC door, on each engine."""

from collections import Counter
from contextlib import AsyncExitStack

import grpc
import grpc.aio
import pytest
from h2.errors import ErrorCodes
from h2.settings import SettingCodes
from interop.messages import of
from interop.python_cases import Caller
from interop.service import Running, running
from interop.wire import headers, wire
from stack import OWN_CONNECTIONS

pytestmark = pytest.mark.timeout(300)

CONNECTIONS = 20


async def crowd(server: Running, connections: int, calls: int) -> Counter[str]:
    """As many calls on each of as many new connections, all at once; how they ended. Nobody tries anything again."""
    async with AsyncExitStack() as exits:
        callers = []
        for _ in range(connections):
            options = [*OWN_CONNECTIONS, ("grpc.enable_retries", 0)]
            channel = grpc.aio.insecure_channel(server.target, options)
            callers.append(Caller(await exits.enter_async_context(channel)))
        begun = [caller.empty(of("Empty")()) for caller in callers for _ in range(calls)]
        return Counter([f"{(await call.code()).name} {await call.details() or ''}".strip() for call in begun])


@pytest.mark.parametrize("limit", [1, 20])
async def test_no_call_of_clients_that_keep_to_the_limit_is_refused(engine: str, limit: int) -> None:
    """Also not on a new connection, where calls wait for the server's settings, nor right behind one that has ended."""
    async with running(engine=engine, max_streams_per_connection=limit) as server:
        assert await crowd(server, CONNECTIONS, 100) == {"OK": 100 * CONNECTIONS}
    assert server.open.of_one <= limit


async def test_calls_that_the_event_loop_has_yet_to_take_up_are_not_cancelled(engine: str) -> None:
    """2,400 at once, within `server.overload.max_waiting_calls`: by default C-core cancels some from 1,000 on."""
    async with running(engine=engine) as server:
        assert await crowd(server, CONNECTIONS, 120) == {"OK": 120 * CONNECTIONS}


async def test_a_client_that_ignores_the_most_of_a_connection_is_refused(engine: str) -> None:
    """With REFUSED_STREAM for the calls too many, while those within the limit stay open (RFC 9113, section 5.1.2)."""
    async with running(engine=engine, max_streams_per_connection=2) as server, wire(server.target) as client:
        assert client.state.remote_settings.max_concurrent_streams == 2
        client.state.remote_settings[SettingCodes.MAX_CONCURRENT_STREAMS] = 100
        client.state.remote_settings.acknowledge()
        for stream in (1, 3, 5):
            client.state.send_headers(stream, headers("FullDuplexCall"))
        while not client.resets:
            await client.exchange()
    assert client.resets == {ErrorCodes.REFUSED_STREAM: 1}


async def test_of_calls_that_are_opened_and_reset_without_end_most_are_refused(engine: str) -> None:
    """Never more than one open at a time, so within the limit (CVE-2023-44487): they do not reach the gateway."""
    many = 3000
    async with running(engine=engine, max_streams_per_connection=20) as server, wire(server.target) as client:
        for stream in range(1, 2 * many, 2):
            client.state.send_headers(stream, headers("FullDuplexCall"))
            client.state.reset_stream(stream, ErrorCodes.CANCEL)
        while client.resets[ErrorCodes.REFUSED_STREAM] < many // 2:
            await client.exchange()
    assert server.open.come <= many // 2
