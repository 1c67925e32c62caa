"""gRPC servers as the configuration describes them: options, TLS and addresses."""

import asyncio
import logging
import resource
import socket
import ssl
from collections.abc import Callable, Sequence

import grpc.aio

from hedgerow_server.doors.overload_section import OverloadSection
from hedgerow_server.doors.section import GrpcSection

_METADATA_BYTES = 16 * 1024
_KEEPALIVE_S = 30
_KEEPALIVE_TIMEOUT_S = 20
_CONNECTIONS = 10_000
_BACKLOG = 1024
_TLS_HANDSHAKE_S = 10.0
_TLS_GOODBYE_S = 2.0


class ListenError(Exception):
    """An address cannot be used; the text names it."""


def server_options(
    section: GrpcSection, overload: OverloadSection | None = None, *, shared: bool = False
) -> list[tuple[str, int]]:
    """The channel arguments of the callers' door. `shared`: other processes of this router have its port, too."""
    overload = overload or OverloadSection()
    options = [
        # Our own limit answers with its details while decoding; C-core's bare one only stops what is far beyond it.
        ("grpc.max_receive_message_length", 2 * section.max_request_bytes),
        ("grpc.max_send_message_length", -1),
        ("grpc.max_concurrent_streams", section.max_streams_per_connection),
        # Counts by listener, before the handshake.
        ("grpc.max_allowed_incoming_connections", overload.max_connections or connections_of(files())),
        # Between the two C-core cancels some at random, and says no reason. They are near each other, since what it has
        # cancelled can only be told from what waits by how many may wait (backlog.py).
        ("grpc.server.max_pending_requests", overload.max_waiting_calls * 9 // 10),
        ("grpc.server.max_pending_requests_hard_limit", overload.max_waiting_calls),
        # C-core's defence against clients that open and reset streams without end (CVE-2023-44487) also counts calls
        # that have ended until their last trace is gone, by default to the same limit: a client that obeys it and stays
        # at it would see most of its calls refused. As much again is for those.
        ("grpc.http2.max_deallocating_streams", section.max_streams_per_connection),
        ("grpc.max_metadata_size", _METADATA_BYTES),
        ("grpc.absolute_max_metadata_size", 2 * _METADATA_BYTES),
        # A second server on the port is an error, not half of the calls.
        ("grpc.so_reuseport", int(shared)),
        ("grpc.enable_channelz", 1),
        # Finds callers that have vanished without a word.
        ("grpc.keepalive_time_ms", _KEEPALIVE_S * 1000),
        ("grpc.keepalive_timeout_ms", _KEEPALIVE_TIMEOUT_S * 1000),
        # C-core waits for the answer to a ping for this long, a minute by default, whatever the line above says.
        ("grpc.http2.ping_timeout_ms", _KEEPALIVE_TIMEOUT_S * 1000),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_ping_interval_without_data_ms", round(section.min_ping_interval_seconds * 1000)),
    ]
    if section.max_connection_age_seconds is not None:
        options.append(("grpc.max_connection_age_ms", round(section.max_connection_age_seconds * 1000)))
    return options


def operators_options(section: GrpcSection, *, shared: bool) -> list[tuple[str, int]]:
    """The channel arguments of the admin door. Its clients ping as those of the callers' door do (`section`)."""
    return [
        ("grpc.so_reuseport", int(shared)),
        ("grpc.enable_channelz", 1),
        ("grpc.http2.min_ping_interval_without_data_ms", round(section.min_ping_interval_seconds * 1000)),
    ]


def files() -> int:
    """How many files the process may have open."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def connections_of(most_files: int) -> int:
    """How many connections a door takes where nobody has said: a quarter of the files, for each call has a connection
    to a provider, too, and the other door has some.
    """
    return max(1, min(_CONNECTIONS, most_files // 4))


def bind(
    server: grpc.aio.Server, address: str, credentials: grpc.ServerCredentials | None, *, shared: bool = False
) -> str:
    """Listens on an address, without `credentials` in plaintext; returns it with the real port. `shared`: other
    processes of this router have it, too. Raises ListenError.
    """
    if not shared:
        _try(address)
    try:
        if credentials is None:
            port = server.add_insecure_port(address)
        else:
            port = server.add_secure_port(address, credentials)
    except RuntimeError:
        raise ListenError(f"cannot listen on {address}: gRPC refuses it") from None
    host = address.rpartition(":")[0]
    return f"{host}:{port}"


def listening(address: str, *, shared: bool = False) -> tuple[socket.socket, str]:
    """A socket bound to an address, and the address with the real port. `shared`: other processes of this router listen
    there, too. Raises ListenError.
    """
    host, _, port = address.rpartition(":")
    found = socket.socket(socket.AF_INET6 if host.startswith("[") else socket.AF_INET)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT if shared else socket.SO_REUSEADDR, 1)
        found.bind((host.strip("[]"), int(port)))
        found.listen()
    except OSError as error:
        found.close()
        raise ListenError(f"cannot listen on {address}: {error.strerror}") from None
    return found, f"{host}:{found.getsockname()[1]}"


async def accepting(
    make: Callable[[], asyncio.Protocol], listener: socket.socket, tls: ssl.SSLContext | None
) -> asyncio.Server:
    """Accepts connections of a socket on the event loop; `make` makes our end of each. `tls` None: plaintext."""
    return await asyncio.get_running_loop().create_server(
        make,
        sock=listener,
        ssl=tls,
        backlog=_BACKLOG,
        ssl_handshake_timeout=_TLS_HANDSHAKE_S if tls is not None else None,
        ssl_shutdown_timeout=_TLS_GOODBYE_S if tls is not None else None,
    )


def _try(address: str) -> None:
    """Binds the address for a moment: unlike C-core the operating system says what is wrong with it."""
    host, _, port = address.rpartition(":")
    try:
        for family, kind, protocol, _, where in socket.getaddrinfo(
            host.strip("[]"), int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        ):
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(where)
    except OSError as error:
        raise ListenError(f"cannot listen on {address}: {error.strerror}") from None


def instrumentation() -> Sequence[grpc.aio.ServerInterceptor]:
    """OpenTelemetry's interceptor for the callers' door. Needs the extra `otel`."""
    try:
        from opentelemetry.instrumentation.grpc import aio_server_interceptor, filters
    except ImportError:
        raise ListenError("server.opentelemetry needs the extra: install hedgerow[otel]") from None
    # grpc.aio drops the interceptor's generator where a caller leaves in the middle of a write. It is then closed in
    # another task, which OpenTelemetry calls an error, with two tracebacks; its span ends all the same.
    logging.getLogger("opentelemetry.context").setLevel(logging.CRITICAL)
    return [
        aio_server_interceptor(  # type: ignore[no-untyped-call]
            filter_=filters.negate(filters.health_check())
        )
    ]
