"""Why the model stopped: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html."""

from hedgerow_server.core.event import FinishReason

_REASONS = {
    "end_turn": FinishReason.STOP,
    "stop_sequence": FinishReason.STOP,
    "max_tokens": FinishReason.LENGTH,
    "model_context_window_exceeded": FinishReason.CONTEXT_LENGTH,
    "tool_use": FinishReason.TOOL_CALLS,
    "content_filtered": FinishReason.CONTENT_FILTER,
    "guardrail_intervened": FinishReason.CONTENT_FILTER,  # of the provider: GUARDRAIL is the gateway's own
    "refusal": FinishReason.REFUSAL,
    "malformed_tool_use": FinishReason.MALFORMED_TOOL_CALL,
    "malformed_model_output": FinishReason.MALFORMED_OUTPUT,
    "pause_turn": FinishReason.PAUSE,
}


def finish_reason(word: str, *, calls: bool) -> FinishReason:
    """The reason behind the provider's word. Some models say `end_turn` after a call: the caller must act all the same.
    `max_tokens` after a complete call stays what it is: more calls may be missing.
    """
    reason = _REASONS.get(word, FinishReason.OTHER)
    return FinishReason.TOOL_CALLS if reason is FinishReason.STOP and calls else reason
