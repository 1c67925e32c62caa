"""Why the model stopped: https://ai.google.dev/api/generate-content#FinishReason."""

from hedgerow_server.core.error import HedgerowError, ProviderAuth, ProviderRejectedRequest
from hedgerow_server.core.event import FinishReason
from hedgerow_server.providers.google.flavour import Flavour

_REASONS = {
    "STOP": FinishReason.STOP,
    "MAX_TOKENS": FinishReason.LENGTH,
    "SAFETY": FinishReason.CONTENT_FILTER,
    "BLOCKLIST": FinishReason.CONTENT_FILTER,
    "PROHIBITED_CONTENT": FinishReason.CONTENT_FILTER,
    "SPII": FinishReason.CONTENT_FILTER,
    "IMAGE_SAFETY": FinishReason.CONTENT_FILTER,
    "IMAGE_PROHIBITED_CONTENT": FinishReason.CONTENT_FILTER,
    "MODEL_ARMOR": FinishReason.CONTENT_FILTER,
    "ESCALATION": FinishReason.CONTENT_FILTER,
    "RECITATION": FinishReason.RECITATION,
    "IMAGE_RECITATION": FinishReason.RECITATION,
    "MALFORMED_FUNCTION_CALL": FinishReason.MALFORMED_TOOL_CALL,
    "UNEXPECTED_TOOL_CALL": FinishReason.MALFORMED_TOOL_CALL,
    "MALFORMED_RESPONSE": FinishReason.MALFORMED_OUTPUT,
    "CONTINUATION": FinishReason.PAUSE,
}
FAILURES: dict[str, type[HedgerowError]] = {
    "MISSING_THOUGHT_SIGNATURE": ProviderRejectedRequest,
    "PUP_LIMITED_DISABLED": ProviderAuth,
}
"""Words in the place of a finish reason that say that the call failed: the request lacks a signature, the account was
disabled."""
_NO_BLOCK = ("", "0", "BLOCKED_REASON_UNSPECIFIED", "BLOCK_REASON_UNSPECIFIED")
_MAX_WORD = 128


def word_of(value: object) -> str:
    """An enum's value as the provider wrote it: its name, or its number where the answer has numbers for enums."""
    if type(value) is int:
        return str(value)
    return value[:_MAX_WORD] if isinstance(value, str) else ""


def named(word: str, flavour: Flavour) -> str:
    """The name of a finish reason that may be written as a number; empty where it has none."""
    if not word.isdecimal() or not word.isascii():
        return word
    number = int(word) if len(word) < 4 else len(flavour.finish_words)
    return flavour.finish_words[number] if number < len(flavour.finish_words) else ""


def finish_reason(word: str, flavour: Flavour, *, calls: bool) -> FinishReason:
    """The reason behind the provider's word, given whether the answer calls tools: Google says STOP then, too."""
    reason = _REASONS.get(named(word, flavour), FinishReason.OTHER)
    return FinishReason.TOOL_CALLS if calls and reason is FinishReason.STOP else reason


def block_word(feedback: object) -> str:
    """Why the prompt was blocked, empty where it was not."""
    word = word_of(feedback.get("blockReason")) if isinstance(feedback, dict) else ""
    return "" if word in _NO_BLOCK else word
