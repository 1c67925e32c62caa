"""Readers of answers (core.port.Reader): what every dialect does alike, whatever its words and frames are.

A dialect brings an `Answer`, which makes events of what it is given; a reader feeds it with the frames of a stream, or
with one document, and tells Started and Finished.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Generic, Protocol, TypeVar

from hedgerow_server.core.drift import Unknown
from hedgerow_server.core.error import HedgerowError, UpstreamProtocol
from hedgerow_server.core.event import Beside, Event, Finished, Started
from hedgerow_server.providers.document import Document
from hedgerow_server.providers.sse import MAX_EVENT_BYTES, SseEvent, SseReader
from hedgerow_server.providers.watch import Watch

JSON = "application/json"
EVENT_STREAM = "text/event-stream"
MAX_WORD = 128
"""The most characters of a provider's finish reason."""

Frame = TypeVar("Frame")
Frame_co = TypeVar("Frame_co", covariant=True)
Frame_contra = TypeVar("Frame_contra", contravariant=True)


class Opening:
    """How an answer begins: its Started, told once, before the first content or, without any, with the last events."""

    __slots__ = ("beside", "model", "response_id", "told")

    def __init__(self) -> None:
        self.beside: Beside = {}
        """What was said so far that the contract has no word for. What is said later, the last event tells."""
        self.model = ""
        """The model that answers, by the provider's name; empty where no one has said it yet."""
        self.response_id = ""
        """The provider's id of the answer, likewise."""
        self.told = False
        """Whether it has been told: what is set later is of no use."""

    def tell(self, events: list[Event]) -> None:
        """Puts Started before the events, unless it has been told."""
        if not self.told:
            self.told = True
            events.insert(0, Started(model=self.model, response_id=self.response_id, beside=self.beside))

    def say(self, api: str, member: str, value: object) -> None:
        """Notes what the contract has no word for, see `Beside`. What is no text of up to `MAX_WORD` characters counts
        as not said.
        """
        said = self.beside.get(api, {})
        if isinstance(value, str) and 0 < len(value) <= MAX_WORD and said.get(member) != value:
            # What was told stays as it was.
            self.beside = {**self.beside, api: {**said, member: value}}


class Closable(Protocol):
    """An answer that can be asked for what it made."""

    opening: Opening

    def events(self) -> list[Event]:
        """What was made since the last time, Started and Finished not among it."""

    def close(self) -> Finished:
        """Ends what is open; the events of that are asked for after it. Raises StreamCut where no finish reason came,
        and UpstreamProtocol where the answer is no whole one.
        """


class Answer(Closable, Protocol[Frame_contra]):
    """One answer while it comes."""

    done: bool
    """Whether the provider has said its last word."""

    def take(self, frame: Frame_contra) -> None:
        """Takes the next frame. Raises HedgerowError where it makes the answer a failure."""


class Frames(Protocol[Frame_co]):
    """Cuts a stream into frames, such as SseReader."""

    def feed(self, data: bytes) -> Iterable[Frame_co]:
        """The frames that these bytes complete. The iteration raises HedgerowError for what is none."""


class _Searched(Generic[Frame]):
    """The frames of an answer that is searched for members which are not known, as they pass."""

    __slots__ = ("_frames", "_payload", "_watch")

    def __init__(self, frames: Frames[Frame], payload: Callable[[Frame], bytes], watch: Watch) -> None:
        self._frames = frames
        self._payload = payload
        self._watch = watch

    def feed(self, data: bytes) -> Iterator[Frame]:
        for frame in self._frames.feed(data):
            self._watch.search(self._payload(frame))
            yield frame


def searched(frames: Frames[Frame], payload: Callable[[Frame], bytes], watch: Watch) -> Frames[Frame]:
    """The frames of one answer. If it is one of the sample, the JSON that `payload` tells of each is searched for
    members that are not known.
    """
    return _Searched(frames, payload, watch) if watch.drift.sampled() else frames


class StreamReader(Generic[Frame]):
    """Reads a stream of frames. Every way of cutting the bytes gives the same events."""

    __slots__ = ("_answer", "_failure", "_frames", "_opening", "_rest", "_watch", "done")

    def __init__(
        self,
        frames: Frames[Frame],
        answer: Answer[Frame],
        rest: Callable[[], Iterable[Frame]] = tuple,
        watch: Watch | None = None,
    ) -> None:
        """`rest` gives the frames that the end of the body completes. To `watch` goes what is not of the protocol."""
        self._frames = frames
        self._watch = watch
        self._answer = answer
        self._opening = answer.opening
        self._rest = rest
        self._failure: HedgerowError | None = None
        self.done = False

    def feed(self, data: bytes) -> list[Event]:
        """The events that these bytes complete."""
        if self.done:
            if self._failure is not None:
                raise self._failure
            return []
        answer, opening = self._answer, self._opening
        first: list[Event] = []
        told = opening.told
        try:
            for frame in self._frames.feed(data):
                answer.take(frame)
                if not told and (first := answer.events()):
                    # Told with the first frame that has content: a later one of the same bytes must not change it.
                    opening.tell(first)
                    told = True
                if answer.done:
                    self.done = True
                    break
        except HedgerowError as error:
            # What came before goes out first; the failure is raised by whatever is called next.
            self.done = True
            self._failure = error
            _note(error, self._watch)
            events = answer.events()
            if events and not told:
                opening.tell(events)
            if not (first or events):
                raise
            return first + events
        events = answer.events()
        return first + events if first else events

    def finish(self) -> list[Event]:
        """The last events. Raises StreamCut where no finish reason came."""
        if self._failure is not None:
            raise self._failure
        try:
            if not self.done:
                self.done = True
                for frame in self._rest():
                    self._answer.take(frame)
            return closing(self._answer)
        except UpstreamProtocol as error:
            _note(error, self._watch)
            raise


def sse_reader(
    provider: str,
    answer: Answer[SseEvent],
    whole: Callable[[bytes], object],
    watch: Watch,
    limit: int = MAX_EVENT_BYTES,
) -> StreamReader[SseEvent]:
    """A reader of server-sent events. What the end of the body cut in the middle of an event counts for nothing: of an
    event without its blank line, `whole` tells by its data whether it is all there.
    """
    sse = SseReader(provider, limit)
    frames = searched(sse, lambda event: event[1], watch)
    return StreamReader(frames, answer, lambda: (event for event in sse.end() if whole(event[1])), watch)


class DocumentReader:
    """Reads one JSON document of at most 64 MiB. All events come with its end."""

    __slots__ = ("_document", "_read", "_watch", "done")

    def __init__(self, provider: str, read: Callable[[bytes], list[Event]], watch: Watch | None = None) -> None:
        """`read` makes all events of the document, UTF-8 text; it may raise HedgerowError. To `watch` goes what is not
        of the protocol and, in some answers, what has members that are not known.
        """
        self._document = Document(provider)
        self._read = read
        self._watch = watch
        self.done = False

    def feed(self, data: bytes) -> list[Event]:
        """Keeps the bytes. Raises UpstreamProtocol above the limit."""
        self._document.add(data)
        return []

    def finish(self) -> list[Event]:
        """The events of the answer."""
        text, watch = self._document.text(), self._watch
        if watch is not None and watch.drift.sampled():
            watch.search(text)
        try:
            return self._read(text)
        except UpstreamProtocol as error:
            _note(error, watch)
            raise


def _note(error: HedgerowError, watch: Watch | None) -> None:
    if watch is not None and isinstance(error, UpstreamProtocol):
        watch.note(Unknown.MALFORMED, error.metadata.get("detail"))


def closing(answer: Closable) -> list[Event]:
    """The last events of an answer, Finished included, and Started where nothing was told before. Raises what its
    `close` does.
    """
    finished = answer.close()
    events = answer.events()
    answer.opening.tell(events)
    events.append(finished)
    return events


def media_type(content_type: str, otherwise: str) -> str:
    """The media type of an answer, lower case; where it names none, that of what was asked for."""
    if content_type == otherwise:
        return otherwise
    return content_type.partition(";")[0].strip().lower() or otherwise
