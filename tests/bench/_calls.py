"""Calls and routes that several small benches make, and the meter that they read."""

import asyncio
from collections.abc import Awaitable, Callable

import psutil
from hedgerow.chat.v1 import chat_service_pb2, message_pb2

PROMPT = "Say something about hedges. " * 36
"""About 1 KB."""
STREAM_TOKENS = 64


def request(model: str) -> bytes:
    """A chat request of about 1 KB."""
    message = message_pb2.Message(role=message_pb2.ROLE_USER, content=[message_pb2.Part(text=PROMPT)])
    spec = message_pb2.ChatSpec(model=model, messages=[message])
    return chat_service_pb2.CompleteRequest(chat=spec).SerializeToString()


async def spread(count: int, width: int, one: Callable[[], Awaitable[None]]) -> None:
    """Runs `one` so many times, `width` at once."""
    left = iter(range(count))

    async def worker() -> None:
        for _ in left:
            await one()

    await asyncio.gather(*(worker() for _ in range(width)))


class Meter:
    """CPU that a process has used since the meter was made, in µs."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._before = self._used()

    def _used(self) -> float:
        times = self._process.cpu_times()
        return times.user + times.system

    def micros(self) -> float:
        """The CPU used so far."""
        return (self._used() - self._before) * 1e6


def bench_routes() -> dict[str, object]:
    """Routes with exact token counts."""

    def route(model: str) -> dict[str, object]:
        return {"kind": "chat", "candidates": [{"provider": "sim", "model": model}]}

    return {
        "bench-unary": route("bench-model"),
        "bench-burst": route(f"sim-tokens-{STREAM_TOKENS}-0"),
        "bench-paced": route(f"sim-tokens-{STREAM_TOKENS}-20"),
    }
