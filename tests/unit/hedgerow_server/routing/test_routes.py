"""From a name to those who may serve the call."""

import msgspec
import pytest
from hedgerow_server.core.error import ModelNotFound, NoCandidate
from hedgerow_server.core.event import CandidateInfo, ModelInfo
from hedgerow_server.core.port import Operation
from hedgerow_server.core.request import NO_POLICY, EmbedSpec, RoutePolicy
from hedgerow_server.routing.ask import Ask
from hedgerow_server.routing.plan import Plan
from hedgerow_server.routing.route import Route
from hedgerow_server.routing.routes import Routes
from unit.hedgerow_server.calls import call
from unit.hedgerow_server.routing.scripted import HI, ScriptedTransport, candidate, routes

ONE = candidate(ScriptedTransport(), name="one")
TWO = candidate(ScriptedTransport(), name="two")
ROUTES = routes(
    {("chat", "fast"): (ONE, TWO), ("embed", "vectors"): (TWO,), ("embed", "both"): (ONE,), ("chat", "both"): (ONE,)}
)


def plan(of: Routes, operation: Operation, model: str, policy: RoutePolicy) -> Plan:
    """What the routes decide for a call."""
    chat = msgspec.structs.replace(HI, model=model)
    spec = chat if operation is Operation.CHAT else EmbedSpec(model=model)
    return of.plan(Ask(call(), operation, spec, policy))


def test_a_plan_has_the_candidates_in_their_order() -> None:
    assert plan(ROUTES, Operation.CHAT, "fast", NO_POLICY).candidates == (ONE, TWO)


def test_a_plan_carries_the_callers_policy() -> None:
    policy = RoutePolicy(idle_timeout_s=1.0)
    assert plan(ROUTES, Operation.CHAT, "fast", policy).policy is policy


@pytest.mark.parametrize("model", ["fsat", "", "FAST", "fast "])
def test_an_unknown_model_is_not_found_and_named(model: str) -> None:
    with pytest.raises(ModelNotFound) as caught:
        plan(ROUTES, Operation.CHAT, model, NO_POLICY)
    assert caught.value.metadata == {"model": model}
    assert caught.value.resource == ("hedgerow.router.v1.Model", model)
    assert "ListModels" in caught.value.message


@pytest.mark.parametrize(
    ("operation", "model", "words"),
    [
        (Operation.EMBED, "fast", "is for chat, not for embed"),
        (Operation.CHAT, "vectors", "is for embed, not for chat"),
    ],
)
def test_a_model_of_the_other_kind_is_not_found_and_the_text_says_so(
    operation: Operation, model: str, words: str
) -> None:
    with pytest.raises(ModelNotFound, match=words):
        plan(ROUTES, operation, model, NO_POLICY)


def test_one_name_may_stand_for_both_kinds() -> None:
    assert plan(ROUTES, Operation.CHAT, "both", NO_POLICY).candidates == (ONE,)
    assert plan(ROUTES, Operation.EMBED, "both", NO_POLICY).candidates == (ONE,)


def test_a_policy_narrows_the_candidates_and_keeps_their_order() -> None:
    assert plan(ROUTES, Operation.CHAT, "fast", RoutePolicy(providers=("two",))).candidates == (TWO,)
    assert plan(ROUTES, Operation.CHAT, "fast", RoutePolicy(providers=("two", "one"))).candidates == (ONE, TWO)


@pytest.mark.parametrize("providers", [("three",), ("One",), ("",)])
def test_a_policy_that_leaves_nobody_is_a_failed_precondition(providers: tuple[str, ...]) -> None:
    with pytest.raises(NoCandidate) as caught:
        plan(ROUTES, Operation.CHAT, "fast", RoutePolicy(providers=providers))
    assert caught.value.subject == "route.providers"
    assert caught.value.metadata == {"model": "fast"}


def test_the_models_are_sorted_by_name_and_say_who_serves_them() -> None:
    one, two = CandidateInfo("one", "gpt", "eu"), CandidateInfo("two", "gpt", "eu")
    assert ROUTES.models() == (
        ModelInfo("both", "chat", (one,)),
        ModelInfo("both", "embed", (one,)),
        ModelInfo("fast", "chat", (one, two)),
        ModelInfo("vectors", "embed", (two,)),
    )


WILD = routes({("chat", "one/*"): (ONE,), ("chat", "one/deep/*"): (TWO,), ("chat", "one/exact"): (TWO,)})


@pytest.mark.parametrize(
    ("model", "provider", "asked"),
    [
        ("one/gpt-5", "one", "gpt-5"),
        ("one/a/b:c@d", "one", "a/b:c@d"),
        ("one/deep/x", "two", "x"),
        ("one/deep/x/y", "two", "x/y"),
        ("one/exact", "two", TWO.model),
    ],
)
def test_a_beginning_stands_for_all_names_that_begin_so(model: str, provider: str, asked: str) -> None:
    (found,) = plan(WILD, Operation.CHAT, model, NO_POLICY).candidates
    assert (found.upstream.name, found.model) == (provider, asked)


@pytest.mark.parametrize("model", ["one", "one/", "one/*", "one/../x", "one/a?b", "one/ x", "two/x", "/x", "one//x"])
def test_what_is_no_name_after_a_beginning_is_not_found(model: str) -> None:
    with pytest.raises(ModelNotFound):
        plan(WILD, Operation.CHAT, model, NO_POLICY)


def test_a_beginning_is_for_its_kind_only() -> None:
    with pytest.raises(ModelNotFound):
        plan(WILD, Operation.EMBED, "one/gpt-5", NO_POLICY)


def test_the_configured_name_of_a_model_is_told_without_making_a_route() -> None:
    def make(rest: str) -> Route:
        return Route(f"all/{rest}", [ONE], configured="all/*")

    star = Routes([("chat", Route("fast", [TWO]))], [("chat", Route("all/*", [ONE]), make)])
    assert star.configured("chat", "fast") == "fast"
    assert star.configured("chat", "all/any/thing") == "all/*"
    assert star.configured("embed", "fast") is None
    assert star.configured("embed", "all/any") is None
    assert star.configured("chat", "none/such") is None
    assert not star.table.made
    star.route(Operation.CHAT, "all/some")
    assert star.configured("chat", "all/some") == "all/*"
