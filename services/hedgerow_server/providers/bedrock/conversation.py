"""A conversation in Bedrock's words: the system prompt, and turns of the user and the assistant that alternate."""

import hashlib
import re

import msgspec

from hedgerow_server.core.request import (
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
from hedgerow_server.providers.bedrock.body import (
    Block,
    CachePoint,
    ReasoningContent,
    ReasoningText,
    ResultPiece,
    ToolUse,
    Turn,
)
from hedgerow_server.providers.bedrock.body import ToolResult as ToolResultBlock
from hedgerow_server.providers.bedrock.media import Media
from hedgerow_server.providers.bedrock.state import DIALECT, read_state
from hedgerow_server.providers.draft import Draft
from hedgerow_server.providers.loose import plain

_CALL_ID = re.compile(r"[a-zA-Z0-9_.:-]{1,64}", re.ASCII)
_SYSTEM = (Role.SYSTEM, Role.DEVELOPER)
_MAX_CACHE_POINTS = 4
_LONG_TTL_ABOVE_S = 1950.0  # half way between the two that there are: 5 minutes and an hour


class CachePoints:
    """The cache points of one request, in its order: tools, system, messages. Bedrock takes four. A later one covers
    what an earlier one does, so of more the last count.
    """

    __slots__ = ("_skipped",)

    def __init__(self, tools: tuple[object, ...], messages: tuple[Message, ...]) -> None:
        hints = sum(getattr(tool, "cache_hint", None) is not None for tool in tools)
        hints += sum(part.cache_hint is not None for message in messages for part in message.content)
        self._skipped = hints - _MAX_CACHE_POINTS

    def point(self, hint: CacheHint | None) -> CachePoint | None:
        """The cache point for a hint, None where there is none."""
        if hint is None:
            return None
        if self._skipped > 0:
            self._skipped -= 1
            return None
        if hint.ttl_s is None:
            return CachePoint("default")
        return CachePoint("default", "1h" if hint.ttl_s > _LONG_TTL_ABOVE_S else "5m")


class Conversation:
    """Builds the messages of one request."""

    __slots__ = ("_caches", "_draft", "_media", "_points", "called", "system", "turns")

    def __init__(self, draft: Draft, points: CachePoints, *, caches: bool) -> None:
        """`caches` tells whether the model takes cache points."""
        self._draft = draft
        self._points = points
        self._caches = caches
        self._media = Media(draft)
        self.system: list[Block] = []
        self.turns: list[Turn] = []
        self.called: dict[str, None] = {}
        """The names of the functions that were called, in order."""

    def build(self, messages: tuple[Message, ...]) -> None:
        """Takes the messages. Raises RequestInvalid for content that Bedrock does not take where it stands."""
        head = True
        for index, message in enumerate(messages):
            head = head and message.role in _SYSTEM
            if message.role in _SYSTEM:
                self._take_system(message, f"chat.messages[{index}]", head=head)
        for index, message in enumerate(messages):
            if message.role not in _SYSTEM:
                self._take(message, f"chat.messages[{index}]")

    def _take_system(self, message: Message, path: str, *, head: bool) -> None:
        if not head:
            self._draft.changed(path, "The provider has its system prompt at the head only; the message was put there.")
        self._note_name(message, path)
        for index, part in enumerate(message.content):
            if not isinstance(part.content, Text):
                raise self._draft.invalid(f"{path}.content[{index}]", "must be text in a system prompt")
            if part.content.text:
                self.system.append(Block(text=part.content.text))
            self._add_point(self.system, part.cache_hint)

    def _take(self, message: Message, path: str) -> None:
        self._note_name(message, path)
        role = "assistant" if message.role is Role.ASSISTANT else "user"
        blocks: list[Block | msgspec.Raw] = []
        for index, part in enumerate(message.content):
            at = f"{path}.content[{index}]"
            if part.state is not None and part.state.provider != DIALECT:
                self._draft.state_dropped(f"{at}.provider_state")
            block = self._assistant_block(part, at) if role == "assistant" else self._user_block(part, message.role, at)
            if block is not None:
                blocks.append(block)
            self._add_point(blocks, part.cache_hint)
        if not blocks and role == "user":
            raise self._draft.invalid(f"{path}.content", "must not be blank: the provider takes no empty message")
        # Roles must alternate, and results of tools are the user's.
        if blocks and self.turns and self.turns[-1].role == role:
            self.turns[-1].content += blocks
        elif blocks:
            self.turns.append(Turn(role, blocks))

    def _add_point(self, blocks: "list[Block] | list[Block | msgspec.Raw]", hint: CacheHint | None) -> None:
        point = self._points.point(hint)
        if point is not None and self._caches and blocks:
            blocks.append(Block(cache_point=point))

    def _note_name(self, message: Message, path: str) -> None:
        if message.name:
            self._draft.ignored(f"{path}.name", "The provider has no names for participants.")

    def _user_block(self, part: Part, role: Role, path: str) -> Block | None:
        content = part.content
        if isinstance(content, ToolResult) == (role is Role.USER):
            raise self._draft.invalid(path, "must be a tool_result in a message of ROLE_TOOL, and only there")
        match content:
            case Text(text):
                return Block(text=text) if text else None
            case ToolResult():
                return Block(tool_result=self._result(content, f"{path}.tool_result"))
            case Image() | Audio() | File():
                return self._medium(content, path)
            case _:
                raise self._draft.invalid(path, "must be text, image, audio or file")

    def _assistant_block(self, part: Part, path: str) -> Block | msgspec.Raw | None:
        match part.content:
            case Text(text) | Refusal(text):
                return Block(text=text) if text.strip() else None
            case Reasoning(text):
                return self._thoughts(text, part, path)
            case ToolCall(call_id, name, arguments):
                self.called[name] = None
                given = self._input(arguments or "{}", f"{path}.tool_call.arguments")
                return Block(tool_use=ToolUse(_call_id(call_id), name, given))
            case ProviderItem() as item if item.provider in self._draft.names:
                return self._draft.json_object(item.data, f"{path}.provider_item.data")
            case ProviderItem():
                self._draft.state_dropped(f"{path}.provider_item")
                return None
            case Image() | Audio() | File() as medium:
                return self._medium(medium, path)
            case _:
                raise self._draft.invalid(path, "cannot be sent in a message of ROLE_ASSISTANT to the provider")

    def _input(self, arguments: str, path: str) -> msgspec.Raw:
        """The arguments, which Bedrock wants as an object. A model may have written anything."""
        given = arguments.encode()
        if isinstance(plain(given), dict):
            return msgspec.Raw(given)
        self._draft.changed(path, "What is no JSON object was sent within one.")
        return msgspec.Raw(msgspec.json.encode({"INVALID_JSON": arguments}))

    def _thoughts(self, text: str, part: Part, path: str) -> Block | None:
        """Thoughts go back with what proves them only: without it no model takes them."""
        try:
            state = read_state(part.state)
        except (msgspec.DecodeError, UnicodeError):
            raise self._draft.invalid(f"{path}.provider_state.data", "must be what the provider had sent") from None
        if state.redacted:
            return Block(reasoning_content=ReasoningContent(redacted_content=state.redacted))
        if state.signature:
            return Block(reasoning_content=ReasoningContent(ReasoningText(text, state.signature)))
        return None

    def _medium(self, content: Image | Audio | File, path: str) -> Block:
        match content:
            case Image():
                return Block(image=self._media.image(content, f"{path}.image"))
            case Audio():
                return Block(audio=self._media.audio(content, f"{path}.audio"))
            case File():
                kind, medium = self._media.file(content, f"{path}.file")
                return Block(video=medium) if kind == "video" else Block(document=medium)

    def _result(self, result: ToolResult, path: str) -> ToolResultBlock:
        pieces: list[ResultPiece] = []
        for index, part in enumerate(result.content):
            at = f"{path}.content[{index}]"
            match part.content:
                case Text(text):
                    if text:
                        pieces.append(ResultPiece(text=text))
                case Image() as image:
                    pieces.append(ResultPiece(image=self._media.image(image, f"{at}.image")))
                case File() as file:
                    kind, medium = self._media.file(file, f"{at}.file")
                    pieces.append(ResultPiece(video=medium) if kind == "video" else ResultPiece(document=medium))
                case _:
                    raise self._draft.invalid(at, "must be text, image or file: the provider takes no other result")
        return ToolResultBlock(_call_id(result.tool_call_id), pieces, "error" if result.is_error else None)


def _call_id(given: str) -> str:
    """The id of a call in Bedrock's alphabet; the same for the call and its result."""
    if _CALL_ID.fullmatch(given):
        return given
    return f"call_{hashlib.blake2b(given.encode(), digest_size=16).hexdigest()}"
