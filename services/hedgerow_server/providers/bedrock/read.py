"""Readers of chat answers: a stream of events, or one document."""

from hedgerow_server.core.error import HedgerowError, StreamCut
from hedgerow_server.core.event import Event, Finished, Started, Usage
from hedgerow_server.providers.bedrock.answer import (
    LastEvent,
    member,
    read_block,
    read_block_event,
    read_converse,
    read_last_event,
    text_of,
)
from hedgerow_server.providers.bedrock.assembly import Assembly
from hedgerow_server.providers.bedrock.errors import error_within
from hedgerow_server.providers.bedrock.finish import finish_reason
from hedgerow_server.providers.bedrock.usage import read_usage
from hedgerow_server.providers.document import Document
from hedgerow_server.providers.eventstream import EventStreamReader
from hedgerow_server.providers.refusal import protocol_error

_MAX_WORD = 128


class _Answer:
    """What all of one answer says together."""

    __slots__ = ("_started", "_stop_sequence", "_usage", "assembly", "word")

    def __init__(self, provider: str) -> None:
        self.assembly = Assembly(provider)
        self._started = False
        self._stop_sequence = ""
        self._usage: Usage | None = None
        self.word = ""
        """The provider's stop reason, empty until it came."""

    def note(self, last: LastEvent) -> None:
        """What stands at the end: the stop reason in one event of a stream, usage in the next."""
        if isinstance(last.stop_reason, str):
            self.word = last.stop_reason[:_MAX_WORD]
        # Only there if the request asked for it by `additionalModelResponseFieldPaths`.
        stop = text_of(member(last.additional_model_response_fields, "stop_sequence"))
        self._stop_sequence = stop or self._stop_sequence
        self._usage = read_usage(last.usage, last.trace) or self._usage

    def events(self) -> list[Event]:
        """What was made since the last time. Started goes before the first content; no answer names its model."""
        events = self.assembly.parts.take()
        if events and not self._started:
            self._started = True
            events.insert(0, Started())
        return events

    def closing(self) -> list[Event]:
        """The last events, Finished included. Raises UpstreamProtocol."""
        self.assembly.stop()
        self.assembly.parts.close()
        events = self.events()
        if not self._started:
            self._started = True
            events.append(Started())
        reason = finish_reason(self.word, calls=self.assembly.parts.called)
        events.append(Finished(reason, self.word, self._usage, stop_sequence=self._stop_sequence))
        return events


class StreamReader:
    """Reads an event stream. Every way of cutting the bytes gives the same events."""

    __slots__ = ("_answer", "_failure", "_frames", "_provider", "done")

    def __init__(self, provider: str) -> None:
        self._provider = provider
        self._frames = EventStreamReader(provider)
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
            for kind, name, payload in self._frames.feed(data):
                if kind != "event":
                    raise error_within(self._provider, name, payload)
                self._take(name, payload)
                if self.done:
                    break
        except HedgerowError as error:
            # What came before goes out first; the failure is raised by whatever is called next.
            self.done = True
            self._failure = error
            if events := self._answer.events():
                return events
            raise
        return self._answer.events()

    def finish(self) -> list[Event]:
        """The last events. Raises StreamCut where no stop reason came."""
        if self._failure is not None:
            raise self._failure
        self.done = True
        if not self._answer.word:
            raise StreamCut(
                f"The answer of the provider {self._provider} ended without a finish reason.",
                metadata={"provider": self._provider},
            )
        return self._answer.closing()

    def _take(self, name: str, payload: bytes) -> None:
        """One event; those of kinds that are not known are skipped."""
        if name == "contentBlockDelta":
            event = read_block_event(payload)
            if event is None:
                raise protocol_error(self._provider, "a delta that is not one of a block")
            if event.delta is not None:
                self._answer.assembly.delta(event.content_block_index, event.delta)
        elif name == "contentBlockStart":
            event = read_block_event(payload)
            if event is None:
                raise protocol_error(self._provider, "a start that is not one of a block")
            self._answer.assembly.start(event.content_block_index, event.start)
        elif name == "contentBlockStop":
            event = read_block_event(payload)
            self._answer.assembly.stop(event.content_block_index if event is not None else None)
        elif name in ("messageStop", "metadata"):
            self._take_last(name, payload)
        elif name.lower().endswith("exception"):
            raise error_within(self._provider, name, payload)

    def _take_last(self, name: str, payload: bytes) -> None:
        last = read_last_event(payload)
        if last is None:
            raise protocol_error(self._provider, f"an event {name} that is not one")
        self._answer.note(last)
        # Usage comes after the stop reason: only then nothing more is to be waited for.
        self.done = name == "metadata" and bool(self._answer.word)


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
        converse = read_converse(self._document.text())
        message = converse.output.message if converse is not None and converse.output is not None else None
        if converse is None or message is None:
            raise protocol_error(self._provider, "a body that is not the JSON of an answer")
        for index, raw in enumerate(message.content or ()):
            block = read_block(bytes(raw))
            if block is None:
                raise protocol_error(self._provider, "a block that is none of an answer")
            self._answer.assembly.whole(index, block, bytes(raw))
        self._answer.note(converse)
        if not self._answer.word:
            raise protocol_error(self._provider, "an answer without a stop reason")
        return self._answer.closing()
