"""`grpc.health.v1`, for the whole server and for each service. All say the same: there is one state.

A watch ends once it has said NOT_SERVING after SERVING. Behind a proxy it is a stream to one of several gateways, and a
client that holds on to it makes no call to any of them while that one drains. Whoever watches again finds another one;
without a proxy it is the same, and says so.
"""

import asyncio
from collections.abc import Iterable
from typing import Any

import grpc
import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc

_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
_UNKNOWN = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
_AGAIN = "The gateway does not serve any more: watch again, another one may."
_Context = grpc.aio.ServicerContext


class _Servicer(health_pb2_grpc.HealthServicer):  # type: ignore[misc]  # grpcio-health-checking has no types
    """Not the one of grpcio-health-checking: with that, a watcher that does not read holds up everybody's news."""

    def __init__(self, names: frozenset[str]) -> None:
        self.state = _UNKNOWN
        """Of all services; `_UNKNOWN` until anything was said."""
        self.over = False
        """Whether nobody is told anything any more."""
        self.watching = 0
        self._names = names
        self._news = asyncio.Event()

    def tell(self) -> None:
        """Something is new."""
        self._news.set()
        self._news = asyncio.Event()

    async def Check(  # noqa: N802 - the contract's name
        self, request: health_pb2.HealthCheckRequest, context: "_Context[Any, Any]"
    ) -> health_pb2.HealthCheckResponse:
        if request.service not in self._names or self.state == _UNKNOWN:
            await context.abort(grpc.StatusCode.NOT_FOUND)
        return health_pb2.HealthCheckResponse(status=self.state)

    async def Watch(  # noqa: N802 - the contract's name
        self, request: health_pb2.HealthCheckRequest, context: "_Context[Any, Any]"
    ) -> None:
        self.watching += 1
        try:
            await self._watch(request.service in self._names, context)
        finally:
            self.watching -= 1
        await context.abort(grpc.StatusCode.UNAVAILABLE, _AGAIN)

    async def _watch(self, known: bool, context: "_Context[Any, Any]") -> None:
        told: int | None = None
        while not self.over:
            news, state = self._news, self.state if known else _UNKNOWN
            if state != told:
                await context.write(health_pb2.HealthCheckResponse(status=state))
                if told == _SERVING:
                    return
                told = state
            if news is self._news:
                await news.wait()


class Health:
    """What the servers' health services say."""

    def __init__(self, services: Iterable[str]) -> None:
        self._servicer = _Servicer(frozenset(("", *services)))
        self._draining = False

    def register(self, server: grpc.aio.Server) -> None:
        """Adds the service to a server."""
        health_pb2_grpc.add_HealthServicer_to_server(self._servicer, server)

    @property
    def watching(self) -> int:
        """How many calls watch it."""
        return self._servicer.watching

    def say(self, *, serving: bool) -> None:
        """Tells every watcher, unless `drain` has spoken."""
        if not self._draining:
            self._say(_SERVING if serving else _NOT_SERVING)

    def drain(self) -> None:
        """NOT_SERVING, for good."""
        self._draining = True
        self._say(_NOT_SERVING)

    def end(self) -> None:
        """Sends all watchers away, once they could not come back."""
        self._servicer.over = True
        self._servicer.tell()

    def _say(self, state: int) -> None:
        if self._servicer.state != state:
            self._servicer.state = state
            self._servicer.tell()
