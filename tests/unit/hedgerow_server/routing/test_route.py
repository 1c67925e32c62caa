"""Which candidates may serve a call, by every rule that a route has."""

from typing import Any

import msgspec
import pytest
from hedgerow_server.core.error import NoCandidate, SwitchedOff
from hedgerow_server.core.model import ModelFacts
from hedgerow_server.core.request import (
    EmbedSpec,
    FunctionTool,
    Image,
    JsonSchemaFormat,
    Message,
    Part,
    Role,
    RoutePolicy,
)
from hedgerow_server.routing.kill import Scope, Switch
from unit.hedgerow_server.routing.paper import EU, NOWHERE, US, Paper, ask, chosen, said, turn

ALL = (EU, US, NOWHERE)
MISTRAL, OPENAI, LOCAL = "mistral/large", "openai/gpt", "local/llama"
EVERYBODY = [MISTRAL, OPENAI, LOCAL]


def off(paper: Paper, scope: Scope, name: str) -> None:
    """Switches something off."""
    paper.learned.kills.throw(Switch(scope, name, "an incident", 0.0))


# Rules


def test_rules_narrow_together() -> None:
    route = Paper().route(
        *ALL,
        rules=[
            {"when": "tenant == 'acme'", "providers": ["mistral", "openai"]},
            {"when": "team == 'search'", "providers": ["openai", "local"]},
        ],
    )
    assert chosen(route, ask(team="search")) == [OPENAI]
    assert chosen(route, ask()) == [MISTRAL, OPENAI]
    assert chosen(route, ask(tenant="other")) == EVERYBODY


def test_of_the_other_settings_the_first_rule_says_it() -> None:
    route = Paper().route(
        *ALL,
        hedge={},
        rules=[
            {"when": "true", "first_token_timeout_seconds": 2},
            {"when": "true", "first_token_timeout_seconds": 1, "strategy": "weighted", "hedge": True},
            {"when": "true", "strategy": "cheapest", "hedge": False},
        ],
    )
    look = route.look(ask())
    assert (look.bounds.first_token_timeout_s, look.strategy) == (2, "weighted")
    assert look.bounds.hedges is not None


def test_a_rule_may_turn_hedging_off() -> None:
    route = Paper().route(*ALL, hedge={}, rules=[{"when": "tenant == 'acme'", "hedge": False}])
    assert route.plan(ask()).bounds.hedges is None
    assert route.plan(ask(tenant="other")).bounds.hedges is not None


def test_a_rule_on_a_label_that_the_call_lacks_does_not_hold() -> None:
    route = Paper().route(*ALL, rules=[{"when": "labels.tier == 'cheap'", "providers": ["local"]}])
    assert chosen(route, ask()) == EVERYBODY
    assert chosen(route, ask(labels={"tier": "cheap"})) == [LOCAL]


@pytest.mark.parametrize("narrows", [{"regions": ["eu"]}, {"providers": ["mistral"]}])
def test_what_narrows_by_who_calls_holds_in_doubt(narrows: dict[str, object]) -> None:
    """`int('')` cannot be told: it may be the law that nobody else sees the call."""
    route = Paper().route(*ALL, rules=[{"when": "int(team) > 5", **narrows}])
    assert chosen(route, ask()) == [MISTRAL]


def test_a_condition_of_a_candidate_passes_it_over() -> None:
    route = Paper().route({**EU, "when": "labels.feature == 'chat'"}, US)
    assert chosen(route, ask(labels={"feature": "chat"})) == [MISTRAL, OPENAI]
    assert chosen(route, ask(labels={"feature": "other"})) == [OPENAI]
    assert chosen(route, ask()) == [OPENAI]


def test_a_condition_holds_for_a_single_candidate_too() -> None:
    route = Paper().route({**EU, "when": "tenant == 'other'"})
    with pytest.raises(NoCandidate) as caught:
        route.plan(ask())
    assert caught.value.subject == "candidates[0].when"


def test_callers_are_not_told_the_conditions_of_others() -> None:
    route = Paper().route(EU, rules=[{"when": "tenant != 'a-rival'", "providers": ["openai"]}], regions=[])
    with pytest.raises(NoCandidate) as caught:
        route.plan(ask())
    assert "rival" not in f"{caught.value.message}{caught.value.subject}{caught.value.metadata}"
    assert caught.value.subject == "rules[0]"


# Residency


def test_a_route_with_regions_is_served_there_only() -> None:
    assert chosen(Paper().route(*ALL, regions=["eu"]), ask()) == [MISTRAL]


def test_a_caller_with_regions_is_served_there_only() -> None:
    route = Paper().route(*ALL)
    assert chosen(route, ask(regions=["eu"])) == [MISTRAL]
    assert chosen(route, ask(regions=["eu", "us"])) == [MISTRAL, OPENAI]


def test_a_rule_with_regions_sends_who_it_is_for_there_only() -> None:
    route = Paper().route(*ALL, rules=[{"when": "tenant == 'acme'", "regions": ["eu"]}])
    assert chosen(route, ask()) == [MISTRAL]
    assert chosen(route, ask(tenant="other")) == EVERYBODY


def test_a_call_may_keep_to_regions_itself() -> None:
    assert chosen(Paper().route(*ALL), ask(policy=RoutePolicy(regions=("us",)))) == [OPENAI]


def test_regions_of_route_caller_rule_and_call_all_hold() -> None:
    eu2 = {**EU, "model": "small", "region": "eu-2"}
    route = Paper().route(EU, eu2, US, regions=["eu", "eu-2"], rules=[{"when": "true", "regions": ["eu-2", "us"]}])
    assert chosen(route, ask()) == ["mistral/small"]
    assert chosen(route, ask(regions=["eu-2"], policy=RoutePolicy(regions=("eu", "eu-2")))) == ["mistral/small"]


@pytest.mark.parametrize("where", ["EU", "eu ", "eu-west", "e", "us"])
def test_a_region_is_compared_letter_by_letter(where: str) -> None:
    with pytest.raises(NoCandidate):
        Paper().route(EU).plan(ask(regions=[where]))


@pytest.mark.parametrize("policy", [RoutePolicy(regions=("eu",)), RoutePolicy(regions=("",))])
def test_a_candidate_without_a_region_is_in_none(policy: RoutePolicy) -> None:
    with pytest.raises(NoCandidate, match="does not say where it runs"):
        Paper().route(NOWHERE).plan(ask(policy=policy))


@pytest.mark.parametrize(
    "policy",
    [
        RoutePolicy(regions=("us",)),
        RoutePolicy(providers=("openai",)),
        RoutePolicy(regions=("us", "eu"), providers=("openai",)),
    ],
)
def test_no_policy_gets_a_call_out_of_where_its_caller_must_stay(policy: RoutePolicy) -> None:
    with pytest.raises(NoCandidate) as caught:
        Paper().route(*ALL).plan(ask(regions=["eu"], policy=policy))
    assert caught.value.metadata == {"model": "fast"}


def test_no_label_gets_a_call_out_of_where_its_caller_must_stay() -> None:
    route = Paper().route(*ALL, rules=[{"when": "labels.region == 'us'", "providers": ["openai"]}])
    with pytest.raises(NoCandidate):
        route.plan(ask(regions=["eu"], labels={"region": "us"}))


def test_no_strategy_and_no_affinity_gets_a_call_elsewhere() -> None:
    route = Paper().route(*ALL, strategy="fastest", affinity={})
    free = route.plan(ask(policy=RoutePolicy(session_id="s")))
    assert free.sticky is not None
    free.sticky.keep(next(one for one in free.candidates if one.region == "us"))
    for _ in range(50):
        assert chosen(route, ask(regions=["eu"], policy=RoutePolicy(session_id="s"))) == [MISTRAL]


# Policy


def test_a_policy_narrows_and_never_widens() -> None:
    route = Paper().route(EU, US)
    assert chosen(route, ask(policy=RoutePolicy(providers=("openai", "local")))) == [OPENAI]
    with pytest.raises(NoCandidate):
        route.plan(ask(policy=RoutePolicy(providers=("local",))))


# Switches


def test_a_provider_or_a_model_of_it_can_be_switched_off_at_once() -> None:
    paper = Paper()
    route = paper.route(*ALL)
    assert chosen(route, ask()) == EVERYBODY
    off(paper, Scope.PROVIDER, "mistral")
    assert chosen(route, ask()) == [OPENAI, LOCAL]
    off(paper, Scope.MODEL, "openai/gpt")
    assert chosen(route, ask()) == [LOCAL]
    paper.learned.kills.restore(Scope.PROVIDER, "mistral")
    assert chosen(route, ask()) == [MISTRAL, LOCAL]


def test_a_route_whose_candidates_are_all_off_says_so() -> None:
    paper = Paper()
    route = paper.route(EU)
    off(paper, Scope.PROVIDER, "mistral")
    with pytest.raises(SwitchedOff, match="switched everybody off who serves 'fast'"):
        route.plan(ask())


def test_a_model_or_a_tenant_can_be_switched_off() -> None:
    paper = Paper()
    route = paper.route(*ALL)
    off(paper, Scope.TENANT, "acme")
    with pytest.raises(SwitchedOff):
        route.plan(ask())
    assert chosen(route, ask(tenant="other")) == EVERYBODY
    off(paper, Scope.MODEL, "fast")
    with pytest.raises(SwitchedOff):
        route.plan(ask(tenant="other"))


@pytest.mark.parametrize("name", ["openai/*", "openai/gpt-5"])
def test_a_name_behind_a_star_can_be_switched_off_by_itself_or_with_all_of_them(name: str) -> None:
    paper = Paper()
    routes = paper.routes({"openai/*": {"kind": "chat", "candidates": [{**US, "model": "*"}]}})
    asked = ask(msgspec.structs.replace(said("hi"), model="openai/gpt-5"))
    assert [one.model for one in routes.plan(asked).candidates] == ["gpt-5"]
    off(paper, Scope.MODEL, name)
    with pytest.raises((SwitchedOff, NoCandidate)):
        routes.plan(asked)


# Capabilities

LACKING = ModelFacts(
    context_tokens=100, tools=False, json_schema=False, prefill=False, input_modalities=frozenset({"text"})
)
SMALL, LARGE = ModelFacts(context_tokens=100), ModelFacts(context_tokens=1000)
PICTURE = Message(Role.USER, (Part(Image(url="https://example.com/a.png")),))


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (said("hi", tools=(FunctionTool("f"),)), "calls no functions"),
        (said("hi", response_format=JsonSchemaFormat("s", "{}")), "takes no JSON schema"),
        (said("hi", turn(Role.ASSISTANT, "I")), "refuses a conversation that ends with its own turn"),
        (said("hi", PICTURE), "takes no image"),
        (said("x" * 1000), "has a context of 100 tokens, the request about 2"),
    ],
)
def test_a_model_that_is_known_to_lack_what_is_needed_is_passed_over(spec: object, words: str) -> None:
    route = Paper(facts={"large": LACKING}).route(EU, US)
    assert chosen(route, ask(spec)) == [OPENAI]  # type: ignore[arg-type]
    (verdict,) = route.look(ask(spec)).unfit  # type: ignore[arg-type]
    assert verdict.text.startswith(words)
    assert verdict.written_in == "catalogue"


def test_what_is_not_known_of_a_model_is_no_reason() -> None:
    spec = said("x" * 1000, PICTURE, tools=(FunctionTool("f"),), response_format=JsonSchemaFormat("s", "{}"))
    assert chosen(Paper(facts={"large": ModelFacts()}).route(EU, US), ask(spec)) == [MISTRAL, OPENAI]


def test_the_only_candidate_is_asked_whatever_the_catalogue_says() -> None:
    assert chosen(Paper(facts={"large": LACKING}).route(EU), ask(said("x" * 1000))) == [MISTRAL]


def test_an_estimated_length_prefers_a_model_but_refuses_no_call() -> None:
    route = Paper(facts={"large": SMALL, "gpt": LARGE}).route(EU, US)
    assert chosen(route, ask(said("x" * 1000))) == [OPENAI]
    assert chosen(route, ask(said("x" * 10_000))) == [MISTRAL, OPENAI]


def test_a_length_that_nobody_has_room_for_widens_nothing_else() -> None:
    route = Paper(facts={"large": SMALL, "gpt": SMALL}).route(EU, US)
    assert chosen(route, ask(said("x" * 1000), regions=["us"])) == [OPENAI]


# Embeddings

VECTORS = EmbedSpec(model="fast", inputs=("a",))
ADA = {"provider": "openai", "model": "ada", "region": "us"}
AZURE_ADA = {"provider": "azure", "model": "ada", "region": "eu"}


@pytest.mark.parametrize("facts", [{}, {"large": ModelFacts(vector_space="mistral/embed", dimensions=8)}])
def test_an_embedding_call_stays_among_models_whose_vectors_can_be_compared(facts: dict[str, ModelFacts]) -> None:
    route = Paper(facts=facts).route(ADA, EU, AZURE_ADA, kind="embed")
    assert chosen(route, ask(VECTORS)) == ["openai/ada", "azure/ada"]


def test_a_configured_vector_space_counts() -> None:
    deployment = {"provider": "azure", "model": "our-ada", "vector_space": "ada"}
    assert chosen(Paper().route(ADA, deployment, kind="embed"), ask(VECTORS)) == ["openai/ada", "azure/our-ada"]


def test_an_embedding_call_changes_its_space_not_even_for_residency() -> None:
    route = Paper().route(ADA, EU, kind="embed")
    with pytest.raises(NoCandidate, match="has other vectors than openai/ada"):
        route.plan(ask(VECTORS, regions=["eu"]))


def test_vectors_of_another_length_are_other_vectors_unless_the_call_names_one() -> None:
    route = Paper().route({**ADA, "dimensions": 8}, {**AZURE_ADA, "dimensions": 4}, kind="embed")
    assert chosen(route, ask(VECTORS)) == ["openai/ada"]
    named = msgspec.structs.replace(VECTORS, dimensions=4)
    assert chosen(route, ask(named)) == ["openai/ada", "azure/ada"]


# Limits


def test_a_route_whose_first_tokens_are_watched_streams_upstream() -> None:
    assert not Paper().route(EU).plan(ask()).bounds.streams
    limit: dict[str, Any] = {"first_token_timeout_seconds": 2}
    for watched in (
        Paper().route(EU, **limit),
        Paper().route({**EU, **limit}),
        Paper().route(EU, rules=[{"when": "true", **limit}]),
        Paper().route(EU, hedge={}),
        Paper(facts={"large": ModelFacts(streams_only=True)}).route(EU),
    ):
        assert watched.plan(ask()).bounds.streams


def test_limits_of_route_rule_and_candidate_are_handed_on() -> None:
    route = Paper().route(
        {**EU, "first_token_timeout_seconds": 1},
        US,
        first_token_timeout_seconds=5,
        larger_context=True,
        max_attempts=4,
        max_wait_seconds=7,
        rules=[{"when": "tenant == 'acme'", "first_token_timeout_seconds": 2}],
    )
    plan = route.plan(ask())
    assert (plan.candidates[0].first_token_timeout_s, plan.candidates[1].first_token_timeout_s) == (1, None)
    assert plan.bounds.first_token_timeout_s == 2
    assert (plan.bounds.larger_context, plan.bounds.max_attempts, plan.bounds.max_wait_s) == (True, 4, 7)
    assert route.plan(ask(tenant="other")).bounds.first_token_timeout_s == 5
