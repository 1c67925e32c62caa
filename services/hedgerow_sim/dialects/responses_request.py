"""Reads a Responses request, and refuses what OpenAI refuses."""

import binascii
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

from hedgerow_sim.chat import Ask, Said, Tool, heard
from hedgerow_sim.dialects import openai_checks as checks
from hedgerow_sim.dialects.openai_chat_request import EFFORTS
from hedgerow_sim.dialects.openai_checks import Fields
from hedgerow_sim.seals import Seals

REASONING: Final = "responses reasoning"
ENCRYPTED: Final = "gAAAAAB"
"""What encrypted content begins with."""

_PARAMETERS: Final = frozenset(
    {
        "background", "context_management", "conversation", "include", "input", "instructions",
        "max_output_tokens", "max_tool_calls", "metadata", "model", "moderation", "parallel_tool_calls",
        "previous_response_id", "prompt", "prompt_cache_key", "prompt_cache_options",
        "prompt_cache_retention", "reasoning", "safety_identifier", "service_tier", "store", "stream",
        "stream_options", "temperature", "text", "tool_choice", "tools", "top_logprobs", "top_p",
        "truncation", "user",
    }
)  # fmt: skip
_ROLES: Final = ("assistant", "system", "developer", "user")
_PARTS: Final = ("input_text", "input_image", "input_file", "input_audio", "output_text", "refusal", "summary_text")
_LEAST_TOKENS: Final = 16


class Letter(msgspec.Struct, frozen=True):
    """A request, read."""

    ask: Ask
    """What the author needs."""
    fields: Fields
    """The body, for what the answer repeats."""
    items: list[Any]
    """The conversation, that of the previous response included."""
    summary: bool
    """Whether the reasoning is summed up."""
    encrypted: bool
    """Whether the reasoning is given back encrypted."""
    prefix: Callable[[], bytes]
    """What the prompt cache knows it by."""


def read(fields: Fields, before: Sequence[Any], seals: Seals) -> Letter:
    """Reads a decoded body that goes on after the items of another response. Raises Refusal."""
    for name in fields:
        if name not in _PARAMETERS:
            raise checks.refuse(f"Unknown parameter: '{name}'.", name, "unknown_parameter")
    items = [*before, *_input(fields)]
    said = [Said("system", fields["instructions"])] if isinstance(fields.get("instructions"), str) else []
    said += _Items(seals).said(items)
    prompt, result, total = heard(said, fields.get("tools"))
    checks.number(fields, "temperature", 0, 2)
    checks.number(fields, "top_p", 0, 1)
    choice = fields.get("tool_choice")
    tools = tuple(_tools(fields))
    reasoning = _object(fields, "reasoning")
    ask = Ask(
        model=fields["model"],
        stream=checks.flag(fields, "stream") or False,
        prompt=prompt,
        input_tokens=total,
        tool_result=result,
        limit=checks.whole(fields, "max_output_tokens", _LEAST_TOKENS),
        tools=_allowed(choice, tools),
        must_call=_must_call(choice, tools),
        parallel_calls=checks.flag(fields, "parallel_tool_calls") is not False,
        schema=_schema(fields),
        reasoning_tokens=_thought(reasoning),
    )
    include = fields.get("include") or []
    return Letter(
        ask,
        fields,
        items,
        summary=bool((reasoning or {}).get("summary")),
        encrypted="reasoning.encrypted_content" in include,
        prefix=lambda: msgspec.json.encode([ask.model, fields.get("instructions"), fields.get("tools"), items]),
    )


def _object(fields: Fields, name: str) -> Fields | None:
    value = fields.get(name)
    if value is not None and not isinstance(value, dict):
        raise checks.wrong_type(name, "an object", value)
    return value


def _input(fields: Fields) -> list[Any]:
    given = fields.get("input")
    if given is None:
        raise checks.missing("input")
    if isinstance(given, str):
        return [{"role": "user", "content": given}]
    if not isinstance(given, list):
        raise checks.wrong_type("input", "one of a string or array of items", given)
    for index, item in enumerate(given):
        if not isinstance(item, dict):
            raise checks.wrong_type(f"input[{index}]", "an object", item)
    return given


class _Items:
    """Reads the items of a conversation: calls, outputs and reasoning have to go together."""

    def __init__(self, seals: Seals) -> None:
        self._seals = seals
        self._waiting: dict[str, None] = {}
        self._called: set[str] = set()

    def said(self, items: Sequence[Fields]) -> Iterator[Said]:
        for index, item in enumerate(items):
            if (one := self._item(f"input[{index}]", item, items[index + 1 :])) is not None:
                yield one
        if self._waiting:
            raise checks.refuse(f"No tool output found for function call {next(iter(self._waiting))}.", "input")

    def _item(self, at: str, item: Fields, rest: Sequence[Fields]) -> Said | None:
        match item.get("type", "message" if "role" in item else None):
            case "message":
                return _message(at, item)
            case "function_call":
                for name in ("call_id", "name", "arguments"):
                    if not isinstance(item.get(name), str):
                        raise checks.missing(f"{at}.{name}")
                self._waiting[item["call_id"]] = None
                self._called.add(item["call_id"])
                return Said("assistant", hidden=item["name"] + item["arguments"])
            case "function_call_output":
                return self._output(at, item)
            case "reasoning":
                return self._reasoning(item, rest)
            case None:
                raise checks.missing(f"{at}.type")
        # Calls of other kinds may be answered as functions are, but need not.
        if isinstance(call := item.get("call_id"), str):
            self._called.add(call)
        return None

    def _output(self, at: str, item: Fields) -> Said:
        if not isinstance(call := item.get("call_id"), str):
            raise checks.missing(f"{at}.call_id")
        if item.get("output") is None:
            raise checks.missing(f"{at}.output")
        if call not in self._called:
            raise checks.refuse(f"No tool call found for function call output with call_id {call}.", "input")
        self._waiting.pop(call, None)
        return Said("tool", _text(f"{at}.output", item["output"]))

    def _reasoning(self, item: Fields, rest: Sequence[Fields]) -> Said:
        name = item.get("id")
        if (encrypted := item.get("encrypted_content")) is not None and not self._decrypts(encrypted):
            raise checks.refuse(
                f"The encrypted content for item {name} could not be verified. Reason: Encrypted content could not be "
                "decrypted or parsed.",
                code="invalid_encrypted_content",
            )
        if not rest or rest[0].get("role", "assistant") != "assistant":
            raise checks.refuse(
                f"Item '{name}' of type 'reasoning' was provided without its required following item.", "input"
            )
        return Said("assistant", hidden=_text("summary", item.get("summary") or []))

    def _decrypts(self, encrypted: Any) -> bool:
        if not isinstance(encrypted, str) or not encrypted.startswith(ENCRYPTED):
            return False
        try:
            seal = binascii.a2b_base64(encrypted.removeprefix(ENCRYPTED).replace("-", "+").replace("_", "/"))
        except binascii.Error:
            return False
        return self._seals.fit(seal, REASONING, "")


def _message(at: str, item: Fields) -> Said:
    role = item.get("role")
    if role not in _ROLES:
        raise checks.unsupported(f"{at}.role", role, _ROLES)
    if item.get("content") is None:
        raise checks.missing(f"{at}.content")
    content = item["content"]
    attachments = 0
    if isinstance(content, list):
        for number, part in enumerate(content):
            kind = part.get("type") if isinstance(part, dict) else None
            if kind not in _PARTS:
                raise checks.unsupported(f"{at}.content[{number}].type", kind, _PARTS)
            spoken = "output_text" if role == "assistant" else "input_text"
            if kind in ("input_text", "output_text") and kind != spoken:
                raise checks.unsupported(f"{at}.content[{number}].type", kind, (spoken, "refusal"))
            attachments += kind in ("input_image", "input_file", "input_audio")
    known: Literal["system", "assistant", "user"] = "system" if role == "developer" else role
    return Said(known, _text(f"{at}.content", content), attachments=attachments)


def _text(at: str, content: Any) -> str:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise checks.wrong_type(at, "one of a string or array of content parts", content)
    return "\n".join(str(part["text"]) for part in content if isinstance(part, dict) and "text" in part)


def _tools(fields: Fields) -> Iterator[Tool]:
    """The functions; tools that OpenAI runs itself are accepted and never called."""
    tools = fields.get("tools") or []
    if not isinstance(tools, list):
        raise checks.wrong_type("tools", "an array of objects", tools)
    for index, tool in enumerate(tools):
        if not isinstance(tool, dict):
            raise checks.wrong_type(f"tools[{index}]", "an object", tool)
        if tool.get("type") is None:
            raise checks.missing(f"tools[{index}].type")
        if tool["type"] != "function":
            continue
        if not isinstance(tool.get("name"), str):
            raise checks.missing(f"tools[{index}].name")
        yield Tool(tool["name"], tool.get("parameters"))


def _allowed(choice: Any, tools: tuple[Tool, ...]) -> tuple[Tool, ...]:
    if choice == "none":
        return ()
    if isinstance(choice, dict) and choice.get("type") == "allowed_tools":
        names = [one.get("name") for one in choice.get("tools") or ()]
        return tuple(tool for tool in tools if tool.name in names)
    return tools


def _must_call(choice: Any, tools: Sequence[Tool]) -> str | None:
    if isinstance(choice, str):
        if choice not in ("none", "auto", "required"):
            raise checks.unsupported("tool_choice", choice, ("none", "auto", "required"))
        return "*" if choice == "required" else None
    if not isinstance(choice, dict):
        return None
    if choice.get("type") == "allowed_tools":
        return "*" if choice.get("mode") == "required" else None
    if choice.get("type") != "function":
        return None
    if choice.get("name") not in [tool.name for tool in tools]:
        raise checks.refuse(
            f"Tool choice 'function' not found in 'tools' parameter: {choice.get('name')}.", "tool_choice"
        )
    return str(choice["name"])


def _schema(fields: Fields) -> Any:
    wanted = (_object(fields, "text") or {}).get("format")
    if not isinstance(wanted, Mapping) or wanted.get("type") == "text":
        return None
    match wanted.get("type"):
        case "json_object":
            return {"type": "object", "properties": {"answer": {"type": "string"}}}
        case "json_schema":
            for name in ("name", "schema"):
                if wanted.get(name) is None:
                    raise checks.missing(f"text.format.{name}")
            return wanted["schema"]
    raise checks.unsupported("text.format.type", wanted.get("type"), ("json_object", "json_schema", "text"))


def _thought(reasoning: Fields | None) -> int:
    if reasoning is None:
        return 0
    effort = reasoning.get("effort") or "medium"
    if effort not in EFFORTS:
        raise checks.unsupported("reasoning.effort", effort, tuple(EFFORTS))
    return EFFORTS[effort]
