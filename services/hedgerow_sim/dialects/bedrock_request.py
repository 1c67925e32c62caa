"""Reads a Converse request, and refuses what Bedrock refuses."""

import binascii
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, Literal

import msgspec

from hedgerow_sim.chat import Ask, Said, Tool, heard
from hedgerow_sim.dialects import shape
from hedgerow_sim.dialects.bedrock_errors import misfit, refuse
from hedgerow_sim.seals import Seals

THINKING: Final = "bedrock thinking"

_THOUGHT: Final = 24
_EFFORTS: Final[Mapping[str, int]] = MappingProxyType({"low": 8, "medium": 24, "high": 64, "max": 128})
_LEAST_CACHED: Final = 1024
_DATA: Final = (
    "text", "image", "document", "video", "audio", "toolUse", "toolResult", "guardContent", "cachePoint",
    "reasoningContent", "citationsContent", "searchResult",
)  # fmt: skip
_MODEL_ERRORS: Final = "The model returned the following errors: "

Fields = dict[str, Any]


class _Form(msgspec.Struct, rename="camel"):
    pass


class _Message(_Form):
    role: Literal["user", "assistant"]
    content: list[Fields]


class _Inference(_Form):
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop_sequences: list[str] | None = None


class _Spec(_Form):
    name: str
    input_schema: Fields
    description: str | None = None
    strict: bool | None = None


class _Tool(_Form):
    tool_spec: _Spec | None = None
    cache_point: Fields | None = None
    system_tool: Fields | None = None


class _Tools(_Form):
    tools: list[_Tool]
    tool_choice: Fields | None = None


class _Body(_Form):
    messages: list[_Message] = []
    system: list[Fields] | None = None
    inference_config: _Inference | None = None
    tool_config: _Tools | None = None
    additional_model_request_fields: Fields | None = None
    output_config: Fields | None = None


class Letter(msgspec.Struct, frozen=True):
    """A request, read."""

    ask: Ask
    """What the author needs."""
    marks: tuple[tuple[bytes, int], ...]
    """Prefixes that end with a cache point, with their tokens."""


def read(body: bytes, model: str, seals: Seals, *, stream: bool) -> Letter:
    """Reads a body. Raises Refusal."""
    try:
        fields = shape.decode(body, _Body)
    except shape.Misfit as exc:
        raise misfit(exc) from None
    said = list(_said(fields, seals))
    inference = fields.inference_config or _Inference()
    _scalars(inference)
    config = fields.tool_config
    tools = tuple(_tools(config.tools)) if config else ()
    prompt, result, total = heard(said, msgspec.to_builtins(config.tools) if config else None)
    ask = Ask(
        model=model,
        stream=stream,
        prompt=prompt,
        input_tokens=total,
        tool_result=result,
        limit=inference.max_tokens,
        stops=tuple(inference.stop_sequences or ()),
        tools=tools,
        must_call=_must_call(config, tools),
        schema=_schema(fields.output_config or {}),
        reasoning_tokens=_thought(fields.additional_model_request_fields or {}, inference),
        preamble=config is not None and not (config.tool_choice or {}).keys() & {"any", "tool"},
    )
    return Letter(ask, tuple(_marks(fields, total)))


def _scalars(inference: _Inference) -> None:
    at = (
        "1 validation error detected: Value '{}' at 'inferenceConfig.{}' failed to satisfy constraint: "
        "Member must have value "
    )
    if inference.max_tokens is not None and inference.max_tokens < 1:
        raise refuse(at.format(inference.max_tokens, "maxTokens") + "greater than or equal to 1")
    for name, value in (("temperature", inference.temperature), ("topP", inference.top_p)):
        if value is not None and not 0 <= value <= 1:
            bound = "greater than or equal to 0" if value < 0 else "less than or equal to 1"
            raise refuse(at.format(value, name) + bound)


def _said(fields: _Body, seals: Seals) -> Iterator[Said]:
    if not fields.messages or fields.messages[0].role != "user":
        raise refuse(
            "A conversation must start with a user message. Try again with a conversation that starts with a user "
            "message."
        )
    if fields.system:
        yield Said("system", "\n".join(_text(block) for block in fields.system))
    waiting: list[str] = []
    for index, message in enumerate(fields.messages):
        if not message.content:
            raise refuse(f"The content field in the Message object at messages.{index} is empty.")
        blocks = [_Block(f"messages.{index}.content.{at}", one, seals) for at, one in enumerate(message.content)]
        given = [block.result_id for block in blocks if block.result_id is not None]
        # Tools that the provider runs are answered where they are called.
        _paired(index, waiting, given if message.role == "user" else [])
        waiting = [block.call_id for block in blocks if block.call_id is not None and block.call_id not in given]
        results = message.role == "user" and bool(given)
        if fields.tool_config is None and (waiting or results):
            raise refuse("The toolConfig field must be defined when using toolUse and toolResult content blocks.")
        yield Said(
            "tool" if results else message.role,
            "\n".join(filter(None, (block.text for block in blocks))),
            " ".join(block.hidden for block in blocks),
            sum(block.attached for block in blocks),
        )
    _paired(len(fields.messages), waiting, [])


def _paired(index: int, waiting: Sequence[str], given: Sequence[str]) -> None:
    if left := [one for one in waiting if one not in given]:
        raise refuse(f"Expected toolResult blocks at messages.{index}.content for the following Ids: {', '.join(left)}")
    if len(given) > len(waiting):
        raise refuse(
            f"The number of toolResult blocks at messages.{index}.content exceeds the number of toolUse blocks of "
            "previous turn."
        )


class _Block:
    """One content block, read."""

    def __init__(self, at: str, block: Fields, seals: Seals) -> None:
        kinds = [name for name in block if block[name] is not None and name in _DATA]
        if len(kinds) != 1:
            raise refuse(f"The ContentBlock object at {at} must set one of the following keys: {', '.join(_DATA)}.")
        self.kind = kinds[0]
        self.text = self.hidden = ""
        self.call_id: str | None = None
        self.result_id: str | None = None
        self.attached = self.kind in ("image", "document", "video", "audio")
        value = block[self.kind]
        match self.kind:
            case "text":
                self.text = _text(block)
                if not self.text.strip():
                    raise refuse(
                        f"The text field in the ContentBlock object at {at} is blank. Add text to the text field, and "
                        "try again."
                    )
            case "toolUse":
                self.call_id = _needed(f"{at}.toolUse", value, "toolUseId")
                if not isinstance(value.get("input"), dict):
                    raise refuse(
                        f"The format of the value at {at}.toolUse.input is invalid. Provide a json object for the "
                        "field and try again."
                    )
                self.hidden = _needed(f"{at}.toolUse", value, "name") + msgspec.json.encode(value["input"]).decode()
            case "toolResult":
                self.result_id = _needed(f"{at}.toolResult", value, "toolUseId")
                self.text = "\n".join(_result(one) for one in value.get("content") or ())
            case "reasoningContent":
                self.hidden = _reasoning(at, value, seals)


def _needed(at: str, value: Fields, name: str) -> str:
    if not isinstance(found := value.get(name), str):
        raise refuse(
            f"1 validation error detected: Value at '{at}.{name}' failed to satisfy constraint: Member must not be null"
        )
    return found


def _text(block: Fields) -> str:
    text = block.get("text")
    return text if isinstance(text, str) else ""


def _result(block: Fields) -> str:
    return msgspec.json.encode(block["json"]).decode() if "json" in block else _text(block)


def _reasoning(at: str, value: Fields, seals: Seals) -> str:
    """The text of reasoning sent back, whose signature has to be the one it was given with."""
    if "redactedContent" in value:
        return ""
    told = value.get("reasoningText") or {}
    given = told.get("signature")
    if not isinstance(given, str):
        raise refuse(f"{_MODEL_ERRORS}{at}.thinking.signature: Field required")
    try:
        seal = binascii.a2b_base64(given, strict_mode=True)
    except (binascii.Error, ValueError):
        seal = b""
    text = _text(told)
    if not seals.fit(seal, THINKING, text):
        raise refuse(f"{_MODEL_ERRORS}{at}: Invalid `signature` in `thinking` block")
    return text


def _tools(tools: Sequence[_Tool]) -> Iterator[Tool]:
    seen: set[str] = set()
    for index, tool in enumerate(tools):
        if (spec := tool.tool_spec) is None:
            continue
        if spec.name in seen:
            raise refuse(f"The tool name {spec.name} is already defined at toolConfig.tools.{index}.")
        seen.add(spec.name)
        schema = spec.input_schema.get("json")
        if not isinstance(schema, dict) or schema.get("type") != "object":
            raise refuse(
                f"The value at toolConfig.tools.{index}.toolSpec.inputSchema.json.type must be one of the following: "
                "object."
            )
        yield Tool(spec.name, schema)


def _must_call(config: _Tools | None, tools: Sequence[Tool]) -> str | None:
    choice = (config.tool_choice if config else None) or {}
    if "any" in choice:
        return "*"
    if "tool" not in choice:
        return None
    name = (choice["tool"] or {}).get("name")
    if name not in [tool.name for tool in tools]:
        raise refuse(f"The tool name {name} at toolConfig.toolChoice.tool.name is not defined in toolConfig.tools.")
    return str(name)


def _schema(config: Fields) -> Any:
    """The schema of the answer, which stands in the request as a string of JSON."""
    structure = (config.get("textFormat") or {}).get("structure") or {}
    written = (structure.get("jsonSchema") or {}).get("schema")
    if written is None:
        return None
    try:
        return msgspec.json.decode(written)
    except (msgspec.DecodeError, TypeError):
        raise refuse("The schema at outputConfig.textFormat.structure.jsonSchema.schema is not valid JSON.") from None


def _thought(extra: Fields, inference: _Inference) -> int:
    """Tokens of reasoning, asked for in Anthropic's own fields."""
    thinking = extra.get("thinking") or extra.get("reasoning_config")
    if not isinstance(thinking, dict) or thinking.get("type") not in ("enabled", "adaptive"):
        return 0
    if thinking["type"] == "adaptive":
        effort = (extra.get("output_config") or {}).get("effort", "medium")
        return _EFFORTS.get(effort, _THOUGHT)
    budget = thinking.get("budget_tokens")
    if not isinstance(budget, int) or budget < 1024:
        raise refuse(f"{_MODEL_ERRORS}thinking.enabled.budget_tokens: Input should be greater than or equal to 1024")
    if inference.max_tokens is not None and inference.max_tokens <= budget:
        raise refuse(f"{_MODEL_ERRORS}`max_tokens` must be greater than `thinking.budget_tokens`.")
    return _THOUGHT


def _marks(fields: _Body, total: int) -> Iterator[tuple[bytes, int]]:
    """The prefixes before each cache point, in the order tools, system, messages."""
    parts: list[Any] = [msgspec.to_builtins(one) for one in fields.tool_config.tools] if fields.tool_config else []
    parts += fields.system or []
    for message in fields.messages:
        parts += message.content
    bare = [b"" if part.get("cachePoint") else msgspec.json.encode(part) for part in parts]
    size = sum(map(len, bare))
    for index, part in enumerate(parts):
        prefix = b"".join(bare[:index])
        tokens = total * len(prefix) // (size or 1)
        if part.get("cachePoint") and tokens >= _LEAST_CACHED:
            yield prefix, tokens
