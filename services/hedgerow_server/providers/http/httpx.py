"""The compatible transport: httpx."""

import asyncio
from collections.abc import Mapping

import httpx

from hedgerow_server.core.port import HttpRequest
from hedgerow_server.providers.http.port import Response, UnreachableError

_DRAIN_S = 1.0


class HttpxTransport:
    """One client with its pool. Environment proxies, cookies and redirects are off."""

    def __init__(self, *, connect_timeout_s: float, max_connections: int) -> None:
        self._connect_timeout_s = connect_timeout_s
        # Every connection may be kept: httpx closes whatever is above max_keepalive_connections as soon as it is free.
        self._client = httpx.AsyncClient(
            limits=httpx.Limits(
                max_connections=max_connections, max_keepalive_connections=max_connections, keepalive_expiry=60
            ),
            timeout=httpx.Timeout(None, connect=connect_timeout_s),
            follow_redirects=False,
            trust_env=False,
        )
        self._client.headers.clear()
        self._closing: set[asyncio.Task[None]] = set()

    async def send(self, request: HttpRequest, extra_headers: tuple[tuple[str, str], ...]) -> Response:
        """Sends the request and waits for the answer's headers."""
        headers = {**request.headers, **dict(extra_headers)}
        built = self._client.build_request(request.method, request.url, content=request.body, headers=headers)
        try:
            response = await self._client.send(built, stream=True)
        except httpx.ConnectTimeout:
            raise UnreachableError(f"no connection within {self._connect_timeout_s:g} s") from None
        except httpx.ConnectError as error:
            raise UnreachableError(_connect_phrase(error)) from None
        except (httpx.HTTPError, OSError) as error:
            raise UnreachableError(f"the connection failed ({type(error).__name__})") from None
        return _HttpxResponse(response, self)

    def close_aside(self, response: httpx.Response, *, finished: bool) -> None:
        """Closes a response, or first reads the little that is left of it, in a task of its own: httpx can only await
        it.
        """
        task = asyncio.get_running_loop().create_task(_end(response, finished=finished))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        """Closes every connection."""
        await asyncio.gather(*self._closing, return_exceptions=True)
        await self._client.aclose()


class _HttpxResponse:
    __slots__ = ("_body", "_response", "_transport")

    def __init__(self, response: httpx.Response, transport: HttpxTransport) -> None:
        self._response = response
        self._body = response.aiter_bytes()
        self._transport = transport

    @property
    def status(self) -> int:
        return self._response.status_code

    @property
    def headers(self) -> Mapping[str, str]:
        return self._response.headers

    async def read(self) -> bytes:
        try:
            return await anext(self._body, b"")
        except (httpx.HTTPError, OSError) as error:
            raise UnreachableError(f"the answer broke off ({type(error).__name__})") from None

    def release(self, *, finished: bool = False) -> None:
        if not self._response.is_closed:
            self._transport.close_aside(self._response, finished=finished)


async def _end(response: httpx.Response, *, finished: bool) -> None:
    try:
        if finished and not response.is_stream_consumed:
            async with asyncio.timeout(_DRAIN_S):
                async for _ in response.aiter_raw():
                    pass
    except (httpx.HTTPError, httpx.StreamError, OSError, TimeoutError):
        pass
    finally:
        await response.aclose()


def _connect_phrase(error: httpx.ConnectError) -> str:
    text = str(error).lower()
    if "certificate" in text or "ssl" in text:
        return "the TLS handshake failed"
    if "name or service" in text or "getaddrinfo" in text:
        return "the host name was not found"
    if "refused" in text or "all connection attempts failed" in text:
        return "the connection was refused"
    return "no connection"
