"""Whether a provider that has closed a kept connection can have seen the request that was just sent over it.

Providers and load balancers close connections that are idle, some after as long as we keep them; a request may cross
that on its way. It must not be sent again where it might be served twice (RFC 9110, section 9.2.2), and a chat that is
served is paid for. But TCP tells: a FIN acknowledges all that came before it. Where it acknowledges nothing of the
request, the provider had closed before it came.
"""

import socket
import struct
import sys

_BYTES_ACKED = 120
"""Where tcp_info has tcpi_bytes_acked, 64 bits (linux/tcp.h, since Linux 4.1)."""
_LENGTH = _BYTES_ACKED + 8


class Taken:
    """How much the other side had acknowledged before a request was sent."""

    __slots__ = ("_before", "_sock")

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._before = _acknowledged(sock)

    def nothing(self) -> bool:
        """Whether nothing of the request was taken, once the other side has ended the connection in good order. False
        where that cannot be told: other systems than Linux.
        """
        return self._before is not None and _acknowledged(self._sock) == self._before


def _acknowledged(sock: socket.socket) -> int | None:
    if sys.platform != "linux":
        return None
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _LENGTH)
    except OSError:
        return None
    return struct.unpack_from("=Q", info, _BYTES_ACKED)[0] if len(info) == _LENGTH else None
