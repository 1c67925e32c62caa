"""How many inputs and tokens one request for embeddings may hold, by provider and model."""

from typing import Any

import pydantic
import pytest
from hedgerow_server.core.port import Dialect
from hedgerow_server.providers import registry

ADAPTER: pydantic.TypeAdapter[Any] = pydantic.TypeAdapter(registry.Provider)
BEDROCK = {"dialect": "bedrock", "region": "us-east-1"}
VERTEX = {"dialect": "vertex", "project": "one"}
AZURE = {"dialect": "azure_openai", "base_url": "https://x.openai.azure.com"}


def provider(section: dict[str, Any]) -> Dialect:
    """A configured provider."""
    return registry.dialect("one", ADAPTER.validate_python(section))


def vendor(name: str, **more: Any) -> dict[str, Any]:
    """The section of a vendor of the OpenAI dialect."""
    return {"dialect": "openai", "vendor": name, **more}


@pytest.mark.parametrize(
    ("section", "model", "inputs", "tokens"),
    [
        (vendor("openai"), "text-embedding-3-small", 2048, 300_000),
        (AZURE, "my-deployment", 2048, 300_000),
        ({"dialect": "openai_responses"}, "text-embedding-3-small", 2048, 300_000),
        (BEDROCK, "amazon.titan-embed-text-v2:0", 1, None),
        (BEDROCK, "amazon.nova-2-multimodal-embeddings-v1:0", 1, None),
        (BEDROCK, "cohere.embed-english-v3", 96, None),
        (BEDROCK, "us.cohere.embed-v4:0", 96, None),
        ({"dialect": "cohere"}, "embed-v4.0", 96, None),
        ({"dialect": "gemini"}, "gemini-embedding-001", 100, None),
        (VERTEX, "gemini-embedding-001", 1, None),
        (VERTEX, "text-embedding-005", 250, 20_000),
        (VERTEX, "text-multilingual-embedding-002", 250, 20_000),
        ({"dialect": "anthropic"}, "claude-sonnet-4-5", 1, None),
        (vendor("mistral"), "mistral-embed", 128, 16_384),
        (vendor("voyage"), "voyage-4-lite", 1000, 1_000_000),
        (vendor("voyage"), "voyage-4", 1000, 320_000),
        (vendor("voyage"), "voyage-4-large", 1000, 120_000),
        (vendor("voyage"), "voyage-3.5-lite", 1000, 1_000_000),
        (vendor("voyage"), "voyage-3-large", 1000, 120_000),
        (vendor("voyage"), "voyage-law-2", 1000, 120_000),
        (vendor("dashscope"), "text-embedding-v4", 10, None),
        (vendor("dashscope"), "text-embedding-v2", 25, None),
        (vendor("perplexity"), "pplx-embed-v1", 512, 120_000),
        (vendor("azure_ai", base_url="https://x.services.ai.azure.com/models"), "Cohere-embed-v3-english", 96, None),
        (vendor("azure_ai", base_url="https://x.services.ai.azure.com/models"), "text-embedding-3-large", 2048, None),
        (vendor("vllm"), "bge-m3", 2048, None),
    ],
)
def test_the_limits_are_those_the_provider_documents(
    section: dict[str, Any], model: str, inputs: int, tokens: int | None
) -> None:
    dialect = provider(section)
    assert (dialect.embed_batch_limit(model), dialect.embed_token_limit(model)) == (inputs, tokens)


@pytest.mark.parametrize("section", [vendor("mistral"), AZURE, BEDROCK, VERTEX, {"dialect": "openai_responses"}])
def test_the_configuration_wins_whatever_the_model(section: dict[str, Any]) -> None:
    dialect = provider({**section, "embed_batch_limit": 7, "embed_token_limit": 5000})
    for model in ("cohere.embed-v4:0", "gemini-embedding-001", "any"):
        assert (dialect.embed_batch_limit(model), dialect.embed_token_limit(model)) == (7, 5000)


def test_a_provider_without_embeddings_has_no_key_for_them() -> None:
    with pytest.raises(pydantic.ValidationError, match="embed_batch_limit"):
        provider({"dialect": "anthropic", "embed_batch_limit": 7})
