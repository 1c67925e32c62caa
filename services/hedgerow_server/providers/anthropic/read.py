"""Readers of answers: a stream of events, or one message."""

from hedgerow_server.core.drift import Unknown
from hedgerow_server.core.event import Event, Finished, FinishReason
from hedgerow_server.providers.anthropic.answer import Event as Piece
from hedgerow_server.providers.anthropic.answer import Message, read_event, read_message
from hedgerow_server.providers.anthropic.assembly import Assembly
from hedgerow_server.providers.anthropic.errors import error_within
from hedgerow_server.providers.anthropic.finish import finish_reason
from hedgerow_server.providers.anthropic.usage import Tally
from hedgerow_server.providers.loose import plain, text_of
from hedgerow_server.providers.reading import MAX_WORD, DocumentReader, Opening, StreamReader, closing, sse_reader
from hedgerow_server.providers.refusal import error_object, protocol_error, stream_cut
from hedgerow_server.providers.sse import SseEvent
from hedgerow_server.providers.watch import Watch


class _Answer:
    """What all of one answer says together."""

    __slots__ = ("_assembly", "_provider", "_stop_sequence", "_tally", "_watch", "_word", "done", "opening")

    def __init__(self, provider: str, watch: Watch) -> None:
        self._provider = provider
        self._watch = watch
        self._assembly = Assembly(provider, watch)
        self._tally = Tally()
        self._word = self._stop_sequence = ""
        self.opening = Opening()
        self.done = False

    def take(self, frame: SseEvent) -> None:
        """Takes an event of a stream. Raises HedgerowError."""
        name, payload = frame
        piece = read_event(payload)
        if piece is None:
            self._take_odd(name, payload)
            return
        kind = piece.type
        if kind is None and name:
            kind = name.decode(errors="replace")
        if kind == "content_block_delta":
            if piece.delta is not None:
                self._assembly.delta(piece.index, piece.delta)
        elif kind == "content_block_start":
            self._assembly.start(piece.index, piece.content_block, self.opening.response_id)
            self.opening.model = self._assembly.model or self.opening.model
        elif kind == "content_block_stop":
            self._assembly.end()
        elif kind != "ping":
            self._take_rare(kind, piece)

    def whole(self, text: bytes) -> list[Event]:
        """All events of a document. Raises HedgerowError."""
        message = read_message(text)
        if message is None:
            raise protocol_error(self._provider, "a body that is not the JSON of a message")
        if message.type == "error" or message.error:
            raise error_within(self._provider, message.error)
        if message.content is None:
            raise protocol_error(self._provider, "a message without content")
        self._note_head(message)
        for index, block in enumerate(message.content):
            self._assembly.start(index, block, self.opening.response_id)
        self._note_stop(message.stop_reason, message.stop_sequence)
        return closing(self)

    def events(self) -> list[Event]:
        """What was made since the last time."""
        return self._assembly.parts.take()

    def close(self) -> Finished:
        """Ends what is open. Raises StreamCut."""
        if not self._word:
            raise stream_cut(self._provider)
        self._assembly.end()
        parts = self._assembly.parts
        parts.close()
        reason = finish_reason(self._word, calls=parts.called)
        if reason is FinishReason.OTHER:
            self._watch.note(Unknown.FINISH_REASON, self._word)
        return Finished(reason, self._word, self._tally.usage(), stop_sequence=self._stop_sequence)

    def _take_rare(self, kind: object, piece: Piece) -> None:
        """Takes what an answer has once or never."""
        if kind == "message_delta":
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
        elif kind != "vertex_event":  # Vertex's own
            self._watch.note(Unknown.EVENT, kind)

    def _take_odd(self, name: bytes, payload: bytes) -> None:
        """Takes what is no event in JSON."""
        if payload[:6] == b"[DONE]":  # not Anthropic's, but of some that speak the dialect
            self.done = True
        elif name == b"error" or _is_list(payload):
            raise error_within(self._provider, plain(payload))
        elif payload:
            raise protocol_error(self._provider, "an event that is not one of a message")

    def _note_head(self, message: Message) -> None:
        opening = self.opening
        if not opening.told:
            opening.response_id = text_of(message.id)
            opening.model = text_of(message.model)
        self._tally.add(message.usage)

    def _note_stop(self, reason: object, sequence: object) -> None:
        if reason := text_of(reason):
            self._word = reason[:MAX_WORD]
            self._stop_sequence = text_of(sequence)


def stream_reader(provider: str, watch: Watch) -> StreamReader[SseEvent]:
    """A reader of server-sent events."""
    return sse_reader(provider, _Answer(provider, watch), _is_whole, watch)


def _is_whole(payload: bytes) -> bool:
    """Whether what the end of the body may have cut is all there: an event, or an error in its place."""
    return read_event(payload) is not None or _is_list(payload)


def _is_list(payload: bytes) -> bool:
    """Whether it is a list of the one error, as Vertex AI refuses."""
    return payload[:1] == b"[" and bool(error_object(plain(payload)))


def document_reader(provider: str, watch: Watch) -> DocumentReader:
    """A reader of one JSON document."""
    return DocumentReader(provider, _Answer(provider, watch).whole, watch)
