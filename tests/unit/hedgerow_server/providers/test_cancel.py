"""What each provider charges for an answer whose connection was closed."""

from typing import Any

import pydantic
import pytest
from hedgerow_server.core.port import CancelBilling, Dialect
from hedgerow_server.providers import registry
from hedgerow_server.providers.openai.vendors import VENDORS

STOPS, CONTINUES, UNKNOWN = CancelBilling.STOPS, CancelBilling.CONTINUES, CancelBilling.UNKNOWN
ADAPTER: pydantic.TypeAdapter[Any] = pydantic.TypeAdapter(registry.Provider)


def provider(**section: str) -> Dialect:
    """A configured provider."""
    return registry.dialect("one", ADAPTER.validate_python(section))


def billing(dialect: Dialect) -> tuple[CancelBilling, CancelBilling]:
    """For a stream, and for an answer that comes as a whole."""
    return dialect.billing_after_cancel("model", stream=True), dialect.billing_after_cancel("model", stream=False)


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ({"dialect": "anthropic"}, (STOPS, CONTINUES)),
        ({"dialect": "azure_openai", "base_url": "https://x.openai.azure.com"}, (STOPS, CONTINUES)),
        ({"dialect": "bedrock", "region": "us-east-1"}, (CONTINUES, CONTINUES)),
        ({"dialect": "cohere"}, (STOPS, CONTINUES)),
        ({"dialect": "gemini"}, (CONTINUES, CONTINUES)),
        ({"dialect": "vertex", "project": "one"}, (CONTINUES, CONTINUES)),
        ({"dialect": "openai_responses"}, (STOPS, CONTINUES)),
        ({"dialect": "openai_responses", "base_url": "https://api.x.ai/v1"}, (STOPS, CONTINUES)),
        ({"dialect": "openai_responses", "base_url": "https://api.newcomer.example/v1"}, (UNKNOWN, UNKNOWN)),
    ],
)
def test_every_dialect_says_what_is_charged(section: dict[str, str], expected: object) -> None:
    assert billing(provider(**section)) == expected


@pytest.mark.parametrize(
    ("vendors", "expected"),
    [
        ("openai deepseek fireworks together xai avian cloudflare azure_ai", (STOPS, CONTINUES)),
        ("groq mistral perplexity dashscope huggingface bedrock gemini", (CONTINUES, CONTINUES)),
        ("vllm llamacpp lmstudio ollama", (STOPS, STOPS)),
        ("openrouter", (UNKNOWN, CONTINUES)),
        ("cerebras databricks snowflake litellm portkey vercel zai", (UNKNOWN, UNKNOWN)),
    ],
)
def test_every_vendor_is_on_one_of_the_lists(vendors: str, expected: object) -> None:
    for vendor in vendors.split():
        base_url = {} if VENDORS[vendor].base_url else {"base_url": "https://one.example/v1"}  # type: ignore[index]
        assert billing(provider(dialect="openai", vendor=vendor, **base_url)) == expected, vendor


def test_a_server_that_only_speaks_as_openai_does_is_unknown() -> None:
    assert billing(provider(dialect="openai", base_url="https://api.newcomer.example/v1")) == (UNKNOWN, UNKNOWN)


def test_openais_regional_addresses_are_openai() -> None:
    assert billing(provider(dialect="openai", base_url="https://eu.api.openai.com/v1")) == (STOPS, CONTINUES)
