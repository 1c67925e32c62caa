"""Callers at work behind Envoy while routers come and go: each call has an id, and what became of it is kept."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio
from hedgerow.chat.v1.chat_service_pb2 import CompleteResponse, StreamCompleteResponse
from mesh.replicas import Mesh
from money.accounts import differences
from money.counter import ids
from rpc.caller import COMPLETE, STREAM_COMPLETE, chat, new_trace
from stack import OWN_CONNECTIONS

_STREAM_S = 60


class Load:
    """What callers do and are told."""

    def __init__(self, shared: Mesh, channel: grpc.aio.Channel) -> None:
        self._shared = shared
        self._complete: Any = channel.unary_unary(COMPLETE, response_deserializer=CompleteResponse.FromString)
        self._stream: Any = channel.unary_stream(
            STREAM_COMPLETE, response_deserializer=StreamCompleteResponse.FromString
        )
        self.traces: set[str] = set()
        """The ids of all tries."""
        self.answered = 0
        """Unary calls with an answer."""
        self.again = 0
        """Those that needed a second try."""
        self.whole = 0
        """Streams that came to their end."""
        self.open = 0
        """Streams that have begun."""
        self.failed: list[str] = []
        """Calls without an answer, and streams that were cut."""
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Has `keep_calling` and `keep_streaming` come to their ends."""
        self._stopping.set()

    async def keep_calling(self, model: str, *, timeout: float = 20, tries: int = 1) -> None:
        """Unary calls, one after the other. A further try has the key of the first one."""
        for number in itertools.count():
            if self._stopping.is_set():
                return
            key = f"{id(self)}-{id(asyncio.current_task())}-{number}" if tries > 1 else ""
            request = chat(model)
            request.idempotency_key = key
            payload = request.SerializeToString()
            await self._call(payload, timeout, tries)
            await asyncio.sleep(0.005)

    async def _call(self, payload: bytes, timeout: float, tries: int) -> None:
        told = []
        for number in range(tries):
            trace = new_trace()
            self.traces.add(trace)
            try:
                await self._complete(payload, timeout=timeout, metadata=ids(trace))
            except grpc.aio.AioRpcError as error:
                told.append(f"{error.code().name}: {error.details()}")
                continue
            self.answered += 1
            self.again += number > 0
            return
        self.failed.append(" | ".join(told))

    async def keep_streaming(self, model: str) -> None:
        """Streams, one after the other."""
        while not self._stopping.is_set():
            trace, last = new_trace(), StreamCompleteResponse()
            self.traces.add(trace)
            self.open += 1
            try:
                payload = chat(model).SerializeToString()
                async for event in self._stream(payload, timeout=_STREAM_S, metadata=ids(trace)):
                    last = event
            except grpc.aio.AioRpcError as error:
                self.failed.append(f"stream: {error.code().name}: {error.details()}")
                continue
            if last.HasField("completed"):
                self.whole += 1
            else:
                self.failed.append("stream: ended without its last event")

    def owed(self) -> list[str]:
        """What ledger and book say differently of these calls."""
        calls, attempts = self._shared.rows()
        mine = [one for one in calls if one.request_id in self.traces]
        known = {one.call_id for one in mine}
        entries = [one for one in self._shared.entries() if one["headers"].get("traceparent") in self.traces]
        return differences(mine, [one for one in attempts if one.call_id in known], entries)

    async def balance(self) -> None:
        """Returns once ledger and book say the same of these calls."""
        await until(lambda: not self.owed(), "ledger and book are the same", lambda: self.owed()[:5])


async def until(condition: Callable[[], object], what: str, told: Callable[[], object] = lambda: "") -> None:
    """Returns once the condition is true, looked at in a thread; fails with what is told after a minute or so."""
    for _ in range(600):
        if await asyncio.to_thread(condition):
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"not in time: {what}: {await asyncio.to_thread(told)}")


@asynccontextmanager
async def load(shared: Mesh) -> AsyncIterator[Load]:
    """A client's connection to Envoy."""
    channel = grpc.aio.insecure_channel(shared.envoy.address, OWN_CONNECTIONS)
    try:
        yield Load(shared, channel)
    finally:
        await channel.close()
