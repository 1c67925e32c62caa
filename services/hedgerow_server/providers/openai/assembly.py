"""Pieces of a message into events: the same whether they are the deltas of a stream or one whole message."""

import base64
from typing import Any

import msgspec

from hedgerow_server.core.drift import Unknown
from hedgerow_server.core.event import (
    CitationAdded,
    Event,
    LogprobsDelta,
    MediaDelta,
    ProviderItemAdded,
    ProviderStateAttached,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolCallArgumentsDelta,
    ToolCallEnded,
    ToolCallStarted,
)
from hedgerow_server.core.request import Citation, ProviderItem, TokenLogprob
from hedgerow_server.providers.loose import text_of
from hedgerow_server.providers.openai.answer import AudioPiece, CallPiece, FunctionPiece, Piece
from hedgerow_server.providers.openai.state import DIALECT, EXECUTED_TOOL, State, provider_state
from hedgerow_server.providers.openai.thoughts import Details
from hedgerow_server.providers.parts import made_call_id
from hedgerow_server.providers.refusal import protocol_error
from hedgerow_server.providers.watch import Watch

_Words = type[TextDelta] | type[ReasoningDelta] | type[RefusalDelta]
Tokens = tuple[TokenLogprob, ...]
_LEGACY_CALL = "function_call"
_MAX_INDEX = (1 << 31) - 1
_ITEMS = frozenset({"text", "output_text", "thinking"})
_MAGIC = (
    (b"RIFF", "audio/wav"),
    (b"OggS", "audio/ogg"),
    (b"fLaC", "audio/flac"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xf1", "audio/aac"),
    (b"\xff\xf9", "audio/aac"),
    (b"\xff\xfb", "audio/mpeg"),
    (b"\xff\xf3", "audio/mpeg"),
    (b"\xff\xf2", "audio/mpeg"),
)
_RAW_AUDIO = "audio/pcm"  # what a stream holds: 16 bits little-endian, without a header


class _Call:
    """One tool call while it grows. It starts with its name; `part` is -1 until then."""

    __slots__ = ("arguments", "custom", "ended", "extra", "id", "part")

    def __init__(self, call_id: str) -> None:
        self.id = call_id
        self.part = -1
        self.arguments: list[str] = []
        self.ended = False
        self.custom = False
        self.extra: object = None  # what the vendor wants back with the call

    def whole(self) -> bool:
        """Whether the arguments are complete JSON, so that nothing can follow."""
        try:
            msgspec.json.decode("".join(self.arguments))
        except (msgspec.DecodeError, RecursionError):
            return False
        return True


class Assembly:
    """Takes the pieces of one message. A new part begins whenever the kind of content or the tool call changes."""

    __slots__ = (
        "_call",
        "_calls",
        "_details",
        "_extra",
        "_kind",
        "_part",
        "_parts",
        "_provider",
        "_returns",
        "_tag",
        "_text_part",
        "_thought_parts",
        "_watch",
        "called",
        "events",
        "refused",
    )

    def __init__(self, provider: str, watch: Watch, tag: str = DIALECT, *, returns_thoughts: bool = False) -> None:
        """State and items travel under `tag`. `returns_thoughts`: whether the provider wants plain thoughts back."""
        self._provider = provider
        self._watch = watch
        self._tag = tag
        self._returns = returns_thoughts
        self.events: list[Event] = []
        """What the pieces made; whoever takes them away leaves an empty list."""
        self.refused = False
        self.called = False
        self._parts = 0
        self._kind: object = None  # of the open part
        self._part = -1
        self._text_part = -1
        self._thought_parts: list[int] = []
        self._details: Details | None = None
        self._extra: object = None  # what the vendor wants back with the text
        self._call: _Call | None = None  # the latest
        self._calls: dict[int | str, _Call] = {}

    @property
    def says(self) -> bool:
        """Whether the open part is text or thoughts."""
        return self._kind is TextDelta or self._kind is ReasoningDelta

    def say_more(self, text: str | None, thoughts: str | None) -> bool:
        """More of the open part, while it `says` something. False for words of the other kind, which open another."""
        if self._kind is TextDelta:
            if thoughts:
                return False
            if text:
                self.events.append(TextDelta(self._part, text))
        elif text:
            return False
        elif thoughts:
            self.events.append(ReasoningDelta(self._part, thoughts))
        return True

    def add(self, piece: Piece, response_id: str) -> None:
        """Takes one piece. Raises UpstreamProtocol for what cannot be part of a message."""
        if thoughts := piece.reasoning_content or piece.reasoning:
            self._say(ReasoningDelta, text_of(thoughts))
        if piece.reasoning_details or piece.executed_tools or piece.extra_content is not None:
            self._add_vendors_own(piece, shown=bool(thoughts))
        if content := piece.content:
            if type(content) is str:
                self._say(TextDelta, content)
            else:
                self._content(content)
        if piece.refusal and (refusal := text_of(piece.refusal)):
            self.refused = True
            self._say(RefusalDelta, refusal)
        if piece.audio is not None:
            self._audio(piece.audio)
        if piece.annotations:
            self._annotations(piece.annotations)
        if piece.tool_calls:
            for call in piece.tool_calls:
                self._fragment(call, response_id)
        if piece.function_call is not None:
            self._fragment(CallPiece(index=_LEGACY_CALL, function=piece.function_call), response_id)

    def _add_vendors_own(self, piece: Piece, *, shown: bool) -> None:
        if piece.reasoning_details:
            self._think(piece.reasoning_details, shown=shown)
        self._executed(piece.executed_tools)
        self._extra = piece.extra_content or self._extra

    def close(self) -> None:
        """Ends what is open. Raises UpstreamProtocol for a tool call that never got a name."""
        self._end_call()
        if self._calls and any(call.part < 0 and (call.arguments or call.id) for call in self._calls.values()):
            raise protocol_error(self._provider, "a tool call without a name")
        if self._returns or self._details is not None:
            self._attach_thoughts()
        if self._extra is not None and self._text_part >= 0:
            self._attach(self._text_part, State(extra_content=self._extra))

    def cite(self, citations: list[Citation]) -> None:
        """Sources of the text; opens an empty one where there is none."""
        if citations and self._text_part < 0:
            self._say_nothing(TextDelta)
        self.events += [CitationAdded(self._text_part, citation) for citation in citations]

    def weigh(self, said: Tokens, refused: Tokens, *, whole: bool) -> None:
        """How likely the tokens of the latest piece were. Those of a whole message are of its text, whatever else is in
        it; of the pieces of a stream each is of the part that is open. Without a part there is nowhere to put them.
        """
        refusal = next((event.part_index for event in self.events if isinstance(event, RefusalDelta)), self._part)
        text = self._text_part if whole and self._text_part >= 0 else self._part
        for tokens, part in ((said, text), (refused, refusal if whole else self._part)):
            if tokens and part >= 0:
                self.events.append(LogprobsDelta(part, tokens))

    def _begin(self, kind: object) -> int:
        self._end_call()
        self._kind = kind
        self._part = self._parts
        self._parts += 1
        return self._part

    def _say(self, kind: _Words, text: str) -> None:
        if not text:
            return
        if self._kind is not kind:
            self._open(kind)
        self.events.append(kind(self._part, text))

    def _open(self, kind: _Words) -> None:
        self._begin(kind)
        if kind is TextDelta:
            self._text_part = self._part
        elif kind is ReasoningDelta:
            self._thought_parts.append(self._part)

    def _say_nothing(self, kind: _Words) -> None:
        self._open(kind)
        self.events.append(kind(self._part, ""))

    def _think(self, details: Any, *, shown: bool) -> None:
        """Thoughts piece by piece, as those who pass on several vendors' write them; often their text stands beside."""
        if self._details is None:
            self._details = Details()
        text = self._details.add(details)
        if text and not shown:
            self._say(ReasoningDelta, text)
        elif not (self._thought_parts or self.called):
            self._say_nothing(ReasoningDelta)

    def _attach_thoughts(self) -> None:
        """Marks the thoughts as the provider's own, so that they can go back."""
        details = self._details.whole if self._details is not None else []
        if details and not self._thought_parts:
            self._say_nothing(ReasoningDelta)
        if self._returns:
            for part in self._thought_parts:
                self._attach(part, State(reasoning=True))
        elif details:
            self._attach(self._thought_parts[-1], State(reasoning_details=details))

    def _attach(self, part: int, state: State) -> None:
        self.events.append(ProviderStateAttached(part, provider_state(self._tag, state)))

    def _executed(self, tools: Any) -> None:
        """Tools that the provider ran. In a stream each is announced, and told again with what came out."""
        for tool in tools if isinstance(tools, list) else ():
            if isinstance(tool, dict) and tool.get("output") is not None:
                item = ProviderItem(self._tag, EXECUTED_TOOL, msgspec.json.encode(tool))
                self.events.append(ProviderItemAdded(self._begin(ProviderItem), item))

    def _content(self, content: Any) -> None:
        """Content that is no string: Mistral's list of typed items, or the plain JSON of Cloudflare's JSON mode."""
        if not isinstance(content, list) or not any(isinstance(item, dict) and "type" in item for item in content):
            self._say(TextDelta, msgspec.json.encode(content).decode())
            return
        for item in content:
            if not isinstance(item, dict):
                continue
            if text_of(item.get("type")) not in _ITEMS:
                self._watch.note(Unknown.CONTENT_TYPE, item.get("type"))
            self._say(TextDelta, text_of(item.get("text")))
            thoughts = item.get("thinking")
            for thought in thoughts if isinstance(thoughts, list) else [{"text": thoughts}]:
                if isinstance(thought, dict):
                    self._say(ReasoningDelta, text_of(thought.get("text")))

    def _annotations(self, annotations: Any) -> None:
        for annotation in annotations if isinstance(annotations, list) else ():
            source = annotation.get("url_citation") if isinstance(annotation, dict) else None
            if isinstance(source, dict):
                citation = Citation(
                    url=text_of(source.get("url")),
                    title=text_of(source.get("title")),
                    cited_text=text_of(source.get("content")),
                    start_index=_index(source.get("start_index")),
                    end_index=_index(source.get("end_index")),
                )
                self.cite([citation])

    def _audio(self, audio: AudioPiece) -> None:
        try:
            data = base64.b64decode(text_of(audio.data), validate=True)
        except ValueError:  # binascii.Error is one; characters that are not ASCII raise it bare
            raise protocol_error(self._provider, "audio that is not base64") from None
        transcript = text_of(audio.transcript)
        begins = self._kind is not MediaDelta
        if data or transcript:
            part = self._begin(MediaDelta) if begins else self._part
            media_type = next((kind for magic, kind in _MAGIC if data.startswith(magic)), _RAW_AUDIO) if begins else ""
            self.events.append(MediaDelta(part, media_type=media_type, data=data, transcript=transcript))
        if (audio_id := text_of(audio.id)) and self._kind is MediaDelta and (begins or data):
            self._attach(self._part, State(audio_id=audio_id))

    def _fragment(self, piece: CallPiece, response_id: str) -> None:
        function = piece.function
        custom = piece.type == "custom" and piece.custom is not None
        if custom or function is None:
            function = piece.custom or FunctionPiece()
        name, call_id = text_of(function.name), text_of(piece.id)
        arguments = _arguments(function)
        call = self._find(piece.index, call_id, name)
        if call is None:
            if not (name or call_id or arguments):
                return  # Snowflake fills every member with emptiness
            call = self._call = _Call(call_id)
            self._calls[_key(piece.index, call_id, len(self._calls))] = call
            call.custom = custom
        if piece.extra_content is not None:
            call.extra = piece.extra_content
        if name and call.part < 0:
            self._start(call, name, response_id)
        if arguments:
            self._extend(call, arguments)

    def _find(self, index: Any, call_id: str, name: str) -> _Call | None:
        """The call that a fragment belongs to, None for a new one."""
        if type(index) is int or index == _LEGACY_CALL:
            call = self._calls.get(index)
        elif call_id:
            # Without an index the id tells the calls apart (older Mistral).
            return next((call for call in self._calls.values() if call.id == call_id), None)
        else:
            return None if name else self._call
        if call is None or not name or call.part < 0:
            return call
        # A name again: a vendor that repeats it, or a new call under an index that was used before.
        if call_id:
            return call if call_id == call.id else None
        return None if call.whole() else call

    def _start(self, call: _Call, name: str, response_id: str) -> None:
        self.called = True
        call.part = self._begin(call)
        if not call.id:
            call.id = made_call_id(response_id, call.part)
        self.events.append(ToolCallStarted(call.part, call.id, name))
        if call.custom:
            self._attach(call.part, State(call_type="custom"))
        if call.arguments:
            self.events.append(ToolCallArgumentsDelta(call.part, "".join(call.arguments)))

    def _extend(self, call: _Call, arguments: str) -> None:
        if call.ended:
            raise protocol_error(self._provider, "arguments after the end of their tool call")
        call.arguments.append(arguments)
        if call.part >= 0:
            self.events.append(ToolCallArgumentsDelta(call.part, arguments))

    def _end_call(self) -> None:
        call = self._kind
        if isinstance(call, _Call):
            self._kind = None
            call.ended = True
            if not call.arguments:
                self.events.append(ToolCallArgumentsDelta(call.part, "{}"))
            self.events.append(ToolCallEnded(call.part))
            if call.extra is not None:
                self._attach(call.part, State(call_type="custom" if call.custom else "", extra_content=call.extra))


def _arguments(function: FunctionPiece) -> str:
    value = function.arguments or function.input
    if isinstance(value, dict):
        return msgspec.json.encode(value).decode()
    return text_of(value)


def _key(index: Any, call_id: str, count: int) -> int | str:
    return index if type(index) is int or index == _LEGACY_CALL else call_id or f"#{count}"


def _index(value: object) -> int | None:
    return value if type(value) is int and 0 <= value <= _MAX_INDEX else None
