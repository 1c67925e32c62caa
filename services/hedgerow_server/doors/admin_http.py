"""The admin HTTP door: is the process alive, and may it be sent calls."""

from collections.abc import Awaitable, Callable, Sequence

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from hedgerow_server.core.drift import Counts
from hedgerow_server.doors.http_server import HttpServer

Readiness = Callable[[], list[str]]
"""Why the server is not ready, one phrase each; empty when it is."""
Drift = Callable[[], dict[str, Counts]]
"""What came of each provider that is not known."""
Page = Callable[[], Awaitable[tuple[bytes, str]]]
"""A page and its content type. Made while calls go on."""


class AdminHttp:
    """/healthz says that the event loop turns; /readyz says whether calls should come here, and if not, why; /drift
    counts what providers send that is not known; /metrics has the numbers for Prometheus.
    """

    def __init__(self, readiness: Readiness, drift: Drift, metrics: Page, more: Sequence[BaseRoute] = ()) -> None:
        """`more` are the routes of others who serve here."""
        self._readiness = readiness
        self._drift = drift
        self._metrics = metrics
        routes = [
            Route("/healthz", self._healthz),
            Route("/readyz", self._readyz),
            Route("/drift", self._tell_drift),
            Route("/metrics", self._tell_metrics),
            *more,
        ]
        self._server = HttpServer(Starlette(routes=routes))

    async def start(self, address: str) -> str:
        """Listens; returns the address with the real port. Raises ListenError."""
        return await self._server.start(address)

    async def stop(self) -> None:
        """Ends it at once."""
        await self._server.stop()

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
        content, content_type = await self._metrics()
        return Response(content, headers={"content-type": content_type})
