"""Tool calls that were not asked for, or whose arguments are wrong."""

import json

import pydantic
import pytest
from hedgerow_server.core.guard import GuardFailed
from hedgerow_server.core.request import ChatSpec, FunctionTool, ToolCall
from hedgerow_server.guardrails.schemas import SchemaInvalid, Schemas
from hedgerow_server.guardrails.tool_calls import ToolCallsGuard, ToolCallsGuardSection

WEATHER = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"$ref": "#/$defs/days"}},
    "required": ["city"],
    "additionalProperties": False,
    "$defs": {"days": {"type": "integer", "minimum": 1}},
}


def categories(name: str, said: str, parameters: object = WEATHER, **keys: object) -> list[str]:
    text = parameters if isinstance(parameters, str) else json.dumps(parameters)
    spec = ChatSpec(model="m", messages=(), tools=(FunctionTool("weather", parameters=text), FunctionTool("ping")))
    guard = ToolCallsGuard(ToolCallsGuardSection.model_validate(keys))
    return [one.category for one in guard.check_call(spec, ToolCall("id", name, said))]


@pytest.mark.parametrize("arguments", ['{"city":"Oslo"}', ' {"days": 2, "city": "\u00c5s"} '])
def test_arguments_that_follow_the_schema_pass(arguments: str) -> None:
    assert categories("weather", arguments) == []


@pytest.mark.parametrize(
    "arguments",
    ['{"city":1}', "{}", '{"city":"Oslo","days":0}', '{"city":"Oslo","x":1}', '{"city":"Oslo"', "[]", "", "[" * 5000],
)
def test_arguments_that_do_not_are_found(arguments: str) -> None:
    assert categories("weather", arguments) == ["tool_call.arguments"]


@pytest.mark.parametrize(("arguments", "expected"), [("", []), ('{"a":1}', []), ("3", ["tool_call.arguments"])])
def test_a_function_without_a_schema_takes_any_object(arguments: str, expected: list[str]) -> None:
    assert categories("ping", arguments) == expected


def test_arguments_are_not_checked_where_the_entry_says_so() -> None:
    assert categories("weather", "nonsense", arguments=False) == []


def test_functions_that_were_not_offered_are_found() -> None:
    assert categories("wheather", "{}") == ["tool_call.unknown"]
    assert categories("wheather", "{}", unknown=False) == []


def test_only_allowed_functions_may_be_called() -> None:
    assert categories("weather", '{"city":"Oslo"}', allow=["pi*"]) == ["tool_call.denied"]
    assert categories("ping", "{}", allow=["pi*"]) == []
    assert categories("ping", "{}", deny=["*ing"]) == ["tool_call.denied"]


@pytest.mark.parametrize(
    "parameters",
    [
        "no JSON",
        "3",
        {"type": "strnig"},
        {"properties": {"city": {"$ref": "http://127.0.0.1:9/elsewhere.json"}}},
        {"properties": {"city": {"$ref": "file:///etc/hostname"}}},
        {"properties": {"city": {"pattern": "(?=x)y"}}},
    ],
)
def test_a_schema_that_cannot_be_checked_is_a_failure_of_the_guard(parameters: object) -> None:
    with pytest.raises(GuardFailed, match="weather"):
        categories("weather", '{"city":"Oslo"}', parameters)


def test_a_problem_tells_the_place_and_nothing_of_the_value() -> None:
    problem = Schemas().problem(json.dumps(WEATHER), {"city": "hush", "days": "secret-1234"})
    assert problem is not None
    assert problem.startswith("at /days")
    assert "secret" not in problem


def test_a_schema_is_compiled_once() -> None:
    schemas = Schemas()
    for _ in range(3):
        schemas.check("{}")
        with pytest.raises(SchemaInvalid):
            schemas.check("nonsense")
    assert schemas._compiled.cache_info().misses == 2


@pytest.mark.parametrize("keys", [{"sides": ["input"]}, {"action": "redact"}])
def test_sections_of_no_use_are_refused(keys: dict[str, object]) -> None:
    with pytest.raises(pydantic.ValidationError):
        ToolCallsGuardSection.model_validate(keys)
