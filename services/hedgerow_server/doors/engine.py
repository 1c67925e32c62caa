"""The callers' gRPC door as the configuration has it: on C-core, or on the event loop."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, Protocol

import grpc.aio
from prometheus_client.core import Metric

from hedgerow_server.doors.backlog import Channelz, Waiting
from hedgerow_server.doors.certificates import Certificates
from hedgerow_server.doors.gate import Queue
from hedgerow_server.doors.http2.numbers import GrpcNumbers
from hedgerow_server.doors.http2.options import Options
from hedgerow_server.doors.http2.server import Server
from hedgerow_server.doors.listen import bind, connections_of, files, instrumentation, listening, server_options
from hedgerow_server.doors.section import ServerSection

_HELD_BYTES, _HELD_MESSAGES = 256 * 1024 * 1024, 8
"""How much of requests that are not whole is kept: so many bytes, and room for so many of the largest."""
Numbers = Callable[[], Iterable[Metric]]


class CallersServer(Protocol):
    """A gRPC server for callers."""

    on_core: bool
    """Whether it is grpc.aio's."""

    @property
    def handlers(self) -> Any:
        """Where services are registered, as at a grpc.aio.Server."""

    @property
    def queue(self) -> Queue:
        """Calls that have come and wait."""

    def tell_apart(self, group: Callable[[str | None, str], Hashable]) -> None:
        """How callers whose calls wait are told apart: by credential and peer."""

    def bind(self, address: str, certificates: Certificates, where: str, *, shared: bool) -> str:
        """Binds an address, with the TLS of the section at `where`; returns it with the real port. `shared`: other
        processes of this router have it, too. Raises ListenError.
        """

    @property
    def numbers(self) -> Sequence[Numbers]:
        """What it counts."""

    async def start(self) -> None:
        """Takes calls from now on."""

    async def stop(self, grace_s: float) -> None:
        """Takes no more, gives those that are open so many seconds, and then ends them. May be called again with fewer
        of them.
        """


class CoreServer:
    """On C-core."""

    on_core = True
    numbers = ()

    def __init__(self, section: ServerSection, *, shared: bool) -> None:
        interceptors = instrumentation() if section.opentelemetry else ()
        options = server_options(section.grpc, section.overload, shared=shared)
        backlog = Channelz(lambda: grpc.aio.server(options=options, interceptors=interceptors))
        self.queue = Waiting(backlog, section.overload.max_waiting_calls)
        self.handlers = backlog.server

    def tell_apart(self, group: Callable[[str | None, str], Hashable]) -> None:
        """Not at all: C-core's queue is one for all."""

    def bind(self, address: str, certificates: Certificates, where: str, *, shared: bool) -> str:
        """See CallersServer."""
        return bind(self.handlers, address, certificates.credentials(where), shared=shared)

    async def start(self) -> None:
        """See CallersServer."""
        await self.handlers.start()

    async def stop(self, grace_s: float) -> None:
        """See CallersServer."""
        await self.handlers.stop(grace_s)


class LoopServer:
    """On the event loop."""

    on_core = False

    def __init__(self, section: ServerSection) -> None:
        told = section.grpc
        self.handlers = Server(
            Options(
                # As with C-core our own limit answers with its details, and this one stops what is far beyond it.
                message_bytes=2 * told.max_request_bytes,
                held_bytes=max(_HELD_BYTES, _HELD_MESSAGES * 2 * told.max_request_bytes),
                streams=told.max_streams_per_connection,
                waiting=section.overload.max_waiting_calls,
                connections=section.overload.max_connections or connections_of(files()),
                min_ping_s=told.min_ping_interval_seconds,
                max_age_s=told.max_connection_age_seconds,
            )
        )

    @property
    def numbers(self) -> Sequence[Numbers]:
        """See CallersServer."""
        return (GrpcNumbers(self.handlers),)

    def queue(self, behind: int, unread: int, *, idle: bool) -> tuple[int, int]:
        """See CallersServer: those that wait for their turn."""
        return len(self.handlers.turns), 0

    def tell_apart(self, group: Callable[[str | None, str], Hashable]) -> None:
        """See CallersServer."""
        self.handlers.group = group

    def bind(self, address: str, certificates: Certificates, where: str, *, shared: bool) -> str:
        """See CallersServer."""
        tls = certificates.context(where, "h2")
        listener, found = listening(address, shared=shared)
        self.handlers.listen(listener, tls)
        return found

    async def start(self) -> None:
        """See CallersServer."""
        await self.handlers.start()

    async def stop(self, grace_s: float) -> None:
        """See CallersServer."""
        await self.handlers.stop(grace_s)


def callers_server(section: ServerSection, *, shared: bool) -> CallersServer:
    """The server of the callers' gRPC door. `shared`: other processes of this router have its port, too. Raises
    ListenError.
    """
    on_core = section.grpc.engine == "grpcio" or section.opentelemetry
    return CoreServer(section, shared=shared) if on_core else LoopServer(section)
