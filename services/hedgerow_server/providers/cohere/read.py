"""Readers of chat answers: a stream of events, or one document."""

from typing import Any

from hedgerow_server.core.error import HedgerowError, ProviderUnavailable, StreamCut
from hedgerow_server.core.event import Event, Finished, Started, Usage
from hedgerow_server.providers.cohere.answer import (
    Delta,
    Message,
    StreamEvent,
    list_of,
    read_chat,
    read_event,
    read_type,
    text_of,
)
from hedgerow_server.providers.cohere.assembly import Assembly
from hedgerow_server.providers.cohere.errors import error_within
from hedgerow_server.providers.cohere.finish import FAILURES, finish_reason
from hedgerow_server.providers.cohere.usage import read_usage
from hedgerow_server.providers.document import Document
from hedgerow_server.providers.refusal import protocol_error
from hedgerow_server.providers.sse import SseReader

_MAX_WORD = 128
_NOTHING = Message()
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

    __slots__ = ("_provider", "_started", "_usage", "assembly", "word")

    def __init__(self, provider: str) -> None:
        self._provider = provider
        self.assembly = Assembly(provider)
        self._started = False
        self._usage: Usage | None = None
        self.word = ""
        """The provider's finish reason, empty until it came."""

    def note(self, word: Any, usage: Any) -> None:
        """What stands at the end. Raises ProviderUnavailable where the finish reason is a failure."""
        self._usage = read_usage(usage) or self._usage
        if not isinstance(word, str):
            return
        if word.upper() in FAILURES:
            raise ProviderUnavailable(
                f"The provider {self._provider} failed while it answered ({word}).",
                metadata={"provider": self._provider, "upstreamStatus": "200", "upstreamCode": word},
            )
        self.word = word[:_MAX_WORD]

    def events(self) -> list[Event]:
        """What was made since the last time. Started goes before the first content; no answer names its model."""
        events = self.assembly.parts.take()
        if events and not self._started:
            self._started = True
            events.insert(0, Started(response_id=self.assembly.id))
        return events

    def closing(self) -> list[Event]:
        """The last events, Finished included."""
        self.assembly.parts.close()
        events = self.events()
        if not self._started:
            self._started = True
            events.append(Started(response_id=self.assembly.id))
        reason = finish_reason(self.word, calls=self.assembly.parts.called)
        events.append(Finished(reason, self.word, self._usage))
        return events


class StreamReader:
    """Reads server-sent events. Every way of cutting the bytes gives the same events."""

    __slots__ = ("_answer", "_failure", "_provider", "_sse", "done")

    def __init__(self, provider: str) -> None:
        self._provider = provider
        self._sse = SseReader(provider)
        self._answer = _Answer(provider)
        self._failure: HedgerowError | None = None
        self.done = False

    def feed(self, data: bytes) -> list[Event]:
        """The events that these bytes complete."""
        if self._failure is not None:
            raise self._failure
        if self.done:
            return []
        try:
            for name, payload in self._sse.feed(data):
                if payload[:6] == b"[DONE]":
                    self.done = True
                    break
                self._take(name, payload)
        except HedgerowError as error:
            # What came before goes out first; the failure is raised by whatever is called next.
            self.done = True
            self._failure = error
            if events := self._answer.events():
                return events
            raise
        return self._answer.events()

    def finish(self) -> list[Event]:
        """The last events. Raises StreamCut where no finish reason came."""
        if self._failure is not None:
            raise self._failure
        if not self.done:
            self.done = True
            for name, payload in self._sse.end():
                # What was cut in the middle of an event counts for nothing.
                if read_event(payload) is not None:
                    self._take(name, payload)
        if not self._answer.word:
            raise StreamCut(
                f"The answer of the provider {self._provider} ended without a finish reason.",
                metadata={"provider": self._provider},
            )
        return self._answer.closing()

    def _take(self, name: bytes, payload: bytes) -> None:
        event = read_event(payload)
        if event is None:
            if payload and read_type(payload) in _TYPES:
                raise protocol_error(self._provider, "an event that is not one of a chat")
            return  # one of a kind that is not known
        kind = event.type
        message = event.delta.message if event.delta is not None and event.delta.message is not None else _NOTHING
        if kind == "content-delta":
            self._answer.assembly.content(event.index, message.content)
        elif kind == "tool-call-delta":
            for call in list_of(message.tool_calls):
                self._answer.assembly.arguments(event.index, call)
        elif kind == "tool-plan-delta":
            self._answer.assembly.plan(text_of(message.tool_plan))
        else:
            self._take_rare(event, message, name)

    def _take_rare(self, event: StreamEvent, message: Message, name: bytes) -> None:
        assembly = self._answer.assembly
        match event.type:
            case "message-start":
                assembly.id = text_of(event.id)
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

    def _end(self, delta: Delta) -> None:
        if delta.error:
            raise error_within(self._provider, "", text_of(delta.error))
        self._answer.note(delta.finish_reason, delta.usage)


class DocumentReader:
    """Reads one JSON document of at most 64 MiB. All events come with its end."""

    __slots__ = ("_answer", "_document", "_provider", "done")

    def __init__(self, provider: str) -> None:
        self._provider = provider
        self._answer = _Answer(provider)
        self._document = Document(provider)
        self.done = False

    def feed(self, data: bytes) -> list[Event]:
        """Keeps the bytes. Raises UpstreamProtocol above the limit."""
        self._document.add(data)
        return []

    def finish(self) -> list[Event]:
        """The events of the answer."""
        chat = read_chat(self._document.text())
        if chat is None or chat.message is None:
            raise protocol_error(self._provider, "a body that is not the JSON of a chat")
        self._answer.assembly.id = text_of(chat.id)
        self._answer.assembly.whole(chat.message)
        self._answer.note(chat.finish_reason, chat.usage)
        if not self._answer.word:
            raise protocol_error(self._provider, "an answer without a finish reason")
        return self._answer.closing()
