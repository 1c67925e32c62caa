"""A chat request and its answer, in terms that every dialect shares."""

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from hedgerow_sim import tokens

Finish = Literal["stop", "length", "tool_calls", "content_filter"]


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
    preamble: bool = False
    """Whether a word is said before tools are called."""


class Said(msgspec.Struct, frozen=True):
    """One message of a conversation, as far as an answer depends on it."""

    role: Literal["system", "user", "assistant", "tool"]
    """Who speaks; "tool" for results of tools."""
    text: str = ""
    """All text of it."""
    hidden: str = ""
    """What counts as input beside the text: names and arguments of calls, reasoning sent back."""
    attachments: int = 0
    """Images, files and the like."""


def heard(said: Sequence[Said], tools: Any = None) -> tuple[str, str | None, int]:
    """Of a conversation: the prompt, the tool result that it ends with, and its input tokens."""
    prompt = next((one.text for one in reversed(said) if one.role == "user" and one.text), "")
    result = said[-1].text if said and said[-1].role == "tool" else None
    total = tokens.PER_PROMPT + tokens.PER_MESSAGE * len(said)
    for one in said:
        total += tokens.count(one.text) + tokens.count(one.hidden) + tokens.PER_ATTACHMENT * one.attachments
    return prompt, result, total + (tokens.count(msgspec.json.encode(tools).decode()) if tools else 0)


class Call(msgspec.Struct, frozen=True):
    """A tool call of an answer."""

    id: str
    """As OpenAI's: call_ and 24 hexadecimal digits, which other dialects use behind prefixes of their own."""
    name: str
    """The tool's."""
    arguments: tuple[str, ...]
    """JSON text, one token each; broken off when the limit was reached."""

    @property
    def key(self) -> str:
        """The digits of the id."""
        return self.id.removeprefix("call_")

    @property
    def whole(self) -> dict[str, Any] | None:
        """The arguments as an object, None when they were broken off."""
        try:
            return msgspec.json.decode("".join(self.arguments), type=dict[str, Any])
        except msgspec.DecodeError:
            return None


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
    thinking: tuple[str, ...] = ()
    """The text of the reasoning, one token each, for dialects that show it."""
    stop: str | None = None
    """The stop sequence that ended the text."""
    tokens: int = 0
    """All output tokens: reasoning, text, names and arguments of calls."""
