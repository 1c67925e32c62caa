"""Answers whose callers have left are read on: the provider finishes them, and what they cost is its own count.

The provider is the simulator on a socket, behind all transports.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from hedgerow_server.core.error import ProviderUnavailable
from hedgerow_server.core.event import Event, Finished, FinishReason, TextDelta, Usage
from hedgerow_server.core.port import CancelBilling, Operation, Reader
from hedgerow_server.core.request import ChatSpec, Message, Part, Role, Text
from hedgerow_server.providers import registry
from hedgerow_server.providers.drain import DrainCaps, Drainer, drain_caps, worth_draining
from hedgerow_server.providers.http.port import Response, Transport
from hedgerow_server.providers.openai import OpenAI, OpenAISection
from unit.hedgerow_sim.harness import Sim, running

WIDE = DrainCaps(seconds=20.0, bytes=1 << 20)
SPEC = ChatSpec(model="fast", messages=(Message(Role.USER, (Part(Text("Tell me about hedges, please")),)),))


@pytest.fixture
async def sim() -> AsyncIterator[Sim]:
    """A simulator with an empty book."""
    async with running() as one:
        yield one


class Upstream:
    """A configured provider at the simulator."""

    def __init__(self, sim: Sim, transport: str) -> None:
        section = OpenAISection.model_validate(
            {"dialect": "openai", "base_url": f"{sim.url}/v1", "transport": transport, "on_cancel": "drain"}
        )
        self.dialect = OpenAI("sim", section)
        self.transport: Transport = registry.transport(section)

    def send(self, model: str, *, stream: bool) -> asyncio.Task[Response]:
        """A request on its way."""
        prepared = self.dialect.build(SPEC, stream=stream, model=model, secret=None)

        async def answer() -> Response:
            return await self.transport.send(prepared.request, ())

        return asyncio.create_task(answer())

    def reader(self, response: Response, *, stream: bool = True) -> Reader:
        """A reader for the answer. Raises what a refusal means."""
        if response.status != 200:
            raise self.dialect.classify(response.status, response.headers, b"")
        return self.dialect.reader(
            Operation.CHAT, stream=stream, content_type=response.headers["content-type"], headers=response.headers
        )

    async def open(self, model: str) -> tuple[Response, Reader]:
        """A stream whose headers are here."""
        response = await self.send(model, stream=True)
        return response, self.reader(response)


@pytest.fixture(params=["thin", "aiohttp", "httpx"])
async def upstream(request: pytest.FixtureRequest, sim: Sim) -> AsyncIterator[Upstream]:
    """The simulator behind one of the transports."""
    one = Upstream(sim, request.param)
    yield one
    await one.transport.close()


class Done:
    """What was told of the ends of answers."""

    def __init__(self) -> None:
        self.usages: list[Usage | None] = []
        self._told = asyncio.Event()

    def __call__(self, usage: Usage | None) -> None:
        self.usages.append(usage)
        self._told.set()

    async def once(self) -> Usage | None:
        """What was told, the only time."""
        async with asyncio.timeout(10):
            await self._told.wait()
        (only,) = self.usages
        return only


def draining() -> list[asyncio.Task[object]]:
    """The tasks that read answers on."""
    return [task for task in asyncio.all_tasks() if "_Drain" in repr(task.get_coro())]


async def leave_in_a_read(response: Response, reader: Reader) -> None:
    """What a caller that leaves does: some read that waits for the provider is cancelled."""
    while True:
        reading = asyncio.create_task(response.read())
        await asyncio.wait([reading], timeout=0.002)
        reading.cancel()
        try:
            reader.feed(await reading)
        except asyncio.CancelledError:
            return


async def test_a_cancelled_stream_is_finished_and_its_usage_is_the_providers(sim: Sim, upstream: Upstream) -> None:
    response, reader = await upstream.open("sim-tokens-30-30")
    reader.feed(await response.read())
    await leave_in_a_read(response, reader)
    drainer, done = Drainer(8), Done()
    assert drainer.take(response, reader, WIDE, done)
    usage = await done.once()
    entry = await sim.last_when(lambda one: one["outcome"] != "open")
    assert entry["outcome"] == "completed"
    assert usage is not None
    assert not usage.estimated
    assert (usage.input_tokens, usage.output_tokens) == (entry["input_tokens"], entry["output_tokens"])
    assert entry["output_tokens"] == 30
    assert draining() == []


async def test_a_call_that_is_cancelled_before_any_header_is_finished(sim: Sim, upstream: Upstream) -> None:
    sending = upstream.send("sim-tokens-8-20", stream=False)
    await sim.last_when(lambda one: one["outcome"] == "open")
    drainer, done = Drainer(8), Done()
    assert drainer.take_sending(sending, lambda response: upstream.reader(response, stream=False), WIDE, done)
    usage = await done.once()
    entry = await sim.last_when(lambda one: one["outcome"] != "open")
    assert entry["outcome"] == "completed"
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens) == (entry["input_tokens"], 8)


async def test_a_connection_of_which_all_was_read_is_used_again(sim: Sim, upstream: Upstream) -> None:
    response, reader = await upstream.open("sim-tokens-5-1")
    done = Done()
    assert Drainer(8).take(response, reader, WIDE, done)
    await done.once()
    first = await sim.last_when(lambda one: one["outcome"] == "completed")
    again, _ = await upstream.open("sim-tokens-1-1")
    assert (await sim.last())["peer"] == first["peer"]
    again.release()


async def test_a_refusal_has_no_usage(upstream: Upstream) -> None:
    sending = upstream.send("sim-500", stream=True)
    done = Done()

    def open_reader(response: Response) -> Reader:
        with pytest.raises(ProviderUnavailable) as raised:
            upstream.reader(response)
        raise raised.value

    assert Drainer(8).take_sending(sending, open_reader, WIDE, done)
    assert await done.once() is None


async def test_a_provider_that_cannot_be_reached_has_no_usage(upstream: Upstream) -> None:
    await upstream.transport.close()
    upstream.dialect = OpenAI("down", OpenAISection(dialect="openai", base_url="http://127.0.0.1:9/v1"))
    upstream.transport = registry.transport(OpenAISection(dialect="openai"))
    done = Done()
    assert Drainer(8).take_sending(upstream.send("any", stream=True), upstream.reader, WIDE, done)
    assert await done.once() is None


@pytest.mark.parametrize(
    ("model", "caps"),
    [("sim-stall", DrainCaps(0.2, 1 << 20)), ("sim-tokens-2000-2", DrainCaps(20.0, 2048))],
    ids=["seconds", "bytes"],
)
async def test_the_caps_end_an_answer_without_usage(sim: Sim, upstream: Upstream, model: str, caps: DrainCaps) -> None:
    response, reader = await upstream.open(model)
    done = Done()
    assert Drainer(8).take(response, reader, caps, done)
    assert await done.once() is None
    assert (await sim.last_when(lambda one: one["outcome"] != "open"))["outcome"] == "cancelled"


async def test_the_time_counts_before_the_first_header_as_well(sim: Sim, upstream: Upstream) -> None:
    sending, done = upstream.send("sim-silent", stream=True), Done()
    await sim.last_when(lambda one: one["outcome"] == "open")
    assert Drainer(8).take_sending(sending, upstream.reader, DrainCaps(0.1, 1024), done)
    assert await done.once() is None
    assert sending.cancelled()
    assert (await sim.last_when(lambda one: one["outcome"] != "open"))["outcome"] == "cancelled"


async def test_shutdown_lets_an_answer_end_that_can(upstream: Upstream) -> None:
    response, reader = await upstream.open("sim-tokens-10-5")
    drainer, done = Drainer(8), Done()
    assert drainer.take(response, reader, WIDE, done)
    await drainer.close(within_s=10)
    usage = await done.once()
    assert usage is not None
    assert usage.output_tokens == 10


async def test_shutdown_leaves_no_task_and_no_connection(sim: Sim, upstream: Upstream) -> None:
    response, reader = await upstream.open("sim-stall")
    drainer, done, late = Drainer(8), Done(), Done()
    assert drainer.take(response, reader, WIDE, done)
    assert drainer.take_sending(upstream.send("sim-silent", stream=True), upstream.reader, WIDE, late)
    await sim.last_when(lambda one: one["model"] == "sim-silent")
    assert drainer.active == 2
    await drainer.close(within_s=0.05)
    assert (drainer.active, draining()) == (0, [])
    assert (await done.once(), await late.once()) == (None, None)
    await sim.last_when(lambda one: one["outcome"] == "cancelled")
    assert [one["outcome"] for one in (await sim.book())["calls"]] == ["cancelled", "cancelled"]


async def test_a_read_that_is_cancelled_again_and_again_loses_nothing(upstream: Upstream) -> None:
    plain, reader = await upstream.open("sim-tokens-12-1")
    events: list[Event] = []
    while data := await plain.read():
        events += reader.feed(data)
    wanted = "".join(event.text for event in events if isinstance(event, TextDelta))

    broken, reader = await upstream.open("sim-tokens-12-15")
    events = []
    cancelled = 0
    data = b"-"
    while data:
        reading = asyncio.create_task(broken.read())
        await asyncio.wait([reading], timeout=0.004)
        if not reading.done():
            cancelled += reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            data = await reading
            events += reader.feed(data)
    broken.release()
    assert cancelled > 10
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == wanted


class FakeResponse:
    """An answer that never comes."""

    status = 200
    headers: dict[str, str] = {}  # noqa: RUF012 - never written to

    def __init__(self) -> None:
        self.releases: list[bool] = []

    async def read(self) -> bytes:
        """Waits for ever."""
        return await asyncio.Future()

    def release(self, *, finished: bool = False) -> None:
        """Writes down that it was let go."""
        self.releases.append(finished)


class EndedReader:
    """A reader whose provider has said its last word."""

    done = True

    def feed(self, data: bytes) -> list[Event]:
        """Nothing."""
        return []

    def finish(self) -> list[Event]:
        """The last event, without usage."""
        return [Finished(FinishReason.STOP, "stop", None)]


class OpenReader(EndedReader):
    """A reader that waits for more."""

    done = False


async def test_where_there_is_no_room_the_answer_stays_with_its_owner() -> None:
    drainer, done = Drainer(1), Done()
    kept, refused = FakeResponse(), FakeResponse()
    assert drainer.take(kept, OpenReader(), WIDE, done)
    assert not drainer.take(refused, OpenReader(), WIDE, done)
    await drainer.close(within_s=0)
    assert not drainer.take(refused, OpenReader(), WIDE, done)
    assert refused.releases == []
    assert (kept.releases, done.usages) == ([False], [None])


async def test_an_end_before_the_first_step_is_told_as_well() -> None:
    """`close` right after `take`: the task is cancelled before it ran."""
    drainer, done, response = Drainer(1), Done(), FakeResponse()
    assert drainer.take(response, OpenReader(), WIDE, done)
    await drainer.close(within_s=0)
    assert (response.releases, done.usages) == ([False], [None])


async def test_an_answer_that_had_ended_is_let_go_as_finished() -> None:
    drainer, done, response = Drainer(1), Done(), FakeResponse()
    assert drainer.take(response, EndedReader(), WIDE, done)
    assert await done.once() is None
    assert response.releases == [True]


def test_nothing_is_read_on_unless_the_configuration_says_so() -> None:
    assert drain_caps(OpenAISection(dialect="openai")) is None
    section = OpenAISection(dialect="openai", on_cancel="drain", drain_seconds=3.0, drain_bytes=4096)
    assert drain_caps(section) == DrainCaps(3.0, 4096)


def test_where_closing_stops_the_bill_nothing_is_read_on() -> None:
    assert not worth_draining(CancelBilling.STOPS)
    assert worth_draining(CancelBilling.CONTINUES)
    assert worth_draining(CancelBilling.UNKNOWN)
