"""Guardrails in the file: what is a fault of it."""

from typing import Any

import pydantic
import pytest
from hedgerow_server.settings import Settings, references

WORDS = {"type": "words", "words": ["x"]}
ROUTES = {**WORDS, "action": "route"}


def settings(guardrails: dict[str, Any], route: dict[str, Any] | None = None) -> Settings:
    """A small configuration with these guardrails."""
    one = {"kind": "chat", "candidates": [{"provider": "sim", "model": "m", "region": "eu"}], **(route or {})}
    given = {"providers": {"sim": {"dialect": "openai"}}, "routes": {"fast": one}, "guardrails": guardrails}
    return Settings.model_validate(given)


def faults(given: Settings) -> list[str]:
    """Where something is wrong."""
    return [".".join(map(str, at)) for at, _ in references(given)]


@pytest.mark.parametrize(
    ("guardrails", "route", "where"),
    [
        ({"default": ["w", "nobody"]}, {}, "guardrails.default.1"),
        ({"tenants": {"acme": ["nobody"]}}, {}, "guardrails.tenants.acme.0"),
        ({}, {"guardrails": ["nobody"]}, "routes.fast.guardrails.0"),
        ({"guards": {"r": {**ROUTES, "providers": ["nobody"]}}}, {}, "guardrails.guards.r.providers.0"),
        ({"guards": {"r": {**ROUTES, "regions": ["eu", "us"]}}}, {}, "guardrails.guards.r.regions.1"),
        (
            {"guards": {"g": {"type": "grpc", "target": "127.0.0.1:1", "credential": "nobody"}}},
            {},
            "guardrails.guards.g.credential",
        ),
    ],
)
def test_a_name_that_stands_for_nothing_is_a_fault_at_its_place(
    guardrails: dict[str, Any], route: dict[str, Any], where: str
) -> None:
    assert faults(settings({"guards": {"w": WORDS}, **guardrails}, route)) == [where]


def test_names_that_stand_for_something_are_none() -> None:
    guards = {"w": WORDS, "r": {**ROUTES, "providers": ["sim"], "regions": ["eu"]}}
    given = {"guards": guards, "default": ["w"], "tenants": {"acme": ["r"]}}
    assert faults(settings(given, {"guardrails": ["r", "w"], "guardrails_beside": True})) == []


@pytest.mark.parametrize(
    ("guard", "words"),
    [
        ({"type": "nothing"}, "does not match any of the expected tags"),
        ({**WORDS, "action": "route"}, "expected `providers` or `regions` beside action: route"),
        ({**WORDS, "providers": ["sim"]}, "expected `providers` or `regions` beside action: route"),
        ({**ROUTES, "providers": ["sim"], "sides": ["output"]}, r"expected sides: \[input\] beside action: route"),
        ({**WORDS, "action": "truncate"}, r"expected sides: \[output\] beside action: truncate"),
        ({**WORDS, "sides": []}, "expected sides"),
    ],
)
def test_what_a_guard_cannot_do_is_refused(guard: dict[str, Any], words: str) -> None:
    with pytest.raises(pydantic.ValidationError, match=words):
        settings({"guards": {"g": guard}})
