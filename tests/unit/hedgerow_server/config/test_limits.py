"""Quotas and budgets in the file: what is a fault of it."""

from typing import Any

import pydantic
import pytest
from hedgerow_server.settings import Settings, references

LIMIT = {"requests": 1, "per": "day"}
BUDGET = {"name": "month", "usd": "10.5", "per": "month"}


def settings(**sections: Any) -> Settings:
    """A small configuration with these sections."""
    route = {"kind": "chat", "candidates": [{"provider": "sim", "model": "m"}, {"provider": "sim", "model": "n"}]}
    route |= sections.pop("route", {})
    given = {"providers": {"sim": {"dialect": "openai"}}, "routes": {"fast": route}, **sections}
    return Settings.model_validate(given)


def faults(given: Settings) -> list[tuple[str, str]]:
    """Where something is wrong, and what was expected there."""
    return [(".".join(map(str, at)), expected) for at, expected in references(given)]


def quota(**more: Any) -> list[dict[str, Any]]:
    """One quota."""
    return [{"name": "q", "limits": [LIMIT], **more}]


@pytest.mark.parametrize(
    ("sections", "words"),
    [
        ({"quotas": quota(limits=[])}, "at least 1 item"),
        ({"quotas": quota(limits=[{"per": "day"}])}, "expected one of requests, tokens, concurrency and usd"),
        ({"quotas": quota(limits=[{**LIMIT, "tokens": 5}])}, "expected one of requests"),
        ({"quotas": quota(limits=[{"requests": 5}])}, "expected `per` beside requests"),
        ({"quotas": quota(limits=[{"concurrency": 5, "per": "day"}])}, "not beside concurrency"),
        ({"quotas": quota(limits=[LIMIT, {**LIMIT, "requests": 2}])}, "no two limits of the same kind and time"),
        ({"quotas": quota(limits=[{"requests": 0, "per": "day"}])}, "greater than or equal to 1"),
        ({"quotas": quota(by=["user", "user"])}, "expected each dimension once"),
        ({"quotas": quota(by=["label"])}, "Input should be"),
        ({"quotas": quota(match={"nobody": ["x"]})}, "Input should be"),
        ({"quotas": quota(time_zone="Europe/Atlantis")}, "IANA time zone database"),
        ({"budgets": [{**BUDGET, "usd": "0.0000000000001"}]}, "no more than 12 decimal places"),
        ({"budgets": [{**BUDGET, "usd": "100000000"}]}, "at most 9,000,000"),
        ({"budgets": [{**BUDGET, "per": "year"}]}, "Input should be"),
        ({"alerts": {"webhook": {"url": "ftp://x", "secret": "s"}}}, "should match pattern"),
    ],
)
def test_a_section_that_cannot_be_meant_is_a_fault(sections: dict[str, Any], words: str) -> None:
    with pytest.raises(pydantic.ValidationError, match=words):
        settings(**sections)


@pytest.mark.parametrize(
    ("sections", "where", "expected"),
    [
        ({"quotas": quota(), "budgets": [{**BUDGET, "name": "q"}]}, "budgets.0.name", "no other quota or budget has"),
        ({"alerts": {"webhook": {"url": "https://x", "secret": "s"}}}, "alerts.webhook.secret", "entry of credentials"),
        (
            {"budgets": [BUDGET], "route": {"rules": [{"when": "budgets['week'] > 0.5", "models": ["n"]}]}},
            "routes.fast.rules.0.when",
            "expected a name of budgets (month)",
        ),
        (
            {"budgets": [BUDGET], "route": {"rules": [{"when": "budgets['month'] > 0.5", "models": ["o"]}]}},
            "routes.fast.rules.0.models.0",
            "expected the model of a candidate (m, n)",
        ),
    ],
)
def test_a_name_that_stands_for_nothing_is_a_fault(sections: dict[str, Any], where: str, expected: str) -> None:
    (found,) = faults(settings(**sections))
    assert found[0] == where
    assert expected in found[1]


def test_what_is_meant_is_no_fault() -> None:
    rule = {"when": "budgets['month'] > 0.5", "models": ["n"]}
    assert faults(settings(budgets=[BUDGET], quotas=quota(), route={"rules": [rule]})) == []
