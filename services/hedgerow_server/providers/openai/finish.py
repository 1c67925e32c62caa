"""Why the model stopped."""

from hedgerow_server.core.event import FinishReason

_REASONS = {
    "stop": FinishReason.STOP,
    "eos": FinishReason.STOP,  # Together
    "length": FinishReason.LENGTH,
    "model_length": FinishReason.CONTEXT_LENGTH,  # Mistral
    "tool_calls": FinishReason.TOOL_CALLS,
    "function_call": FinishReason.TOOL_CALLS,
    "content_filter": FinishReason.CONTENT_FILTER,
    "sensitive": FinishReason.CONTENT_FILTER,  # Z.ai
    "refusal": FinishReason.REFUSAL,
}
# What the vendor behind a router of vendors said, where that tells more than its plain "stop" (OpenRouter).
_NATIVE_REASONS = {
    "refusal": FinishReason.REFUSAL,
    "pause_turn": FinishReason.PAUSE,
    "model_context_window_exceeded": FinishReason.CONTEXT_LENGTH,
    "recitation": FinishReason.RECITATION,
    "malformed_function_call": FinishReason.MALFORMED_TOOL_CALL,
}
FAILURES = frozenset({"error", "insufficient_system_resource", "network_error", "abort"})
"""Words in the place of a finish reason that say that the provider failed (Mistral and OpenRouter, DeepSeek, Z.ai,
vLLM)."""


def finish_reason(word: str, *, calls: bool, refused: bool, native: str = "") -> FinishReason:
    """The reason behind the provider's word, given whether the answer calls tools and whether it holds a refusal, and
    the `native` word of whoever answered the provider.

    OpenAI says `stop` when `tool_choice` forced the function: the caller must act all the same.
    """
    reason = _REASONS.get(word, FinishReason.OTHER)
    if reason is FinishReason.STOP or not word:
        if calls:
            return FinishReason.TOOL_CALLS
        if refused:
            return FinishReason.REFUSAL
        return _NATIVE_REASONS.get(native.lower(), reason)
    return reason
