"""Reads answers on whose callers have left, so that what they cost is known and not estimated."""

import asyncio
import contextlib
from collections.abc import Callable

import msgspec

from hedgerow_server.core.error import HedgerowError
from hedgerow_server.core.event import Event, Finished, Usage
from hedgerow_server.core.port import CancelBilling, Reader
from hedgerow_server.providers.http.port import Response, UnreachableError
from hedgerow_server.providers.section import ProviderSection

Done = Callable[[Usage | None], None]
"""Told once how an answer ended: its usage by the provider's own count, or None where that never came."""


class DrainCaps(msgspec.Struct, frozen=True):
    """How far an answer is read on."""

    seconds: float
    """From the moment at which the caller left."""
    bytes: int
    """Of the body, beyond what the caller had."""


def drain_caps(section: ProviderSection) -> DrainCaps | None:
    """How far the answers of a provider are read on; None where its connections are closed at once."""
    return DrainCaps(section.drain_seconds, section.drain_bytes) if section.on_cancel == "drain" else None


def worth_draining(billing: CancelBilling) -> bool:
    """Whether to read on: not where closing the connection saves what is not yet generated."""
    return billing is not CancelBilling.STOPS


class Drainer:
    """Takes over answers whose callers have left, each in a task of its own, at most `max_concurrent` at once."""

    def __init__(self, max_concurrent: int) -> None:
        self._max_concurrent = max_concurrent
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    @property
    def active(self) -> int:
        """How many answers are being read on."""
        return len(self._tasks)

    def take(self, response: Response, reader: Reader, caps: DrainCaps, done: Done) -> bool:
        """Takes over an answer of which `reader` has read some, perhaps nothing. It is released, and `done` called from
        the event loop, in any case; neither happens if the result is False: then there is no room, or it is too late,
        and the answer stays with the caller of this.
        """
        return self._start(_Drain(caps, done, lambda _: reader, response=response))

    def take_sending(
        self, sending: asyncio.Task[Response], open_reader: Callable[[Response], Reader], caps: DrainCaps, done: Done
    ) -> bool:
        """The same for a request whose answer has not begun: `sending` runs Transport.send, and `open_reader` makes the
        reader once there are headers, or raises HedgerowError for an answer that is a failure.
        """
        return self._start(_Drain(caps, done, open_reader, sending=sending))

    def _start(self, drain: "_Drain") -> bool:
        if self._closed or len(self._tasks) >= self._max_concurrent:
            return False
        task = asyncio.get_running_loop().create_task(drain.read())
        self._tasks.add(task)
        # Not within the task: one that is cancelled before its first step never runs.
        task.add_done_callback(drain.end)
        task.add_done_callback(self._tasks.discard)
        return True

    async def close(self, within_s: float) -> None:
        """Takes nothing more, and gives what is under way `within_s` seconds before its connections are closed."""
        self._closed = True
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=within_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)


class _Drain:
    """One answer that is read on."""

    __slots__ = ("_caps", "_done", "_finished", "_open_reader", "_response", "_sending", "_usage")

    def __init__(
        self,
        caps: DrainCaps,
        done: Done,
        open_reader: Callable[[Response], Reader],
        *,
        response: Response | None = None,
        sending: asyncio.Task[Response] | None = None,
    ) -> None:
        self._caps = caps
        self._done = done
        self._open_reader = open_reader
        self._response = response
        self._sending = sending
        self._finished = False
        self._usage: Usage | None = None

    async def read(self) -> None:
        """Reads to the end of the answer or to the caps."""
        with contextlib.suppress(HedgerowError, UnreachableError, TimeoutError):
            async with asyncio.timeout(self._caps.seconds):
                if self._sending is not None:
                    self._response = await self._sending
                assert self._response is not None
                await self._read(self._response, self._open_reader(self._response))

    async def _read(self, response: Response, reader: Reader) -> None:
        room = self._caps.bytes
        while not reader.done and (data := await response.read()):
            room -= len(data)
            if room < 0:
                return
            self._note(reader.feed(data))
        self._note(reader.finish())
        self._finished = True

    def _note(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, Finished):
                self._usage = event.usage

    def end(self, _: asyncio.Task[None]) -> None:
        """Lets go of the answer, and tells what it cost."""
        sending = self._sending
        if self._response is None and sending is not None:
            if not sending.done():
                sending.cancel()
            elif not sending.cancelled() and sending.exception() is None:
                self._response = sending.result()
        if self._response is not None:
            self._response.release(finished=self._finished)
        self._done(self._usage)
