"""A conversation as the input items of the Responses API."""

import base64
from typing import Any

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
from hedgerow_server.providers.draft import Draft
from hedgerow_server.providers.openai.media import audio_data, data_url, file_name, plain_type
from hedgerow_server.providers.openai_responses.body import (
    AudioData,
    Breakpoint,
    InputAudio,
    InputFile,
    InputImage,
    InputMessage,
    InputPart,
    InputText,
    OutputMessage,
    OutputRefusal,
    OutputText,
)
from hedgerow_server.providers.openai_responses.state import DIALECT, read_state

_SHORT_TTL_S = 1800.0


class Conversation:
    """Builds the input of one request."""

    __slots__ = ("_breakpoints", "_custom", "_draft", "_item_ids", "_start", "_stored", "_tag", "_whole", "items")

    def __init__(self, draft: Draft, tag: str, *, item_ids: bool, stored: bool, breakpoints: bool) -> None:
        """`tag` is the name under which the provider's own state travels."""
        self._draft = draft
        self._tag = tag
        self._item_ids = item_ids
        self._stored = stored
        self._breakpoints = breakpoints
        self._custom: set[str] = set()  # the ids of calls of custom tools
        self._start = 0  # where the current answer starts
        self._whole = True  # whether its reasoning could be sent: items with ids are not taken without theirs
        self.items: list[Any] = []

    def add(self, message: Message, path: str) -> None:
        """Takes a message. Raises RequestInvalid for content that the provider does not take where it stands."""
        if message.name:
            self._draft.ignored(f"{path}.name", "The provider has no names for those who speak.")
        parts = message.content
        if message.role is Role.TOOL:
            for index, part in enumerate(parts):
                self._result(part, f"{path}.content[{index}]")
        elif message.role is Role.ASSISTANT:
            self._whole, self._start = True, len(self.items)
            for index, part in enumerate(parts):
                self._answered(part, f"{path}.content[{index}]")
        elif len(parts) == 1 and type(parts[0].content) is Text and not self._breakpoint(parts[0].cache_hint):
            self._note_state(parts[0], f"{path}.content[0]")
            self.items.append(InputMessage(message.role.value, parts[0].content.text))
        else:
            content = [self._said(part, f"{path}.content[{index}]", message.role) for index, part in enumerate(parts)]
            self.items.append(InputMessage(message.role.value, content))

    def _said(self, part: Part, path: str, role: Role) -> InputPart:
        self._note_state(part, path)
        if role is not Role.USER and not isinstance(part.content, Text):
            raise self._draft.invalid(path, "must be text: the provider takes media from users only")
        return self._input(part, path)

    def _input(self, part: Part, path: str) -> InputPart:
        mark = self._breakpoint(part.cache_hint)
        match part.content:
            case Text(text):
                return InputText(text, mark)
            case Image() as image:
                url = image.url if image.data is None else data_url(image.data, image.media_type)
                detail = image.detail.value if image.detail else None
                return InputImage(url, detail=detail, prompt_cache_breakpoint=mark)
            case Audio() as audio:
                return InputAudio(AudioData(*audio_data(audio, f"{path}.audio", self._draft)))
            case File() as file:
                return _file(file, f"{path}.file", self._draft, mark)
            case _:
                raise self._draft.invalid(path, "must be text, image, audio or file")

    def _result(self, part: Part, path: str) -> None:
        result = part.content
        if not isinstance(result, ToolResult):
            raise self._draft.invalid(path, "must be a tool_result in a message of ROLE_TOOL")
        self._note_state(part, path)
        content = [self._input(one, f"{path}.tool_result.content[{at}]") for at, one in enumerate(result.content)]
        only = content[0] if len(content) == 1 else None
        plain = only.text if isinstance(only, InputText) and only.prompt_cache_breakpoint is None else None
        kind = "custom_tool_call_output" if result.tool_call_id in self._custom else "function_call_output"
        output = content or "" if plain is None else plain
        self.items.append({"type": kind, "call_id": result.tool_call_id, "output": output})

    def _answered(self, part: Part, path: str) -> None:
        state = self._state(part, path)
        match part.content:
            case Text(text):
                self._message(OutputText(text, []), state)
            case Refusal(text):
                self._message(OutputRefusal(text), state)
            case Reasoning():
                self._reasoning(state)
            case ToolCall() as call:
                self._call(call, state)
            case ProviderItem() as item if self._owns(item):
                self.items.append(self._draft.json_object(item.data, f"{path}.provider_item.data"))
            case ProviderItem():
                self._draft.state_dropped(f"{path}.provider_item")
            case Audio(transcript=transcript) if transcript:
                self._draft.changed(f"{path}.audio", "The audio was sent as its transcript.")
                self._message(OutputText(transcript, []), {})
            case Image() as image if state:
                self._drawn(image, state)
            case _:
                raise self._draft.invalid(path, "cannot be sent in a message of ROLE_ASSISTANT to the provider")

    def _message(self, piece: OutputText | OutputRefusal, state: dict[str, msgspec.Raw]) -> None:
        """Pieces of one message, known by its id, make one message again."""
        message_id = state.get("id") if self._item_ids and self._whole else None
        phase = state.get("phase")
        last = self.items[-1] if len(self.items) > self._start else None
        if message_id is not None:
            if isinstance(last, OutputMessage) and last.id == message_id:
                last.content.append(piece)
            else:
                self.items.append(OutputMessage(message_id, Role.ASSISTANT.value, "completed", [piece], phase))
        elif isinstance(last, InputMessage) and last.phase == phase:
            if isinstance(last.content, str):
                last.content = [OutputText(last.content, [])]
            last.content.append(piece)
        else:
            content = piece.text if isinstance(piece, OutputText) else [piece]
            self.items.append(InputMessage(Role.ASSISTANT.value, content, phase))

    def _reasoning(self, state: dict[str, msgspec.Raw]) -> None:
        """The item that the provider gave. Thoughts without it have no place in the input; neither has an item that
        holds none, which the provider would have to have stored.
        """
        if not state:
            return
        if not (self._stored or _holds(state, "encrypted_content") or _holds(state, "content")):
            self._whole = False
            return
        self.items.append({name: value for name, value in state.items() if self._item_ids or name != "id"})

    def _call(self, call: ToolCall, state: dict[str, msgspec.Raw]) -> None:
        custom = bytes(state.get("type", b"")) == b'"custom_tool_call"'
        rest: dict[str, Any] = {name: value for name, value in state.items() if name not in ("type", "id")}
        if self._item_ids and self._whole and "id" in state:
            rest["id"] = state["id"]
        if custom:
            self._custom.add(call.id)
            rest["input"] = call.arguments
        else:
            rest["arguments"] = call.arguments
        kind = "custom_tool_call" if custom else "function_call"
        self.items.append({"type": kind, "call_id": call.id, "name": call.name, **rest})

    def _drawn(self, image: Image, state: dict[str, msgspec.Raw]) -> None:
        if bytes(state["type"]) == b'"image_generation_call"':
            result = base64.b64encode(image.data or b"").decode()
            self.items.append({**state, "status": "completed", "result": result})

    def _owns(self, item: ProviderItem) -> bool:
        """Whether the item came from this provider, or was addressed to it. One from OpenAI itself is of no other."""
        return item.provider == self._tag or (item.provider in self._draft.names and item.provider != DIALECT)

    def _state(self, part: Part, path: str) -> dict[str, msgspec.Raw]:
        self._note_state(part, path)
        try:
            return read_state(part.state, self._tag)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            raise self._draft.invalid(f"{path}.provider_state.data", "must be what the provider had sent") from None

    def _note_state(self, part: Part, path: str) -> None:
        if part.state is not None and part.state.provider != self._tag:
            self._draft.state_dropped(f"{path}.provider_state")

    def _breakpoint(self, hint: CacheHint | None) -> Breakpoint | None:
        if hint is None or not self._breakpoints:
            return None
        if hint.ttl_s is None:
            return Breakpoint("explicit")
        return Breakpoint("explicit", "30m" if hint.ttl_s <= _SHORT_TTL_S else "12h")


def _file(file: File, path: str, draft: Draft, mark: Breakpoint | None) -> InputFile | InputImage:
    if file.provider_file_id is not None:
        if plain_type(file.media_type).startswith("image/"):
            return InputImage(file_id=file.provider_file_id, prompt_cache_breakpoint=mark)
        return InputFile(file_id=file.provider_file_id, prompt_cache_breakpoint=mark)
    if file.data is not None:
        url = data_url(file.data, file.media_type)
        return InputFile(filename=file_name(file), file_data=url, prompt_cache_breakpoint=mark)
    if not (file.url or "").startswith(("http://", "https://")):
        raise draft.invalid(f"{path}.url", "must be an http or https URL: the provider takes no other")
    return InputFile(file_url=file.url, prompt_cache_breakpoint=mark)


def _holds(state: dict[str, msgspec.Raw], name: str) -> bool:
    return bytes(state.get(name, b"")) not in (b"", b"null", b'""', b"[]")
