"""A conversation in Google's words: https://ai.google.dev/api/caching#Content."""

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
from hedgerow_server.providers.google.body import (
    EMPTY,
    ContentOut,
    FunctionCallOut,
    FunctionResponseOut,
    PartOut,
    ResponsePart,
)
from hedgerow_server.providers.google.flavour import Flavour
from hedgerow_server.providers.google.media import media, resolution
from hedgerow_server.providers.google.state import DIALECT, own_id, read_signature

# Gemini 3 refuses a function call of the running turn without a signature; this one stands for calls that another model
# made: https://ai.google.dev/gemini-api/docs/thought-signatures (FAQ).
_STAND_IN = "skip_thought_signature_validator"
_INVOCATIONS = ("toolCall", "toolResponse")
_SYSTEM = (Role.SYSTEM, Role.DEVELOPER)
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_encode = msgspec.json.encode


class Conversation:
    """Builds the contents of one request."""

    __slots__ = ("_calls", "_draft", "_flavour", "_modern", "contents", "system")

    def __init__(self, draft: Draft, flavour: Flavour, *, modern: bool) -> None:
        """`modern` says that the model is of Gemini 3 or later."""
        self._draft = draft
        self._flavour = flavour
        self._modern = modern
        self._calls: dict[str, tuple[int, str]] = {}  # id to position and name
        self.contents: list[ContentOut] = []
        self.system: list[PartOut | msgspec.Raw] = []

    def add_all(self, messages: tuple[Message, ...]) -> None:
        """Takes the messages. Raises RequestInvalid for what Google does not take where it stands."""
        results: list[tuple[int, PartOut, list[PartOut]]] = []
        for index, message in enumerate(messages):
            path = f"chat.messages[{index}]"
            if message.name:
                self._draft.ignored(f"{path}.name", "The provider has no names for messages.")
            if message.role is Role.TOOL:
                results += self._results(message, path)
                continue
            self._flush(results)
            if message.role in _SYSTEM:
                self._instruct(message, path)
            elif message.role is Role.USER:
                self.contents.append(ContentOut(list(self._user(message, path)), "user"))
            elif parts := self._model(message, path):
                self.contents.append(ContentOut(parts, "model"))
        self._flush(results)
        if not self.contents:
            raise self._draft.invalid("chat.messages", "must hold more than instructions: the provider demands a turn")
        if self._modern:
            self._stand_in()

    def _instruct(self, message: Message, path: str) -> None:
        if self.contents:
            self._draft.changed(path, "The provider takes instructions at the beginning only; it was moved there.")
        for index, part in enumerate(message.content):
            if not isinstance(part.content, Text):
                raise self._draft.invalid(f"{path}.content[{index}]", "must be text: the provider takes no other here")
            self.system.append(PartOut(text=part.content.text))

    def _user(self, message: Message, path: str) -> list[PartOut | msgspec.Raw]:
        parts: list[PartOut | msgspec.Raw] = []
        for index, part in enumerate(message.content):
            at = f"{path}.content[{index}]"
            self._signature(part, at)
            match part.content:
                case Text(text):
                    parts.append(PartOut(text=text))
                case Image() as image:
                    built = _medium(image)
                    built.media_resolution = resolution(image, at, self._draft, by_part=self._modern)
                    parts.append(built)
                case Audio() | File() as medium:
                    parts.append(_medium(medium))
                case _:
                    raise self._draft.invalid(at, "must be text, image, audio or file")
        return parts

    def _model(self, message: Message, path: str) -> list[PartOut | msgspec.Raw]:
        parts: list[PartOut | msgspec.Raw] = []
        for index, part in enumerate(message.content):
            at = f"{path}.content[{index}]"
            if isinstance(part.content, ProviderItem):
                if (raw := self._item(part.content, at)) is not None:
                    parts.append(raw)
                continue
            signature = self._signature(part, at)
            built = self._spoken(part, at, signed=signature is not None)
            if built is not None:
                built.thought_signature = signature
                parts.append(built)
        return parts

    def _spoken(self, part: Part, path: str, *, signed: bool) -> PartOut | None:
        match part.content:
            case Text(text) | Refusal(text):
                # Empty texts say nothing, unless they carry a signature.
                return PartOut(text=text) if text or signed else None
            case Reasoning(text):
                # Thoughts without a signature are summaries for people; Google does not look at them.
                return PartOut(text=text, thought=True) if signed else None
            case ToolCall() as call:
                return self._call(call, path)
            case Audio(data=None | b"", url=None, transcript=words) if words:
                self._draft.changed(f"{path}.audio", "The audio was sent as its transcript.")
                return PartOut(text=words)
            case Image() | Audio() | File() as medium:
                return _medium(medium)
            case _:
                raise self._draft.invalid(path, "cannot be sent in a message of ROLE_ASSISTANT to the provider")

    def _call(self, call: ToolCall, path: str) -> PartOut:
        self._calls[call.id] = (len(self._calls), call.name)
        args = EMPTY
        if call.arguments.strip():
            args = _object(call.arguments) or _wrapped("arguments", call.arguments)
            if _object(call.arguments) is None:
                message = "The provider takes an object only; the text was sent as its member arguments."
                self._draft.changed(f"{path}.tool_call.arguments", message)
        return PartOut(function_call=FunctionCallOut(call.name, args, self._id(call.id)))

    def _results(self, message: Message, path: str) -> list[tuple[int, PartOut, list[PartOut]]]:
        """(position of the call, response, media that the model takes only outside of it)."""
        results = []
        for index, part in enumerate(message.content):
            at = f"{path}.content[{index}]"
            self._signature(part, at)
            if not isinstance(part.content, ToolResult):
                raise self._draft.invalid(at, "must be a tool_result in a message of ROLE_TOOL")
            results.append(self._result(part.content, f"{at}.tool_result"))
        return results

    def _result(self, result: ToolResult, path: str) -> tuple[int, PartOut, list[PartOut]]:
        if result.tool_call_id not in self._calls:
            description = "must be the id of a tool call before it: the provider wants its name"
            raise self._draft.invalid(f"{path}.tool_call_id", description)
        position, name = self._calls[result.tool_call_id]
        texts: list[str] = []
        seen: list[PartOut] = []
        for index, piece in enumerate(result.content):
            match piece.content:
                case Text(text):
                    texts.append(text)
                case Image() | Audio() | File() as medium:
                    seen.append(_medium(medium))
                case _:
                    raise self._draft.invalid(f"{path}.content[{index}]", "must be text, image, audio or file")
        response = FunctionResponseOut(name, _response(texts, failed=result.is_error), self._id(result.tool_call_id))
        if seen and self._modern:
            response.parts = [ResponsePart(part.inline_data, part.file_data) for part in seen]
            seen = []
        elif seen:
            self._draft.changed(
                f"{path}.content", "The model takes no media in tool results; they follow as a message."
            )
        return position, PartOut(function_response=response), seen

    def _flush(self, results: list[tuple[int, PartOut, list[PartOut]]]) -> None:
        """One turn with all results so far, in the order of their calls: without ids it tells which is whose."""
        if not results:
            return
        results.sort(key=lambda result: result[0])
        self.contents.append(ContentOut([response for _, response, _ in results], "user"))
        if seen := [part for _, _, parts in results for part in parts]:
            self.contents.append(ContentOut([*seen], "user"))
        results.clear()

    def _item(self, item: ProviderItem, path: str) -> msgspec.Raw | None:
        own = item.provider in (DIALECT, *self._draft.names)
        if own and (self._flavour.tool_invocations or item.type not in _INVOCATIONS):
            return self._draft.json_object(item.data, f"{path}.provider_item.data")
        self._draft.state_dropped(f"{path}.provider_item")
        return None

    def _id(self, call_id: str) -> str | None:
        return own_id(call_id) if self._flavour.call_ids else None

    def _signature(self, part: Part, path: str) -> str | None:
        if part.state is None:
            return None
        if part.state.provider != DIALECT:
            self._draft.state_dropped(f"{path}.provider_state")
            return None
        try:
            return read_signature(part.state)
        except (msgspec.DecodeError, UnicodeError):
            raise self._draft.invalid(f"{path}.provider_state.data", "must be what the provider had sent") from None

    def _stand_in(self) -> None:
        """Signs the first call of each step of the running turn that has no signature of its own."""
        for content in reversed(self.contents):
            parts = [part for part in content.parts if isinstance(part, PartOut)]
            if content.role == "user" and any(part.function_response is None for part in parts):
                return
            call = next((part for part in parts if part.function_call is not None), None)
            if call is not None and call.thought_signature is None:
                call.thought_signature = _STAND_IN


def _medium(medium: Image | Audio | File) -> PartOut:
    inline, file = media(medium)
    return PartOut(inline_data=inline, file_data=file)


def _response(texts: list[str], *, failed: bool) -> msgspec.Raw:
    """A result as the object that Google wants: one that is an object stays, others are its `output` or `error`."""
    if failed:
        return _wrapped("error", "".join(texts))
    if not texts:
        return EMPTY
    if len(texts) > 1:
        return _wrapped("output", texts)
    return _object(texts[0]) or _wrapped("output", texts[0])


def _wrapped(name: str, value: str | list[str]) -> msgspec.Raw:
    return msgspec.Raw(_encode({name: value}))


def _object(text: str) -> msgspec.Raw | None:
    """The text if it is that of a JSON object."""
    try:
        _OBJECT.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    return msgspec.Raw(text.encode())
