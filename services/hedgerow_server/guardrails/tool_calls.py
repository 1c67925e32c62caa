"""Tool calls of an answer that were not asked for, or do not say what the function takes."""

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
import pydantic

from hedgerow_server.core.access import Names
from hedgerow_server.core.guard import Finding, GuardFailed
from hedgerow_server.core.request import ChatSpec, FunctionTool, ToolCall
from hedgerow_server.guardrails.entry import GuardEntry
from hedgerow_server.guardrails.schemas import SchemaInvalid, Schemas

FunctionPattern = Annotated[str, pydantic.Field(min_length=1, max_length=128)]
_ANY_OBJECT = '{"type":"object"}'


class ToolCallsGuardSection(GuardEntry):
    """A guard that checks the calls of function tools in answers."""

    type: Literal["tool_calls"] = "tool_calls"
    """Checks the calls of function tools."""
    sides: tuple[Literal["input", "output"], ...] = ("output",)
    """Only answers are looked at."""
    arguments: bool = True
    """Whether the arguments have to follow the JSON Schema of the function's `parameters`. A function without one takes
    any object. A schema that cannot be checked (no JSON Schema, a `$ref` to elsewhere, a pattern with look-around) is a
    failure of the guard: `on_failure` says what becomes of the call."""
    unknown: bool = True
    """Whether functions that the request does not offer are found."""
    allow: tuple[FunctionPattern, ...] | None = None
    """Functions that may be called; `*` stands for any characters. None: all but `deny`."""
    deny: tuple[FunctionPattern, ...] = ()
    """Functions that may not."""

    @pydantic.model_validator(mode="after")
    def _of_answers(self) -> "ToolCallsGuardSection":
        if self.sides != ("output",):
            raise ValueError("expected sides: [output]: the calls of an answer are checked")
        if self.action == "redact":
            raise ValueError("expected another action than redact: there is nothing that could stand for a call")
        return self


class ToolCallsGuard:
    """ToolCallGuard of one entry."""

    def __init__(self, section: ToolCallsGuardSection) -> None:
        self._section = section
        self._allowed = Names(section.allow) if section.allow is not None else None
        self._denied = Names(section.deny)
        self._schemas = Schemas()

    def check_call(self, spec: ChatSpec, call: ToolCall) -> Sequence[Finding]:
        """Finds "tool_call.denied", "tool_call.unknown" or "tool_call.arguments", the first that holds. Raises
        GuardFailed where the function's own schema is of no use.
        """
        if call.name in self._denied or (self._allowed is not None and call.name not in self._allowed):
            return [Finding(0, 0, "tool_call.denied")]
        tool = next((one for one in spec.tools if isinstance(one, FunctionTool) and one.name == call.name), None)
        if tool is None:
            return [Finding(0, 0, "tool_call.unknown")] if self._section.unknown else []
        if self._section.arguments and not self._fit(tool, call.arguments):
            return [Finding(0, 0, "tool_call.arguments")]
        return []

    def _fit(self, tool: FunctionTool, arguments: str) -> bool:
        try:
            # Some models leave out the arguments of a function that takes none.
            value = msgspec.json.decode(arguments or "{}")
        except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
            return False
        try:
            return self._schemas.problem(tool.parameters or _ANY_OBJECT, value) is None
        except SchemaInvalid as error:
            raise GuardFailed(f"The schema of the function {tool.name} cannot be checked: {error}") from None
