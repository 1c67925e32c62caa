"""Why an answer ended, in the closed set of words that Anthropic's API has for it:
https://platform.claude.com/docs/en/build-with-claude/handling-stop-reasons.

A word that says that all is well is only told of an answer that is whole. Of the words for one that is not, `refusal`
stands where somebody stopped it, and `max_tokens` for every other reason; the exact one stands in the member
`hedgerow`.
"""

from hedgerow_server.core.event import Completed, FinishReason

_WORDS = {
    FinishReason.STOP: "end_turn",
    FinishReason.LENGTH: "max_tokens",
    FinishReason.CONTEXT_LENGTH: "model_context_window_exceeded",
    FinishReason.TOOL_CALLS: "tool_use",
    FinishReason.CONTENT_FILTER: "refusal",
    FinishReason.REFUSAL: "refusal",
    FinishReason.RECITATION: "refusal",
    FinishReason.MALFORMED_TOOL_CALL: "max_tokens",
    FinishReason.MALFORMED_OUTPUT: "max_tokens",
    FinishReason.PAUSE: "pause_turn",
    FinishReason.GUARDRAIL: "refusal",
    FinishReason.BUDGET: "max_tokens",
    FinishReason.OTHER: "max_tokens",
}
_SEQUENCE = "stop_sequence"
_COMPACTION = "compaction"
"""A pause of Anthropic's own, after which the conversation goes on from a summary."""


def stop_reason(completed: Completed) -> str:
    """The word."""
    if completed.reason is FinishReason.STOP and (completed.stop_sequence or completed.native_reason == _SEQUENCE):
        return _SEQUENCE
    if completed.reason is FinishReason.PAUSE and completed.native_reason == _COMPACTION:
        return _COMPACTION
    return _WORDS[completed.reason]
