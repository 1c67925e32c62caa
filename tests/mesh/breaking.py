"""A server that says it is well and breaks the connection of every other call."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from socket import SHUT_RDWR, create_server, socket

from grpc_health.v1 import health_pb2
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import ConnectionTerminated, RequestReceived, StreamEnded

_CHECK = b"/grpc.health.v1.Health/Check"
_SERVING = health_pb2.HealthCheckResponse(status=health_pb2.HealthCheckResponse.SERVING).SerializeToString()


@dataclass
class Broken:
    """What has come."""

    calls: int = 0
    """Calls whose connections it broke."""
    checks: int = 0
    """Questions for its health that it answered."""


@contextmanager
def breaking(port: int) -> Iterator[Broken]:
    """Runs one on a port of loopback."""
    broken, open_ones, threads = Broken(), set[socket](), list[threading.Thread]()
    with create_server(("127.0.0.1", port)) as listener:

        def accept() -> None:
            with suppress(OSError):
                while True:
                    one, _ = listener.accept()
                    open_ones.add(one)
                    threads.append(threading.Thread(target=_serve, args=(one, broken), daemon=True))
                    threads[-1].start()

        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        yield broken
        # On Linux closing alone wakes nobody who waits in accept or recv.
        for one in (listener, *open_ones):
            with suppress(OSError):
                one.shutdown(SHUT_RDWR)
        # Whoever is still in accept holds the port.
        for thread in (accepting, *threads):
            thread.join(10)


def _serve(connection: socket, broken: Broken) -> None:
    """Answers checks until another call comes; then the connection is closed without a word."""
    state = H2Connection(H2Configuration(client_side=False, header_encoding=None))
    state.initiate_connection()
    checks: set[int] = set()
    with connection, suppress(OSError):
        connection.sendall(state.data_to_send())
        while data := connection.recv(65_536):
            for event in state.receive_data(data):
                if isinstance(event, ConnectionTerminated):
                    return
                if isinstance(event, RequestReceived):
                    if (b":path", _CHECK) not in event.headers:
                        broken.calls += 1
                        return
                    checks.add(event.stream_id)
                if isinstance(event, StreamEnded) and event.stream_id in checks:
                    _answer(state, event.stream_id)
                    broken.checks += 1
            connection.sendall(state.data_to_send())


def _answer(state: H2Connection, stream: int) -> None:
    state.send_headers(stream, [(":status", "200"), ("content-type", "application/grpc")])
    state.send_data(stream, b"\0" + len(_SERVING).to_bytes(4, "big") + _SERVING)
    state.send_headers(stream, [("grpc-status", "0")], end_stream=True)
