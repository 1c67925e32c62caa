"""What ExplainRoute says of each candidate, and that it is what the call would meet."""

import time
from typing import Any

import pytest
from hedgerow_server.core.error import Failure, SwitchedOff
from hedgerow_server.core.explanation import CandidateExplanation, RouteExplained, Why
from hedgerow_server.core.model import ModelFacts
from hedgerow_server.core.request import EmbedSpec, FunctionTool, ProviderTool, RoutePolicy
from hedgerow_server.routing.candidate import Candidate
from hedgerow_server.routing.explain import explain
from hedgerow_server.routing.kill import Scope, Switch
from unit.hedgerow_server.routing.paper import EU, NOWHERE, US, Paper, ask, chosen, price, said


def only(found: RouteExplained, provider: str) -> CandidateExplanation:
    """What is said of the candidate of this provider."""
    (one,) = (one for one in found.candidates if one.provider == provider)
    return one


def fail(one: Candidate, times: int) -> None:
    """The candidate fails so often in a row."""
    for _ in range(times):
        permit = one.state.admit()
        if permit is not None:
            permit.failure(time.monotonic(), Failure.TRANSIENT, "PROVIDER_UNAVAILABLE")


@pytest.mark.parametrize("strategy", ["ordered", "cheapest"])
def test_the_order_is_the_calls_own(strategy: str) -> None:
    prices = {"large": price(9, 9), "gpt": price(1, 1)}
    route = Paper(prices=prices).route(
        EU, US, NOWHERE, strategy=strategy, rules=[{"when": "true", "regions": ["eu", "us"]}]
    )
    found = explain(route, ask())
    eligible = [f"{one.provider}/{one.model}" for one in found.candidates if one.eligible]
    assert eligible == chosen(route, ask())
    assert (found.strategy, found.rules) == (strategy, (0,))
    assert [one.provider for one in found.candidates][-1] == "local"


def test_a_place_is_explained_by_the_strategy() -> None:
    prices = {"large": price(1_000_000, 1_000_000)}

    def said_of(strategy: str) -> list[tuple[Why, str]]:
        route = Paper(prices=prices).route({**EU, "weight": 3}, US, strategy=strategy)
        route.candidates[1].state.times[False].observe(0.25, time.monotonic())
        return [(one.why, one.text) for one in explain(route, ask(said("x" * 400, max_output_tokens=10))).candidates]

    assert said_of("ordered") == [(Why.LISTED, "is no. 1 of the route"), (Why.LISTED, "is no. 2 of the route")]
    assert said_of("weighted") == [(Why.WEIGHT, "has a weight of 3 in 4"), (Why.WEIGHT, "has a weight of 1 in 4")]
    assert said_of("fastest") == [
        (Why.SPEED, "has its first content after 0.250 s lately"),
        (Why.SPEED, "has not answered yet"),
    ]
    (first, words), second = said_of("cheapest")
    assert (first, second) == (Why.PRICE, (Why.PRICE, "has no known price"))
    assert words.startswith("costs about $0.0001")


@pytest.mark.parametrize(
    ("section", "asked", "why", "written_in"),
    [
        ({"regions": ["eu"]}, ask(), Why.REGION, "regions"),
        ({}, ask(regions=["eu"]), Why.REGION, "the caller's regions"),
        ({"rules": [{"when": "true", "regions": ["eu"]}]}, ask(), Why.REGION, "rules[0]"),
        ({}, ask(policy=RoutePolicy(regions=("eu",))), Why.REGION, "route.regions"),
        ({}, ask(policy=RoutePolicy(providers=("mistral",))), Why.PROVIDER, "route.providers"),
        ({"rules": [{"when": "true", "providers": ["mistral"]}]}, ask(), Why.PROVIDER, "rules[0]"),
        ({}, ask(said("hi", tools=(FunctionTool("f"),))), Why.CAPABILITY, "catalogue"),
        ({}, ask(said("x" * 4000)), Why.CONTEXT, "catalogue"),
    ],
)
def test_an_exclusion_says_why_and_where_it_is_written(
    section: dict[str, object], asked: object, why: Why, written_in: str
) -> None:
    facts = {"gpt": ModelFacts(tools=False, context_tokens=100)}
    found = explain(Paper(facts=facts).route(EU, US, **section), asked)  # type: ignore[arg-type]
    one = only(found, "openai")
    assert (one.eligible, one.asked, one.why, one.written_in) == (False, False, why, written_in)
    assert one.text
    assert only(found, "mistral").asked


def test_conditions_vector_spaces_and_switches_exclude_too() -> None:
    paper = Paper()
    conditional = paper.route(EU, {**US, "when": "tenant == 'other'"})
    assert only(explain(conditional, ask()), "openai").why is Why.CONDITION
    embed = paper.route(EU, US, kind="embed")
    assert only(explain(embed, ask(EmbedSpec(model="fast", inputs=("a",)))), "openai").why is Why.VECTOR_SPACE
    paper.learned.kills.throw(Switch(Scope.PROVIDER, "openai", "", 0.0))
    assert only(explain(conditional, ask(tenant="other")), "openai").why is Why.SWITCHED_OFF


def test_a_call_that_nobody_may_serve_is_explained_and_not_refused() -> None:
    found = explain(Paper().route(EU, US), ask(regions=["mars"]))
    assert [(one.eligible, one.why) for one in found.candidates] == [(False, Why.REGION)] * 2


def test_a_tenant_that_is_off_is_told_nothing_else() -> None:
    paper = Paper()
    paper.learned.kills.throw(Switch(Scope.TENANT, "acme", "", 0.0))
    with pytest.raises(SwitchedOff):
        explain(paper.route(EU), ask())


def test_one_that_rests_keeps_its_place_and_says_for_how_long() -> None:
    route = Paper().route(EU, US)
    route.candidates[0].state.breaker.rest.cool_down(time.monotonic(), 30.0)
    first, second = explain(route, ask()).candidates
    assert (first.provider, first.eligible, first.asked, first.why) == ("mistral", True, False, Why.RESTING)
    assert 29 < first.health.back_in_s <= 30
    assert first.health.resting_because == "rate limit"
    assert "rate limit" in first.text
    assert (second.asked, second.why, second.health.back_in_s) == (True, Why.LISTED, 0.0)


def test_one_that_is_ejected_says_so() -> None:
    route = Paper().route(EU, US)
    fail(route.candidates[0], 5)
    first, _ = explain(route, ask()).candidates
    assert (first.asked, first.why, first.health.breaker) == (False, Why.EJECTED, "open")
    assert "5 failures in a row" in first.health.resting_because


def test_explaining_takes_no_trial_of_a_breaker() -> None:
    route = Paper().route(EU)
    one = route.candidates[0]
    fail(one, 5)
    before = one.state.breaker.snapshot(0.0)
    for _ in range(5):
        explain(route, ask())
    assert one.state.breaker.snapshot(0.0) == before
    assert one.state.running == 0


def test_a_conversation_that_stays_is_told() -> None:
    route = Paper().route(EU, US, affinity={})
    plan = route.plan(ask())
    assert plan.sticky is not None
    plan.sticky.keep(plan.candidates[1])
    found = explain(route, ask())
    assert found.affinity
    assert [(one.provider, one.why) for one in found.candidates] == [
        ("openai", Why.AFFINITY),
        ("mistral", Why.LISTED),
    ]


def test_health_and_price_are_told() -> None:
    route = Paper(prices={"large": price(3, 7)}).route(EU, US)
    state = route.candidates[0].state
    state.times[True].observe(0.5, time.monotonic())
    state.running = 2
    spec = said("x" * 4000, max_output_tokens=10)
    one = only(explain(route, ask(spec, stream=True)), "mistral")
    assert (one.health.typical_s, one.health.running, one.health.breaker) == (0.5, 2, "closed")
    assert one.price is not None
    assert (one.price.input_picos, one.price.output_picos, one.price.version) == (3, 7, "v1")
    assert one.price.expected_picos == 3 * ask(spec).need.input_tokens + 70
    assert only(explain(route, ask(spec)), "mistral").health.typical_s is None
    assert only(explain(route, ask(spec)), "openai").price is None


def test_shares_of_a_weighted_route_are_among_those_that_may_serve() -> None:
    route = Paper().route({**EU, "weight": 1}, {**US, "weight": 3}, {**NOWHERE, "weight": 4}, strategy="weighted")
    found = explain(route, ask(policy=RoutePolicy(providers=("mistral", "openai"))))
    assert [(one.provider, one.first_share) for one in found.candidates] == [
        ("openai", 0.75),
        ("mistral", 0.25),
        ("local", None),
    ]


HEDGED: dict[str, Any] = {"hedge": {"max_extra_percent": 3, "min_delay_seconds": 0.1, "max_delay_seconds": 2}}


def test_hedging_and_the_bound_on_attempts_are_told() -> None:
    found = explain(Paper().route(EU, US, max_attempts=4, **HEDGED), ask(policy=RoutePolicy(max_attempts=2)))
    assert found.max_attempts == 2
    assert found.hedging is not None
    assert found.hedging.max_extra_percent == pytest.approx(3)
    assert (found.hedging.min_delay_s, found.hedging.max_delay_s) == (0.1, 2)


@pytest.mark.parametrize(
    "asked",
    [
        ask(policy=RoutePolicy(disable_hedging=True)),
        ask(said("hi", tools=(ProviderTool("openai", "{}"),))),
        ask(tenant="calm"),
    ],
)
def test_a_call_that_would_not_be_hedged_is_told_so(asked: object) -> None:
    route = Paper().route(EU, US, rules=[{"when": "tenant == 'calm'", "hedge": False}], **HEDGED)
    assert explain(route, asked).hedging is None  # type: ignore[arg-type]
