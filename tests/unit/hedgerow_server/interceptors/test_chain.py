"""The chain: its order is checked, and whatever happens each interceptor that was admitted is settled once."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

import pytest
from hedgerow_server.core.call import Call, Kind, Method, Outcome
from hedgerow_server.core.error import (
    Cancelled,
    DeadlineExceeded,
    Draining,
    Forbidden,
    HedgerowError,
    Internal,
    ModelNotFound,
    StreamCut,
)
from hedgerow_server.core.event import Completed, Event, Events, FinishReason, Started, TextDelta, Usage
from hedgerow_server.interceptors.auth import Auth
from hedgerow_server.interceptors.chain import Chain
from hedgerow_server.interceptors.deadline import Deadline
from hedgerow_server.interceptors.decode import Decode
from hedgerow_server.interceptors.request_id import RequestId
from hedgerow_server.interceptors.telemetry import Telemetry
from hedgerow_server.telemetry.trace import forwarded
from unit.hedgerow_server.calls import no_request

DONE = Completed(FinishReason.STOP, "stop", Usage(final=True))
Rpc = Callable[[Call], Events]
Journal = list[str]


class Recorder:
    """An interceptor that writes down what happens to it."""

    def __init__(self, journal: Journal, name: str, after: tuple[str, ...] = ()) -> None:
        self.name = name
        self.after = after
        self.journal = journal
        self.outcomes: list[Outcome] = []

    async def admit(self, call: Call) -> None:
        self.journal.append(f"admit {self.name}")

    def settle(self, call: Call, outcome: Outcome) -> None:
        self.journal.append(f"settle {self.name}")
        self.outcomes.append(outcome)


class Refusing(Recorder):
    """One that lets nobody in."""

    def __init__(self, journal: Journal, name: str, error: Exception) -> None:
        super().__init__(journal, name)
        self.error = error

    async def admit(self, call: Call) -> None:
        await super().admit(call)
        raise self.error


class Clock(Recorder):
    """One that gives the call a few milliseconds."""

    async def admit(self, call: Call) -> None:
        await super().admit(call)
        call.timeout_s = 0.01
        assert call.timer is not None
        call.timer.move(time.monotonic() + 0.01)


class Shouting(Recorder):
    """One that sees the events."""

    async def wrap(self, call: Call, events: Events) -> Events:
        async for event in events:
            yield TextDelta(event.part_index, f"{event.text}{self.name}") if isinstance(event, TextDelta) else event


async def answer(call: Call) -> Events:
    """An answer of one delta."""
    yield Started("sim", "m")
    yield TextDelta(0, "hi")
    yield DONE


def call_of(rpc: Rpc) -> Call:
    """A call of this RPC."""
    return Call(Method("test.Service/Call", Kind.SERVER_STREAM, no_request, rpc), {}, b"")


class Run:
    """A call through three interceptors, with all that happened."""

    def __init__(self, rpc: Rpc = answer, *middle: Callable[[Journal], Recorder]) -> None:
        self.journal: Journal = []
        makers = middle or (lambda journal: Recorder(journal, "b"),)
        self.interceptors = [
            Recorder(self.journal, "a"),
            *(make(self.journal) for make in makers),
            Recorder(self.journal, "c"),
        ]
        self.chain = Chain(self.interceptors)
        self.call = call_of(rpc)
        self.delivered: list[Event] = []

    async def deliver(self, event: Event) -> None:
        self.journal.append(f"deliver {type(event).__name__}")
        self.delivered.append(event)

    async def serve(self, deliver: Callable[[Event], Awaitable[None]] | None = None) -> None:
        """Serves the call."""
        await self.chain.serve(self.call, deliver or self.deliver)

    @property
    def settled(self) -> Journal:
        """The names of those that were settled, in order."""
        return [line.removeprefix("settle ") for line in self.journal if line.startswith("settle ")]

    def outcome(self) -> Outcome:
        """The one outcome that everybody was told, once."""
        told = [outcome for one in self.interceptors for outcome in one.outcomes]
        assert len(told) == len(self.settled)
        assert all(outcome == told[0] for outcome in told)
        return told[0]


def test_a_name_that_stands_twice_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^the interceptor 'a' stands twice in the chain$"):
        Chain([Recorder([], "a"), Recorder([], "a")])


def test_an_interceptor_before_one_that_it_must_follow_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^the interceptor 'b' must stand after a, c$"):
        Chain([Recorder([], "b", ("a", "c")), Recorder([], "a"), Recorder([], "c")])


def test_the_real_chain_stands_in_the_order_of_the_house() -> None:
    class Nobody:
        def authenticate(self, call: Call) -> None:
            raise AssertionError

    chain = Chain([RequestId(), Telemetry([], forwarded), Deadline(1, 2), Auth(Nobody()), Decode()])  # type: ignore[arg-type]
    assert chain.names == ("request_id", "telemetry", "deadline", "auth", "decode")


@pytest.mark.parametrize("swap", range(4))
def test_the_real_chain_takes_no_other_order(swap: int) -> None:
    class Nobody:
        def authenticate(self, call: Call) -> None:
            raise AssertionError

    order = [RequestId(), Telemetry([], forwarded), Deadline(1, 2), Auth(Nobody()), Decode()]  # type: ignore[arg-type]
    order[swap], order[swap + 1] = order[swap + 1], order[swap]
    with pytest.raises(ValueError, match="must stand after"):
        Chain(order)  # type: ignore[arg-type]


async def test_a_success_settles_in_reverse_before_its_last_event() -> None:
    run = Run()
    await run.serve()
    assert run.journal == [
        *("admit a", "admit b", "admit c", "deliver Started", "deliver TextDelta"),
        *("settle c", "settle b", "settle a", "deliver Completed"),
    ]
    assert run.outcome() == Outcome(terminal=DONE)


class Answering(Shouting):
    """One that has the answer already."""

    async def admit(self, call: Call) -> None:
        await super().admit(call)
        call.answer = answer(call)


async def test_an_answer_that_is_there_already_ends_the_chain_with_the_one_that_has_it() -> None:
    """It passes those before it as any other, and is settled before its last event."""

    async def never(call: Call) -> Events:
        raise AssertionError("the RPC was asked")
        yield

    run = Run(never, lambda journal: Shouting(journal, "0"), lambda journal: Answering(journal, "b"))
    await run.serve()
    assert run.journal == [
        *("admit a", "admit 0", "admit b", "deliver Started", "deliver TextDelta"),
        *("settle b", "settle 0", "settle a", "deliver Completed"),
    ]
    assert run.delivered == [Started("sim", "m"), TextDelta(0, "hib0"), DONE]
    assert run.outcome() == Outcome(terminal=DONE)


async def test_a_call_that_ends_before_the_answer_that_is_there_leaves_nothing_open() -> None:
    class Plain(Recorder):
        async def admit(self, call: Call) -> None:
            await super().admit(call)
            call.answer = answer(call)

    run = Run(answer, lambda journal: Plain(journal, "b"))

    async def leaves(event: Event) -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await run.serve(leaves)
    assert run.settled == ["b", "a"]
    assert run.call.answer is not None
    assert [event async for event in run.call.answer] == []


@pytest.mark.parametrize("error", [Forbidden("no"), RuntimeError("bug")])
async def test_a_refusal_settles_those_that_were_admitted_and_runs_nothing(error: Exception) -> None:
    run = Run(answer, lambda journal: Refusing(journal, "b", error))
    with pytest.raises(HedgerowError):
        await run.serve()
    assert run.journal == ["admit a", "admit b", "settle a"]


async def test_an_rpc_that_gives_no_events_at_all_settles_all_once() -> None:
    error = ModelNotFound("There is none.")

    def refuses(call: Call) -> Events:
        raise error

    run = Run(refuses)
    with pytest.raises(ModelNotFound):
        await run.serve()
    assert run.settled == ["c", "b", "a"]
    assert run.outcome() == Outcome(error=error)


async def test_a_failure_in_the_middle_settles_all_once_and_goes_on_as_it_is() -> None:
    cut = StreamCut("cut")

    async def fails(call: Call) -> Events:
        yield Started("sim", "m")
        raise cut

    run = Run(fails)
    with pytest.raises(StreamCut) as caught:
        await run.serve()
    assert caught.value is cut
    assert run.settled == ["c", "b", "a"]
    assert run.outcome() == Outcome(error=cut)


async def test_an_answer_without_a_last_event_is_a_fault() -> None:
    async def short(call: Call) -> Events:
        yield Started("sim", "m")

    run = Run(short)
    with pytest.raises(Internal):
        await run.serve()
    assert run.settled == ["c", "b", "a"]


async def test_an_unknown_exception_is_internal_and_stands_in_the_log_by_the_request_id(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def breaks(call: Call) -> Events:
        yield Started("sim", "m")
        raise ZeroDivisionError("the inside story")

    run = Run(breaks)
    run.call.request_id = "req-7"
    with caplog.at_level(logging.ERROR), pytest.raises(Internal) as caught:
        await run.serve()
    assert "inside story" not in str(caught.value)
    assert caught.value.__suppress_context__
    (record,) = caplog.records
    assert "req-7" in record.getMessage()
    assert record.exc_info
    assert isinstance(record.exc_info[1], ZeroDivisionError)
    assert isinstance(run.outcome().error, Internal)


async def test_a_caller_that_leaves_settles_all_once_as_cancelled() -> None:
    reached, closed = asyncio.Event(), asyncio.Event()

    async def waits(call: Call) -> Events:
        try:
            yield Started("sim", "m")
            reached.set()
            await asyncio.sleep(60)
        finally:
            closed.set()

    run = Run(waits)
    serving = asyncio.create_task(run.serve())
    await asyncio.wait_for(reached.wait(), 5)
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
    assert closed.is_set()
    assert run.settled == ["c", "b", "a"]
    assert isinstance(run.outcome().error, Cancelled)


async def test_a_caller_that_leaves_while_an_interceptor_admits_settles_those_before_it() -> None:
    reached = asyncio.Event()

    class Slow(Recorder):
        async def admit(self, call: Call) -> None:
            reached.set()
            await asyncio.sleep(60)

    run = Run(answer, lambda journal: Slow(journal, "b"))
    serving = asyncio.create_task(run.serve())
    await asyncio.wait_for(reached.wait(), 5)
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
    assert run.settled == ["a"]


@pytest.mark.parametrize("where", ["first", "middle"])
async def test_the_deadline_ends_the_call_and_settles_all_once(where: str) -> None:
    async def stalls(call: Call) -> Events:
        if where == "middle":
            yield Started("sim", "m")
        await asyncio.sleep(60)
        yield DONE

    run = Run(stalls, lambda journal: Clock(journal, "b"))
    with pytest.raises(DeadlineExceeded) as caught:
        await run.serve()
    assert caught.value.metadata == {"deadlineSeconds": "0.01"}
    assert run.settled == ["c", "b", "a"]
    assert run.outcome() == Outcome(error=caught.value)


async def test_the_deadline_counts_while_the_caller_does_not_read() -> None:
    run = Run(answer, lambda journal: Clock(journal, "b"))

    async def never(event: Event) -> None:
        await asyncio.sleep(60)

    with pytest.raises(DeadlineExceeded):
        await run.serve(never)
    assert run.settled == ["c", "b", "a"]


async def test_a_timeout_of_something_else_is_no_deadline() -> None:
    async def times_out(call: Call) -> Events:
        yield Started("sim", "m")
        raise TimeoutError

    run = Run(times_out)
    with pytest.raises(Internal):
        await run.serve()
    assert run.settled == ["c", "b", "a"]


@pytest.mark.parametrize("seconds", [1000, 3600, 86_400])
async def test_a_long_deadline_is_told_in_plain_seconds(seconds: int) -> None:
    class Long(Clock):
        async def admit(self, call: Call) -> None:
            await super().admit(call)
            call.timeout_s = float(seconds)

    async def stalls(call: Call) -> Events:
        await asyncio.sleep(60)
        yield DONE

    with pytest.raises(DeadlineExceeded) as caught:
        await Run(stalls, lambda journal: Long(journal, "b")).serve()
    assert caught.value.metadata == {"deadlineSeconds": str(seconds)}


async def test_a_delivery_that_fails_closes_the_answer_and_settles_all_once() -> None:
    closed = asyncio.Event()

    async def closes(call: Call) -> Events:
        try:
            yield Started("sim", "m")
            yield DONE
        finally:
            closed.set()

    async def breaks(event: Event) -> None:
        raise OSError("the caller's connection broke")

    run = Run(closes)
    with pytest.raises(Internal):
        await run.serve(breaks)
    assert closed.is_set()
    assert run.settled == ["c", "b", "a"]


async def test_a_last_event_that_cannot_be_delivered_settles_nobody_twice() -> None:
    run = Run()

    async def breaks(event: Event) -> None:
        if event is DONE:
            raise OSError("the caller's connection broke")

    with pytest.raises(OSError, match="broke"):
        await run.serve(breaks)
    assert run.settled == ["c", "b", "a"]
    assert run.outcome() == Outcome(terminal=DONE)


async def test_wrappers_see_the_events_the_last_one_first() -> None:
    run = Run(answer, lambda journal: Shouting(journal, "1"), lambda journal: Shouting(journal, "2"))
    await run.serve()
    assert TextDelta(0, "hi21") in run.delivered


async def test_events_after_the_last_one_are_not_delivered() -> None:
    async def chatty(call: Call) -> Events:
        yield DONE
        yield TextDelta(0, "too late")

    run = Run(chatty)
    await run.serve()
    assert run.delivered == [DONE]


async def test_a_call_that_is_ended_from_outside_fails_with_that_error_and_settles_all_once() -> None:
    reached = asyncio.Event()

    async def stalls(call: Call) -> Events:
        yield Started("sim", "m")
        reached.set()
        await asyncio.sleep(60)
        yield DONE

    run = Run(stalls)
    serving = asyncio.create_task(run.serve())
    await asyncio.wait_for(reached.wait(), 5)
    draining = Draining("The gateway is shutting down.")
    run.call.end(draining)
    with pytest.raises(Draining) as caught:
        await serving
    assert caught.value is draining
    assert run.settled == ["c", "b", "a"]
    assert run.outcome() == Outcome(error=draining)


async def test_ending_a_call_that_has_ended_changes_nothing() -> None:
    run = Run()
    await run.serve()
    run.call.end(Draining("The gateway is shutting down."))
    assert run.call.ended_with is None
    assert run.outcome() == Outcome(terminal=DONE)
