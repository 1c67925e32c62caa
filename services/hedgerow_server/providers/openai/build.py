"""Requests to OpenAI: https://platform.openai.com/docs/api-reference/chat/create and .../embeddings/create."""

import msgspec

from hedgerow_server.core.request import (
    ChatSpec,
    Effort,
    EmbedSpec,
    FunctionTool,
    JsonObjectFormat,
    ToolChoice,
    ToolChoiceMode,
)
from hedgerow_server.providers.draft import Draft
from hedgerow_server.providers.openai.body import (
    AllowedTools,
    AllowedToolsChoice,
    ChatBody,
    EmbedBody,
    Function,
    FunctionName,
    FunctionToolBody,
    JsonObjectBody,
    JsonSchema,
    JsonSchemaBody,
    NamedFunction,
    StreamOptions,
    encode,
)
from hedgerow_server.providers.openai.messages import build_messages

_MAX_STOPS = 4
_WITH_USAGE = StreamOptions(include_usage=True)
# Members that provider options must not hold: those that the gateway sets, and those that would change what an answer
# looks like behind its back.
_CHAT_MEMBERS = frozenset(ChatBody.__struct_fields__) | {"n", "functions", "function_call"}
_EMBED_MEMBERS = frozenset(EmbedBody.__struct_fields__)


def chat_body(spec: ChatSpec, draft: Draft, *, model: str, stream: bool, max_tokens_field: str) -> bytes:
    """The body of a chat completion. Raises RequestInvalid."""
    body = ChatBody(
        model=model,
        messages=build_messages(spec.messages, draft),
        temperature=spec.temperature,
        top_p=spec.top_p,
        frequency_penalty=spec.frequency_penalty,
        presence_penalty=spec.presence_penalty,
        seed=spec.seed,
        prompt_cache_key=spec.prompt_cache_key or None,
    )
    if stream:
        body.stream, body.stream_options = True, _WITH_USAGE
    if spec.max_output_tokens is not None:
        setattr(body, max_tokens_field, spec.max_output_tokens)
    if spec.tools or spec.tool_choice is not None:
        _set_tools(body, spec, draft)
    if spec.response_format is not None:
        body.response_format = _response_format(spec)
    if spec.reasoning is not None:
        body.reasoning_effort = _effort(spec, draft)
    if spec.top_k is not None:
        draft.ignored("chat.top_k", "The provider has no such parameter.")
    if spec.stop_sequences:
        if len(spec.stop_sequences) > _MAX_STOPS:
            raise draft.invalid("chat.stop_sequences", f"must be at most {_MAX_STOPS}: the provider takes no more")
        body.stop = list(spec.stop_sequences)
    return draft.with_options(encode(body), spec.provider_options, "chat.provider_options", _CHAT_MEMBERS)


def embed_body(spec: EmbedSpec, draft: Draft, *, model: str) -> bytes:
    """The body of a batch of embeddings. Raises RequestInvalid."""
    texts = [text for text in spec.inputs if isinstance(text, str)]
    tokens = [ids for ids in spec.inputs if not isinstance(ids, str)]
    if texts and tokens:
        raise draft.invalid("embed.inputs", "must be all text or all token_ids: the provider takes no mixture")
    body = EmbedBody(model=model, input=texts or tokens, encoding_format="base64", dimensions=spec.dimensions)
    return draft.with_options(encode(body), spec.provider_options, "embed.provider_options", _EMBED_MEMBERS)


def _set_tools(body: ChatBody, spec: ChatSpec, draft: Draft) -> None:
    tools: list[FunctionToolBody | object] = []
    for index, tool in enumerate(spec.tools):
        path = f"chat.tools[{index}]"
        if isinstance(tool, FunctionTool):
            tools.append(FunctionToolBody(_function(tool)))
        elif tool.provider in draft.names:
            tools.append(msgspec.Raw(tool.definition.encode()))
        else:
            draft.ignored(f"{path}.provider_tool", "The tool is of another provider and was not offered.")
    choice = spec.tool_choice
    if tools:
        body.tools = tools  # type: ignore[assignment]
        body.parallel_tool_calls = spec.parallel_tool_calls
        body.tool_choice = _tool_choice(choice) if choice is not None else None
    elif choice is not None and choice.mode is ToolChoiceMode.REQUIRED:
        raise draft.invalid("chat.tool_choice.mode", "must not be required when no tool can be offered")


def _function(tool: FunctionTool) -> Function:
    return Function(
        name=tool.name,
        description=tool.description or None,
        parameters=msgspec.Raw(tool.parameters.encode()) if tool.parameters else None,
        strict=tool.strict,
    )


def _tool_choice(choice: ToolChoice) -> str | NamedFunction | AllowedToolsChoice:
    names = choice.function_names
    if not names or choice.mode is ToolChoiceMode.NONE:
        return choice.mode.value
    functions = [NamedFunction(FunctionName(name)) for name in names]
    if choice.mode is ToolChoiceMode.REQUIRED and len(functions) == 1:
        return functions[0]
    return AllowedToolsChoice(AllowedTools(choice.mode.value, functions))


def _response_format(spec: ChatSpec) -> JsonObjectBody | JsonSchemaBody | None:
    form = spec.response_format
    if form is None:
        return None
    if isinstance(form, JsonObjectFormat):
        return JsonObjectBody()
    return JsonSchemaBody(
        JsonSchema(
            name=form.name,
            schema=msgspec.Raw(form.schema.encode()),
            description=form.description or None,
            strict=form.strict,
        )
    )


def _effort(spec: ChatSpec, draft: Draft) -> str | None:
    reasoning = spec.reasoning
    if reasoning is None:
        return None
    if reasoning.max_tokens is not None:
        draft.ignored("chat.reasoning.max_tokens", "The provider knows only an effort.")
    if reasoning.effort is Effort.MAX:
        draft.changed("chat.reasoning.effort", "The provider's highest effort is xhigh.")
        return Effort.XHIGH.value
    return reasoning.effort.value if reasoning.effort is not None else None
