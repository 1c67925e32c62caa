"""Why the model stopped: https://docs.ollama.com/api/chat."""

from hedgerow_server.core.event import FinishReason

_REASONS = {"stop": FinishReason.STOP, "length": FinishReason.LENGTH}


def finish_reason(word: str, *, calls: bool) -> FinishReason:
    """The reason behind Ollama's word. It is "stop" whether or not there were calls: after one the caller must act. No
    word, as older servers have it, tells nothing of a limit that was met.
    """
    reason = _REASONS.get(word, FinishReason.OTHER)
    return FinishReason.TOOL_CALLS if calls and (reason is FinishReason.STOP or not word) else reason
