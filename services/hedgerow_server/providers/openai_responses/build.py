"""Requests to the Responses API: https://platform.openai.com/docs/api-reference/responses/create."""

import re
from typing import Any

import msgspec

from hedgerow_server.core.request import (
    ChatSpec,
    FunctionTool,
    JsonObjectFormat,
    JsonSchemaFormat,
    ToolChoice,
    ToolChoiceMode,
)
from hedgerow_server.providers.draft import Draft
from hedgerow_server.providers.openai_responses import body as wire
from hedgerow_server.providers.openai_responses.items import Conversation
from hedgerow_server.providers.openai_responses.section import OpenAIResponsesSection

_FIELD = "chat.provider_options"
# Members that provider options may add to: objects by members, lists by entries. What is set stays as it is.
_SHARED = ("reasoning", "text", "include")
# Members that they must not hold: those that the gateway sets, and `background`, after which there is no answer.
_FORBIDDEN = (frozenset(wire.Body.__struct_fields__) - {*_SHARED, "tool_choice"}) | {"background"}
_ENCRYPTED = "reasoning.encrypted_content"
_LOGPROBS = "message.output_text.logprobs"
_NO_PARAMETERS = msgspec.Raw(b'{"type":"object","properties":{},"additionalProperties":false}')
# OpenAI's models that do not reason answer a request for encrypted reasoning with 400.
_DOES_NOT_REASON = re.compile(r"(^|[./])(gpt-3|gpt-4|chatgpt-|gpt-5(\.\d+)?-chat)")
_IGNORED = ("top_k", "frequency_penalty", "presence_penalty", "seed")


def responses_body(
    spec: ChatSpec, draft: Draft, section: OpenAIResponsesSection, tag: str, *, model: str, stream: bool
) -> bytes:
    """The body of a response. Raises RequestInvalid."""
    body = wire.Body(
        model=model,
        input=_input(spec, draft, section, tag),
        store=section.store,
        stream=stream or None,
        include=_included(spec, model, section) or None,
        max_output_tokens=spec.max_output_tokens,
        temperature=spec.temperature,
        top_p=spec.top_p,
        prompt_cache_key=spec.prompt_cache_key or None,
        top_logprobs=spec.top_logprobs or None,
    )
    for name in _IGNORED:
        if getattr(spec, name) is not None:
            draft.ignored(f"chat.{name}", "The provider has no such parameter.")
    if spec.stop_sequences:
        # Ignoring them would let the answer run on past its end.
        raise draft.invalid("chat.stop_sequences", "must be empty: the provider has no such parameter")
    if spec.tools or spec.tool_choice is not None:
        _set_tools(body, spec, draft)
    if spec.response_format is not None:
        body.text = {"format": _format(spec.response_format)}
    if spec.reasoning is not None:
        body.reasoning = _reasoning(spec, draft, section)
    return _with_options(body, spec, draft)


def _input(spec: ChatSpec, draft: Draft, section: OpenAIResponsesSection, tag: str) -> list[Any]:
    conversation = Conversation(
        draft, tag, item_ids=section.item_ids, stored=section.store, breakpoints=section.cache_breakpoints
    )
    for index, message in enumerate(spec.messages):
        conversation.add(message, f"chat.messages[{index}]")
    return conversation.items


def _included(spec: ChatSpec, model: str, section: OpenAIResponsesSection) -> list[str]:
    encrypted = [_ENCRYPTED] if _reasons(model, section) else []
    return encrypted if spec.top_logprobs is None else [*encrypted, _LOGPROBS]


def _reasons(model: str, section: OpenAIResponsesSection) -> bool:
    if section.encrypted_reasoning is not None:
        return section.encrypted_reasoning
    return not _DOES_NOT_REASON.search(model)


def _set_tools(body: wire.Body, spec: ChatSpec, draft: Draft) -> None:
    tools: list[wire.FunctionTool | msgspec.Raw] = []
    for index, tool in enumerate(spec.tools):
        if isinstance(tool, FunctionTool):
            tools.append(_function(tool))
        elif tool.provider in draft.names:
            tools.append(msgspec.Raw(tool.definition.encode()))
        else:
            path = f"chat.tools[{index}].provider_tool"
            draft.ignored(path, "The tool is of another provider and was not offered.")
    choice = spec.tool_choice
    if tools:
        body.tools = tools
        body.parallel_tool_calls = spec.parallel_tool_calls
        body.tool_choice = _tool_choice(choice) if choice is not None else None
    elif choice is not None and choice.mode is ToolChoiceMode.REQUIRED:
        raise draft.invalid("chat.tool_choice.mode", "must not be required when no tool can be offered")


def _function(tool: FunctionTool) -> wire.FunctionTool:
    return wire.FunctionTool(
        name=tool.name,
        parameters=msgspec.Raw(tool.parameters.encode()) if tool.parameters else _NO_PARAMETERS,
        description=tool.description or None,
        strict=tool.strict,
    )


def _tool_choice(choice: ToolChoice) -> str | wire.NamedFunction | wire.AllowedTools:
    names = choice.function_names
    if not names or choice.mode is ToolChoiceMode.NONE:
        return choice.mode.value
    functions = [wire.NamedFunction(name) for name in names]
    if choice.mode is ToolChoiceMode.REQUIRED and len(functions) == 1:
        return functions[0]
    return wire.AllowedTools(choice.mode.value, functions)


def _format(form: JsonObjectFormat | JsonSchemaFormat) -> wire.JsonObject | wire.JsonSchema:
    if isinstance(form, JsonObjectFormat):
        return wire.JsonObject()
    schema = msgspec.Raw(form.schema.encode())
    return wire.JsonSchema(form.name, schema, form.description or None, form.strict)


def _reasoning(spec: ChatSpec, draft: Draft, section: OpenAIResponsesSection) -> dict[str, Any] | None:
    asked = spec.reasoning
    if asked is None:
        return None
    if asked.max_tokens is not None:
        draft.ignored("chat.reasoning.max_tokens", "The provider knows only an effort.")
    members = {"effort": asked.effort.value if asked.effort else None, "summary": section.reasoning_summary}
    return {name: value for name, value in members.items() if value is not None} or None


def _with_options(body: wire.Body, spec: ChatSpec, draft: Draft) -> bytes:
    """The body with the caller's options; those for `reasoning`, `text` and `include` go into what stands there."""
    path, given = draft.options(spec, _FIELD)
    if "store" in given:
        body.store = _stored(given.pop("store"), body, f"{path}.store", draft)
    forbidden = _FORBIDDEN | {"tool_choice"} if body.tool_choice is not None else _FORBIDDEN
    for name in _SHARED:
        if name in given:
            setattr(body, name, _joined(getattr(body, name), given.pop(name), f"{path}.{name}", draft))
    return draft.with_members(wire.encode(body), given, path, forbidden)


def _stored(given: msgspec.Raw, body: wire.Body, path: str, draft: Draft) -> bool | None:
    """Whether the provider keeps the answer. A caller may do without; that it is kept at all, the operator decides."""
    if bytes(given) == b"false":
        return False
    if bytes(given) == b"true" and not body.store:
        raise draft.invalid(path, "must not be true: the provider is not configured to keep answers")
    return body.store


def _joined(own: Any, given: msgspec.Raw, path: str, draft: Draft) -> Any:
    more = msgspec.json.decode(given)
    if path.endswith(".include"):
        if not isinstance(more, list):
            raise draft.invalid(path, "must be a list")
        return [*(own or ()), *(one for one in more if one not in (own or ()))]
    if not isinstance(more, dict):
        raise draft.invalid(path, "must be an object")
    if own and "summary" in more:  # which summary, the configuration says for callers that do not
        own = {name: value for name, value in own.items() if name != "summary"}
    if taken := sorted(more.keys() & (own or {}).keys()):
        raise draft.invalid(path, f"must not hold {taken[0]!r}, which the gateway sets itself")
    return {**(own or {}), **more}
