"""The server: binds, says where, serves until a signal, and stops at once."""

import asyncio
import contextlib
import json
import os
import signal
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_parser import RawRequestMessage
from aiohttp.streams import StreamReader
from aiohttp.web_protocol import RequestHandler

from hedgerow_sim.handler import Handler

# Requests of many images or inputs are larger than aiohttp's default of 1 MiB.
_LARGEST_BODY = 256 << 20
# What calls under way get when the server is told to stop.
_GRACE_SECONDS = 0.05


@contextlib.asynccontextmanager
async def listening(
    handler: Handler, host: str, port: int, tls: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[str, int]]:
    """Serves while the block runs, with `tls` over TLS; gives the bound address. Port 0 takes a free one."""
    loop = asyncio.get_running_loop()

    def request(
        message: RawRequestMessage,
        payload: StreamReader,
        protocol: RequestHandler,
        writer: AbstractStreamWriter,
        task: asyncio.Task[None],
    ) -> web.BaseRequest:
        return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=_LARGEST_BODY)

    # With handler_cancellation, a client that goes away ends its call at once, whatever the call waits for.
    server = web.Server(handler, request_factory=request, handler_cancellation=True, access_log=None)
    handler.watch(lambda: len(server.connections))
    runner = web.ServerRunner(server, shutdown_timeout=_GRACE_SECONDS)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, backlog=1024, ssl_context=tls).start()
        bound = runner.addresses[0]
        yield bound[0], bound[1]
    finally:
        await handler.close()
        await runner.cleanup()


async def serve(
    handler: Handler, host: str, port: int, ready: Callable[[str], None], tls: ssl.SSLContext | None = None
) -> None:
    """Serves until SIGTERM or SIGINT; calls `ready` with HOST:PORT once bound."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with listening(handler, host, port, tls) as (bound_host, bound_port):
        ready(f"[{bound_host}]:{bound_port}" if ":" in bound_host else f"{bound_host}:{bound_port}")
        await stop.wait()


def write_ports(file: Path, address: str) -> None:
    """Says where the server listens, atomically: who sees the file sees all of it."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.write_text(json.dumps({"http": address}) + "\n")
    draft.replace(file)
