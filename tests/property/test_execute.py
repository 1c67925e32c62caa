"""The executor under random interleavings: whatever providers and callers do, each call has one end and one account."""

import asyncio
import re
import time
from collections.abc import Callable
from contextlib import aclosing

import msgspec
from hedgerow_server.core.call import Call
from hedgerow_server.core.error import HedgerowError
from hedgerow_server.core.event import AttemptOutcome, Event, Finished, RouteChanged, Started, TextDelta
from hedgerow_server.core.port import HttpRequest
from hedgerow_server.core.request import RoutePolicy
from hedgerow_server.providers.drain import DrainCaps, Drainer
from hedgerow_server.providers.http.port import UnreachableError
from hedgerow_server.routing.candidate import Candidate, Drain
from hedgerow_server.routing.execute import execute
from hedgerow_server.routing.hedge import HedgePolicy
from hedgerow_server.routing.hedges import HedgeBudgets, Hedges
from hedgerow_server.routing.plan import Bounds, Plan
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.hedgerow_server.calls import call
from unit.hedgerow_server.routing.asking import check_all_given_back, refused, wire
from unit.hedgerow_server.routing.scripted import (
    DONE,
    HANG_S,
    HI,
    JSON,
    Answer,
    ScriptedTransport,
    Step,
    candidate,
    chunk,
    document,
    usage_chunk,
)
from virtual import run

TIMES = st.sampled_from([0.0, 0.01, 0.5, 1.0, 1.5, 2.0, 4.0])
"""Few, so that much happens in the same moment."""
TICK_S = 1e-6
WHOLE = re.compile(r"<(\w+)\|\1>")


class Behaviour(msgspec.Struct, frozen=True):
    """What a provider does with a request."""

    kind: str
    headers_after_s: float
    first_after_s: float
    gap_s: float
    retry_after_s: float

    def answer(self, text: str, *, stream: bool) -> Answer:
        """The answer; its text in two pieces tells whose it is."""
        before: list[Step] = [self.headers_after_s] if self.headers_after_s else []
        if self.kind.isdigit():
            error = refused(int(self.kind), retry_after=f"{self.retry_after_s:g}")
            return Answer(error.body, error.status, error.headers, before)
        if self.kind == "unreachable":
            return Answer(before=[*before, UnreachableError("connection refused")])
        if self.kind == "silent":
            return Answer(before=[*before, HANG_S])
        body = self._stream(text) if stream else self._document(text)
        return Answer(body, before=before) if stream else Answer(body, headers=JSON, before=before)

    def _stream(self, text: str) -> list[Step]:
        head, tail = chunk(f"<{text}|"), chunk(f"{text}>")
        ends: dict[str, list[Step]] = {
            "answers": [head, self.gap_s, tail, chunk(finish="stop"), usage_chunk(), DONE],
            "at once": [head + tail + chunk(finish="stop") + usage_chunk() + DONE],
            "cuts": [head, self.gap_s],
            "resets": [head, self.gap_s, UnreachableError("connection reset")],
            "stalls": [head, HANG_S],
            "says nothing": [HANG_S],
        }
        return [self.first_after_s, *ends[self.kind]]

    def _document(self, text: str) -> list[Step]:
        body = document(f"<{text}|{text}>")
        ends: dict[str, list[Step]] = {
            "answers": [body[:9], self.gap_s, body[9:]],
            "at once": [body],
            "cuts": [body[:9], self.gap_s],
            "resets": [body[:9], UnreachableError("connection reset")],
            "stalls": [body[:9], HANG_S],
            "says nothing": [HANG_S],
        }
        return [self.first_after_s, *ends[self.kind]]


KINDS = ["answers"] * 6 + ["at once", "cuts", "resets", "stalls", "says nothing", "silent", "unreachable"]
BEHAVIOURS = st.builds(
    Behaviour, st.sampled_from([*KINDS, "503", "529", "429", "401", "404", "400"]), TIMES, TIMES, TIMES, TIMES
)


class Asked(msgspec.Struct, frozen=True):
    """One caller."""

    stream: bool
    policy: RoutePolicy
    starts_s: float
    deadline_s: float | None
    leaves_s: float | None
    reads_for_s: float
    """How long it takes over each event."""


LIMITS = st.sampled_from([None, None, None, 0.5, 1.0, 3.0])
POLICIES = st.builds(
    RoutePolicy,
    allow_route_change=st.sampled_from([True, True, False]),
    disable_hedging=st.integers(0, 4).map(lambda one: one == 0),
    max_attempts=st.sampled_from([None, None, None, 1, 2, 5]),
    first_token_timeout_s=LIMITS,
    idle_timeout_s=LIMITS,
)
CALLS = st.builds(
    Asked,
    st.booleans(),
    POLICIES,
    TIMES,
    st.sampled_from([None, None, 0.001, 0.5, 2.0, 4.0, 8.0, 20.0]),
    st.sampled_from([None] * 6 + [0.0, 0.5, 1.0, 2.0, 4.0]),
    st.sampled_from([0.0, 0.0, 0.5]),
)


class World(msgspec.Struct, frozen=True):
    """Providers, by candidate what they do one request after the other, and a route over them."""

    scripts: list[list[Behaviour]]
    hedge_s: float | None
    streams: bool
    max_attempts: int
    max_wait_s: float
    larger_context: bool
    drains: bool


WORLDS = st.builds(
    World,
    st.lists(st.lists(BEHAVIOURS, min_size=1, max_size=3), min_size=1, max_size=4),
    st.none() | st.sampled_from([0.01, 0.5, 1.0]),
    st.booleans(),
    st.sampled_from([1, 2, 3, 3, 4, 5]),
    st.sampled_from([0.0, 2.0, 5.0]),
    st.booleans(),
    st.booleans(),
)


class Running:
    """A world that runs."""

    def __init__(self, world: World) -> None:
        self.drainer = Drainer(2)
        self.candidates = [self._candidate(world, at) for at in range(len(world.scripts))]
        hedges = None if world.hedge_s is None else self._hedges(world.hedge_s)
        self.bounds = Bounds(
            max_attempts=world.max_attempts,
            max_wait_s=world.max_wait_s,
            larger_context=world.larger_context,
            streams=world.streams or hedges is not None,
            hedges=hedges,
        )

    def _candidate(self, world: World, at: int) -> Candidate:
        name = "abcd"[at]
        one = candidate(ScriptedTransport(reply=_script(name, world.scripts[at])), name=name, idle_timeout_s=4.0)
        drain = Drain(self.drainer, DrainCaps(3.0, 100_000)) if world.drains else None
        return msgspec.structs.replace(one, upstream=msgspec.structs.replace(one.upstream, drain=drain))

    def _hedges(self, delay_s: float) -> Hedges:
        policy = HedgePolicy(max_extra=0.5, min_delay_s=delay_s, max_delay_s=delay_s, min_samples=1)
        found, now_s = Hedges(policy, HedgeBudgets(0.5)), time.monotonic()
        for one in self.candidates:
            for _ in range(40):
                one.state.times[True].observe(0.004, now_s)
                found.of(one).plan(one.state.latency(stream=True), now_s)
        return found

    def requests_of(self, number: int) -> int:
        """How many requests a call has made."""
        mark = (("x-call", str(number)),)
        return sum(wire(one).extra_headers.count(mark) for one in self.candidates)


def _script(name: str, behaviours: list[Behaviour]) -> Callable[[HttpRequest], Answer]:
    count = 0

    def reply(request: HttpRequest) -> Answer:
        nonlocal count
        count += 1
        one = behaviours[min(count, len(behaviours)) - 1]
        return one.answer(f"{name}{count}", stream=b'"stream":true' in request.body.replace(b" ", b""))

    return reply


class Client:
    """One caller, and what it saw."""

    def __init__(self, number: int, asked: Asked, running: Running) -> None:
        self.number = number
        self.asked = asked
        self.running = running
        self.call: Call | None = None
        self.events: list[Event] = []
        self.ended: BaseException | None = None
        self.took_s = 0.0

    async def ask(self) -> None:
        """Runs the call to its end, whatever that is."""
        await asyncio.sleep(self.asked.starts_s)
        one = self.call = call()
        one.trace = (("x-call", str(self.number)),)
        if self.asked.deadline_s is not None:
            one.timeout_s, one.deadline_s = self.asked.deadline_s, one.started_s + self.asked.deadline_s
        running = asyncio.create_task(self._read(one))
        if self.asked.leaves_s is not None:
            await asyncio.wait([running], timeout=self.asked.leaves_s)
            running.cancel()
        await asyncio.wait([running])
        self.took_s = time.monotonic() - one.started_s
        self.ended = asyncio.CancelledError() if running.cancelled() else running.exception()

    async def _read(self, one: Call) -> None:
        plan = Plan(tuple(self.running.candidates), self.asked.policy, self.running.bounds)
        async with asyncio.timeout_at(one.deadline_s):
            async with aclosing(execute(one, plan, HI, stream=self.asked.stream)) as events:
                async for event in events:
                    self.events.append(event)
                    if isinstance(event, Finished):
                        return
                    await asyncio.sleep(self.asked.reads_for_s)

    def check(self) -> None:
        """What holds of every call."""
        assert self.call is not None
        kinds = [type(event) for event in self.events]
        assert kinds.count(Started) == (1 if kinds else 0)
        assert not kinds or kinds[0] is Started
        assert kinds.count(Finished) == (self.ended is None)
        assert isinstance(self.ended, HedgerowError | TimeoutError | asyncio.CancelledError | None), self.ended
        assert self.asked.stream or not isinstance(self.ended, HedgerowError) or not kinds
        if not (self.asked.stream and self.asked.policy.allow_route_change):
            assert RouteChanged not in kinds
        self._check_text()
        self._check_records(self.call)
        ends_s = min(self.asked.deadline_s or HANG_S * 100, self.asked.leaves_s or HANG_S * 100)
        assert self.took_s <= ends_s + TICK_S

    def _check_text(self) -> None:
        text = ""
        for event in self.events:
            if isinstance(event, RouteChanged):
                text = ""
            elif isinstance(event, TextDelta):
                text += event.text
        if self.ended is None:
            assert WHOLE.fullmatch(text), text
        else:
            assert text.count("|") <= 1, text

    def _check_records(self, one: Call) -> None:
        records = one.attempts
        assert self.running.requests_of(self.number) == len(records) == one.attempts_started
        assert [record.number for record in records] == list(range(1, len(records) + 1))
        assert len(records) <= min(self.asked.policy.max_attempts or 8, self.running.bounds.max_attempts)
        assert all(record.outcome is not None and record.total_s >= 0 for record in records)
        succeeded = [record for record in records if record.outcome is AttemptOutcome.SUCCEEDED]
        if self.ended is None:
            assert [record.usage for record in succeeded] == [one.usage]
        elif isinstance(self.ended, HedgerowError):
            assert not succeeded
        lost = sum(record.outcome is AttemptOutcome.HEDGE_LOST for record in records)
        assert lost <= sum(record.hedge_delays_s is not None for record in records) <= 1


@settings(max_examples=500)
@given(WORLDS, st.lists(CALLS, min_size=1, max_size=3))
def test_every_call_has_one_end_and_one_account(world: World, calls: list[Asked]) -> None:
    async def all_of_them() -> None:
        running = Running(world)
        clients = [Client(number, one, running) for number, one in enumerate(calls)]
        await asyncio.gather(*(one.ask() for one in clients))
        for _ in range(8):
            await asyncio.sleep(0)
        await running.drainer.close(10.0)
        for one in clients:
            one.check()
        check_all_given_back(running.candidates)

    run(all_of_them())
