"""Readers of chat answers: a stream of chunks, or one document."""

import msgspec

from hedgerow_server.core.error import HedgerowError, ProviderUnavailable, StreamCut
from hedgerow_server.core.event import Event, Finished, Started, Usage, Warning, WarningCode
from hedgerow_server.providers.document import Document
from hedgerow_server.providers.openai.answer import Completion, Piece, read_completion, text_of
from hedgerow_server.providers.openai.assembly import Assembly
from hedgerow_server.providers.openai.errors import error_within
from hedgerow_server.providers.openai.finish import FAILURES, finish_reason
from hedgerow_server.providers.openai.quirks import Quirks
from hedgerow_server.providers.openai.sources import read_sources
from hedgerow_server.providers.openai.state import DIALECT
from hedgerow_server.providers.openai.usage import read_usage
from hedgerow_server.providers.refusal import protocol_error
from hedgerow_server.providers.sse import SseReader

_MAX_WORD = 128
_DROPPED = Warning(WarningCode.CHOICES_DROPPED, "", "The provider answered with several choices; the first was read.")


class _Answer:
    """What all completions and chunks of one answer say together."""

    __slots__ = (
        "_assembly",
        "_dropped",
        "_id",
        "_model",
        "_native",
        "_provider",
        "_quirks",
        "_sources",
        "_started",
        "_usage",
        "word",
    )

    def __init__(self, provider: str, quirks: Quirks, tag: str) -> None:
        self._provider = provider
        self._quirks = quirks
        self._assembly = Assembly(provider, tag, returns_thoughts=quirks.reasoning_returns != "never")
        self._native = ""
        self._sources: tuple[object, object] = (None, None)
        self._id = self._model = ""
        self._started = False
        self._dropped = False
        self._usage: Usage | None = None
        self.word = ""
        """The provider's finish reason, empty until it came."""

    def take(self, completion: Completion, *, whole: bool) -> None:
        """Takes a whole completion or a chunk. Raises HedgerowError."""
        if completion.error:
            raise error_within(self._provider, completion.error)
        if not self._started and not self._assembly.events:
            # Azure's and Avian's first chunks have an empty or another id; what counts is the first content's.
            self._id = text_of(completion.id) or self._id
            self._model = text_of(completion.model) or self._model
        if completion.choices:
            for choice in completion.choices:
                if choice.index:
                    self._dropped = True
                    continue
                # Perplexity has both: an empty delta in a whole answer, the text so far in the messages of a stream.
                piece = (choice.message or choice.delta) if whole else (choice.delta or self._only(choice.message))
                if piece is not None:
                    self._assembly.add(piece, self._id)
                if choice.finish_reason:
                    self._note_word(choice.finish_reason)
                    self._native = text_of(choice.native_finish_reason)
        if completion.usage is not None or completion.x_groq is not None:
            self._note_usage(completion)
        if completion.citations or completion.search_results:
            self._sources = (completion.search_results, completion.citations)

    def events(self) -> list[Event]:
        """What the completions made since the last time. Started goes before the first content."""
        assembly = self._assembly
        events = assembly.events
        if not events:
            return []
        assembly.events = []
        if not self._started:
            self._started = True
            events.insert(0, Started(model=self._model, response_id=self._id))
        return events

    def closing(self) -> list[Event]:
        """The last events, Finished included. Raises UpstreamProtocol."""
        assembly = self._assembly
        assembly.cite(read_sources(*self._sources))
        assembly.close()
        events = self.events()
        if not self._started:
            self._started = True
            events.append(Started(model=self._model, response_id=self._id))
        reason = finish_reason(self.word, calls=assembly.called, refused=assembly.refused, native=self._native)
        warnings = (_DROPPED,) if self._dropped else ()
        events.append(Finished(reason, self.word, self._usage, warnings=warnings))
        return events

    def _only(self, message: Piece | None) -> Piece | None:
        """A message in the place of all deltas."""
        return None if self._started or self._assembly.events else message

    def _note_word(self, word: object) -> None:
        if not isinstance(word, str):
            return
        if word in FAILURES:
            raise ProviderUnavailable(
                f"The provider {self._provider} failed while it answered ({word}).",
                metadata={"provider": self._provider, "upstreamStatus": "200", "upstreamCode": word},
            )
        self.word = word[:_MAX_WORD]

    def _note_usage(self, completion: Completion) -> None:
        # Vendors repeat it, some with counts that grow: the last one that can be true holds.
        groq = completion.x_groq
        usage = completion.usage or (groq.get("usage") if isinstance(groq, dict) else None)
        read = read_usage(usage, quirks=self._quirks, model=self._model, timings=completion.timings)
        self._usage = read or self._usage


class StreamReader:
    """Reads server-sent events. Every way of cutting the bytes gives the same events."""

    __slots__ = ("_answer", "_ended", "_failure", "_may_lack_word", "_provider", "_sse", "done")

    def __init__(self, provider: str, quirks: Quirks | None = None, tag: str = DIALECT) -> None:
        quirks = quirks or Quirks()
        self._provider = provider
        self._sse = SseReader(provider)
        self._answer = _Answer(provider, quirks, tag)
        self._may_lack_word = quirks.finish_reason_optional
        self._ended = False  # by `[DONE]`
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
                    self.done = self._ended = True
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
            self._take_rest()
        if not (self._answer.word or (self._ended and self._may_lack_word)):
            raise StreamCut(
                f"The answer of the provider {self._provider} ended without a finish reason.",
                metadata={"provider": self._provider},
            )
        return self._answer.closing()

    def _take_rest(self) -> None:
        for name, payload in self._sse.end():
            if payload[:6] == b"[DONE]":
                self._ended = True
            # What was cut in the middle of an event counts for nothing.
            if read_completion(payload) is not None:
                self._take(name, payload)

    def _take(self, name: bytes, payload: bytes) -> None:
        if name == b"error":
            raise error_within(self._provider, _plain(payload))
        chunk = read_completion(payload)
        if chunk is None:
            if name or not payload:
                return  # an event of a kind that is not known
            raise protocol_error(self._provider, "a chunk that is not one of a chat completion")
        if chunk.choices is None and chunk.usage is None and not chunk.error:
            _check_bare_error(self._provider, payload)
        self._answer.take(chunk, whole=False)


class DocumentReader:
    """Reads one JSON document of at most 64 MiB. All events come with its end."""

    __slots__ = ("_answer", "_document", "_provider", "done")

    def __init__(self, provider: str, quirks: Quirks | None = None, tag: str = DIALECT) -> None:
        self._provider = provider
        self._answer = _Answer(provider, quirks or Quirks(), tag)
        self._document = Document(provider)
        self.done = False

    def feed(self, data: bytes) -> list[Event]:
        """Keeps the bytes. Raises UpstreamProtocol above the limit."""
        self._document.add(data)
        return []

    def finish(self) -> list[Event]:
        """The events of the answer."""
        completion = read_completion(self._document.text())
        if completion is None:
            raise protocol_error(self._provider, "a body that is not the JSON of a chat completion")
        if not completion.choices and not completion.error:
            _check_bare_error(self._provider, self._document.text())
            raise protocol_error(self._provider, "a chat completion without choices")
        self._answer.take(completion, whole=True)
        return self._answer.closing()


def _check_bare_error(provider: str, payload: bytes) -> None:
    """Raises the error in JSON without choices: older vLLM sends it bare, `{"object": "error", "message": …}`."""
    event = _plain(payload)
    if isinstance(event, dict) and "error" in (event.get("object"), event.get("type")):
        raise error_within(provider, event)


def _plain(payload: bytes) -> object:
    try:
        return msgspec.json.decode(payload)
    except (msgspec.DecodeError, RecursionError):
        return None
