"""Hedging: a second attempt beside a slow first one."""

import asyncio
import time

import msgspec
import pytest
from hedgerow_server.core.error import ProviderRejectedRequest, ProviderUnavailable
from hedgerow_server.core.event import AttemptKind
from hedgerow_server.core.request import NO_POLICY, ChatSpec, EmbedSpec, ProviderTool, RoutePolicy
from hedgerow_server.providers.http.port import UnreachableError
from hedgerow_server.routing.candidate import Candidate
from hedgerow_server.routing.hedge import HedgePolicy, Hedging
from hedgerow_server.routing.hedges import HedgeBudgets, Hedges
from unit.hedgerow_server.routing.asking import (
    CANCELLED,
    FAILED,
    FAILOVER,
    HEDGE,
    HEDGE_LOST,
    PRIMARY,
    SUCCEEDED,
    Asking,
    asked,
    at,
    check_all_given_back,
    cut,
    priced,
    refused,
    said,
    unable,
    wire,
)
from unit.hedgerow_server.routing.scripted import HANG_S, HI, JSON, USAGE, Answer, chunk
from virtual import timed

DELAY_S = 1.0
SILENT = Answer([HANG_S])


def hedges(primary: Candidate, *, stream: bool = True) -> Hedges:
    """Hedging that has seen enough, and starts a second attempt after a second."""
    policy = HedgePolicy(max_extra=0.5, min_delay_s=DELAY_S, max_delay_s=DELAY_S, min_samples=1)
    found = Hedges(policy, HedgeBudgets(0.5))
    now_s = time.monotonic()
    for _ in range(40):
        primary.state.times[stream].observe(0.01, now_s)
        hedging = found.of(primary)
        hedging.plan(primary.state.latency(stream=stream), now_s)
        hedging.booked(10**6)
    return found


def racing(*candidates: Candidate, policy: RoutePolicy = NO_POLICY, **bounds: object) -> Asking:
    """A call of a route that hedges."""
    return Asking(*candidates, policy=policy, streams=True, hedges=hedges(candidates[0]), **bounds)


def told(one: Asking) -> Hedging:
    """What the hedging of a call has been told."""
    found = one.plan.bounds.hedges
    assert found is not None
    return found.of(one.plan.candidates[0])


def failing(after_s: float, answer: Answer | None = None) -> Answer:
    """An answer that is an error, after so many seconds."""
    if answer is not None:
        return Answer(answer.body, answer.status, answer.headers, before=[after_s])
    return Answer(before=[after_s, UnreachableError("reset")])


@pytest.mark.parametrize("stream", [True, False])
@timed
async def test_a_second_attempt_starts_after_the_planned_delay_and_the_first_token_wins(stream: bool) -> None:
    began_s = time.monotonic()
    one = racing(at(SILENT), at(said("hello", after_s=0.5), name="b"))
    assert await one.answer(stream=stream) == "hello"
    assert time.monotonic() - began_s == pytest.approx(1.5)
    assert one.attempts == [("a", PRIMARY, HEDGE_LOST), ("b", HEDGE, SUCCEEDED)]
    assert [record.hedge_delays_s for record in one.call.attempts] == [None, (1.0, 1.0)]
    assert one.call.usage == one.call.attempts[1].usage


@timed
async def test_no_second_attempt_starts_where_the_first_token_comes_in_time() -> None:
    second = at(name="b")
    one = racing(at(said("hello", after_s=0.9)), second)
    assert await one.answer() == "hello"
    assert one.attempts == [("a", PRIMARY, SUCCEEDED)]
    assert (told(one).counts.due, told(one).counts.started) == (0, 0)


@timed
async def test_a_stream_that_has_begun_is_raced_by_nobody_however_slow_it_is() -> None:
    second = at(name="b")
    one = racing(at(Answer([0.5, chunk("he"), 5.0, *said("llo").body])), second)
    assert await one.answer() == "hello"
    assert asked(second) == [0]


@timed
async def test_the_first_attempt_may_still_win() -> None:
    one = racing(at(said("hello", after_s=1.5)), at(SILENT, name="b"))
    assert await one.answer() == "hello"
    assert one.attempts == [("a", PRIMARY, SUCCEEDED), ("b", HEDGE, HEDGE_LOST)]
    assert (told(one).counts.started, told(one).counts.won) == (1, 0)


@timed
async def test_the_loser_is_closed_within_a_moment_and_not_at_the_end_of_the_call() -> None:
    first, second = at(SILENT), at(Answer([0.5, chunk("he"), 10.0, *said("llo").body]), name="b")
    running = asyncio.create_task(racing(first, second).answer())
    await asyncio.sleep(1.501)
    assert [response.releases for response in wire(first).responses] == [[False]]
    assert (first.state.running, second.state.running) == (0, 1)
    assert await running == "hello"


@timed
async def test_what_comes_in_the_same_moment_goes_to_the_first() -> None:
    one = racing(at(said("first", after_s=1.5)), at(said("second", after_s=0.5), name="b"))
    assert await one.answer() == "first"
    assert one.attempts == [("a", PRIMARY, SUCCEEDED), ("b", HEDGE, HEDGE_LOST)]


@timed
async def test_of_two_whole_answers_in_the_same_moment_one_is_the_answer() -> None:
    whole = b"".join(step for step in said("hello").body if isinstance(step, bytes))
    one = racing(at(Answer([1.5, whole])), at(Answer([0.5, whole]), name="b"))
    assert await one.answer() == "hello"
    assert one.attempts == [("a", PRIMARY, SUCCEEDED), ("b", HEDGE, HEDGE_LOST)]


@pytest.mark.parametrize("first", [True, False])
@timed
async def test_a_failure_in_the_moment_of_the_others_success_is_looked_at(first: bool) -> None:
    slow, failed = said("hello", after_s=1.5 if first else 0.5), failing(0.5 if first else 1.5)
    one = racing(at(slow if first else failed), at(failed if first else slow, name="b"))
    assert await one.answer() == "hello"
    assert sorted(outcome.name for _, _, outcome in one.attempts if outcome) == ["FAILED", "SUCCEEDED"]


@timed
async def test_the_loser_is_booked_with_what_its_prompt_may_cost() -> None:
    first, second = priced(at(SILENT), 100, 1000), priced(at(said("hello"), name="b"), 7, 11)
    one = racing(first, second)
    await one.answer()
    lost = one.call.attempts[0]
    assert lost.usage is not None
    assert (lost.usage.estimated, lost.usage.final, lost.usage.output_tokens) == (True, False, 0)
    assert lost.usage.input_tokens > 0
    assert lost.cost_picos == lost.usage.input_tokens * 100
    assert one.call.usage is not None
    assert one.call.usage.input_tokens == USAGE["prompt_tokens"]


class Booked(Hedging):
    """Keeps what it was told at the end of calls."""

    books: list[tuple[int, int, int | None]]

    def booked(self, ordinary_picos: int, extra_picos: int = 0, expected_picos: int | None = None) -> None:
        self.books.append((ordinary_picos, extra_picos, expected_picos))


def keeping(one: Asking) -> Booked:
    """The hedging of a call, with its books open."""
    hedging = told(one)
    hedging.__class__ = Booked
    assert isinstance(hedging, Booked)
    hedging.books = []
    return hedging


@timed
async def test_what_the_race_added_is_told_apart_from_the_answer() -> None:
    one = racing(priced(at(SILENT), 1, 1), priced(at(said("hello"), name="b"), 2, 2))
    hedging = keeping(one)
    await one.answer()
    costs = [record.cost_picos for record in one.call.attempts]
    ((ordinary, extra, expected),) = hedging.books
    assert (ordinary, extra) == (costs[1], costs[0])
    assert expected


@timed
async def test_a_second_attempt_that_fails_is_still_what_the_race_added() -> None:
    one = racing(priced(at(SILENT), 1, 1), priced(at(cut("par"), name="b"), 2, 2), at(said("hello"), name="c"))
    hedging = keeping(one)
    await one.answer(stream=False)
    lost, broken, answered = one.call.attempts
    assert (broken.kind, broken.outcome) == (HEDGE, FAILED)
    assert answered.cost_picos is None
    ((ordinary, extra, _),) = hedging.books
    assert ordinary == 0
    assert extra == (lost.cost_picos or 0) + (broken.cost_picos or 0) > 0


@timed
async def test_money_for_a_second_attempt_that_cannot_start_is_given_back() -> None:
    one = racing(priced(at(said("hello", after_s=1.5)), 1, 1), priced(unable("b"), 2, 2))
    hedging = keeping(one)
    assert await one.answer() == "hello"
    assert one.attempts == [("a", PRIMARY, SUCCEEDED)]
    ((_, extra, expected),) = hedging.books
    assert extra == 0
    assert expected


@timed
async def test_the_only_candidate_may_race_itself() -> None:
    one = racing(at(SILENT, said("hello")))
    assert await one.answer() == "hello"
    assert one.attempts == [("a", PRIMARY, HEDGE_LOST), ("a", HEDGE, SUCCEEDED)]


@timed
async def test_an_ejected_candidate_is_not_raced_with() -> None:
    second, third = at(name="b"), at(said("hello"), name="c")
    for _ in range(5):
        permit = second.state.admit()
        assert permit is not None
        permit.failure(time.monotonic(), ProviderUnavailable.failure)
    one = racing(at(SILENT), second, third)
    assert await one.answer() == "hello"
    assert one.attempts[1] == ("c", HEDGE, SUCCEEDED)


@timed
async def test_the_next_candidate_is_asked_when_both_fail() -> None:
    one = racing(at(failing(2.0)), at(failing(0.5), name="b"), at(said("hello"), name="c"))
    assert await one.answer() == "hello"
    assert one.attempts == [("a", PRIMARY, FAILED), ("b", HEDGE, FAILED), ("c", FAILOVER, SUCCEEDED)]
    assert told(one).counts.won == 0


@timed
async def test_the_bound_on_attempts_counts_the_second_one() -> None:
    third = at(name="c")
    one = racing(at(failing(2.0)), at(failing(0.5), name="b"), third, max_attempts=2)
    assert isinstance(await one.failure(), ProviderUnavailable)
    assert asked(third) == [0]


@timed
async def test_the_first_may_go_on_alone_where_the_second_is_refused() -> None:
    one = racing(at(said("hello", after_s=3.0)), at(refused(400), name="b"))
    assert await one.answer() == "hello"
    assert one.attempts == [("a", PRIMARY, SUCCEEDED), ("b", HEDGE, FAILED)]


@pytest.mark.parametrize("after_s", [0.5, 2.0], ids=["before", "after"])
@timed
async def test_a_rejection_by_the_second_is_passed_over_where_the_first_is_down(after_s: float) -> None:
    """Whichever fails first: the first one's word comes first."""
    one = racing(at(failing(2.0)), at(failing(after_s, refused(400)), name="b"), at(said("hello"), name="c"))
    assert await one.answer() == "hello"
    assert [outcome for _, _, outcome in one.attempts] == [FAILED, FAILED, SUCCEEDED]


@timed
async def test_what_the_first_rejects_goes_back_at_once_and_ends_the_second() -> None:
    began_s = time.monotonic()
    one = racing(at(failing(1.5, refused(400))), at(said("late", after_s=5.0), name="b"))
    assert isinstance(await one.failure(), ProviderRejectedRequest)
    assert one.attempts == [("a", PRIMARY, FAILED), ("b", HEDGE, CANCELLED)]
    assert time.monotonic() - began_s == pytest.approx(1.5)


@timed
async def test_the_second_goes_on_where_the_first_fails() -> None:
    one = racing(at(failing(1.5)), at(said("hello", after_s=3.0), name="b"))
    assert await one.answer() == "hello"
    assert one.attempts == [("a", PRIMARY, FAILED), ("b", HEDGE, SUCCEEDED)]
    assert told(one).counts.won == 1


@timed
async def test_a_first_that_fails_before_the_delay_is_over_is_followed_and_not_raced() -> None:
    one = racing(at(failing(0.5)), at(said("hello", after_s=5.0), name="b"), at(name="c"))
    assert await one.answer() == "hello"
    assert one.attempts == [("a", PRIMARY, FAILED), ("b", FAILOVER, SUCCEEDED)]


@timed
async def test_a_unary_winner_that_breaks_off_is_replaced() -> None:
    one = racing(at(SILENT), at(cut("par"), name="b"), at(said("hello"), name="c"))
    assert await one.answer(stream=False) == "hello"
    assert one.attempts == [("a", PRIMARY, HEDGE_LOST), ("b", HEDGE, FAILED), ("c", FAILOVER, SUCCEEDED)]


@pytest.mark.parametrize("after_s", [0.5, 2.0], ids=["before the second", "during the race"])
@pytest.mark.parametrize("headers", [True, False])
@timed
async def test_a_caller_that_leaves_cancels_all(after_s: float, headers: bool) -> None:
    answer = SILENT if headers else Answer(before=[HANG_S])
    first, second = at(answer), at(answer, name="b")
    one = racing(first, second)
    running = asyncio.create_task(one.answer())
    await asyncio.sleep(after_s)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert {outcome for _, _, outcome in one.attempts} == {CANCELLED}
    assert len(one.attempts) == (1 if after_s < DELAY_S else 2)
    check_all_given_back((first, second))


@pytest.mark.parametrize("turns", range(8))
@timed
async def test_a_caller_that_leaves_in_the_moment_of_the_first_token_has_left(turns: int) -> None:
    """The race cancels its own task to end the first attempt; the caller's cancel is not taken for that one."""
    one = racing(at(SILENT), at(said("hello", after_s=1.0), name="b"))
    running = asyncio.create_task(one.answer())
    await asyncio.sleep(2.0)
    for _ in range(turns):
        await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert all(outcome is not None for _, _, outcome in one.attempts)


@timed
async def test_hedging_is_told_when_an_answer_was_in_time() -> None:
    one = racing(at(said("hello", after_s=0.75)), at(name="b"))
    told_of: list[float] = []
    told(one).in_time = lambda _, seconds: told_of.append(seconds)  # type: ignore[assignment, method-assign]
    await one.answer()
    assert told_of == [0.75]


@timed
async def test_a_caller_that_leaves_as_the_second_starts_leaves_no_record_without_a_request() -> None:
    first, second = at(SILENT), at(SILENT, name="b")
    one = racing(first, second)
    running = asyncio.create_task(one.answer())
    await asyncio.sleep(DELAY_S)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert sum(asked(first, second)) == len(one.attempts)


@timed
async def test_the_deadline_ends_a_race() -> None:
    one = racing(at(SILENT), at(SILENT, name="b"))
    with pytest.raises(TimeoutError):
        await one.answer(deadline_s=3.0)
    assert all(outcome in (CANCELLED, FAILED) for _, _, outcome in one.attempts)


TOOL = ProviderTool("openai", '{"type": "web_search"}')


@pytest.mark.parametrize(
    ("spec", "policy"),
    [
        (msgspec.structs.replace(HI, tools=(TOOL,)), NO_POLICY),
        (msgspec.structs.replace(HI, provider_options={"openai": '{"previous_response_id": "r"}'}), NO_POLICY),
        (msgspec.structs.replace(HI, provider_options={"openai": '{"store": true}'}), NO_POLICY),
        (HI, RoutePolicy(disable_hedging=True)),
        (HI, RoutePolicy(max_attempts=1)),
    ],
    ids=["provider tool", "previous response", "stored", "switched off", "one attempt"],
)
@timed
async def test_what_must_not_happen_twice_is_not_hedged(spec: ChatSpec, policy: RoutePolicy) -> None:
    first, second = at(said("hello", after_s=5.0)), at(name="b")
    one = racing(first, second, policy=policy)
    planned = told(one).counts.planned
    assert await one.answer(spec) == "hello"
    assert asked(second) == [0]
    assert told(one).counts.planned == planned


EMBEDDED = b'{"model": "e", "data": [{"index": 0, "embedding": "AACAPw=="}], "usage": {"prompt_tokens": 1}}'
EMBED = EmbedSpec(model="e", inputs=("hello",))


@timed
async def test_an_embedding_call_is_hedged_as_a_whole() -> None:
    first, second = at(Answer([1.5, EMBEDDED], headers=JSON)), at(Answer([EMBEDDED], headers=JSON), name="b")
    one = Asking(first, second, streams=True, hedges=hedges(first, stream=False))
    await one.answer(EMBED, stream=False)
    assert one.attempts == [("a", PRIMARY, HEDGE_LOST), ("b", HEDGE, SUCCEEDED)]


@pytest.mark.parametrize("turns", range(8))
@timed
async def test_of_two_whole_answers_in_neighbouring_turns_one_is_the_answer(turns: int) -> None:
    first = at(Answer([1.5, *[0.0] * turns, EMBEDDED], headers=JSON))
    second = at(Answer([0.5, *[0.0] * 2, EMBEDDED], headers=JSON), name="b")
    one = Asking(first, second, streams=True, hedges=hedges(first, stream=False))
    await one.answer(EMBED, stream=False)
    assert sorted(outcome.name for _, _, outcome in one.attempts if outcome) == ["HEDGE_LOST", "SUCCEEDED"]


@timed
async def test_rising_rate_limits_hold_second_attempts_back() -> None:
    first, second = at(said("hello", after_s=5.0)), at(name="b")
    second.state.rate_limited.note(True)
    second.state.rate_limited.note(True)
    one = racing(first, second)
    assert await one.answer() == "hello"
    assert told(one).counts.held == {"rate": 1}
    assert asked(second) == [0]


@timed
async def test_both_delays_are_counted() -> None:
    one = racing(at(SILENT), at(said("hello"), name="b"))
    await one.answer()
    counts = told(one).counts
    assert (counts.due, counts.started, counts.won) == (1, 1, 1)
    assert (counts.planned_s, counts.real_s) == (1.0, 1.0)


@timed
async def test_the_silence_of_the_loser_is_remembered() -> None:
    """Or a candidate that is always rescued would seem as fast as its quick answers."""
    first = at(SILENT)
    one = racing(first, at(said("hello", after_s=2.0), name="b"))
    before = first.state.latency(stream=True).samples(time.monotonic())
    await one.answer()
    assert first.state.latency(stream=True).samples(time.monotonic()) == pytest.approx(before + 1, abs=0.1)


@timed
async def test_a_route_without_second_attempts_asks_one_after_the_other() -> None:
    second = at(name="b")
    one = Asking(at(said("hello", after_s=5.0)), second, streams=True)
    assert await one.answer() == "hello"
    assert [record.kind for record in one.call.attempts] == [AttemptKind.PRIMARY]
