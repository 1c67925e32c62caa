"""Readers for what may be Gemini's answer or Claude's: Vertex AI serves both, and an answer itself says whose it is."""

from collections.abc import Callable

from hedgerow_server.core.event import Event
from hedgerow_server.core.port import Reader
from hedgerow_server.providers.document import Document
from hedgerow_server.providers.google.read import MAX_EVENT_BYTES
from hedgerow_server.providers.loose import plain
from hedgerow_server.providers.refusal import protocol_error
from hedgerow_server.providers.sse import SseReader

Choose = Callable[[bool], Reader]
"""Makes the reader for Claude's answer, or for Gemini's."""


# What each chunk of Gemini's has one of.
_OF_GEMINI = frozenset({"candidates", "promptFeedback", "usageMetadata", "modelVersion", "responseId", "error"})


def of_claude(document: object) -> bool:
    """Whether a document is Claude's: its messages, events and errors all have a type, Gemini's none has."""
    return isinstance(document, dict) and isinstance(document.get("type"), str)


def _of_gemini(document: object) -> bool:
    return isinstance(document, dict) and not _OF_GEMINI.isdisjoint(document)


class EitherStream:
    """Reads a stream: holds it back until an event has told whose it is, but no more than one event's most bytes."""

    __slots__ = ("_choose", "_held", "_probe", "_provider", "_reader", "_size", "done")

    def __init__(self, provider: str, choose: Choose) -> None:
        self._provider = provider
        self._choose = choose
        self._probe = SseReader(provider, MAX_EVENT_BYTES)
        self._held: list[bytes] = []
        self._size = 0  # of what is held
        self._reader: Reader | None = None
        self.done = False

    def feed(self, data: bytes) -> list[Event]:
        """The events that these bytes complete."""
        if self._reader is None:
            self._held.append(data)
            self._size += len(data)
            return self._begin([plain(payload) for _, payload in self._probe.feed(data)])
        events = self._reader.feed(data)
        self.done = self._reader.done
        return events

    def finish(self) -> list[Event]:
        """The last events. Raises what the reader raises."""
        events: list[Event] = []
        if self._reader is None:
            # What has told nothing until now has no content: any reader will do.
            events = self._begin([*(plain(payload) for _, payload in self._probe.end()), {"candidates": []}])
        assert self._reader is not None
        return events + self._reader.finish()

    def _begin(self, seen: list[object]) -> list[Event]:
        """Chooses the reader by the first event that tells; others there may be before it are of no known kind."""
        telling = next((one for one in seen if of_claude(one) or _of_gemini(one)), None)
        if telling is None:
            if self._size > MAX_EVENT_BYTES:
                raise protocol_error(self._provider, f"no event of a message in {MAX_EVENT_BYTES} bytes")
            return []
        self._reader = self._choose(of_claude(telling))
        data = b"".join(self._held)
        self._held.clear()
        events = self._reader.feed(data)
        self.done = self._reader.done
        return events


class EitherDocument:
    """Reads one JSON document of at most 64 MiB. All events come with its end."""

    __slots__ = ("_choose", "_document", "done")

    def __init__(self, provider: str, choose: Choose) -> None:
        self._choose = choose
        self._document = Document(provider)
        self.done = False

    def feed(self, data: bytes) -> list[Event]:
        """Keeps the bytes. Raises UpstreamProtocol above the limit."""
        self._document.add(data)
        return []

    def finish(self) -> list[Event]:
        """The events of the answer. Raises what the reader raises."""
        text = self._document.text()
        reader = self._choose(of_claude(plain(text)))
        return reader.feed(text) + reader.finish()
