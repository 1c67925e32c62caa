"""Readers of answers: a stream of events, or one message."""

from hedgerow_server.core.error import HedgerowError, StreamCut
from hedgerow_server.core.event import Event, Finished, Started
from hedgerow_server.providers.anthropic.answer import Event as Piece
from hedgerow_server.providers.anthropic.answer import Message, read_event, read_message, text_of
from hedgerow_server.providers.anthropic.assembly import Assembly
from hedgerow_server.providers.anthropic.errors import error_within
from hedgerow_server.providers.anthropic.finish import finish_reason
from hedgerow_server.providers.anthropic.usage import Tally
from hedgerow_server.providers.document import Document
from hedgerow_server.providers.refusal import protocol_error
from hedgerow_server.providers.sse import SseReader

_MAX_WORD = 128


class Answer:
    """One answer while it comes, whatever it is wrapped in: Bedrock packs the same events in frames of its own."""

    __slots__ = ("_assembly", "_id", "_model", "_provider", "_started", "_stop_sequence", "_tally", "_word", "done")

    def __init__(self, provider: str) -> None:
        self._provider = provider
        self._assembly = Assembly(provider)
        self._tally = Tally()
        self._id = self._model = ""
        self._started = False
        self._word = self._stop_sequence = ""
        self.done = False
        """Whether the provider has said its last word."""

    def take(self, piece: Piece) -> None:
        """Takes an event of a stream. Raises HedgerowError."""
        kind = piece.type
        if kind == "content_block_delta":
            if piece.delta is not None:
                self._assembly.delta(piece.index, piece.delta)
        elif kind == "content_block_start":
            self._assembly.start(piece.index, piece.content_block, self._id)
        elif kind == "content_block_stop":
            self._assembly.end()
        elif kind == "message_delta":
            if piece.delta is not None:
                self._note_stop(piece.delta.stop_reason, piece.delta.stop_sequence)
            self._tally.add(piece.usage)
        elif kind == "message_start":
            head = read_message(piece.message)
            if head is None:
                raise protocol_error(self._provider, "the start of a message without the message")
            self._note_head(head)
        elif kind == "message_stop":
            self.done = True
        elif kind == "error" or (kind is None and piece.error):
            raise error_within(self._provider, piece.error)

    def take_whole(self, message: Message) -> None:
        """Takes a whole message. Raises HedgerowError."""
        if message.type == "error" or message.error:
            raise error_within(self._provider, message.error)
        if message.content is None:
            raise protocol_error(self._provider, "a message without content")
        self._note_head(message)
        for index, block in enumerate(message.content):
            self._assembly.start(index, block, self._id)
        self._note_stop(message.stop_reason, message.stop_sequence)

    def events(self) -> list[Event]:
        """What was taken since the last time. Started goes before the first content."""
        events = self._assembly.parts.take()
        if events and not self._started:
            self._started = True
            events.insert(0, Started(model=self._model, response_id=self._id))
        return events

    def closing(self) -> list[Event]:
        """The last events, Finished included. Raises StreamCut where no stop reason came."""
        if not self._word:
            raise StreamCut(
                f"The answer of the provider {self._provider} ended without a finish reason.",
                metadata={"provider": self._provider},
            )
        self._assembly.end()
        parts = self._assembly.parts
        parts.close()
        events = self.events()
        if not self._started:
            self._started = True
            events.append(Started(model=self._model, response_id=self._id))
        reason = finish_reason(self._word, calls=parts.called)
        events.append(Finished(reason, self._word, self._tally.usage(), stop_sequence=self._stop_sequence))
        return events

    def _note_head(self, message: Message) -> None:
        if not self._started:
            self._id = text_of(message.id)
            self._model = text_of(message.model)
        self._tally.add(message.usage)

    def _note_stop(self, reason: object, sequence: object) -> None:
        if reason := text_of(reason):
            self._word = reason[:_MAX_WORD]
            self._stop_sequence = text_of(sequence)


class StreamReader:
    """Reads server-sent events. Every way of cutting the bytes gives the same events."""

    __slots__ = ("_answer", "_failure", "_provider", "_sse", "done")

    def __init__(self, provider: str) -> None:
        self._provider = provider
        self._sse = SseReader(provider)
        self._answer = Answer(provider)
        self._failure: HedgerowError | None = None
        self.done = False

    def feed(self, data: bytes) -> list[Event]:
        """The events that these bytes complete."""
        if self._failure is not None:
            raise self._failure
        if self.done:
            return []
        answer = self._answer
        try:
            for name, payload in self._sse.feed(data):
                if payload[:6] == b"[DONE]":  # not Anthropic's, but of some that speak the dialect
                    answer.done = True
                else:
                    self._take(name, payload)
                if answer.done:
                    self.done = True
                    break
        except HedgerowError as error:
            # What came before goes out first; the failure is raised by whatever is called next.
            self.done = True
            self._failure = error
            if events := answer.events():
                return events
            raise
        return answer.events()

    def finish(self) -> list[Event]:
        """The last events. Raises StreamCut where no stop reason came."""
        if self._failure is not None:
            raise self._failure
        if not self.done:
            self.done = True
            for name, payload in self._sse.end():
                # What was cut in the middle of an event counts for nothing.
                if read_event(payload) is not None:
                    self._take(name, payload)
        return self._answer.closing()

    def _take(self, name: bytes, payload: bytes) -> None:
        piece = read_event(payload)
        if piece is None:
            if name == b"error":
                raise error_within(self._provider, None)
            if payload:
                raise protocol_error(self._provider, "an event that is not one of a message")
            return
        if piece.type is None and name:
            piece.type = name.decode(errors="replace")
        self._answer.take(piece)


class DocumentReader:
    """Reads one JSON document of at most 64 MiB. All events come with its end."""

    __slots__ = ("_document", "_provider", "done")

    def __init__(self, provider: str) -> None:
        self._provider = provider
        self._document = Document(provider)
        self.done = False

    def feed(self, data: bytes) -> list[Event]:
        """Keeps the bytes. Raises UpstreamProtocol above the limit."""
        self._document.add(data)
        return []

    def finish(self) -> list[Event]:
        """The events of the answer."""
        message = read_message(self._document.text())
        if message is None:
            raise protocol_error(self._provider, "a body that is not the JSON of a message")
        answer = Answer(self._provider)
        answer.take_whole(message)
        return answer.closing()
