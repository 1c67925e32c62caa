"""Plays a script on an aiohttp request: the only place that touches sockets."""

import asyncio
import socket
import struct
import time
from collections.abc import Iterable
from typing import Final

from aiohttp import HttpVersion11, web

from hedgerow_sim.book import Entry
from hedgerow_sim.script import Close, Head, Pause, Send, Silence, Step

# SO_LINGER switched on with a time of 0 makes the kernel send an RST on close.
_LINGER_RESET: Final = struct.pack("ii", 1, 0)


async def perform(
    request: web.BaseRequest, steps: Iterable[Step], entry: Entry, piece: int | None = None
) -> web.StreamResponse:
    """Plays the steps, notes in the entry what was sent, and returns the finished response.

    `piece` cuts the body into pieces of that many bytes, each written and flushed on its own.
    """
    stage = _Stage(request, entry, piece)
    try:
        await _play(stage, steps)
    except ConnectionError:
        # A write noticed that the client is gone before the server did; aiohttp notices too, and drops the rest.
        if entry.outcome == "open":
            entry.outcome = "cancelled"
    return stage.response


async def _play(stage: "_Stage", steps: Iterable[Step]) -> None:
    for step in steps:
        match step:
            case Send():
                await stage.send(step)
            case Pause():
                await stage.flush()
                await asyncio.sleep(step.seconds)
            case Head():
                await stage.open(step)
            case Silence():
                await stage.flush()
                await asyncio.get_running_loop().create_future()
            case Close():
                await stage.close(reset=step.reset)
                return
    await stage.flush()
    await stage.response.write_eof()


class _Stage:
    """One response under way."""

    __slots__ = ("_entry", "_head_waits", "_piece", "_request", "response")

    def __init__(self, request: web.BaseRequest, entry: Entry, piece: int | None) -> None:
        self._request = request
        self._entry = entry
        self._piece = piece
        self._head_waits = False
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
        self._entry.status = head.status

    async def flush(self) -> None:
        if self._head_waits:
            self._begun()
            await self.response.write(b"")

    async def send(self, step: Send) -> None:
        if self._head_waits:
            self._begun()
        # Noted first: who reads the book after the client has the bytes must find them there.
        self._entry.output_tokens += step.tokens
        self._entry.sent_chunks += 1
        if step.failure:
            self._entry.outcome = "error"
        if self._piece is None:
            await self.response.write(step.data)
            return
        for start in range(0, len(step.data), self._piece):
            await asyncio.sleep(0)
            await self.response.write(step.data[start : start + self._piece])

    def _begun(self) -> None:
        self._head_waits = False
        self._entry.first_byte_unix = time.time()

    async def close(self, *, reset: bool) -> None:
        await self.flush()
        self._entry.outcome = "cut"
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
