"""Readers of chat answers: a stream of chunks, or one document."""

from hedgerow_server.core.event import Event, Finished, Usage, Warning, WarningCode
from hedgerow_server.providers.loose import plain, text_of
from hedgerow_server.providers.openai.answer import Completion, Piece, read_completion
from hedgerow_server.providers.openai.assembly import Assembly
from hedgerow_server.providers.openai.errors import error_within
from hedgerow_server.providers.openai.finish import FAILURES, finish_reason
from hedgerow_server.providers.openai.quirks import Quirks
from hedgerow_server.providers.openai.sources import read_sources
from hedgerow_server.providers.openai.state import DIALECT
from hedgerow_server.providers.openai.usage import read_usage
from hedgerow_server.providers.reading import MAX_WORD, DocumentReader, Opening, StreamReader, closing, sse_reader
from hedgerow_server.providers.refusal import failed_within, protocol_error, stream_cut
from hedgerow_server.providers.sse import SseEvent

_DROPPED = Warning(WarningCode.CHOICES_DROPPED, "", "The provider answered with several choices; the first was read.")


class _Answer:
    """What all completions and chunks of one answer say together."""

    __slots__ = (
        "_assembly",
        "_dropped",
        "_may_lack_word",
        "_native",
        "_provider",
        "_quirks",
        "_sources",
        "_usage",
        "_word",
        "done",
        "opening",
    )

    def __init__(self, provider: str, quirks: Quirks, tag: str) -> None:
        self._provider = provider
        self._quirks = quirks
        self._assembly = Assembly(provider, tag, returns_thoughts=quirks.reasoning_returns != "never")
        self._word = self._native = ""
        self._may_lack_word = False
        self._sources: tuple[object, object] = (None, None)
        self._dropped = False
        self._usage: Usage | None = None
        self.opening = Opening()
        self.done = False

    def take(self, frame: SseEvent) -> None:
        """Takes an event of a stream. Raises HedgerowError."""
        name, payload = frame
        if payload[:6] == b"[DONE]":
            self.done = True
            self._may_lack_word = self._quirks.finish_reason_optional
            return
        if name == b"error":
            raise error_within(self._provider, plain(payload))
        chunk = read_completion(payload)
        if chunk is None:
            if name or not payload:
                return  # an event of a kind that is not known
            raise protocol_error(self._provider, "a chunk that is not one of a chat completion")
        if chunk.choices is None and chunk.usage is None and not chunk.error:
            _check_bare_error(self._provider, payload)
        self._take(chunk, whole=False)

    def whole(self, text: bytes) -> list[Event]:
        """All events of a document. Raises HedgerowError."""
        completion = read_completion(text)
        if completion is None:
            raise protocol_error(self._provider, "a body that is not the JSON of a chat completion")
        if not completion.choices and not completion.error:
            _check_bare_error(self._provider, text)
            raise protocol_error(self._provider, "a chat completion without choices")
        self._take(completion, whole=True)
        self._may_lack_word = True
        return closing(self)

    def events(self) -> list[Event]:
        """What was made since the last time."""
        assembly = self._assembly
        events = assembly.events
        if events:
            assembly.events = []
        return events

    def close(self) -> Finished:
        """Ends what is open. Raises StreamCut and UpstreamProtocol."""
        if not (self._word or self._may_lack_word):
            raise stream_cut(self._provider)
        assembly = self._assembly
        assembly.cite(read_sources(*self._sources))
        assembly.close()
        reason = finish_reason(self._word, calls=assembly.called, refused=assembly.refused, native=self._native)
        return Finished(reason, self._word, self._usage, warnings=(_DROPPED,) if self._dropped else ())

    def _take(self, completion: Completion, *, whole: bool) -> None:
        if completion.error:
            raise error_within(self._provider, completion.error)
        opening = self.opening
        if not opening.told and not self._assembly.events:
            # Azure's and Avian's first chunks have an empty or another id; what counts is the first content's.
            opening.response_id = text_of(completion.id) or opening.response_id
            opening.model = text_of(completion.model) or opening.model
        if completion.choices:
            for choice in completion.choices:
                if choice.index:
                    self._dropped = True
                    continue
                # Perplexity has both: an empty delta in a whole answer, the text so far in the messages of a stream.
                piece = (choice.message or choice.delta) if whole else (choice.delta or self._only(choice.message))
                if piece is not None:
                    self._assembly.add(piece, opening.response_id)
                if choice.finish_reason:
                    self._note_word(choice.finish_reason)
                    self._native = text_of(choice.native_finish_reason)
        if completion.usage is not None or completion.x_groq is not None:
            self._note_usage(completion)
        if completion.citations or completion.search_results:
            self._sources = (completion.search_results, completion.citations)

    def _only(self, message: Piece | None) -> Piece | None:
        """A message in the place of all deltas."""
        return None if self.opening.told or self._assembly.events else message

    def _note_word(self, word: object) -> None:
        if not isinstance(word, str):
            return
        if word in FAILURES:
            raise failed_within(self._provider, word)
        self._word = word[:MAX_WORD]

    def _note_usage(self, completion: Completion) -> None:
        # Vendors repeat it, some with counts that grow: the last one that can be true holds.
        groq = completion.x_groq
        usage = completion.usage or (groq.get("usage") if isinstance(groq, dict) else None)
        read = read_usage(usage, quirks=self._quirks, model=self.opening.model, timings=completion.timings)
        self._usage = read or self._usage


def stream_reader(provider: str, quirks: Quirks, tag: str = DIALECT) -> StreamReader[SseEvent]:
    """A reader of server-sent events."""
    answer = _Answer(provider, quirks, tag)
    return sse_reader(provider, answer, lambda payload: payload[:6] == b"[DONE]" or read_completion(payload))


def document_reader(provider: str, quirks: Quirks, tag: str = DIALECT) -> DocumentReader:
    """A reader of one JSON document."""
    return DocumentReader(provider, _Answer(provider, quirks, tag).whole)


def _check_bare_error(provider: str, payload: bytes) -> None:
    """Raises the error in JSON without choices: older vLLM sends it bare, `{"object": "error", "message": …}`."""
    event = plain(payload)
    if isinstance(event, dict) and "error" in (event.get("object"), event.get("type")):
        raise error_within(provider, event)
