"""Callers at work behind Envoy while routers come and go: each call has an id, and what became of it is kept."""

import asyncio
import itertools
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio
import pytest
from hedgerow.chat.v1.chat_service_pb2 import CompleteResponse, StreamCompleteResponse
from mesh.replicas import Mesh
from money.accounts import differences
from money.counter import ids
from rpc.caller import COMPLETE, STREAM_COMPLETE, chat, new_trace
from stack import OWN_CONNECTIONS

_STREAM_S = 120
_PAUSE_S = 0.05
"""Between calls. The simulator's book has room for those of a long run."""
_BEFORE_NEXT_S = 1.0
"""Before a call is repeated."""
_ROUNDS = "HEDGEROW_ROUNDS"
"""The variable that says how often routers are taken away."""


def rounds(request: pytest.FixtureRequest, usual: int, long: int) -> int:
    """How often: as often as the environment says, else `long` times with --long."""
    if told := os.environ.get(_ROUNDS):
        return int(told)
    return long if request.config.getoption("--long") else usual


class Load:
    """What callers do and are told."""

    def __init__(self, shared: Mesh, behind: grpc.aio.Channel, direct: Sequence[grpc.aio.Channel]) -> None:
        """`behind` is a connection to Envoy; `direct` are such to the routers themselves."""
        self._shared = shared
        self._behind = [_complete(behind)]
        self._direct = [_complete(one) for one in direct]
        self._stream: Any = behind.unary_stream(
            STREAM_COMPLETE, response_deserializer=StreamCompleteResponse.FromString
        )
        self.traces: set[str] = set()
        """The ids of all tries."""
        self.under_way: set[str] = set()
        """Unary calls without an answer yet, by who makes them and their names."""
        self.reached: dict[str, int] = {}
        """How many first tries were answered, by who made them and where."""
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

    @property
    def stopping(self) -> bool:
        """Whether they shall come to their ends."""
        return self._stopping.is_set()

    async def stopped(self) -> None:
        """Returns once they shall."""
        await self._stopping.wait()

    async def keep_calling(
        self, model: str, *, patience: Sequence[float] = (20,), direct: bool = False, refused: bool = False
    ) -> None:
        """Unary calls, one after the other. Each has as many tries as there are times in `patience`, with one key, each
        at the next router where they are asked directly. With `refused` also RESOURCE_EXHAUSTED is an answer.
        """
        who = f"python{' direct' if direct else ''} {id(asyncio.current_task())}"
        targets = self._direct if direct else self._behind
        for turn in itertools.count():
            if self._stopping.is_set():
                return
            request = chat(model)
            request.idempotency_key = f"{who}-{turn}" if len(patience) > 1 else ""
            payload = request.SerializeToString()
            told = []
            for number, timeout in enumerate(patience):
                target, trace = (turn + number) % len(targets), new_trace()
                self.trying(who, str(turn), trace)
                error = await _tried(targets[target], payload, trace, timeout, refused=refused)
                if error is None:
                    self.answer(who, str(turn), number + 1, target)
                    break
                told.append(f"{target}: {error}")
                if number + 1 < len(patience):
                    await asyncio.sleep(_BEFORE_NEXT_S)
            else:
                self.fail(who, str(turn), " | ".join(told))
            await asyncio.sleep(_PAUSE_S)

    def trying(self, who: str, call: str, trace: str) -> None:
        """A try of a call begins."""
        self.traces.add(trace)
        self.under_way.add(f"{who} {call}")

    def answer(self, who: str, call: str, tries: int, target: int) -> None:
        """A call has its answer, from the try of that number at that target."""
        self.under_way.discard(f"{who} {call}")
        self.answered += 1
        self.again += tries > 1
        if tries == 1:
            self.reached[f"{who} {target}"] = self.reached.get(f"{who} {target}", 0) + 1

    def fail(self, who: str, call: str, text: str) -> None:
        """A call has no answer."""
        self.under_way.discard(f"{who} {call}")
        self.failed.append(f"{who}: {text}")

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


def _complete(channel: grpc.aio.Channel) -> Any:
    return channel.unary_unary(COMPLETE, response_deserializer=CompleteResponse.FromString)


async def _tried(stub: Any, payload: bytes, trace: str, timeout: float, *, refused: bool) -> str | None:
    """What is wrong with the answer; None: nothing."""
    try:
        await stub(payload, timeout=timeout, metadata=ids(trace))
    except grpc.aio.AioRpcError as error:
        if refused and error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED:
            return None
        return f"{error.code().name}: {error.details()} ({trace})"
    return None


@asynccontextmanager
async def load(shared: Mesh) -> AsyncIterator[Load]:
    """A client's connections to Envoy and to the routers."""
    # A router that is back is found soon.
    options = [*OWN_CONNECTIONS, ("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 300)]
    addresses = [shared.envoy.address, *(f"127.0.0.1:{one.grpc}" for one in shared.replicas)]
    behind, *direct = channels = [grpc.aio.insecure_channel(address, options) for address in addresses]
    try:
        yield Load(shared, behind, direct)
    finally:
        for channel in channels:
            await channel.close()
