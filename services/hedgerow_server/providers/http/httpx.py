"""The compatible transport: httpx."""

import asyncio
from collections.abc import AsyncIterator, Mapping

import httpx

from hedgerow_server.core.addresses import AddressRefusedError
from hedgerow_server.core.port import HttpRequest
from hedgerow_server.providers.http.egress import Egress
from hedgerow_server.providers.http.inflate import ACCEPTED, inflate_for
from hedgerow_server.providers.http.pool import PoolTransport
from hedgerow_server.providers.http.port import Response, UnreachableError

_DRAIN_S = 1.0
_NO_TLS = "the TLS handshake failed"


class HttpxTransport:
    """One client with its pool. Environment proxies, cookies and redirects are off."""

    def __init__(
        self, egress: Egress, *, connect_timeout_s: float, max_connections: int, resumable: bool = False
    ) -> None:
        """`resumable`: reads that are cancelled can be gone on with, at the price of a task for each."""
        self._egress = egress
        self._connect_timeout_s = connect_timeout_s
        self._resumable = resumable
        self._client = httpx.AsyncClient(
            transport=PoolTransport(egress, max_connections=max_connections, keepalive_s=60),
            timeout=httpx.Timeout(None, connect=connect_timeout_s),
            follow_redirects=False,
            trust_env=False,
        )
        self._client.headers = httpx.Headers({"accept-encoding": ACCEPTED})
        self._closing: set[asyncio.Task[None]] = set()

    async def send(self, request: HttpRequest, extra_headers: tuple[tuple[str, str], ...]) -> Response:
        """Sends the request and waits for the answer's headers."""
        headers = {**request.headers, **dict(extra_headers)}
        built = self._client.build_request(request.method, request.url, content=request.body, headers=headers)
        try:
            response = await self._client.send(built, stream=True)
        except AddressRefusedError as error:
            raise self._egress.forbidden(request.url, error) from None
        except httpx.ConnectTimeout:
            raise UnreachableError(f"no connection within {self._connect_timeout_s:g} s") from None
        except httpx.ConnectError as error:
            phrase = _connect_phrase(error)
            if self._egress.proxy is not None and phrase != _NO_TLS:
                phrase = "no connection to the proxy"
            raise UnreachableError(phrase) from None
        except httpx.ProxyError:
            raise UnreachableError("the proxy does not let us through") from None
        except (httpx.HTTPError, OSError) as error:
            raise UnreachableError(f"the connection failed ({type(error).__name__})") from None
        return _ResumableResponse(response, self) if self._resumable else _HttpxResponse(response, self)

    def close_aside(self, response: httpx.Response, rest: AsyncIterator[bytes] | None) -> None:
        """Closes a response, after what is left of it where there is a `rest`, in a task of its own: httpx can only
        await it.
        """
        task = asyncio.get_running_loop().create_task(_end(response, rest))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        """Closes every connection."""
        await asyncio.gather(*self._closing, return_exceptions=True)
        await self._client.aclose()


class _HttpxResponse:
    __slots__ = ("_body", "_inflate", "_response", "_transport")

    def __init__(self, response: httpx.Response, transport: HttpxTransport) -> None:
        self._response = response
        # Its own decoding has no bound.
        self._body = response.aiter_raw()
        self._transport = transport
        self._inflate = inflate_for(response.headers)

    @property
    def status(self) -> int:
        return self._response.status_code

    @property
    def headers(self) -> Mapping[str, str]:
        return self._response.headers

    async def read(self) -> bytes:
        data = await self._next()
        if self._inflate is None:
            return data
        while data and not (decoded := self._inflate.feed(data)):
            data = await self._next()
        return decoded if data else b""

    async def _next(self) -> bytes:
        try:
            return await anext(self._body, b"")
        except (httpx.HTTPError, OSError) as error:
            raise UnreachableError(f"the answer broke off ({type(error).__name__})") from None

    def release(self, *, finished: bool = False) -> None:
        if not self._response.is_closed:
            self._transport.close_aside(self._response, self._body if finished else None)


class _ResumableResponse(_HttpxResponse):
    """httpx closes an answer when a read of it is cancelled; here the read goes on and waits for who reads next."""

    __slots__ = ("_pending",)

    def __init__(self, response: httpx.Response, transport: HttpxTransport) -> None:
        super().__init__(response, transport)
        self._pending: asyncio.Task[bytes] | None = None

    async def read(self) -> bytes:
        if self._pending is None:
            self._pending = asyncio.create_task(super().read())
        try:
            data = await asyncio.shield(self._pending)
        except UnreachableError:
            self._pending = None
            raise
        # Not where this is cancelled, even if the bytes have come: they are for the next read.
        self._pending = None
        return data

    def release(self, *, finished: bool = False) -> None:
        pending = self._pending
        if pending is not None:
            pending.cancel()
            # What it failed with no longer matters to anyone.
            pending.add_done_callback(lambda task: task.cancelled() or task.exception())
            finished = False  # its read still holds the body
        super().release(finished=finished)


async def _end(response: httpx.Response, rest: AsyncIterator[bytes] | None) -> None:
    try:
        if rest is not None:
            async with asyncio.timeout(_DRAIN_S):
                async for _ in rest:
                    pass
    except (httpx.HTTPError, httpx.StreamError, OSError, TimeoutError):
        pass
    finally:
        await response.aclose()


def _connect_phrase(error: httpx.ConnectError) -> str:
    text = str(error).lower()
    if "certificate" in text or "ssl" in text:
        return _NO_TLS
    if "name or service" in text or "getaddrinfo" in text:
        return "the host name was not found"
    if "refused" in text or "all connection attempts failed" in text:
        return "the connection was refused"
    return "no connection"
