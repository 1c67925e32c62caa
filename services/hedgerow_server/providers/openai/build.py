"""Requests to OpenAI: https://platform.openai.com/docs/api-reference/chat/create and .../embeddings/create."""

from typing import Any

import msgspec

from hedgerow_server.core.request import (
    ChatSpec,
    EmbedPurpose,
    EmbedSpec,
    FunctionTool,
    JsonObjectFormat,
    JsonSchemaFormat,
    ToolChoice,
    ToolChoiceMode,
)
from hedgerow_server.providers.draft import Draft
from hedgerow_server.providers.openai.asked import set_reasoning
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
from hedgerow_server.providers.openai.messages import Conversation
from hedgerow_server.providers.openai.quirks import Quirks
from hedgerow_server.providers.openai.section import Settings

_NO_PARAMETER = "The provider has no such parameter."
_WITH_USAGE = StreamOptions(include_usage=True)
# Members that provider options must not hold: those that the gateway sets, and those that would change what an answer
# looks like behind its back. What only other vendors have is theirs to say unless it was set.
_VENDORS_OWN = frozenset({"top_k", "reasoning", "thinking", "enable_thinking", "thinking_budget"})
_CHAT_MEMBERS = frozenset(ChatBody.__struct_fields__) - _VENDORS_OWN | {"n", "functions", "function_call"}
_EMBED_MEMBERS = frozenset(EmbedBody.__struct_fields__)
_SIMPLE = ("temperature", "top_p", "frequency_penalty", "presence_penalty", "seed")
_PURPOSES = {EmbedPurpose.QUERY: "query", EmbedPurpose.DOCUMENT: "document"}


def chat_body(spec: ChatSpec, draft: Draft, settings: Settings, tag: str, *, model: str, stream: bool) -> bytes:
    """The body of a chat completion. Raises RequestInvalid."""
    quirks = settings.quirks
    body = ChatBody(model=model, messages=Conversation(draft, quirks, tag).messages(spec.messages))
    if stream:
        body.stream, body.stream_options = True, _WITH_USAGE if quirks.stream_usage else None
    _set_sampling(body, spec, quirks, draft)
    if spec.max_output_tokens is not None:
        setattr(body, settings.max_tokens_field, spec.max_output_tokens)
    if spec.tools or spec.tool_choice is not None:
        _set_tools(body, spec, quirks, draft)
    if spec.response_format is not None:
        body.response_format = _response_format(spec.response_format, quirks, draft)
    if spec.reasoning is not None:
        set_reasoning(body, spec.reasoning, quirks, draft)
    encoded = encode(body)
    if quirks.seed_field != "seed" and body.seed is not None:
        encoded = _renamed(body, "seed", quirks.seed_field)
    path, members = draft.options(spec, "chat.provider_options")
    if not members:
        return encoded
    taken = {name for name in _VENDORS_OWN if getattr(body, name) is not None}
    return draft.with_members(encoded, members, path, _CHAT_MEMBERS | taken | {quirks.seed_field})


def embed_body(spec: EmbedSpec, draft: Draft, quirks: Quirks, *, model: str) -> bytes:
    """The body of a batch of embeddings. Raises RequestInvalid."""
    texts = [text for text in spec.inputs if isinstance(text, str)]
    tokens = [ids for ids in spec.inputs if not isinstance(ids, str)]
    if texts and tokens:
        raise draft.invalid("embed.inputs", "must be all text or all token_ids: the provider takes no mixture")
    body = EmbedBody(
        model=model,
        input=texts or tokens,
        encoding_format=quirks.vector_encoding if quirks.vector_encoding != "none" else None,
        dimensions=spec.dimensions,
    )
    encoded = encode(body)
    if quirks.dimensions_field != "dimensions" and body.dimensions is not None:
        encoded = _renamed(body, "dimensions", quirks.dimensions_field)
    members = {}
    if quirks.input_type_field and spec.purpose in _PURPOSES:
        members[quirks.input_type_field] = msgspec.Raw(encode(_PURPOSES[spec.purpose]))
    encoded = draft.with_members(encoded, members, "embed.purpose", frozenset())
    forbidden = _EMBED_MEMBERS | {quirks.dimensions_field} | members.keys()
    return draft.with_options(encoded, spec, "embed.provider_options", forbidden)


def _renamed(body: ChatBody | EmbedBody, name: str, to: str) -> bytes:
    """The body with one member under another name."""
    members: dict[str, Any] = {
        field: value for field in body.__struct_fields__ if (value := getattr(body, field)) is not None
    }
    return encode({to if field == name else field: value for field, value in members.items()})


def _set_sampling(body: ChatBody, spec: ChatSpec, quirks: Quirks, draft: Draft) -> None:
    body.temperature, body.top_p, body.seed = spec.temperature, spec.top_p, spec.seed
    body.frequency_penalty, body.presence_penalty = spec.frequency_penalty, spec.presence_penalty
    for name in _SIMPLE if quirks.lacks else ():
        if name in quirks.lacks and getattr(body, name) is not None:
            setattr(body, name, None)
            draft.ignored(f"chat.{name}", _NO_PARAMETER)
    if spec.prompt_cache_key and "prompt_cache_key" not in quirks.lacks:
        body.prompt_cache_key = spec.prompt_cache_key
    if spec.top_k is not None:
        if quirks.top_k:
            body.top_k = spec.top_k
        else:
            draft.ignored("chat.top_k", _NO_PARAMETER)
    if spec.top_logprobs is not None:
        _set_logprobs(body, spec.top_logprobs, quirks, draft)
    if stops := spec.stop_sequences:
        # Ignoring them would let the answer run on past its end.
        most = 0 if "stop_sequences" in quirks.lacks else quirks.max_stop_sequences
        if len(stops) > most:
            raise draft.invalid("chat.stop_sequences", f"must be at most {most}: the provider takes no more")
        body.stop = list(stops)


def _set_logprobs(body: ChatBody, asked: int, quirks: Quirks, draft: Draft) -> None:
    if "top_logprobs" in quirks.lacks:
        draft.ignored("chat.top_logprobs", _NO_PARAMETER)
        return
    top = min(asked, quirks.max_top_logprobs)
    if top < asked:
        draft.changed("chat.top_logprobs", f"The provider's most is {top}.")
    if quirks.logprobs == "number":
        body.logprobs = max(top, 1)
    else:
        body.logprobs, body.top_logprobs = True, top or None


def _set_tools(body: ChatBody, spec: ChatSpec, quirks: Quirks, draft: Draft) -> None:
    choice = spec.tool_choice
    narrowed = choice is not None and choice.mode is not ToolChoiceMode.NONE and not quirks.allowed_tools
    tools: list[FunctionToolBody | object] = []
    for index, tool in enumerate(spec.tools):
        path = f"chat.tools[{index}]"
        if isinstance(tool, FunctionTool):
            if narrowed and choice is not None and choice.function_names and tool.name not in choice.function_names:
                continue
            tools.append(FunctionToolBody(_function(tool)))
        elif tool.provider in draft.names:
            tools.append(msgspec.Raw(tool.definition.encode()))
        else:
            draft.ignored(f"{path}.provider_tool", "The tool is of another provider and was not offered.")
    if tools:
        body.tools = tools  # type: ignore[assignment]
        if "parallel_tool_calls" not in quirks.lacks:
            body.parallel_tool_calls = spec.parallel_tool_calls
        elif spec.parallel_tool_calls is not None:
            draft.ignored("chat.parallel_tool_calls", _NO_PARAMETER)
        body.tool_choice = _tool_choice(choice, quirks) if choice is not None else None
    elif choice is not None and choice.mode is ToolChoiceMode.REQUIRED:
        raise draft.invalid("chat.tool_choice.mode", "must not be required when no tool can be offered")


def _function(tool: FunctionTool) -> Function:
    return Function(
        name=tool.name,
        description=tool.description or None,
        parameters=msgspec.Raw(tool.parameters.encode()) if tool.parameters else None,
        strict=tool.strict,
    )


def _tool_choice(choice: ToolChoice, quirks: Quirks) -> str | NamedFunction | AllowedToolsChoice:
    names = choice.function_names
    word = quirks.required_tool_choice if choice.mode is ToolChoiceMode.REQUIRED else choice.mode.value
    if not names or choice.mode is ToolChoiceMode.NONE:
        return word
    functions = [NamedFunction(FunctionName(name)) for name in names]
    if choice.mode is ToolChoiceMode.REQUIRED and len(functions) == 1:
        return functions[0]
    return AllowedToolsChoice(AllowedTools(choice.mode.value, functions)) if quirks.allowed_tools else word


def _response_format(
    form: JsonObjectFormat | JsonSchemaFormat, quirks: Quirks, draft: Draft
) -> JsonObjectBody | JsonSchemaBody:
    if isinstance(form, JsonObjectFormat):
        return JsonObjectBody()
    if not quirks.json_schema:
        draft.changed("chat.response_format.json_schema", "The provider promises a JSON object, but no schema.")
        return JsonObjectBody()
    return JsonSchemaBody(
        JsonSchema(
            name=form.name,
            schema=msgspec.Raw(form.schema.encode()),
            description=form.description or None,
            strict=form.strict,
        )
    )
