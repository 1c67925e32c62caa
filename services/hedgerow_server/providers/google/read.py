"""Readers of chat answers: a stream of chunks, or one document, which may be a list of chunks."""

from hedgerow_server.core.drift import Unknown
from hedgerow_server.core.event import CitationAdded, Event, Finished, FinishReason, Warning, WarningCode
from hedgerow_server.core.port import Reader
from hedgerow_server.providers.google.answer import NOTHING, Candidate, Generated, elements, raw_part, read_generated
from hedgerow_server.providers.google.assembly import Assembly
from hedgerow_server.providers.google.errors import error_within
from hedgerow_server.providers.google.finish import FAILURES, block_word, finish_reason, named, word_of
from hedgerow_server.providers.google.flavour import Flavour
from hedgerow_server.providers.google.grounding import SaidText, citations, search_units
from hedgerow_server.providers.google.tokens import read_logprobs
from hedgerow_server.providers.google.usage import UsageTally
from hedgerow_server.providers.loose import plain, text_of
from hedgerow_server.providers.reading import DocumentReader, Opening, closing, sse_reader
from hedgerow_server.providers.refusal import protocol_error, refusal, stream_cut
from hedgerow_server.providers.sse import SseEvent
from hedgerow_server.providers.watch import Watch

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
        "_metadata",
        "_provider",
        "_seed",
        "_usage",
        "_watch",
        "_word",
        "done",
        "opening",
    )

    def __init__(self, provider: str, flavour: Flavour, watch: Watch) -> None:
        self._provider = provider
        self._flavour = flavour
        self._watch = watch
        self._assembly = Assembly(provider, watch)
        self._seed = ""
        self._dropped = False
        self._usage = UsageTally()
        self._metadata: list[bytes] = []
        self._word = self._blocked = ""
        self.opening = Opening()
        self.done = False
        """False to the end: nothing marks the last chunk, and one may follow that with the finish reason."""

    def take(self, frame: SseEvent) -> None:
        """Takes an event of a stream. Raises HedgerowError."""
        name, payload = frame
        if name == b"error":
            raise error_within(self._provider, plain(payload))
        # Gateways before Google may add their own: a last [DONE], events of kinds that are not known.
        if payload[:1] == b"{" and (not name or _of_gemini(payload)):
            self._take(payload)
        elif payload[:1] == b"[" and not name:
            self._take_list(payload)
        elif name:
            self._watch.note(Unknown.EVENT, name.decode(errors="replace"))
        elif payload and payload[:6] != b"[DONE]":
            raise protocol_error(self._provider, "a chunk that is not one of generateContent")

    def whole(self, text: bytes) -> list[Event]:
        """All events of a document: an answer, or the list of chunks that a stream without SSE is. Raises
        HedgerowError, StreamCut too.
        """
        if text.lstrip()[:1] == b"[":
            self._take_list(text)
        else:
            self._take(text)
        return closing(self)

    def events(self) -> list[Event]:
        """What was made since the last time."""
        return self._assembly.parts.take()

    def close(self) -> Finished:
        """Ends what is open. Raises StreamCut where no finish reason came."""
        # A prompt that the filters blocked has no candidates. It is an answer without content, as is a candidate that
        # they blocked: a finish reason, not an error.
        word = self._word or self._blocked
        if not word:
            raise stream_cut(self._provider)
        self._assembly.close()
        metadata = [plain(raw) for raw in self._metadata]
        self._cite(metadata)
        reason = FinishReason.CONTENT_FILTER
        if self._word:
            reason = finish_reason(word, self._flavour, calls=self._assembly.parts.called)
            if reason is FinishReason.OTHER and named(word, self._flavour) not in self._flavour.finish_words:
                self._watch.note(Unknown.FINISH_REASON, word)
        warnings = (_DROPPED,) if self._dropped else ()
        return Finished(reason, word, self._usage.usage(search_units(metadata)), warnings=warnings)

    def _take_list(self, payload: bytes) -> None:
        """Takes a list of chunks, or of the one error."""
        chunks = elements(payload)
        if chunks is None:
            raise protocol_error(self._provider, "JSON that is not of generateContent")
        for chunk in chunks:
            self._take(chunk)

    def _take(self, payload: bytes) -> None:
        """Takes a whole answer or a chunk, JSON."""
        found = read_generated(payload)
        if found is None:
            raise protocol_error(self._provider, "JSON that is not of generateContent")
        chunk, payload = found
        if chunk.error:
            raise error_within(self._provider, chunk.error)
        if not self.opening.response_id:
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

    def _name(self, chunk: Generated, payload: bytes) -> None:
        opening = self.opening
        opening.response_id = text_of(chunk.response_id)
        opening.model = opening.model or text_of(chunk.model_version)
        # Ids of calls are made of it. Without an id of the answer its first bytes tell it from others.
        self._seed = opening.response_id or self._seed or payload[:4096].decode(errors="replace")

    def _take_candidate(self, candidate: Candidate, payload: bytes, position: int) -> None:
        content = candidate.content
        if content is not None and content.parts:
            for number, part in enumerate(content.parts):
                if not self._assembly.add(part, self._seed):
                    self._assembly.add_raw(part, raw_part(payload, position, number))
        if candidate.logprobs_result is not NOTHING and self._assembly.parts.index >= 0:
            self._assembly.weigh(read_logprobs(plain(candidate.logprobs_result)))
        if candidate.grounding_metadata is not NOTHING or candidate.citation_metadata is not NOTHING:
            self._note_metadata(candidate)
        if candidate.finish_reason is not None:
            self._note_word(word_of(candidate.finish_reason))

    def _note_metadata(self, candidate: Candidate) -> None:
        for metadata in (candidate.grounding_metadata, candidate.citation_metadata):
            if metadata is not NOTHING and (raw := bytes(metadata)) not in (*_NO_METADATA, *self._metadata):
                self._metadata = [*self._metadata[1 - _MAX_METADATA :], raw]

    def _note_word(self, word: str) -> None:
        name = named(word, self._flavour)
        if name in FAILURES:
            raise refusal(FAILURES[name], self._provider, 200, codes=(name,))
        if name != "FINISH_REASON_UNSPECIFIED":
            self._word = word or self._word

    def _cite(self, metadata: list[object]) -> None:
        parts, said = self._assembly.parts, self._assembly.said
        if metadata and said:
            for index, citation in citations(metadata, SaidText(said)):
                parts.events.append(CitationAdded(index, citation))


class _Stream:
    """Reads server-sent events to the end of the body, or JSON under the name of a stream: refusals are written so."""

    __slots__ = ("_begun", "_document", "_reader", "done")

    def __init__(self, provider: str, flavour: Flavour, watch: Watch) -> None:
        self._document = document_reader(provider, flavour, watch)
        answer = _Answer(provider, flavour, watch)
        self._reader: Reader = sse_reader(provider, answer, _is_whole, watch, MAX_EVENT_BYTES)
        self._begun = False
        self.done = False

    def feed(self, data: bytes) -> list[Event]:
        """The events that these bytes complete."""
        if not self._begun:
            first = data.lstrip()[:1]
            self._begun = bool(first)
            if first in (b"{", b"["):
                self._reader = self._document
        reader = self._reader
        try:
            return reader.feed(data)
        finally:
            self.done = reader.done

    def finish(self) -> list[Event]:
        """The last events. Raises StreamCut where no finish reason came."""
        self.done = True
        return self._reader.finish()


def stream_reader(provider: str, flavour: Flavour, watch: Watch) -> Reader:
    """A reader of server-sent events, or of JSON in their place."""
    return _Stream(provider, flavour, watch)


def document_reader(provider: str, flavour: Flavour, watch: Watch) -> DocumentReader:
    """A reader of one JSON document: an answer, or the list of chunks that a stream without SSE is."""
    return DocumentReader(provider, _Answer(provider, flavour, watch).whole, watch)


def _is_whole(payload: bytes) -> bool:
    """Whether what the end of the body may have cut is all there: an event, or the bare error that ends an answer which
    Google breaks off.
    """
    return (elements(payload) if payload[:1] == b"[" else read_generated(payload)) is not None


def _of_gemini(payload: bytes) -> bool:
    """Whether an event that has a name is a chunk all the same."""
    found = read_generated(payload)
    return found is not None and any(getattr(found[0], name) is not None for name in Generated.__struct_fields__)
