"""Fields of the contract in the words of the Responses API, for errors and warnings."""

import re
from collections.abc import Sequence

_OPTION = re.compile(r"chat\.provider_options\['openai(?:_responses)?'\]\.(?P<name>.+)", re.DOTALL)
_MESSAGE = re.compile(r"chat\.messages\[(?P<message>\d+)\](?:\.content\[(?P<part>\d+)\])?(?P<rest>.*)", re.DOTALL)
_WITHIN = re.compile(r"\.tool_result\.content(?P<at>\[\d+\])(?P<rest>.*)", re.DOTALL)
_NAMES = {
    "chat.messages": "input",
    "chat.tool_choice.mode": "tool_choice",
    "idempotency_key": "idempotency-key",
}
_WORDS = (
    (re.compile(r"^chat\.response_format\.(?:json_schema|json_object)"), "text.format"),
    (re.compile(r"^chat\.response_format\b"), "text.format"),
    (re.compile(r"^chat\.tool_choice\.function_names.*"), "tool_choice"),
    (re.compile(r"^chat\.(tools\[\d+\])\.(?:function\b|provider_tool\b(?:\.definition)?)"), r"\1"),
    (re.compile(r"^(route|labels)\b"), r"hedgerow.\1"),
    (re.compile(r"^chat\.(provider_options)\b"), r"hedgerow.\1"),
    (re.compile(r"^chat\."), ""),
)
# What the contract puts around a medium or a text, where the API has the piece itself.
_AROUND = re.compile(
    r"^\.(?:text|refusal|reasoning\.text|provider_state|provider_item|tool_call|tool_result)\b(?:\.data$)?"
)
_SOURCES = (
    (re.compile(r"^\.image(?:\.(?:data|url))?$"), ".image_url"),
    (re.compile(r"^\.image\."), "."),
    (re.compile(r"^\.audio(?:\.data)?$"), ".input_audio"),
    (re.compile(r"^\.file\.provider_file_id$"), ".file_id"),
    (re.compile(r"^\.file\.url$"), ".file_url"),
    (re.compile(r"^\.file\.name$"), ".filename"),
    (re.compile(r"^\.file(?:\.data)?$"), ".file_data"),
    (re.compile(r"^\.cache_hint\b"), ".prompt_cache_breakpoint"),
)

Places = Sequence[Sequence[str]]
"""Where each part of each message of the contract stands in the body."""


def api_field(field: str, places: Places) -> str:
    """The field that a caller of the Responses API knows by another name than the contract."""
    if (option := _OPTION.fullmatch(field)) is not None:
        return option["name"]
    if field in _NAMES:
        return _NAMES[field]
    if (found := _MESSAGE.fullmatch(field)) is not None:
        return _of_input(found, places)
    for pattern, words in _WORDS:
        field, changed = pattern.subn(words, field)
        if changed:
            break
    return field


def _of_input(found: re.Match[str], places: Places) -> str:
    message, part, rest = int(found["message"]), found["part"], found["rest"]
    parts = places[message] if message < len(places) else ()
    if not parts:
        return "input"
    if part is None:
        return parts[0].partition(".")[0]
    at = parts[int(part)] if int(part) < len(parts) else parts[0].partition(".")[0]
    if (within := _WITHIN.fullmatch(rest)) is not None:
        at, rest = f"{at}.output{within['at']}", within["rest"]
    rest = _AROUND.sub("", rest)
    for pattern, words in _SOURCES:
        rest = pattern.sub(words, rest)
    return at + rest
