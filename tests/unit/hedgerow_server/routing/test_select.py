"""In which order candidates are asked."""

import itertools
import time
from collections import Counter

import pytest
from hedgerow_server.core.request import EmbedSpec, RoutePolicy
from hedgerow_server.routing import select
from hedgerow_server.routing.candidate import Candidate
from hedgerow_server.routing.need import need_of
from hedgerow_server.routing.pace import Pace
from hedgerow_server.routing.route import Route
from hedgerow_server.routing.select import View, expected_cost
from unit.hedgerow_server.routing.paper import Paper, ask, chosen, price, said

A, B, C = ({"provider": name, "model": f"{name}-1"} for name in "abc")


@pytest.fixture
def never_explores(monkeypatch: pytest.MonkeyPatch) -> None:
    """No call goes to learn."""
    monkeypatch.setattr(select, "_random", lambda: 0.999)


@pytest.fixture
def always_explores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every call may go to learn."""
    monkeypatch.setattr(select, "_random", lambda: 0.0)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, in its one entry."""
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def by_name(route: Route) -> dict[str, Candidate]:
    """The route's candidates by provider."""
    return {one.upstream.name: one for one in route.candidates}


def answered(one: Candidate, seconds: float, at_s: float, *, stream: bool = False) -> None:
    """The candidate gave a first token after so long."""
    one.state.times[stream].observe(seconds, at_s)


# Ordered and weighted


def test_ordered_is_as_listed() -> None:
    assert chosen(Paper().route(B, A, C), ask()) == ["b/b-1", "a/a-1", "c/c-1"]


def test_a_weight_of_zero_comes_last() -> None:
    route = Paper().route({**A, "weight": 0}, B, C, strategy="weighted")
    assert {chosen(route, ask())[-1] for _ in range(200)} == {"a/a-1"}


def test_those_who_follow_are_drawn_by_weight_as_well() -> None:
    """First a with 1/2, then b and c by their weights: orders have the odds of drawing without putting back."""
    route = Paper().route({**A, "weight": 2}, {**B, "weight": 1}, {**C, "weight": 1}, strategy="weighted")
    draws = 8000
    orders = Counter("".join(label[0] for label in chosen(route, ask())) for _ in range(draws))
    odds = {"abc": 1 / 4, "acb": 1 / 4, "bac": 1 / 6, "cab": 1 / 6, "bca": 1 / 12, "cba": 1 / 12}
    for order, share in odds.items():
        assert abs(orders[order] - share * draws) < 5 * (draws * share * (1 - share)) ** 0.5


def test_without_chance_the_heaviest_comes_first() -> None:
    route = Paper().route({**A, "weight": 1}, {**B, "weight": 9}, {**C, "weight": 5}, strategy="weighted")
    assert [one.label for one in route.look(ask()).fit] == ["b/b-1", "c/c-1", "a/a-1"]


# Cheapest


def test_the_cheapest_for_the_request_comes_first_and_unknown_prices_last() -> None:
    prices = {"a-1": price(1, 100), "b-1": price(10, 10)}
    route = Paper(prices=prices).route(C, A, B, strategy="cheapest")
    assert chosen(route, ask(said("hi"))) == ["b/b-1", "a/a-1", "c/c-1"]
    assert chosen(route, ask(said("x" * 100_000, max_output_tokens=5))) == ["a/a-1", "b/b-1", "c/c-1"]


def test_a_price_of_zero_is_cheaper_than_any_and_not_unknown() -> None:
    route = Paper(prices={"a-1": price(1, 1), "b-1": price(0, 0)}).route(A, B, C, strategy="cheapest")
    assert chosen(route, ask()) == ["b/b-1", "a/a-1", "c/c-1"]


def test_the_cheapest_of_those_that_meet_a_condition_comes_first() -> None:
    prices = {"a-1": price(1, 1), "b-1": price(2, 2), "c-1": price(3, 3)}
    route = Paper(prices=prices).route({**A, "when": "labels.quality == 'low'"}, C, B, strategy="cheapest")
    assert chosen(route, ask()) == ["b/b-1", "c/c-1"]
    assert chosen(route, ask(labels={"quality": "low"})) == ["a/a-1", "b/b-1", "c/c-1"]


def test_a_warm_cache_makes_a_dearer_candidate_the_cheapest() -> None:
    prices = {"a-1": price(100, 1), "b-1": price(120, 1, cache_read_picos=12)}
    route = Paper(prices=prices).route(A, B, strategy="cheapest", affinity={})
    asked = ask(said("x" * 40_000), policy=RoutePolicy(session_id="s"))
    plan = route.plan(asked)
    assert [one.label for one in plan.candidates] == ["a/a-1", "b/b-1"]
    assert plan.sticky is not None
    plan.sticky.keep(plan.candidates[1])
    assert chosen(route, asked) == ["b/b-1", "a/a-1"]


def test_a_warm_cache_that_saves_too_little_is_left() -> None:
    prices = {"a-1": price(1, 1), "b-1": price(120, 1, cache_read_picos=12)}
    route = Paper(prices=prices).route(A, B, strategy="cheapest", affinity={})
    asked = ask(said("x" * 40_000), policy=RoutePolicy(session_id="s"))
    plan = route.plan(asked)
    assert plan.sticky is not None
    plan.sticky.keep(plan.candidates[1])
    assert chosen(route, asked) == ["a/a-1", "b/b-1"]


def test_a_stream_of_inputs_goes_to_the_cheapest_before_any_input_has_come() -> None:
    same = {"vector_space": "v"}
    prices = {"a-1": price(20, 0), "b-1": price(10, 0)}
    route = Paper(prices=prices).route({**A, **same}, {**B, **same}, kind="embed", strategy="cheapest")
    assert chosen(route, ask(EmbedSpec(model="fast"))) == ["b/b-1", "a/a-1"]


def test_the_expected_cost_counts_input_and_a_bounded_answer() -> None:
    spec = said("x" * 4000, max_output_tokens=100)
    need = need_of(spec, stream=False)
    one = Paper(prices={"a-1": price(3, 7, cache_read_picos=1)}).route(A).candidates[0]
    assert expected_cost(one, need) == 3 * need.input_tokens + 7 * 100
    assert expected_cost(one, need, cached=True) == need.input_tokens + 7 * 100
    assert expected_cost(Paper().route(A).candidates[0], need) is None


# Fastest


def test_each_candidate_goes_first_once_before_anything_is_known(never_explores: None) -> None:
    route = Paper().route(A, B, C, strategy="fastest")
    assert [chosen(route, ask())[0] for _ in range(5)] == ["a/a-1", "b/b-1", "c/c-1", "a/a-1", "a/a-1"]


def test_the_fastest_of_late_comes_first(never_explores: None, clock: list[float]) -> None:
    route = Paper().route(A, B, C, strategy="fastest")
    one = by_name(route)
    for name, seconds in (("a", 0.5), ("b", 0.2), ("c", 0.9)):
        answered(one[name], seconds, clock[0])
    assert chosen(route, ask()) == ["b/b-1", "a/a-1", "c/c-1"]


def test_one_that_only_ever_fails_does_not_get_every_call(never_explores: None, clock: list[float]) -> None:
    """Nothing is known of b, for it never gives a first token."""
    route = Paper().route(A, B, strategy="fastest")
    answered(by_name(route)["a"], 9.0, clock[0])
    firsts = [chosen(route, ask())[0] for _ in range(20)]
    assert firsts == ["b/b-1"] + ["a/a-1"] * 19


def test_exploration_asks_the_one_that_was_asked_the_longest_ago(always_explores: None, clock: list[float]) -> None:
    route = Paper().route(A, B, C, strategy="fastest")
    for name, seconds in (("a", 0.1), ("b", 0.5), ("c", 0.9)):
        answered(by_name(route)[name], seconds, clock[0])
        clock[0] += 1
    firsts = []
    for _ in range(4):
        firsts.append(chosen(route, ask())[0])
        clock[0] += 1
    assert firsts == ["b/b-1", "c/c-1", "b/b-1", "c/c-1"]


def test_exploration_spends_nothing_on_who_rests(always_explores: None, clock: list[float]) -> None:
    route = Paper().route(A, B, C, strategy="fastest")
    one = by_name(route)
    for name, seconds in (("b", 0.5), ("c", 0.9), ("a", 0.1)):
        answered(one[name], seconds, clock[0])
        clock[0] += 1
    one["b"].state.key.set_aside(time.monotonic(), "PROVIDER_KEY", 60.0)
    assert [chosen(route, ask())[0] for _ in range(3)] == ["c/c-1"] * 3


def test_about_one_call_in_twenty_explores(clock: list[float]) -> None:
    route = Paper().route(A, B, strategy="fastest")
    for name, seconds in (("a", 0.1), ("b", 0.5)):
        answered(by_name(route)[name], seconds, clock[0])
    calls = 4000
    explored = sum(chosen(route, ask())[0] == "b/b-1" for _ in range(calls))
    assert abs(explored - 0.05 * calls) < 5 * (calls * 0.05 * 0.95) ** 0.5


def test_explaining_explores_nothing(always_explores: None, clock: list[float]) -> None:
    route = Paper().route(A, B, strategy="fastest")
    assert [one.label for one in route.look(ask()).fit] == ["a/a-1", "b/b-1"]
    assert all(one.state.pace(stream=False).unknown for one in route.candidates)


@pytest.mark.parametrize("stream", [True, False])
def test_times_of_streams_and_of_whole_answers_are_kept_apart(
    never_explores: None, clock: list[float], stream: bool
) -> None:
    route = Paper().route(A, B, strategy="fastest")
    one = by_name(route)
    for shape, fast, slow in ((True, "a", "b"), (False, "b", "a")):
        answered(one[fast], 0.1, clock[0], stream=shape)
        answered(one[slow], 0.9, clock[0], stream=shape)
    assert chosen(route, ask(stream=stream))[0] == ("a/a-1" if stream else "b/b-1")


def test_a_unary_call_that_streams_upstream_is_compared_by_streams(never_explores: None, clock: list[float]) -> None:
    route = Paper().route(A, B, strategy="fastest", first_token_timeout_seconds=5)
    one = by_name(route)
    answered(one["a"], 0.9, clock[0], stream=True)
    answered(one["b"], 0.1, clock[0], stream=True)
    assert chosen(route, ask(stream=False)) == ["b/b-1", "a/a-1"]


# The pace of one candidate


def test_a_pace_is_the_median_of_the_fresh_times() -> None:
    pace = Pace()
    assert (pace.typical_s(0.0), pace.unknown) == (None, True)
    for at_s, seconds in ((0.0, 9.0), (30.0, 0.3), (31.0, 0.1), (32.0, 0.2)):
        pace.observe(seconds, at_s)
    assert pace.typical_s(40.0) == 0.2
    assert pace.typical_s(50.5) == 0.1  # of 31 s and 32 s
    assert (pace.sampled_s, pace.unknown) == (32.0, False)


def test_where_nothing_is_fresh_the_last_time_counts() -> None:
    pace = Pace()
    for at_s, seconds in ((0.0, 9.0), (1.0, 3.0)):
        pace.observe(seconds, at_s)
    assert pace.typical_s(1000.0) == 3.0


def test_a_pace_keeps_the_newest_fifteen() -> None:
    pace = Pace()
    for seconds in itertools.chain([9.0] * 100, [0.1] * 8):
        pace.observe(seconds, 0.0)
    assert pace.typical_s(0.0) == 0.1


def test_a_view_says_what_is_looked_at() -> None:
    route = Paper().route(A, strategy="fastest", first_token_timeout_seconds=5)
    view = route.look(ask()).view
    assert isinstance(view, View)
    assert (view.stream, view.warm, view.need.kind) == (True, None, "chat")
