"""Requests to Ollama: https://docs.ollama.com/api/chat and https://docs.ollama.com/api/embed."""

import msgspec

from hedgerow_server.core.request import (
    ChatSpec,
    Effort,
    EmbedSpec,
    FunctionTool,
    JsonSchemaFormat,
    ToolChoiceMode,
)
from hedgerow_server.providers.draft import Draft
from hedgerow_server.providers.ollama.body import ChatBody, EmbedBody, Function, Options, encode
from hedgerow_server.providers.ollama.body import FunctionTool as ToolBody
from hedgerow_server.providers.ollama.messages import Conversation
from hedgerow_server.providers.ollama.section import OllamaSection

_NO_PARAMETER = "The provider has no such parameter."
_NO_ARGUMENTS = msgspec.Raw(b'{"type":"object","properties":{}}')
_OPTIONS, _KEEP_ALIVE = "options", "keep_alive"
# Members that provider options must not hold, since the gateway sets them. Options are merged; how long a model stays
# loaded is the caller's to say where he does.
_CHAT_MEMBERS = frozenset(ChatBody.__struct_fields__) - {"think", _OPTIONS, _KEEP_ALIVE}
_EMBED_MEMBERS = frozenset(EmbedBody.__struct_fields__) - {_OPTIONS, _KEEP_ALIVE}
_CONFIGURED = frozenset({"num_ctx"})  # options that a caller may say otherwise
_STEPPED_MODELS = "gpt-oss"  # how the names of models begin that know steps of reasoning; others are switched on or off
_STEPS = {
    Effort.MINIMAL: "low",
    Effort.LOW: "low",
    Effort.MEDIUM: "medium",
    Effort.HIGH: "high",
    Effort.XHIGH: "high",
    Effort.MAX: "high",
}


def chat_body(spec: ChatSpec, draft: Draft, section: OllamaSection, *, model: str, stream: bool) -> bytes:
    """The body of a chat. Raises RequestInvalid."""
    body = ChatBody(
        model=model,
        messages=Conversation(draft).messages(spec.messages),
        stream=stream,
        format=_format(spec, draft),
        think=_think(spec, draft, model),
        keep_alive=section.keep_alive,
    )
    options = Options(
        num_ctx=section.num_ctx,
        num_predict=spec.max_output_tokens,
        temperature=spec.temperature,
        top_p=spec.top_p,
        top_k=spec.top_k,
        frequency_penalty=spec.frequency_penalty,
        presence_penalty=spec.presence_penalty,
        seed=spec.seed,
        stop=list(spec.stop_sequences) or None,
    )
    if spec.tools or spec.tool_choice is not None:
        _set_tools(body, spec, draft)
    if spec.top_logprobs is not None:
        body.logprobs, body.top_logprobs = True, spec.top_logprobs or None
    forbidden = _CHAT_MEMBERS | {"think"} if body.think is not None else _CHAT_MEMBERS
    field = "chat.provider_options"
    return _with_members(body, options, draft, spec=spec, field=field, forbidden=forbidden)


def embed_body(spec: EmbedSpec, draft: Draft, section: OllamaSection, *, model: str) -> bytes:
    """The body of a batch of embeddings. Raises RequestInvalid."""
    texts = [text for text in spec.inputs if isinstance(text, str)]
    if len(texts) < len(spec.inputs):
        raise draft.invalid("embed.inputs", "must be text: the provider takes no token_ids")
    body = EmbedBody(model, texts, spec.dimensions, keep_alive=section.keep_alive)
    options = Options(num_ctx=section.num_ctx)
    field = "embed.provider_options"
    return _with_members(body, options, draft, spec=spec, field=field, forbidden=_EMBED_MEMBERS)


def _with_members(
    body: ChatBody | EmbedBody,
    options: Options,
    draft: Draft,
    *,
    spec: ChatSpec | EmbedSpec,
    field: str,
    forbidden: frozenset[str],
) -> bytes:
    """The body with its options and the caller's members. The caller's options are put beside the gateway's."""
    path, members = draft.options(spec, field)
    own = draft.members(bytes(members.pop(_OPTIONS)), f"{path}.{_OPTIONS}") if _OPTIONS in members else {}
    if own.keys() & _CONFIGURED:
        options.num_ctx = None
    taken = frozenset(name for name in options.__struct_fields__ if getattr(options, name) is not None)
    merged = draft.with_members(encode(options), own, f"{path}.{_OPTIONS}", taken)
    body.options = msgspec.Raw(merged) if merged != b"{}" else None
    if _KEEP_ALIVE in members:
        body.keep_alive = None
    return draft.with_members(encode(body), members, path, forbidden)


def _set_tools(body: ChatBody, spec: ChatSpec, draft: Draft) -> None:
    choice = spec.tool_choice
    mode = choice.mode if choice is not None else ToolChoiceMode.AUTO
    if mode is ToolChoiceMode.NONE:
        return  # there is no choice to send: what may not be called is not offered
    only = choice.function_names if choice is not None else ()
    tools: list[ToolBody | msgspec.Raw] = []
    for index, tool in enumerate(spec.tools):
        path = f"chat.tools[{index}]"
        if not isinstance(tool, FunctionTool):
            if tool.provider in draft.names:
                tools.append(msgspec.Raw(tool.definition.encode()))
            else:
                draft.ignored(f"{path}.provider_tool", "The tool is of another provider and was not offered.")
        elif not only or tool.name in only:
            if tool.strict:
                draft.ignored(f"{path}.function.strict", _NO_PARAMETER)
            parameters = msgspec.Raw(tool.parameters.encode()) if tool.parameters else _NO_ARGUMENTS
            tools.append(ToolBody(Function(tool.name, parameters, tool.description or None)))
    body.tools = tools or None
    if mode is ToolChoiceMode.REQUIRED:
        if not tools:
            raise draft.invalid("chat.tool_choice.mode", "must not be required when no tool can be offered")
        draft.changed("chat.tool_choice.mode", "The provider cannot demand a tool call; the tools were offered.")
    if tools and spec.parallel_tool_calls is False:
        draft.ignored("chat.parallel_tool_calls", _NO_PARAMETER)


def _format(spec: ChatSpec, draft: Draft) -> str | msgspec.Raw | None:
    form = spec.response_format
    if not isinstance(form, JsonSchemaFormat):
        return "json" if form is not None else None
    if form.strict is False:
        draft.changed("chat.response_format.json_schema.strict", "The provider always follows the schema.")
    if form.description:
        draft.ignored("chat.response_format.json_schema.description", _NO_PARAMETER)
    return msgspec.Raw(form.schema.encode())


def _think(spec: ChatSpec, draft: Draft, model: str) -> bool | str | None:
    asked = spec.reasoning
    if asked is None or (asked.effort is None and asked.max_tokens is None):
        return None
    if asked.effort is Effort.NONE or asked.max_tokens == 0:
        return False
    if asked.max_tokens is not None:
        draft.ignored("chat.reasoning.max_tokens", "The provider knows no such limit.")
    if asked.effort is None:
        return True
    if not model.rpartition("/")[2].startswith(_STEPPED_MODELS):
        draft.changed("chat.reasoning.effort", "The provider only switches this model's reasoning on and off.")
        return True
    step = _STEPS[asked.effort]
    if step != asked.effort.value:
        draft.changed("chat.reasoning.effort", f"The provider's nearest effort is {step}.")
    return step
