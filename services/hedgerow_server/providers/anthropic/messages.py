"""A conversation in Claude's words: one system prompt, and turns of the user and the assistant that alternate."""

import base64
import hashlib
import re
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from hedgerow_server.core.request import (
    VERBATIM,
    Audio,
    CacheHint,
    File,
    Image,
    Message,
    Part,
    ProviderItem,
    Reasoning,
    Refusal,
    Role,
    Text,
    ToolCall,
    ToolResult,
)
from hedgerow_server.providers.anthropic.body import (
    Base64Source,
    BlockBody,
    CacheControl,
    CitationsConfig,
    DocumentBlock,
    FileSource,
    ImageBlock,
    Media,
    RedactedThinkingBlock,
    TextBlock,
    TextSource,
    ThinkingBlock,
    ToolResultBlock,
    ToolUseBlock,
    Turn,
    UrlSource,
)
from hedgerow_server.providers.anthropic.state import DIALECT, State, read_state
from hedgerow_server.providers.draft import Draft

_CALL_ID = re.compile(r"[a-zA-Z0-9_-]+", re.ASCII)
_PDF = "application/pdf"
_TEXTS = frozenset({"application/json", "application/xml", "application/yaml", "application/x-yaml"})
# Midway between the two times that there are, five minutes and an hour.
_LONG_TTL_S = 1950.0

T = TypeVar("T", bound=msgspec.Struct)
_Build = Callable[[Part, str], BlockBody | None]


class Conversation:
    """Collects the system prompt and the turns."""

    __slots__ = ("_cite_documents", "_draft", "_later_system", "system", "turns")

    def __init__(self, draft: Draft, *, cite_documents: bool, later_system: bool = False) -> None:
        """`later_system`: the model takes what the operator says after a turn of the user where it stands."""
        self._draft = draft
        self._cite_documents = cite_documents
        self._later_system = later_system
        self.system: list[TextBlock | msgspec.Raw] = []
        """The system prompt: messages of the operator and the developer, wherever they stand, but for those that the
        model takes in their place.
        """
        self.turns: list[Turn] = []
        """What was said. Neighbours of one role are one turn."""

    def add(self, message: Message, path: str) -> None:
        """Adds a message. Raises RequestInvalid for content that Claude does not take where it stands."""
        if message.name:
            self._draft.ignored(f"{path}.name", "The provider has no names for messages.")
        role = message.role
        if role in (Role.SYSTEM, Role.DEVELOPER):
            blocks = self._system(message, path)
            if self._later_system and self.turns and self.turns[-1].role in ("user", "system"):
                self._say("system", blocks)
            else:
                self.system += blocks
        elif role is Role.ASSISTANT:
            self._say("assistant", self._each(message, path, self._spoken))
        elif role is Role.TOOL:
            self._answer(self._each(message, path, self._result))
        else:
            self._say("user", self._each(message, path, self._given))

    def _say(self, role: str, blocks: Sequence[BlockBody]) -> None:
        # An empty turn is refused, also that of a model which had nothing to say.
        if blocks and self.turns and self.turns[-1].role == role:
            self.turns[-1].content += blocks
        elif blocks:
            self.turns.append(Turn(role, list(blocks)))

    def _answer(self, results: list[BlockBody]) -> None:
        """Adds results of tools: they come first in their turn."""
        if not (self.turns and self.turns[-1].role == "user"):
            self._say("user", results)
            return
        content = self.turns[-1].content
        at = next((at for at, block in enumerate(content) if not isinstance(block, ToolResultBlock)), len(content))
        content[at:at] = results

    def _each(self, message: Message, path: str, build: _Build) -> list[BlockBody]:
        built = []
        for index, part in enumerate(message.content):
            block = build(part, f"{path}.content[{index}]")
            if block is not None:
                built.append(block)
        return built

    def _system(self, message: Message, path: str) -> list[TextBlock | msgspec.Raw]:
        blocks: list[TextBlock | msgspec.Raw] = []
        for index, part in enumerate(message.content):
            at = f"{path}.content[{index}]"
            self._note_foreign_state(part, at)
            if (raw := self._verbatim(part, at)) is not None:
                blocks.append(raw)
                continue
            if not isinstance(part.content, Text):
                raise self._draft.invalid(at, "must be text: the provider's system prompt holds nothing else")
            if part.content.text:
                blocks.append(TextBlock(part.content.text, cache_control=as_cache_control(part.cache_hint)))
        return blocks

    def _given(self, part: Part, path: str) -> TextBlock | Media | msgspec.Raw | None:
        """Text or a medium of the user's, or a block that was given in Claude's own words."""
        self._note_foreign_state(part, path)
        if (raw := self._verbatim(part, path)) is not None:
            return raw
        block = self._given_block(part, path)
        if part.state is None or isinstance(block, TextBlock | None):
            return block
        return with_members(block, self._own_state(part, path).members)

    def _given_block(self, part: Part, path: str) -> TextBlock | Media | None:
        cache_control = as_cache_control(part.cache_hint)
        match part.content:
            case Text(text):
                return TextBlock(text, cache_control=cache_control) if text else None
            case Image() as image:
                if image.detail is not None:
                    self._draft.ignored(f"{path}.image.detail", "The provider looks at all images alike.")
                return ImageBlock(_image_source(image), cache_control=cache_control)
            case File() as file:
                block = self._file(file, f"{path}.file")
                block.cache_control = cache_control
                return block
            case Audio():
                raise self._draft.invalid(f"{path}.audio", "must be absent: the provider takes no audio")
            case _:
                raise self._draft.invalid(path, "must be text, image or file")

    def _result(self, part: Part, path: str) -> ToolResultBlock:
        result = part.content
        if not isinstance(result, ToolResult):
            raise self._draft.invalid(path, "must be a tool_result in a message of ROLE_TOOL")
        content = []
        for index, piece in enumerate(result.content):
            block = self._given(piece, f"{path}.tool_result.content[{index}]")
            if block is not None:
                content.append(block)
        return ToolResultBlock(
            call_id(result.tool_call_id),
            content or None,
            is_error=result.is_error or None,
            toolset_name=self._own_state(part, path).toolset_name,
            cache_control=as_cache_control(part.cache_hint),
        )

    def _spoken(self, part: Part, path: str) -> BlockBody | None:
        """What the model said before."""
        state = self._own_state(part, path)
        cache_control = as_cache_control(part.cache_hint)
        match part.content:
            case Text(text) | Refusal(text):
                return TextBlock(text, state.citations, cache_control=cache_control) if text else None
            case Reasoning(text):
                return _thought(text, state)
            case ToolCall() as call:
                return ToolUseBlock(
                    call_id(call.id),
                    call.name,
                    self._input(call.arguments, path),
                    state.caller,
                    state.toolset_name,
                    cache_control=cache_control,
                )
            case ProviderItem() as item if item.provider in self._draft.names:
                raw = self._draft.json_object(item.data, f"{path}.provider_item.data")
                return with_cache_control(raw, cache_control)
            case ProviderItem():
                self._draft.state_dropped(f"{path}.provider_item")
                return None
            case Audio() as audio if audio.transcript:
                self._draft.changed(f"{path}.audio", "The audio was sent as its transcript.")
                return TextBlock(audio.transcript, cache_control=cache_control)
            case _:
                raise self._draft.invalid(path, "cannot be sent in a message of ROLE_ASSISTANT to the provider")

    def _input(self, arguments: str, path: str) -> object:
        """The arguments, which the provider wants as an object. A model may have written anything."""
        try:
            if isinstance(msgspec.json.decode(arguments or "{}"), dict):
                return msgspec.Raw((arguments or "{}").encode())
        except (msgspec.DecodeError, RecursionError):
            pass
        self._draft.changed(f"{path}.tool_call.arguments", "What is no JSON object was sent within one.")
        return {"INVALID_JSON": arguments}

    def _file(self, file: File, path: str) -> Media:
        media_type = _media_type(file.media_type)
        if media_type.startswith("image/"):
            return ImageBlock(self._source(file, media_type, path))
        citations = CitationsConfig(enabled=True) if self._cite_documents else None
        if file.data is not None and (media_type.startswith("text/") or media_type in _TEXTS):
            try:
                source: Base64Source | UrlSource | FileSource | TextSource = TextSource(file.data.decode())
            except UnicodeDecodeError:
                raise self._draft.invalid(f"{path}.data", "must be UTF-8: the provider takes text as such") from None
        elif file.provider_file_id is None and media_type not in (_PDF, ""):
            raise self._draft.invalid(f"{path}.media_type", "must be application/pdf, text or an image")
        else:
            source = self._source(file, media_type, path)
        return DocumentBlock(source, file.name or None, citations)

    def _source(self, file: File, media_type: str, path: str) -> Base64Source | UrlSource | FileSource:
        if file.provider_file_id is not None:
            return FileSource(file.provider_file_id)
        if file.data is not None:
            return Base64Source(media_type, base64.b64encode(file.data).decode())
        url = file.url or ""
        if url.startswith("gs:"):
            raise self._draft.invalid(f"{path}.url", "must be http or https: the provider fetches nothing else")
        return UrlSource(url)

    def _verbatim(self, part: Part, path: str) -> msgspec.Raw | None:
        """The block that a text is the JSON of; None for any other part."""
        state, content = part.state, part.content
        if state is None or state.provider != DIALECT or state.data != VERBATIM or not isinstance(content, Text):
            return None
        raw = self._draft.json_object(content.text, f"{path}.text")
        return with_cache_control(raw, as_cache_control(part.cache_hint))

    def _own_state(self, part: Part, path: str) -> State:
        self._note_foreign_state(part, path)
        try:
            return read_state(part.state)
        except (msgspec.DecodeError, UnicodeError):
            raise self._draft.invalid(f"{path}.provider_state.data", "must be what the provider had sent") from None

    def _note_foreign_state(self, part: Part, path: str) -> None:
        if part.state is not None and part.state.provider != DIALECT:
            self._draft.state_dropped(f"{path}.provider_state")


def with_cache_control(raw: msgspec.Raw, cache_control: CacheControl | None) -> msgspec.Raw:
    """The JSON object with a cache hint; its own holds."""
    if cache_control is None:
        return raw
    members = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    members.setdefault("cache_control", msgspec.Raw(msgspec.json.encode(cache_control)))
    return msgspec.Raw(msgspec.json.encode(members))


def with_members(block: T, members: dict[str, msgspec.Raw] | None) -> T | msgspec.Raw:
    """The object with further members that its caller gave, which win."""
    if not members:
        return block
    own = msgspec.json.decode(msgspec.json.encode(block), type=dict[str, msgspec.Raw])
    return msgspec.Raw(msgspec.json.encode(own | members))


def call_id(text: str) -> str:
    """The id of a tool call; one that Claude would refuse, made by another provider, becomes one of its own."""
    if _CALL_ID.fullmatch(text):
        return text
    return f"call_{hashlib.blake2b(text.encode(errors='replace'), digest_size=12).hexdigest()}"


def as_cache_control(hint: CacheHint | None) -> CacheControl | None:
    """What asks the provider to cache, for the nearer of its two times."""
    if hint is None:
        return None
    if hint.ttl_s is None:
        return CacheControl()
    return CacheControl("1h" if hint.ttl_s > _LONG_TTL_S else "5m")


def _thought(text: str, state: State) -> ThinkingBlock | RedactedThinkingBlock | None:
    """A thought goes back with its signature, or not at all."""
    if state.redacted is not None:
        return RedactedThinkingBlock(state.redacted)
    return ThinkingBlock(text, state.signature) if state.signature is not None else None


def _image_source(image: Image) -> Base64Source | UrlSource:
    if image.data is None:
        return UrlSource(image.url or "")
    return Base64Source(_media_type(image.media_type), base64.b64encode(image.data).decode())


def _media_type(text: str) -> str:
    return text.partition(";")[0].strip().lower()
