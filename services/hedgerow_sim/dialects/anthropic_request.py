"""Reads a Messages request, and refuses what Anthropic refuses."""

import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, Literal

import msgspec

from hedgerow_sim.chat import Ask, Said, Tool, heard
from hedgerow_sim.dialects import shape
from hedgerow_sim.dialects.anthropic_blocks import Blocks, Fields, text_of
from hedgerow_sim.dialects.anthropic_errors import misfit, refuse
from hedgerow_sim.seals import Seals

_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_LEAST_BUDGET: Final = 1024
_MOST_BREAKPOINTS: Final = 4
_LEAST_CACHED: Final = 1024
_THOUGHT: Final = 24
_EFFORTS: Final[Mapping[str, int]] = MappingProxyType({"low": 8, "medium": 24, "high": 64, "xhigh": 96, "max": 128})
# Published for tests by Anthropic: a prompt with it gets its reasoning encrypted.
_REDACT: Final = "ANTHROPIC_MAGIC_STRING_TRIGGER_REDACTED_THINKING_"


class _Message(msgspec.Struct, forbid_unknown_fields=True):
    role: Literal["user", "assistant", "system"]
    content: str | list[Fields]


class _ToolChoice(msgspec.Struct, forbid_unknown_fields=True):
    type: Literal["auto", "any", "tool", "none"]
    name: str | None = None
    disable_parallel_tool_use: bool = False


class _Thinking(msgspec.Struct, forbid_unknown_fields=True):
    type: Literal["enabled", "disabled", "adaptive"]
    budget_tokens: int | None = None
    display: Literal["summarized", "omitted"] | None = None


class _Format(msgspec.Struct, forbid_unknown_fields=True):
    type: Literal["json_schema"]
    schema: Fields


class _OutputConfig(msgspec.Struct, forbid_unknown_fields=True):
    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    format: _Format | None = None
    task_budget: Fields | None = None


class _Body(msgspec.Struct, forbid_unknown_fields=True):
    messages: list[_Message]
    model: str = ""
    max_tokens: int | None = None
    system: str | list[Fields] = ""
    stream: bool = False
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop_sequences: list[str] = []
    tools: list[Fields] = []
    tool_choice: _ToolChoice | None = None
    thinking: _Thinking | None = None
    output_config: _OutputConfig | None = None
    output_format: _Format | None = None
    metadata: Fields | None = None
    service_tier: Literal["auto", "standard_only"] | None = None
    cache_control: Fields | None = None
    container: Any = None
    context_management: Any = None
    inference_geo: str | None = None
    mcp_servers: Any = None
    speed: str | None = None
    anthropic_version: str | None = None
    anthropic_beta: list[str] | None = None


class Letter(msgspec.Struct, frozen=True):
    """A request, read."""

    ask: Ask
    """What the author needs."""
    shown: bool
    """Whether the text of the reasoning is shown."""
    redacted: bool
    """Whether the reasoning is encrypted instead of signed."""
    marks: tuple[tuple[bytes, int], ...]
    """Each prefix that is marked for the cache: what it is, and its tokens."""
    hour: bool
    """Whether the cache is to keep it for an hour."""
    version: str | None
    """`anthropic_version` of the body, which platforms other than Anthropic's own want there."""


def read(
    body: bytes, seals: Seals, *, model: str | None = None, stream: bool | None = None, count: bool = False
) -> Letter:
    """Reads a body. Raises Refusal.

    `model` and `stream` come from elsewhere on other platforms; `count` only counts.
    """
    try:
        fields = shape.decode(body, _Body)
        said = list(_said(fields, seals))
    except shape.Misfit as exc:
        raise misfit(exc) from None
    if model is None and not fields.model:
        raise refuse("model: Field required")
    if fields.max_tokens is None and not count:
        raise refuse("max_tokens: Field required")
    _scalars(fields)
    tools = _tools(fields)
    thought = _thought(fields)
    prompt, result, total = heard(said, fields.tools)
    choice = fields.tool_choice
    output = fields.output_format or (fields.output_config.format if fields.output_config else None)
    ask = Ask(
        model=model or fields.model,
        stream=fields.stream if stream is None else stream,
        prompt=prompt,
        input_tokens=total,
        tool_result=result,
        limit=fields.max_tokens,
        stops=tuple(fields.stop_sequences),
        tools=() if choice and choice.type == "none" else tools,
        must_call=_must_call(choice, tools),
        parallel_calls=not (choice and choice.disable_parallel_tool_use),
        schema=output.schema if output else None,
        reasoning_tokens=thought,
        preamble=choice is None or choice.type == "auto",
    )
    return Letter(
        ask,
        shown=not (fields.thinking and fields.thinking.display == "omitted"),
        redacted=_REDACT in prompt,
        marks=tuple(_marks(fields, total)),
        hour=b'"ttl":"1h"' in body.replace(b" ", b""),
        version=fields.anthropic_version,
    )


def check_version(letter: Letter, platform: str) -> None:
    """Refuses a body without the version that a platform wants in it: a date, older ones after the platform's name."""
    if letter.version is None:
        raise refuse("anthropic_version: Field required")
    if not re.fullmatch(rf"(?:{platform}-)?\d{{4}}-\d\d-\d\d", letter.version):
        raise refuse("anthropic_version: Invalid API version")


def _said(fields: _Body, seals: Seals) -> Iterator[Said]:
    if not fields.messages:
        raise refuse("messages: at least one message is required")
    if fields.messages[0].role != "user":
        raise refuse('messages: first message must use the "user" role')
    if fields.system:
        blocks = [fields.system] if isinstance(fields.system, str) else [text_of(one) for one in fields.system]
        yield Said("system", "\n".join(blocks))
    reader = Blocks(seals)
    last = len(fields.messages) - 1
    for index, message in enumerate(fields.messages):
        if not message.content and not (index == last and message.role == "assistant"):
            raise refuse(
                f"messages.{index}: all messages must have non-empty content except for the optional final assistant "
                "message"
            )
        yield reader.message(index, message.role, message.content, last=index == last)
    reader.done(last + 1)
    if fields.thinking is not None and fields.thinking.type == "enabled":
        _begins_with_thinking(fields.messages)


def _begins_with_thinking(messages: Sequence[_Message]) -> None:
    """The calls that the conversation's last results answer have to come with their reasoning."""
    if len(messages) < 2 or not isinstance(messages[-1].content, list) or messages[-2].role != "assistant":
        return
    if not any(one.get("type") == "tool_result" for one in messages[-1].content):
        return
    first = messages[-2].content[0]
    kind = first.get("type") if isinstance(first, dict) else "text"
    if kind not in ("thinking", "redacted_thinking"):
        raise refuse(
            f"messages.{len(messages) - 2}.content.0.type: Expected `thinking` or `redacted_thinking`, but found "
            f"`{kind}`. When `thinking` is enabled, a final `assistant` message must start with a thinking block "
            "(preceeding the lastmost set of `tool_use` and `tool_result` blocks). We recommend you include thinking "
            "blocks from previous turns. To avoid this requirement, disable `thinking`."
        )


def _scalars(fields: _Body) -> None:
    if fields.max_tokens is not None and fields.max_tokens < 1:
        raise refuse("max_tokens: Input should be greater than or equal to 1")
    for name, value in (("temperature", fields.temperature), ("top_p", fields.top_p)):
        if value is not None and not 0 <= value <= 1:
            word = "greater than or equal to 0" if value < 0 else "less than or equal to 1"
            raise refuse(f"{name}: Input should be {word}")
    for index, stop in enumerate(fields.stop_sequences):
        if not stop.strip():
            raise refuse(f"stop_sequences.{index}: each stop sequence must contain non-whitespace")


def _thought(fields: _Body) -> int:
    """Tokens of reasoning."""
    thinking, choice = fields.thinking, fields.tool_choice
    if thinking is None or thinking.type == "disabled":
        return 0
    if fields.temperature not in (None, 1):
        raise refuse("`temperature` may only be set to 1 when thinking is enabled or in adaptive mode.")
    if thinking.type == "adaptive":
        return _EFFORTS[(fields.output_config and fields.output_config.effort) or "medium"]
    if choice is not None and choice.type in ("any", "tool"):
        raise refuse("Thinking may not be enabled when tool_choice forces tool use.")
    if thinking.budget_tokens is None:
        raise refuse("thinking.enabled.budget_tokens: Field required")
    if thinking.budget_tokens < _LEAST_BUDGET:
        raise refuse(f"thinking.enabled.budget_tokens: Input should be greater than or equal to {_LEAST_BUDGET}")
    if fields.max_tokens is not None and fields.max_tokens <= thinking.budget_tokens:
        raise refuse("`max_tokens` must be greater than `thinking.budget_tokens`.")
    return _THOUGHT


def _tools(fields: _Body) -> tuple[Tool, ...]:
    """The functions among the tools; those that Anthropic runs itself are accepted and never called."""
    found: list[Tool] = []
    for index, tool in enumerate(fields.tools):
        if tool.get("type", "custom") != "custom":
            continue
        at = f"tools.{index}.custom"
        name, schema = tool.get("name"), tool.get("input_schema")
        if not isinstance(name, str):
            raise refuse(f"{at}.name: Field required")
        if not _NAME.fullmatch(name):
            raise refuse(f"{at}.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'")
        if not isinstance(schema, dict):
            raise refuse(f"{at}.input_schema: Field required")
        if schema.get("type") != "object":
            raise refuse(f"{at}.input_schema.type: Input should be 'object'")
        found.append(Tool(name, schema))
    if len({tool.name for tool in found}) < len(found):
        raise refuse("tools: Tool names must be unique.")
    return tuple(found)


def _must_call(choice: _ToolChoice | None, tools: Sequence[Tool]) -> str | None:
    if choice is None or choice.type in ("auto", "none"):
        return None
    if choice.type == "any":
        return "*"
    if choice.name not in [tool.name for tool in tools]:
        raise refuse(f"Tool '{choice.name}' not found in provided tools")
    return choice.name


def _marks(fields: _Body, total: int) -> Iterator[tuple[bytes, int]]:
    """The prefixes that end with a `cache_control`, in the order tools, system, messages."""
    parts: list[Fields] = [*fields.tools]
    parts += [] if isinstance(fields.system, str) else fields.system
    for message in fields.messages:
        parts += [{"text": message.content}] if isinstance(message.content, str) else message.content
    if fields.cache_control is not None and parts:
        parts[-1] = parts[-1] | {"cache_control": fields.cache_control}
    marked = [index for index, part in enumerate(parts) if part.get("cache_control")]
    if len(marked) > _MOST_BREAKPOINTS:
        raise refuse(
            f"A maximum of {_MOST_BREAKPOINTS} blocks with cache_control may be provided. Found {len(marked)}."
        )
    bare = [msgspec.json.encode({**part, "cache_control": None}) for part in parts]
    size = sum(map(len, bare))
    for index in marked:
        prefix = b"".join(bare[: index + 1])
        # The share of the prompt, as the parts' tokens are not counted one by one.
        tokens = total * len(prefix) // size
        if tokens >= _LEAST_CACHED:
            yield prefix, tokens
