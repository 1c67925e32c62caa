"""Why the model stopped: https://docs.claude.com/en/api/handling-stop-reasons."""

from hedgerow_server.core.event import FinishReason

_REASONS = {
    "end_turn": FinishReason.STOP,
    "stop_sequence": FinishReason.STOP,
    "max_tokens": FinishReason.LENGTH,
    "tool_use": FinishReason.TOOL_CALLS,
    "pause_turn": FinishReason.PAUSE,
    "compaction": FinishReason.PAUSE,
    "refusal": FinishReason.REFUSAL,
    "model_context_window_exceeded": FinishReason.CONTEXT_LENGTH,
}


def finish_reason(word: str, *, calls: bool) -> FinishReason:
    """The reason behind the provider's word, given whether the answer calls functions: then the caller must act, even
    where a server that only speaks the dialect says `end_turn`.
    """
    reason = _REASONS.get(word, FinishReason.OTHER)
    return FinishReason.TOOL_CALLS if calls and reason is FinishReason.STOP else reason
