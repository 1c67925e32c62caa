"""A conversation in Cohere's words."""

import base64

import msgspec

from hedgerow_server.core.request import (
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
from hedgerow_server.providers.cohere.body import (
    Block,
    ChatMessage,
    Document,
    DocumentBlock,
    FunctionCall,
    ImageBlock,
    ImageUrl,
    TextBlock,
    ThinkingBlock,
)
from hedgerow_server.providers.cohere.body import ToolCall as CallBody
from hedgerow_server.providers.cohere.state import DIALECT, State, read_state
from hedgerow_server.providers.draft import Draft

_ROLES = {Role.SYSTEM: "system", Role.DEVELOPER: "system", Role.USER: "user"}
_JSON = "application/json"


class Conversation:
    """Builds the messages of one request, and the documents that they hold."""

    __slots__ = ("_draft", "_ids", "documents", "messages")

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._ids: set[str] = set()
        self.messages: list[ChatMessage] = []
        self.documents: list[Document] = []

    def build(self, messages: tuple[Message, ...]) -> None:
        """Takes the messages. Raises RequestInvalid for content that Cohere does not take where it stands."""
        for index, message in enumerate(messages):
            path = f"chat.messages[{index}]"
            if message.name:
                self._draft.ignored(f"{path}.name", "The provider has no names for participants.")
            for number, part in enumerate(message.content):
                if part.state is not None and part.state.provider != DIALECT:
                    self._draft.state_dropped(f"{path}.content[{number}].provider_state")
            if message.role is Role.TOOL:
                self._take_results(message, path)
            elif message.role is Role.ASSISTANT:
                self.messages.append(self._assistant(message, path))
            else:
                self._take_words(message, path)

    def _take_words(self, message: Message, path: str) -> None:
        blocks: list[Block] = []
        for index, part in enumerate(message.content):
            at = f"{path}.content[{index}]"
            match part.content:
                case Text(text):
                    blocks.append(TextBlock(text))
                case Image() as image if message.role is Role.USER:
                    blocks.append(ImageBlock(_image(image)))
                case File() as file if message.role is Role.USER:
                    self.documents.append(self._document(file, f"{at}.file"))
                case _:
                    raise self._draft.invalid(at, "must be text, or an image or file of the user's")
        self.messages.append(ChatMessage(_ROLES[message.role], _content(blocks)))

    def _take_results(self, message: Message, path: str) -> None:
        """One message for each result: Cohere holds a single result in a message."""
        for index, part in enumerate(message.content):
            at = f"{path}.content[{index}]"
            result = part.content
            if not isinstance(result, ToolResult):
                raise self._draft.invalid(at, "must be a tool_result in a message of ROLE_TOOL")
            blocks: list[Block] = []
            for number, piece in enumerate(result.content):
                where = f"{at}.tool_result.content[{number}]"
                if isinstance(piece.content, Text):
                    blocks.append(TextBlock(piece.content.text))
                elif isinstance(piece.content, File):
                    blocks.append(DocumentBlock(self._document(piece.content, f"{where}.file")))
                else:
                    raise self._draft.invalid(where, "must be text or a file of text or JSON")
            self.messages.append(ChatMessage("tool", _content(blocks), tool_call_id=result.tool_call_id))

    def _assistant(self, message: Message, path: str) -> ChatMessage:
        built = ChatMessage("assistant")
        blocks: list[Block] = []
        for index, part in enumerate(message.content):
            at = f"{path}.content[{index}]"
            match part.content:
                case Text(text) | Refusal(text):
                    blocks.append(TextBlock(text))
                case Reasoning(text):
                    self._add_thoughts(text, part, built, blocks, at)
                case ToolCall(call_id, name, arguments):
                    call = CallBody(call_id, FunctionCall(name, arguments or "{}"))
                    built.tool_calls = [*(built.tool_calls or ()), call]
                case ProviderItem() as item if item.provider in self._draft.names:
                    own = self._draft.json_object(item.data, f"{at}.provider_item.data")
                    built.tool_calls = [*(built.tool_calls or ()), own]
                case ProviderItem():
                    self._draft.state_dropped(f"{at}.provider_item")
                case _:
                    raise self._draft.invalid(at, "cannot be sent in a message of ROLE_ASSISTANT to the provider")
        if blocks or not (built.tool_calls or built.tool_plan):
            built.content = _content(blocks)
        return built

    def _add_thoughts(self, text: str, part: Part, built: ChatMessage, blocks: list[Block], path: str) -> None:
        """Only Cohere's own thoughts go back: not every model of it takes any."""
        try:
            state = read_state(part.state)
        except (msgspec.DecodeError, UnicodeError):
            raise self._draft.invalid(f"{path}.provider_state.data", "must be what the provider had sent") from None
        if state == State("tool_plan"):
            built.tool_plan = (built.tool_plan or "") + text
        elif state == State("thinking"):
            blocks.append(ThinkingBlock(text))

    def _document(self, file: File, path: str) -> Document:
        """A document of text, or of the members of a JSON object. Its name is its id, where no other has it."""
        if file.data is None:
            raise self._draft.invalid(path, "must be data: the provider takes documents by their text only")
        media_type = file.media_type.partition(";")[0].strip().lower()
        if media_type == _JSON:
            data = self._draft.json_object(file.data, f"{path}.data")
        elif media_type.startswith("text/"):
            titled = {"title": file.name} if file.name else {}
            data = msgspec.Raw(msgspec.json.encode({**titled, "text": file.data.decode(errors="replace")}))
        else:
            raise self._draft.invalid(
                f"{path}.media_type", "must be text or application/json: the provider takes no other"
            )
        known = not file.name or file.name in self._ids
        self._ids.add(file.name)
        return Document(data, None if known else file.name)


def _image(image: Image) -> ImageUrl:
    url = image.url
    if image.data is not None:
        media_type = image.media_type.partition(";")[0].strip().lower()
        url = f"data:{media_type};base64,{base64.b64encode(image.data).decode()}"
    return ImageUrl(url or "", image.detail.value if image.detail else None)


def _content(blocks: list[Block]) -> str | list[Block]:
    """A single text goes as a plain string."""
    if not blocks:
        return ""
    only = blocks[0]
    return only.text if len(blocks) == 1 and isinstance(only, TextBlock) else blocks
