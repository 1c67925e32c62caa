"""A conversation in OpenAI's words."""

import base64
import mimetypes

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
)
from hedgerow_server.providers.openai.state import DIALECT, State, read_state

_AUDIO_FORMATS = {
    "audio/wav": "wav",
    "audio/wave": "wav",
    "audio/x-wav": "wav",
    "audio/vnd.wave": "wav",
    "audio/mpeg": "mp3",
    "audio/mp3": "mp3",
}


def build_messages(messages: tuple[Message, ...], draft: Draft) -> list[ChatMessage]:
    """The messages of the body. Raises RequestInvalid for content that OpenAI does not take where it stands."""
    built: list[ChatMessage] = []
    for index, message in enumerate(messages):
        parts = message.content
        if len(parts) == 1 and message.role is not Role.TOOL:
            # One text is the common case; it goes as a plain string, which every vendor of the dialect takes.
            part = parts[0]
            if type(part.content) is Text and part.state is None:
                built.append(ChatMessage(message.role.value, part.content.text, message.name or None))
                continue
        path = f"chat.messages[{index}]"
        if message.role is Role.TOOL:
            built += _tool_messages(message, path, draft)
        elif message.role is Role.ASSISTANT:
            built.append(_assistant_message(message, path, draft))
        else:
            content = _content(message, path, draft)
            built.append(ChatMessage(message.role.value, content, message.name or None))
    return built


def _content(message: Message, path: str, draft: Draft) -> list[ContentPart]:
    content = []
    for index, part in enumerate(message.content):
        at = f"{path}.content[{index}]"
        _note_foreign_state(part, at, draft)
        if message.role is not Role.USER and not isinstance(part.content, Text):
            raise draft.invalid(at, "must be text: the provider takes media from users only")
        content.append(_content_part(part, at, draft))
    return content


def _content_part(part: Part, path: str, draft: Draft) -> ContentPart:
    match part.content:
        case Text(text):
            return TextPart(text)
        case Image() as image:
            url = image.url if image.data is None else _data_url(image.data, image.media_type)
            return ImagePart(ImageUrl(url or "", image.detail.value if image.detail else None))
        case Audio() as audio:
            return AudioPart(_audio(audio, f"{path}.audio", draft))
        case File() as file:
            return FilePart(_file(file, f"{path}.file", draft))
        case _:
            raise draft.invalid(path, "must be text, image, audio or file")


def _audio(audio: Audio, path: str, draft: Draft) -> InputAudio:
    if audio.data is None:
        raise draft.invalid(f"{path}.url", "must be data: the provider takes no audio by URL")
    audio_format = _AUDIO_FORMATS.get(_media_type(audio.media_type))
    if audio_format is None:
        raise draft.invalid(f"{path}.media_type", "must be audio/wav or audio/mpeg: the provider takes no other audio")
    return InputAudio(base64.b64encode(audio.data).decode(), audio_format)


def _file(file: File, path: str, draft: Draft) -> InputFile:
    if file.provider_file_id is not None:
        return InputFile(file_id=file.provider_file_id)
    if file.data is None:
        raise draft.invalid(f"{path}.url", "must be data or provider_file_id: the provider takes no file by URL")
    # The provider demands a name and looks at its ending.
    name = file.name or f"file{mimetypes.guess_extension(_media_type(file.media_type)) or ''}"
    return InputFile(filename=name, file_data=_data_url(file.data, file.media_type))


def _data_url(data: bytes, media_type: str) -> str:
    return f"data:{_media_type(media_type)};base64,{base64.b64encode(data).decode()}"


def _media_type(text: str) -> str:
    return text.partition(";")[0].strip().lower()


def _tool_messages(message: Message, path: str, draft: Draft) -> list[ChatMessage]:
    """One message for each result: OpenAI holds a single result in a message."""
    if message.name:
        draft.ignored(f"{path}.name", "The provider has no names for messages with tool results.")
    built = []
    for index, part in enumerate(message.content):
        at = f"{path}.content[{index}]"
        result = part.content
        if not isinstance(result, ToolResult):
            raise draft.invalid(at, "must be a tool_result in a message of ROLE_TOOL")
        _note_foreign_state(part, at, draft)
        texts = []
        for number, piece in enumerate(result.content):
            if not isinstance(piece.content, Text):
                where = f"{at}.tool_result.content[{number}]"
                raise draft.invalid(where, "must be text: the provider takes no media in tool results")
            texts.append(piece.content.text)
        built.append(ChatMessage(Role.TOOL.value, _texts(texts), tool_call_id=result.tool_call_id))
    return built


def _texts(texts: list[str]) -> str | list[ContentPart]:
    return "".join(texts) if len(texts) < 2 else [TextPart(text) for text in texts]


def _assistant_message(message: Message, path: str, draft: Draft) -> ChatMessage:
    built = ChatMessage(Role.ASSISTANT.value, name=message.name or None)
    texts: list[str] = []
    for index, part in enumerate(message.content):
        at = f"{path}.content[{index}]"
        _note_foreign_state(part, at, draft)
        match part.content:
            case Text(text):
                texts.append(text)
            case Refusal(text):
                built.refusal = (built.refusal or "") + text
            case Reasoning():
                pass  # a chat completion has no place for thoughts
            case ToolCall() as call:
                _add_call(built, _tool_call(call, _own_state(part, at, draft)))
            case ProviderItem() as item if item.provider in draft.names:
                _add_call(built, draft.json_object(item.data, f"{at}.provider_item.data"))
            case ProviderItem():
                draft.state_dropped(f"{at}.provider_item")
            case Audio() as audio:
                spoken = _spoken(audio, _own_state(part, at, draft), at, draft)
                if isinstance(spoken, AudioRef):
                    built.audio = spoken
                else:
                    texts.append(spoken)
            case _:
                raise draft.invalid(at, "cannot be sent in a message of ROLE_ASSISTANT to the provider")
    if texts or not (built.tool_calls or built.refusal or built.audio):
        built.content = _texts(texts)
    return built


def _add_call(built: ChatMessage, call: FunctionToolCall | CustomToolCall | msgspec.Raw) -> None:
    built.tool_calls = built.tool_calls or []
    built.tool_calls.append(call)


def _tool_call(call: ToolCall, state: State) -> FunctionToolCall | CustomToolCall:
    if state.call_type == "custom":
        return CustomToolCall(call.id, CustomCall(call.name, call.arguments))
    return FunctionToolCall(call.id, FunctionCall(call.name, call.arguments))


def _spoken(audio: Audio, state: State, path: str, draft: Draft) -> AudioRef | str:
    """Generated audio goes back by its id, else as the words spoken."""
    if state.audio_id:
        return AudioRef(state.audio_id)
    if not audio.transcript:
        raise draft.invalid(f"{path}.audio", "must have the provider_state of this provider or a transcript")
    draft.changed(f"{path}.audio", "The audio was sent as its transcript.")
    return audio.transcript


def _own_state(part: Part, path: str, draft: Draft) -> State:
    try:
        return read_state(part.state)
    except (msgspec.DecodeError, UnicodeError):
        raise draft.invalid(f"{path}.provider_state.data", "must be what the provider had sent") from None


def _note_foreign_state(part: Part, path: str, draft: Draft) -> None:
    if part.state is not None and part.state.provider != DIALECT:
        draft.state_dropped(f"{path}.provider_state")
