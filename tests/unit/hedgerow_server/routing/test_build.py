"""Routes out of their sections, and what outlives them."""

import msgspec
import pytest
from hedgerow_server.core.error import SwitchedOff
from hedgerow_server.core.port import Operation
from hedgerow_server.routing.kill import Scope, Switch
from unit.hedgerow_server.routing.paper import EU, US, Paper, ask, chosen, said


def test_a_route_for_any_kind_serves_both() -> None:
    routes = Paper().routes({"x": {"kind": "any", "candidates": [EU]}})
    assert [(one.name, one.kind) for one in routes.models()] == [("x", "chat"), ("x", "embed")]
    assert routes.route(Operation.EMBED, "x").candidates[0].model == "large"


def test_the_star_of_every_candidate_stands_for_the_rest_of_the_name() -> None:
    section = {"kind": "chat", "candidates": [{**EU, "model": "*"}, {**US, "model": "*"}], "regions": ["eu"]}
    routes = Paper().routes({"all/*": section})
    spec = msgspec.structs.replace(said("hi"), model="all/a/b")
    assert [one.label for one in routes.plan(ask(spec)).candidates] == ["mistral/a/b"]
    assert routes.route(Operation.CHAT, "all/a/b").name == "all/a/b"


def test_candidates_of_two_editions_share_what_was_learned() -> None:
    paper = Paper()
    before, after = paper.route(EU, US), paper.route(US, EU, strategy="fastest")
    assert before.candidates[0].state is after.candidates[1].state


def test_hedging_keeps_what_it_learned_unless_its_policy_changes() -> None:
    paper = Paper()
    one, same = (paper.route(EU, hedge={"min_samples": 5}).plan(ask()).bounds.hedges for _ in range(2))
    other = paper.route(EU, hedge={"min_samples": 6}).plan(ask()).bounds.hedges
    assert one is same
    assert other is not one


def test_names_behind_a_star_share_one_hedging() -> None:
    """Callers make as many such names as they like."""
    routes = Paper().routes({"all/*": {"kind": "chat", "hedge": {}, "candidates": [{**EU, "model": "*"}]}})
    plans = [routes.plan(ask(msgspec.structs.replace(said("hi"), model=f"all/{number}"))) for number in range(3)]
    assert len({id(plan.bounds.hedges) for plan in plans}) == 1


def test_switches_hold_for_routes_that_are_built_later() -> None:
    paper = Paper()
    paper.learned.kills.throw(Switch(Scope.TENANT, "acme", "", 0.0))
    with pytest.raises(SwitchedOff):
        paper.route(EU).plan(ask())


def test_each_rule_knows_its_place() -> None:
    route = Paper().route(EU, US, rules=[{"when": "false"}, {"when": "true", "providers": ["openai"]}])
    assert [rule.place for rule in route.look(ask()).rules] == [1]
    assert chosen(route, ask()) == ["openai/gpt"]
