"""How long connections live and how often clients may ping them: docs/mesh.md says what the defaults are, and why."""

import asyncio
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from h2.errors import ErrorCodes
from h2.events import PingAckReceived
from hedgerow_client.channel import KEEPALIVE_MS
from hedgerow_server.doors.section import GrpcSection
from interop import toolchain
from interop.messages import of
from interop.python_cases import Caller
from interop.service import ENGINES, running
from interop.wire import wire
from money.counter import configuration
from rpc.caller import COMPLETE, STREAM_COMPLETE, Outcome, connected, eventually
from stack import OWN_CONNECTIONS, Process, router, simulator

AGE_S, PING_S = 0.4, 0.3
both = pytest.mark.parametrize("engine", ENGINES)
NO_SECOND_TRY = (("grpc.enable_retries", 0),)
RENEWALS = 8
LONG = "three-seconds"
FORGIVEN = 2
"""Pings that may come too early: C-core's default, which the event loop's server has, too."""


@pytest.fixture(scope="module", params=ENGINES)
def ageing(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """A router whose connections soon grow old."""
    folder = tmp_path_factory.mktemp("ageing")
    with ExitStack() as exits:
        sim = exits.enter_context(simulator(folder))
        config = configuration(f"http://{sim.addresses['http']}", folder / "hedgerow.db")
        config["server"]["grpc"] |= {"engine": request.param, "max_connection_age_seconds": AGE_S}
        config["telemetry"] = {"log_peers": True}
        config["routes"][LONG] = {"kind": "chat", "candidates": [{"provider": "sim", "model": "sim-tokens-20-150"}]}
        yield exits.enter_context(router(folder, config))


def connections(log: Path, since: int) -> set[str]:
    """The other ends of the connections of all calls in a log, from a place in it on."""
    lines = log.read_bytes()[since:].decode().splitlines()
    return {json.loads(line)["peer"] for line in lines if line.startswith('{"request_id"') and line.endswith("}")}


def test_calls_go_on_over_renewed_connections_and_none_fails(ageing: Process) -> None:
    """From grpcio, which tries nothing again here; a stream that is older than its connection may be ends whole."""
    since, over, outcomes = ageing.log.stat().st_size, threading.Event(), list[Outcome[Any]]()

    with connected(ageing.addresses["grpc"], more=NO_SECOND_TRY) as caller, ThreadPoolExecutor(5) as pool:

        def keep_asking(rpc: str, model: str) -> None:
            while not over.is_set():
                outcomes.append(caller.chat(rpc, model))

        asked = [(COMPLETE, "fast"), (COMPLETE, "fast"), (STREAM_COMPLETE, "fast"), (STREAM_COMPLETE, LONG)]
        asking = [pool.submit(keep_asking, *one) for one in asked]
        try:
            eventually(lambda: len(connections(ageing.log, since)) > RENEWALS, "connections are renewed", 60)
        finally:
            over.set()
        for one in asking:
            one.result()
    assert {(outcome.code, outcome.text) for outcome in outcomes} == {(grpc.StatusCode.OK, "")}
    streams = [one for one in outcomes if len(one.messages) > 1]
    assert all(stream.messages[-1].HasField("completed") for stream in streams)
    assert max(len(stream.messages) for stream in streams) > 20


@pytest.mark.polyglot
async def test_calls_of_the_go_client_go_on_over_renewed_connections(ageing: Process, tmp_path: Path) -> None:
    asker, since = toolchain.go_asker(tmp_path), ageing.log.stat().st_size
    rounds, at_once = 150, 4
    scenario = f"ageing,{ageing.addresses['grpc']},unary,{'+'.join([str(at_once)] * rounds)}"
    ended = await toolchain.run(asker, scenario)
    codes = [line.split("\t")[1] for line in ended.output.splitlines()]
    assert codes == ["OK"] * rounds * at_once, ended.output
    assert len(connections(ageing.log, since)) > 1


@both
async def test_a_client_that_pings_too_often_is_told_to_go_for_that(engine: str) -> None:
    async with running(engine=engine, min_ping_interval_seconds=PING_S) as server, wire(server.target) as client:
        for _ in range(FORGIVEN + 2):
            client.state.ping(b"too-soon")
        while not client.goaways:
            await client.exchange()
    assert client.goaways == [(ErrorCodes.ENHANCE_YOUR_CALM, b"too_many_pings")]


@both
async def test_a_client_that_pings_as_often_as_it_may_is_not_told_to_go(engine: str) -> None:
    """It has no call open: that is allowed, too."""
    async with running(engine=engine, min_ping_interval_seconds=PING_S) as server, wire(server.target) as client:
        for _ in range(2 * FORGIVEN + 2):
            client.state.ping(b"in-time!")
            answered = False
            while not answered:
                answered = any(isinstance(event, PingAckReceived) for event in await client.exchange())
            await asyncio.sleep(PING_S * 1.2)  # what is tried is the pace
    assert client.goaways == []


@both
async def test_a_call_without_an_event_goes_on_while_its_client_pings_as_often_as_it_may(engine: str) -> None:
    """For more pings than are forgiven, as with a model that thinks. C-core's client sends at most one a second."""
    pings = (("grpc.keepalive_time_ms", 500), ("grpc.http2.max_pings_without_data", 0))
    silent = of("ResponseParameters")(size=1, interval_us=8_000_000)
    async with (
        running(engine=engine, min_ping_interval_seconds=PING_S) as server,
        grpc.aio.insecure_channel(server.target, [*OWN_CONNECTIONS, *pings, *NO_SECOND_TRY]) as channel,
    ):
        call = Caller(channel).output(of("StreamingOutputCallRequest")(response_parameters=[silent]))
        assert len([answer async for answer in call]) == 1
        assert await call.code() is grpc.StatusCode.OK


def test_what_we_have_clients_ping_is_rare_enough_for_the_default() -> None:
    assert GrpcSection().min_ping_interval_seconds * 2 <= KEEPALIVE_MS / 1000
