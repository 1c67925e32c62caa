"""Providers' published prices and rules of billing, written down by hand, and what they make of an answer's own words.

Nothing here knows the gateway: not its adapters, not its price list. US dollars per million tokens.
"""

import json
from decimal import Decimal
from typing import Any, NamedTuple

Json = dict[str, Any]


class Sheet(NamedTuple):
    """Published prices of a model."""

    given: str
    read: str
    made: str
    write: str = "0"
    write_1h: str = "0"
    audio: str = ""
    """Audio input. Empty: as other input."""
    above: int = 0
    """Beyond so much input every token costs `long`. 0: no tiers."""
    long: tuple[str, str, str, str, str] = ("0", "0", "0", "0", "0")
    """given, read, made, write, write_1h of long requests."""


OPENAI = "https://platform.openai.com/docs/pricing"
ANTHROPIC = "https://platform.claude.com/docs/en/about-claude/pricing"
GEMINI = "https://ai.google.dev/gemini-api/docs/pricing"
BEDROCK = "https://aws.amazon.com/bedrock/pricing/"
GROQ = "https://groq.com/pricing"

SOURCES = {"openai": OPENAI, "azure_openai": OPENAI, "anthropic": ANTHROPIC, "gemini": GEMINI, "bedrock": BEDROCK}
SOURCES |= {"groq": GROQ}
SHEETS: dict[str, dict[str, Sheet]] = {
    OPENAI: {
        "gpt-4o": Sheet("2.50", "1.25", "10"),
        "gpt-4o-mini": Sheet("0.15", "0.075", "0.60"),
        "gpt-4.1": Sheet("2.00", "0.50", "8"),
        "gpt-4.1-nano": Sheet("0.10", "0.025", "0.40"),
        "gpt-5": Sheet("1.25", "0.125", "10"),
        "gpt-5-mini": Sheet("0.25", "0.025", "2"),
        "gpt-5-nano": Sheet("0.05", "0.005", "0.40"),
        "o4-mini": Sheet("1.10", "0.275", "4.40"),
        "gpt-3.5-turbo": Sheet("0.50", "0.50", "1.50"),
        "gpt-4": Sheet("30", "30", "60"),
    },
    ANTHROPIC: {
        "claude-3-opus-20240229": Sheet("15", "1.50", "75", "18.75", "30"),
        "claude-3-5-sonnet-20240620": Sheet("3", "0.30", "15", "3.75", "6"),
        "claude-sonnet-4-0": Sheet("3", "0.30", "15", "3.75", "6"),
        "claude-sonnet-4-20250514": Sheet("3", "0.30", "15", "3.75", "6"),
        "claude-sonnet-4-5": Sheet(
            "3", "0.30", "15", "3.75", "6", above=200_000, long=("6", "0.60", "22.50", "7.50", "12")
        ),
        "claude-haiku-4-5": Sheet("1", "0.10", "5", "1.25", "2"),
        "claude-haiku-4-5-20251001": Sheet("1", "0.10", "5", "1.25", "2"),
        "claude-opus-4-6": Sheet("5", "0.50", "25", "6.25", "10"),
    },
    GEMINI: {
        "gemini-2.0-flash": Sheet("0.10", "0.025", "0.40", audio="0.70"),
        "gemini-2.5-flash": Sheet("0.30", "0.03", "2.50", audio="1.00"),
        "gemini-2.5-pro": Sheet("1.25", "0.125", "10", above=200_000, long=("2.50", "0.25", "15", "0", "0")),
    },
    BEDROCK: {
        "amazon.nova-lite-v1:0": Sheet("0.06", "0.015", "0.24"),
        "amazon.nova-micro-v1:0": Sheet("0.035", "0.00875", "0.14"),
        "us.amazon.nova-micro-v1:0": Sheet("0.035", "0.00875", "0.14"),
        "us.amazon.nova-pro-v1:0": Sheet("0.80", "0.20", "3.20"),
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0": Sheet("3.30", "0.33", "16.50", "4.125", "6.60"),
        "us.anthropic.claude-3-7-sonnet-20250219-v1:0": Sheet("3", "0.30", "15", "3.75", "6"),
    },
    GROQ: {
        "llama-3.3-70b-versatile": Sheet("0.59", "0.59", "0.79"),
        "openai/gpt-oss-120b": Sheet("0.15", "0.075", "0.60"),
    },
}
_SEARCH = Decimal("0.01")
"""Anthropic and OpenAI: 10 dollars per 1,000 web searches."""


class Counts(NamedTuple):
    """What a provider says that it counted; all numbers apart from each other."""

    given: int = 0
    read: int = 0
    write: int = 0
    write_1h: int = 0
    audio: int = 0
    made: int = 0
    searches: int = 0


def picos(sheet: Sheet, counts: Counts) -> int:
    """The bill in 10^-12 US dollars, rounded half to even."""
    whole = counts.given + counts.read + counts.write + counts.write_1h + counts.audio
    prices = (sheet.given, sheet.read, sheet.made, sheet.write, sheet.write_1h)
    given, read, made, write, write_1h = map(Decimal, sheet.long if sheet.above and whole > sheet.above else prices)
    audio = Decimal(sheet.audio) if sheet.audio else given
    total = counts.given * given + counts.read * read + counts.write * write + counts.write_1h * write_1h
    total += counts.audio * audio + counts.made * made
    return int((total * 10**6 + counts.searches * _SEARCH * 10**12).to_integral_value())


def counted(record: Json) -> Counts | None:
    """What the recorded answer itself says. None: nothing, or something that these rules do not cover."""
    rule = {
        "openai_chat": _chat,
        "openai_responses": _responses,
        "anthropic_messages": _anthropic,
        "gemini_generate": _gemini,
        "bedrock_converse": _converse,
    }[record["api"]]
    return rule(_documents(record))


def _documents(record: Json) -> list[Json]:
    body = record["response"]["body"]
    if not isinstance(body, str):
        return body if isinstance(body, list) else [body]
    lines = [line[5:].strip() for line in body.splitlines() if line.startswith("data:")]
    return [json.loads(line) for line in lines if line and line != "[DONE]"]


def _chat(documents: list[Json]) -> Counts | None:
    """prompt_tokens include the cached ones, completion_tokens the reasoning."""
    told = [one["usage"] for one in documents if one.get("usage")]
    if not told:
        return None
    last = told[-1]
    details = last.get("prompt_tokens_details") or {}
    made = last.get("completion_tokens_details") or {}
    if details.get("audio_tokens") or made.get("audio_tokens"):
        return None
    read = details.get("cached_tokens") or 0
    return Counts(given=last["prompt_tokens"] - read, read=read, made=last.get("completion_tokens") or 0)


def _responses(documents: list[Json]) -> Counts | None:
    """input_tokens include the cached ones, output_tokens the reasoning; each web search is an item."""
    last = documents[-1].get("response") or documents[-1]
    told = last.get("usage")
    if not told:
        return None
    items = last.get("output") or []
    kinds = {item["type"] for item in items}
    if kinds & {"file_search_call", "code_interpreter_call", "image_generation_call", "computer_call"}:
        return None
    searches = sum(
        item["type"] == "web_search_call" and (item.get("action") or {}).get("type", "search") == "search"
        for item in items
    )
    details = told.get("input_tokens_details") or {}
    if details.get("cache_write_tokens"):
        return None
    read = details.get("cached_tokens") or 0
    return Counts(given=told["input_tokens"] - read, read=read, made=told["output_tokens"], searches=searches)


def _anthropic(documents: list[Json]) -> Counts | None:
    """input_tokens exclude reads and writes; a stream says it at its start and, for good, in its last delta."""
    told: Json = {}
    for one in documents:
        for place in (one.get("message") or {}, one):
            told |= {name: value for name, value in (place.get("usage") or {}).items() if value is not None}
    if not told or told.get("iterations"):
        return None
    if told.get("service_tier") not in (None, "standard") or told.get("speed") not in (None, "standard"):
        return None
    tools = {name: count for name, count in (told.get("server_tool_use") or {}).items() if count}
    if tools.keys() - {"web_search_requests", "web_fetch_requests"}:
        return None
    written = told.get("cache_creation") or {}
    long = written.get("ephemeral_1h_input_tokens") or 0
    return Counts(
        given=told["input_tokens"],
        read=told.get("cache_read_input_tokens") or 0,
        write=(told.get("cache_creation_input_tokens") or 0) - long,
        write_1h=long,
        made=told["output_tokens"],
        searches=tools.get("web_search_requests", 0),
    )


def _gemini(documents: list[Json]) -> Counts | None:
    """PromptTokenCount includes the cached ones, candidatesTokenCount excludes thoughts; tools' results are input."""
    told = [one["usageMetadata"] for one in documents if "promptTokenCount" in one.get("usageMetadata", {})]
    grounded = any("groundingMetadata" in candidate for one in documents for candidate in one.get("candidates", ()))
    if not told or grounded:
        return None
    last = told[-1]
    if any(one["modality"] not in ("TEXT", "AUDIO") for one in last.get("promptTokensDetails", ())):
        return None
    read = last.get("cachedContentTokenCount") or 0
    audio = sum(one.get("tokenCount", 0) for one in last.get("promptTokensDetails", ()) if one["modality"] == "AUDIO")
    if any(
        one["modality"] != "TEXT"
        for name in ("candidatesTokensDetails", "cacheTokensDetails")
        for one in last.get(name, ())
    ):
        return None
    given = last["promptTokenCount"] - read - audio + (last.get("toolUsePromptTokenCount") or 0)
    made = (last.get("candidatesTokenCount") or 0) + (last.get("thoughtsTokenCount") or 0)
    return Counts(given=given, read=read, audio=audio, made=made)


def _converse(documents: list[Json]) -> Counts | None:
    """InputTokens exclude reads and writes."""
    told = [one["usage"] for one in documents if one.get("usage")]
    if not told or any("trace" in one for one in documents):
        return None
    last = told[-1]
    return Counts(
        given=last["inputTokens"],
        read=last.get("cacheReadInputTokens") or 0,
        write=last.get("cacheWriteInputTokens") or 0,
        made=last["outputTokens"],
    )
