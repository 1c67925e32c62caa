"""Readers of chat answers: a stream of chunks, or one document."""

from hedgerow_server.core.drift import Unknown
from hedgerow_server.core.event import Event, Finished, FinishReason, Usage, Warning, WarningCode
from hedgerow_server.providers.loose import member, plain, text_of
from hedgerow_server.providers.openai.answer import Choice, Completion, Piece, decode_words, read_completion
from hedgerow_server.providers.openai.assembly import Assembly
from hedgerow_server.providers.openai.errors import check_bare_error, error_within, told_error
from hedgerow_server.providers.openai.finish import FAILURES, finish_reason
from hedgerow_server.providers.openai.quirks import Quirks
from hedgerow_server.providers.openai.sources import read_sources
from hedgerow_server.providers.openai.state import DIALECT
from hedgerow_server.providers.openai.tokens import read_logprobs
from hedgerow_server.providers.openai.usage import read_usage
from hedgerow_server.providers.reading import MAX_WORD, DocumentReader, Opening, StreamReader, closing, sse_reader
from hedgerow_server.providers.refusal import failed_within, protocol_error, stream_cut
from hedgerow_server.providers.sse import SseEvent
from hedgerow_server.providers.watch import Watch

_DROPPED = Warning(WarningCode.CHOICES_DROPPED, "", "The provider answered with several choices; the first was read.")
_FIRST = (None, 0, "0")  # how the one choice that is read is numbered
_MAX_MISSES = 8  # at which an answer's chunks are taken to hold more than words


class _Answer:
    """What all completions and chunks of one answer say together."""

    __slots__ = (
        "_assembly",
        "_dropped",
        "_may_lack_word",
        "_misses",
        "_native",
        "_provider",
        "_quirks",
        "_says",
        "_sources",
        "_usage",
        "_watch",
        "_word",
        "done",
        "opening",
    )

    def __init__(self, provider: str, quirks: Quirks, tag: str, watch: Watch) -> None:
        self._provider = provider
        self._watch = watch
        self._quirks = quirks
        self._assembly = Assembly(provider, watch, tag, returns_thoughts=quirks.reasoning_returns != "never")
        self._word = self._native = ""
        self._may_lack_word = False
        self._says = False  # text or thoughts are open, so that the next chunk is likely more of them
        self._misses = 0
        self._sources: tuple[object, object] | None = None
        self._dropped = False
        self._usage: Usage | None = None
        self.opening = Opening()
        self.done = False

    def take(self, frame: SseEvent) -> None:
        """Takes an event of a stream. Raises HedgerowError."""
        name, payload = frame
        if self._says and not name and self._say_more(payload):
            return
        chunk = read_completion(payload)
        if chunk is None or name == b"error":
            self._take_odd(name, payload)
            return
        if chunk.error:
            raise told_error(self._provider, chunk.error, payload)
        if chunk.choices is None and chunk.usage is None:
            check_bare_error(self._provider, payload)
            if name:
                self._watch.note(Unknown.EVENT, name.decode(errors="replace"))
        self._take(chunk, whole=False)
        self._says = self._assembly.says and self._misses < _MAX_MISSES

    def _say_more(self, payload: bytes) -> bool:
        """Takes a chunk that is more of the open text or thoughts and nothing else, as most chunks of most answers are,
        for two thirds of what any other costs. False for those; where they are many it is not tried on.
        """
        try:
            piece = decode_words(payload).choices[0].delta
        except (ValueError, RecursionError):
            self._misses += 1
            return False
        return self._assembly.say_more(piece.content, piece.reasoning_content or piece.reasoning)

    def whole(self, text: bytes) -> list[Event]:
        """All events of a document. Raises HedgerowError."""
        completion = read_completion(text)
        if completion is None:
            raise protocol_error(self._provider, "a body that is not the JSON of a chat completion")
        if completion.error:
            raise told_error(self._provider, completion.error, text)
        if not completion.choices:
            check_bare_error(self._provider, text)
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
        if self._sources is not None:
            assembly.cite(read_sources(*self._sources))
        assembly.close()
        reason = finish_reason(self._word, calls=assembly.called, refused=assembly.refused, native=self._native)
        if reason is FinishReason.OTHER and self._word:
            self._watch.note(Unknown.FINISH_REASON, self._word)
        dropped = (_DROPPED,) if self._dropped else ()
        return Finished(reason, self._word, self._usage, warnings=dropped, beside=self.opening.beside)

    def _take_odd(self, name: bytes, payload: bytes) -> None:
        """Takes what is no chunk."""
        if payload[:6] == b"[DONE]":
            self.done = True
            self._may_lack_word = self._quirks.finish_reason_optional
        elif name == b"error":
            raise error_within(self._provider, plain(payload))
        elif name:
            self._watch.note(Unknown.EVENT, name.decode(errors="replace"))
        elif payload:
            raise protocol_error(self._provider, "a chunk that is not one of a chat completion")

    def _take(self, completion: Completion, *, whole: bool) -> None:
        opening = self.opening
        if not opening.told and not self._assembly.events:
            # Azure's and Avian's first chunks have an empty or another id; what counts is the first content's.
            opening.response_id = text_of(completion.id) or opening.response_id
            opening.model = text_of(completion.model) or opening.model
        if completion.service_tier or completion.system_fingerprint:
            opening.say("openai", "service_tier", completion.service_tier)
            opening.say(DIALECT, "system_fingerprint", completion.system_fingerprint)
        if completion.choices:
            for choice in completion.choices:
                if choice.index in _FIRST:
                    self._take_choice(choice, whole=whole)
                else:
                    self._dropped = True
        if error := member(completion.x_groq, "error"):
            raise error_within(self._provider, error)  # why Groq stopped early
        if completion.usage is not None or completion.x_groq is not None:
            self._note_usage(completion)
        if completion.citations or completion.search_results:
            self._sources = (completion.search_results, completion.citations)

    def _take_choice(self, choice: Choice, *, whole: bool) -> None:
        # Perplexity has both: an empty delta in a whole answer, the text so far in the messages of a stream.
        piece = (choice.message or choice.delta) if whole else (choice.delta or self._only(choice.message))
        if piece is not None:
            self._assembly.add(piece, self.opening.response_id)
        if choice.logprobs is not None:
            text = piece.content if piece is not None else None
            self._assembly.weigh(*read_logprobs(choice.logprobs, text), whole=whole)
        if choice.error:
            raise error_within(self._provider, choice.error)
        if word := choice.finish_reason or member(choice.finish_details, "type"):
            self._note_word(word)
            self._native = text_of(choice.native_finish_reason)

    def _only(self, message: Piece | None) -> Piece | None:
        """A message in the place of all deltas."""
        return None if self.opening.told or self._assembly.events else message

    def _note_word(self, word: object) -> None:
        if not isinstance(word, str) or word == "null":
            return
        if word in FAILURES:
            raise failed_within(self._provider, word)
        self._word = word[:MAX_WORD]

    def _note_usage(self, completion: Completion) -> None:
        # Vendors repeat it, some with counts that grow: the last one that can be true holds.
        usage = completion.usage or member(completion.x_groq, "usage")
        read = read_usage(usage, quirks=self._quirks, model=self.opening.model, timings=completion.timings)
        self._usage = read or self._usage


def stream_reader(provider: str, quirks: Quirks, watch: Watch, tag: str = DIALECT) -> StreamReader[SseEvent]:
    """A reader of server-sent events."""
    answer = _Answer(provider, quirks, tag, watch)
    return sse_reader(provider, answer, lambda payload: payload[:6] == b"[DONE]" or read_completion(payload), watch)


def document_reader(provider: str, quirks: Quirks, watch: Watch, tag: str = DIALECT) -> DocumentReader:
    """A reader of one JSON document."""
    return DocumentReader(provider, _Answer(provider, quirks, tag, watch).whole, watch)
