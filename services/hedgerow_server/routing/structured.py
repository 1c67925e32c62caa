"""Answers that shall be JSON: checked, put right where that is free, asked for again where the route says so.

Only what a model has ended by itself is checked: an answer that was cut, refused or calls a tool says so already. What
stays wrong is MALFORMED_OUTPUT in the finish. Every answer is an attempt of the one call, with its deadline and bounds.
"""

import asyncio
from collections.abc import Iterable
from contextlib import aclosing

import msgspec

from hedgerow_server.core.call import Call
from hedgerow_server.core.error import FieldViolation, HedgerowError, RequestInvalid
from hedgerow_server.core.event import (
    CitationAdded,
    Event,
    Events,
    Finished,
    FinishReason,
    LogprobsDelta,
    RefusalDelta,
    RouteChanged,
    Started,
    TextDelta,
    ToolCallStarted,
    Usage,
    Warning,
    WarningCode,
    added,
)
from hedgerow_server.core.request import ChatSpec, JsonObjectFormat, JsonSchemaFormat, Message, Part, Role, Text
from hedgerow_server.core.text import cut
from hedgerow_server.guardrails.schemas import SchemaInvalid, Schemas
from hedgerow_server.routing.execute import Ending, execute
from hedgerow_server.routing.plan import Plan, StructuredOutput
from hedgerow_server.routing.repair import Repaired, decoded, repairs

_FIELD = "chat.response_format"
_SCHEMA_FIELD = "chat.response_format.json_schema.schema"
_LARGE = 64 << 10
"""Characters from which on a text is checked in a thread."""
_SHOWN_BYTES = 32 << 10
"""The most of a wrong answer that the model is shown."""
_ENDED = (FinishReason.STOP, FinishReason.OTHER, FinishReason.MALFORMED_OUTPUT)
"""How an answer ends that is meant to be whole."""

_Format = JsonObjectFormat | JsonSchemaFormat


class Verdict(msgspec.Struct, frozen=True):
    """What is to be said of a text."""

    problem: str = ""
    """What is wrong with it; empty: nothing."""
    repaired: Repaired | None = None
    """What can be put in its place, where there is a problem."""


class StructuredAnswers:
    """Checks the answers of routes that say so."""

    def __init__(self, ending: Ending) -> None:
        """`ending`: what callers get in the place of the provider's last word."""
        self._schemas = Schemas()
        self._ending = ending

    def answer(self, call: Call, plan: Plan, spec: ChatSpec, *, stream: bool) -> Events:
        """The events of the answer, the last one as `ending` makes it. Raises RequestInvalid and HedgerowError."""
        rules, wanted = plan.bounds.structured, spec.response_format
        if rules is None or wanted is None:
            return execute(call, plan, spec, stream=stream, ending=self._ending)
        if isinstance(wanted, JsonSchemaFormat):
            self._check_schema(wanted)
        if stream and not rules.hold:
            return self._watched(call, plan, spec, wanted)
        return self._held(call, plan, spec, rules, wanted)

    def _check_schema(self, wanted: JsonSchemaFormat) -> None:
        try:
            self._schemas.check(wanted.schema)
        except SchemaInvalid as error:
            text = f"answers cannot be checked against this schema: {error}"
            raise RequestInvalid(
                f"{_SCHEMA_FIELD}: {text}",
                metadata={"field": _SCHEMA_FIELD},
                violations=(FieldViolation(_SCHEMA_FIELD, text),),
            ) from None

    async def _watched(self, call: Call, plan: Plan, spec: ChatSpec, wanted: _Format) -> Events:
        """Events that go out as they come: their finish tells whether they were what was asked for."""
        texts: list[str] = []
        checked = True
        async with aclosing(execute(call, plan, spec, stream=True)) as events:
            async for event in events:
                if isinstance(event, Finished):
                    verdict = Verdict()
                    if checked and event.reason in _ENDED:
                        verdict = await self._judged("".join(texts), wanted, repair=False)
                    yield self._ending(call, _malformed(event) if verdict.problem else event)
                    continue
                if isinstance(event, TextDelta):
                    texts.append(event.text)
                elif isinstance(event, RouteChanged):
                    texts.clear()
                    checked = True
                elif isinstance(event, RefusalDelta | ToolCallStarted):
                    checked = False
                yield event

    async def _held(self, call: Call, plan: Plan, spec: ChatSpec, rules: StructuredOutput, wanted: _Format) -> Events:
        """Events that are there before the first one goes out."""
        before = call.attempts_started
        events = await _collected(call, plan, spec, again=False)
        for left in range(rules.reask, -1, -1):
            text = _text(events)
            if text is None:
                break
            verdict = await self._judged(text, wanted, repair=rules.repair)
            if not verdict.problem:
                break
            if verdict.repaired is not None:
                events = _with(call, events, verdict.repaired)
                break
            narrowed = _narrowed(plan, call.attempts_started - before) if left else None
            if narrowed is not None:
                try:
                    events = await _collected(call, narrowed, _reasked(spec, text, verdict.problem), again=True)
                    continue
                except HedgerowError:
                    # There is an answer, if a wrong one: it says more than why there is no other.
                    pass
            events = [_malformed(event) if isinstance(event, Finished) else event for event in events]
            break
        for event in events:
            yield self._ending(call, event) if isinstance(event, Finished) else event

    async def _judged(self, text: str, wanted: _Format, *, repair: bool) -> Verdict:
        if len(text) >= _LARGE:
            return await asyncio.to_thread(self._judge, text, wanted, repair=repair)
        return self._judge(text, wanted, repair=repair)

    def _judge(self, text: str, wanted: _Format, *, repair: bool) -> Verdict:
        try:
            problem = self._problem(decoded(text), wanted)
        except ValueError as error:
            problem = str(error)
            for one in repairs(text, close=isinstance(wanted, JsonSchemaFormat)) if repair else ():
                wrong = self._problem(one.value, wanted)
                if wrong is None:
                    return Verdict(problem, one)
                problem = wrong
        return Verdict(problem or "")

    def _problem(self, value: object, wanted: _Format) -> str | None:
        if isinstance(wanted, JsonSchemaFormat):
            return self._schemas.problem(wanted.schema, value)
        return None if isinstance(value, dict) else "it is no JSON object"


async def _collected(call: Call, plan: Plan, spec: ChatSpec, *, again: bool) -> list[Event]:
    """All events of one answer. What earlier ones have used is added to what this one has."""
    used, call.usage = call.usage, None
    try:
        async with aclosing(execute(call, plan, spec, stream=False, again=again)) as events:
            return [event async for event in events]
    finally:
        call.usage = _sum(used, call.usage)


def _sum(one: Usage | None, other: Usage | None) -> Usage | None:
    return added(one, other) if one is not None and other is not None else one or other


def _text(events: Iterable[Event]) -> str | None:
    """The text of an answer that is to be checked; None: it says by itself that it is something else."""
    texts: list[str] = []
    for event in events:
        if isinstance(event, TextDelta):
            texts.append(event.text)
        elif isinstance(event, RefusalDelta | ToolCallStarted) or (
            isinstance(event, Finished) and event.reason not in _ENDED
        ):
            return None
    return "".join(texts)


def _with(call: Call, events: list[Event], repaired: Repaired) -> list[Event]:
    """The events with another text, and a warning that says so. What belongs to places of the old text goes: log
    probabilities, and where citations stand.
    """
    text = f"The answer was not the JSON that was asked for: {repaired.how}."
    warning = Warning(WarningCode.OUTPUT_REPAIRED, _FIELD, text)
    call.warnings.append(warning)
    out: list[Event] = []
    told = False
    for event in events:
        if isinstance(event, Started):
            out.append(msgspec.structs.replace(event, warnings=(*event.warnings, warning)))
        elif isinstance(event, TextDelta):
            if not told:
                out.append(TextDelta(event.part_index, repaired.text))
            told = True
        elif isinstance(event, CitationAdded):
            citation = msgspec.structs.replace(event.citation, start_index=None, end_index=None)
            out.append(CitationAdded(event.part_index, citation))
        elif isinstance(event, Finished) and event.reason is FinishReason.MALFORMED_OUTPUT:
            out.append(msgspec.structs.replace(event, reason=FinishReason.STOP))
        elif not isinstance(event, LogprobsDelta):
            out.append(event)
    return out


def _malformed(finished: Finished) -> Finished:
    return msgspec.structs.replace(finished, reason=FinishReason.MALFORMED_OUTPUT)


def _narrowed(plan: Plan, made: int) -> Plan | None:
    """The plan with the attempts that are left of the call's; None: there are none."""
    most = min(plan.policy.max_attempts or plan.bounds.max_attempts, plan.bounds.max_attempts)
    if made >= most:
        return None
    return msgspec.structs.replace(plan, policy=msgspec.structs.replace(plan.policy, max_attempts=most - made))


def _reasked(spec: ChatSpec, text: str, problem: str) -> ChatSpec:
    """The conversation with the wrong answer and what is wrong with it."""
    said = Message(Role.ASSISTANT, (Part(Text(cut(text, _SHOWN_BYTES))),)) if text.strip() else None
    wish = (
        f"That answer cannot be used: {problem}. Answer once more with the JSON alone, and nothing before or after it."
    )
    wished = Message(Role.USER, (Part(Text(wish)),))
    return msgspec.structs.replace(spec, messages=(*spec.messages, *((said,) if said is not None else ()), wished))
