"""Readers of chat answers: a stream of events, or one document."""

from typing import Any

from hedgerow_server.core.drift import Unknown
from hedgerow_server.core.event import Event, Finished, FinishReason, Usage
from hedgerow_server.providers.cohere.answer import (
    Delta,
    Message,
    StreamEvent,
    list_of,
    read_chat,
    read_event,
    read_type,
)
from hedgerow_server.providers.cohere.assembly import Assembly
from hedgerow_server.providers.cohere.errors import error_within
from hedgerow_server.providers.cohere.finish import FAILURES, finish_reason
from hedgerow_server.providers.cohere.usage import read_usage
from hedgerow_server.providers.loose import text_of
from hedgerow_server.providers.reading import MAX_WORD, DocumentReader, Opening, StreamReader, closing, sse_reader
from hedgerow_server.providers.refusal import failed_within, protocol_error, stream_cut
from hedgerow_server.providers.sse import SseEvent
from hedgerow_server.providers.watch import Watch

_NOTHING = Message()
_IGNORED = frozenset({"content-end", "citation-end", "debug"})
_TYPES = frozenset(
    {
        "content-start",
        "content-delta",
        "tool-plan-delta",
        "tool-call-start",
        "tool-call-delta",
        "tool-call-end",
        "citation-start",
        "message-start",
        "message-end",
        "",  # what is no JSON object at all
    }
)


class _Answer:
    """What all of one answer says together."""

    __slots__ = ("_assembly", "_provider", "_usage", "_watch", "_word", "done", "opening")

    def __init__(self, provider: str, watch: Watch) -> None:
        self._provider = provider
        self._watch = watch
        self._assembly = Assembly(provider, watch)
        self._usage: Usage | None = None
        self._word = ""
        self.opening = Opening()  # no answer names its model
        self.done = False

    def take(self, frame: SseEvent) -> None:
        """Takes an event of a stream. Raises HedgerowError."""
        name, payload = frame
        if payload[:6] == b"[DONE]":
            self.done = True
            return
        event = read_event(payload)
        if event is None:
            if payload and read_type(payload) in _TYPES:
                raise protocol_error(self._provider, "an event that is not one of a chat")
            if payload or name:
                self._watch.note(Unknown.EVENT, read_type(payload) or name.decode(errors="replace"))
            return
        kind = event.type
        message = event.delta.message if event.delta is not None and event.delta.message is not None else _NOTHING
        if kind == "content-delta":
            self._assembly.content(event.index, message.content)
            if event.logprobs:
                self._assembly.weigh(event.logprobs)
        elif kind == "tool-call-delta":
            for call in list_of(message.tool_calls):
                self._assembly.arguments(event.index, call)
        elif kind == "tool-plan-delta":
            self._assembly.plan(text_of(message.tool_plan))
        else:
            self._take_rare(event, message, name)

    def whole(self, text: bytes) -> list[Event]:
        """All events of a document. Raises HedgerowError."""
        chat = read_chat(text)
        if chat is None or chat.message is None:
            raise protocol_error(self._provider, "a body that is not the JSON of a chat")
        self._name(chat.id)
        self._assembly.whole(chat.message)
        self._assembly.weigh(chat.logprobs)
        self._note(chat.finish_reason, chat.usage)
        if not self._word:
            raise protocol_error(self._provider, "an answer without a finish reason")
        return closing(self)

    def events(self) -> list[Event]:
        """What was made since the last time."""
        return self._assembly.parts.take()

    def close(self) -> Finished:
        """Ends what is open. Raises StreamCut."""
        if not self._word:
            raise stream_cut(self._provider)
        parts = self._assembly.parts
        parts.close()
        reason = finish_reason(self._word, calls=parts.called)
        if reason is FinishReason.OTHER:
            self._watch.note(Unknown.FINISH_REASON, self._word)
        return Finished(reason, self._word, self._usage)

    def _take_rare(self, event: StreamEvent, message: Message, name: bytes) -> None:
        assembly = self._assembly
        match event.type:
            case "message-start":
                self._name(event.id)
            case "content-start":
                assembly.begin_content(event.index, message.content)
            case "tool-call-start":
                for call in list_of(message.tool_calls):
                    assembly.start_call(event.index, call)
            case "tool-call-end":
                assembly.end_call()
            case "citation-start":
                assembly.cite(message.citations)
            case "message-end":
                self._end(event.delta or Delta())
            case _:
                # What is no event but says something is an error; other events that are not known are skipped.
                if name == b"error" or (event.type in (None, "error") and isinstance(event.message, str)):
                    raise error_within(self._provider, text_of(event.error_type), text_of(event.message))
                if text_of(event.type) not in _IGNORED:
                    self._watch.note(Unknown.EVENT, event.type or name.decode(errors="replace"))

    def _end(self, delta: Delta) -> None:
        if delta.error:
            raise error_within(self._provider, "", text_of(delta.error))
        self._note(delta.finish_reason, delta.usage)

    def _name(self, response_id: object) -> None:
        self.opening.response_id = self._assembly.id = text_of(response_id)

    def _note(self, word: object, usage: Any) -> None:
        """Takes what stands at the end. Raises ProviderUnavailable where the finish reason is a failure."""
        self._usage = read_usage(usage) or self._usage
        if not isinstance(word, str):
            return
        if word.upper() in FAILURES:
            raise failed_within(self._provider, word)
        self._word = word[:MAX_WORD]


def stream_reader(provider: str, watch: Watch) -> StreamReader[SseEvent]:
    """A reader of server-sent events."""
    return sse_reader(provider, _Answer(provider, watch), read_event, watch)


def document_reader(provider: str, watch: Watch) -> DocumentReader:
    """A reader of one JSON document."""
    return DocumentReader(provider, _Answer(provider, watch).whole, watch)
