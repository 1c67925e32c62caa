"""Requests to Cohere: https://docs.cohere.com/reference/chat and https://docs.cohere.com/reference/embed."""

import msgspec

from hedgerow_server.core.request import (
    ChatSpec,
    Effort,
    EmbedPurpose,
    EmbedSpec,
    FunctionTool,
    JsonSchemaFormat,
    ToolChoiceMode,
)
from hedgerow_server.providers.cohere.body import ChatBody, EmbedBody, Function, JsonObject, Thinking, encode
from hedgerow_server.providers.cohere.body import FunctionTool as ToolBody
from hedgerow_server.providers.cohere.messages import Conversation
from hedgerow_server.providers.draft import Draft

_MAX_STOPS = 5
_MAX_K = 500
_NO_ARGUMENTS = msgspec.Raw(b'{"type":"object","properties":{}}')
_ONE_LENGTH = ("-v2.0", "-v3.0")
_PURPOSES = {
    EmbedPurpose.QUERY: "search_query",
    EmbedPurpose.DOCUMENT: "search_document",
    EmbedPurpose.CLASSIFICATION: "classification",
    EmbedPurpose.CLUSTERING: "clustering",
    EmbedPurpose.SIMILARITY: "clustering",
}
# Members that provider options must not hold, since the gateway sets them; documents only where the messages hold some.
_CHAT_MEMBERS = frozenset(ChatBody.__struct_fields__) - {"documents"}
_EMBED_MEMBERS = frozenset(EmbedBody.__struct_fields__) | {"images", "inputs"}


def chat_body(spec: ChatSpec, draft: Draft, *, model: str, stream: bool) -> bytes:
    """The body of a chat. Raises RequestInvalid."""
    conversation = Conversation(draft)
    conversation.build(spec.messages)
    if len(spec.stop_sequences) > _MAX_STOPS:
        raise draft.invalid("chat.stop_sequences", f"must be at most {_MAX_STOPS}: the provider takes no more")
    body = ChatBody(
        model=model,
        messages=conversation.messages,
        stream=stream,
        documents=conversation.documents or None,
        response_format=_response_format(spec, draft),
        thinking=_thinking(spec, draft),
        max_tokens=spec.max_output_tokens,
        temperature=spec.temperature,
        p=_within(spec.top_p, 0.01, 0.99, "chat.top_p", draft),
        k=spec.top_k,
        frequency_penalty=_within(spec.frequency_penalty, 0.0, 1.0, "chat.frequency_penalty", draft),
        presence_penalty=_within(spec.presence_penalty, 0.0, 1.0, "chat.presence_penalty", draft),
        seed=spec.seed,
        stop_sequences=list(spec.stop_sequences) or None,
    )
    if spec.top_k is not None and spec.top_k > _MAX_K:
        draft.changed("chat.top_k", f"The provider's highest is {_MAX_K}.")
        body.k = _MAX_K
    if spec.top_logprobs is not None:
        body.logprobs = True
        if spec.top_logprobs:
            draft.changed("chat.top_logprobs", "The provider tells it of the chosen tokens only.")
    if spec.tools or spec.tool_choice is not None:
        _set_tools(body, spec, draft)
    forbidden = _CHAT_MEMBERS | {"documents"} if conversation.documents else _CHAT_MEMBERS
    return draft.with_options(encode(body), spec, "chat.provider_options", forbidden)


def embed_body(spec: EmbedSpec, draft: Draft, *, model: str) -> bytes:
    """The body of a batch of embeddings. Raises RequestInvalid."""
    texts = [text for text in spec.inputs if isinstance(text, str)]
    if len(texts) < len(spec.inputs):
        raise draft.invalid("embed.inputs", "must be text: the provider takes no token_ids")
    if spec.dimensions is not None and model.endswith(_ONE_LENGTH):
        raise draft.invalid("embed.dimensions", "must be unset: the model has one length only")
    if spec.purpose is EmbedPurpose.SIMILARITY:
        draft.changed("embed.purpose", "The provider has no such purpose; it was given that of clustering.")
    purpose = _PURPOSES[spec.purpose or EmbedPurpose.DOCUMENT]
    body = EmbedBody(model, texts, purpose, ["float"], spec.dimensions)
    return draft.with_options(encode(body), spec, "embed.provider_options", _EMBED_MEMBERS)


def _set_tools(body: ChatBody, spec: ChatSpec, draft: Draft) -> None:
    choice = spec.tool_choice
    # Cohere knows no names in its choice: what may not be called is not offered.
    only = choice.function_names if choice is not None and choice.mode is not ToolChoiceMode.NONE else ()
    tools: list[ToolBody | msgspec.Raw] = []
    strict: list[bool | None] = []
    for index, tool in enumerate(spec.tools):
        if not isinstance(tool, FunctionTool):
            if tool.provider in draft.names:
                tools.append(msgspec.Raw(tool.definition.encode()))
            else:
                message = "The tool is of another provider and was not offered."
                draft.ignored(f"chat.tools[{index}].provider_tool", message)
        elif not only or tool.name in only:
            tools.append(ToolBody(_function(tool)))
            strict.append(tool.strict)
    if tools:
        body.tools = tools
        body.strict_tools = _strict(strict, draft)
        if choice is not None and choice.mode is not ToolChoiceMode.AUTO:
            body.tool_choice = choice.mode.name
        if spec.parallel_tool_calls is False:
            draft.ignored("chat.parallel_tool_calls", "The provider has no such parameter.")
    elif choice is not None and choice.mode is ToolChoiceMode.REQUIRED:
        raise draft.invalid("chat.tool_choice.mode", "must not be required when no tool can be offered")


def _function(tool: FunctionTool) -> Function:
    parameters = msgspec.Raw(tool.parameters.encode()) if tool.parameters else _NO_ARGUMENTS
    return Function(tool.name, parameters, tool.description or None)


def _strict(strict: list[bool | None], draft: Draft) -> bool | None:
    if True not in strict:
        return None
    if not all(strict):
        draft.changed("chat.tools", "The provider is strict with all tools or none; it was told to be with all.")
    return True


def _response_format(spec: ChatSpec, draft: Draft) -> JsonObject | None:
    form = spec.response_format
    if form is None:
        return None
    if not isinstance(form, JsonSchemaFormat):
        return JsonObject()
    if form.strict is False:
        draft.changed("chat.response_format.json_schema.strict", "The provider always follows the schema.")
    if form.description:
        draft.ignored("chat.response_format.json_schema.description", "The provider has no such parameter.")
    return JsonObject(msgspec.Raw(form.schema.encode()))


def _thinking(spec: ChatSpec, draft: Draft) -> Thinking | None:
    reasoning = spec.reasoning
    if reasoning is None or (reasoning.effort is None and reasoning.max_tokens is None):
        return None
    if reasoning.effort is Effort.NONE or reasoning.max_tokens == 0:
        return Thinking("disabled")
    if reasoning.max_tokens is None:
        draft.changed("chat.reasoning.effort", "The provider knows no effort; it was told to reason.")
    return Thinking("enabled", reasoning.max_tokens)


def _within(value: float | None, low: float, high: float, field: str, draft: Draft) -> float | None:
    if value is None or low <= value <= high:
        return value
    draft.changed(field, f"The provider takes {low} to {high}.")
    return min(max(value, low), high)
