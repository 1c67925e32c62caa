"""Counts what passes, for attempts whose provider reports no usage."""

from hedgerow_server.core.event import (
    Event,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolCallArgumentsDelta,
    Usage,
)

_BYTES_PER_TOKEN = 4
"""A rule of thumb for English text in current vocabularies; the result is marked as estimated."""


class Tally:
    """Characters seen so far, and the tokens that they may have been."""

    __slots__ = ("_reasoning", "_request_bytes", "_visible", "seen")

    def __init__(self, request_bytes: int) -> None:
        self._request_bytes = request_bytes
        self._visible = 0
        self._reasoning = 0
        self.seen = False
        """Whether any content has passed."""

    def add(self, event: Event) -> None:
        """Counts one event."""
        self.seen = True
        if isinstance(event, TextDelta | RefusalDelta):
            self._visible += len(event.text)
        elif isinstance(event, ReasoningDelta):
            self._reasoning += len(event.text)
        elif isinstance(event, ToolCallArgumentsDelta):
            self._visible += len(event.arguments)

    def estimate(self, *, final: bool = False) -> Usage:
        """What was probably consumed; `final` when nothing more can come."""
        return Usage(
            input_uncached_tokens=-(-self._request_bytes // _BYTES_PER_TOKEN),
            output_visible_tokens=-(-self._visible // _BYTES_PER_TOKEN),
            output_reasoning_tokens=-(-self._reasoning // _BYTES_PER_TOKEN),
            estimated=True,
            final=final,
        )
