"""The texts of a request: where they stand, who wrote them, and the request with other texts in their place."""

import codecs
import json
import re
from collections.abc import Callable
from typing import TypeVar

import msgspec

from hedgerow_server.core.guard import Judged, Source
from hedgerow_server.core.request import (
    VERBATIM,
    Audio,
    ChatSpec,
    Content,
    EmbedSpec,
    File,
    FunctionTool,
    Message,
    Part,
    ProviderTool,
    Reasoning,
    Refusal,
    Role,
    Text,
    ToolCall,
    ToolResult,
)

Spec = TypeVar("Spec", bound=ChatSpec | EmbedSpec)
T = TypeVar("T")
Visit = Callable[[str, Source], str]
"""Is shown a text and returns what stands in its place, the same text for no change."""

_SOURCES = {
    Role.SYSTEM: Source.SYSTEM,
    Role.DEVELOPER: Source.SYSTEM,
    Role.USER: Source.USER,
    Role.ASSISTANT: Source.ASSISTANT,
    Role.TOOL: Source.TOOL_RESULT,
}
_TEXT_TYPES = frozenset(
    f"application/{one}" for one in ("json", "xml", "yaml", "x-yaml", "toml", "javascript", "sql", "rtf", "x-ndjson")
)
_ANY_JSON = msgspec.json.Decoder(msgspec.Raw)
# Linear: each alternative reads on without a second way to read the same.
_LITERAL = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|-?[0-9]{7,}', re.DOTALL)
"""Strings of a JSON text, and numbers that are long enough to be a phone's or a card's."""


def texts(spec: ChatSpec | EmbedSpec) -> list[Judged]:
    """Every text of a request, in the order in which `rewritten` takes others for them."""
    found: list[Judged] = []

    def note(text: str, source: Source) -> str:
        if text:
            found.append(Judged(text, source))
        return text

    _visited(spec, note)
    return found


def rewritten(spec: Spec, others: list[str]) -> Spec:
    """The request with `others` in the place of its texts."""
    left = iter(others)
    return _visited(spec, lambda text, _: next(left) if text else text)


def rewritten_arguments(arguments: str, visit: Visit, source: Source = Source.ARGUMENTS) -> str:
    """The arguments of a tool call, or other JSON, with other strings. What is no JSON is one text."""
    try:
        _ANY_JSON.decode(arguments)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return visit(arguments, source)
    return _LITERAL.sub(lambda match: _literal(match[0], visit, source), arguments)


def _literal(literal: str, visit: Visit, source: Source) -> str:
    if literal[0] == '"':
        text: str = json.loads(literal, strict=False)
    else:
        text = literal
    new = visit(text, source)
    return literal if new == text else json.dumps(new, ensure_ascii=False)


def _visited(spec: Spec, visit: Visit) -> Spec:
    if isinstance(spec, EmbedSpec):
        inputs = _each(spec.inputs, lambda one: visit(one, Source.EMBEDDING) if isinstance(one, str) else one)
        return spec if inputs is spec.inputs else msgspec.structs.replace(spec, inputs=inputs)
    messages = _each(spec.messages, lambda one: _message(one, visit))
    tools = _each(spec.tools, lambda one: _tool(one, visit)) if spec.tools else spec.tools
    if messages is spec.messages and tools is spec.tools:
        return spec
    return msgspec.structs.replace(spec, messages=messages, tools=tools)


def _each(items: tuple[T, ...], change: Callable[[T], T]) -> tuple[T, ...]:
    """The items, changed; the same tuple where none of them is another one."""
    new = tuple([change(one) for one in items])
    return items if all(one is other for one, other in zip(items, new, strict=True)) else new


def _tool(tool: FunctionTool | ProviderTool, visit: Visit) -> FunctionTool | ProviderTool:
    """What a function is for is told by whoever offers it, who need not be who runs the application: it is a document
    that the model reads.
    """
    if not isinstance(tool, FunctionTool):
        return tool
    description = visit(tool.description, Source.DOCUMENT)
    return tool if description is tool.description else msgspec.structs.replace(tool, description=description)


def _message(message: Message, visit: Visit) -> Message:
    source = _SOURCES[message.role]
    content = _each(message.content, lambda one: _part(one, source, visit))
    return message if content is message.content else msgspec.structs.replace(message, content=content)


def _part(part: Part, source: Source, visit: Visit) -> Part:
    if isinstance(part.content, Text) and part.state is not None and part.state.data == VERBATIM:
        text = part.content.text
        content: Content = _with(part.content, "text", text, rewritten_arguments(text, visit, Source.DOCUMENT))
    else:
        content = _content(part.content, source, visit)
    if content is part.content:
        return part
    # What a provider has signed is not what stands there now.
    state = None if isinstance(content, Reasoning) else part.state
    return msgspec.structs.replace(part, content=content, state=state)


def _content(content: Content, source: Source, visit: Visit) -> Content:
    match content:
        case Text(text) | Refusal(text):
            return _with(content, "text", text, visit(text, source))
        case Reasoning(text):
            return _with(content, "text", text, visit(text, Source.REASONING))
        case ToolCall():
            new = rewritten_arguments(content.arguments, visit)
            return _with(content, "arguments", content.arguments, new)
        case ToolResult():
            parts = _each(content.content, lambda one: _part(one, Source.TOOL_RESULT, visit))
            return content if parts is content.content else msgspec.structs.replace(content, content=parts)
        case Audio():
            return _with(content, "transcript", content.transcript, visit(content.transcript, source))
        case File():
            return _file(content, visit)
        case _:
            return content


def _with(content: Content, name: str, old: str, new: str) -> Content:
    return content if new == old else msgspec.structs.replace(content, **{name: new})


def _file(file: File, visit: Visit) -> File:
    kind, _, parameters = file.media_type.lower().partition(";")
    kind = kind.strip()
    if not file.data or not (kind.startswith("text/") or kind in _TEXT_TYPES or kind.endswith(("+json", "+xml"))):
        return file
    encoding = _encoding(file.data, parameters)
    text = file.data.decode(encoding, "replace")
    new = visit(text, Source.DOCUMENT)
    return file if new == text else msgspec.structs.replace(file, data=new.encode(encoding, "replace"))


def _encoding(data: bytes, parameters: str) -> str:
    """How the text of a file is encoded: what its marks or its media type say, else UTF-8, else one that takes any
    bytes.
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    named = parameters.rpartition("charset=")[2].strip(' "') if "charset=" in parameters else ""
    if named in ("utf-16", "utf-16le", "utf-16be", "iso-8859-1", "latin1", "windows-1252"):
        return named
    try:
        data.decode()
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8"
