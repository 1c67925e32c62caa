"""What each class of failure means for the next attempt, where there is another candidate."""

import datetime as dt
from contextlib import aclosing

import msgspec
import pytest
from hedgerow_server.core.error import (
    ContentRefused,
    ContextTooLong,
    CredentialUnavailable,
    ProviderAuth,
    ProviderRejectedRequest,
    ProviderThrottled,
    ProviderUnavailable,
    RequestInvalid,
    StreamCut,
)
from hedgerow_server.core.event import Finished, Started, TextDelta, WarningCode
from hedgerow_server.core.model import ModelFacts
from hedgerow_server.core.request import ChatSpec, RoutePolicy
from hedgerow_server.providers.http.port import UnreachableError
from hedgerow_server.routing.affinity import Affinity
from hedgerow_server.routing.candidate import Candidate
from hedgerow_server.routing.execute import execute
from hedgerow_server.routing.plan import Sticky
from hedgerow_server.routing.state import States
from unit.hedgerow_server.calls import call
from unit.hedgerow_server.routing.asking import (
    FAILED,
    FAILOVER,
    PRIMARY,
    SUCCEEDED,
    Asking,
    Held,
    asked,
    at,
    cut,
    priced,
    refused,
    said,
    unable,
    wire,
)
from unit.hedgerow_server.routing.scripted import HI, JSON, USAGE, Answer, ScriptedTransport, chunk
from virtual import timed

UNREACHABLE = Answer(before=[UnreachableError("connection refused")])
DOWN = refused(503)
CONTEXT = refused(400, "context_length_exceeded")


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    "answer",
    [
        UNREACHABLE,
        DOWN,
        refused(429),
        refused(401),
        refused(402),
        refused(404),
        Answer([b"<html>"], headers={"content-type": "text/html"}),
        Answer([], headers=JSON),
    ],
    ids=["unreachable", "503", "429", "401", "402", "404", "no protocol", "empty"],
)
@timed
async def test_what_another_may_not_have_goes_to_the_next_candidate(answer: Answer, stream: bool) -> None:
    one = Asking(at(answer), at(said("hello"), name="b"))
    assert await one.answer(stream=stream) == "hello"
    assert one.attempts == [("a", PRIMARY, FAILED), ("b", FAILOVER, SUCCEEDED)]
    assert isinstance(one.events[0], Started)
    assert one.events[0].provider == "b"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (refused(400), ProviderRejectedRequest),
        (CONTEXT, ContextTooLong),
        (refused(400, "content_filter"), ContentRefused),
    ],
)
@timed
async def test_what_would_fail_anywhere_goes_back_to_the_caller_at_once(answer: Answer, kind: type[Exception]) -> None:
    first, second = at(answer), at(said("hello"), name="b")
    assert type(await Asking(first, second).failure()) is kind
    assert asked(first, second) == [1, 0]


@timed
async def test_the_last_failure_is_what_the_caller_sees_when_all_fail() -> None:
    one = Asking(at(refused(429)), at(UNREACHABLE, name="b"), max_attempts=2)
    assert isinstance(await one.failure(), ProviderUnavailable)
    assert one.attempts == [("a", PRIMARY, FAILED), ("b", FAILOVER, FAILED)]


@timed
async def test_a_fallback_that_rejects_what_the_first_may_have_taken_is_passed_over() -> None:
    one = Asking(at(DOWN), at(refused(400), name="b"), at(said("hello"), name="c"))
    assert await one.answer() == "hello"
    assert one.attempts == [("a", PRIMARY, FAILED), ("b", FAILOVER, FAILED), ("c", FAILOVER, SUCCEEDED)]


@pytest.mark.parametrize("answer", [refused(400), CONTEXT], ids=["rejected", "too long"])
@timed
async def test_the_first_error_is_kept_where_the_fallback_rejects(answer: Answer) -> None:
    first, second = at(DOWN), at(answer, name="b")
    error = await Asking(first, second, max_attempts=2).failure()
    assert isinstance(error, ProviderUnavailable)
    assert error.metadata["provider"] == "a"


@timed
async def test_a_fallback_that_has_rejected_is_not_asked_again() -> None:
    first, second = at(DOWN, DOWN), at(refused(400), name="b")
    assert isinstance(await Asking(first, second, max_attempts=8).failure(), ProviderUnavailable)
    assert asked(first, second) == [2, 1]


@timed
async def test_content_that_a_fallback_refuses_goes_back_at_once() -> None:
    third = at(said("hello"), name="c")
    one = Asking(at(DOWN), at(refused(400, "content_filter"), name="b"), third)
    assert isinstance(await one.failure(), ContentRefused)
    assert asked(third) == [0]


@timed
async def test_a_candidate_whose_dialect_cannot_take_the_request_is_no_attempt() -> None:
    one = Asking(unable(), at(said("hello"), name="b"))
    assert await one.answer() == "hello"
    assert one.attempts == [("b", PRIMARY, SUCCEEDED)]


@timed
async def test_the_first_reason_is_told_where_no_dialect_can_take_the_request() -> None:
    lacking = at(name="b", lease=Held(None))
    assert isinstance(await Asking(unable(), lacking).failure(), RequestInvalid)
    assert isinstance(await Asking(lacking, unable()).failure(), CredentialUnavailable)


@timed
async def test_a_request_that_only_the_resting_candidate_can_take_is_not_called_invalid() -> None:
    first = at(refused(429, retry_after="100"))
    await Asking(first).failure()
    assert isinstance(await Asking(first, unable("b")).failure(), ProviderThrottled)


def sized(one: Candidate, context_tokens: int | None) -> Candidate:
    """The candidate with a context of so many tokens."""
    return msgspec.structs.replace(one, facts=ModelFacts(context_tokens=context_tokens))


@timed
async def test_a_conversation_that_is_too_long_goes_to_a_larger_context_where_the_route_says_so() -> None:
    first, same = sized(at(CONTEXT), 8000), sized(at(name="b"), 8000)
    unknown, larger = at(name="c"), sized(at(said("hello"), name="d"), 200_000)
    one = Asking(first, same, unknown, larger, larger_context=True)
    assert await one.answer() == "hello"
    assert asked(first, same, unknown, larger) == [1, 0, 0, 1]


@timed
async def test_a_conversation_that_is_too_long_for_the_largest_goes_back() -> None:
    first, larger, smaller = sized(at(CONTEXT), 8000), sized(at(CONTEXT, name="b"), 16_000), sized(at(name="c"), 9000)
    assert isinstance(await Asking(first, larger, smaller, larger_context=True).failure(), ContextTooLong)
    assert asked(first, larger, smaller) == [1, 1, 0]


@timed
async def test_a_rate_limited_candidate_rests_for_as_long_as_it_asked_and_no_less() -> None:
    first, second = at(refused(429, retry_after="30")), at(said("x"), said("y"), name="b")
    await Asking(first, second).answer()
    assert first.state.resting_s() == pytest.approx(30)
    first.state.breaker.rest.cool_down(1000.0, 5)
    assert first.state.resting_s() == pytest.approx(30)
    one = Asking(first, second)
    assert await one.answer() == "y"
    assert one.attempts == [("b", PRIMARY, SUCCEEDED)]


@timed
async def test_a_refused_credential_is_set_aside_with_all_its_models_and_another_one_is_asked() -> None:
    states = States()
    first = at(refused(401), states=states)
    sibling = at(name="a", model="other", states=states)
    spare = msgspec.structs.replace(at(said("hello")), state=states.of("a", "spare", "gpt", "eu"))
    assert await Asking(first, sibling, spare).answer() == "hello"
    assert first.state.resting_s() > 0
    assert asked(first, sibling, spare) == [1, 0, 1]


@timed
async def test_a_call_for_which_every_credential_is_refused_says_so() -> None:
    first, second = at(refused(401)), at(refused(401), name="b")
    one = Asking(first, second)
    assert isinstance(await one.failure(), ProviderAuth)
    assert one.attempts == [("a", PRIMARY, FAILED), ("b", FAILOVER, FAILED)]


@timed
async def test_no_more_attempts_are_made_than_the_route_allows() -> None:
    candidates = [at(DOWN, DOWN, name=name) for name in "abcd"]
    await Asking(*candidates, max_attempts=3).failure()
    assert asked(*candidates) == [1, 1, 1, 0]


@pytest.mark.parametrize(("own", "most"), [(1, 1), (2, 2), (8, 3)])
@timed
async def test_the_caller_may_allow_fewer_attempts_but_not_more(own: int, most: int) -> None:
    candidates = [at(DOWN, DOWN, name=name) for name in "abcd"]
    one = Asking(*candidates, policy=RoutePolicy(max_attempts=own), max_attempts=3)
    await one.failure()
    assert sum(asked(*candidates)) == len(one.attempts) == most


@timed
async def test_a_stream_that_breaks_before_its_first_content_is_taken_over_unseen() -> None:
    one = Asking(at(Answer([chunk(), chunk()])), at(said("hello"), name="b"))
    assert await one.answer() == "hello"
    assert [event for event in one.events if isinstance(event, TextDelta)] == [TextDelta(0, "hello")]


@timed
async def test_a_stream_that_breaks_after_its_first_content_ends_the_call() -> None:
    second = at(said("hello"), name="b")
    one = Asking(at(cut("par")), second)
    assert isinstance(await one.failure(), StreamCut)
    assert (one.text, asked(second)) == ("par", [0])


@pytest.mark.parametrize("streams", [True, False])
@timed
async def test_a_unary_call_may_be_taken_over_until_its_end_and_shows_nothing_of_the_first(streams: bool) -> None:
    one = Asking(at(cut("par")), at(said("hello"), name="b"), streams=streams)
    assert await one.answer(stream=False) == "hello"
    first, second = one.call.attempts
    assert first.usage is not None
    assert (first.usage.output_tokens, first.usage.estimated) == (1, True)
    assert one.call.usage == second.usage
    assert second.usage is not None
    assert second.usage.output_tokens == USAGE["completion_tokens"]


@timed
async def test_each_attempt_is_recorded_with_its_own_cost_and_price() -> None:
    first, second = priced(at(cut("abcd" * 3)), 1000, 5000), priced(at(said("hello"), name="b"), 7, 11)
    one = Asking(first, second)
    await one.answer(stream=False)
    records = one.call.attempts
    assert [record.price_version for record in records] == ["v-a", "v-b"]
    assert records[0].usage is not None
    assert records[0].cost_picos == records[0].usage.input_tokens * 1000 + 3 * 5000
    assert records[1].cost_picos == USAGE["prompt_tokens"] * 7 + USAGE["completion_tokens"] * 11


@pytest.mark.parametrize("answer", [DOWN, refused(429), refused(401)], ids=["503", "429", "401"])
@timed
async def test_what_a_provider_has_refused_costs_nothing(answer: Answer) -> None:
    one = Asking(at(answer), priced(at(said("hello"), name="b"), 7, 11))
    await one.answer()
    assert [record.cost_picos for record in one.call.attempts] == [0, 7 * 7 + 2 * 11]


@timed
async def test_what_became_of_a_request_without_an_answer_is_unknown() -> None:
    one = Asking(priced(at(Answer([UnreachableError("connection reset")])), 7, 11), at(said("hello"), name="b"))
    await one.answer()
    assert one.call.attempts[0].cost_picos is None


@timed
async def test_only_the_warnings_of_the_candidate_that_answers_are_told() -> None:
    retiring = ModelFacts(retires=dt.datetime.now(dt.UTC).date())
    first = msgspec.structs.replace(at(DOWN), facts=retiring)
    one = Asking(first, at(said("hello"), name="b"))
    await one.answer(ChatSpec(model="fast", messages=HI.messages, top_k=5))
    assert isinstance(one.events[0], Started)
    assert [warning.code for warning in one.events[0].warnings] == [WarningCode.PARAMETER_IGNORED]
    assert tuple(one.call.warnings) == one.events[0].warnings


@timed
async def test_a_conversation_stays_with_whoever_answered_it_even_if_nobody_reads_past_the_end() -> None:
    affinity, first, second = Affinity(60.0), at(DOWN), at(said("hello"), name="b")
    plan = msgspec.structs.replace(Asking(first, second).plan, sticky=Sticky(affinity, ("", 1)))
    async with aclosing(execute(call(), plan, HI, stream=True)) as events:
        async for event in events:
            if isinstance(event, Finished):
                break
    assert affinity.find(("", 1), 1000.0) is second.state


@timed
async def test_a_conversation_does_not_stay_with_whoever_broke_off() -> None:
    affinity = Affinity(60.0)
    one = Asking(at(cut("par")))
    one.plan = msgspec.structs.replace(one.plan, sticky=Sticky(affinity, ("", 1)))
    await one.failure()
    assert affinity.find(("", 1), 0.0) is None


@timed
async def test_the_next_candidate_is_asked_for_the_same_model_of_its_own() -> None:
    second = at(said("hello"), name="b", model="other")
    await Asking(at(DOWN), second).answer()
    assert b'"model":"other"' in wire(second).requests[0].body.replace(b" ", b"")
    assert isinstance(wire(second), ScriptedTransport)
