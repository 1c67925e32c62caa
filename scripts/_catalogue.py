"""Compares the model catalogue with LiteLLM's public model map, and prints what the map says otherwise.

Usage: python scripts/_catalogue.py MAP.json [FAMILY …]
  MAP.json  model_prices_and_context_window.json of github.com/BerriAI/litellm, or the copy in its package

It changes nothing: each difference is a question to the provider's own pages. A model that only the map has is printed
as a line to paste into the data file.
"""

import datetime as dt
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from hedgerow_server.catalogue.book import Catalogue, families

Entry = dict[str, Any]

FAMILIES: dict[str, dict[str, str]] = {
    "anthropic": {"anthropic": ""},
    "azure": {"azure": "azure/"},
    "azure_ai": {"azure_ai": "azure_ai/"},
    "bedrock": {"bedrock": "", "bedrock_converse": ""},
    "bedrock_mantle": {"bedrock_mantle": "bedrock_mantle/"},
    "cerebras": {"cerebras": "cerebras/"},
    "cloudflare": {"cloudflare": "cloudflare/"},
    "cohere": {"cohere": "cohere/", "cohere_chat": ""},
    "crusoe": {"crusoe": "crusoe/"},
    "dashscope": {"dashscope": "dashscope/"},
    "databricks": {"databricks": "databricks/"},
    "deepseek": {"deepseek": "deepseek/"},
    "fireworks": {"fireworks_ai": "fireworks_ai/"},
    "google": {"gemini": "gemini/"},
    "groq": {"groq": "groq/"},
    "mistral": {"mistral": "mistral/"},
    "openai": {"openai": ""},
    "perplexity": {"perplexity": "perplexity/"},
    "snowflake": {"snowflake": "snowflake/"},
    "together": {"together_ai": "together_ai/"},
    "vertex": {
        "vertex_ai": "vertex_ai/",
        "vertex_ai-anthropic_models": "vertex_ai/",
        "vertex_ai-embedding-models": "",
        "vertex_ai-language-models": "",
    },
    "voyage": {"voyage": "voyage/"},
    "xai": {"xai": "xai/"},
    "zai": {"zai": "zai/"},
}
"""By family: the map's providers, and what stands before the provider's own name in the map."""

_FLAGS = {
    "tools": "supports_function_calling",
    "json_schema": "supports_response_schema",
    "reasoning": "supports_reasoning",
    "prefill": "supports_assistant_prefill",
}
_INPUTS = {"image": "supports_vision", "file": "supports_pdf_input", "audio": "supports_audio_input"}


def facts(entry: Entry, prefix: str) -> dict[str, object]:
    """What an entry of the map says, in the terms of the catalogue; what it leaves open is left out."""
    found: dict[str, object] = {}
    context, longest = entry.get("max_input_tokens"), entry.get("max_output_tokens")
    if context:
        found["context_tokens"] = int(context)
    if entry.get("mode") == "embedding":
        found["kind"] = "embed"
        if entry.get("output_vector_size"):
            found["dimensions"] = int(entry["output_vector_size"])
    # Where both are the same the map knows no limit of the answer of its own.
    elif longest and longest != context:
        found["max_output_tokens"] = int(longest)
    found |= {field: entry[flag] for field, flag in _FLAGS.items() if isinstance(entry.get(flag), bool)}
    told = "supports_vision" in entry or entry.get("supports_audio_input")
    inputs = list(entry.get("supported_modalities") or (["text"] if told else []))
    inputs += [word for word, flag in _INPUTS.items() if inputs and entry.get(flag) and word not in inputs]
    if inputs and entry.get("mode") != "embedding":
        found["input_modalities"] = inputs
    if entry.get("deprecation_date"):
        found["retires"] = dt.date.fromisoformat(entry["deprecation_date"])
    if entry.get("successor_model"):
        found["successor"] = str(entry["successor_model"]).removeprefix(prefix)
    return found


def models(every: dict[str, Entry], family: str) -> Iterator[tuple[str, dict[str, object]]]:
    """The map's models of a family that retire in the future or not at all, by the provider's own name."""
    today = dt.datetime.now(dt.UTC).date().isoformat()
    for name, entry in every.items():
        prefix = FAMILIES[family].get(str(entry.get("litellm_provider")))
        wanted = entry.get("mode") in ("chat", "embedding") and entry.get("deprecation_date", today) >= today
        if prefix is not None and wanted and "alias_of" not in entry:
            yield name.removeprefix(prefix), facts(entry, prefix)


def main() -> int:
    """Prints the differences; returns the exit status."""
    every = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    catalogue = Catalogue()
    for family in sys.argv[2:] or sorted(FAMILIES.keys() & families()):
        for name, said in models(every, family):
            known = catalogue.facts(family, name)
            if known is None:
                line = yaml.safe_dump(said, default_flow_style=True, sort_keys=False, width=1000).strip()
                print(f"{family}: only in the map: {name}: {line}")
                continue
            for field, value in said.items():
                ours = getattr(known, field)
                theirs = frozenset(value) if isinstance(value, list) else value
                if ours not in (theirs, None, frozenset()):
                    print(f"{family}: {name}: {field}: ours {ours}, the map's {theirs}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
