"""What operators are told of candidates."""

import time

import msgspec
from hedgerow_server.core.admin import CandidateFacts
from hedgerow_server.core.slices import Work
from hedgerow_server.routing.hedge import HedgePolicy
from hedgerow_server.routing.hedges import HedgeBudgets, Hedges
from hedgerow_server.routing.kill import KillSwitches
from hedgerow_server.routing.plan import Bounds
from hedgerow_server.routing.route import Route
from hedgerow_server.routing.routes import Routes
from hedgerow_server.routing.view import candidates
from unit.hedgerow_server.routing.asking import HEDGE_LOST, SUCCEEDED, Asking, at, said
from unit.hedgerow_server.routing.scripted import SSE, Answer
from virtual import timed

LIMITS = {
    "x-ratelimit-limit-requests": "100",
    "x-ratelimit-remaining-requests": "7",
    "x-ratelimit-reset-requests": "6s",
}


def all_of(work: Work[list[CandidateFacts]]) -> list[CandidateFacts]:
    """What comes of work that is done in slices."""
    while True:
        try:
            next(work)
        except StopIteration as done:
            found: list[CandidateFacts] = done.value
            return found


@timed
async def test_the_limits_that_a_provider_told_last_are_told_with_their_time() -> None:
    one = at(Answer(said("hello").body, headers={**SSE, **LIMITS}))
    await Asking(one).answer()
    (found,) = all_of(candidates(Routes([("chat", Route("fast", [one]))]), KillSwitches()))
    (limit,) = found.limits
    assert (limit.name, limit.remaining, limit.limit) == ("requests", 7, 100)
    assert limit.reset_unix_s == limit.told_unix_s + 6
    assert abs(limit.told_unix_s - time.time()) < 60


@timed
async def test_a_candidate_whose_provider_tells_no_limits_has_none() -> None:
    one = at(said("hello"))
    await Asking(one).answer()
    (found,) = all_of(candidates(Routes([("chat", Route("fast", [one]))]), KillSwitches()))
    assert (found.limits, found.hedging) == ((), ())


@timed
async def test_each_route_tells_how_it_hedges_the_calls_that_start_at_a_candidate() -> None:
    slow, quick = at(said("late", after_s=9.0)), at(said("hello"), name="b")
    policy = HedgePolicy(max_extra=0.5, min_delay_s=1.0, max_delay_s=1.0, min_samples=1)
    hedges = Hedges(policy, HedgeBudgets(0.5))
    for _ in range(40):
        slow.state.times[True].observe(0.01, time.monotonic())
        hedges.of(slow).plan(slow.state.latency(stream=True), time.monotonic())
        hedges.of(slow).booked(10**6)
    before = msgspec.structs.replace(hedges.of(slow).counts)
    asking = Asking(slow, quick, streams=True, hedges=hedges)
    assert await asking.answer() == "hello"
    assert [outcome for _, _, outcome in asking.attempts] == [HEDGE_LOST, SUCCEEDED]
    routes = Routes([("chat", Route("fast", [slow, quick], bounds=Bounds(hedges=hedges)))])
    found = {one.provider: one for one in all_of(candidates(routes, KillSwitches()))}
    (told,) = found["a"].hedging
    assert (told.route, told.planned, told.due, told.started, told.won) == ("fast", before.planned + 1, 1, 1, 1)
    assert told.held == {}
    assert told.mean_planned_s == 1.0
    assert told.mean_real_s is not None
    assert 1.0 <= told.mean_real_s < 1.1
    assert found["b"].hedging == ()
