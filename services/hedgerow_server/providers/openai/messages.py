"""A conversation in OpenAI's words."""

from typing import Any

import msgspec

from hedgerow_server.core.request import (
    Audio,
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
from hedgerow_server.providers.draft import Draft
from hedgerow_server.providers.openai.body import (
    AudioPart,
    AudioRef,
    ChatMessage,
    ContentPart,
    CustomCall,
    CustomToolCall,
    FilePart,
    FunctionCall,
    FunctionToolCall,
    ImagePart,
    ImageUrl,
    InputAudio,
    InputFile,
    TextPart,
    ThoughtChunk,
)
from hedgerow_server.providers.openai.media import audio_data, data_url, file_name
from hedgerow_server.providers.openai.quirks import Quirks
from hedgerow_server.providers.openai.state import EXECUTED_TOOL, State, read_state


class Conversation:
    """Builds the messages of one request."""

    __slots__ = ("_draft", "_quirks", "_tag")

    def __init__(self, draft: Draft, quirks: Quirks, tag: str) -> None:
        """`tag` is the name under which the provider's own state travels."""
        self._draft = draft
        self._quirks = quirks
        self._tag = tag

    def messages(self, messages: tuple[Message, ...]) -> list[ChatMessage]:
        """The messages of the body. Raises RequestInvalid for content that the provider does not take in its place."""
        built: list[ChatMessage] = []
        for index, message in enumerate(messages):
            parts, role = message.content, message.role
            if len(parts) == 1 and type(parts[0].content) is Text and parts[0].state is None and role is not Role.TOOL:
                # One text is the common case; it goes as a plain string, which every vendor of the dialect takes.
                name = self._name(message, f"chat.messages[{index}]") if message.name else None
                built.append(ChatMessage(self._role(role), parts[0].content.text, name))
                continue
            path = f"chat.messages[{index}]"
            if role is Role.TOOL:
                built += self._results(message, path)
            elif role is Role.ASSISTANT:
                built.append(self._answer(message, path))
            else:
                content = self._content(message, path)
                built.append(ChatMessage(self._role(role), content, self._name(message, path)))
        return built

    def _role(self, role: Role) -> str:
        if role is Role.DEVELOPER and not self._quirks.developer_role:
            return Role.SYSTEM.value
        return role.value

    def _name(self, message: Message, path: str) -> str | None:
        if message.name and not self._quirks.names:
            self._draft.ignored(f"{path}.name", "The provider has no names for those who speak.")
            return None
        return message.name or None

    def _content(self, message: Message, path: str) -> str | list[ContentPart]:
        content = []
        for index, part in enumerate(message.content):
            at = f"{path}.content[{index}]"
            self._note_foreign_state(part, at)
            if message.role is not Role.USER and not isinstance(part.content, Text):
                raise self._draft.invalid(at, "must be text: the provider takes media from users only")
            content.append(self._part(part, at))
        texts = [piece.text for piece in content if isinstance(piece, TextPart)]
        return self._texts(texts) if len(texts) == len(content) else content

    def _part(self, part: Part, path: str) -> ContentPart:
        match part.content:
            case Text(text):
                return TextPart(text)
            case Image() as image:
                return _image(image)
            case Audio() as audio:
                return AudioPart(InputAudio(*audio_data(audio, f"{path}.audio", self._draft)))
            case File() as file:
                return FilePart(_file(file, f"{path}.file", self._draft))
            case _:
                raise self._draft.invalid(path, "must be text, image, audio or file")

    def _results(self, message: Message, path: str) -> list[ChatMessage]:
        """One message for each result: OpenAI holds a single result in a message."""
        if message.name:
            self._draft.ignored(f"{path}.name", "The provider has no names for messages with tool results.")
        built = []
        for index, part in enumerate(message.content):
            at = f"{path}.content[{index}]"
            result = part.content
            if not isinstance(result, ToolResult):
                raise self._draft.invalid(at, "must be a tool_result in a message of ROLE_TOOL")
            self._note_foreign_state(part, at)
            texts = []
            for number, piece in enumerate(result.content):
                if not isinstance(piece.content, Text):
                    where = f"{at}.tool_result.content[{number}]"
                    raise self._draft.invalid(where, "must be text: the provider takes no media in tool results")
                texts.append(piece.content.text)
            built.append(ChatMessage(Role.TOOL.value, self._texts(texts), tool_call_id=result.tool_call_id))
        return built

    def _texts(self, texts: list[str]) -> str | list[ContentPart]:
        if len(texts) < 2 or not self._quirks.text_lists:
            return "\n".join(texts)
        return [TextPart(text) for text in texts]

    def _answer(self, message: Message, path: str) -> ChatMessage:
        built = ChatMessage(Role.ASSISTANT.value, name=self._name(message, path))
        texts: list[str] = []
        thoughts: list[str] = []
        for index, part in enumerate(message.content):
            at = f"{path}.content[{index}]"
            state = self._state(part, at)
            match part.content:
                case Text(text):
                    texts.append(text)
                    built.extra_content = state.extra_content or built.extra_content
                case Refusal(text):
                    built.refusal = (built.refusal or "") + text
                case Reasoning(text):
                    built.reasoning_details = _joined(built.reasoning_details, state.reasoning_details)
                    thoughts += [text] if state.reasoning and text else []
                case ToolCall() as call:
                    _add_call(built, _tool_call(call, state))
                case ProviderItem() as item:
                    self._item(built, item, at)
                case Image() as image if state.image:
                    built.images = [*(built.images or ()), _image(image)]
                case Audio() as audio if state.audio_id:
                    built.audio = AudioRef(state.audio_id)
                case Audio() as audio:
                    texts.append(self._spoken(audio, at))
                case _:
                    raise self._draft.invalid(at, "cannot be sent in a message of ROLE_ASSISTANT to the provider")
        alone = built.tool_calls or built.refusal or built.audio or built.images
        if texts or not alone or self._quirks.needs_content:
            built.content = self._texts(texts)
        self._return_thoughts(built, thoughts)
        return built

    def _return_thoughts(self, built: ChatMessage, thoughts: list[str]) -> None:
        """A vendor's own thoughts go back where it wants them: as content, or beside the calls that they led to."""
        if not thoughts:
            return
        if self._quirks.reasoning_returns == "content":
            said = built.content or ""
            rest = [TextPart(said)] if isinstance(said, str) and said else said or []
            built.content = [ThoughtChunk([TextPart("".join(thoughts))]), *rest]
        elif built.tool_calls and self._quirks.reasoning_returns != "never":
            setattr(built, self._quirks.reasoning_returns, "".join(thoughts))

    def _item(self, built: ChatMessage, item: ProviderItem, path: str) -> None:
        if item.provider not in (*self._draft.names, self._tag):
            self._draft.state_dropped(f"{path}.provider_item")
        elif item.type != EXECUTED_TOOL:  # which the answer had told of, and a request has no place for
            _add_call(built, self._draft.json_object(item.data, f"{path}.provider_item.data"))

    def _spoken(self, audio: Audio, path: str) -> str:
        """The words of generated audio, in its place."""
        if not audio.transcript:
            raise self._draft.invalid(f"{path}.audio", "must have the provider_state of this provider or a transcript")
        self._draft.changed(f"{path}.audio", "The audio was sent as its transcript.")
        return audio.transcript

    def _state(self, part: Part, path: str) -> State:
        self._note_foreign_state(part, path)
        try:
            return read_state(part.state, self._tag)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            raise self._draft.invalid(f"{path}.provider_state.data", "must be what the provider had sent") from None

    def _note_foreign_state(self, part: Part, path: str) -> None:
        if part.state is not None and part.state.provider != self._tag:
            self._draft.state_dropped(f"{path}.provider_state")


def _image(image: Image) -> ImagePart:
    url = image.url if image.data is None else data_url(image.data, image.media_type)
    return ImagePart(ImageUrl(url or "", image.detail.value if image.detail else None))


def _file(file: File, path: str, draft: Draft) -> InputFile:
    if file.provider_file_id is not None:
        return InputFile(file_id=file.provider_file_id)
    if file.data is None:
        raise draft.invalid(f"{path}.url", "must be data or provider_file_id: the provider takes no file by URL")
    return InputFile(filename=file_name(file), file_data=data_url(file.data, file.media_type))


def _joined(known: list[Any] | None, more: list[Any] | None) -> list[Any] | None:
    return [*(known or ()), *more] if more else known


def _add_call(built: ChatMessage, call: FunctionToolCall | CustomToolCall | msgspec.Raw) -> None:
    built.tool_calls = built.tool_calls or []
    built.tool_calls.append(call)


def _tool_call(call: ToolCall, state: State) -> FunctionToolCall | CustomToolCall:
    if state.call_type == "custom":
        return CustomToolCall(call.id, CustomCall(call.name, call.arguments))
    return FunctionToolCall(call.id, FunctionCall(call.name, call.arguments), state.extra_content)
