"""A tiny HTTP proxy on loopback: tunnels what it is asked to (CONNECT), refuses everything where it is told to."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class Proxy:
    """What it listens on and what it was asked."""

    url: str
    """Where it is."""
    asked: list[bytes] = field(default_factory=list)
    """The head of every request."""
    seen: bytearray = field(default_factory=bytearray)
    """All that callers sent through its tunnels."""


@contextmanager
def proxying(*, refusing: bool = False) -> Iterator[Proxy]:
    """Runs one; `refusing` answers 403."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        proxy = Proxy(f"http://127.0.0.1:{listener.getsockname()[1]}")
        threading.Thread(target=_accept, args=(listener, proxy, refusing), daemon=True).start()
        yield proxy
        # On Linux closing alone does not wake who waits in accept.
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket, proxy: Proxy, refusing: bool) -> None:
    with suppress(OSError):
        while True:
            caller, _ = listener.accept()
            threading.Thread(target=_serve, args=(caller, proxy, refusing), daemon=True).start()


def _serve(caller: socket.socket, proxy: Proxy, refusing: bool) -> None:
    with caller, suppress(OSError):
        head = b""
        while b"\r\n\r\n" not in head and (data := caller.recv(65_536)):
            head += data
        proxy.asked.append(head)
        method, target, _ = head.split(b" ", 2)
        if refusing or method != b"CONNECT":
            caller.sendall(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")
            return
        host, _, port = target.decode().rpartition(":")
        with socket.create_connection((host, int(port)), 10) as server:
            caller.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            back = threading.Thread(target=_pump, args=(server, caller, None), daemon=True)
            back.start()
            _pump(caller, server, proxy.seen)
            back.join(10)


def _pump(source: socket.socket, target: socket.socket, seen: bytearray | None) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            if seen is not None:
                seen += data
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
