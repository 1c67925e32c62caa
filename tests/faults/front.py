"""Stands between a router and its Redis, and can be slow, still loading, or not there."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

_LOADING = b"-LOADING Redis is loading the dataset in memory\r\n"


class Front:
    """A port behind which a Redis is."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.delay_s = 0.0
        """How much later each command arrives."""
        self.loading = False
        """Whether each command is answered as by a server that is about to read its data."""
        self.scripts = 0
        """How often a script was to run."""
        self.commands = 0
        """How many commands came."""
        self._listen()

    def refuse(self) -> None:
        """Nobody listens any more, and connections are closed."""
        for one in (self._listener, *self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self._open.clear()

    def accept(self) -> None:
        """Listens again, where it has always been."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._listen()

    def _listen(self) -> None:
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                self._open.append(client)
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError, ValueError), socket.create_connection(self._target, 10) as server:
            server.settimeout(None)
            threading.Thread(target=_pump, args=(server, client), daemon=True).start()
            with client.makefile("rb") as reading:
                while command := _command(reading):
                    self.scripts += b"EVALSHA" in command[:40]
                    self.commands += 1
                    if self.loading:
                        client.sendall(_LOADING)
                        continue
                    time.sleep(self.delay_s)
                    server.sendall(command)


def _command(reading: BinaryIO) -> bytes:
    """The bytes of the next command: an array of strings. Empty at the end."""
    head = reading.readline()
    parts = [head]
    for _ in range(int(head[1:] or 0)):
        size = reading.readline()
        parts += [size, reading.read(int(size[1:]) + 2)]
    return b"".join(parts)


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)


@contextmanager
def fronting(host: str, port: int) -> Iterator[Front]:
    """Runs one."""
    front = Front((host, port))
    try:
        yield front
    finally:
        front.refuse()
