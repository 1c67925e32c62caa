"""Tools, their choice and the form of an answer, from Chat Completions to the contract."""

from typing import Literal

import msgspec
from hedgerow.chat.v1 import message_pb2 as pb

from hedgerow_server.wire.check import wrong
from hedgerow_server.wire.json_body import decoded
from hedgerow_server.wire.openai import chat_body as body
from hedgerow_server.wire.openai.chat_messages import write_hint
from hedgerow_server.wire.openai.state import DIALECT

_MODES = {
    "auto": pb.TOOL_CHOICE_MODE_AUTO,
    "none": pb.TOOL_CHOICE_MODE_NONE,
    "required": pb.TOOL_CHOICE_MODE_REQUIRED,
    "any": pb.TOOL_CHOICE_MODE_REQUIRED,  # Mistral's word
}


class _FunctionBody(body.Strict, frozen=True, kw_only=True):
    """A function that may be called."""

    name: str
    description: str | None = None
    parameters: msgspec.Raw = msgspec.Raw(b"")
    strict: bool | None = None
    cache_control: body.CacheControl | None = None


class _FunctionTool(body.Strict, frozen=True, kw_only=True):
    """A tool that is a function."""

    type: Literal["function"]
    function: _FunctionBody
    cache_control: body.CacheControl | None = None


class _CustomBody(msgspec.Struct, frozen=True):
    """A custom tool, as far as it is read."""

    name: str


class _AnyTool(msgspec.Struct, frozen=True):
    """What all tools have."""

    type: str
    custom: _CustomBody | None = None
    cache_control: body.CacheControl | None = None


_ANY = msgspec.json.Decoder(_AnyTool)
_FUNCTION = msgspec.json.Decoder(_FunctionTool)


def write_tools(chat: pb.ChatSpec, tools: list[msgspec.Raw]) -> frozenset[str]:
    """Fills the tools. What is no function goes to the providers of OpenAI's dialect as it is. Returns the names of the
    custom tools, whose calls look different in answers. Raises RequestInvalid.
    """
    custom = set()
    for index, raw in enumerate(tools):
        path = f"tools[{index}]"
        one = decoded(_ANY, raw, path)
        target = chat.tools.add()
        mark = one.cache_control
        if one.type == "function":
            function = decoded(_FUNCTION, raw, path).function
            _write_function(target.function, function)
            mark = mark or function.cache_control
        else:
            target.provider_tool.provider = DIALECT
            target.provider_tool.definition = bytes(raw).decode()
            if one.type == "custom" and one.custom is not None:
                custom.add(one.custom.name)
        if mark is not None:
            write_hint(target, mark)
    return frozenset(custom)


def _write_function(target: pb.FunctionTool, function: _FunctionBody) -> None:
    target.name = function.name
    if function.description:
        target.description = function.description
    parameters = bytes(function.parameters)
    if parameters and parameters != b"null":
        target.parameters = parameters.decode()
    if function.strict is not None:
        target.strict = function.strict


def write_choice(target: pb.ToolChoice, choice: str | body.ToolChoice) -> None:
    """Fills the choice of tools. Raises RequestInvalid."""
    if isinstance(choice, str):
        if choice not in _MODES:
            raise wrong("tool_choice", "must be none, auto, required or an object")
        target.mode = _MODES[choice]
    elif choice.type == "function" and choice.function is not None:
        target.mode = pb.TOOL_CHOICE_MODE_REQUIRED
        target.function_names.append(choice.function.name)
    elif choice.type == "allowed_tools" and choice.allowed_tools is not None:
        target.mode = _MODES[choice.allowed_tools.mode]
        for index, tool in enumerate(choice.allowed_tools.tools):
            if tool.function is None:
                raise wrong(f"tool_choice.allowed_tools.tools[{index}]", "must be a function: no other can be named")
            target.function_names.append(tool.function.name)
    else:
        raise wrong("tool_choice", "must be a function or allowed_tools: no other tool can be named")


def write_format(target: pb.ResponseFormat, form: body.TextFormat | body.JsonObject | body.JsonSchema) -> None:
    """Fills the form of the answer's text."""
    if isinstance(form, body.TextFormat):
        target.text.SetInParent()
    elif isinstance(form, body.JsonObject):
        target.json_object.SetInParent()
    else:
        schema, written = form.json_schema, target.json_schema
        written.name, written.schema = schema.name, bytes(schema.schema).decode()
        if schema.description:
            written.description = schema.description
        if schema.strict is not None:
            written.strict = schema.strict
