"""One upstream request: what the caller sees of it, how it is timed, and what its record says."""

import asyncio
import json
import time
from contextlib import aclosing

import pytest
from hedgerow_server.core.call import Call
from hedgerow_server.core.error import (
    CredentialUnavailable,
    FirstTokenTimeout,
    HedgerowError,
    ParameterUnsupported,
    ProviderAuth,
    ProviderThrottled,
    ProviderUnavailable,
    RequestInvalid,
    StreamCut,
    StreamStalled,
    UpstreamProtocol,
)
from hedgerow_server.core.event import (
    AttemptKind,
    AttemptOutcome,
    AttemptRecord,
    Event,
    Finished,
    FinishReason,
    Started,
    TextDelta,
    Warning,
    WarningCode,
)
from hedgerow_server.core.request import ChatSpec, RoutePolicy
from hedgerow_server.core.secret import Secret
from hedgerow_server.providers.http.port import UnreachableError
from hedgerow_server.routing.execute import execute
from hedgerow_server.routing.plan import Plan
from hedgerow_server.wire.report import report
from unit.hedgerow_server.calls import call
from unit.hedgerow_server.routing.asking import Held
from unit.hedgerow_server.routing.scripted import (
    DONE,
    HANG_S,
    HI,
    JSON,
    KEEP_ALIVE,
    SSE,
    USAGE,
    Answer,
    ScriptedTransport,
    Step,
    chunk,
    document,
    plan,
    usage_chunk,
)

WHOLE = Answer([chunk("he"), chunk("llo"), chunk(finish="stop"), usage_chunk(), DONE])
TOP_K = ChatSpec(model="fast", messages=HI.messages, top_k=5)
SHORT_S = 0.05
"""A limit that is meant to be reached."""
LONG_S = 0.4
"""A limit that is not meant to be reached, far above what a busy machine adds."""
KEPT_ALIVE: tuple[Step, ...] = (SHORT_S / 4, KEEP_ALIVE)


async def events(
    one: Call, of: Plan, spec: ChatSpec = HI, *, stream: bool = True, into: list[Event] | None = None
) -> list[Event]:
    """All events of a call; `into` keeps those that came before a failure."""
    found = [] if into is None else into
    async with aclosing(execute(one, of, spec, stream=stream)) as answer:
        async for event in answer:
            found += [event]
    return found


async def failure(one: Call, of: Plan, spec: ChatSpec = HI, *, stream: bool = True) -> HedgerowError:
    """The error that a call ends with."""
    with pytest.raises(HedgerowError) as caught:
        await events(one, of, spec, stream=stream)
    return caught.value


def record_of(one: Call) -> AttemptRecord:
    """The one record of a call."""
    (record,) = one.attempts
    assert one.attempts_started == 1
    return record


async def test_a_stream_begins_with_who_answers_and_ends_with_why_it_stopped() -> None:
    found = await events(call(), plan(ScriptedTransport(WHOLE)))
    assert found[0] == Started("sim", "gpt-2026", (), "r1")
    assert "".join(event.text for event in found if isinstance(event, TextDelta)) == "hello"
    assert isinstance(found[-1], Finished)
    assert [type(event) for event in found].count(Started) == 1


async def test_a_document_gives_the_same_events_as_a_stream() -> None:
    transport = ScriptedTransport(Answer([document("hello")], headers=JSON))
    found = await events(call(), plan(transport), stream=False)
    assert found[:2] == [Started("sim", "gpt-2026", (), "r1"), TextDelta(0, "hello")]
    assert isinstance(found[-1], Finished)


async def test_what_is_sent_is_the_dialects_request_with_credential_and_trace() -> None:
    transport = ScriptedTransport(WHOLE)
    one = call()
    one.trace = (("traceparent", "00-x"),)
    await events(one, plan(transport, lease=Held(Secret("sk-1"))))
    (request,) = transport.requests
    assert request.headers["authorization"] == "Bearer sk-1"
    assert json.loads(request.body)["model"] == "gpt"
    assert json.loads(request.body)["stream"] is True
    assert transport.extra_headers == [(("traceparent", "00-x"),)]


async def test_without_a_credential_nothing_is_sent_or_recorded() -> None:
    transport = ScriptedTransport()
    one = call()
    assert isinstance(await failure(one, plan(transport, lease=Held(None))), CredentialUnavailable)
    assert (transport.requests, one.attempts, one.attempts_started) == ([], [], 0)


async def test_a_request_that_the_dialect_refuses_is_not_sent_or_recorded() -> None:
    transport = ScriptedTransport()
    one = call()
    spec = ChatSpec(model="fast", messages=HI.messages, provider_options={"sim": '{"stream": false}'})
    assert isinstance(await failure(one, plan(transport), spec), RequestInvalid)
    assert (transport.requests, one.attempts_started) == ([], 0)


async def test_the_record_of_a_success_is_whole() -> None:
    one = call()
    before = time.time()
    answer = Answer([0.02, *WHOLE.body], headers={**SSE, "X-Request-Id": "up-7"})
    await events(one, plan(ScriptedTransport(answer)))
    record = record_of(one)
    assert (record.number, record.provider, record.model, record.region) == (1, "sim", "gpt", "eu")
    assert (record.kind, record.outcome, record.error_reason) == (AttemptKind.PRIMARY, AttemptOutcome.SUCCEEDED, "")
    assert (record.upstream_status, record.upstream_request_id) == (200, "up-7")
    assert before - 1 < record.start_unix_s < time.time() + 1
    assert record.first_token_s is not None
    assert 0.02 <= record.first_token_s <= record.total_s < 10
    assert record.usage is not None
    assert (record.usage.input_tokens, record.usage.output_tokens) == (7, 2)
    assert (record.usage.estimated, record.usage.final) == (False, True)
    assert one.usage == record.usage


async def test_a_provider_without_usage_gets_an_estimate_that_is_final() -> None:
    one = call()
    await events(one, plan(ScriptedTransport(Answer([chunk("x" * 41), chunk(finish="stop"), DONE]))))
    usage = record_of(one).usage
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens) == (14, 11)
    assert (usage.estimated, usage.final) == (True, True)


async def test_a_cut_stream_keeps_what_came_and_estimates_its_usage() -> None:
    one = call()
    found: list[Event] = []
    with pytest.raises(StreamCut):
        await events(one, plan(ScriptedTransport(Answer([chunk("hello")]))), into=found)
    assert found[-1] == TextDelta(0, "hello")
    record = record_of(one)
    assert (record.outcome, record.error_reason) == (AttemptOutcome.FAILED, "STREAM_CUT")
    assert record.usage is not None
    assert (record.usage.output_tokens, record.usage.estimated, record.usage.final) == (2, True, False)
    assert one.usage == record.usage


async def test_a_stream_that_ends_with_done_but_no_reason_is_cut() -> None:
    assert isinstance(await failure(call(), plan(ScriptedTransport(Answer([chunk("a"), DONE])))), StreamCut)


async def test_an_attempt_that_failed_before_any_content_has_no_usage() -> None:
    one = call()
    await failure(one, plan(ScriptedTransport(Answer(before=[UnreachableError("connection refused")]))))
    record = record_of(one)
    assert (record.outcome, record.error_reason) == (AttemptOutcome.FAILED, "PROVIDER_UNAVAILABLE")
    assert (record.usage, record.first_token_s, record.upstream_status, one.usage) == (None, None, 0, None)
    assert record.total_s > 0


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(before=[UnreachableError("connection refused")]), ProviderUnavailable),
        (Answer([UnreachableError("connection reset")]), ProviderUnavailable),
        (Answer([KEEP_ALIVE, UnreachableError("connection reset")]), ProviderUnavailable),
        (Answer([chunk("a"), UnreachableError("connection reset")]), StreamCut),
    ],
)
async def test_a_broken_connection_is_unavailable_before_the_first_content_and_a_cut_after_it(
    answer: Answer, kind: type[HedgerowError]
) -> None:
    error = await failure(call(), plan(ScriptedTransport(answer)))
    assert type(error) is kind
    assert error.metadata["provider"] == "sim"


async def test_a_document_that_breaks_off_is_unavailable() -> None:
    transport = ScriptedTransport(Answer([document()[:20], UnreachableError("connection reset")], headers=JSON))
    assert isinstance(await failure(call(), plan(transport), stream=False), ProviderUnavailable)


async def test_html_is_not_the_protocol() -> None:
    transport = ScriptedTransport(Answer([b"<html>"], headers={"content-type": "text/html; charset=utf-8"}))
    one = call()
    assert isinstance(await failure(one, plan(transport)), UpstreamProtocol)
    assert transport.responses[0].releases == [False]
    assert record_of(one).upstream_status == 200


@pytest.mark.parametrize(
    ("status", "kind"), [(401, ProviderAuth), (429, ProviderThrottled), (500, ProviderUnavailable)]
)
async def test_a_status_is_classified_by_the_dialect(status: int, kind: type[HedgerowError]) -> None:
    body = json.dumps({"error": {"message": "canary", "type": "x", "code": None}}).encode()
    transport = ScriptedTransport(Answer([body[:5], body[5:]], status, {**JSON, "x-request-id": "up-7"}))
    one = call()
    error = await failure(one, plan(transport))
    assert type(error) is kind
    assert "canary" not in str(error)
    record = record_of(one)
    assert (record.outcome, record.upstream_status, record.upstream_request_id) == (
        AttemptOutcome.FAILED,
        status,
        "up-7",
    )
    assert record.error_reason == kind.reason
    assert transport.responses[0].releases


async def test_an_error_body_without_end_is_read_to_a_limit() -> None:
    transport = ScriptedTransport(Answer([b"x" * 1024] * 1000, 500, JSON))
    await failure(call(), plan(transport))
    assert transport.responses[0].reads <= 65
    assert transport.responses[0].releases


async def test_an_error_body_that_breaks_off_still_tells_by_its_status() -> None:
    transport = ScriptedTransport(Answer([b"{", UnreachableError("connection reset")], 429, JSON))
    assert isinstance(await failure(call(), plan(transport)), ProviderThrottled)


async def test_a_retry_after_is_handed_on() -> None:
    transport = ScriptedTransport(Answer([b"{}"], 429, {**JSON, "Retry-After": "7"}))
    assert (await failure(call(), plan(transport))).retry_delay_s == 7


@pytest.mark.parametrize(
    "answer",
    [
        Answer(before=[HANG_S]),
        Answer([HANG_S]),
        Answer([*(step for _ in range(20) for step in KEPT_ALIVE), HANG_S]),
        Answer([HANG_S], headers=JSON),
    ],
    ids=["no headers", "no body", "keep-alives only", "no document"],
)
async def test_the_first_token_clock_stops_a_provider_that_says_nothing(answer: Answer) -> None:
    started = time.monotonic()
    one = call()
    error = await failure(one, plan(ScriptedTransport(answer), first_token_timeout_s=SHORT_S))
    assert isinstance(error, FirstTokenTimeout)
    assert error.metadata == {"provider": "sim", "model": "gpt", "limitSeconds": "0.05"}
    assert SHORT_S <= time.monotonic() - started < 5
    assert record_of(one).error_reason == "FIRST_TOKEN_TIMEOUT"


async def test_the_first_token_clock_stops_with_the_first_token() -> None:
    answer = Answer([chunk("a"), LONG_S * 1.5, *WHOLE.body])
    assert await events(call(), plan(ScriptedTransport(answer), first_token_timeout_s=LONG_S))


async def test_the_idle_clock_stops_a_stream_that_pauses() -> None:
    one = call()
    transport = ScriptedTransport(Answer([chunk("a"), HANG_S]))
    error = await failure(one, plan(transport, idle_timeout_s=SHORT_S))
    assert isinstance(error, StreamStalled)
    assert error.metadata == {"provider": "sim", "model": "gpt", "limitSeconds": "0.05"}
    assert transport.responses[0].releases == [False]
    assert record_of(one).usage is not None


async def test_the_idle_clock_starts_anew_with_each_piece_of_content() -> None:
    pieces: list[Step] = [piece for _ in range(6) for piece in (chunk("a"), LONG_S / 5)]
    assert await events(call(), plan(ScriptedTransport(Answer([*pieces, *WHOLE.body])), idle_timeout_s=LONG_S))


async def test_keep_alives_are_no_content_for_the_idle_clock() -> None:
    pauses: list[Step] = [step for _ in range(40) for step in KEPT_ALIVE]
    answer = Answer([chunk("a"), *pauses, *WHOLE.body])
    assert isinstance(await failure(call(), plan(ScriptedTransport(answer), idle_timeout_s=SHORT_S)), StreamStalled)


async def test_the_idle_clock_does_not_count_while_the_caller_does_not_read() -> None:
    answer = Answer([chunk("a"), *WHOLE.body])
    async with aclosing(
        execute(call(), plan(ScriptedTransport(answer), idle_timeout_s=SHORT_S), HI, stream=True)
    ) as one:
        found = []
        async for event in one:
            found += [event]
            await asyncio.sleep(SHORT_S * 1.5)
    assert isinstance(found[-1], Finished)


async def test_the_idle_clock_does_not_count_before_the_first_content() -> None:
    answer = Answer([LONG_S * 1.5, *WHOLE.body])
    assert await events(call(), plan(ScriptedTransport(answer), idle_timeout_s=LONG_S))


@pytest.mark.parametrize(
    ("policy", "kind"),
    [
        (RoutePolicy(first_token_timeout_s=SHORT_S), FirstTokenTimeout),
        (RoutePolicy(idle_timeout_s=SHORT_S), StreamStalled),
    ],
)
async def test_the_callers_clocks_take_the_place_of_the_providers(
    policy: RoutePolicy, kind: type[HedgerowError]
) -> None:
    body: list[Step] = [HANG_S] if kind is FirstTokenTimeout else [chunk("a"), HANG_S]
    of = plan(ScriptedTransport(Answer(body)), policy, first_token_timeout_s=HANG_S, idle_timeout_s=HANG_S)
    assert isinstance(await failure(call(), of), kind)


async def cancelled(transport: ScriptedTransport, one: Call, *, reading: bool = True) -> None:
    """Cancels a call once its answer is being read, or its request sent."""
    running = asyncio.create_task(events(one, plan(transport)))
    await asyncio.wait_for((transport.reading if reading else transport.asked).wait(), 5)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


@pytest.mark.parametrize("body", [[HANG_S], [chunk("a"), HANG_S]], ids=["before the first token", "in the middle"])
async def test_a_caller_that_leaves_releases_the_answer_unfinished(body: list[bytes | float]) -> None:
    transport, one = ScriptedTransport(Answer(body)), call()
    await cancelled(transport, one)
    assert transport.responses[0].releases == [False]
    assert record_of(one).outcome is AttemptOutcome.CANCELLED


async def test_a_caller_that_leaves_before_the_headers_leaves_a_record() -> None:
    one = call()
    await cancelled(ScriptedTransport(Answer(before=[HANG_S])), one, reading=False)
    record = record_of(one)
    assert (record.outcome, record.usage) == (AttemptOutcome.CANCELLED, None)
    assert record.total_s > 0


async def test_a_caller_that_leaves_while_an_error_is_read_releases_the_answer() -> None:
    transport = ScriptedTransport(Answer([b"{", HANG_S], 500, JSON))
    await cancelled(transport, call())
    assert transport.responses[0].releases


async def test_a_reader_that_stops_releases_the_answer_unfinished() -> None:
    transport, one = ScriptedTransport(Answer([chunk("a"), chunk("b"), HANG_S])), call()
    async with aclosing(execute(one, plan(transport), HI, stream=True)) as answer:
        await anext(answer)
    assert transport.responses[0].releases == [False]
    assert record_of(one).outcome is AttemptOutcome.CANCELLED


async def test_a_whole_answer_is_released_as_finished() -> None:
    transport = ScriptedTransport(WHOLE)
    await events(call(), plan(transport))
    assert transport.responses[0].releases == [True]


async def test_nothing_is_read_after_the_providers_last_word() -> None:
    transport = ScriptedTransport(Answer([*WHOLE.body, HANG_S]))
    await asyncio.wait_for(events(call(), plan(transport)), 5)


async def test_a_stream_shows_nothing_before_its_first_content() -> None:
    transport = ScriptedTransport(Answer([chunk(), KEEP_ALIVE, chunk(), LONG_S, chunk("a"), HANG_S]))
    async with aclosing(execute(call(), plan(transport), HI, stream=True)) as answer:
        first = asyncio.ensure_future(anext(answer))
        done, _ = await asyncio.wait({first}, timeout=LONG_S / 8)
        assert not done
        assert isinstance(await first, Started)
        assert await anext(answer) == TextDelta(0, "a")


async def test_a_unary_call_shows_nothing_before_its_end() -> None:
    """Also where the provider streams though it was not asked to."""
    found: list[Event] = []
    with pytest.raises(StreamCut):
        await events(call(), plan(ScriptedTransport(Answer([chunk("a")]))), stream=False, into=found)
    assert found == []


async def test_what_arrives_together_goes_out_together() -> None:
    transport = ScriptedTransport(Answer([chunk("a") + chunk("b") + chunk("c"), chunk("d"), *WHOLE.body[2:]]))
    found = await events(call(), plan(transport))
    assert [event for event in found if isinstance(event, TextDelta)] == [TextDelta(0, "abc"), TextDelta(0, "d")]


async def test_all_warnings_stand_in_started() -> None:
    one = call()
    clamped = Warning(WarningCode.DEADLINE_CLAMPED, "", "shorter")
    one.warnings.append(clamped)
    found = await events(one, plan(ScriptedTransport(WHOLE)), TOP_K)
    assert isinstance(found[0], Started)
    assert found[0].warnings[0] == clamped
    assert [warning.field for warning in found[0].warnings] == ["", "chat.top_k"]


async def test_a_unary_answer_has_the_warnings_of_its_end_as_well() -> None:
    choices = [
        {"index": index, "message": {"role": "assistant", "content": "a"}, "finish_reason": "stop"} for index in (0, 1)
    ]
    transport = ScriptedTransport(Answer([document(choices=choices)], headers=JSON))
    found = await events(call(), plan(transport), stream=False)
    assert isinstance(found[0], Started)
    assert [warning.code for warning in found[0].warnings] == [WarningCode.CHOICES_DROPPED]


async def test_a_parameter_that_is_required_is_refused_before_anything_is_sent() -> None:
    transport = ScriptedTransport()
    error = await failure(call(), plan(transport, RoutePolicy(require_parameters=True)), TOP_K)
    assert isinstance(error, ParameterUnsupported)
    assert (error.subject, error.metadata) == ("chat.top_k", {"field": "chat.top_k", "provider": "sim"})
    assert transport.requests == []


async def test_bytes_of_an_upstream_id_that_are_no_text_do_not_break_the_report() -> None:
    """Lone surrogates, as aiohttp decodes them; protobuf does not take them."""
    one = call()
    answer = Answer(WHOLE.body, headers={**SSE, "x-request-id": "up-\udcff"})
    await events(one, plan(ScriptedTransport(answer)))
    assert record_of(one).upstream_request_id.startswith("up-")
    assert report(one)


@pytest.mark.parametrize("shown", ["Bearer sk-0123456789", "sk-0123456789", "x-sk-0123456789-x", "an id"])
async def test_an_upstream_id_that_is_none_or_has_our_key_in_it_is_not_told(shown: str) -> None:
    """Providers, or what stands before them, may answer with what they were sent."""
    one = call()
    answer = Answer(WHOLE.body, headers={**SSE, "x-request-id": shown})
    await events(one, plan(ScriptedTransport(answer), lease=Held(Secret("sk-0123456789"))))
    assert record_of(one).upstream_request_id == ""


async def test_a_second_call_counts_its_own_attempts() -> None:
    transport = ScriptedTransport(WHOLE, WHOLE)
    one = call()
    await events(one, plan(transport))
    await events(one, plan(transport))
    assert [record.number for record in one.attempts] == [1, 2]
    assert one.attempts_started == 2


async def test_a_provider_that_fails_in_the_middle_has_cut_its_answer() -> None:
    broken = b'data: {"error": {"message": "canary", "type": "server_error"}}\n\n'
    error = await failure(call(), plan(ScriptedTransport(Answer([chunk("a"), broken]))))
    assert isinstance(error, StreamCut)
    assert "canary" not in str(error)


async def test_a_finish_reason_is_read_from_the_providers_word() -> None:
    found = await events(
        call(), plan(ScriptedTransport(Answer([chunk("a"), chunk(finish="length", usage=USAGE), DONE])))
    )
    assert isinstance(found[-1], Finished)
    assert (found[-1].reason, found[-1].native_reason) == (FinishReason.LENGTH, "length")
