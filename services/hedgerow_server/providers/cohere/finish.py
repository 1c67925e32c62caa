"""Why the model stopped: https://docs.cohere.com/reference/chat."""

from hedgerow_server.core.event import FinishReason

_REASONS = {
    "COMPLETE": FinishReason.STOP,
    "STOP_SEQUENCE": FinishReason.STOP,
    "MAX_TOKENS": FinishReason.LENGTH,
    "TOOL_CALL": FinishReason.TOOL_CALLS,
    # Of the API's first version, which private deployments may still say.
    "ERROR_LIMIT": FinishReason.CONTEXT_LENGTH,
    "ERROR_TOXIC": FinishReason.CONTENT_FILTER,
}
FAILURES = frozenset({"ERROR", "TIMEOUT"})
"""Words in the place of a finish reason that say that the provider failed."""


def finish_reason(word: str, *, calls: bool) -> FinishReason:
    """The reason behind the provider's word. After a call the caller must act, whatever the word for it."""
    reason = _REASONS.get(word.upper(), FinishReason.OTHER)
    return FinishReason.TOOL_CALLS if reason is FinishReason.STOP and calls else reason
