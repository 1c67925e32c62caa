"""Answers that a test writes."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from math import ceil
from typing import Any, Self

from hedgerow.chat.v1 import event_pb2
from hedgerow.chat.v1.event_pb2 import (
    FINISH_REASON_REFUSAL,
    FINISH_REASON_STOP,
    FINISH_REASON_TOOL_CALLS,
    FINISH_REASON_UNSPECIFIED,
    FinishReason,
)
from hedgerow.chat.v1.message_pb2 import Part, Reasoning, ToolCall
from hedgerow.common.v1.usage_pb2 import Usage

from hedgerow_client.testing.contract import Event, numbered
from hedgerow_client.testing.fault import Fault
from hedgerow_client.testing.pieces import part_events
from hedgerow_client.testing.play import Play
from hedgerow_client.testing.request import Request

PROVIDER = "fake"
"""The provider that answers have come from, unless they say otherwise."""
_CHARACTERS_PER_TOKEN = 4


def tool_call(name: str, arguments: Mapping[str, Any] | str = "{}", *, call_id: str = "") -> ToolCall:
    """A call of a function. `arguments` is an object, or JSON text as it stands, also where it is malformed. Without a
    `call_id` it is call_1, call_2 and so on within the answer.
    """
    written = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    return ToolCall(id=call_id, name=name, arguments=written)


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer; without anything said an empty one. The unary RPC gives the fold of what a stream gives."""

    text: str | Sequence[str] = ""
    """The text. A string is cut into deltas by `chunk_characters`; a sequence is the deltas themselves."""
    _: KW_ONLY
    reasoning: str = ""
    """The thoughts, which come before the text."""
    tool_calls: Sequence[ToolCall] = ()
    """The calls of functions, which come after the text: see `tool_call`."""
    refusal: str = ""
    """The words of a model that declines."""
    parts: Sequence[Part] = ()
    """Further parts, after all others: images, audio, provider items, text with citations."""
    finish_reason: FinishReason.ValueType = FINISH_REASON_UNSPECIFIED
    """Why the model stopped. Unspecified: TOOL_CALLS where there are some, REFUSAL where there is one, else STOP."""
    native_finish_reason: str = ""
    """The provider's own word for it. Empty: the finish reason's name in lower case, such as "stop"."""
    usage: Usage | None = None
    """What was consumed. None: a token for every four characters of request and answer."""
    cost_picos: int | None = None
    """What the call cost, in 10^-12 US dollars; None: not known."""
    provider: str = PROVIDER
    """The configured name of the provider that answers."""
    model: str = ""
    """The provider's name of the model that answers. Empty: the name that was asked for."""
    vectors: Sequence[Sequence[float]] | None = None
    """For embeddings: the vectors, in the order of the inputs, begun anew where there are more inputs. None: a vector
    of length 1 for each input that depends on nothing but its text."""
    failed_items: Mapping[str, Fault] | None = None
    """For StreamEmbed: inputs, by their ids, that are answered by a status instead of a vector."""
    chunk_characters: int = 16
    """How many characters of text, reasoning, arguments or refusal a delta holds, from 1."""
    first_delay_s: float = 0.0
    """The pause before the first event; of a unary call before the answer."""
    chunk_delay_s: float = 0.0
    """The pause before each further event, also in a unary call, which then takes as long as the stream would."""

    @classmethod
    def json(cls, value: Any, **fields: Any) -> Self:
        """An answer whose text is a value as JSON. `fields` are those of Answer."""
        return cls(json.dumps(value, ensure_ascii=False), **fields)

    @classmethod
    def calling(cls, name: str, arguments: Mapping[str, Any] | str = "{}", **fields: Any) -> Self:
        """An answer that is one call of a function. `fields` are those of Answer."""
        return cls(tool_calls=[tool_call(name, arguments)], **fields)

    def slow(self, *, first_s: float = 0.0, chunk_s: float = 0.0) -> Self:
        """The same answer with pauses: before its first event, and before each of the others."""
        return replace(self, first_delay_s=first_s, chunk_delay_s=chunk_s)

    def play(self, request: Request) -> Play:
        """What a call sees of it."""
        return Play(numbered(self._events(request)), first_delay_s=self.first_delay_s, chunk_delay_s=self.chunk_delay_s)

    def used(self, request: Request, written: str) -> Usage:
        """What the call consumed: what the answer says, else a guess by the number of characters."""
        if self.usage is not None:
            return self.usage
        asked = _tokens(_words(request))
        hidden, visible = _tokens(self.reasoning), _tokens(written)
        return Usage(
            input_tokens=asked,
            input_uncached_tokens=asked,
            output_tokens=hidden + visible,
            output_visible_tokens=visible,
            output_reasoning_tokens=hidden,
            final=True,
        )

    def _events(self, request: Request) -> Iterator[Event]:
        model = self.model or request.model
        yield Event(started=event_pb2.Started(provider=self.provider, model=model))
        for index, (part, pieces) in enumerate(self._content()):
            yield from part_events(index, part, self.chunk_characters, pieces)
        reason = self._reason()
        native = self.native_finish_reason or FinishReason.Name(reason).removeprefix("FINISH_REASON_").lower()
        yield Event(
            completed=event_pb2.Completed(
                finish_reason=reason,
                native_finish_reason=native,
                usage=self.used(request, self._written()),
                cost_picos=self.cost_picos,
                charged_picos=self.cost_picos,
            )
        )

    def _content(self) -> Iterator[tuple[Part, Sequence[str]]]:
        """The parts of the message, and the deltas of those that say how they are cut."""
        if self.reasoning:
            yield Part(reasoning=Reasoning(text=self.reasoning)), ()
        if self.text:
            pieces = () if isinstance(self.text, str) else tuple(self.text)
            yield Part(text="".join(self.text)), pieces
        if self.refusal:
            yield Part(refusal=self.refusal), ()
        for number, call in enumerate(self.tool_calls, start=1):
            named = ToolCall(id=call.id or f"call_{number}", name=call.name, arguments=call.arguments or "{}")
            yield Part(tool_call=named), ()
        for part in self.parts:
            yield part, ()

    def _reason(self) -> FinishReason.ValueType:
        if self.finish_reason != FINISH_REASON_UNSPECIFIED:
            return self.finish_reason
        if self.tool_calls:
            return FINISH_REASON_TOOL_CALLS
        return FINISH_REASON_REFUSAL if self.refusal else FINISH_REASON_STOP

    def _written(self) -> str:
        texts = [*self.text, self.refusal, *(part.text for part in self.parts)]
        return "".join(texts) + "".join(call.name + call.arguments for call in self.tool_calls)


def _words(request: Request) -> str:
    """All text of the request."""
    match request.rpc:
        case "Complete" | "StreamComplete":
            return "".join(part.text for message in request.chat.messages for part in message.content)
        case "Embed":
            return "".join(given.text for given in request.embed.inputs)
        case _:
            return "".join(item.input.text for item in request.items)


def _tokens(text: str) -> int:
    return ceil(len(text) / _CHARACTERS_PER_TOKEN)
