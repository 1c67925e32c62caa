"""Chat calls: bytes to core requests, core events to bytes."""

from collections.abc import Callable, Mapping

import msgspec
from hedgerow.chat.v1 import chat_service_pb2 as service
from hedgerow.chat.v1 import event_pb2
from hedgerow.chat.v1 import message_pb2 as pb

from hedgerow_server.core.call import Call
from hedgerow_server.core.fold import Answer, Fold
from hedgerow_server.core.request import (
    ChatRequest,
    ChatSpec,
    Effort,
    FunctionTool,
    JsonObjectFormat,
    JsonSchemaFormat,
    ProviderTool,
    ReasoningSpec,
    ToolChoice,
    ToolChoiceMode,
)
from hedgerow_server.wire.chat_events import write_origin
from hedgerow_server.wire.check import Checker, json_object, subscript, wrong
from hedgerow_server.wire.message import cache_hint, messages, write_message
from hedgerow_server.wire.policy import once, policy
from hedgerow_server.wire.report import write_attempts, write_costs, write_usage, write_warning
from hedgerow_server.wire.verdict import write_verdict

_MODES: dict[int, ToolChoiceMode] = {pb.ToolChoiceMode.Value(f"TOOL_CHOICE_MODE_{m.name}"): m for m in ToolChoiceMode}
_EFFORTS: dict[int, Effort] = {pb.ReasoningEffort.Value(f"REASONING_EFFORT_{e.name}"): e for e in Effort}


class ChatDecoder:
    """Decodes the requests of ChatService."""

    def __init__(self, checker: Checker) -> None:
        self._checker = checker

    def complete(self, call: Call) -> ChatRequest:
        """A request of Complete."""
        return chat_request(self._checker.parse(service.CompleteRequest, call, call.body))

    def stream_complete(self, call: Call) -> ChatRequest:
        """A request of StreamComplete."""
        return chat_request(self._checker.parse(service.StreamCompleteRequest, call, call.body))


def begun(call: Call, *, stream: bool) -> service.CompleteRequest | service.StreamCompleteRequest:
    """The empty message of a request whose door is told by its body whether the answer is streamed: if so, the call is
    another one from here on.
    """
    if not stream:
        return service.CompleteRequest()
    assert call.method.streamed is not None
    call.method = call.method.streamed
    return service.StreamCompleteRequest()


def chat_request(
    message: service.CompleteRequest | service.StreamCompleteRequest,
    *,
    for_any: tuple[str, ...] = (),
    bound: tuple[str, str] | None = None,
) -> ChatRequest:
    """The request in a message that was checked; `for_any` and `bound` as ChatSpec has them, which other APIs than the
    contract say. Raises RequestInvalid.
    """
    spec = chat_spec(message.chat)
    if for_any or bound is not None:
        spec = msgspec.structs.replace(spec, for_any=for_any, bound=bound)
    labels = message.labels
    return ChatRequest(
        spec=spec, policy=policy(message.route), labels=dict(labels) if labels else {}, once=once(message)
    )


def chat_spec(chat: pb.ChatSpec) -> ChatSpec:
    """What is asked of a chat model. Raises RequestInvalid."""
    # A field that is unset is not passed, so that the struct's own default holds.
    given: dict[str, object] = {}
    for field, value in chat.ListFields():
        name = field.name
        read = _READERS.get(name)
        given[name] = value if read is None else read(chat)
    return ChatSpec(**given)  # type: ignore[arg-type]


def options(source: Mapping[str, str], field: str) -> dict[str, str]:
    """Provider options, every one a JSON object. Raises RequestInvalid."""
    return {name: json_object(text, f"{field}.provider_options{subscript(name)}") for name, text in source.items()}


def _tools(chat: pb.ChatSpec) -> tuple[FunctionTool | ProviderTool, ...]:
    tools: list[FunctionTool | ProviderTool] = []
    names: set[str] = set()
    for index, tool in enumerate(chat.tools):
        path = f"chat.tools[{index}]"
        hint = cache_hint(tool) if tool.HasField("cache_hint") else None
        if tool.WhichOneof("tool") == "provider_tool":
            definition = json_object(tool.provider_tool.definition, f"{path}.provider_tool.definition")
            tools.append(ProviderTool(tool.provider_tool.provider, definition, hint))
            continue
        function = tool.function
        if function.name in names:
            raise wrong(f"{path}.function.name", f"stands twice: {function.name!r}")
        names.add(function.name)
        if function.parameters:
            json_object(function.parameters, f"{path}.function.parameters")
        strict = function.strict if function.HasField("strict") else None
        tools.append(FunctionTool(function.name, function.description, function.parameters, strict, hint))
    return tuple(tools)


def _tool_choice(chat: pb.ChatSpec) -> ToolChoice:
    choice = chat.tool_choice
    known = {tool.function.name for tool in chat.tools if tool.WhichOneof("tool") == "function"}
    for index, name in enumerate(choice.function_names):
        if name not in known:
            raise wrong(f"chat.tool_choice.function_names[{index}]", "must name one of chat.tools")
    return ToolChoice(_MODES[choice.mode], tuple(choice.function_names))


def _response_format(chat: pb.ChatSpec) -> JsonObjectFormat | JsonSchemaFormat | None:
    source = chat.response_format
    match source.WhichOneof("format"):
        case "json_object":
            return JsonObjectFormat()
        case "json_schema":
            form = source.json_schema
            schema = json_object(form.schema, "chat.response_format.json_schema.schema")
            return JsonSchemaFormat(
                form.name, schema, form.description, form.strict if form.HasField("strict") else None
            )
        case _:
            return None


def _reasoning(chat: pb.ChatSpec) -> ReasoningSpec:
    reasoning = chat.reasoning
    limit = reasoning.max_tokens if reasoning.HasField("max_tokens") else None
    return ReasoningSpec(_EFFORTS.get(reasoning.effort), limit)


_READERS: dict[str, Callable[[pb.ChatSpec], object]] = {
    "messages": lambda chat: messages(chat.messages),
    "tools": _tools,
    "tool_choice": _tool_choice,
    "response_format": _response_format,
    "reasoning": _reasoning,
    "stop_sequences": lambda chat: tuple(chat.stop_sequences),
    "provider_options": lambda chat: options(chat.provider_options, "chat"),
}
"""How fields are read that are not taken as they are."""


class ChatAnswer:
    """Collects the events of a Complete call into the bytes of its response."""

    def __init__(self) -> None:
        self._fold = Fold()
        self.add = self._fold.add

    def encode(self) -> bytes:
        """A CompleteResponse."""
        return _encode(self._fold.answer())


def _encode(answer: Answer) -> bytes:
    completed, started = answer.completed, answer.started
    response = service.CompleteResponse(
        finish_reason=event_pb2.FinishReason.ValueType(completed.reason.value),
        native_finish_reason=completed.native_reason,
        provider=started.provider,
        model=started.model,
        response_id=started.response_id,
        stop_sequence=completed.stop_sequence,
    )
    write_message(response.message, answer.message)
    write_usage(response.usage, completed.usage)
    for warning in started.warnings:
        write_warning(response.warnings.add(), warning)
    for verdict in answer.verdicts:
        write_verdict(response.guardrail_verdicts.add(), verdict)
    write_attempts(response.attempts, completed.attempts, (completed.usage, response.usage))
    write_costs(response, completed.attempts, kept=completed.kept)
    if started.cache is not None:
        write_origin(response.cache_origin, started.cache)
    return response.SerializeToString()
