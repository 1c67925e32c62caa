"""A conversation in Ollama's words."""

import base64

import msgspec

from hedgerow_server.core.request import (
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
from hedgerow_server.providers.loose import plain
from hedgerow_server.providers.ollama.body import ChatMessage, FunctionCall
from hedgerow_server.providers.ollama.body import ToolCall as CallBody
from hedgerow_server.providers.ollama.state import DIALECT

_ROLES = {Role.SYSTEM: "system", Role.DEVELOPER: "system", Role.USER: "user"}


class Conversation:
    """Builds the messages of one request."""

    __slots__ = ("_draft", "_functions")

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._functions: dict[str, str] = {}  # which one a call was of, by the call's id

    def messages(self, messages: tuple[Message, ...]) -> list[ChatMessage]:
        """The messages. Raises RequestInvalid for content that Ollama does not take where it stands."""
        built: list[ChatMessage] = []
        for index, message in enumerate(messages):
            path = f"chat.messages[{index}]"
            if message.name:
                self._draft.ignored(f"{path}.name", "The provider has no names for participants.")
            for number, part in enumerate(message.content):
                if part.state is not None and part.state.provider != DIALECT:
                    self._draft.state_dropped(f"{path}.content[{number}].provider_state")
            if message.role is Role.TOOL:
                built += self._results(message, path)
            elif message.role is Role.ASSISTANT:
                built.append(self._assistant(message, path))
            else:
                built.append(self._filled(ChatMessage(_ROLES[message.role], ""), message.content, f"{path}.content"))
        return built

    def _filled(self, built: ChatMessage, parts: tuple[Part, ...], path: str) -> ChatMessage:
        """The message with what is said and shown; a message has one text, and its pictures beside it."""
        texts: list[str] = []
        images: list[str] = []
        for index, part in enumerate(parts):
            at = f"{path}[{index}]"
            match part.content:
                case Text(text):
                    texts.append(text)
                case Image() as image:
                    images.append(self._image(image, f"{at}.image"))
                case _:
                    raise self._draft.invalid(at, "must be text or an image: the provider takes nothing else")
        built.content = "\n".join(texts)
        built.images = images or None
        return built

    def _image(self, image: Image, path: str) -> str:
        if image.data is None:
            raise self._draft.invalid(path, "must be data: the provider takes no images by URL")
        if image.detail is not None:
            self._draft.ignored(f"{path}.detail", "The provider has no such parameter.")
        return base64.b64encode(image.data).decode()

    def _results(self, message: Message, path: str) -> list[ChatMessage]:
        """One message for each result."""
        built: list[ChatMessage] = []
        for index, part in enumerate(message.content):
            at = f"{path}.content[{index}]"
            result = part.content
            if not isinstance(result, ToolResult):
                raise self._draft.invalid(at, "must be a tool_result in a message of ROLE_TOOL")
            call_id = result.tool_call_id
            about = ChatMessage("tool", "", tool_name=self._functions.get(call_id), tool_call_id=call_id)
            built.append(self._filled(about, result.content, f"{at}.tool_result.content"))
        return built

    def _assistant(self, message: Message, path: str) -> ChatMessage:
        texts: list[str] = []
        thoughts: list[str] = []
        calls: list[CallBody] = []
        for index, part in enumerate(message.content):
            at = f"{path}.content[{index}]"
            match part.content:
                case Text(text) | Refusal(text):
                    texts.append(text)
                case Reasoning(text):
                    # Another provider's thoughts, or a summary of them, are not the model's own.
                    if part.state is not None and part.state.provider == DIALECT:
                        thoughts.append(text)
                case ToolCall() as call:
                    calls.append(self._call(call, at))
                case ProviderItem():
                    self._draft.state_dropped(f"{at}.provider_item")
                case _:
                    raise self._draft.invalid(at, "cannot be sent in a message of ROLE_ASSISTANT to the provider")
        return ChatMessage("assistant", "".join(texts), thinking="".join(thoughts) or None, tool_calls=calls or None)

    def _call(self, call: ToolCall, path: str) -> CallBody:
        self._functions[call.id] = call.name
        arguments = (call.arguments or "{}").encode()
        if not isinstance(plain(arguments), dict):
            # A model may have written anything.
            self._draft.changed(f"{path}.tool_call.arguments", "What is no JSON object was sent within one.")
            arguments = msgspec.json.encode({"INVALID_JSON": call.arguments})
        return CallBody(call.id, FunctionCall(call.name, msgspec.Raw(arguments)))
