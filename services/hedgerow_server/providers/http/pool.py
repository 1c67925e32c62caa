"""httpx over a pool whose connections are checked: httpx itself lets nobody see the address that it connects to."""

import asyncio
import socket
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from functools import partial

import httpcore
import httpx

from hedgerow_server.providers.http import eyeballs
from hedgerow_server.providers.http.egress import Egress

_FAILURES = (
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.TimeoutException,
    httpcore.UnsupportedProtocol,
)
_SocketOption = tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]


class PoolTransport(httpx.AsyncBaseTransport):
    """Sends httpx's requests over connections that keep to the rules of an Egress. At most `max_connections` are open,
    and each may be kept for `keepalive_s`.
    """

    def __init__(self, egress: Egress, *, max_connections: int, keepalive_s: float) -> None:
        # Every connection may be kept: httpcore closes those above max_keepalive_connections as soon as they are free.
        proxied = partial(httpcore.AsyncHTTPProxy, egress.proxy) if egress.proxy is not None else None
        self._pool: httpcore.AsyncConnectionPool = (proxied or httpcore.AsyncConnectionPool)(
            ssl_context=egress.tls or httpx.create_ssl_context(trust_env=False),
            max_connections=max_connections,
            max_keepalive_connections=max_connections,
            keepalive_expiry=keepalive_s,
            network_backend=_CheckedBackend(egress),
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Sends a request. Raises httpx.TransportError, and AddressRefusedError before anything is sent."""
        assert isinstance(request.stream, httpx.AsyncByteStream)
        url = request.url
        sent = httpcore.Request(
            request.method,
            httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        with _translated():
            answer = await self._pool.handle_async_request(sent)
        assert isinstance(answer.stream, AsyncIterable)
        body = _Body(answer, answer.stream)
        return httpx.Response(answer.status, headers=answer.headers, stream=body, extensions=answer.extensions)

    async def aclose(self) -> None:
        """Closes every connection."""
        await self._pool.aclose()


class _Body(httpx.AsyncByteStream):
    def __init__(self, answer: httpcore.Response, stream: AsyncIterable[bytes]) -> None:
        self._answer = answer
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _translated():
            async for piece in self._stream:
                yield piece

    async def aclose(self) -> None:
        await self._answer.aclose()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except _FAILURES as error:
        # httpx names its errors as httpcore does.
        kind: type[httpx.TransportError] = getattr(httpx, type(error).__name__)
        raise kind(str(error)) from error


class _CheckedBackend(httpcore.AsyncNetworkBackend):
    """Resolves a name once, and connects to those of its addresses that are allowed."""

    def __init__(self, egress: Egress) -> None:
        self._rule = egress.rule
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[_SocketOption] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """A connection. Raises httpcore.ConnectError, httpcore.ConnectTimeout and AddressRefusedError."""
        try:
            async with asyncio.timeout(timeout):
                addresses = await eyeballs.allowed(self._rule, host, port)
                tries = [
                    partial(self._inner.connect_tcp, one, port, None, local_address, socket_options)
                    for one in addresses
                ]
                return await eyeballs.first(tries, _close)
        except TimeoutError:
            raise httpcore.ConnectTimeout from None
        except socket.gaierror as error:
            raise httpcore.ConnectError(str(error)) from None

    async def sleep(self, seconds: float) -> None:
        """Waits."""
        await asyncio.sleep(seconds)


async def _close(late: httpcore.AsyncNetworkStream) -> None:
    await late.aclose()
