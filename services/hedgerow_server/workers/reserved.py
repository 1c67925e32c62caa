"""The addresses of several processes that listen on the same ports, held for as long as the supervisor lives."""

import socket
from collections.abc import Mapping


class AddressTaken(Exception):
    """An address cannot be used; the text names it."""


class Reserved:
    """A socket on each address, which is bound and does not listen: nobody's connections come to it, and no other
    program gets the port while a worker is started again.
    """

    def __init__(self, addresses: Mapping[str, str]) -> None:
        """`addresses` are HOST:PORT by name. Raises AddressTaken."""
        self._sockets: list[socket.socket] = []
        self.addresses: dict[str, str] = {}
        """The same with real ports."""
        try:
            for name, address in addresses.items():
                self.addresses[name] = self._reserve(address)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Lets go of them."""
        for one in self._sockets:
            one.close()

    def _reserve(self, address: str) -> str:
        host, _, port = address.rpartition(":")
        number = int(port)
        try:
            found = socket.getaddrinfo(host.strip("[]"), number, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
            for family, kind, protocol, _, where in found:
                # First alone: whoever shares ports with all comers would get a part of another program's calls.
                with socket.socket(family, kind, protocol) as alone:
                    alone.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    alone.bind((where[0], number, *where[2:]))
                    number = alone.getsockname()[1]
                one = socket.socket(family, kind, protocol)
                self._sockets.append(one)
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                one.bind((where[0], number, *where[2:]))
        except OSError as error:
            raise AddressTaken(f"cannot listen on {address}: {error.strerror}") from None
        return f"{host}:{number}"
