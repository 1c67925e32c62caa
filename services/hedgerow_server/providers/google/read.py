"""Readers of chat answers: a stream of chunks, or one document, which may be a list of chunks."""

from hedgerow_server.core.error import HedgerowError, StreamCut
from hedgerow_server.core.event import CitationAdded, Event, Finished, FinishReason, Started, Warning, WarningCode
from hedgerow_server.providers.document import Document
from hedgerow_server.providers.google.answer import (
    NOTHING,
    Candidate,
    Generated,
    elements,
    plain,
    raw_part,
    read_generated,
    text_of,
)
from hedgerow_server.providers.google.assembly import Assembly
from hedgerow_server.providers.google.errors import error_within
from hedgerow_server.providers.google.finish import FAILURES, block_word, finish_reason, named, word_of
from hedgerow_server.providers.google.flavour import Flavour
from hedgerow_server.providers.google.grounding import SaidText, citations, search_units
from hedgerow_server.providers.google.usage import UsageTally
from hedgerow_server.providers.refusal import protocol_error, refusal
from hedgerow_server.providers.sse import SseReader

_DROPPED = Warning(WarningCode.CHOICES_DROPPED, "", "The provider answered with several choices; the first was read.")
_NO_METADATA = (b"{}", b"null")
_MAX_METADATA = 64  # the latest ones: chunks repeat or extend what those before them said

MAX_EVENT_BYTES = 32 << 20
"""The most bytes of one event: generated pictures come whole in one."""


class _Answer:
    """What all chunks of one answer say together."""

    __slots__ = (
        "_assembly",
        "_blocked",
        "_dropped",
        "_flavour",
        "_id",
        "_metadata",
        "_model",
        "_provider",
        "_seed",
        "_started",
        "_usage",
        "_word",
    )

    def __init__(self, provider: str, flavour: Flavour) -> None:
        self._provider = provider
        self._flavour = flavour
        self._assembly = Assembly(provider)
        self._id = self._model = self._seed = ""
        self._started = self._dropped = False
        self._usage = UsageTally()
        self._metadata: list[bytes] = []
        self._word = self._blocked = ""

    def take(self, payload: bytes) -> None:
        """Takes a whole answer or a chunk, JSON. Raises HedgerowError."""
        found = read_generated(payload)
        if found is None:
            raise protocol_error(self._provider, "JSON that is not of generateContent")
        chunk, payload = found
        if chunk.error:
            raise error_within(self._provider, chunk.error)
        if not self._id:
            self._name(chunk, payload)
        if chunk.usage_metadata is not None:
            self._usage.take(chunk.usage_metadata)
        if chunk.prompt_feedback:
            self._blocked = block_word(chunk.prompt_feedback) or self._blocked
        for position, candidate in enumerate(chunk.candidates or ()):
            if candidate.index or (candidate.index is None and position):
                self._dropped = True
            else:
                self._take_candidate(candidate, payload, position)

    def events(self) -> list[Event]:
        """What the chunks made since the last time. Started goes before the first content."""
        events = self._assembly.parts.take()
        if events and not self._started:
            self._started = True
            events.insert(0, Started(model=self._model, response_id=self._id))
        return events

    def closing(self) -> list[Event]:
        """The last events, Finished included. Raises StreamCut where no finish reason came."""
        # A prompt that the filters blocked has no candidates. It is an answer without content, as is a candidate that
        # they blocked: a finish reason, not an error.
        word = self._word or self._blocked
        if not word:
            raise StreamCut(
                f"The answer of the provider {self._provider} ended without a finish reason.",
                metadata={"provider": self._provider},
            )
        self._assembly.close()
        metadata = [plain(raw) for raw in self._metadata]
        self._cite(metadata)
        events = self.events()
        if not self._started:
            self._started = True
            events.append(Started(model=self._model, response_id=self._id))
        reason = FinishReason.CONTENT_FILTER
        if self._word:
            reason = finish_reason(word, self._flavour, calls=self._assembly.parts.called)
        warnings = (_DROPPED,) if self._dropped else ()
        events.append(Finished(reason, word, self._usage.usage(search_units(metadata)), warnings=warnings))
        return events

    def _name(self, chunk: Generated, payload: bytes) -> None:
        self._id = text_of(chunk.response_id)
        self._model = self._model or text_of(chunk.model_version)
        # Ids of calls are made of it. Without an id of the answer its first bytes tell it from others.
        self._seed = self._id or self._seed or payload[:4096].decode(errors="replace")

    def _take_candidate(self, candidate: Candidate, payload: bytes, position: int) -> None:
        content = candidate.content
        if content is not None and content.parts:
            for number, part in enumerate(content.parts):
                if not self._assembly.add(part, self._seed):
                    self._assembly.add_raw(part, raw_part(payload, position, number))
        for metadata in (candidate.grounding_metadata, candidate.citation_metadata):
            if metadata is not NOTHING and (raw := bytes(metadata)) not in (*_NO_METADATA, *self._metadata):
                self._metadata = [*self._metadata[1 - _MAX_METADATA :], raw]
        if candidate.finish_reason is not None:
            self._note_word(word_of(candidate.finish_reason))

    def _note_word(self, word: str) -> None:
        name = named(word, self._flavour)
        if name in FAILURES:
            raise refusal(FAILURES[name], self._provider, 200, code=name)
        if name != "FINISH_REASON_UNSPECIFIED":
            self._word = word or self._word

    def _cite(self, metadata: list[object]) -> None:
        parts, said = self._assembly.parts, self._assembly.said
        if metadata and said:
            for index, citation in citations(metadata, SaidText(said)):
                parts.events.append(CitationAdded(index, citation))


class StreamReader:
    """Reads server-sent events. Every way of cutting the bytes gives the same events.

    It reads to the end of the body: nothing marks the last chunk, and one may follow that with the finish reason. JSON
    under the name of a stream is read as JSON: refusals are written that way.
    """

    __slots__ = ("_answer", "_begun", "_document", "_failure", "_flavour", "_provider", "_sse", "done")

    def __init__(self, provider: str, flavour: Flavour) -> None:
        self._provider = provider
        self._flavour = flavour
        self._sse = SseReader(provider, MAX_EVENT_BYTES)
        self._answer = _Answer(provider, flavour)
        self._failure: HedgerowError | None = None
        self._begun = False
        self._document: DocumentReader | None = None
        self.done = False

    def feed(self, data: bytes) -> list[Event]:
        """The events that these bytes complete."""
        if self._failure is not None:
            raise self._failure
        if self.done:
            return []
        if not self._begun:
            first = data.lstrip()[:1]
            self._begun = bool(first)
            if first in (b"{", b"["):
                self._document = DocumentReader(self._provider, self._flavour)
        if self._document is not None:
            return self._document.feed(data)
        try:
            # Google ends lines with CRLF. Pairs made one change nothing but that whole events can be cut out at once.
            for name, payload in self._sse.feed(data.replace(b"\r\n", b"\n")):
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
        if self._document is not None:
            return self._document.finish()
        if not self.done:
            self.done = True
            for name, payload in self._sse.end():
                # What was cut in the middle of an event counts for nothing.
                if read_generated(payload) is not None:
                    self._take(name, payload)
        return self._answer.closing()

    def _take(self, name: bytes, payload: bytes) -> None:
        if name == b"error":
            raise error_within(self._provider, plain(payload))
        # Gateways before Google may add their own: a last [DONE], events of kinds that are not known.
        if payload[:1] == b"{" and (not name or read_generated(payload) is not None):
            self._answer.take(payload)
        elif not name and payload and payload[:6] != b"[DONE]":
            raise protocol_error(self._provider, "a chunk that is not one of generateContent")


class DocumentReader:
    """Reads one JSON document of at most 64 MiB: an answer, or the list of chunks that a stream without SSE is. All
    events come with its end.
    """

    __slots__ = ("_answer", "_document", "_provider", "done")

    def __init__(self, provider: str, flavour: Flavour) -> None:
        self._provider = provider
        self._answer = _Answer(provider, flavour)
        self._document = Document(provider)
        self.done = False

    def feed(self, data: bytes) -> list[Event]:
        """Keeps the bytes. Raises UpstreamProtocol above the limit."""
        self._document.add(data)
        return []

    def finish(self) -> list[Event]:
        """The events of the answer. Raises StreamCut where it has no finish reason."""
        text = self._document.text()
        chunks = elements(text) if text.lstrip()[:1] == b"[" else [text]
        if chunks is None:
            raise protocol_error(self._provider, "JSON that is not of generateContent")
        for chunk in chunks:
            self._answer.take(chunk)
        return self._answer.closing()
