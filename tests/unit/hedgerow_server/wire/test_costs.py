"""What a call costs, wherever the contract says it."""

from typing import Any

import pytest
from hedgerow.chat.v1 import chat_service_pb2
from hedgerow.common.v1 import attempt_pb2
from hedgerow.embed.v1 import embed_service_pb2
from hedgerow_server.core.event import (
    AttemptOutcome,
    AttemptRecord,
    Completed,
    EmbedCompleted,
    FinishReason,
    Started,
    Usage,
)
from hedgerow_server.wire.chat import ChatAnswer
from hedgerow_server.wire.chat_events import EventEncoder
from hedgerow_server.wire.embed import EmbedAnswer, EmbedEventEncoder
from hedgerow_server.wire.report import REPORT_BYTES, report, write_costs
from unit.hedgerow_server.calls import call
from unit.hedgerow_server.wire.test_report import record

SUCCEEDED, LOST, FAILED, REPLACED = (
    AttemptOutcome.SUCCEEDED,
    AttemptOutcome.HEDGE_LOST,
    AttemptOutcome.FAILED,
    AttemptOutcome.REPLACED,
)


def attempts(*costs: tuple[AttemptOutcome, int | None]) -> tuple[AttemptRecord, ...]:
    """Records that ended so and cost that much."""
    found = []
    for number, (outcome, cost) in enumerate(costs, 1):
        one = record(number, cost_picos=cost, price_version="" if cost is None else "v1")
        one.outcome = outcome
        found.append(one)
    return tuple(found)


def costs(message: Any) -> tuple[int | None, int | None, str]:
    """Cost, charge and version; None for what is unset."""
    cost = message.cost_picos if message.HasField("cost_picos") else None
    charged = message.charged_picos if message.HasField("charged_picos") else None
    return cost, charged, message.price_version


@pytest.mark.parametrize(
    ("records", "omitted", "expected"),
    [
        (attempts((SUCCEEDED, 7)), 0, (7, 7, "v1")),
        (attempts((SUCCEEDED, 0)), 0, (0, 0, "v1")),
        (attempts((FAILED, 0), (SUCCEEDED, 7)), 0, (7, 7, "v1")),
        (attempts((LOST, 3), (SUCCEEDED, 7)), 0, (10, 7, "v1")),
        (attempts((REPLACED, 5), (SUCCEEDED, 7)), 0, (12, 7, "v1")),
        (attempts((LOST, None), (SUCCEEDED, 7)), 0, (None, 7, "v1")),
        (attempts((FAILED, None), (SUCCEEDED, 7)), 0, (None, None, "v1")),
        (attempts((SUCCEEDED, None)), 0, (None, None, "")),
        (attempts((SUCCEEDED, 7)), 1, (None, None, "v1")),
        (attempts((FAILED, 1 << 62), (SUCCEEDED, 1 << 62)), 0, (None, None, "v1")),
        ((), 0, (None, None, "")),
    ],
)
def test_a_sum_is_said_where_all_of_it_is_known(
    records: tuple[AttemptRecord, ...], omitted: int, expected: tuple[int | None, int | None, str]
) -> None:
    message = attempt_pb2.CallReport()
    write_costs(message, records, omitted)
    assert costs(message) == expected


RECORDS = attempts((LOST, 3), (SUCCEEDED, 7))


def test_the_report_says_it() -> None:
    one = call()
    one.attempts, one.attempts_started = list(RECORDS), 2
    found = attempt_pb2.CallReport.FromString(report(one))
    assert costs(found) == (10, 7, "v1")
    assert [attempt.cost_picos for attempt in found.attempts] == [7, 3]


def test_a_report_of_attempts_that_are_no_longer_kept_says_no_sum() -> None:
    one = call()
    one.attempts, one.attempts_started = list(RECORDS), 40
    assert costs(attempt_pb2.CallReport.FromString(report(one))) == (None, None, "v1")


def test_a_report_with_costs_stays_within_its_size() -> None:
    one = call()
    one.attempts = [record(number, cost_picos=(1 << 57), price_version="v" * 40) for number in range(1, 32)]
    one.attempts_started = len(one.attempts)
    assert len(report(one)) <= REPORT_BYTES


def test_both_answers_of_a_chat_say_it() -> None:
    completed = Completed(FinishReason.STOP, "stop", Usage(), RECORDS)
    unary = ChatAnswer()
    for event in (Started("a", "m"), completed):
        unary.add(event)
    (streamed,) = EventEncoder().encode(completed)
    assert costs(chat_service_pb2.CompleteResponse.FromString(unary.encode())) == (10, 7, "v1")
    assert costs(chat_service_pb2.StreamCompleteResponse.FromString(streamed).completed) == (10, 7, "v1")


@pytest.mark.parametrize(("count", "expected"), [(2, (10, 7, "v1")), (3, (None, None, "v1"))])
def test_both_answers_of_embeddings_say_it(count: int, expected: tuple[int | None, int | None, str]) -> None:
    completed = EmbedCompleted(Usage(), RECORDS, attempts_count=count)
    (streamed,) = EmbedEventEncoder(lambda _: b"").encode(completed)
    assert costs(embed_service_pb2.StreamEmbedResponse.FromString(streamed).completed) == expected
    unary = EmbedAnswer()
    unary.add(completed)
    assert costs(embed_service_pb2.EmbedResponse.FromString(unary.encode())) == (10, 7, "v1")
