"""Readers of chat answers: a stream of events, or one document."""

from hedgerow_server.core.drift import Unknown
from hedgerow_server.core.event import Event, Finished, FinishReason, Usage
from hedgerow_server.providers.bedrock.answer import (
    Delta,
    LastEvent,
    read_block,
    read_block_event,
    read_converse,
    read_last_event,
)
from hedgerow_server.providers.bedrock.assembly import Assembly
from hedgerow_server.providers.bedrock.errors import error_within
from hedgerow_server.providers.bedrock.finish import finish_reason
from hedgerow_server.providers.bedrock.usage import read_usage
from hedgerow_server.providers.eventstream import EventStreamReader, Frame
from hedgerow_server.providers.loose import member, plain_object, text_of
from hedgerow_server.providers.reading import MAX_WORD, DocumentReader, Opening, StreamReader, closing, searched
from hedgerow_server.providers.refusal import protocol_error, stream_cut
from hedgerow_server.providers.watch import Watch


class _Answer:
    """What all of one answer says together."""

    __slots__ = ("_assembly", "_provider", "_stop_sequence", "_usage", "_watch", "_word", "done", "opening")

    def __init__(self, provider: str, watch: Watch) -> None:
        self._provider = provider
        self._watch = watch
        self._assembly = Assembly(provider)
        self._word = self._stop_sequence = ""
        self._usage: Usage | None = None
        self.opening = Opening()  # no answer names its model or has an id
        self.done = False

    def take(self, frame: Frame) -> None:
        """Takes an event of a stream; those of kinds that are not known are skipped. Raises HedgerowError."""
        kind, name, payload = frame
        if kind != "event":
            raise error_within(self._provider, name, payload)
        if name == "contentBlockDelta":
            event = read_block_event(payload)
            if event is None:
                raise protocol_error(self._provider, "a delta that is not one of a block")
            if event.delta is not None and not self._assembly.delta(event.content_block_index, event.delta):
                self._note_kinds(payload)
        elif name == "contentBlockStart":
            event = read_block_event(payload)
            if event is None:
                raise protocol_error(self._provider, "a start that is not one of a block")
            self._assembly.start(event.content_block_index, event.start)
        elif name == "contentBlockStop":
            event = read_block_event(payload)
            self._assembly.stop(event.content_block_index if event is not None else None)
        elif name in ("messageStop", "metadata"):
            self._take_last(name, payload)
        elif name.lower().endswith("exception"):
            raise error_within(self._provider, name, payload)
        elif name != "messageStart":
            self._watch.note(Unknown.EVENT, name)

    def whole(self, text: bytes) -> list[Event]:
        """All events of a document. Raises HedgerowError."""
        converse = read_converse(text)
        message = converse.output.message if converse is not None and converse.output is not None else None
        if converse is None or message is None:
            raise protocol_error(self._provider, "a body that is not the JSON of an answer")
        for index, raw in enumerate(message.content or ()):
            block = read_block(raw)
            if block is None:
                raise protocol_error(self._provider, "a block that is none of an answer")
            self._assembly.whole(index, block, bytes(raw))
        self._note(converse)
        if not self._word:
            raise protocol_error(self._provider, "an answer without a stop reason")
        return closing(self)

    def events(self) -> list[Event]:
        """What was made since the last time."""
        return self._assembly.parts.take()

    def close(self) -> Finished:
        """Ends what is open. Raises StreamCut and UpstreamProtocol."""
        if not self._word:
            raise stream_cut(self._provider)
        self._assembly.stop()
        parts = self._assembly.parts
        parts.close()
        reason = finish_reason(self._word, calls=parts.called)
        if reason is FinishReason.OTHER:
            self._watch.note(Unknown.FINISH_REASON, self._word)
        return Finished(reason, self._word, self._usage, stop_sequence=self._stop_sequence)

    def _note_kinds(self, payload: bytes) -> None:
        """Counts what a delta holds in the place of the kinds that are known."""
        for kind in member(plain_object(payload), "delta") or ():
            if kind not in Delta.__struct_encode_fields__:
                self._watch.note(Unknown.CONTENT_TYPE, kind)

    def _take_last(self, name: str, payload: bytes) -> None:
        last = read_last_event(payload)
        if last is None:
            raise protocol_error(self._provider, f"an event {name} that is not one")
        self._note(last)
        # Usage comes after the stop reason: only then nothing more is to be waited for.
        self.done = name == "metadata" and bool(self._word)

    def _note(self, last: LastEvent) -> None:
        """Takes what stands at the end: the stop reason in one event of a stream, usage in the next."""
        if isinstance(last.stop_reason, str):
            self._word = last.stop_reason[:MAX_WORD]
        # Only there if the request asked for it by `additionalModelResponseFieldPaths`.
        stop = text_of(member(last.additional_model_response_fields, "stop_sequence"))
        self._stop_sequence = stop or self._stop_sequence
        self._usage = read_usage(last.usage, last.trace) or self._usage


def stream_reader(provider: str, watch: Watch) -> StreamReader[Frame]:
    """A reader of an event stream. A frame that the end of the body cut counts for nothing."""
    frames = searched(EventStreamReader(provider), lambda frame: frame[2], watch)
    return StreamReader(frames, _Answer(provider, watch), watch=watch)


def document_reader(provider: str, watch: Watch) -> DocumentReader:
    """A reader of one JSON document."""
    return DocumentReader(provider, _Answer(provider, watch).whole, watch)
