"""A chat request and its answer, in terms that every dialect shares."""

from typing import Any, Literal

import msgspec

Finish = Literal["stop", "length", "tool_calls"]


class Tool(msgspec.Struct, frozen=True):
    """A function the model may call."""

    name: str
    """As the request names it."""
    schema: Any
    """JSON Schema of its arguments; None takes none."""


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """What a request asks for."""

    model: str
    """As requested."""
    stream: bool = False
    """Whether a stream was asked for."""
    prompt: str
    """Text of the last user message."""
    input_tokens: int
    """Tokens of the whole prompt."""
    tool_result: str | None = None
    """Text of the tool result that the conversation ends with."""
    limit: int | None = None
    """At most so many output tokens, reasoning included."""
    stops: tuple[str, ...] = ()
    """Text ends before the first of these."""
    choices: int = 1
    """How many answers."""
    tools: tuple[Tool, ...] = ()
    """Those that may be called; empty when calls are forbidden."""
    must_call: str | None = None
    """A tool that has to be called, "*" for any, None when text will do."""
    parallel_calls: bool = True
    """Whether one answer may call several tools."""
    schema: Any = None
    """The answer is JSON that fits this schema; None for text."""
    reasoning_tokens: int = 0
    """How long to think."""


class Call(msgspec.Struct, frozen=True):
    """A tool call of an answer."""

    id: str
    """As OpenAI's: call_ and 24 characters."""
    name: str
    """The tool's."""
    arguments: tuple[str, ...]
    """JSON text, one token each; broken off when the limit was reached."""


class Choice(msgspec.Struct, frozen=True):
    """One answer."""

    finish: Finish
    """Why it ended."""
    text: tuple[str, ...] = ()
    """One token each."""
    calls: tuple[Call, ...] = ()
    """In order."""
    reasoning_tokens: int = 0
    """Thought before, and paid for."""
    tokens: int = 0
    """All output tokens: reasoning, text, names and arguments of calls."""
