"""Recorded answers of providers: what our adapters read of their usage, and what was asked."""

import json
from collections.abc import Callable
from typing import Any

from hedgerow_server.core.event import EmbeddingsAdded, Finished, Usage
from hedgerow_server.core.port import Dialect, Operation, Reader
from hedgerow_server.core.request import ChatSpec, EmbedSpec
from hedgerow_server.providers.openai import OpenAI, OpenAISection
from providers import (
    anthropic_run,
    anthropic_spec,
    bedrock_run,
    bedrock_spec,
    cohere_run,
    cohere_spec,
    google_run,
    google_spec,
    openai_spec,
    responses_run,
    responses_spec,
)
from providers.replay import body_bytes, media_type, recordings_of

Json = dict[str, Any]
Spec = ChatSpec | EmbedSpec
ABSENT = "the recordings of provider traffic are not beside the checkout"
FAMILIES = {"azure_openai": "azure_openai", "gemini": "gemini"}
DIALECTS = (
    "openai_chat",
    "openai_embed",
    "openai_responses",
    "mistral_chat",
    "anthropic_messages",
    "gemini_generate",
    "bedrock_converse",
    "cohere_v2_chat",
)


def answered() -> list[Json]:
    """Every recording of an answer in a dialect that is asked here; none where the folder is absent."""
    return [one for one in recordings_of(*DIALECTS) if one["kind"] != "error" and "stream_error" not in one["features"]]


def usage(record: Json) -> Usage | None:
    """The usage of the answer as the adapter reads it."""
    reader = _reader(record)
    body = bedrock_run.body_bytes(record) if record["api"] == "bedrock_converse" else body_bytes(record)
    last = [*reader.feed(body), *reader.finish()][-1]
    assert isinstance(last, Finished | EmbeddingsAdded)
    return last.usage if isinstance(last, Finished) else None


def _reader(record: Json) -> Reader:
    kind, operation = media_type(record), Operation.EMBED if record["kind"] == "embed" else Operation.CHAT
    headers = record["response"]["headers"]
    if record["api"] == "bedrock_converse":
        streamed = record["response"].get("stream_format") is not None
        kind = bedrock_run.STREAM if streamed else "application/json"
    makers: dict[str, Callable[[], Dialect]] = {
        "openai_responses": responses_run.responses,
        "anthropic_messages": anthropic_run.anthropic,
        "gemini_generate": google_run.gemini,
        "bedrock_converse": bedrock_run.bedrock,
        "cohere_v2_chat": cohere_run.cohere,
    }
    dialect = makers[record["api"]]() if record["api"] in makers else _openai(record)
    return dialect.reader(operation, stream=kind != "application/json", content_type=kind, headers=headers)


def _openai(record: Json) -> OpenAI:
    vendor = record["provider"] if record["provider"] in ("mistral", "perplexity", "groq", "xai", "deepseek") else None
    section = {"dialect": "openai", **({"vendor": vendor} if vendor else {})}
    return OpenAI("vendor", OpenAISection.model_validate(section))


SPECS: dict[str, Callable[[Json, str], Spec]] = {
    "openai_chat": lambda body, _: openai_spec.chat_spec(openai_spec.canonical_chat(body)),
    "mistral_chat": lambda body, _: openai_spec.chat_spec(openai_spec.canonical_chat(body)),
    "openai_embed": lambda body, _: openai_spec.embed_spec(openai_spec.canonical_embed(body)),
    "openai_responses": lambda body, _: responses_spec.chat_spec(responses_spec.canonical(body)),
    "anthropic_messages": lambda body, _: anthropic_spec.chat_spec(anthropic_spec.canonical(body)),
    "gemini_generate": google_spec.chat_spec,
    "bedrock_converse": lambda body, _: bedrock_spec.chat_spec(body),
    "cohere_v2_chat": lambda body, _: cohere_spec.chat_spec(body),
}


def spec(record: Json) -> Spec | None:
    """What was asked. None where it is not said in the contract's words."""
    body = json.loads(json.dumps(record["request"]["body"]))
    try:
        return SPECS[record["api"]](body, record["model"])
    except (AssertionError, AttributeError, KeyError, TypeError, ValueError, IndexError):
        return None
