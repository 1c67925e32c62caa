"""What a recorded call waits for within the gateway has a span of its own: guards, caches, calls made for it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
import pytest
from hedgerow.guardrail.v1 import guardrail_service_pb2 as pb
from hedgerow.guardrail.v1 import guardrail_service_pb2_grpc as stubs
from rpc.caller import COMPLETE, STREAM_COMPLETE, eventually, hello, new_trace
from telemetry.collector import Seen
from telemetry.traced import Traced, traced

BOTH = pytest.mark.parametrize("rpc", [COMPLETE, STREAM_COMPLETE], ids=["unary", "stream"])
MS = 0.001


class Guard(stubs.GuardrailServiceServicer):
    """Finds nothing, and keeps what it was sent beside the texts."""

    def __init__(self) -> None:
        self.metadata: list[dict[str, Any]] = []
        self.target = ""

    def Check(self, request: pb.CheckRequest, context: grpc.ServicerContext) -> pb.CheckResponse:  # noqa: N802
        self.metadata.append(dict(context.invocation_metadata()))
        return pb.CheckResponse(results=[pb.CheckResult() for _ in request.texts], policy_version="none-1")

    def asked(self, trace_id: str) -> list[str]:
        """The parents that it was told within a trace."""
        told = [str(one.get("traceparent", "")).split("-") for one in self.metadata]
        return [one[2] for one in told if one[1:2] == [trace_id]]


@contextmanager
def serving() -> Iterator[Guard]:
    """A guard behind GuardrailService."""
    guard = Guard()
    server = grpc.server(ThreadPoolExecutor(4))
    stubs.add_GuardrailServiceServicer_to_server(guard, server)
    guard.target = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield guard
    finally:
        server.stop(0).wait()


@pytest.fixture(scope="module")
def guard() -> Iterator[Guard]:
    """One that runs elsewhere."""
    with serving() as running:
        yield running


@pytest.fixture(scope="module")
def shop(guard: Guard, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Traced]:
    """A router that records every call, with a guard of its own and one elsewhere, and a route that keeps answers."""
    guards = {
        "elsewhere": {"type": "grpc", "target": guard.target, "timeout_seconds": 5},
        "here": {"type": "words", "words": ["bouvet"]},
    }
    answers = [{"provider": "b", "model": "gpt-4o-mini"}]
    routes = {
        "guarded": {"kind": "chat", "candidates": answers, "guardrails": ["elsewhere", "here"]},
        "kept": {
            "kind": "chat",
            "candidates": answers,
            "cache": {"mode": "semantic", "scope": "tenant", "min_similarity": 0.99},
        },
    }
    sections = {
        "guardrails": {"guards": guards},
        "cache": {"semantic": {"model": "vectors", "timeout_seconds": 5}},
    }
    folder = tmp_path_factory.mktemp("inner")
    with traced(folder, routes=routes, sections=sections, traces={"sample_ratio": 1.0}) as running:
        yield running


def call(shop: Traced, model: str, rpc: str, text: str) -> tuple[str, list[Seen]]:
    """Makes one; its trace id and its spans."""
    trace_id = (trace := new_trace()).split("-")[1]
    outcome = shop.ask(model, rpc=rpc, trace=trace, messages=[hello(text)])
    assert outcome.code is grpc.StatusCode.OK, outcome.text
    return trace_id, shop.collector.call(trace_id)


@BOTH
def test_each_guard_has_a_span_within_that_of_the_call(shop: Traced, rpc: str) -> None:
    _, spans = call(shop, "guarded", rpc, f"a text for {rpc}")
    (server,) = [one for one in spans if one.kind == "server"]
    guards = [one for one in spans if one.attributes.get("hedgerow.guardrail") in ("elsewhere", "here")]
    assert {one.attributes["hedgerow.guardrail"] for one in guards} == {"elsewhere", "here"}
    for one in guards:
        assert (one.kind, one.parent_id) == ("internal", server.span_id)
        assert server.start_s - MS <= one.start_s <= one.end_s <= server.end_s + MS


@BOTH
def test_a_guard_elsewhere_is_told_the_span_of_the_call(shop: Traced, guard: Guard, rpc: str) -> None:
    trace_id, spans = call(shop, "guarded", rpc, f"a text that nobody has asked about, {rpc}")
    (server,) = [one for one in spans if one.kind == "server"]
    parents = guard.asked(trace_id)
    assert parents
    assert set(parents) == {server.span_id}


@BOTH
def test_a_call_that_the_gateway_makes_itself_is_the_child_of_the_one_it_is_made_for(shop: Traced, rpc: str) -> None:
    """The vector of a question, for the semantic cache: with an attempt of its own, whose span the provider is told."""
    trace_id, _ = call(shop, "kept", rpc, f"How do I sort a list of words in {'Go' if rpc == COMPLETE else 'Java'}?")

    def inner() -> list[Seen]:
        spans = shop.collector.of(trace_id)
        return spans if sum(one.kind == "client" for one in spans) == 2 else []

    spans = {one.span_id: one for one in eventually(inner, "the spans of both calls")}
    (server,) = [one for one in spans.values() if one.kind == "server"]
    (made,) = [
        one
        for one in spans.values()
        if one.attributes.get("gen_ai.operation.name") == "embeddings" and one.kind == "internal"
    ]
    (attempt,) = [one for one in spans.values() if one.kind == "client" and one.parent_id == made.span_id]
    assert made.parent_id == server.span_id
    assert made.attributes["hedgerow.request_id"] == server.attributes["hedgerow.request_id"]
    (asked,) = [one for one in shop.requests(trace_id) if "embeddings" in one["path"]]
    assert asked["headers"]["traceparent"].split("-")[2] == attempt.span_id


@BOTH
def test_the_look_into_a_cache_has_a_span(shop: Traced, rpc: str) -> None:
    _, spans = call(shop, "kept", rpc, f"What is a hedgerow, asked with {rpc}?")
    (server,) = [one for one in spans if one.kind == "server"]
    looks = [one for one in spans if one.name.startswith("cache")]
    assert looks
    assert {(one.kind, one.parent_id) for one in looks} == {("internal", server.span_id)}
