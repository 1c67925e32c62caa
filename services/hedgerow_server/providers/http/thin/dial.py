"""How a connection comes about: by the rules of addresses, through a proxy where there is one, with TLS."""

import asyncio
import contextlib
import socket
import ssl
from functools import partial
from ipaddress import ip_address
from typing import cast

import httptools

from hedgerow_server.core.addresses import AddressRefusedError
from hedgerow_server.providers.http import eyeballs
from hedgerow_server.providers.http.egress import Egress
from hedgerow_server.providers.http.port import UnreachableError
from hedgerow_server.providers.http.thin.connection import Connection, Owner
from hedgerow_server.providers.http.thin.pool import Origin

_NAMES_KEPT_S = 10.0
"""How long the addresses of a name are taken for true, so that calls that come together ask for them once."""
_MAX_TUNNEL_HEAD_BYTES = 16 * 1024
_OK = range(200, 300)


class Dialer:
    """Makes connections to one host: that of an origin, or of the proxy on the way to all of them."""

    def __init__(self, egress: Egress, host: str, port: int, *, timeout_s: float) -> None:
        self._egress = egress
        self._host = host
        self._port = port
        self._timeout_s = timeout_s
        self._literal = _is_address(host)
        self._found: list[str] = []
        self._found_until_s = 0.0
        self._lookup: asyncio.Task[list[str]] | None = None

    async def dial(self, origin: Origin, url: str, owner: Owner, tls: ssl.SSLContext | None) -> Connection:
        """A connection over which requests to the origin may go. Raises UnreachableError, ForbiddenError."""
        try:
            async with asyncio.timeout(self._timeout_s):
                sock = await self._reached(url)
                connection = Connection(owner, asyncio.get_running_loop(), sock)
                try:
                    await self._started(connection, sock, origin, tls)
                except BaseException:
                    connection.abort()
                    raise
        except TimeoutError:
            raise UnreachableError(f"no connection within {self._timeout_s:g} s") from None
        return connection

    async def _reached(self, url: str) -> socket.socket:
        try:
            addresses = await self._addresses()
            try:
                return await eyeballs.first([partial(_connect, one, self._port) for one in addresses], _drop)
            except OSError:
                self._found_until_s = 0.0  # It may have moved.
                raise
        except AddressRefusedError as error:
            raise self._egress.forbidden(url, error) from None
        except TimeoutError:
            # The system gave up before we did.
            raise UnreachableError(self._phrase("no connection")) from None
        except socket.gaierror:
            raise UnreachableError(self._phrase("the host name was not found")) from None
        except ConnectionRefusedError:
            raise UnreachableError(self._phrase("the connection was refused")) from None
        except (OSError, UnicodeError):
            raise UnreachableError(self._phrase("no connection")) from None

    def _phrase(self, otherwise: str) -> str:
        return otherwise if self._egress.proxy is None else "no connection to the proxy"

    async def _started(
        self, connection: Connection, sock: socket.socket, origin: Origin, tls: ssl.SSLContext | None
    ) -> None:
        loop = asyncio.get_running_loop()
        try:
            if tls is None:
                await loop.create_connection(lambda: connection, sock=sock)
            elif self._egress.proxy is None:
                await loop.create_connection(lambda: connection, sock=sock, ssl=tls, server_hostname=origin.host)
            else:
                await _tunnel(connection, sock, origin, tls)
        except TimeoutError:
            raise
        except OSError as error:
            if tls is not None:
                raise UnreachableError("the TLS handshake failed") from None
            raise UnreachableError(f"the connection failed ({type(error).__name__})") from None

    async def _addresses(self) -> list[str]:
        if self._literal:
            self._egress.rule.check(self._host)
            return [self._host]
        loop = asyncio.get_running_loop()
        if loop.time() < self._found_until_s:
            return self._found
        if self._lookup is None:
            self._lookup = loop.create_task(eyeballs.allowed(self._egress.rule, self._host, self._port))
            self._lookup.add_done_callback(self._looked_up)
        # Others may wait for it, too.
        return await asyncio.shield(self._lookup)

    def _looked_up(self, lookup: asyncio.Task[list[str]]) -> None:
        self._lookup = None
        if not lookup.cancelled() and lookup.exception() is None:
            self._found = lookup.result()
            self._found_until_s = lookup.get_loop().time() + _NAMES_KEPT_S


class _Tunnel(asyncio.Protocol):
    """Asks a proxy for a tunnel (CONNECT, RFC 9110, section 9.3.6)."""

    def __init__(self, host: str, port: int) -> None:
        authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self._asking = f"CONNECT {authority} HTTP/1.1\r\nhost: {authority}\r\n\r\n".encode()
        self._head = b""
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast("asyncio.Transport", transport).write(self._asking)

    def data_received(self, data: bytes) -> None:
        self._head += data
        if self.opened.done():
            return
        end = self._head.find(b"\r\n\r\n") + 4
        if end < 4:
            if len(self._head) > _MAX_TUNNEL_HEAD_BYTES:
                self._refused()
        elif end == len(self._head) and _status(self._head) in _OK:
            self.opened.set_result(None)
        else:
            # Before the handshake no server says anything: what follows the head is not from it.
            self._refused()

    def connection_lost(self, exc: Exception | None) -> None:
        self._refused()

    def _refused(self) -> None:
        if not self.opened.done():
            self.opened.set_exception(UnreachableError("the proxy does not let us through"))


async def _tunnel(connection: Connection, sock: socket.socket, origin: Origin, tls: ssl.SSLContext) -> None:
    loop = asyncio.get_running_loop()
    transport, tunnel = await loop.create_connection(lambda: _Tunnel(origin.host, origin.port), sock=sock)
    try:
        await tunnel.opened
        secure = await loop.start_tls(transport, connection, tls, server_hostname=origin.host)
    except BaseException:
        transport.abort()
        raise
    if secure is None:  # It was closed meanwhile.
        raise ConnectionResetError
    connection.connection_made(secure)


def _status(head: bytes) -> int:
    parser = httptools.HttpResponseParser(object())
    with contextlib.suppress(httptools.HttpParserError, httptools.HttpParserUpgrade):
        parser.feed_data(head)
    return parser.get_status_code()


async def _connect(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, (address, port))
    except BaseException:
        sock.close()
        raise
    return sock


async def _drop(late: socket.socket) -> None:
    late.close()


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
