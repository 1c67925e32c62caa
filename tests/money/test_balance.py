"""After calls of every kind the ledger equals the simulator's book, row by row."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from hedgerow.chat.v1.chat_service_pb2 import StreamCompleteResponse
from hedgerow.common.v1.policy_pb2 import RoutePolicy
from money.counter import SLOW, Counter, counter, ids
from rpc.caller import (
    COMPLETE,
    STREAM_COMPLETE,
    WAYS,
    Way,
    chat,
    embed,
    eventually,
    item,
    new_trace,
    options,
)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counter]:
    with counter(tmp_path_factory.mktemp("counter")) as running:
        yield running


BOTH = pytest.mark.parametrize("rpc", WAYS)


@BOTH
def test_a_plain_call_is_one_row_with_what_the_provider_billed(desk: Counter, rpc: Way) -> None:
    trace, outcome = desk.call(rpc, "fast")
    call, (attempt,) = desk.row(trace)
    assert outcome.code is grpc.StatusCode.OK
    assert (call.code, call.route, call.provider, call.model) == ("OK", "fast", "sim", "gpt-4o-mini")
    assert (attempt.kind, attempt.outcome, attempt.account, attempt.credential) == (
        "PRIMARY",
        "SUCCEEDED",
        "charged",
        "sim",
    )
    assert call.charged_picos == attempt.cost_picos == outcome.report.charged_picos > 0
    assert desk.balance() == []


@BOTH
@pytest.mark.parametrize("route", ["over", "over-down", "cut", "alone-cut", "limited"])
def test_failures_and_failover_balance(desk: Counter, rpc: Way, route: str) -> None:
    trace, outcome = desk.call(rpc, route)
    call, attempts = desk.row(trace)
    assert call.code == outcome.code.name
    assert len(attempts) == len(outcome.report.attempts)
    assert desk.balance() == []


@BOTH
def test_a_lost_race_is_on_the_routes_account(desk: Counter, rpc: Way) -> None:
    with ThreadPoolExecutor(8) as pool:
        # They save up for the second attempt, in calls and in money.
        list(pool.map(lambda _: desk.call(rpc, "hedged"), range(50)))
    desk.slow_down("racer", SLOW)
    trace, _ = desk.call(rpc, "hedged")
    desk.slow_down("racer")
    call, attempts = desk.row(trace)
    assert {one.outcome: one.account for one in attempts} == {"HEDGE_LOST": "overhead", "SUCCEEDED": "charged"}
    assert call.hedged
    assert call.overhead_picos > 0
    assert desk.balance() == []


def test_an_answer_that_was_replaced_is_on_the_routes_account(desk: Counter) -> None:
    trace, outcome = desk.call(STREAM_COMPLETE, "cut", route=RoutePolicy(allow_route_change=True))
    call, attempts = desk.row(trace)
    assert [(one.outcome, one.account) for one in attempts] == [("REPLACED", "overhead"), ("SUCCEEDED", "charged")]
    assert call.charged_picos == outcome.report.charged_picos == attempts[1].cost_picos
    assert desk.balance() == []


@pytest.mark.parametrize(
    ("route", "after"),
    [
        ("silent", "sent"),
        ("stall", "begun"),
        ("paced", "begun"),
        ("paced", "sent"),
        ("fast", "at once"),
    ],
)
def test_a_call_that_is_cancelled_in_any_phase_balances(desk: Counter, route: str, after: str) -> None:
    trace = new_trace()
    call = desk.caller.open(STREAM_COMPLETE, chat(route), StreamCompleteResponse.FromString, metadata=ids(trace))
    if after == "begun":
        next(event for event in call if event.HasField("text_delta"))
    elif after == "sent":
        eventually(lambda: any(one["headers"].get("traceparent") == trace for one in desk.entries()), "a request")
    call.cancel()
    if after != "at once":
        row, attempts = desk.row(trace)
        assert row.code == "CANCELLED"
        assert {one.outcome for one in attempts} <= {"CANCELLED", "HEDGE_LOST"}
    assert desk.balance() == []


def test_a_deadline_is_a_row(desk: Counter) -> None:
    trace, outcome = desk.call(COMPLETE, "silent", timeout=0.3)
    call, (attempt,) = desk.row(trace)
    assert call.code == outcome.code.name == "DEADLINE_EXCEEDED"
    assert (attempt.account, attempt.cost_picos) == ("unbilled", 0)
    assert desk.balance() == []


def test_an_answer_that_is_read_on_after_its_caller_left_is_counted_to_the_token(desk: Counter) -> None:
    trace = new_trace()
    call = desk.caller.open(STREAM_COMPLETE, chat("drained"), StreamCompleteResponse.FromString, metadata=ids(trace))
    next(event for event in call if event.HasField("text_delta"))
    call.cancel()
    desk.row(trace)
    eventually(lambda: not desk.row(trace)[1][0].estimated, "the provider's own count", 20)
    row, (attempt,) = desk.row(trace)
    assert (row.code, attempt.outcome, attempt.output_visible_tokens) == ("CANCELLED", "CANCELLED", 20)
    assert row.charged_picos == attempt.cost_picos
    assert row.charged_picos > 0
    assert desk.balance() == []


def test_the_batches_of_embeddings_are_the_attempts_of_one_call(desk: Counter) -> None:
    trace = new_trace()
    outcome = desk.caller.embed(embed("embed-tiny", *map(str, range(40))), metadata=ids(trace))
    assert outcome.code is grpc.StatusCode.OK
    call, attempts = desk.row(trace)
    assert (call.attempts, len({one.number for one in attempts})) == (len(attempts), len(attempts))
    assert call.input_uncached_tokens == sum(one.input_uncached_tokens for one in attempts) > 0
    assert desk.balance() == []


def test_a_stream_of_embeddings_with_more_batches_than_are_kept_adds_up(desk: Counter) -> None:
    trace = new_trace()
    count = 100
    call = desk.caller.open_embed(
        [options("embed-tiny"), *(item(str(number), "word " * 3) for number in range(count))], metadata=ids(trace)
    )
    assert sum(response.HasField("embedding") for response in call) == count
    row, attempts = desk.row(trace)
    assert row.attempts == len(attempts) >= 70
    assert row.charged_picos == sum(one.cost_picos or 0 for one in attempts)
    assert desk.balance() == []
