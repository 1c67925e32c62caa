"""Why the model stopped."""

from hedgerow_server.core.event import FinishReason

# What the model's own vendor may say behind a plain "stop".
_TELLING = {
    "refusal": FinishReason.REFUSAL,
    "pause_turn": FinishReason.PAUSE,
    "model_context_window_exceeded": FinishReason.CONTEXT_LENGTH,
    "recitation": FinishReason.RECITATION,
    "malformed_function_call": FinishReason.MALFORMED_TOOL_CALL,
    "unexpected_tool_call": FinishReason.MALFORMED_TOOL_CALL,
}
# Beside OpenAI's words those of Anthropic, Google and Bedrock, which routers and hosts of their models pass on.
_REASONS = {
    **_TELLING,
    "stop": FinishReason.STOP,
    "eos": FinishReason.STOP,  # Together
    "eos_token": FinishReason.STOP,  # text-generation-inference
    "end_turn": FinishReason.STOP,
    "stop_sequence": FinishReason.STOP,
    "length": FinishReason.LENGTH,
    "max_tokens": FinishReason.LENGTH,
    "model_length": FinishReason.CONTEXT_LENGTH,  # Mistral
    "tool_calls": FinishReason.TOOL_CALLS,
    "tool_use": FinishReason.TOOL_CALLS,
    "function_call": FinishReason.TOOL_CALLS,
    "function_call_filter": FinishReason.MALFORMED_TOOL_CALL,  # Gemini's OpenAI door
    "content_filter": FinishReason.CONTENT_FILTER,
    "sensitive": FinishReason.CONTENT_FILTER,  # Z.ai
    "safety": FinishReason.CONTENT_FILTER,
    "prohibited_content": FinishReason.CONTENT_FILTER,
    "blocklist": FinishReason.CONTENT_FILTER,
    "spii": FinishReason.CONTENT_FILTER,
    "image_safety": FinishReason.CONTENT_FILTER,
    "content_filtered": FinishReason.CONTENT_FILTER,
    "guardrail_intervened": FinishReason.CONTENT_FILTER,
}
FAILURES = frozenset({"error", "insufficient_system_resource", "network_error", "abort"})
"""Words in the place of a finish reason that say that the provider failed (Mistral and OpenRouter, DeepSeek, Z.ai,
vLLM)."""


def finish_reason(word: str, *, calls: bool, refused: bool, native: str = "") -> FinishReason:
    """The reason behind the provider's word, given whether the answer calls tools and whether it holds a refusal, and
    the `native` word of whoever answered the provider.

    OpenAI says `stop` when `tool_choice` forced the function: the caller must act all the same.
    """
    reason = _reason(word)
    if reason is FinishReason.STOP or not word:
        if calls:
            return FinishReason.TOOL_CALLS
        if refused:
            return FinishReason.REFUSAL
        return _TELLING.get(native.lower(), reason)
    return reason


def _reason(word: str) -> FinishReason:
    """Gemini's OpenAI door has Gemini's word behind a kind: "function_call_filter: MALFORMED_FUNCTION_CALL"."""
    kind, _, said = word.lower().partition(": ")
    return _REASONS.get(said) or _REASONS.get(kind, FinishReason.OTHER)
