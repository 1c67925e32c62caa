"""What the health service says, to whom, and for how long."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
import grpc.aio
import pytest
from grpc_health.v1 import health_pb2
from hedgerow_server.doors.health import Health

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
SERVICE_UNKNOWN = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN


@dataclass
class Watcher:
    """One call of Watch. It may stop to read."""

    told: list[int] = field(default_factory=list)
    code: grpc.StatusCode | None = None
    reads: bool = True

    async def write(self, message: Any) -> None:
        """Takes a message."""
        self.told.append(message.status)
        if not self.reads:
            await asyncio.Event().wait()

    async def abort(self, code: grpc.StatusCode, details: str = "") -> None:
        """Ends."""
        self.code = code
        raise grpc.aio.AbortError(details)


@asynccontextmanager
async def watching(health: Health, *watchers: Watcher, service: str = "") -> AsyncIterator[None]:
    """All of them watch, and have heard what there is."""
    request = health_pb2.HealthCheckRequest(service=service)
    tasks = [asyncio.create_task(health._servicer.Watch(request, one)) for one in watchers]  # type: ignore[arg-type]
    await heard()
    yield
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def heard() -> None:
    """Lets everybody hear."""
    for _ in range(10):
        await asyncio.sleep(0)


def serving() -> Health:
    """Of a server that serves."""
    health = Health(["a.Service"])
    health.say(serving=True)
    return health


async def test_a_watcher_is_told_each_change_once() -> None:
    health, one = Health([]), Watcher()
    health.say(serving=False)
    async with watching(health, one):
        for state in (False, True, True):
            health.say(serving=state)
            await heard()
        assert (one.told, one.code, health.watching) == ([NOT_SERVING, SERVING], None, 1)
    assert health.watching == 0


async def test_a_watch_ends_when_it_does_not_serve_any_more_and_the_next_one_stays() -> None:
    health, one, next_one = serving(), Watcher(), Watcher()
    async with watching(health, one):
        health.say(serving=False)
        await heard()
        assert (one.told, one.code) == ([SERVING, NOT_SERVING], grpc.StatusCode.UNAVAILABLE)
        async with watching(health, next_one):
            assert (next_one.told, next_one.code) == ([NOT_SERVING], None)


async def test_a_watcher_that_does_not_read_holds_up_nobodys_news() -> None:
    health, stuck, other = serving(), Watcher(reads=False), Watcher()
    async with watching(health, stuck, other):
        health.drain()
        await heard()
        assert (stuck.told, other.told) == ([SERVING], [SERVING, NOT_SERVING])


@pytest.mark.parametrize("service", ["", "no.such.Service"])
async def test_at_the_end_all_watches_end(service: str) -> None:
    health, one = Health([]), Watcher()
    health.say(serving=False)
    async with watching(health, one, service=service):
        health.drain()
        health.end()
        await heard()
        assert one.code is grpc.StatusCode.UNAVAILABLE
    late = Watcher()
    async with watching(health, late, service=service):
        assert (late.told, late.code) == ([], grpc.StatusCode.UNAVAILABLE)


async def test_nothing_is_said_after_the_drain_has_begun() -> None:
    health, one = serving(), Watcher()
    health.drain()
    health.say(serving=True)
    async with watching(health, one):
        assert one.told == [NOT_SERVING]


async def test_a_service_that_is_not_there_is_unknown_to_watchers() -> None:
    health, one = serving(), Watcher()
    async with watching(health, one, service="no.such.Service"):
        assert one.told == [SERVICE_UNKNOWN]
