"""Plays a script on an aiohttp request: the only place that touches sockets."""

import asyncio
import socket
import struct
import time
from collections.abc import Iterator
from typing import Final

from aiohttp import HttpVersion11, web

from hedgerow_sim.book import Book, Entry
from hedgerow_sim.script import Close, Deaf, Head, Pause, Raw, Send, Silence, Step

# SO_LINGER switched on with a time of 0 makes the kernel send an RST on close.
_LINGER_RESET: Final = struct.pack("ii", 1, 0)


class Performer:
    """Plays scripts, and goes on with those that do not care whether anybody listens."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._unheard: set[asyncio.Task[None]] = set()

    async def perform(
        self, request: web.BaseRequest, steps: Iterator[Step], entry: Entry, piece: int | None = None
    ) -> web.StreamResponse:
        """Plays the steps, notes in the entry what was sent, and returns the finished response.

        `piece` cuts the body into pieces of that many bytes, each written and flushed on its own.
        """
        stage = _Stage(request, entry, piece)
        try:
            await _play(stage, steps)
        except (ConnectionError, asyncio.CancelledError) as exc:
            # The server cancels the handler when the connection is lost; a write may notice it first.
            if stage.deaf:
                self._book.outlive(entry)
                self._go_on(stage, steps)
            if isinstance(exc, asyncio.CancelledError):
                raise
            # aiohttp notices too, and drops the rest.
            if not stage.deaf and entry.outcome == "open":
                entry.outcome = "cancelled"
                entry.closed_unix = time.time()
        return stage.response

    def _go_on(self, stage: "_Stage", steps: Iterator[Step]) -> None:
        task = asyncio.get_running_loop().create_task(self._generate(stage, steps))
        self._unheard.add(task)
        task.add_done_callback(self._unheard.discard)

    async def _generate(self, stage: "_Stage", steps: Iterator[Step]) -> None:
        """Plays what is left of a script to nobody, at its pace."""
        try:
            for step in stage.interrupted(steps):
                if isinstance(step, Pause):
                    await stage.pause(step)
                elif isinstance(step, Send):
                    stage.generated(step.tokens, paid=step.paid)
                elif isinstance(step, Silence | Close):
                    break
        finally:
            self._book.close(stage.entry, "cancelled")

    async def close(self) -> None:
        """Ends what is still being generated."""
        tasks = list(self._unheard)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _play(stage: "_Stage", steps: Iterator[Step]) -> None:
    for step in steps:
        match step:
            case Send():
                await stage.send(step)
            case Pause():
                await stage.flush()
                await stage.pause(step)
            case Head():
                await stage.open(step)
            case Silence():
                await stage.flush()
                await asyncio.get_running_loop().create_future()
            case Raw():
                await stage.write(step)
            case Deaf():
                stage.deaf = True
            case Close():
                await stage.close(reset=step.reset)
                return
    await stage.flush()
    await stage.response.write_eof()


class _Stage:
    """One response under way."""

    __slots__ = ("_head_waits", "_left", "_piece", "_request", "deaf", "entry", "response")

    def __init__(self, request: web.BaseRequest, entry: Entry, piece: int | None) -> None:
        self._request = request
        self.entry = entry
        self._piece = piece
        self._head_waits = False
        self._left: Pause | None = None
        self.deaf = False
        self.response: web.StreamResponse = web.Response()

    async def open(self, head: Head) -> None:
        # A web.Response, unlike a StreamResponse, holds its head back until the first bytes: one packet, not two.
        response = web.Response(status=head.status, headers=head.headers)
        if head.length is not None:
            response.headers["Content-Length"] = str(head.length)
        elif self._request.version >= HttpVersion11:
            response.enable_chunked_encoding()
        else:
            response.force_close()
        await response.prepare(self._request)
        self.response = response
        self._head_waits = True
        self.entry.status = head.status

    async def flush(self) -> None:
        if self._head_waits:
            self._begun()
            await self.response.write(b"")

    async def send(self, step: Send) -> None:
        if self._head_waits:
            self._begun()
        # Noted first: who reads the book after the client has the bytes must find them there.
        self.entry.output_tokens += step.tokens
        self.entry.sent_chunks += step.chunks
        self.generated(step.tokens, paid=step.paid)
        if step.failure:
            self.entry.outcome = "error"
        if self._piece is None:
            await self.response.write(step.data)
            return
        for start in range(0, len(step.data), self._piece):
            await asyncio.sleep(0)
            await self.response.write(step.data[start : start + self._piece])

    def generated(self, tokens: int, *, paid: bool = False) -> None:
        """Bills for tokens, unless a pause has generated them before."""
        entry = self.entry
        if tokens or paid:
            entry.billed_input_tokens = entry.input_tokens
        if paid:
            entry.billed_output_tokens = max(entry.billed_output_tokens, tokens)
        else:
            entry.billed_output_tokens += tokens

    async def pause(self, step: Pause) -> None:
        begun = time.monotonic()
        try:
            await asyncio.sleep(step.seconds)
        except asyncio.CancelledError:
            passed = min((time.monotonic() - begun) / step.seconds, 1.0) if step.seconds else 1.0
            done = int(step.tokens * passed)
            self.generated(done)
            self._left = Pause(step.seconds * (1 - passed), step.tokens - done)
            raise
        self.generated(step.tokens)

    def interrupted(self, steps: Iterator[Step]) -> Iterator[Step]:
        """The rest of a pause that was cut short, and what follows."""
        if self._left is not None:
            yield self._left
        yield from steps

    async def write(self, step: Raw) -> None:
        transport = self._request.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError
        if step.status is not None:
            self.entry.status = step.status
            self._begun()
            self.entry.sent_chunks += 1
        transport.write(step.data)
        await self._request.writer.drain()

    def _begun(self) -> None:
        self._head_waits = False
        self.entry.first_byte_unix = time.time()

    async def close(self, *, reset: bool) -> None:
        await self.flush()
        if self.entry.outcome == "open":
            self.entry.outcome = "cut"
        transport = self._request.transport
        if transport is None:
            return
        if not reset:
            transport.close()
            return
        # A transport tells nobody when its buffer is empty.
        while transport.get_write_buffer_size() and not transport.is_closing():  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        if (sock := transport.get_extra_info("socket")) is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_RESET)
        transport.abort()
