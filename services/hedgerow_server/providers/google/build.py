"""Requests for content: https://ai.google.dev/api/generate-content."""

import msgspec

from hedgerow_server.core.request import ChatSpec, FunctionTool, JsonSchemaFormat, ToolChoice, ToolChoiceMode
from hedgerow_server.providers.draft import Draft
from hedgerow_server.providers.google.body import (
    ChatBody,
    ContentOut,
    FunctionCallingConfig,
    FunctionDeclaration,
    FunctionTools,
    GenerationConfig,
    ToolConfig,
    encode,
)
from hedgerow_server.providers.google.errors import camel
from hedgerow_server.providers.google.flavour import Flavour
from hedgerow_server.providers.google.messages import Conversation
from hedgerow_server.providers.google.thinking import generation, thinking_config

_MAX_STOPS = 5
_SEEDS = range(-(1 << 31), 1 << 31)
_MODES = {ToolChoiceMode.AUTO: "AUTO", ToolChoiceMode.NONE: "NONE", ToolChoiceMode.REQUIRED: "ANY"}
# Members that provider options must not hold: those that the gateway sets, and those that would change what an answer
# looks like behind its back.
_MEMBERS = frozenset({"model", "contents", "systemInstruction", "tools"})
_OPEN = {"thinkingConfig", "responseMimeType", "responseJsonSchema"}  # as long as the request says nothing of it
_CONFIG_MEMBERS = frozenset(GenerationConfig.__struct_encode_fields__) - _OPEN | {"candidateCount"}
_INVOCATIONS = "includeServerSideToolInvocations"
_TOOL_MEMBERS = frozenset({"functionCallingConfig"})


def chat_body(spec: ChatSpec, draft: Draft, flavour: Flavour, *, model: str) -> bytes:
    """The body of a request for content. Raises RequestInvalid."""
    version = generation(model)
    modern = version is not None and version >= (3, 0)
    conversation = Conversation(draft, flavour, modern=modern)
    conversation.add_all(spec.messages)
    body = ChatBody(conversation.contents)
    if conversation.system:
        body.system_instruction = ContentOut(conversation.system)
    tool_config = ToolConfig(_set_tools(body, spec, draft))
    at, options = draft.options(spec, "chat.provider_options")
    options = _named(options)
    config_options = _inner(options, "generationConfig", at, draft)
    tool_options = _inner(options, "toolConfig", at, draft)
    if flavour.tool_invocations and modern and _mixed(body) and _INVOCATIONS not in tool_options:
        tool_config.include_server_side_tool_invocations = True
    config = _config(spec, draft, model=model)
    body.generation_config = _joined(config, config_options, f"{at}.generationConfig", _CONFIG_MEMBERS, draft)
    body.tool_config = _joined(tool_config, tool_options, f"{at}.toolConfig", _TOOL_MEMBERS, draft)
    return draft.with_members(encode(body), options, at, _MEMBERS)


def _config(spec: ChatSpec, draft: Draft, *, model: str) -> GenerationConfig:
    config = GenerationConfig(
        temperature=spec.temperature,
        top_p=spec.top_p,
        top_k=spec.top_k,
        max_output_tokens=spec.max_output_tokens,
        frequency_penalty=spec.frequency_penalty,
        presence_penalty=spec.presence_penalty,
        seed=spec.seed,
    )
    if spec.stop_sequences:
        if len(spec.stop_sequences) > _MAX_STOPS:
            raise draft.invalid("chat.stop_sequences", f"must be at most {_MAX_STOPS}: the provider takes no more")
        config.stop_sequences = list(spec.stop_sequences)
    if spec.seed is not None and spec.seed not in _SEEDS:
        config.seed = spec.seed & 0x7FFF_FFFF
        draft.changed("chat.seed", "The provider takes 32 bits; the lowest 31 were sent.")
    if spec.top_logprobs is not None:
        config.response_logprobs, config.logprobs = True, spec.top_logprobs or None
    if spec.response_format is not None:
        config.response_mime_type = "application/json"
        if isinstance(spec.response_format, JsonSchemaFormat):
            config.response_json_schema = msgspec.Raw(spec.response_format.schema.encode())
    if spec.reasoning is not None:
        config.thinking_config = thinking_config(spec.reasoning, model, draft)
    return config


def _named(members: dict[str, msgspec.Raw]) -> dict[str, msgspec.Raw]:
    """Members under the names that are sent; Google takes them with underscores, too."""
    return {camel(name): value for name, value in members.items()}


def _inner(options: dict[str, msgspec.Raw], name: str, path: str, draft: Draft) -> dict[str, msgspec.Raw]:
    """Takes a configuration out of the caller's options; its members."""
    given = options.pop(name, None)
    return _named(draft.members(bytes(given), f"{path}.{name}")) if given is not None else {}


def _joined(
    config: GenerationConfig | ToolConfig,
    more: dict[str, msgspec.Raw],
    path: str,
    forbidden: frozenset[str],
    draft: Draft,
) -> msgspec.Raw | None:
    """A configuration with the members that the caller adds; None where it is empty."""
    body = encode(config)
    if more:
        body = draft.with_members(body, more, path, forbidden | draft.members(body, path).keys())
    return msgspec.Raw(body) if body != b"{}" else None


def _set_tools(body: ChatBody, spec: ChatSpec, draft: Draft) -> FunctionCallingConfig | None:
    """Sets the tools; returns which functions must be called."""
    tools: list[FunctionTools | msgspec.Raw] = []
    functions: list[FunctionDeclaration] = []
    choice = spec.tool_choice
    for index, tool in enumerate(spec.tools):
        path = f"chat.tools[{index}]"
        if isinstance(tool, FunctionTool):
            if tool.strict:
                draft.ignored(f"{path}.function.strict", "The provider has no such parameter.")
            if _offered(tool.name, choice):
                functions.append(_function(tool))
        elif tool.provider in draft.names:
            tools.append(msgspec.Raw(tool.definition.encode()))
        else:
            draft.ignored(f"{path}.provider_tool", "The tool is of another provider and was not offered.")
    if functions:
        tools.append(FunctionTools(functions))
        if spec.parallel_tool_calls is False:
            draft.ignored("chat.parallel_tool_calls", "The provider cannot be kept from calling several tools at once.")
    elif choice is not None and choice.mode is ToolChoiceMode.REQUIRED:
        raise draft.invalid("chat.tool_choice.mode", "must not be required when no function can be offered")
    body.tools = tools or None
    return _calling(choice) if functions and choice is not None else None


def _offered(name: str, choice: ToolChoice | None) -> bool:
    """Google narrows functions by name only where it must call one; else those that may not be called are left out."""
    return choice is None or choice.mode is not ToolChoiceMode.AUTO or name in (choice.function_names or (name,))


def _calling(choice: ToolChoice) -> FunctionCallingConfig:
    names = list(choice.function_names) if choice.mode is ToolChoiceMode.REQUIRED else []
    return FunctionCallingConfig(_MODES[choice.mode], names or None)


def _function(tool: FunctionTool) -> FunctionDeclaration:
    return FunctionDeclaration(
        name=tool.name,
        description=tool.description or None,
        parameters_json_schema=msgspec.Raw(tool.parameters.encode()) if tool.parameters else None,
    )


def _mixed(body: ChatBody) -> bool:
    """Whether there are functions and tools that Google runs: Gemini 3 wants to be told that the caller knows both."""
    tools = body.tools or []
    return len(tools) > 1 and any(isinstance(tool, FunctionTools) for tool in tools)
