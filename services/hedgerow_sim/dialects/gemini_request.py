"""Reads a generateContent request, and refuses what Google refuses."""

import binascii
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import msgspec

from hedgerow_sim.chat import Ask, Said, Tool, heard
from hedgerow_sim.dialects import gemini_shape
from hedgerow_sim.dialects.gemini_shape import Content, Generate, GenerationConfig, Part
from hedgerow_sim.dialects.google_errors import FieldRefusal, refuse, spelled
from hedgerow_sim.seals import Seals

TEXT: Final = "gemini text"
CALL: Final = "gemini call"

_NAME: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}")
_THINKERS: Final = ("gemini-2.5", "gemini-3")
_SIGNERS: Final = "gemini-3"
_LEVELS: Final[Mapping[str, int]] = MappingProxyType({"minimal": 4, "low": 8, "medium": 24, "high": 64})
_THOUGHT: Final = 24
# Google's documented stand-ins for calls that no model of theirs made.
_NO_SIGNATURE: Final = ("skip_thought_signature_validator", "context_engineering_is_the_way_to_go")
_SCHEMA: Final = frozenset(
    {
        "type", "format", "title", "description", "nullable", "enum", "maxItems", "minItems", "properties",
        "required", "minProperties", "maxProperties", "minLength", "maxLength", "pattern", "example", "anyOf",
        "propertyOrdering", "default", "items", "minimum", "maximum", "additionalProperties", "max_items",
        "min_items", "min_properties", "max_properties", "min_length", "max_length", "any_of",
        "property_ordering", "defs", "ref", "$defs", "$ref",
    }
)  # fmt: skip


class Letter(msgspec.Struct, frozen=True):
    """A request, read."""

    ask: Ask
    """What the author needs."""
    shown: bool
    """Whether thoughts are shown."""
    prefix: Callable[[], bytes]
    """What the prompt cache knows it by."""
    signs: bool
    """Whether every answer is signed and calls have ids, as with the newest models."""


def read(body: bytes, model: str, seals: Seals, *, stream: bool) -> Letter:
    """Reads a body. Raises Refusal."""
    fields = gemini_shape.read(body, Generate)
    signs = model.startswith(_SIGNERS)
    said = list(_said(fields, seals, signs=signs))
    config = fields.generation_config
    _scalars(config)
    thinking = config.thinking_config
    tools = tuple(_tools(fields))
    calling = fields.tool_config.function_calling_config
    mode = calling.mode.upper()
    if allowed := calling.allowed_function_names:
        if mode not in ("ANY", "VALIDATED"):
            raise refuse("Function calling config is set without function_declarations or with a mode other than ANY.")
        tools = tuple(tool for tool in tools if tool.name in allowed)
    prompt, result, total = heard(said, [msgspec.to_builtins(one) for one in fields.tools])
    ask = Ask(
        model=model,
        stream=stream,
        prompt=prompt,
        input_tokens=total,
        tool_result=result,
        limit=config.max_output_tokens,
        stops=tuple(config.stop_sequences),
        choices=config.candidate_count,
        tools=() if mode == "NONE" else tools,
        must_call="*" if mode == "ANY" and tools else None,
        schema=_answer_schema(config),
        reasoning_tokens=_thought(model, config),
    )
    return Letter(
        ask,
        bool(thinking and thinking.include_thoughts),
        lambda: msgspec.json.encode([model, fields.system_instruction, fields.tools, fields.contents]),
        signs,
    )


def _scalars(config: GenerationConfig) -> None:
    if config.temperature is not None and not 0 <= config.temperature <= 2:
        raise refuse(
            "* GenerateContentRequest.generation_config.temperature: temperature must be in the range [0.0, 2.0].\n"
        )
    if config.top_p is not None and not 0 <= config.top_p <= 1:
        raise refuse("* GenerateContentRequest.generation_config.top_p: top_p must be in the range [0.0, 1.0].\n")
    if config.max_output_tokens is not None and config.max_output_tokens < 1:
        raise refuse(
            "* GenerateContentRequest.generation_config.max_output_tokens: max_output_tokens must be positive.\n"
        )
    if not 1 <= config.candidate_count <= 8:
        raise refuse("Only one candidate can be specified: candidate_count must be between 1 and 8.")
    if len(config.stop_sequences) > 5:
        raise refuse(
            "* GenerateContentRequest.generation_config.stop_sequences: at most 5 stop sequences are allowed.\n"
        )


def _said(fields: Generate, seals: Seals, *, signs: bool) -> Iterator[Said]:
    if not fields.contents:
        raise refuse("* GenerateContentRequest.contents: contents is not specified\n")
    if fields.system_instruction is not None:
        yield Said("system", "\n".join(part.text or "" for part in fields.system_instruction.parts))
    waiting = 0
    asked = max((index for index, one in enumerate(fields.contents) if _asks(one)), default=0)
    for index, content in enumerate(fields.contents):
        responses = sum(part.function_response is not None for part in content.parts)
        if waiting != responses and (waiting or not index):
            raise refuse(
                "Please ensure that the number of function response parts is equal to the number of function call "
                "parts of the function call turn."
            )
        if responses > waiting:
            raise refuse("Please ensure that function response turn comes immediately after a function call turn.")
        waiting = sum(part.function_call is not None for part in content.parts)
        if waiting and index == 0:
            raise refuse(
                "Please ensure that function call turn comes immediately after a user turn or after a function "
                "response turn."
            )
        yield _turn(index, content, seals, signed=signs and index > asked)
    if waiting:
        raise refuse("Please ensure that single turn requests end with a user role or function response role.")


def _asks(content: Content) -> bool:
    """Whether a turn is the user's own, not a result: signatures are needed for calls after the last one."""
    return content.role != "model" and any(part.function_response is None for part in content.parts)


def _turn(index: int, content: Content, seals: Seals, *, signed: bool) -> Said:
    if content.role not in ("user", "model", "function"):
        raise refuse("Please use a valid role: user, model.")
    if not content.parts:
        raise refuse(f"* GenerateContentRequest.contents[{index}].parts: contents.parts must not be empty.\n")
    first = True
    for number, part in enumerate(content.parts):
        at = ("contents", index, "parts", number)
        if part.empty and part.thought_signature is None:
            where = f"GenerateContentRequest.{spelled(at)}.data"
            raise refuse(f"* {where}: required oneof field 'data' must have one initialized field\n")
        _signed(at, part, seals)
        if part.function_call is not None:
            if signed and first and part.thought_signature is None:
                raise refuse(
                    "Function call is missing a thought_signature in functionCall parts. This is required for tools to "
                    "work correctly, and missing thought_signature may lead to degraded model performance. Additional "
                    f"data, function call `default_api:{part.function_call.name}` , position {index + 1}. Please refer "
                    "to https://ai.google.dev/gemini-api/docs/thought-signatures for more details."
                )
            first = False
    results = [part.function_response for part in content.parts if part.function_response is not None]
    texts = [part.text or "" for part in content.parts if part.text and not part.thought]
    texts += [_result(one.response) for one in results]
    calls = [part.function_call for part in content.parts if part.function_call is not None]
    hidden = " ".join(call.name + msgspec.json.encode(call.args).decode() for call in calls)
    role = "tool" if results else "assistant" if content.role == "model" else "user"
    return Said(role, "\n".join(texts), hidden, sum(part.media for part in content.parts))  # type: ignore[arg-type]


def _result(response: Mapping[str, Any]) -> str:
    """A result as text: what the documented keys hold, else all of it."""
    for key in ("output", "result", "content", "error"):
        if isinstance(value := response.get(key), str):
            return value
    return msgspec.json.encode(response).decode()


def _signed(at: Sequence[str | int], part: Part, seals: Seals) -> None:
    given = part.thought_signature
    if given is None or given in _NO_SIGNATURE:
        return
    try:
        seal = binascii.a2b_base64(given.replace("-", "+").replace("_", "/"))
    except binascii.Error:
        field = spelled((*at, "thought_signature"))
        raise FieldRefusal(
            field, f"Invalid value at '{field}' (TYPE_BYTES), Base64 decoding failed for \"{given}\""
        ) from None
    if seal in tuple(one.encode() for one in _NO_SIGNATURE):
        return
    call = part.function_call
    if not (seals.fit(seal, CALL, call.name) if call is not None else seals.fit(seal, TEXT, "")):
        raise refuse("Thought signature is not valid.")


def _tools(fields: Generate) -> Iterator[Tool]:
    seen: set[str] = set()
    for index, tool in enumerate(fields.tools):
        for number, one in enumerate(tool.function_declarations):
            at = ("tools", index, "function_declarations", number)
            if not _NAME.fullmatch(one.name):
                raise refuse(
                    f"* GenerateContentRequest.{spelled(at)}.name: Invalid function name. Must start with a letter or "
                    "an underscore. Must be alphameric (a-z, A-Z, 0-9), underscores (_), dots (.), colons (:), or "
                    "dashes (-), with a maximum length of 64.\n"
                )
            if one.name in seen:
                raise refuse(f"Duplicate function declaration found: {one.name}")
            seen.add(one.name)
            if one.parameters is not None and one.parameters_json_schema is not None:
                raise refuse(
                    f"* GenerateContentRequest.{spelled(at)}: parameters and parameters_json_schema are exclusive.\n"
                )
            yield Tool(one.name, one.parameters_json_schema or _schema(one.parameters, *at, "parameters"))


def _answer_schema(config: GenerationConfig) -> Any:
    at = ("generation_config", "response_schema")
    schema = config.response_json_schema or _schema(config.response_schema, *at)
    if config.response_mime_type == "application/json":
        return schema or {"type": "object", "properties": {"answer": {"type": "string"}}}
    if schema is not None:
        raise refuse(
            "* GenerateContentRequest.generation_config.response_mime_type: only application/json is supported with "
            "response_schema.\n"
        )
    return None


def _schema(schema: Any, *at: str | int) -> Any:
    """Google's kind of schema as a JSON Schema: types in lower case, and no word that the proto does not have."""
    if not isinstance(schema, dict):
        return schema
    for name in schema:
        if name not in _SCHEMA:
            field = spelled(at)
            message = f"Invalid JSON payload received. Unknown name \"{name}\" at '{field}': Cannot find field."
            raise FieldRefusal(field, message)
    made = dict(schema)
    if isinstance(kind := schema.get("type"), str):
        made["type"] = kind.lower()
    for name in ("properties", "defs", "$defs"):
        if isinstance(inner := schema.get(name), dict):
            made[name] = {key: _schema(one, *at, name, key) for key, one in inner.items()}
    if "items" in schema:
        made["items"] = _schema(schema["items"], *at, "items")
    for name in ("anyOf", "any_of"):
        if isinstance(choices := schema.get(name), list):
            made["anyOf"] = [_schema(one, *at, name, index) for index, one in enumerate(choices)]
    return made


def _thought(model: str, config: GenerationConfig) -> int:
    """Tokens of thoughts: newer models think unless told not to."""
    thinking = config.thinking_config
    if thinking is None:
        return _THOUGHT if model.startswith(_THINKERS) else 0
    if thinking.thinking_level is not None:
        if thinking.thinking_budget is not None:
            raise refuse("You can only set only one of thinking budget and thinking level.")
        return _LEVELS[thinking.thinking_level.lower()]
    if thinking.thinking_budget is not None and thinking.thinking_budget < -1:
        raise refuse(
            f"The thinking budget {thinking.thinking_budget} is invalid. Please choose a value between -1 and 24576."
        )
    budget = -1 if thinking.thinking_budget is None else thinking.thinking_budget
    return _THOUGHT if budget < 0 else min(budget, _THOUGHT)
