"""Counts what passes, for attempts whose provider reports no usage."""

from hedgerow_server.core.event import (
    Event,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolCallArgumentsDelta,
    Usage,
)
from hedgerow_server.core.request import ChatSpec, EmbedSpec
from hedgerow_server.core.tokens import input_tokens, text_tokens


class Tally:
    """Characters seen so far, and the tokens that they may have been."""

    __slots__ = ("_reasoning", "_spec", "_visible", "seen")

    def __init__(self, spec: ChatSpec | EmbedSpec) -> None:
        """`spec` is what was asked; it is only looked at when there is something to estimate."""
        self._spec = spec
        self._visible = 0
        self._reasoning = 0
        self.seen = False
        """Whether any content has passed."""

    def add(self, event: Event) -> None:
        """Counts one event."""
        self.seen = True
        if isinstance(event, TextDelta):
            # Nearly all are: as in _size.
            text = event.text
            self._visible += len(text) if text.isascii() else _size(text)
        elif isinstance(event, ReasoningDelta):
            self._reasoning += _size(event.text)
        elif isinstance(event, RefusalDelta):
            self._visible += _size(event.text)
        elif isinstance(event, ToolCallArgumentsDelta):
            self._visible += _size(event.arguments)

    def denies(self, usage: Usage) -> bool:
        """Whether what has passed cannot have cost so little: nothing at all, or no output where there was some."""
        if usage.output_tokens or not self.seen:
            return False
        return bool(self._visible or self._reasoning) or not usage.input_tokens

    def estimate(self, *, final: bool = False) -> Usage:
        """What was probably consumed; `final` when nothing more can come."""
        return Usage(
            input_uncached_tokens=input_tokens(self._spec).expected,
            output_visible_tokens=text_tokens(self._visible),
            output_reasoning_tokens=text_tokens(self._reasoning),
            estimated=True,
            final=final,
        )


def _size(text: str) -> int:
    """In bytes of UTF-8, by which all scripts come to about their number of tokens."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
