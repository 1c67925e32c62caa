"""The section `pricing` of the configuration."""

from typing import Any

import pydantic
import pytest
from hedgerow_server.pricing.section import PricingSection, matches
from hedgerow_server.settings import Settings, references

TOKENS = {"input": 1}


@pytest.mark.parametrize(
    "section",
    [
        {"currency": "EUR"},
        {"overrides": [{"provider": "p", "eur_per_million_tokens": TOKENS}]},
        {"overrides": [{"provider": "p", "usd_per_million_tokens": {}}]},
        {"overrides": [{"provider": "p", "usd_per_million_tokens": {"input": -1}}]},
        {"overrides": [{"provider": "p", "usd_per_million_tokens": {"input": 10_001}}]},
        {"overrides": [{"provider": "p", "usd_per_million_tokens": {"input": "NaN"}}]},
        {"overrides": [{"provider": "p", "usd_per_million_tokens": {"inputs": 1, **TOKENS}}]},
        {"overrides": [{"provider": "p", "model": "a*b", "usd_per_million_tokens": TOKENS}]},
        {"overrides": [{"provider": "p", "model": "", "usd_per_million_tokens": TOKENS}]},
        {"overrides": [{"provider": "p", "usd_per_million_tokens": TOKENS, "usd_per_thousand": {"a b": 1}}]},
        {"overrides": [{"provider": "p", "usd_per_million_tokens": {"input": "0.0000000000001"}}]},
        {"discounts": [{"provider": "p", "percent": 100.1}]},
        {"discounts": [{"provider": "p", "percent": -5}]},
        {"discounts": [{"provider": "p"}]},
        {"discounts": [{"percent": 5}]},
    ],
)
def test_what_cannot_be_meant_is_refused(section: dict[str, Any]) -> None:
    with pytest.raises(pydantic.ValidationError):
        PricingSection.model_validate(section)


def test_a_number_of_the_file_is_taken_as_it_is_written() -> None:
    found = PricingSection.model_validate({"overrides": [{"provider": "p", "usd_per_million_tokens": {"input": 0.1}}]})
    assert str(found.overrides[0].usd_per_million_tokens.input) == "0.1"


@pytest.mark.parametrize(
    ("pattern", "model", "meant"),
    [
        ("gpt-4o", "gpt-4o", True),
        ("gpt-4o", "gpt-4o-mini", False),
        ("gpt-4o*", "gpt-4o-mini", True),
        ("gpt-4o*", "my-gpt-4o", False),
        ("*", "anything", True),
        ("GPT*", "gpt-4o", True),
    ],
)
def test_a_pattern_means_a_name_or_a_beginning(pattern: str, model: str, meant: bool) -> None:
    assert matches(pattern, model) is meant


def test_a_price_for_a_provider_that_is_not_there_is_a_fault_of_the_file() -> None:
    settings = Settings.model_validate(
        {
            "providers": {"here": {"dialect": "anthropic"}},
            "routes": {"a": {"kind": "chat", "candidates": [{"provider": "here", "model": "claude-sonnet-4-5"}]}},
            "pricing": {
                "overrides": [{"provider": name, "usd_per_million_tokens": TOKENS} for name in ("here", "gone")],
                "discounts": [{"provider": "away", "percent": 5}],
            },
        }
    )
    assert list(references(settings)) == [
        (("pricing", "overrides", 1, "provider"), "expected an entry of providers (here)"),
        (("pricing", "discounts", 0, "provider"), "expected an entry of providers (here)"),
    ]
