"""The vendors of the OpenAI dialect: where they are, and their quirks. Sources are the vendors' own API references and
recorded traffic; docs/providers.md has the table.
"""

from typing import Literal

import msgspec

from hedgerow_server.providers.openai.quirks import Quirks

Name = Literal[
    "openai",
    "avian",
    "azure_ai",
    "bedrock",
    "cerebras",
    "cloudflare",
    "crusoe",
    "dashscope",
    "databricks",
    "deepseek",
    "fireworks",
    "gemini",
    "groq",
    "huggingface",
    "litellm",
    "llamacpp",
    "lmstudio",
    "mistral",
    "ollama",
    "openrouter",
    "perplexity",
    "portkey",
    "snowflake",
    "together",
    "tokenmix",
    "vercel",
    "vllm",
    "voyage",
    "xai",
    "zai",
]


class Vendor(msgspec.Struct, frozen=True, kw_only=True):
    """One vendor. Where `base_url` is None it depends on the account, and the configuration must say it."""

    base_url: str | None
    quirks: Quirks
    max_tokens_field: Literal["max_completion_tokens", "max_tokens"] = "max_tokens"
    embed_batch_limit: int = 2048
    auth_header: str = "authorization"
    query: dict[str, str] = {}


def _as_openai(**changes: object) -> Quirks:
    """OpenAI's behaviour but for what nobody else has (the role developer, narrowed tools) and these changes."""
    return Quirks.model_validate({"developer_role": False, "allowed_tools": False, **changes})


_LOW_TO_HIGH = ("low", "medium", "high")

VENDORS: dict[Name, Vendor] = {
    "openai": Vendor(base_url="https://api.openai.com/v1", quirks=Quirks(), max_tokens_field="max_completion_tokens"),
    "avian": Vendor(
        base_url="https://api.avian.io/v1", quirks=_as_openai(top_k=True, reasoning_returns="reasoning_content")
    ),
    "azure_ai": Vendor(
        base_url=None,  # https://RESOURCE.services.ai.azure.com/models
        quirks=_as_openai(stream_usage=False, input_type_field="input_type", lacks=("prompt_cache_key",)),
        auth_header="api-key",
        query={"api-version": "2024-05-01-preview"},
    ),
    "bedrock": Vendor(base_url=None, quirks=_as_openai(), max_tokens_field="max_completion_tokens"),
    "cerebras": Vendor(
        base_url="https://api.cerebras.ai/v1",
        quirks=_as_openai(
            lacks=("frequency_penalty", "presence_penalty", "prompt_cache_key"),
            efforts=("none", *_LOW_TO_HIGH),
            text_lists=False,
        ),
        max_tokens_field="max_completion_tokens",
    ),
    "cloudflare": Vendor(
        base_url=None,  # https://api.cloudflare.com/client/v4/accounts/ACCOUNT/ai/v1
        quirks=_as_openai(top_k=True, efforts=_LOW_TO_HIGH, vector_encoding="none"),
        embed_batch_limit=100,
    ),
    "crusoe": Vendor(
        base_url="https://api.inference.crusoecloud.com/v1",
        quirks=_as_openai(top_k=True, reasoning_returns="reasoning"),
    ),
    "dashscope": Vendor(
        base_url="https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
        quirks=_as_openai(top_k=True, reasoning="enable_thinking", lacks=("frequency_penalty", "prompt_cache_key")),
        embed_batch_limit=10,
    ),
    "databricks": Vendor(
        base_url=None,  # https://WORKSPACE/serving-endpoints
        quirks=_as_openai(
            stream_usage=False,
            top_k=True,
            lacks=("seed", "prompt_cache_key", "parallel_tool_calls"),
            efforts=_LOW_TO_HIGH,
            vector_encoding="none",
        ),
        embed_batch_limit=150,
    ),
    "deepseek": Vendor(
        base_url="https://api.deepseek.com",
        quirks=_as_openai(
            text_lists=False,
            lacks=("parallel_tool_calls", "prompt_cache_key"),
            max_stop_sequences=16,
            json_schema=False,
            reasoning="thinking",
            efforts=("high", "max"),
            reasoning_returns="reasoning_content",
        ),
    ),
    "fireworks": Vendor(
        base_url="https://api.fireworks.ai/inference/v1",
        quirks=_as_openai(
            top_k=True, efforts=("none", *_LOW_TO_HIGH), reasoning_returns="reasoning_content", vector_encoding="none"
        ),
        embed_batch_limit=256,
    ),
    "gemini": Vendor(
        base_url="https://generativelanguage.googleapis.com/v1beta/openai",
        quirks=_as_openai(
            lacks=("prompt_cache_key", "seed", "frequency_penalty", "presence_penalty", "parallel_tool_calls"),
            efforts=("none", "minimal", *_LOW_TO_HIGH),
            reasoning_hidden=True,
            vector_encoding="float",
        ),
        embed_batch_limit=100,
    ),
    "groq": Vendor(
        base_url="https://api.groq.com/openai/v1",
        quirks=_as_openai(
            lacks=("prompt_cache_key", "frequency_penalty", "presence_penalty"),
            efforts=("none", *_LOW_TO_HIGH),
            text_lists=False,
        ),
        max_tokens_field="max_completion_tokens",
    ),
    "huggingface": Vendor(
        base_url="https://router.huggingface.co/v1",
        quirks=_as_openai(efforts=_LOW_TO_HIGH, vector_encoding="none"),
        embed_batch_limit=32,
    ),
    "litellm": Vendor(
        base_url="http://localhost:4000/v1",
        quirks=Quirks(top_k=True, reasoning_returns="reasoning_content"),
        max_tokens_field="max_completion_tokens",
    ),
    "llamacpp": Vendor(
        base_url="http://localhost:8080/v1",
        quirks=_as_openai(top_k=True, max_stop_sequences=16, reasoning_returns="reasoning_content"),
    ),
    "lmstudio": Vendor(
        base_url="http://localhost:1234/v1",
        quirks=_as_openai(top_k=True, max_stop_sequences=16, efforts=_LOW_TO_HIGH, vector_encoding="none"),
    ),
    "mistral": Vendor(
        base_url="https://api.mistral.ai/v1",
        quirks=_as_openai(
            stream_usage=False,
            names=False,
            lacks=("prompt_cache_key",),
            seed_field="random_seed",
            max_stop_sequences=16,
            required_tool_choice="any",
            efforts=("none", "high"),
            reasoning_returns="content",
            dimensions_field="output_dimension",
            vector_encoding="float",
        ),
        embed_batch_limit=128,
    ),
    "ollama": Vendor(
        base_url="http://localhost:11434/v1",
        quirks=_as_openai(
            lacks=("parallel_tool_calls", "prompt_cache_key"),
            max_stop_sequences=16,
            efforts=("none", *_LOW_TO_HIGH),
            reasoning_returns="reasoning",
        ),
    ),
    "openrouter": Vendor(
        base_url="https://openrouter.ai/api/v1",
        quirks=Quirks(
            top_k=True,
            allowed_tools=False,
            reasoning="object",
            efforts=("none", "minimal", *_LOW_TO_HIGH, "xhigh"),
        ),
        max_tokens_field="max_tokens",
    ),
    "perplexity": Vendor(
        base_url="https://api.perplexity.ai",
        quirks=_as_openai(
            stream_usage=False,
            top_k=True,
            lacks=("seed", "prompt_cache_key", "parallel_tool_calls"),
            efforts=("minimal", *_LOW_TO_HIGH),
            embed_path="/v1/embeddings",
            vector_encoding="base64_int8",
        ),
        embed_batch_limit=512,
    ),
    "portkey": Vendor(
        base_url="https://api.portkey.ai/v1",
        quirks=Quirks(top_k=True),
        max_tokens_field="max_completion_tokens",
        auth_header="x-portkey-api-key",
    ),
    "snowflake": Vendor(
        base_url=None,  # https://ACCOUNT.snowflakecomputing.com/api/v2/cortex/v1
        quirks=_as_openai(reasoning="object", efforts=_LOW_TO_HIGH, finish_reason_optional=True),
        max_tokens_field="max_completion_tokens",
    ),
    "together": Vendor(
        base_url="https://api.together.xyz/v1",
        quirks=_as_openai(
            stream_usage=False,
            top_k=True,
            efforts=_LOW_TO_HIGH,
            reasoning_returns="reasoning",
            vector_encoding="none",
        ),
    ),
    "tokenmix": Vendor(base_url="https://api.tokenmix.ai/v1", quirks=_as_openai(top_k=True)),
    "vercel": Vendor(
        base_url="https://ai-gateway.vercel.sh/v1",
        quirks=_as_openai(reasoning="object", reasoning_outside=("google/",)),
    ),
    "vllm": Vendor(
        base_url="http://localhost:8000/v1",
        quirks=Quirks(top_k=True, allowed_tools=False, max_stop_sequences=16, reasoning_returns="reasoning"),
        max_tokens_field="max_completion_tokens",
    ),
    "voyage": Vendor(
        base_url="https://api.voyageai.com/v1",
        quirks=_as_openai(dimensions_field="output_dimension", input_type_field="input_type"),
        embed_batch_limit=1000,
    ),
    "xai": Vendor(
        base_url="https://api.x.ai/v1",
        quirks=Quirks(
            allowed_tools=False,
            lacks=("prompt_cache_key",),
            efforts=("none", *_LOW_TO_HIGH),
            reasoning_returns="reasoning_content",
        ),
        max_tokens_field="max_completion_tokens",
    ),
    "zai": Vendor(
        base_url="https://api.z.ai/api/paas/v4",
        quirks=_as_openai(
            lacks=("seed", "frequency_penalty", "presence_penalty", "parallel_tool_calls", "prompt_cache_key"),
            max_stop_sequences=1,
            json_schema=False,
            reasoning="thinking",
            efforts=(),
            reasoning_returns="reasoning_content",
            vector_encoding="none",
        ),
        embed_batch_limit=64,
    ),
}
"""By the name that the configuration uses."""
