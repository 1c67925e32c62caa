"""What metrics tell of candidates and of hedging."""

import time
from collections.abc import Iterable

from hedgerow_server.core.error import Failure, ProviderAuth, ProviderThrottled
from hedgerow_server.routing.build import Learned
from hedgerow_server.routing.candidate import Candidate
from hedgerow_server.routing.hedge import HedgeCounts, HedgePolicy
from hedgerow_server.routing.hedges import HedgeBudgets, Hedges
from hedgerow_server.routing.numbers import RoutingNumbers
from hedgerow_server.routing.pool import Pool, PoolPolicy
from hedgerow_server.routing.route import Route
from hedgerow_server.routing.routes import Routes
from hedgerow_server.routing.section import CandidateSection, HedgeSection, RouteSection
from unit.hedgerow_server.routing.asking import at
from unit.hedgerow_server.telemetry.counted import told

STATE = "hedgerow_breaker_state"
Told = dict[tuple[str, ...], float]


def numbers(*routes: Route, learned: Learned | None = None) -> RoutingNumbers:
    """Those of a few routes for chats."""
    made = Routes([("chat", one) for one in routes])
    return RoutingNumbers(lambda: made, learned or Learned())


def break_down(one: Candidate) -> None:
    """Has it ejected."""
    now_s = time.monotonic()
    for _ in range(5):
        permit = one.state.breaker.admit(now_s)
        assert permit is not None
        permit.failure(now_s, Failure.TRANSIENT)


def test_a_breaker_is_in_exactly_one_state_and_all_three_are_told() -> None:
    well, ill = at(name="well"), at(name="ill")
    break_down(ill)
    found = list(numbers(Route("fast", [well, ill]))())
    samples = {
        (one.labels["provider"], one.labels["state"]): one.value
        for metric in found
        for one in metric.samples
        if one.name == STATE
    }
    assert samples == {
        ("well", "closed"): 1,
        ("well", "open"): 0,
        ("well", "half_open"): 0,
        ("ill", "closed"): 0,
        ("ill", "open"): 1,
        ("ill", "half_open"): 0,
    }


def test_a_candidate_of_many_routes_is_told_of_once() -> None:
    one = at(name="one")
    one.state.running = 3
    routes = [Route(f"r{number}", [one]) for number in range(100)]
    assert told(numbers(*routes), "hedgerow_attempts_running") == {("hedgerow_attempts_running", "one", "gpt"): 3}


def test_whoever_rests_is_told_of_with_the_reason_and_the_others_are_not() -> None:
    limited, refused, well = at(name="limited"), at(name="refused"), at(name="well")
    limited.state.failed(ProviderThrottled("slow down", retry_delay_s=60), None)
    refused.state.failed(ProviderAuth("who?"), None)
    name = "hedgerow_candidate_resting"
    assert told(numbers(Route("fast", [limited, refused, well])), name) == {
        (name, "limited", "gpt", "RATE_LIMIT"): 1,
        (name, "refused", "gpt", "PROVIDER_AUTH"): 1,
    }


def test_models_that_callers_name_behind_a_star_are_one() -> None:
    routes = [Route(f"all/{number}", [at(name="p")], configured="all/*") for number in range(50)]
    assert told(numbers(*routes), STATE, ["provider", "model", "state"]) == {(STATE, "p", "*", "closed"): 1}


async def test_those_who_wait_for_their_turn_are_told() -> None:
    one = at(name="one")
    one.state.pool = Pool(PoolPolicy(requests=1))
    assert one.state.pool.waiting == 0
    assert not told(numbers(Route("fast", [one])), "hedgerow_pool_waiting")
    one.state.pool._waiting["acme"] = [object(), object()]  # type: ignore[assignment]
    assert told(numbers(Route("fast", [one])), "hedgerow_pool_waiting", ["provider"]) == {
        ("hedgerow_pool_waiting", "one"): 2
    }


def section(**policy: float) -> RouteSection:
    """A hedged route."""
    return RouteSection(
        kind="chat",
        candidates=(CandidateSection(provider="p", model="m"),),
        hedge=HedgeSection.model_validate(policy),
    )


def events(found: Iterable[tuple[str, HedgeCounts]]) -> list[tuple[str, int, int, int]]:
    return [(name, one.started, one.won, one.lost) for name, one in found]


def test_what_hedging_has_done_outlives_another_policy_and_the_candidates_it_forgets() -> None:
    learned, one = Learned(HedgeBudgets(1.0)), at(name="one")
    before = learned.hedges("chat", "fast", section(min_samples=1))
    assert before is not None
    counts = before.of(one).counts
    counts.planned, counts.due, counts.started, counts.held = 9, 4, 3, {"calls": 1}
    for won in (True, True, False):
        before.of(one).settled(won=won)
    after = learned.hedges("chat", "fast", section(min_samples=2))
    assert after is not None
    assert after is not before
    after.of(one).settled(won=True)
    assert events(learned.hedge_counts()) == [("fast", 3, 3, 1)]
    name = "hedgerow_hedges_total"
    assert told(numbers(Route("fast", [one]), learned=learned), name) == {
        (name, "fast", "planned"): 9,
        (name, "fast", "due"): 4,
        (name, "fast", "sent"): 3,
        (name, "fast", "won"): 3,
        (name, "fast", "lost"): 1,
    }
    held = "hedgerow_hedges_held_total"
    assert told(numbers(Route("fast", [one]), learned=learned), held) == {(held, "fast", "calls"): 1}


def test_candidates_beyond_those_that_are_remembered_leave_their_counts() -> None:
    hedges = Hedges(HedgePolicy(), HedgeBudgets())
    for number in range(4096 + 100):
        hedges.of(at(name=f"p{number}")).settled(won=True)
    assert hedges.counts().won == 4096 + 100
