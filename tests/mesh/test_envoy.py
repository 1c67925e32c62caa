"""What Envoy does in front of routers with deploy/envoy/hedgerow.yaml: health, ejection, retries, other protocols."""

import http.client
import itertools
import json
import struct
from typing import Any

import grpc
import pytest
from hedgerow.chat.v1.chat_service_pb2 import CompleteResponse, StreamCompleteResponse
from mesh.breaking import breaking
from mesh.replicas import Mesh
from money.counter import ids
from rpc.caller import COMPLETE, STREAM_COMPLETE, WAYS, Caller, Way, booked, chat, connected, eventually, new_trace

EJECTIONS = "cluster.hedgerow_grpc.outlier_detection.ejections_enforced_total"
RETRIES = "cluster.hedgerow_grpc.upstream_rq_retry"
CLIENT = "127.0.0.2"
"""A client's address; those of Envoy and the routers are 127.0.0.1."""


def ask(shared: Mesh, path: str, body: bytes, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """A POST to Envoy from CLIENT: status, headers and body."""
    connection = http.client.HTTPConnection(shared.envoy.address, timeout=30, source_address=(CLIENT, 0))
    try:
        connection.request("POST", path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, dict(answer.headers.items()), answer.read()
    finally:
        connection.close()


def in_json(shared: Mesh, rpc: str, model: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """A chat as JSON, by the mapping that needs no annotations."""
    message = {"role": "ROLE_USER", "content": [{"text": "hi"}]}
    body = json.dumps({"chat": {"model": model, "messages": [message]}}).encode()
    return ask(shared, rpc, body, content_type="application/json", **headers)


def line(shared: Mesh, trace: str) -> dict[str, Any]:
    """The line of a call in the log of the router that had it."""

    def find() -> dict[str, Any] | None:
        for text in itertools.chain.from_iterable(one.logs().splitlines() for one in shared.replicas):
            if text.startswith('{"request_id"') and trace in text:
                found: dict[str, Any] = json.loads(text)
                return found
        return None

    return eventually(find, "the call has its line")


def test_calls_are_spread_over_the_routers(shared: Mesh, caller: Caller) -> None:
    before = [one.logs().count('"code":"OK"') for one in shared.replicas]
    for _ in range(30):
        assert caller.chat(COMPLETE, "fast").code is grpc.StatusCode.OK
    eventually(
        lambda: all(one.logs().count('"code":"OK"') > old for one, old in zip(shared.replicas, before, strict=True)),
        "each has answered some",
    )


def test_a_router_that_ends_leaves_the_turn_and_comes_back(shared: Mesh, caller: Caller) -> None:
    """By the health that it tells over gRPC; meanwhile no call fails."""
    first = shared.replicas[0]
    with shared.without(first):
        for _ in range(20):
            assert caller.chat(COMPLETE, "fast").code is grpc.StatusCode.OK
        failed = "failed_active_health_check"
        eventually(lambda: shared.envoy.hosts()[first.grpc].get(failed), "it is out of turn for its health")
        assert first.grpc not in shared.envoy.healthy()


def test_a_router_that_breaks_connections_is_ejected_though_its_health_is_good(shared: Mesh, caller: Caller) -> None:
    """And calls that met it went to another one."""
    first, before = shared.replicas[0], shared.envoy.stats(EJECTIONS)
    with shared.without(first), breaking(first.grpc) as broken:
        eventually(lambda: broken.checks, "its health was asked for")
        shared.all_well()
        eventually(lambda: _ejected(shared, caller, first.grpc), "it is ejected", 30)
        assert shared.envoy.stats(EJECTIONS) == before + 1
        assert broken.calls >= 3
        assert not shared.envoy.hosts()[first.grpc].get("failed_active_health_check")
        seen = broken.calls
        for _ in range(20):
            assert caller.chat(COMPLETE, "fast").code is grpc.StatusCode.OK
        assert broken.calls == seen


def _ejected(shared: Mesh, caller: Caller, port: int) -> bool:
    """Whether Envoy has put a router out of turn for how it answers, after some more calls."""
    for _ in range(20):
        caller.chat(COMPLETE, "fast")
    return bool(shared.envoy.hosts()[port].get("failed_outlier_check"))


def test_routers_whose_provider_is_down_are_not_ejected(shared: Mesh, caller: Caller) -> None:
    before = shared.envoy.stats(EJECTIONS)
    for _ in range(30):
        assert caller.chat(COMPLETE, "alone-cut").code is grpc.StatusCode.UNAVAILABLE
    assert shared.envoy.stats(EJECTIONS) == before
    assert shared.envoy.healthy() == shared.ports


def test_a_retry_waits_for_as_long_as_the_router_says(shared: Mesh, caller: Caller) -> None:
    """Two seconds: three tries, none of them too early, and the last answer is the caller's."""
    trace = new_trace()
    outcome = caller.chat(COMPLETE, "limited", metadata=ids(trace))
    assert (outcome.code, outcome.reason, outcome.pushback_ms) == (
        grpc.StatusCode.UNAVAILABLE,
        "PROVIDER_THROTTLED",
        2000,
    )
    assert outcome.trailer("x-hedgerow-retry-in") is None
    starts = [one["started_unix"] for one in booked(shared.sim_url, trace)]
    assert len(starts) == 3
    assert all(later - earlier >= 2.0 for earlier, later in itertools.pairwise(starts))


def test_what_a_router_says_not_to_retry_is_not_retried(shared: Mesh, caller: Caller) -> None:
    trace, before = new_trace(), shared.envoy.stats(RETRIES)
    outcome = caller.chat(COMPLETE, "alone-cut", metadata=ids(trace))
    assert (outcome.code, outcome.pushback_ms) == (grpc.StatusCode.UNAVAILABLE, -1)
    assert len(booked(shared.sim_url, trace)) == 1
    assert shared.envoy.stats(RETRIES) == before


def test_an_unary_call_over_grpc_web(shared: Mesh) -> None:
    """As browsers make it: over HTTP/1.1, with the trailers in the body."""
    status, headers, body = ask(shared, COMPLETE, frame(chat("fast")), content_type="application/grpc-web+proto")
    assert (status, headers["content-type"]) == (200, "application/grpc-web+proto")
    (message,), trailers = frames(body)
    assert CompleteResponse.FromString(message).finish_reason
    assert trailers["grpc-status"] == "0"
    assert trailers["x-request-id"]


def test_a_stream_over_grpc_web(shared: Mesh) -> None:
    _, _, body = ask(shared, STREAM_COMPLETE, frame(chat("paced")), content_type="application/grpc-web+proto")
    messages, trailers = frames(body)
    events = [StreamCompleteResponse.FromString(one) for one in messages]
    assert len(events) > 10
    assert [one.sequence for one in events] == list(range(1, len(events) + 1))
    assert trailers["grpc-status"] == "0"


def test_an_unary_call_as_json(shared: Mesh) -> None:
    status, headers, body = in_json(shared, COMPLETE, "fast")
    assert (status, headers["content-type"]) == (200, "application/json")
    answer = json.loads(body)
    assert answer["message"]["role"] == "ROLE_ASSISTANT"
    assert answer["usage"]["final"] is True


def test_a_stream_as_json_is_an_event_a_line(shared: Mesh) -> None:
    status, _, body = in_json(shared, STREAM_COMPLETE, "paced")
    events = [json.loads(text) for text in body.splitlines()]
    assert status == 200
    assert [int(one["sequence"]) for one in events] == list(range(1, len(events) + 1))
    assert "completed" in events[-1]


def test_an_error_as_json_has_its_details(shared: Mesh) -> None:
    status, _, body = in_json(shared, COMPLETE, "unheard-of")
    error = json.loads(body)
    assert (status, error["code"]) == (404, grpc.StatusCode.NOT_FOUND.value[0])
    assert error["details"][0]["reason"] == "ERROR_REASON_MODEL_NOT_FOUND"


@pytest.mark.parametrize("rpc", WAYS)
def test_what_callers_say_of_a_call_reaches_the_provider_as_far_as_it_may(shared: Mesh, rpc: Way) -> None:
    """Trace and id as they came, of the baggage what is listed: through Envoy and a router, at every door."""
    trace, request_id = new_trace(), f"mesh-{new_trace()}"
    told = (("traceparent", trace), ("x-request-id", request_id), ("baggage", "user=ann,tier=gold;ttl=1"))
    with connected({"grpc": shared.envoy.address, "http": shared.envoy.address}) as caller:
        outcome = caller.chat(rpc, "fast", metadata=told)
    assert outcome.code is grpc.StatusCode.OK
    (entry,) = booked(shared.sim_url, trace)
    assert entry["headers"]["x-request-id"] == request_id
    assert entry["headers"]["baggage"] == "tier=gold;ttl=1"
    assert not {"x-forwarded-for", "x-forwarded-client-cert", "x-envoy-external-address"} & set(entry["headers"])


@pytest.mark.parametrize("path", [COMPLETE, "/v1/chat/completions"])
def test_the_callers_address_is_the_one_that_envoy_saw(shared: Mesh, path: str) -> None:
    """Whatever the caller says it is."""
    trace = new_trace()
    said = {"traceparent": trace, "x_forwarded_for": "203.0.113.9", "x_request_id": trace}
    if path == COMPLETE:
        status, _, _ = in_json(shared, path, "fast", **said)
    else:
        body = json.dumps({"model": "fast", "messages": [{"role": "user", "content": "hi"}]}).encode()
        status, _, _ = ask(shared, path, body, content_type="application/json", **said)
    assert status == 200
    assert line(shared, trace)["peer"] == f"ipv4:{CLIENT}"


def frame(message: Any) -> bytes:
    """A message as gRPC sends it."""
    data: bytes = message.SerializeToString()
    return struct.pack(">BI", 0, len(data)) + data


def frames(body: bytes) -> tuple[list[bytes], dict[str, str]]:
    """The messages of an answer over gRPC-Web, and its trailers."""
    messages: list[bytes] = []
    trailers: dict[str, str] = {}
    at = 0
    while at < len(body):
        flags, length = struct.unpack_from(">BI", body, at)
        data, at = body[at + 5 : at + 5 + length], at + 5 + length
        if flags & 0x80:
            pairs = (text.partition(":") for text in data.decode().split("\r\n") if text)
            trailers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        else:
            messages.append(data)
    return messages, trailers
