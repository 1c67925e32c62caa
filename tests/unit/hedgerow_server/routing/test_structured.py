"""Answers that shall be JSON: what is checked, repaired, asked for again, and what stays wrong."""

import json
from contextlib import aclosing
from typing import Any

import msgspec
import pytest
from hedgerow_server.core.error import BudgetSpent, HedgerowError, RequestInvalid
from hedgerow_server.core.event import Finished, FinishReason, Started, TextDelta, Usage, WarningCode, added
from hedgerow_server.core.hold import Spent
from hedgerow_server.core.request import NO_POLICY, ChatSpec, JsonObjectFormat, JsonSchemaFormat, RoutePolicy
from hedgerow_server.routing.candidate import Candidate
from hedgerow_server.routing.plan import StructuredOutput
from hedgerow_server.routing.structured import StructuredAnswers
from unit.hedgerow_server.routing.asking import (
    FAILED,
    PRIMARY,
    RETRY,
    SUCCEEDED,
    Asking,
    at,
    check_all_given_back,
    priced,
    refused,
    said,
    wire,
)
from unit.hedgerow_server.routing.scripted import DONE, HI, Answer, chunk, usage_chunk

SCHEMA = json.dumps(
    {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}
)
GOOD, FENCED, WRONG = '{"n": 1}', '```json\n{"n": 1}\n```', '{"n": "one"}'


def spec(schema: str | None = SCHEMA) -> ChatSpec:
    wanted = JsonObjectFormat() if schema is None else JsonSchemaFormat("numbers", schema)
    return msgspec.structs.replace(HI, response_format=wanted)


class Structured(Asking):
    """One call of a route that checks."""

    def __init__(
        self,
        *candidates: Candidate,
        repair: bool = True,
        reask: int = 0,
        hold: bool = False,
        policy: RoutePolicy = NO_POLICY,
        **bounds: object,
    ) -> None:
        rules = StructuredOutput(repair=repair, reask=reask, hold=hold)
        # Scripts are streams: a unary call streams upstream, too.
        super().__init__(*candidates, policy=policy, streams=True, structured=rules, **bounds)

    async def json(self, wanted: ChatSpec | None = None, *, stream: bool = False) -> tuple[str, FinishReason]:
        """Text and finish reason of the answer."""
        answers = StructuredAnswers(lambda _, finished: finished)
        async with aclosing(answers.answer(self.call, self.plan, wanted or spec(), stream=stream)) as events:
            async for event in events:
                self.events.append(event)
        check_all_given_back(self.plan.candidates)
        last = self.events[-1]
        assert isinstance(last, Finished)
        return self.text, last.reason

    @property
    def warnings(self) -> list[WarningCode]:
        """Codes of the warnings that the answer begins with."""
        started = self.events[0]
        assert isinstance(started, Started)
        assert list(started.warnings) == self.call.warnings
        return [warning.code for warning in started.warnings]

    @property
    def bodies(self) -> list[dict[str, Any]]:
        """What the first candidate was asked."""
        return [json.loads(request.body) for request in wire(self.plan.candidates[0]).requests]


@pytest.mark.parametrize("stream", [False, True])
async def test_what_follows_the_schema_stays_as_it_is(stream: bool) -> None:
    one = Structured(at(said(GOOD)))
    assert await one.json(stream=stream) == (GOOD, FinishReason.STOP)
    assert one.warnings == []


async def test_what_can_be_put_right_is_and_a_warning_says_so() -> None:
    one = Structured(at(said(FENCED)), reask=2)
    assert await one.json() == ('{"n": 1}', FinishReason.STOP)
    assert one.warnings == [WarningCode.OUTPUT_REPAIRED]
    assert len(one.call.attempts) == 1


async def test_nothing_is_repaired_where_the_route_says_so() -> None:
    assert await Structured(at(said(FENCED)), repair=False).json() == (FENCED, FinishReason.MALFORMED_OUTPUT)


async def test_a_repair_that_does_not_follow_the_schema_is_none() -> None:
    text = '```json\n{"n": "one"}\n```'
    assert await Structured(at(said(text))).json() == (text, FinishReason.MALFORMED_OUTPUT)


async def test_any_object_is_one_and_nothing_else_is() -> None:
    assert await Structured(at(said('{"x": 1}'))).json(spec(None)) == ('{"x": 1}', FinishReason.STOP)
    assert await Structured(at(said("[1]"))).json(spec(None)) == ("[1]", FinishReason.MALFORMED_OUTPUT)


async def test_without_a_schema_no_bracket_is_added() -> None:
    assert await Structured(at(said('{"x": "1"'))).json(spec(None)) == ('{"x": "1"', FinishReason.MALFORMED_OUTPUT)
    assert await Structured(at(said('{"n": 1, "n": 2')), reask=0).json() == (
        '{"n": 1, "n": 2',
        FinishReason.MALFORMED_OUTPUT,
    )


async def test_the_model_is_asked_again_with_what_is_wrong() -> None:
    one = Structured(at(said(WRONG), said(GOOD)), reask=1)
    assert await one.json() == (GOOD, FinishReason.STOP)
    assert one.attempts == [("a", PRIMARY, SUCCEEDED), ("a", RETRY, SUCCEEDED)]
    first, second = one.bodies
    assert second["messages"][: len(first["messages"])] == first["messages"]
    assistant, user = second["messages"][-2:]
    assert (assistant["role"], assistant["content"]) == ("assistant", WRONG)
    assert "/n" in user["content"]


async def test_every_answer_is_paid_for() -> None:
    one = Structured(at(said(WRONG), said(GOOD)), reask=1)
    await one.json()
    first, second = (record.usage for record in one.call.attempts)
    assert isinstance(first, Usage)
    assert isinstance(second, Usage)
    assert one.call.usage == added(first, second)
    assert first.output_tokens > 0


async def test_what_stays_wrong_is_told_by_the_finish() -> None:
    one = Structured(at(said(WRONG), said("no"), said("never")), reask=2)
    assert await one.json() == ("never", FinishReason.MALFORMED_OUTPUT)
    assert len(one.attempts) == 3


@pytest.mark.parametrize("where", ["route", "policy"])
async def test_no_more_is_asked_than_the_call_may_make_attempts(where: str) -> None:
    keys: dict[str, Any] = {"max_attempts": 2} if where == "route" else {"policy": RoutePolicy(max_attempts=2)}
    one = Structured(at(said(WRONG), said(WRONG), said(GOOD)), reask=2, **keys)
    assert await one.json() == (WRONG, FinishReason.MALFORMED_OUTPUT)
    assert len(one.attempts) == 2


async def test_a_wrong_answer_is_better_than_the_error_of_another() -> None:
    one = Structured(at(said(WRONG), refused(400)), reask=1)
    assert await one.json() == (WRONG, FinishReason.MALFORMED_OUTPUT)
    assert one.attempts == [("a", PRIMARY, SUCCEEDED), ("a", RETRY, FAILED)]
    assert one.call.usage == one.call.attempts[0].usage


async def test_a_stream_is_checked_at_its_end() -> None:
    one = Structured(at(said(FENCED)), reask=2)
    assert await one.json(stream=True) == (FENCED, FinishReason.MALFORMED_OUTPUT)
    assert len(one.attempts) == 1


async def test_a_stream_that_is_held_can_be_repaired_and_asked_for_again() -> None:
    one = Structured(at(said(WRONG), said(FENCED)), reask=1, hold=True)
    assert await one.json(stream=True) == ('{"n": 1}', FinishReason.STOP)
    assert [type(event) for event in one.events].count(TextDelta) == 1


def ending(reason: str, text: str = '{"n": ') -> Answer:
    return Answer([chunk(text), chunk(finish=reason), usage_chunk(), DONE])


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("reason", "expected"), [("length", FinishReason.LENGTH), ("content_filter", FinishReason.CONTENT_FILTER)]
)
async def test_what_was_cut_says_so_already(reason: str, expected: FinishReason, stream: bool) -> None:
    one = Structured(at(ending(reason)), reask=1)
    assert await one.json(stream=stream) == ('{"n": ', expected)
    assert len(one.attempts) == 1


async def test_a_schema_that_cannot_be_checked_is_refused_before_anybody_is_asked() -> None:
    one = Structured(at(said(GOOD)))
    with pytest.raises(RequestInvalid) as caught:
        await one.json(spec('{"$ref": "http://127.0.0.1:9/x.json"}'))
    assert caught.value.metadata["field"] == "chat.response_format.json_schema.schema"
    assert one.call.attempts == []


async def test_calls_that_want_no_json_are_left_alone() -> None:
    one = Structured(at(said("prose")), reask=1)
    assert await one.json(HI) == ("prose", FinishReason.STOP)


async def test_a_large_answer_is_checked_beside_the_loop() -> None:
    text = json.dumps({"n": 1, "x": "y" * 70_000})
    one = Structured(at(said(text)))
    assert await one.json() == (text, FinishReason.MALFORMED_OUTPUT)


class Budget:
    """A hold whose budget has room for so many 10^-12 dollars."""

    bounded = False

    def __init__(self, room: int) -> None:
        self.covered = True
        self.spent = 0
        self._room = room

    def cover(self, picos: int, tokens: int) -> HedgerowError | None:
        """Refuses what is beyond the room."""
        return BudgetSpent("no room") if self.spent + picos > self._room else None

    def cover_overhead(self, picos: int) -> HedgerowError | None:
        """There is room for it."""
        return None

    def book(self, spent: Spent) -> None:
        """Adds up."""
        self.covered = False
        self.spent += spent.charged_picos


@pytest.mark.parametrize(
    ("room", "reason", "attempts"),
    [(10_000_000, FinishReason.STOP, 2), (1, FinishReason.MALFORMED_OUTPUT, 1)],
)
async def test_nothing_is_asked_again_for_which_the_budget_has_no_room(
    room: int, reason: FinishReason, attempts: int
) -> None:
    one = Structured(priced(at(said(WRONG), said(GOOD)), 2, 3), reask=1)
    budget = Budget(room)
    one.call.hold = budget  # type: ignore[assignment]
    wanted = msgspec.structs.replace(spec(), max_output_tokens=100)
    assert (await one.json(wanted))[1] is reason
    assert len(one.call.attempts) == attempts
    costs = [record.cost_picos for record in one.call.attempts]
    assert all(costs)
    assert budget.spent == sum(cost or 0 for cost in costs)
