"""A stream that breaks in its middle goes on with another candidate, for callers that have opted in."""

import pytest
from hedgerow_server.core.error import ContentRefused, ProviderUnavailable, StreamCut, StreamStalled
from hedgerow_server.core.event import Finished, RouteChanged, Started, TextDelta
from hedgerow_server.core.request import ChatSpec, RoutePolicy
from unit.hedgerow_server.routing.asking import (
    FAILED,
    FAILOVER,
    PRIMARY,
    REPLACED,
    RETRY,
    SUCCEEDED,
    Asking,
    asked,
    at,
    cut,
    refused,
    said,
)
from unit.hedgerow_server.routing.scripted import HANG_S, HI, Answer, chunk
from virtual import timed

CHANGES = RoutePolicy(allow_route_change=True)


@timed
async def test_the_answer_begins_anew_with_the_next_candidate() -> None:
    one = Asking(at(cut("par")), at(said("hello"), name="b"), policy=CHANGES)
    assert await one.answer() == "hello"
    assert one.events[:-1] == [
        Started("a", "gpt-2026", (), "r1"),
        TextDelta(0, "par"),
        RouteChanged("b", "gpt-2026", (), "r1"),
        TextDelta(0, "hello"),
    ]
    assert isinstance(one.events[-1], Finished)
    assert one.attempts == [("a", PRIMARY, REPLACED), ("b", FAILOVER, SUCCEEDED)]
    assert one.call.attempts[0].error_reason == "STREAM_CUT"


@timed
async def test_the_caller_is_charged_for_the_answer_that_counts() -> None:
    one = Asking(at(cut("par" * 100)), at(said("hello"), name="b"), policy=CHANGES)
    await one.answer()
    assert one.call.usage == one.call.attempts[1].usage
    assert one.call.attempts[0].usage is not None


@timed
async def test_a_stream_that_stalls_is_taken_over() -> None:
    stalls = at(Answer([chunk("par"), HANG_S]), idle_timeout_s=1.0)
    one = Asking(stalls, at(said("hello"), name="b"), policy=CHANGES)
    assert await one.answer() == "hello"
    assert one.call.attempts[0].error_reason == StreamStalled.reason


@timed
async def test_the_only_candidate_may_take_over_from_itself() -> None:
    one = Asking(at(cut("par"), said("hello")), policy=CHANGES)
    assert await one.answer() == "hello"
    assert one.attempts == [("a", PRIMARY, REPLACED), ("a", RETRY, SUCCEEDED)]


@timed
async def test_an_answer_may_be_replaced_more_than_once() -> None:
    one = Asking(at(cut("one")), at(cut("two"), name="b"), at(said("three"), name="c"), policy=CHANGES)
    assert await one.answer() == "three"
    assert [outcome for _, _, outcome in one.attempts] == [REPLACED, REPLACED, SUCCEEDED]
    assert [type(event) for event in one.events].count(RouteChanged) == 2


@timed
async def test_without_a_replacement_the_first_error_is_told() -> None:
    one = Asking(at(cut("par")), at(refused(503), name="b"), policy=CHANGES, max_attempts=2)
    assert isinstance(await one.failure(), StreamCut)
    assert one.attempts == [("a", PRIMARY, FAILED), ("b", FAILOVER, FAILED)]
    assert one.text == "par"
    assert one.call.usage == one.call.attempts[0].usage


@pytest.mark.parametrize("answer", [refused(400), refused(400, "content_filter")], ids=["request", "content"])
@timed
async def test_what_the_replacement_refuses_is_not_told_the_caller(answer: Answer) -> None:
    one = Asking(at(cut("par")), at(answer, name="b"), policy=CHANGES, max_attempts=2)
    assert isinstance(await one.failure(), StreamCut)


@timed
async def test_callers_that_have_not_opted_in_get_the_error() -> None:
    second = at(said("hello"), name="b")
    assert isinstance(await Asking(at(cut("par")), second).failure(), StreamCut)
    assert asked(second) == [0]


@timed
async def test_content_that_is_refused_in_the_middle_is_not_taken_elsewhere() -> None:
    refusal = b'data: {"error": {"message": "canary", "type": "x", "code": "content_filter", "status": 400}}\n\n'
    second = at(said("hello"), name="b")
    one = Asking(at(Answer([chunk("par"), refusal])), second, policy=CHANGES)
    assert isinstance(await one.failure(), ContentRefused)
    assert asked(second) == [0]


@timed
async def test_the_bound_on_attempts_holds_for_replacements() -> None:
    second = at(said("hello"), name="b")
    assert isinstance(await Asking(at(cut("par")), second, policy=CHANGES, max_attempts=1).failure(), StreamCut)
    assert asked(second) == [0]


@timed
async def test_the_change_tells_the_warnings_of_the_new_candidate() -> None:
    one = Asking(at(cut("par")), at(said("hello"), name="b"), policy=CHANGES)
    await one.answer(ChatSpec(model="fast", messages=HI.messages, top_k=5))
    changed = next(event for event in one.events if isinstance(event, RouteChanged))
    assert [warning.field for warning in changed.warnings] == ["chat.top_k"]
    assert [warning.field for warning in one.call.warnings] == ["chat.top_k"]


@timed
async def test_a_unary_call_needs_no_opting_in_and_tells_of_no_change() -> None:
    one = Asking(at(cut("par")), at(said("hello"), name="b"), policy=CHANGES)
    assert await one.answer(stream=False) == "hello"
    assert one.attempts[0] == ("a", PRIMARY, FAILED)
    assert not any(isinstance(event, RouteChanged) for event in one.events)


@timed
async def test_what_breaks_before_any_content_is_taken_over_without_a_change() -> None:
    one = Asking(at(refused(503)), at(said("hello"), name="b"), policy=CHANGES)
    assert await one.answer() == "hello"
    assert not any(isinstance(event, RouteChanged) for event in one.events)
    assert one.call.attempts[0].error_reason == ProviderUnavailable.reason
