"""Which guards look at which call."""

import os
import subprocess
import sys
from collections.abc import Mapping

import pytest
from hedgerow_server.core.secret import Secret
from hedgerow_server.core.web import Line, Reach
from hedgerow_server.guardrails.fitted import Policy, SidePlan
from hedgerow_server.guardrails.policies import GuardInvalid, GuardSet, Policies
from hedgerow_server.guardrails.section import GuardrailsSection


def words(*found: str, **entry: object) -> dict[str, object]:
    return {"type": "words", "words": list(found), "action": "redact", "sides": ["input", "output"], **entry}


def section(**given: object) -> GuardrailsSection:
    guards = {"a": words("a"), "b": words("b"), "c": words("c", sides=["input"])}
    return GuardrailsSection.model_validate({"guards": guards, **given})


def policies(found: GuardrailsSection, routes: Mapping[str, tuple[str, ...]] | None = None) -> Policies:
    return Policies(found, GuardSet(found, routes=routes or {}))


def names(plan: SidePlan | None) -> list[str]:
    return [one.name for one in plan.local] if plan is not None else []


def inputs(policy: Policy | None) -> list[str]:
    return names(policy.input) if policy is not None else []


def test_a_route_has_its_own_guards_or_the_default_and_a_tenant_adds_to_them() -> None:
    found = policies(section(default=["a"], tenants={"acme": ["b", "a"]}), {"own": ("c", "b"), "none": ()})
    assert [inputs(found.of(route, tenant)) for route, tenant in (("x", ""), ("own", ""), ("none", ""))] == [
        ["a"],
        ["c", "b"],
        [],
    ]
    assert [inputs(found.of(route, "acme")) for route in ("x", "own", "none")] == [
        ["a", "b"],
        ["c", "b", "a"],
        ["b", "a"],
    ]


def test_without_guards_there_is_no_policy() -> None:
    found = policies(GuardrailsSection())
    assert (found.any, found.of("x", "acme")) == (False, None)


def test_each_side_has_its_guards() -> None:
    policy = policies(section(default=["c", "a"])).of("x", "")
    assert policy is not None
    assert (names(policy.input), names(policy.output)) == (["c", "a"], ["a"])
    assert policies(section(default=["c"])).of("x", "").output is None  # type: ignore[union-attr]


def test_the_digest_is_another_one_for_other_guards_and_for_other_settings() -> None:
    def digest(**given: object) -> bytes:
        policy = policies(section(**given)).of("x", "")
        assert policy is not None
        return policy.digest

    changed = {"a": words("a", shadow=True), "b": words("b")}
    found = [digest(default=["a"]), digest(default=["a", "b"]), digest(default=["b", "a"])]
    assert len({*found, digest(default=["a"], guards=changed)}) == 4
    assert digest(default=["a"]) == found[0]


def test_the_digest_is_the_same_in_every_process() -> None:
    """Sets have an order of their own in each."""
    code = """
from hedgerow_server.guardrails.policies import *
from hedgerow_server.guardrails.section import GuardrailsSection
found = GuardrailsSection.model_validate({"guards": {"p": {"type": "pii"}}, "default": ["p"]})
print(Policies(found, GuardSet(found)).of("x", "").digest.hex())
"""
    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1


def test_a_guard_whose_entry_is_the_same_goes_on() -> None:
    before = GuardSet(section())
    after = GuardSet(section(guards={"a": words("a"), "b": words("other")}), before)
    assert after.fitted(["a"])[0].scanner is before.fitted(["a"])[0].scanner
    assert after.fitted(["b"])[0].scanner is not before.fitted(["b"])[0].scanner


def test_a_guard_that_cannot_be_built_names_its_entry() -> None:
    with pytest.raises(GuardInvalid, match=r"guardrails\.guards\.w: /nowhere"):
        GuardSet(section(guards={"w": {"type": "words", "file": "/nowhere"}}))


class NoLines:
    """Connects to nobody."""

    def line(self, reach: Reach, *, connections: int) -> Line:
        raise AssertionError


async def test_guards_elsewhere_are_closed_with_the_last_configuration_that_has_them() -> None:
    entry = {"type": "grpc", "target": "127.0.0.1:1"}

    def connected(entries: dict[str, object], before: GuardSet | None = None) -> GuardSet:
        found = GuardSet(GuardrailsSection.model_validate({"guards": entries}), before)
        found.connect(lambda _: Secret("x"), NoLines())
        return found

    first = connected({"far": entry})
    second = connected({"far": entry}, first)
    assert second.fitted(["far"])[0].remote is first.fitted(["far"])[0].remote
    third = connected({"far": {**entry, "connections": 2}}, second)
    assert third.fitted(["far"])[0].remote is not first.fitted(["far"])[0].remote
    for one, after in ((first, second), (second, third), (third, None)):
        await one.close(after)
