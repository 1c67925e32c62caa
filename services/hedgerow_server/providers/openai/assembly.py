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
from hedgerow_server.providers.logprobs import objects_of
from hedgerow_server.providers.loose import member, text_of
from hedgerow_server.providers.openai.answer import AudioPiece, CallPiece, FunctionPiece, Piece
from hedgerow_server.providers.openai.calls import LEGACY, Call, Calls
from hedgerow_server.providers.openai.media import read_url
from hedgerow_server.providers.openai.state import DIALECT, EXECUTED_TOOL, State, provider_state
from hedgerow_server.providers.openai.thoughts import Details
from hedgerow_server.providers.parts import made_call_id
from hedgerow_server.providers.refusal import protocol_error
from hedgerow_server.providers.watch import Watch

_Words = type[TextDelta] | type[ReasoningDelta] | type[RefusalDelta]
Tokens = tuple[TokenLogprob, ...]
_MAX_INDEX = (1 << 31) - 1
_ITEMS = frozenset({"text", "output_text", "thinking", "reasoning", "refusal", "image_url"})
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


class Assembly:
    """Takes the pieces of one message. A new part begins whenever the kind of content or the tool call changes."""

    __slots__ = (
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
        self._calls = Calls()

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
        thoughts = ""
        if piece.reasoning_content is not None or piece.reasoning is not None:
            thoughts = _told(piece.reasoning_content) or _told(piece.reasoning)
            self._say(ReasoningDelta, thoughts)
        if piece.reasoning_details or piece.executed_tools or piece.extra_content is not None:
            self._add_vendors_own(piece, shown=bool(thoughts))
        if (content := piece.content) is not None:
            self._content(content)
        if piece.images:
            self._images(piece.images)
        if piece.refusal:
            self._refuse(text_of(piece.refusal))
        if piece.audio is not None:
            self._audio(piece.audio)
        if piece.annotations:
            self._annotations(piece.annotations)
        if calls := piece.tool_calls:
            for call in calls if isinstance(calls, list) else (calls,):
                self._fragment(call, response_id)
        if piece.function_call is not None:
            self._fragment(CallPiece(index=LEGACY, function=piece.function_call), response_id)

    def _add_vendors_own(self, piece: Piece, *, shown: bool) -> None:
        if piece.reasoning_details:
            self._think(piece.reasoning_details, shown=shown)
        self._executed(piece.executed_tools)
        self._extra = piece.extra_content or self._extra

    def close(self) -> None:
        """Ends what is open. Raises UpstreamProtocol for a tool call that never got a name."""
        for call in self._calls.all:
            if call.part >= 0:
                self._end(call)
            elif call.arguments or call.id:
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
        self._leave()
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

    def _refuse(self, text: str) -> None:
        if text:
            self.refused = True
            self._say(RefusalDelta, text)

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
        """Content: text, Mistral's list of typed items, or the plain JSON of Cloudflare's JSON mode."""
        if (text := _told(content)) or not content:
            self._say(TextDelta, text)
            return
        if not isinstance(content, list) or not any(isinstance(item, dict) and "type" in item for item in content):
            self._say(TextDelta, msgspec.json.encode(content).decode())
            return
        for item in content:
            if isinstance(item, dict):
                self._item(item)

    def _item(self, item: dict[str, Any]) -> None:
        kind = text_of(item.get("type"))
        if kind not in _ITEMS:
            self._watch.note(Unknown.CONTENT_TYPE, item.get("type"))
        if kind == "refusal":
            self._refuse(text_of(item.get("refusal")))
        elif kind == "image_url":
            self._images([item])
        elif kind != "reasoning":
            self._say(TextDelta, text_of(item.get("text")))
        # Mistral has thoughts in `thinking`, Databricks in the `summary` of `reasoning`.
        thoughts = item.get("thinking") or (item.get("summary") or item.get("text") if kind == "reasoning" else "")
        for thought in thoughts if isinstance(thoughts, list) else [{"text": thoughts}]:
            if isinstance(thought, dict):
                self._say(ReasoningDelta, text_of(thought.get("text")))

    def _images(self, images: Any) -> None:
        """Generated images, each a part of its own (OpenRouter, Vercel, LiteLLM)."""
        for image in objects_of(images):
            url = image.get("image_url")
            source = read_url(text_of(member(url, "url")) or text_of(url))
            if source is None:
                raise protocol_error(self._provider, "an image that is not base64")
            media_type, data, link = source
            if data or link:
                self._begin(MediaDelta)
                self.events.append(MediaDelta(self._part, media_type, data, link))
                self._attach(self._part, State(image=True))

    def _annotations(self, annotations: Any) -> None:
        for annotation in annotations if isinstance(annotations, list) else ():
            # Some write it flat, as the Responses API does.
            source = member(annotation, "url_citation") or (annotation if member(annotation, "url") else None)
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
        custom = piece.type == "custom" and piece.custom is not None
        function = piece.custom if custom or piece.function is None else piece.function
        # Cloudflare's own form has the members of the function in the call.
        function = function or FunctionPiece(name=piece.name, arguments=piece.arguments)
        name, call_id = text_of(function.name), text_of(piece.id)
        arguments = _arguments(function)
        call = self._calls.find(piece.index, call_id, name, arguments)
        if call is None:
            if not (name or call_id or arguments):
                return  # Snowflake fills every member with emptiness
            call = self._calls.add(piece.index, call_id)
            call.custom = custom
        elif arguments and call.part >= 0 and call.is_repeated(arguments):
            return
        if piece.extra_content is not None:
            call.extra = piece.extra_content
        if name and call.part < 0:
            self._start(call, name, response_id)
        if arguments:
            self._extend(call, arguments)

    def _start(self, call: Call, name: str, response_id: str) -> None:
        self.called = True
        call.name = name
        call.part = self._begin(call)
        if not call.id:
            call.id = made_call_id(response_id, call.part)
        self.events.append(ToolCallStarted(call.part, call.id, name))
        if call.custom:
            self._attach(call.part, State(call_type="custom"))
        if call.arguments:
            self.events.append(ToolCallArgumentsDelta(call.part, "".join(call.arguments)))

    def _extend(self, call: Call, arguments: str) -> None:
        if call.ended:
            if arguments.strip():
                raise protocol_error(self._provider, "arguments after the end of their tool call")
            return
        call.extend(arguments)
        if call.part >= 0:
            self.events.append(ToolCallArgumentsDelta(call.part, arguments))

    def _leave(self) -> None:
        """Another part begins. A call that is not complete stays open: its fragments may alternate with others'."""
        call, self._kind = self._kind, None
        if isinstance(call, Call) and call.whole():
            self._end(call)

    def _end(self, call: Call) -> None:
        if call.ended:
            return
        call.ended = True
        if not call.arguments:
            self.events.append(ToolCallArgumentsDelta(call.part, "{}"))
        self.events.append(ToolCallEnded(call.part))
        if call.extra is not None:
            self._attach(call.part, State(call_type="custom" if call.custom else "", extra_content=call.extra))


def _told(words: object) -> str:
    """Words, if they are any. Cloudflare sends a token that is a number or a truth value in JSON as one."""
    if isinstance(words, str):
        return words
    return msgspec.json.encode(words).decode() if isinstance(words, int | float) else ""


def _arguments(function: FunctionPiece) -> str:
    value = function.arguments or function.input
    if isinstance(value, str):
        return value
    return msgspec.json.encode(value).decode() if value and isinstance(value, dict | list) else ""


def _index(value: object) -> int | None:
    return value if type(value) is int and 0 <= value <= _MAX_INDEX else None
