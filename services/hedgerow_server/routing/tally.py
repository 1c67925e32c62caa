"""Counts what passes, for attempts whose provider reports no usage."""

from collections.abc import Iterable

from hedgerow_server.core.event import (
    Event,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolCallArgumentsDelta,
    Usage,
)
from hedgerow_server.core.request import (
    ChatSpec,
    EmbedSpec,
    FunctionTool,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)

_CHARACTERS_PER_TOKEN = 4
"""A rule of thumb for English text in current vocabularies; the result is marked as estimated."""


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
        if isinstance(event, TextDelta | RefusalDelta):
            self._visible += len(event.text)
        elif isinstance(event, ReasoningDelta):
            self._reasoning += len(event.text)
        elif isinstance(event, ToolCallArgumentsDelta):
            self._visible += len(event.arguments)

    def estimate(self, *, final: bool = False) -> Usage:
        """What was probably consumed; `final` when nothing more can come."""
        return Usage(
            input_uncached_tokens=_tokens(_characters(self._spec)),
            output_visible_tokens=_tokens(self._visible),
            output_reasoning_tokens=_tokens(self._reasoning),
            estimated=True,
            final=final,
        )


def _tokens(characters: int) -> int:
    return -(-characters // _CHARACTERS_PER_TOKEN)


def _characters(spec: ChatSpec | EmbedSpec) -> int:
    if isinstance(spec, EmbedSpec):
        # Tokens of the vocabulary count as what they are.
        return sum(len(one) if isinstance(one, str) else len(one) * _CHARACTERS_PER_TOKEN for one in spec.inputs)
    tools = sum(
        len(tool.name) + len(tool.description) + len(tool.parameters)
        for tool in spec.tools
        if isinstance(tool, FunctionTool)
    )
    return tools + sum(_of_parts(message.content) for message in spec.messages)


def _of_parts(parts: Iterable[Part]) -> int:
    total = 0
    for part in parts:
        match part.content:
            case Text(text) | Reasoning(text) | Refusal(text):
                total += len(text)
            case ToolCall(_, name, arguments):
                total += len(name) + len(arguments)
            case ToolResult(_, content):
                total += _of_parts(content)
    return total
