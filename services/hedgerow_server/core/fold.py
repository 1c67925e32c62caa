"""The fold of an answer's events: one message, fit to be appended to the conversation."""

import msgspec

from hedgerow_server.core.error import Internal
from hedgerow_server.core.event import (
    CitationAdded,
    Completed,
    Event,
    GuardVerdict,
    LogprobsDelta,
    MediaDelta,
    ProviderItemAdded,
    ProviderStateAttached,
    ReasoningDelta,
    RefusalDelta,
    Started,
    TextDelta,
    ToolCallArgumentsDelta,
    ToolCallStarted,
)
from hedgerow_server.core.request import (
    Audio,
    Citation,
    Content,
    File,
    Image,
    Message,
    Part,
    ProviderItem,
    ProviderState,
    Reasoning,
    Refusal,
    Role,
    Text,
    TokenLogprob,
    ToolCall,
)


class Answer(msgspec.Struct, frozen=True):
    """A whole answer."""

    message: Message
    started: Started
    completed: Completed
    verdicts: tuple[GuardVerdict, ...] = ()


class _Pieces:
    """One part while it grows."""

    __slots__ = (
        "call",
        "citations",
        "data",
        "item",
        "kind",
        "logprobs",
        "media_type",
        "state",
        "text",
        "transcript",
        "url",
    )

    def __init__(self, kind: type[Content]) -> None:
        self.kind = kind
        self.text: list[str] = []
        self.data: list[bytes] = []
        self.transcript: list[str] = []
        self.url = ""
        self.media_type = ""
        self.call = ("", "")
        self.item: ProviderItem | None = None
        self.state: ProviderState | None = None
        self.citations: list[Citation] = []
        self.logprobs: list[TokenLogprob] = []

    def content(self) -> Content:
        """The finished content."""
        text = "".join(self.text)
        if self.kind is ToolCall:
            return ToolCall(self.call[0], self.call[1], text)
        if self.kind is Reasoning:
            return Reasoning(text)
        if self.kind is Refusal:
            return Refusal(text)
        if self.item is not None:
            return self.item
        if self.kind is Text:
            return Text(text)
        return self._medium()

    def _medium(self) -> Content:
        data, url = b"".join(self.data) or None, self.url or None
        if self.media_type.startswith("image/"):
            return Image(data=data, url=url, media_type=self.media_type)
        if self.media_type.startswith("audio/"):
            if data is None and url is None:
                data = b""
            return Audio(data=data, url=url, media_type=self.media_type, transcript="".join(self.transcript))
        return File(data=data, url=url, media_type=self.media_type)


class Fold:
    """Takes the events of a chat answer one by one; `answer` is whole once `Completed` was taken."""

    __slots__ = ("_completed", "_parts", "_started", "_verdicts")

    def __init__(self) -> None:
        self._parts: dict[int, _Pieces] = {}
        self._started = Started()
        self._completed: Completed | None = None
        self._verdicts: list[GuardVerdict] = []

    def _part(self, index: int, kind: type[Content]) -> _Pieces:
        part = self._parts.get(index)
        if part is None:
            part = self._parts[index] = _Pieces(kind)
        return part

    def add(self, event: Event) -> None:
        """Takes one event. Events that are not part of a message are ignored."""
        match event:
            case TextDelta(index, text):
                self._part(index, Text).text.append(text)
            case Started():
                self._started = event
            case Completed():
                self._completed = event
            case ReasoningDelta(index, text):
                self._part(index, Reasoning).text.append(text)
            case RefusalDelta(index, text):
                self._part(index, Refusal).text.append(text)
            case ToolCallStarted(index, call_id, name):
                self._part(index, ToolCall).call = (call_id, name)
            case ToolCallArgumentsDelta(index, arguments):
                self._part(index, ToolCall).text.append(arguments)
            case _:
                self._add_rare(event)

    def _add_rare(self, event: Event) -> None:
        match event:
            case CitationAdded(index, citation) if index in self._parts:
                self._parts[index].citations.append(citation)
            case LogprobsDelta(index, tokens) if index in self._parts:
                self._parts[index].logprobs += tokens
            case MediaDelta(index):
                part = self._part(index, File)
                part.media_type = part.media_type or event.media_type
                part.data.append(event.data)
                part.url = part.url or event.url
                part.transcript.append(event.transcript)
            case ProviderItemAdded(index, item):
                self._part(index, ProviderItem).item = item
            case ProviderStateAttached(index, state) if index in self._parts:
                self._parts[index].state = state
            case GuardVerdict():
                self._verdicts.append(event)

    def part(self, index: int) -> Part:
        """A part that has begun, as far as it has come."""
        part = self._parts[index]
        return Part(part.content(), part.state, tuple(part.citations), logprobs=tuple(part.logprobs))

    def answer(self) -> Answer:
        """The whole answer. A stream without `Completed` never gets here: the executor has raised."""
        if self._completed is None:
            raise Internal("An answer ended without its last event.")
        parts = tuple(self.part(index) for index in sorted(self._parts))
        return Answer(Message(Role.ASSISTANT, parts), self._started, self._completed, tuple(self._verdicts))
