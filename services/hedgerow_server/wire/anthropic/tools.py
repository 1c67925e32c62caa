"""Tools and the choice among them."""

import msgspec
from hedgerow.chat.v1 import message_pb2 as pb

from hedgerow_server.wire.anthropic.asked import Choice
from hedgerow_server.wire.anthropic.conversation import write_cache_hint
from hedgerow_server.wire.anthropic.reading import Members, members, text_of
from hedgerow_server.wire.check import wrong
from hedgerow_server.wire.json_body import decoded

FAMILY = "anthropic"
"""Under which name options and tools for every platform of Claude travel in the contract."""
TOOL_MEMBERS = "tool_members"
"""The option that holds members of functions which the contract has no field for, by the name of the function."""
_CUSTOM = "custom"
_FUNCTION = frozenset({"type", "name", "description", "input_schema", "strict", "cache_control"})
_FLAG = msgspec.json.Decoder(bool)
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_MODES = {"auto": pb.TOOL_CHOICE_MODE_AUTO, "none": pb.TOOL_CHOICE_MODE_NONE}


def write_tools(chat: pb.ChatSpec, tools: list[msgspec.Raw]) -> dict[str, Members]:
    """Takes over the tools; gives what the contract cannot say of functions, by their names. Raises RequestInvalid."""
    others: dict[str, Members] = {}
    for index, raw in enumerate(tools):
        at = f"tools[{index}]"
        found = members(raw, at)
        if "type" in found and text_of(found, "type", at) != _CUSTOM:
            tool = chat.tools.add().provider_tool
            tool.provider, tool.definition = FAMILY, bytes(raw).decode()
            continue
        name = _write_function(chat.tools.add(), found, at)
        if more := {key: value for key, value in found.items() if key not in _FUNCTION}:
            others[name] = more
    return others


def _write_function(target: pb.Tool, found: Members, at: str) -> str:
    function = target.function
    function.name = text_of(found, "name", at)
    if "description" in found:
        function.description = text_of(found, "description", at)
    if "input_schema" not in found:
        raise wrong(f"{at}.input_schema", "is required")
    decoded(_OBJECT, found["input_schema"], f"{at}.input_schema")
    function.parameters = bytes(found["input_schema"]).decode()
    if "strict" in found:
        function.strict = decoded(_FLAG, found["strict"], f"{at}.strict")
    write_cache_hint(target, found, at)
    return function.name


def write_choice(chat: pb.ChatSpec, choice: Choice) -> None:
    """Takes over the choice. Raises RequestInvalid."""
    target = chat.tool_choice
    target.mode = _MODES.get(choice.type, pb.TOOL_CHOICE_MODE_REQUIRED)
    if choice.type == "tool":
        if choice.name is None:
            raise wrong("tool_choice.name", "is required")
        target.function_names.append(choice.name)
    if choice.disable_parallel_tool_use is not None and chat.tools:
        chat.parallel_tool_calls = not choice.disable_parallel_tool_use
