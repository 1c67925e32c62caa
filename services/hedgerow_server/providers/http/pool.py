"""httpx over a pool whose connections are checked: httpx itself lets nobody see the address that it connects to."""

import asyncio
import socket
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Callable, Coroutine, Iterable, Iterator
from contextlib import contextmanager
from functools import partial

import httpcore
import httpx

from hedgerow_server.core.addresses import AddressRefusedError
from hedgerow_server.providers.http.egress import Egress

_STAGGER_S = 0.25
"""How long an address has to answer before the next one is tried beside it (RFC 8305, section 5)."""
_FAILURES = (
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.TimeoutException,
    httpcore.UnsupportedProtocol,
)
_Try = Callable[[], Coroutine[None, None, httpcore.AsyncNetworkStream]]
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
                addresses = await self._allowed(host, port)
                tries = [
                    partial(self._inner.connect_tcp, one, port, None, local_address, socket_options)
                    for one in addresses
                ]
                return await (tries[0]() if len(tries) == 1 else _first(tries))
        except TimeoutError:
            raise httpcore.ConnectTimeout from None
        except socket.gaierror as error:
            raise httpcore.ConnectError(str(error)) from None

    async def _allowed(self, host: str, port: int) -> list[str]:
        loop = asyncio.get_running_loop()
        infos = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(info[4][0]) for info in infos))
        allowed: list[str] = []
        refused: AddressRefusedError | None = None
        for address in addresses:
            try:
                self._rule.check(address)
            except AddressRefusedError as error:
                refused = error
            else:
                allowed.append(address)
        if refused is not None and not allowed:
            raise refused
        return allowed

    async def sleep(self, seconds: float) -> None:
        """Waits."""
        await asyncio.sleep(seconds)


async def _first(tries: Iterable[_Try]) -> httpcore.AsyncNetworkStream:
    """The first connection that comes about; each try begins when the one before it has failed, or has taken a while.
    Raises what the last one to fail raised.
    """
    left, running = deque(tries), set[asyncio.Task[httpcore.AsyncNetworkStream]]()
    try:
        while True:
            if left:
                running.add(asyncio.create_task(left.popleft()()))
            wait_s = _STAGGER_S if left else None
            done, _ = await asyncio.wait(running, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                running.discard(task)
                if task.exception() is None or not (left or running):
                    return task.result()
    finally:
        await _let_go(running)


async def _let_go(running: set[asyncio.Task[httpcore.AsyncNetworkStream]]) -> None:
    for task in running:
        task.cancel()
    for late in await asyncio.gather(*running, return_exceptions=True):
        if isinstance(late, httpcore.AsyncNetworkStream):
            await late.aclose()
