"""Requests to Converse: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html."""

import msgspec

from hedgerow_server.core.request import (
    ChatSpec,
    FunctionTool,
    JsonObjectFormat,
    ToolChoice,
    ToolChoiceMode,
)
from hedgerow_server.providers.bedrock.body import (
    ConverseBody,
    InferenceConfig,
    InputSchema,
    JsonSchema,
    OutputConfig,
    Structure,
    TextFormat,
    Tool,
    ToolConfig,
    ToolSpec,
    encode,
)
from hedgerow_server.providers.bedrock.conversation import CachePoints, Conversation
from hedgerow_server.providers.bedrock.models import Fields, Model, model_fields
from hedgerow_server.providers.draft import Draft

_NO_ARGUMENTS = msgspec.Raw(b'{"type":"object","properties":{}}')
_MODEL_FIELDS = "additionalModelRequestFields"
# Members that provider options must not hold, since the gateway sets them. Those for the model itself are merged.
_MEMBERS = frozenset({"modelId", "messages", "system", "inferenceConfig", "toolConfig", "outputConfig"})


def chat_body(spec: ChatSpec, draft: Draft, *, model: str) -> bytes:
    """The body of a call. Raises RequestInvalid."""
    known = Model(model)
    points = CachePoints(spec.tools, spec.messages)
    tools = _tools(spec, known, points, draft)
    conversation = Conversation(draft, points, caches=known.caches)
    conversation.build(spec.messages)
    body = ConverseBody(
        messages=conversation.turns,
        system=conversation.system or None,
        inference_config=_inference(spec, draft),
        tool_config=_tool_config(spec, tools, conversation, draft),
        output_config=_output_config(spec, draft),
    )
    _note_unknown(spec, draft)
    fields = model_fields(spec, known, draft)
    path, members = draft.options(spec, "chat.provider_options")
    _merge_model_fields(fields, members, path, draft)
    body.additional_model_request_fields = fields or None
    return draft.with_members(encode(body), members, path, _MEMBERS)


def _inference(spec: ChatSpec, draft: Draft) -> InferenceConfig | None:
    temperature = spec.temperature
    if temperature is not None and temperature > 1:
        draft.changed("chat.temperature", "The provider's highest temperature is 1.")
        temperature = 1.0
    config = InferenceConfig(spec.max_output_tokens, temperature, spec.top_p, list(spec.stop_sequences) or None)
    return config if config != InferenceConfig() else None


def _tools(spec: ChatSpec, model: Model, points: CachePoints, draft: Draft) -> list[Tool | msgspec.Raw]:
    """The tools that can be offered, narrowed to those that may be called."""
    choice = spec.tool_choice
    only: tuple[str, ...] = ()
    if choice is not None and (choice.mode is ToolChoiceMode.AUTO or len(choice.function_names) > 1):
        only = choice.function_names
    tools: list[Tool | msgspec.Raw] = []
    for index, tool in enumerate(spec.tools):
        point = points.point(tool.cache_hint)
        if not isinstance(tool, FunctionTool):
            if tool.provider not in draft.names:
                message = "The tool is of another provider and was not offered."
                draft.ignored(f"chat.tools[{index}].provider_tool", message)
                continue
            tools.append(msgspec.Raw(tool.definition.encode()))
        elif not only or tool.name in only:
            tools.append(Tool(_spec(tool)))
        else:
            continue
        if point is not None and model.caches_tools:
            tools.append(Tool(cache_point=point))
    return tools


def _spec(tool: FunctionTool) -> ToolSpec:
    parameters = msgspec.Raw(tool.parameters.encode()) if tool.parameters else _NO_ARGUMENTS
    return ToolSpec(tool.name, InputSchema(parameters), tool.description or None, tool.strict)


def _tool_config(
    spec: ChatSpec, tools: list[Tool | msgspec.Raw], conversation: Conversation, draft: Draft
) -> ToolConfig | None:
    choice = spec.tool_choice
    if choice is not None and choice.mode is ToolChoiceMode.NONE:
        if tools and conversation.called:
            message = "The provider cannot forbid calls in a conversation that holds some; the model was not told to."
            draft.changed("chat.tool_choice.mode", message)
            return ToolConfig(tools)
        tools = []
    if tools:
        if spec.parallel_tool_calls is False:
            draft.ignored("chat.parallel_tool_calls", "The provider has no such parameter.")
        return ToolConfig(tools, _tool_choice(choice))
    if choice is not None and choice.mode is ToolChoiceMode.REQUIRED:
        raise draft.invalid("chat.tool_choice.mode", "must not be required when no tool can be offered")
    if conversation.called:
        # Without any the provider refuses a conversation in which tools were called.
        draft.changed("chat.tools", "The provider wants tools where some were called; they were offered by name.")
        return ToolConfig([Tool(ToolSpec(name, InputSchema(_NO_ARGUMENTS))) for name in conversation.called])
    return None


def _tool_choice(choice: ToolChoice | None) -> dict[str, dict[str, str]] | None:
    if choice is None:
        return None
    if choice.mode is ToolChoiceMode.AUTO:
        return {"auto": {}}
    if len(choice.function_names) == 1:
        return {"tool": {"name": choice.function_names[0]}}
    return {"any": {}}


def _output_config(spec: ChatSpec, draft: Draft) -> OutputConfig | None:
    form = spec.response_format
    if form is None:
        return None
    if isinstance(form, JsonObjectFormat):
        draft.ignored("chat.response_format.json_object", "The provider knows only formats with a schema.")
        return None
    if form.strict is False:
        draft.changed("chat.response_format.json_schema.strict", "The provider always follows the schema.")
    schema = JsonSchema(form.schema, form.name, form.description or None)
    return OutputConfig(TextFormat("json_schema", Structure(schema)))


def _note_unknown(spec: ChatSpec, draft: Draft) -> None:
    for name in ("frequency_penalty", "presence_penalty", "seed", "top_logprobs"):
        if getattr(spec, name) is not None:
            draft.ignored(f"chat.{name}", "The provider has no such parameter.")


def _merge_model_fields(fields: Fields, members: dict[str, msgspec.Raw], path: str, draft: Draft) -> None:
    """Moves the model's members among the caller's options to `fields`."""
    own = members.pop(_MODEL_FIELDS, None)
    if own is None:
        return
    for name, value in draft.members(bytes(own), f"{path}.{_MODEL_FIELDS}").items():
        if name in fields:
            raise draft.invalid(path, f"must not hold {_MODEL_FIELDS}.{name}, which the gateway sets itself")
        fields[name] = value
