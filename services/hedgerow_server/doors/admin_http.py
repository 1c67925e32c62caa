"""The admin HTTP door: is the process alive, and may it be sent calls."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from http import HTTPStatus

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from hedgerow_server.core.drift import Counts
from hedgerow_server.doors.http_server import HttpServer

Readiness = Callable[[], list[str]]
"""Why the server is not ready, one phrase each; empty when it is."""
Drift = Callable[[], dict[str, Counts]]
"""What came of each provider that is not known."""
Parts = Callable[[str], tuple[str, AsyncIterator[bytes]]]
"""A content type and a page in parts, for an Accept header (empty: none came). Made while calls go on."""


class AdminHttp:
    """/healthz says that the event loop turns; /readyz says whether calls should come here, and if not, why; /drift
    counts what providers send that is not known; /metrics has the numbers for Prometheus.
    """

    def __init__(self, readiness: Readiness, drift: Drift, metrics: Parts, more: Sequence[BaseRoute] = ()) -> None:
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

    async def start(self, address: str, *, shared: bool = False) -> str:
        """Listens; returns the address with the real port. `shared` as for `listening`. Raises ListenError."""
        return await self._server.start(address, shared=shared)

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
        content_type, parts = self._metrics(", ".join(request.headers.getlist("accept")))
        # The same path answers in several forms (RFC 9110, 12.5.5).
        return _Parted(parts, {"content-type": content_type, "vary": "accept"})


class _Parted(Response):
    """An answer in parts. Starlette's own watches for callers that leave with anyio, whose first use alone holds up the
    loop for 60 ms; here what is sent to nobody costs little.
    """

    def __init__(self, parts: AsyncIterator[bytes], headers: Mapping[str, str]) -> None:
        self._parts, self.status_code, self.background = parts, HTTPStatus.OK, None
        self.init_headers(headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async for part in self._parts:
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
