"""A way to an address that can be made to fail as networks do."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_RESET = struct.pack("ii", 1, 0)


class Relay:
    """Passes bytes between its own port and an address."""

    def __init__(self, listening: socket.socket, target: str) -> None:
        self._listening = listening
        self._host, _, self._port = target.rpartition(":")
        self._frozen, self._ended = threading.Event(), threading.Event()
        self._sockets: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def target(self) -> str:
        """Its own address."""
        return f"127.0.0.1:{self._listening.getsockname()[1]}"

    def freeze(self) -> None:
        """From now on nothing passes any more, though no connection closes."""
        self._frozen.set()

    def move(self) -> None:
        """Resets all connections, as when the machine behind the address is another one; new ones are taken."""
        sockets, self._sockets = self._sockets, []
        for one in sockets:
            with suppress(OSError):
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                one.shutdown(socket.SHUT_RD)
            one.close()

    def close(self) -> None:
        """Ends everything."""
        self._ended.set()
        self.move()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                far = socket.create_connection((self._host, int(self._port)))
                self._sockets += (near, far)
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=self._pump, args=pair, daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                if self._frozen.is_set():
                    self._ended.wait()
                    return
                sink.sendall(data)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)


@contextmanager
def relaying(target: str) -> Iterator[Relay]:
    """A relay to an address."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        relay = Relay(listening, target)
        try:
            yield relay
        finally:
            relay.close()
