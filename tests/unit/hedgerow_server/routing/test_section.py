"""What a route's section takes."""

import pydantic
import pytest
from hedgerow_server.routing.section import RouteSection

CANDIDATE = {"provider": "a", "model": "m", "region": "eu"}


def section(**fields: object) -> RouteSection:
    """A section with one candidate."""
    return RouteSection.model_validate({"kind": "chat", "candidates": [CANDIDATE], **fields})


@pytest.mark.parametrize("variable", ["labels.x == 'a'", "metadata['x'] == 'a'", "request.model == 'a'"])
@pytest.mark.parametrize("more", ["", " || tenant == 'acme'", " && user == 'ann'"])
def test_residency_never_depends_on_what_callers_say(variable: str, more: str) -> None:
    with pytest.raises(pydantic.ValidationError, match="a rule with regions must not depend on"):
        section(rules=[{"when": variable + more, "regions": ["eu"]}])


@pytest.mark.parametrize("condition", ["tenant == 'acme'", "team in ['a', 'b']", "user.startsWith('eu-')", "true"])
def test_residency_may_depend_on_who_calls(condition: str) -> None:
    (rule,) = section(rules=[{"when": condition, "regions": ["eu"]}]).rules
    assert rule.regions == ("eu",)


def test_other_rules_may_depend_on_what_callers_say() -> None:
    assert section(rules=[{"when": "labels.x == 'a'", "providers": ["a"]}]).rules[0].providers == ("a",)


@pytest.mark.parametrize(
    "fields",
    [
        {"rules": [{"when": "nobody == 'a'"}]},
        {"rules": [{"when": "tenant"}]},
        {"rules": [{"when": ""}]},
        {"rules": [{"providers": ["a"]}]},
        {"candidates": [{**CANDIDATE, "when": "tenant ="}]},
        {"candidates": []},
        {"candidates": [CANDIDATE] * 33},
        {"candidates": [{**CANDIDATE, "weight": -1}]},
        {"candidates": [{**CANDIDATE, "first_token_timeout_seconds": 0}]},
        {"strategy": "random"},
        {"regions": [""]},
        {"rules": [{"when": "true", "regions": [""]}]},
        {"max_attempts": 9},
        {"max_attempts": 0},
        {"hedge": {"max_extra_percent": 0}},
        {"affinity": {"ttl_seconds": 0}},
    ],
)
def test_what_makes_no_sense_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(pydantic.ValidationError):
        section(**fields)


def test_a_route_that_says_nothing_is_ordered_and_has_no_extras() -> None:
    plain = section()
    assert (plain.strategy, plain.max_attempts, plain.larger_context) == ("ordered", 3, False)
    assert (plain.hedge, plain.affinity, plain.regions, plain.rules) == (None, None, (), ())


def test_a_hedge_section_becomes_a_policy_in_shares() -> None:
    hedge = section(hedge={"max_extra_percent": 2, "min_delay_seconds": 0.1, "min_samples": 7}).hedge
    assert hedge is not None
    policy = hedge.policy()
    assert (policy.max_extra, policy.min_delay_s, policy.max_delay_s, policy.min_samples) == (0.02, 0.1, 30.0, 7)
