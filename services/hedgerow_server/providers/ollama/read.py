"""Readers of chat answers: a stream of JSON lines, or one document."""

from hedgerow_server.core.drift import Unknown
from hedgerow_server.core.event import Event, Finished, FinishReason, LogprobsDelta, ReasoningDelta, TextDelta, Usage
from hedgerow_server.providers.logprobs import read_tokens
from hedgerow_server.providers.loose import text_of, tolerant
from hedgerow_server.providers.ndjson import LineReader
from hedgerow_server.providers.ollama.answer import Call, Chat, Message, read_chat
from hedgerow_server.providers.ollama.errors import error_within
from hedgerow_server.providers.ollama.finish import finish_reason
from hedgerow_server.providers.ollama.state import THINKING
from hedgerow_server.providers.ollama.usage import read_usage
from hedgerow_server.providers.parts import Parts
from hedgerow_server.providers.reading import MAX_WORD, DocumentReader, Opening, StreamReader, closing, searched
from hedgerow_server.providers.refusal import protocol_error, stream_cut
from hedgerow_server.providers.watch import Watch

_unquoted = tolerant(str)
_OTHER_WORDS = ("load", "unload", "")  # of calls that only load a model; of a runner whose connection closed


class _Answer:
    """What all pieces of one answer say together."""

    __slots__ = ("_parts", "_provider", "_seed", "_thought_part", "_usage", "_watch", "_word", "done", "opening")

    def __init__(self, provider: str, watch: Watch) -> None:
        self._provider = provider
        self._watch = watch
        self._parts = Parts()
        self._seed = ""  # what tells this answer from others: it has no id
        self._thought_part = -1
        self._usage: Usage | None = None
        self._word = ""
        self.opening = Opening()
        self.done = False

    def take(self, frame: bytes) -> None:
        """Takes a line of a stream. Raises HedgerowError."""
        chat = read_chat(frame)
        if chat is None:
            raise protocol_error(self._provider, "a line that is not the JSON of a chat")
        self._take(chat)

    def whole(self, text: bytes) -> list[Event]:
        """All events of a document. Raises HedgerowError."""
        chat = read_chat(text)
        if chat is None:
            raise protocol_error(self._provider, "a body that is not the JSON of a chat")
        self._take(chat)
        if chat.message is None or not self.done:
            raise protocol_error(self._provider, "a chat without its end")
        return closing(self)

    def events(self) -> list[Event]:
        """What was made since the last time."""
        return self._parts.take()

    def close(self) -> Finished:
        """Ends what is open. Raises StreamCut."""
        if not self.done:
            raise stream_cut(self._provider)
        self._parts.close()
        reason = finish_reason(self._word, calls=self._parts.called)
        if reason is FinishReason.OTHER and self._word not in _OTHER_WORDS:
            self._watch.note(Unknown.FINISH_REASON, self._word)
        return Finished(reason, self._word, self._usage)

    def _take(self, chat: Chat) -> None:
        if chat.error:
            raise error_within(self._provider, chat.error)
        if not self._seed:
            self._seed = text_of(chat.created_at)
            self.opening.model = text_of(chat.model)
        if chat.message is not None:
            self._piece(chat.message)
        if chat.logprobs and (tokens := read_tokens(chat.logprobs)) and self._parts.index >= 0:
            self._parts.events.append(LogprobsDelta(self._parts.index, tokens))
        if chat.done is True:
            self.done = True
            self._word = text_of(chat.done_reason)[:MAX_WORD]
            self._usage = read_usage(chat.prompt_eval_count, chat.eval_count, chat.prompt_eval_cached_count)

    def _piece(self, message: Message) -> None:
        parts = self._parts
        if thoughts := text_of(message.thinking):
            parts.say(ReasoningDelta, thoughts)
            if self._thought_part != parts.index:
                self._thought_part = parts.index
                parts.attach(THINKING)
        if text := text_of(message.content):
            parts.say(TextDelta, text)
        for call in message.tool_calls or ():
            self._call(call)

    def _call(self, call: Call) -> None:
        name = text_of(call.function.name) if call.function is not None else ""
        if call.function is None or not name:
            raise protocol_error(self._provider, "a tool call without a name")
        self._parts.start_call(text_of(call.id), name, self._seed)
        self._parts.arguments(_arguments(bytes(call.function.arguments)))
        self._parts.close()


def _arguments(written: bytes) -> str:
    """The object's own text; a proxy may have written it within a string."""
    text = written.decode(errors="replace")
    if text[:1] == '"':
        return _unquoted(written) or ""
    return "" if text == "null" else text


def stream_reader(provider: str, watch: Watch) -> StreamReader[bytes]:
    """A reader of JSON lines. What the end of the body cut in the middle of a line counts for nothing."""
    lines = LineReader(provider)
    frames = searched(lines, lambda line: line, watch)
    return StreamReader(
        frames, _Answer(provider, watch), lambda: (line for line in lines.end() if read_chat(line)), watch
    )


def document_reader(provider: str, watch: Watch) -> DocumentReader:
    """A reader of one JSON document."""
    return DocumentReader(provider, _Answer(provider, watch).whole, watch)
