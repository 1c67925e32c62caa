"""Reads a Chat Completions request, and refuses what OpenAI refuses."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import msgspec

from hedgerow_sim import tokens
from hedgerow_sim.chat import Ask, Tool
from hedgerow_sim.dialects import openai_checks as checks
from hedgerow_sim.dialects.openai_checks import Fields

_ROLES: Final = ("system", "assistant", "user", "function", "tool", "developer")
_PARTS: Final = ("text", "image_url", "input_audio", "refusal", "audio", "file")
_MOST_MESSAGES: Final = 2048
_MOST_STOPS: Final = 4
_MOST_TOOLS: Final = 128

EFFORTS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "none": 0,
        "minimal": 8,
        "low": 24,
        "medium": 64,
        "high": 192,
        "xhigh": 384,
    }
)
"""Reasoning tokens of each effort."""


def read(fields: Fields) -> tuple[Ask, bool]:
    """A decoded request, and whether its stream ends with the usage. Raises Refusal."""
    messages = _messages(fields)
    _scalars(fields)
    stream = checks.flag(fields, "stream") or False
    include_usage = _include_usage(fields, stream=stream)
    tools = _tools(fields)
    limit = checks.whole(fields, "max_completion_tokens", 1) or checks.whole(fields, "max_tokens", 1)
    must_call = _must_call(fields, tools)
    ask = Ask(
        model=fields["model"],
        stream=stream,
        prompt=next((_text(one) for one in reversed(messages) if one["role"] == "user"), ""),
        input_tokens=_input_tokens(messages, fields.get("tools")),
        tool_result=_text(messages[-1]) if messages[-1]["role"] in ("tool", "function") else None,
        limit=limit,
        stops=_stops(fields),
        choices=checks.whole(fields, "n", 1, 128) or 1,
        tools=() if fields.get("tool_choice") == "none" else tools,
        must_call=must_call,
        parallel_calls=checks.flag(fields, "parallel_tool_calls") is not False,
        schema=_schema(fields),
        reasoning_tokens=_reasoning(fields),
    )
    return ask, include_usage


def prefix(fields: Fields) -> bytes:
    """What the prompt cache knows a request by."""
    return msgspec.json.encode([fields["model"], fields.get("tools"), fields["messages"]])


def _scalars(fields: Fields) -> None:
    checks.number(fields, "temperature", 0, 2)
    checks.number(fields, "top_p", 0, 1)
    checks.number(fields, "frequency_penalty", -2, 2)
    checks.number(fields, "presence_penalty", -2, 2)
    checks.whole(fields, "seed")


def top_logprobs(fields: Fields) -> int | None:
    """How many of the likeliest tokens are wanted at each place, None for no log probabilities. Raises Refusal."""
    wanted = checks.flag(fields, "logprobs")
    top = checks.whole(fields, "top_logprobs", 0, 20)
    if not wanted and top is not None:
        raise checks.refuse("The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled.", "top_logprobs")
    return (top or 0) if wanted else None


def _messages(fields: Fields) -> list[Fields]:
    messages = fields.get("messages")
    if messages is None:
        raise checks.missing("messages")
    if not isinstance(messages, list):
        raise checks.wrong_type("messages", "an array of objects", messages)
    checks.bounded("messages", messages, _MOST_MESSAGES)
    for index, message in enumerate(messages):
        _message(f"messages[{index}]", message)
    _tool_results(messages)
    return messages


def _message(param: str, message: Any) -> None:
    if not isinstance(message, dict):
        raise checks.wrong_type(param, "an object", message)
    role = message.get("role")
    if role is None:
        raise checks.missing(f"{param}.role")
    if role not in _ROLES:
        raise checks.unsupported(f"{param}.role", role, _ROLES)
    content = message.get("content")
    if isinstance(content, list):
        for number, part in enumerate(content):
            _part(f"{param}.content[{number}]", part)
    elif content is None:
        if role != "assistant" or not (message.get("tool_calls") or message.get("function_call")):
            raise checks.refuse(
                "Invalid value for 'content': expected a string, got null.", f"{param}.content", "invalid_type"
            )
    elif not isinstance(content, str):
        raise checks.wrong_type(f"{param}.content", "one of a string or array of objects", content)
    if message.get("tool_calls") is not None:
        _calls(f"{param}.tool_calls", message["tool_calls"])


def _part(param: str, part: Any) -> None:
    if not isinstance(part, dict):
        raise checks.wrong_type(param, "an object", part)
    if part.get("type") not in _PARTS:
        raise checks.unsupported(f"{param}.type", part.get("type"), _PARTS)
    if part["type"] == "text" and not isinstance(part.get("text"), str):
        raise checks.wrong_type(f"{param}.text", "a string", part.get("text"))


def _calls(param: str, calls: Any) -> None:
    if not isinstance(calls, list):
        raise checks.wrong_type(param, "an array of objects", calls)
    checks.bounded(param, calls, _MOST_TOOLS)
    for index, call in enumerate(calls):
        at = f"{param}[{index}]"
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict):
            raise checks.missing(f"{at}.function")
        for where, owner, name in ((at, call, "id"), (f"{at}.function", function, "name")):
            if not isinstance(owner.get(name), str):
                raise checks.wrong_type(f"{where}.{name}", "a string", owner.get(name))
        if not isinstance(function.get("arguments"), str):
            raise checks.wrong_type(f"{at}.function.arguments", "a string", function.get("arguments"))


def _tool_results(messages: Sequence[Fields]) -> None:
    """Each call has to be answered by the tool messages right after it, and by nothing else."""
    waiting: list[str] = []
    for index, message in enumerate(messages):
        if message["role"] == "tool":
            if message.get("tool_call_id") not in waiting:
                raise checks.refuse(
                    "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with "
                    "'tool_calls'.",
                    f"messages.[{index}].role",
                )
            waiting.remove(message["tool_call_id"])
            continue
        _nothing_waits(waiting, f"messages.[{index}].role")
        waiting = [call["id"] for call in message.get("tool_calls") or ()]
    _nothing_waits(waiting, "messages")


def _nothing_waits(waiting: Sequence[str], param: str) -> None:
    if waiting:
        raise checks.refuse(
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
            f"'tool_call_id'. The following tool_call_ids did not have response messages: {', '.join(waiting)}",
            param,
        )


def _include_usage(fields: Fields, *, stream: bool) -> bool:
    options = fields.get("stream_options")
    if options is None:
        return False
    if not stream:
        message = "The 'stream_options' parameter is only allowed when 'stream' is enabled."
        raise checks.refuse(message, "stream_options")
    if not isinstance(options, dict):
        raise checks.wrong_type("stream_options", "an object", options)
    return checks.flag(options, "include_usage") or False


def _tools(fields: Fields) -> tuple[Tool, ...]:
    tools = fields.get("tools")
    if tools is None:
        return ()
    if not isinstance(tools, list):
        raise checks.wrong_type("tools", "an array of objects", tools)
    checks.bounded("tools", tools, _MOST_TOOLS)
    found: list[Tool] = []
    for index, tool in enumerate(tools):
        if not isinstance(tool, dict):
            raise checks.wrong_type(f"tools[{index}]", "an object", tool)
        if tool.get("type") not in ("function", "custom"):
            raise checks.unsupported(f"tools[{index}].type", tool.get("type"), ("function", "custom"))
        if tool["type"] == "function":
            found.append(_function(f"tools[{index}].function", tool.get("function")))
    return tuple(found)


def _function(param: str, function: Any) -> Tool:
    if not isinstance(function, dict):
        raise checks.missing(param)
    name, parameters = function.get("name"), function.get("parameters")
    if name is None:
        raise checks.missing(f"{param}.name")
    if not isinstance(name, str):
        raise checks.wrong_type(f"{param}.name", "a string", name)
    if parameters is not None and not isinstance(parameters, dict):
        raise checks.wrong_type(f"{param}.parameters", "an object", parameters)
    return Tool(name, parameters)


def _must_call(fields: Fields, tools: Sequence[Tool]) -> str | None:
    choice = fields.get("tool_choice")
    if choice is None:
        return None
    if not fields.get("tools"):
        raise checks.refuse("'tool_choice' is only allowed when 'tools' are specified.", "tool_choice")
    if isinstance(choice, str):
        if choice not in ("none", "auto", "required"):
            raise checks.unsupported("tool_choice", choice, ("none", "auto", "required"))
        return "*" if choice == "required" else None
    if not isinstance(choice, dict):
        raise checks.wrong_type("tool_choice", "one of a string or object", choice)
    function = choice.get("function")
    name = function.get("name") if isinstance(function, dict) else None
    if choice.get("type") == "function" and name not in [tool.name for tool in tools]:
        raise checks.refuse(f"Tool choice '{name}' not found in 'tools' parameter.", "tool_choice")
    return name if isinstance(name, str) else "*"


def _stops(fields: Fields) -> tuple[str, ...]:
    stop = fields.get("stop")
    if stop is None:
        return ()
    if isinstance(stop, str):
        return (stop,) if stop else ()
    if not isinstance(stop, list) or not all(isinstance(one, str) for one in stop):
        raise checks.wrong_type("stop", "one of a string or array of strings", stop)
    if len(stop) > _MOST_STOPS:
        checks.bounded("stop", stop, _MOST_STOPS)
    return tuple(one for one in stop if one)


def _schema(fields: Fields) -> Any:
    """The schema that the answer has to fit, None for text."""
    wanted = fields.get("response_format")
    if wanted is None:
        return None
    if not isinstance(wanted, dict):
        raise checks.wrong_type("response_format", "an object", wanted)
    match wanted.get("type"):
        case "text":
            return None
        case "json_object":
            return {"type": "object", "properties": {"answer": {"type": "string"}, "certain": {"type": "boolean"}}}
        case "json_schema":
            schema = wanted.get("json_schema")
            if not isinstance(schema, dict):
                raise checks.missing("response_format.json_schema")
            if not isinstance(schema.get("name"), str):
                raise checks.missing("response_format.json_schema.name")
            return schema.get("schema") or {"type": "object"}
    raise checks.unsupported("response_format.type", wanted.get("type"), ("json_object", "json_schema", "text"))


def _reasoning(fields: Fields) -> int:
    effort = fields.get("reasoning_effort")
    if effort is None:
        return 0
    if effort not in EFFORTS:
        raise checks.unsupported("reasoning_effort", effort, tuple(EFFORTS))
    return EFFORTS[effort]


def _text(message: Fields) -> str:
    content = message.get("content")
    if isinstance(content, list):
        return " ".join(part["text"] for part in content if part["type"] == "text")
    return content or ""


def _input_tokens(messages: Sequence[Fields], tools: Any) -> int:
    total = tokens.PER_PROMPT + tokens.PER_MESSAGE * len(messages)
    for message in messages:
        total += tokens.count(_text(message))
        if isinstance(message.get("name"), str):
            total += tokens.count(message["name"])
        if isinstance(content := message.get("content"), list):
            total += tokens.PER_ATTACHMENT * sum(part["type"] != "text" for part in content)
        for call in message.get("tool_calls") or ():
            total += tokens.count(call["function"]["name"]) + tokens.count(call["function"]["arguments"])
    return total + (tokens.count(msgspec.json.encode(tools).decode()) if tools else 0)
