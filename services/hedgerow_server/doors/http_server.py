"""The HTTP server of the admin door, on uvicorn, in the router's own loop."""

import asyncio
import contextlib
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp

from hedgerow_server.doors.listen import listening


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # Signals belong to the process, not to one of its doors.
        yield


class HttpServer:
    """Serves an application at one address."""

    def __init__(self, app: ASGIApp) -> None:
        self._server = _Server(
            uvicorn.Config(
                app,
                http="httptools",
                log_config=None,
                access_log=False,
                lifespan="off",
                server_header=False,
                ws="none",
                # It would take the word of whoever connects from this machine.
                proxy_headers=False,
            )
        )
        self._task: asyncio.Task[None] | None = None

    async def start(self, address: str, *, shared: bool = False) -> str:
        """Listens; returns the address with the real port. `shared` as for `listening`. Raises ListenError."""
        listener, found = listening(address, shared=shared)
        self._task = asyncio.create_task(self._server.serve(sockets=[listener]))
        return found

    async def stop(self) -> None:
        """Ends it at once."""
        self._server.should_exit = True
        self._server.force_exit = True
        if self._task is not None:
            await self._task
