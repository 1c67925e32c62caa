"""A router that is full: what callers, operators and balancers are told, and who is let in."""

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from grpc_health.v1 import health_pb2
from hedgerow.chat.v1.chat_service_pb2 import StreamCompleteResponse
from rpc.access import Guarded, bearer, guarded
from rpc.caller import COMPLETE, STREAM_COMPLETE, WAYS, Caller, Outcome, Way, chat, connected, eventually, get
from rpc.conftest import StartRouter

SLOW, OK, UNAVAILABLE = "all/sim-tokens-400-50", grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE
CALLS, CONNECTIONS = 20, 5
HOG, REST = 16, 3
"""How many of them one tenant gets, and how many others then, but for those that come back after a refusal."""
RETRIES = {
    "methodConfig": [
        {
            "name": [{}],
            "retryPolicy": {
                "maxAttempts": 2,
                "initialBackoff": "0.1s",
                "maxBackoff": "1s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ]
}


@pytest.fixture(scope="module")
def ours(start_router: StartRouter, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """The router."""
    store = tmp_path_factory.mktemp("overload") / "hedgerow.db"
    overload = {"max_calls": CALLS, "max_connections": CONNECTIONS}
    server = {"overload": overload, "http": {"listen": "127.0.0.1:0"}}
    with guarded(start_router, store, [], server=server) as running:
        yield running


@pytest.fixture(scope="module", name="tokens")
def tokens_fixture(ours: Guarded) -> dict[str, str]:
    """A key of each tenant, which has been good once; "louder" is another one of "loud"."""
    tenants = {"loud": "loud", "louder": "loud", "quiet": "quiet"}
    found = {name: ours.key(tenant=tenant)[0] for name, tenant in tenants.items()}
    for token in found.values():
        assert ours.caller.chat(COMPLETE, "fast", metadata=bearer(token)).code is OK
    return found


@contextmanager
def open_calls(ours: Guarded, *tokens: str) -> Iterator[list[Any]]:
    """Streams that go on until the block ends, one for each key."""
    calls: list[Any] = []
    try:
        for token in tokens:
            call = ours.caller.open(STREAM_COMPLETE, chat(SLOW), StreamCompleteResponse.FromString, **as_(token))
            calls.append(call)
            next(iter(call))
        yield calls
    finally:
        for call in calls:
            call.cancel()
        eventually(lambda: number(ours, "hedgerow_overload_calls") == 0, "all have ended")


def as_(token: str) -> dict[str, Any]:
    """The options of a call with a key."""
    return {"metadata": bearer(token)}


def number(ours: Guarded, name: str) -> float:
    """A metric's value; of several samples the sum."""
    _, page = get(f"http://{ours.router.addresses['admin_http']}/metrics")
    lines = [line for line in page.splitlines() if line.split("{")[0].split(" ")[0] == name]
    return sum(float(line.rpartition(" ")[2]) for line in lines)


def check_refused(told: Outcome[Any]) -> None:
    """The caller was sent away, and told when to come back."""
    assert (told.code, told.reason) == (UNAVAILABLE, "OVERLOADED")
    assert told.pushback_ms is not None
    assert 500 <= told.pushback_ms <= 4000
    delay = told.detail(RetryInfo)
    assert delay is not None
    assert delay.retry_delay.ToMilliseconds() == told.pushback_ms
    assert len(told.request_id) == 32


@pytest.mark.parametrize("rpc", WAYS)
def test_a_full_router_refuses_at_every_door_and_says_when_to_come_back(
    ours: Guarded, tokens: dict[str, str], rpc: Way
) -> None:
    with open_calls(ours, *[tokens["loud"]] * HOG, *[tokens["quiet"]] * REST):
        before = number(ours, "hedgerow_overload_refused_total")
        check_refused(ours.caller.chat(rpc, "fast", **as_(tokens["quiet"])))
        assert number(ours, "hedgerow_overload_refused_total") == before + 1
        assert number(ours, "hedgerow_overload_grade") == 3


def test_it_is_healthy_and_its_operators_are_served(ours: Guarded, tokens: dict[str, str]) -> None:
    """Else a balancer would send its calls to others, which have as many, and nobody could look at what is wrong."""
    with open_calls(ours, *[tokens["loud"]] * HOG, *[tokens["quiet"]] * REST):
        check: Any = ours.caller.channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
            response_deserializer=health_pb2.HealthCheckResponse.FromString,
        )
        answer = check(health_pb2.HealthCheckRequest(), timeout=10)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
        for door, path in (("admin_http", "readyz"), ("http", "readyz")):
            assert get(f"http://{ours.router.addresses[door]}/{path}")[0] == 200
        assert ours.key()[0]


def test_one_tenant_does_not_get_the_last_place_whatever_its_number_of_keys(
    ours: Guarded, tokens: dict[str, str]
) -> None:
    with open_calls(ours, *[tokens["loud"]] * 8, *[tokens["louder"]] * 8):
        for name in ("loud", "louder"):
            check_refused(ours.caller.chat(COMPLETE, "fast", **as_(tokens[name])))
        assert ours.caller.chat(COMPLETE, "fast", **as_(tokens["quiet"])).code is OK


def test_a_caller_that_comes_back_as_it_was_told_goes_before_those_that_come_anew(
    ours: Guarded, tokens: dict[str, str]
) -> None:
    """By a retry policy, which honours the push-back and says with each try how many there were."""
    policy = json.dumps(RETRIES)
    channel = grpc.insecure_channel(
        ours.router.addresses["grpc"], [("grpc.service_config", policy), ("grpc.use_local_subchannel_pool", 1)]
    )
    with open_calls(ours, *[tokens["loud"]] * HOG, *[tokens["quiet"]] * REST), channel:
        check_refused(ours.caller.chat(COMPLETE, "fast", **as_(tokens["quiet"])))
        answer = Caller(channel).complete(chat("fast"), **as_(tokens["quiet"]))
        assert answer.code is OK


def test_a_refused_call_leaves_nothing_behind(ours: Guarded, tokens: dict[str, str]) -> None:
    with open_calls(ours, *[tokens["loud"]] * HOG, *[tokens["quiet"]] * REST):
        with ThreadPoolExecutor(8) as pool:
            told = list(pool.map(lambda rpc: ours.caller.chat(rpc, "fast", **as_(tokens["quiet"])), [*WAYS] * 4))
        for one in told:
            check_refused(one)
        assert number(ours, "hedgerow_overload_calls") == HOG + REST
    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(lambda rpc: ours.caller.chat(rpc, "fast", **as_(tokens["quiet"])), WAYS))
    assert {one.code for one in told} == {OK}


def test_a_connection_too_many_is_closed_and_those_before_it_stay(ours: Guarded, tokens: dict[str, str]) -> None:
    host, _, port = ours.router.addresses["grpc"].rpartition(":")
    with contextlib.ExitStack() as exits:
        opened = [
            exits.enter_context(socket.create_connection((host, int(port)), timeout=10)) for _ in range(CONNECTIONS)
        ]
        closed = [one for one in opened if _is_closed(one)]
        assert closed, "the caller of this module has one of them"
        assert len(closed) < CONNECTIONS
        assert ours.caller.chat(COMPLETE, "fast", **as_(tokens["quiet"])).code is OK

    def served() -> bool:
        with connected(ours.router.addresses["grpc"]) as caller:
            return caller.chat(COMPLETE, "fast", **as_(tokens["quiet"])).code is OK

    eventually(served, "there is room again")


def _is_closed(connection: socket.socket) -> bool:
    """C-core greets whoever it lets in with its settings, at once."""
    try:
        return not connection.recv(9)
    except ConnectionResetError:
        return True


def test_the_room_for_calls_is_told(ours: Guarded) -> None:
    assert number(ours, "hedgerow_overload_calls_limit") == CALLS


def test_what_is_refused_need_not_have_sent_its_message(ours: Guarded, tokens: dict[str, str]) -> None:
    with open_calls(ours, *[tokens["loud"]] * HOG, *[tokens["quiet"]] * REST):
        told = threading.Event()
        stream: Any = ours.caller.channel.stream_stream(COMPLETE)

        def never() -> Iterator[bytes]:
            told.wait(20)
            yield from ()

        call = stream(never(), timeout=20, metadata=bearer(tokens["quiet"]))
        assert call.code() is UNAVAILABLE
        told.set()


def test_what_is_refused_is_no_call(ours: Guarded, tokens: dict[str, str]) -> None:
    before = number(ours, "hedgerow_calls_total")
    with open_calls(ours, *[tokens["loud"]] * HOG, *[tokens["quiet"]] * REST):
        for _ in range(5):
            check_refused(ours.caller.chat(COMPLETE, "fast", **as_(tokens["quiet"])))
    eventually(
        lambda: number(ours, "hedgerow_calls_total") == before + HOG + REST, "only calls that were let in are counted"
    )
