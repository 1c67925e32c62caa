"""Traces of a real router: one span of each call and each attempt, as parents and children, in OTLP."""

import json
import time
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from hedgerow.chat.v1.chat_service_pb2 import StreamCompleteResponse
from rpc.caller import COMPLETE, STREAM_COMPLETE, chat, embed, eventually, hello, new_trace
from telemetry.collector import Seen
from telemetry.pages import values as metric
from telemetry.traced import TENANT, TOKEN, Traced, traced

BOTH = pytest.mark.parametrize("rpc", [COMPLETE, STREAM_COMPLETE], ids=["unary", "stream"])
CANARY = "prompt-canary-5f2d"
MS = 0.001


@pytest.fixture(scope="module", name="shop")
def shop_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Traced]:
    """A router that records every call."""
    with traced(tmp_path_factory.mktemp("traces"), traces={"sample_ratio": 1.0}) as running:
        yield running


def apart(spans: list[Seen]) -> tuple[Seen, list[Seen]]:
    """The span of the call, and those of its attempts in their order."""
    (server,) = [one for one in spans if one.kind == "server"]
    return server, [one for one in spans if one.kind == "client"]


def line(shop: Traced, trace_id: str) -> dict[str, Any]:
    """What the log says of a call."""

    def found() -> dict[str, Any] | None:
        lines = [one for one in shop.router.log.read_text().splitlines() if f'"trace_id":"{trace_id}"' in one]
        return json.loads(lines[0]) if lines else None

    return eventually(found, "the line of the call")


@BOTH
def test_a_call_is_the_child_of_its_callers_span_and_its_attempt_the_child_of_the_call(shop: Traced, rpc: str) -> None:
    _, trace_id, parent_id, _ = (trace := new_trace()).split("-")
    outcome = shop.ask("fast", rpc=rpc, trace=trace)
    server, (attempt,) = apart(shop.collector.call(trace_id))
    assert (server.parent_id, attempt.parent_id) == (parent_id, server.span_id)
    assert len({parent_id, server.span_id, attempt.span_id}) == 3
    assert server.attributes["hedgerow.request_id"] == outcome.request_id
    assert server.start_s <= attempt.start_s <= attempt.end_s <= server.end_s + MS


@BOTH
def test_the_provider_is_told_the_span_of_its_attempt(shop: Traced, rpc: str) -> None:
    """Each of them its own: the one that failed, and the one that answered in its place."""
    trace_id = (trace := new_trace()).split("-")[1]
    shop.ask("failover", rpc=rpc, trace=trace)
    _, attempts = apart(shop.collector.call(trace_id))
    told = [one["headers"]["traceparent"].split("-")[2] for one in shop.requests(trace_id)]
    assert told == [one.span_id for one in attempts]
    assert len(set(told)) == 2


@BOTH
def test_the_spans_say_what_conventions_have_names_for(shop: Traced, rpc: str) -> None:
    trace_id = (trace := new_trace()).split("-")[1]
    usage = shop.ask("fast", rpc=rpc, trace=trace, max_output_tokens=500).report.usage
    server, (attempt,) = apart(shop.collector.call(trace_id))
    used = {"gen_ai.usage.input_tokens": usage.input_tokens, "gen_ai.usage.output_tokens": usage.output_tokens}
    assert server.name == rpc.lstrip("/")
    expected = {
        "rpc.system.name": "grpc",
        "rpc.method": rpc.lstrip("/"),
        "rpc.response.status_code": "OK",
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "fast",
        "gen_ai.request.max_tokens": 500,
        "gen_ai.response.finish_reasons": ["stop"],
        "hedgerow.tenant": TENANT,
        **used,
    }
    assert expected.items() <= server.attributes.items()
    host, port = shop.sim_url.removeprefix("http://").split(":")
    expected = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o-mini",
        "server.address": host,
        "server.port": int(port),
        "http.response.status_code": 200,
        "hedgerow.provider": "b",
        "hedgerow.attempt.kind": "primary",
        "hedgerow.attempt.outcome": "succeeded",
        **used,
    }
    assert attempt.name == "chat gpt-4o-mini"
    assert expected.items() <= attempt.attributes.items()
    assert attempt.resource["service.name"] == "hedgerow"


def test_an_attempt_tells_when_its_answer_began(shop: Traced) -> None:
    trace_id = (trace := new_trace()).split("-")[1]
    shop.ask("fast", trace=trace)
    _, (attempt,) = apart(shop.collector.call(trace_id))
    assert attempt.events == ["hedgerow.first_token"]
    first_s = attempt.message.events[0].time_unix_nano / 1e9 - attempt.start_s
    assert first_s == pytest.approx(attempt.attributes["gen_ai.response.time_to_first_chunk"], abs=MS)


def test_embeddings_have_spans_too(shop: Traced) -> None:
    trace_id = (trace := new_trace()).split("-")[1]
    shop.caller.embed(embed("vectors", "a"), metadata=[("traceparent", trace)])
    server, (attempt,) = apart(shop.collector.call(trace_id))
    assert (server.attributes["gen_ai.operation.name"], attempt.name) == (
        "embeddings",
        "embeddings text-embedding-3-small",
    )


@BOTH
def test_a_call_that_fails_tells_why_and_so_does_each_attempt(shop: Traced, rpc: str) -> None:
    trace_id = (trace := new_trace()).split("-")[1]
    outcome = shop.ask("refused", rpc=rpc, trace=trace)
    server, attempts = apart(shop.collector.call(trace_id))
    assert server.failed
    assert server.attributes["rpc.response.status_code"] == outcome.code.name == "UNAVAILABLE"
    assert server.attributes["error.type"] == outcome.reason
    assert [one.failed for one in attempts] == [True, True]
    assert {one.attributes["error.type"] for one in attempts} == {"PROVIDER_UNAVAILABLE"}


def test_what_the_caller_did_wrong_is_no_error_of_the_server(shop: Traced) -> None:
    """As the conventions for gRPC have it: the code is there, the status of the span is not set."""
    trace_id = (trace := new_trace()).split("-")[1]
    shop.ask("no-such-model", trace=trace)
    server, attempts = apart(shop.collector.call(trace_id))
    assert (server.attributes["rpc.response.status_code"], server.failed, attempts) == ("NOT_FOUND", False, [])


def test_a_caller_that_leaves_has_a_span_of_its_call_and_of_the_attempt_that_was_cancelled(shop: Traced) -> None:
    trace_id = (trace := new_trace()).split("-")[1]
    call = shop.caller.open(
        STREAM_COMPLETE, chat("slow"), StreamCompleteResponse.FromString, metadata=[("traceparent", trace)]
    )
    next(call)
    call.cancel()
    server, (attempt,) = apart(shop.collector.call(trace_id))
    assert server.attributes["rpc.response.status_code"] == "CANCELLED"
    assert attempt.attributes["hedgerow.attempt.outcome"] == "cancelled"
    assert not attempt.failed


def ends(attempts: list[Seen]) -> list[tuple[str, str]]:
    """Why each was made and how it ended."""
    return [(one.attributes["hedgerow.attempt.kind"], one.attributes["hedgerow.attempt.outcome"]) for one in attempts]


@BOTH
def test_the_attempt_that_lost_a_race_has_a_span_too(shop: Traced, rpc: str) -> None:
    """Beside the one that won."""
    trace_id, _ = shop.outrun(rpc)
    server, attempts = apart(shop.collector.call(trace_id))
    assert ends(attempts) == [("primary", "hedge_lost"), ("hedge", "succeeded")]
    assert [one.failed for one in (server, *attempts)] == [False] * 3
    assert attempts[0].start_s < attempts[1].start_s < attempts[0].end_s


@BOTH
def test_a_hedged_failed_over_call_has_a_span_of_each_attempt(shop: Traced, rpc: str) -> None:
    """Two that ran side by side and failed, and the one that answered; each provider was told its own."""
    trace_id, outcome = shop.failed_over(rpc)
    assert outcome.code is grpc.StatusCode.OK
    server, attempts = apart(shop.collector.call(trace_id))
    assert ends(attempts) == [("primary", "failed"), ("hedge", "failed"), ("failover", "succeeded")]
    assert {one.parent_id for one in attempts} == {server.span_id}
    sent = [one["headers"]["traceparent"].split("-")[2] for one in shop.requests(trace_id)]
    assert sorted(sent) == sorted(one.span_id for one in attempts)
    assert attempts[1].attributes["hedgerow.hedge.delay_s"] > 0
    assert not server.failed


@pytest.mark.parametrize("what", ["fast", "failover", "refused", "outrun", "failed_over"])
@BOTH
def test_the_parts_of_a_calls_time_add_up_to_all_of_it(shop: Traced, rpc: str, what: str) -> None:
    """In its line and in its span; what providers took is what the attempts' spans cover together."""
    if what in ("outrun", "failed_over"):
        trace_id, _ = getattr(shop, what)(rpc)
    else:
        trace_id = (trace := new_trace()).split("-")[1]
        shop.ask(what, rpc=rpc, trace=trace)
    spans = shop.collector.call(trace_id)
    server, attempts = apart(spans)
    told = line(shop, trace_id)
    parts = ("auth", "queue", "guards", "cache", "upstream", "overhead")
    assert sum(told.get(f"{one}_ms", 0.0) for one in parts) == pytest.approx(told["duration_ms"], abs=1)
    total_s = server.end_s - server.start_s
    assert sum(server.attributes[f"hedgerow.{one}_s"] for one in parts) == pytest.approx(total_s, abs=MS)
    covered_s, until_s = 0.0, 0.0
    for one in attempts:
        covered_s += max(0.0, one.end_s - max(one.start_s, until_s))
        until_s = max(until_s, one.end_s)
    assert server.attributes["hedgerow.upstream_s"] == pytest.approx(covered_s, abs=MS)
    assert covered_s <= total_s + MS


def test_the_line_of_a_call_names_its_trace_and_its_span(shop: Traced) -> None:
    trace_id = (trace := new_trace()).split("-")[1]
    shop.ask("fast", trace=trace)
    server, _ = apart(shop.collector.call(trace_id))
    assert line(shop, trace_id)["span_id"] == server.span_id


def test_a_call_without_a_trace_begins_one(shop: Traced) -> None:
    request_id = shop.ask("fast").request_id

    def mine() -> list[Seen]:
        return [one for one in shop.collector.spans if one.attributes.get("hedgerow.request_id") == request_id]

    (server,) = eventually(mine, "the span of the call")
    assert server.parent_id == ""
    (attempt,) = apart(shop.collector.of(server.trace_id))[1]
    assert shop.requests(server.trace_id)[0]["headers"]["traceparent"].split("-")[2] == attempt.span_id


def test_a_trace_that_its_caller_does_not_record_goes_on_unchanged_and_is_not_recorded(shop: Traced) -> None:
    """Parent-based, whatever the ratio is. A later call's spans have come by then: they are sent in order."""
    trace = new_trace()[:-1] + "0"
    shop.ask("fast", trace=trace)
    (request,) = shop.requests(trace_id := trace.split("-")[1])
    assert request["headers"]["traceparent"] == trace
    later = new_trace()
    shop.ask("fast", trace=later)
    shop.collector.call(later.split("-")[1])
    assert shop.collector.of(trace_id) == []
    assert "span_id" not in line(shop, trace_id)


def test_the_callers_state_goes_with_the_span_of_the_attempt(shop: Traced) -> None:
    trace_id = (trace := new_trace()).split("-")[1]
    shop.caller.ask(STREAM_COMPLETE, chat("fast"), metadata=[("traceparent", trace), ("tracestate", "rojo=1,congo=2")])
    (request,) = shop.requests(trace_id)
    assert request["headers"]["tracestate"] == "rojo=1,congo=2"
    server, (attempt,) = apart(shop.collector.call(trace_id))
    assert server.message.trace_state == attempt.message.trace_state == "rojo=1,congo=2"


def test_neither_prompts_nor_answers_nor_secrets_are_recorded(shop: Traced) -> None:
    """Nor is the collector's own secret, which stands in the headers alone."""
    trace_id = (trace := new_trace()).split("-")[1]
    outcome = shop.ask("fast", trace=trace, messages=[hello(CANARY)])
    spans = shop.collector.call(trace_id)
    said = b"".join(one.message.SerializeToString() for one in spans)
    answer = "".join(one.text_delta.text for one in outcome.messages).encode()
    assert answer
    for secret in (CANARY.encode(), answer, TOKEN.encode()):
        assert secret not in said
    assert shop.collector.headers[-1]["x-collector-token"] == TOKEN
    assert TOKEN not in shop.router.log.read_text()


def test_a_tenant_may_want_its_content_recorded_within_bounds_and_for_how_long(shop: Traced) -> None:
    """From a reload on, and no longer than that."""
    content = [{"tenant": TENANT, "max_bytes": 60, "retention_days": 3}]
    shop.reload(traces={"sample_ratio": 1.0, "content": content})
    try:
        trace_id = (trace := new_trace()).split("-")[1]
        outcome = shop.ask("fast", trace=trace, messages=[hello(CANARY), hello("x" * 100)])
        server, _ = apart(shop.collector.call(trace_id))
    finally:
        shop.reload(traces={"sample_ratio": 1.0})
    said = server.attributes
    first, second = json.loads(said["gen_ai.input.messages"])
    assert first == {"role": "user", "parts": [{"type": "text", "content": CANARY}]}
    assert second["parts"][0]["content"].startswith("x" * 10)
    assert len(second["parts"][0]["content"]) < 60
    (answer,) = json.loads(said["gen_ai.output.messages"])
    whole = "".join(one.text_delta.text for one in outcome.messages)
    assert whole.startswith(answer["parts"][0]["content"].removesuffix("[…]"))
    assert answer["finish_reason"] == "stop"
    assert (said["hedgerow.content.cut"], said["hedgerow.content.retention_days"]) == (True, 3)
    assert said["hedgerow.content.delete_after"] > time.strftime("%Y-%m-%dT", time.gmtime(time.time() + 2 * 86_400))


def test_how_many_spans_arrived_is_counted(shop: Traced) -> None:
    trace = new_trace()
    shop.ask("fast", trace=trace)
    shop.collector.call(trace.split("-")[1])
    eventually(
        lambda: metric(shop.router, "hedgerow_spans_exported_total").get((), 0) == len(shop.collector.spans),
        "all of them are counted",
    )
    assert {why for (why,) in metric(shop.router, "hedgerow_spans_dropped_total", "why")} <= {"rate"}


def test_no_more_spans_are_recorded_than_the_configuration_allows(shop: Traced) -> None:
    """Whatever callers ask for: then their own span is the provider's parent, as without traces."""
    shop.reload(traces={"sample_ratio": 1.0, "max_spans_per_second": 0.001})
    try:
        traces = [new_trace() for _ in range(3)]
        for trace in traces:
            shop.ask("fast", trace=trace)
    finally:
        shop.reload(traces={"sample_ratio": 1.0})
    told = [shop.requests(trace.split("-")[1])[0]["headers"]["traceparent"] for trace in traces]
    assert told[-1] == traces[-1]
    assert metric(shop.router, "hedgerow_spans_dropped_total", "why")[("rate",)] >= 1
