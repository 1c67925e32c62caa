"""The vendors of the OpenAI dialect: where they are, and their quirks. Sources are the vendors' own API references and
recorded traffic; docs/providers.md has the table.
"""

from typing import Literal

import msgspec

from hedgerow_server.providers.cancel import BY_UPSTREAM, GOES_ON, OWN, STREAMS_STOP, UNKNOWN, AfterCancel
from hedgerow_server.providers.embed_limits import EmbedLimit
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
    embed: EmbedLimit = EmbedLimit(2048)
    """How much a request for embeddings may hold."""
    embed_by_model: tuple[tuple[str, EmbedLimit], ...] = ()
    """The same for models of which another limit is documented, by a part of their names."""
    after_cancel: AfterCancel = UNKNOWN
    """What an answer costs that is not read to its end."""
    auth_header: str = "authorization"
    query: dict[str, str] = {}
    probe_path: str = ""
    """Below the base URL: what a GET costs nothing of, and takes only a good key for. Empty: there is no such path, or
    none is known; some list their models to anybody.
    """
    catalogue: str | None = None
    """The family of the model catalogue that has its models. None: nobody knows them before they are there."""


def _as_openai(**changes: object) -> Quirks:
    """OpenAI's behaviour but for what nobody else has (the role developer, narrowed tools) and these changes."""
    return Quirks.model_validate({"developer_role": False, "allowed_tools": False, **changes})


_LOW_TO_HIGH = ("low", "medium", "high")
# https://docs.voyageai.com/reference/embeddings-api; the longer names before what they begin with.
_VOYAGES = (
    *((name, EmbedLimit(1000, tokens=1_000_000)) for name in ("voyage-4-lite", "voyage-3.5-lite", "voyage-3-lite")),
    *((name, EmbedLimit(1000, tokens=120_000)) for name in ("voyage-4-large", "voyage-3-large")),
    *((name, EmbedLimit(1000, tokens=320_000)) for name in ("voyage-4", "voyage-3.5", "voyage-3", "voyage-2")),
)

VENDORS: dict[Name, Vendor] = {
    "openai": Vendor(
        probe_path="/models",
        catalogue="openai",
        base_url="https://api.openai.com/v1",
        quirks=Quirks(),
        max_tokens_field="max_completion_tokens",
        embed=EmbedLimit(2048, tokens=300_000),
        after_cancel=STREAMS_STOP,
    ),
    "avian": Vendor(
        catalogue="avian",
        base_url="https://api.avian.io/v1",
        quirks=_as_openai(top_k=True, reasoning_returns="reasoning_content"),
        after_cancel=STREAMS_STOP,
    ),
    "azure_ai": Vendor(
        catalogue="azure_ai",
        base_url=None,  # https://RESOURCE.services.ai.azure.com/models
        quirks=_as_openai(stream_usage=False, input_type_field="input_type", lacks=("prompt_cache_key",)),
        auth_header="api-key",
        query={"api-version": "2024-05-01-preview"},
        after_cancel=STREAMS_STOP,
        embed_by_model=(("ohere", EmbedLimit(96)), ("embed-v-4", EmbedLimit(96))),
    ),
    "bedrock": Vendor(
        probe_path="/models",
        catalogue="bedrock_mantle",
        base_url=None,
        quirks=_as_openai(),
        max_tokens_field="max_completion_tokens",
        after_cancel=GOES_ON,
    ),
    "cerebras": Vendor(
        probe_path="/models",
        catalogue="cerebras",
        base_url="https://api.cerebras.ai/v1",
        quirks=_as_openai(
            lacks=("frequency_penalty", "presence_penalty", "prompt_cache_key"),
            efforts=("none", *_LOW_TO_HIGH),
            text_lists=False,
        ),
        max_tokens_field="max_completion_tokens",
    ),
    "cloudflare": Vendor(
        catalogue="cloudflare",
        base_url=None,  # https://api.cloudflare.com/client/v4/accounts/ACCOUNT/ai/v1
        quirks=_as_openai(top_k=True, needs_content=True, efforts=_LOW_TO_HIGH, vector_encoding="none"),
        embed=EmbedLimit(100),
        after_cancel=STREAMS_STOP,
    ),
    "crusoe": Vendor(
        catalogue="crusoe",
        base_url="https://api.inference.crusoecloud.com/v1",
        quirks=_as_openai(top_k=True, reasoning_returns="reasoning"),
    ),
    "dashscope": Vendor(
        catalogue="dashscope",
        base_url="https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
        quirks=_as_openai(
            top_k=True, max_top_logprobs=5, reasoning="enable_thinking", lacks=("frequency_penalty", "prompt_cache_key")
        ),
        embed=EmbedLimit(10),
        after_cancel=GOES_ON,
        embed_by_model=(("text-embedding-v1", EmbedLimit(25)), ("text-embedding-v2", EmbedLimit(25))),
    ),
    "databricks": Vendor(
        catalogue="databricks",
        base_url=None,  # https://WORKSPACE/serving-endpoints
        quirks=_as_openai(
            stream_usage=False,
            top_k=True,
            lacks=("seed", "prompt_cache_key", "parallel_tool_calls"),
            efforts=_LOW_TO_HIGH,
            vector_encoding="none",
        ),
        embed=EmbedLimit(150),
    ),
    "deepseek": Vendor(
        probe_path="/models",
        catalogue="deepseek",
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
        after_cancel=STREAMS_STOP,
    ),
    "fireworks": Vendor(
        probe_path="/models",
        catalogue="fireworks",
        base_url="https://api.fireworks.ai/inference/v1",
        quirks=_as_openai(
            max_top_logprobs=5,
            top_k=True,
            efforts=("none", *_LOW_TO_HIGH),
            reasoning_returns="reasoning_content",
            vector_encoding="none",
        ),
        embed=EmbedLimit(256),
        after_cancel=STREAMS_STOP,
    ),
    "gemini": Vendor(
        probe_path="/models",
        catalogue="google",
        base_url="https://generativelanguage.googleapis.com/v1beta/openai",
        quirks=_as_openai(
            lacks=(
                "prompt_cache_key",
                "seed",
                "frequency_penalty",
                "presence_penalty",
                "parallel_tool_calls",
                "top_logprobs",
            ),
            efforts=("none", "minimal", *_LOW_TO_HIGH),
            reasoning_hidden=True,
            vector_encoding="float",
        ),
        embed=EmbedLimit(100),
        after_cancel=GOES_ON,
    ),
    "groq": Vendor(
        probe_path="/models",
        catalogue="groq",
        base_url="https://api.groq.com/openai/v1",
        quirks=_as_openai(
            lacks=("prompt_cache_key", "frequency_penalty", "presence_penalty", "top_logprobs"),
            efforts=("none", *_LOW_TO_HIGH),
            text_lists=False,
        ),
        max_tokens_field="max_completion_tokens",
        after_cancel=GOES_ON,
    ),
    "huggingface": Vendor(
        catalogue="huggingface",
        base_url="https://router.huggingface.co/v1",
        quirks=_as_openai(efforts=_LOW_TO_HIGH, vector_encoding="none"),
        embed=EmbedLimit(32),
        after_cancel=GOES_ON,
    ),
    "litellm": Vendor(
        probe_path="/models",
        base_url="http://localhost:4000/v1",
        quirks=Quirks(top_k=True, reasoning_returns="reasoning_content"),
        max_tokens_field="max_completion_tokens",
    ),
    "llamacpp": Vendor(
        base_url="http://localhost:8080/v1",
        quirks=_as_openai(top_k=True, max_stop_sequences=16, reasoning_returns="reasoning_content"),
        after_cancel=OWN,
    ),
    "lmstudio": Vendor(
        base_url="http://localhost:1234/v1",
        quirks=_as_openai(
            top_k=True, lacks=("top_logprobs",), max_stop_sequences=16, efforts=_LOW_TO_HIGH, vector_encoding="none"
        ),
        after_cancel=OWN,
    ),
    "mistral": Vendor(
        probe_path="/models",
        catalogue="mistral",
        base_url="https://api.mistral.ai/v1",
        quirks=_as_openai(
            stream_usage=False,
            names=False,
            lacks=("prompt_cache_key", "top_logprobs"),
            seed_field="random_seed",
            max_stop_sequences=16,
            required_tool_choice="any",
            efforts=("none", "high"),
            reasoning_returns="content",
            dimensions_field="output_dimension",
            vector_encoding="float",
        ),
        embed=EmbedLimit(128, tokens=16_384),
        after_cancel=GOES_ON,
    ),
    "ollama": Vendor(
        base_url="http://localhost:11434/v1",
        quirks=_as_openai(
            lacks=("parallel_tool_calls", "prompt_cache_key"),
            max_stop_sequences=16,
            efforts=("none", *_LOW_TO_HIGH),
            reasoning_returns="reasoning",
        ),
        after_cancel=OWN,
    ),
    "openrouter": Vendor(
        probe_path="/key",
        catalogue="openrouter",
        base_url="https://openrouter.ai/api/v1",
        quirks=Quirks(
            top_k=True,
            allowed_tools=False,
            reasoning="object",
            efforts=("none", "minimal", *_LOW_TO_HIGH, "xhigh"),
        ),
        max_tokens_field="max_tokens",
        after_cancel=BY_UPSTREAM,
    ),
    "perplexity": Vendor(
        catalogue="perplexity",
        base_url="https://api.perplexity.ai",
        quirks=_as_openai(
            stream_usage=False,
            top_k=True,
            lacks=("seed", "prompt_cache_key", "parallel_tool_calls", "top_logprobs"),
            efforts=("minimal", *_LOW_TO_HIGH),
            # Counted and priced apart: https://docs.perplexity.ai/getting-started/pricing
            reasoning_outside=("sonar-deep-research",),
            embed_path="/v1/embeddings",
            vector_encoding="base64_int8",
        ),
        embed=EmbedLimit(512, tokens=120_000),
        after_cancel=GOES_ON,
    ),
    "portkey": Vendor(
        base_url="https://api.portkey.ai/v1",
        quirks=Quirks(top_k=True),
        max_tokens_field="max_completion_tokens",
        auth_header="x-portkey-api-key",
    ),
    "snowflake": Vendor(
        catalogue="snowflake",
        base_url=None,  # https://ACCOUNT.snowflakecomputing.com/api/v2/cortex/v1
        quirks=_as_openai(reasoning="object", efforts=_LOW_TO_HIGH, finish_reason_optional=True),
        max_tokens_field="max_completion_tokens",
    ),
    "together": Vendor(
        probe_path="/models",
        catalogue="together",
        base_url="https://api.together.xyz/v1",
        quirks=_as_openai(
            stream_usage=False,
            logprobs="number",
            top_k=True,
            efforts=_LOW_TO_HIGH,
            reasoning_returns="reasoning",
            vector_encoding="none",
        ),
        after_cancel=STREAMS_STOP,
    ),
    "tokenmix": Vendor(base_url="https://api.tokenmix.ai/v1", quirks=_as_openai(top_k=True)),
    "vercel": Vendor(
        base_url="https://ai-gateway.vercel.sh/v1",
        quirks=_as_openai(reasoning="object", reasoning_outside=("google/",)),
    ),
    "vllm": Vendor(
        probe_path="/models",
        base_url="http://localhost:8000/v1",
        quirks=Quirks(top_k=True, allowed_tools=False, max_stop_sequences=16, reasoning_returns="reasoning"),
        max_tokens_field="max_completion_tokens",
        after_cancel=OWN,
    ),
    "voyage": Vendor(
        catalogue="voyage",
        base_url="https://api.voyageai.com/v1",
        quirks=_as_openai(dimensions_field="output_dimension", input_type_field="input_type"),
        embed=EmbedLimit(1000, tokens=120_000),
        embed_by_model=_VOYAGES,
    ),
    "xai": Vendor(
        probe_path="/models",
        catalogue="xai",
        base_url="https://api.x.ai/v1",
        quirks=Quirks(
            allowed_tools=False,
            lacks=("prompt_cache_key",),
            max_top_logprobs=8,
            efforts=("none", *_LOW_TO_HIGH),
            reasoning_returns="reasoning_content",
        ),
        max_tokens_field="max_completion_tokens",
        after_cancel=STREAMS_STOP,
    ),
    "zai": Vendor(
        catalogue="zai",
        base_url="https://api.z.ai/api/paas/v4",
        quirks=_as_openai(
            lacks=(
                "seed",
                "frequency_penalty",
                "presence_penalty",
                "parallel_tool_calls",
                "prompt_cache_key",
                "top_logprobs",
            ),
            max_stop_sequences=1,
            json_schema=False,
            reasoning="thinking",
            efforts=(),
            reasoning_returns="reasoning_content",
            vector_encoding="none",
        ),
        embed=EmbedLimit(64),
    ),
}
"""By the name that the configuration uses."""
