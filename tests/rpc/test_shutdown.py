"""The end of a router: SIGTERM, the grace, a second SIGTERM, and a start that fails."""

import contextlib
import json
import queue
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import ResponseReceived
from h2.settings import SettingCodes
from hedgerow.chat.v1.chat_service_pb2 import StreamCompleteResponse
from rpc.caller import (
    COMPLETE,
    STREAM_COMPLETE,
    Caller,
    Outcome,
    booked,
    chat,
    connected,
    drained,
    eventually,
    get,
    new_trace,
)
from rpc.conftest import FailedStart, StartRouter
from stack import OWN_CONNECTIONS, Process, Stack

Watch = Callable[[str], "queue.Queue[int]"]

AT_ONCE_S = 2.0
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


def begun(caller: Caller, model: str) -> Any:
    """A stream of which the first event is here."""
    call = caller.open(STREAM_COMPLETE, chat(model), StreamCompleteResponse.FromString)
    next(call)
    return call


@pytest.fixture
def watch() -> Iterator[Watch]:
    """Watches the health of an address: gives a queue of its states."""
    channels: list[grpc.Channel] = []

    def start(target: str) -> "queue.Queue[int]":
        channel = grpc.insecure_channel(target, OWN_CONNECTIONS)
        channels.append(channel)
        states: queue.Queue[int] = queue.Queue()

        def read() -> None:
            with contextlib.suppress(grpc.RpcError):
                for answer in health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest()):
                    states.put(answer.status)

        threading.Thread(target=read, daemon=True).start()
        return states

    yield start
    for channel in channels:
        channel.close()


def test_sigterm_lets_open_calls_finish(stack: Stack, start_router: StartRouter, watch: Watch) -> None:
    """NOT_SERVING is told while they go on, new calls are refused, the stream and the unary call end well, exit 0."""
    with start_router() as running, connected(running.addresses["grpc"]) as caller, ThreadPoolExecutor() as threads:
        states = watch(running.addresses["grpc"])
        assert states.get(timeout=5) == SERVING
        stream = begun(caller, "paced")
        trace = new_trace()
        unary = threads.submit(caller.chat, COMPLETE, "paced", metadata=[("traceparent", trace)])
        eventually(lambda: booked(stack.sim_url, trace), "the unary call is with the provider")
        running.popen.send_signal(signal.SIGTERM)
        assert states.get(timeout=5) == NOT_SERVING
        assert running.popen.poll() is None
        status, text = get(f"http://{running.addresses['admin_http']}/readyz")
        assert (status, text) == (503, "not ready: draining\n")
        with connected(running.addresses["grpc"]) as newcomer:
            assert newcomer.chat(COMPLETE, "fast", timeout=2).code is grpc.StatusCode.UNAVAILABLE
        outcome = drained(stream)
        assert outcome.code is grpc.StatusCode.OK
        assert outcome.messages[-1].HasField("completed")
        assert unary.result(timeout=10).code is grpc.StatusCode.OK
        assert running.popen.wait(AT_ONCE_S) == 0


def test_a_watcher_of_health_holds_nothing_up(start_router: StartRouter, watch: Watch) -> None:
    """Its stream is open until the very end, which comes long before the grace of 30 s is over."""
    with start_router() as running:
        states = watch(running.addresses["grpc"])
        assert states.get(timeout=5) == SERVING
        assert running.stop(timeout_s=AT_ONCE_S) == 0
        assert states.get(timeout=5) == NOT_SERVING


def test_a_watcher_that_does_not_read_holds_nothing_up(start_router: StartRouter) -> None:
    """It lets nothing be sent to it: what it is to be told waits until it is sent away."""
    with start_router() as running:
        host, _, port = running.addresses["grpc"].rpartition(":")
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            client = H2Connection(H2Configuration(client_side=True))
            client.initiate_connection()
            client.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 0})
            path = [(":method", "POST"), (":scheme", "http"), (":path", "/grpc.health.v1.Health/Watch")]
            fields = [*path, (":authority", host), ("content-type", "application/grpc"), ("te", "trailers")]
            client.send_headers(1, fields)
            client.send_data(1, bytes(5), end_stream=True)
            connection.sendall(client.data_to_send())
            while not any(isinstance(one, ResponseReceived) for one in client.receive_data(connection.recv(65536))):
                connection.sendall(client.data_to_send())
            assert running.stop(timeout_s=AT_ONCE_S) == 0


@dataclass
class Draining:
    """A router that drains with a stream and a call without an answer open."""

    router: Process
    """The router."""
    stream: Any
    """The stream."""
    silent: "Future[Outcome[Any]]"
    """The call without an answer."""


@pytest.fixture(params=[COMPLETE, STREAM_COMPLETE], ids=["silent unary", "silent stream"])
def draining(
    request: pytest.FixtureRequest, stack: Stack, start_router: StartRouter
) -> Iterator[Callable[[float], Draining]]:
    """Starts a router with a grace in seconds, opens calls and sends it the first SIGTERM."""
    with ExitStack() as exits:

        def start(grace_s: float) -> Draining:
            running = exits.enter_context(start_router(server={"drain_seconds": grace_s}))
            caller = exits.enter_context(connected(running.addresses["grpc"]))
            threads = exits.enter_context(ThreadPoolExecutor())
            stream, trace = begun(caller, "slow"), new_trace()
            silent = threads.submit(caller.chat, request.param, "silent", metadata=[("traceparent", trace)])
            eventually(lambda: booked(stack.sim_url, trace), "the silent call is with the provider")
            running.popen.send_signal(signal.SIGTERM)
            eventually(lambda: "draining" in running.log.read_text(), "the router drains")
            return Draining(running, stream, silent)

        yield start


def check_told(end: Draining) -> None:
    """Both calls are told why they end, with details and an id; the log tells the same."""
    for outcome in (drained(end.stream), end.silent.result(timeout=10)):
        assert (outcome.code, outcome.reason) == (grpc.StatusCode.UNAVAILABLE, "DRAINING")
        assert outcome.pushback_ms == 100
        assert len(outcome.report.attempts) == 1
        line = next(line for line in end.router.log.read_text().splitlines() if outcome.request_id in line)
        assert json.loads(line)["reason"] == "DRAINING"


def test_a_second_sigterm_ends_open_calls_at_once(draining: Callable[[float], Draining]) -> None:
    end = draining(30)
    started = time.monotonic()
    end.router.popen.send_signal(signal.SIGTERM)
    assert end.router.popen.wait(AT_ONCE_S) == 0
    assert time.monotonic() - started < AT_ONCE_S
    check_told(end)


def test_the_end_of_the_grace_ends_open_calls(draining: Callable[[float], Draining]) -> None:
    started = time.monotonic()
    end = draining(1)
    assert end.router.popen.wait(1 + AT_ONCE_S) == 0
    assert time.monotonic() - started > 1
    check_told(end)


@pytest.mark.parametrize("door", ["grpc", "admin_grpc", "admin_http"])
def test_a_port_in_use_is_one_clear_line(failed_start: FailedStart, door: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        line = failed_start({door: {"listen": address}})
    assert f"cannot listen on {address}: Address already in use" in line


def test_an_address_of_another_machine_is_one_clear_line(failed_start: FailedStart) -> None:
    """192.0.2.1 is for documentation (RFC 5737)."""
    line = failed_start({"grpc": {"listen": "192.0.2.1:0"}})
    assert "cannot listen on 192.0.2.1:0: Cannot assign requested address" in line
