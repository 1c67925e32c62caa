"""The admin HTTP door: is the process alive, and may it be sent calls."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from hedgerow_server.core.drift import Counts
from hedgerow_server.doors.listen import ListenError

Readiness = Callable[[], list[str]]
"""Why the server is not ready, one phrase each; empty when it is."""
Drift = Callable[[], dict[str, Counts]]
"""What came of each provider that is not known."""
Page = Callable[[], tuple[bytes, str]]
"""A page and its content type."""


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # Signals belong to the process, not to one of its doors.
        yield


class AdminHttp:
    """/healthz says that the event loop turns; /readyz says whether calls should come here, and if not, why; /drift
    counts what providers send that is not known; /metrics has the numbers for Prometheus.
    """

    def __init__(self, readiness: Readiness, drift: Drift, metrics: Page) -> None:
        self._readiness = readiness
        self._drift = drift
        self._metrics = metrics
        routes = [
            Route("/healthz", self._healthz),
            Route("/readyz", self._readyz),
            Route("/drift", self._tell_drift),
            Route("/metrics", self._tell_metrics),
        ]
        config = uvicorn.Config(
            Starlette(routes=routes), log_config=None, access_log=False, lifespan="off", server_header=False, ws="none"
        )
        self._server = _Server(config)
        self._task: asyncio.Task[None] | None = None

    async def start(self, address: str) -> str:
        """Listens; returns the address with the real port. Raises ListenError."""
        host, _, port = address.rpartition(":")
        listener = socket.socket(socket.AF_INET6 if host.startswith("[") else socket.AF_INET)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host.strip("[]"), int(port)))
            listener.listen()
        except OSError as error:
            listener.close()
            raise ListenError(f"cannot listen on {address}: {error.strerror}") from None
        bound = listener.getsockname()[1]
        self._task = asyncio.create_task(self._server.serve(sockets=[listener]))
        return f"{host}:{bound}"

    async def stop(self) -> None:
        """Ends it at once."""
        self._server.should_exit = True
        self._server.force_exit = True
        if self._task is not None:
            await self._task

    async def _healthz(self, request: Request) -> PlainTextResponse:
        return PlainTextResponse("ok\n")

    async def _readyz(self, request: Request) -> PlainTextResponse:
        problems = self._readiness()
        if problems:
            return PlainTextResponse("not ready: " + "; ".join(problems) + "\n", status_code=503)
        return PlainTextResponse("ready\n")

    async def _tell_drift(self, request: Request) -> JSONResponse:
        return JSONResponse(self._drift())

    async def _tell_metrics(self, request: Request) -> Response:
        content, content_type = self._metrics()
        return Response(content, headers={"content-type": content_type})
