"""How other gateways call the providers, and what Hedgerow calls them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Vendor:
    """A provider as Hedgerow's configuration says it."""

    name: str
    """What its entry is called."""
    dialect: str
    """The dialect that it is spoken to in."""
    preset: str = ""
    """The vendor of the dialect `openai`; empty: none."""
    variable: str = ""
    """The environment variable in which its key usually is; empty: it needs none."""
    default_url: str = field(default="")
    """Where it is, if Hedgerow does not know it by itself."""


def _openai(name: str, variable: str, *, preset: str | None = None, url: str = "") -> Vendor:
    return Vendor(name, "openai", name if preset is None else preset, variable, url)


VENDORS: Mapping[str, Vendor] = MappingProxyType(
    {
        "openai": Vendor("openai", "openai", "", "OPENAI_API_KEY"),
        "anthropic": Vendor("anthropic", "anthropic", "", "ANTHROPIC_API_KEY"),
        "azure": Vendor("azure", "azure_openai", "", "AZURE_API_KEY"),
        "azure_ai": _openai("azure_ai", "AZURE_AI_API_KEY"),
        "bedrock": Vendor("bedrock", "bedrock"),
        "cohere": Vendor("cohere", "cohere", "", "COHERE_API_KEY"),
        "gemini": Vendor("gemini", "gemini", "", "GEMINI_API_KEY"),
        "vertex": Vendor("vertex", "vertex"),
        "ollama": Vendor("ollama", "ollama"),
        "cerebras": _openai("cerebras", "CEREBRAS_API_KEY"),
        "cloudflare": _openai("cloudflare", "CLOUDFLARE_API_KEY"),
        "dashscope": _openai("dashscope", "DASHSCOPE_API_KEY"),
        "databricks": _openai("databricks", "DATABRICKS_API_KEY"),
        "deepseek": _openai("deepseek", "DEEPSEEK_API_KEY"),
        "fireworks": _openai("fireworks", "FIREWORKS_API_KEY"),
        "groq": _openai("groq", "GROQ_API_KEY"),
        "huggingface": _openai("huggingface", "HUGGINGFACE_API_KEY"),
        "litellm": _openai("litellm", "LITELLM_PROXY_API_KEY"),
        "llamacpp": _openai("llamacpp", ""),
        "lmstudio": _openai("lmstudio", ""),
        "mistral": _openai("mistral", "MISTRAL_API_KEY"),
        "openrouter": _openai("openrouter", "OPENROUTER_API_KEY"),
        "perplexity": _openai("perplexity", "PERPLEXITYAI_API_KEY"),
        "snowflake": _openai("snowflake", "SNOWFLAKE_API_KEY"),
        "together": _openai("together", "TOGETHERAI_API_KEY"),
        "vercel": _openai("vercel", "VERCEL_AI_GATEWAY_API_KEY"),
        "vllm": _openai("vllm", ""),
        "voyage": _openai("voyage", "VOYAGE_API_KEY"),
        "xai": _openai("xai", "XAI_API_KEY"),
        "zai": _openai("zai", "ZAI_API_KEY"),
        # Not presets of Hedgerow, but servers of the same API.
        "nebius": _openai("nebius", "NEBIUS_API_KEY", preset="", url="https://api.studio.nebius.ai/v1"),
        "nvidia_nim": _openai("nvidia_nim", "NVIDIA_NIM_API_KEY", preset="", url="https://integrate.api.nvidia.com/v1"),
        "sambanova": _openai("sambanova", "SAMBANOVA_API_KEY", preset="", url="https://api.sambanova.ai/v1"),
        "deepinfra": _openai("deepinfra", "DEEPINFRA_API_KEY", preset="", url="https://api.deepinfra.com/v1/openai"),
        "moonshot": _openai("moonshot", "MOONSHOT_API_KEY", preset="", url="https://api.moonshot.ai/v1"),
    }
)
"""By Hedgerow's name."""

NEEDS_URL = frozenset({"azure", "azure_ai", "cloudflare", "databricks", "snowflake"})
"""The vendors whose address depends on the account."""

LITELLM: Mapping[str, str] = MappingProxyType(
    {
        **{name: name for name in VENDORS},
        "text-completion-openai": "openai",
        "custom_openai": "openai",
        "anthropic_text": "anthropic",
        "cohere_chat": "cohere",
        "vertex_ai": "vertex",
        "vertex_ai_beta": "vertex",
        "ollama_chat": "ollama",
        "fireworks_ai": "fireworks",
        "together_ai": "together",
        "hosted_vllm": "vllm",
        "lm_studio": "lmstudio",
        "litellm_proxy": "litellm",
        "vercel_ai_gateway": "vercel",
        "meta_llama": "openai",
    }
)
"""By the prefix of LiteLLM's models: https://docs.litellm.ai/docs/providers."""

PORTKEY: Mapping[str, str] = MappingProxyType(
    {
        **{name: name for name in VENDORS},
        "azure-openai": "azure",
        "azure-ai": "azure_ai",
        "google": "gemini",
        "vertex-ai": "vertex",
        "mistral-ai": "mistral",
        "fireworks-ai": "fireworks",
        "together-ai": "together",
        "perplexity-ai": "perplexity",
        "x-ai": "xai",
        "workers-ai": "cloudflare",
        "nvidia-nim": "nvidia_nim",
        "z-ai": "zai",
    }
)
"""By Portkey's word: https://portkey.ai/docs/integrations/llms."""
