"""Tools and their choice, from the Responses API to the contract."""

import msgspec
from hedgerow.chat.v1 import message_pb2 as pb

from hedgerow_server.wire.check import wrong
from hedgerow_server.wire.json_body import decoded
from hedgerow_server.wire.openai import responses_body as body
from hedgerow_server.wire.openai.responses_tokens import DIALECT, members_of

_MODES = {
    "auto": pb.TOOL_CHOICE_MODE_AUTO,
    "none": pb.TOOL_CHOICE_MODE_NONE,
    "required": pb.TOOL_CHOICE_MODE_REQUIRED,
}
_NAMED = msgspec.json.Decoder(body.Named)
_FUNCTION = msgspec.json.Decoder(body.FunctionBody)
_CHOICE = msgspec.json.Decoder(str | body.Choice)
_FUNCTION_MEMBERS = frozenset(body.FunctionBody.__struct_fields__)


class Tools:
    """Fills the tools of a request, then their choice."""

    def __init__(self, chat: pb.ChatSpec) -> None:
        self._chat = chat
        self._functions: set[str] = set()
        self.custom: frozenset[str] = frozenset()
        """The custom tools, whose calls look different in answers."""

    def write(self, tools: list[msgspec.Raw]) -> None:
        """Takes the tools. What is no function, or one with more to it than the contract knows, goes to providers of
        the dialect as it is. Raises RequestInvalid.
        """
        custom = set()
        for index, raw in enumerate(tools):
            place = f"tools[{index}]"
            one = decoded(_NAMED, raw, place)
            target = self._chat.tools.add()
            if one.type == "function" and not _has_more(raw):
                self._function(target.function, raw, place)
                continue
            target.provider_tool.provider = DIALECT
            target.provider_tool.definition = bytes(raw).decode()
            if one.type == "custom":
                custom.add(one.name)
        self.custom = frozenset(custom)

    def _function(self, target: pb.FunctionTool, raw: msgspec.Raw, place: str) -> None:
        function = decoded(_FUNCTION, raw, place)
        target.name = function.name
        target.description = function.description or ""
        if bytes(function.parameters) not in (b"", b"null"):
            target.parameters = bytes(function.parameters).decode()
        if function.strict is not None:
            target.strict = function.strict
        self._functions.add(function.name)

    def choose(self, raw: msgspec.Raw) -> bool:
        """Takes the choice; False where the contract has no such one: it names more than functions. Raises
        RequestInvalid.
        """
        choice = decoded(_CHOICE, raw, "tool_choice")
        target = self._chat.tool_choice
        if isinstance(choice, str):
            if choice not in _MODES:
                raise wrong("tool_choice", "must be none, auto, required or an object")
            target.mode = _MODES[choice]
            return True
        if choice.type == "function":
            mode, named = "required", [body.Named(type="function", name=choice.name)]
        elif choice.type == "allowed_tools" and choice.tools:
            mode, named = choice.mode, choice.tools
        else:
            return False
        others = {tool.provider_tool.definition for tool in self._chat.tools if tool.HasField("provider_tool")}
        if others and any(one.type != "function" or one.name not in self._functions for one in named):
            return False
        target.mode = _MODES[mode]
        target.function_names.extend(one.name for one in named)
        return True


def _has_more(raw: msgspec.Raw) -> bool:
    return any(bytes(value) != b"null" for name, value in members_of(raw).items() if name not in _FUNCTION_MEMBERS)
