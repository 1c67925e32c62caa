"""The default transport: aiohttp, the faster of the two."""

import asyncio
from collections.abc import Mapping

import aiohttp

from hedgerow_server.core.addresses import AddressRefusedError
from hedgerow_server.core.port import HttpRequest
from hedgerow_server.providers.http.egress import Egress
from hedgerow_server.providers.http.inflate import ACCEPTED, inflate_for
from hedgerow_server.providers.http.port import Response, UnreachableError

_DRAIN_S = 1.0
_DRAIN_BYTES = 65_536
_READ_BUFFER_BYTES = 65_536


class AiohttpTransport:
    """One session with its pool. Environment proxies, cookies and redirects are off."""

    def __init__(self, egress: Egress, *, connect_timeout_s: float, max_connections: int) -> None:
        self._egress = egress
        self._connect_timeout_s = connect_timeout_s
        self._max_connections = max_connections
        self._session: aiohttp.ClientSession | None = None
        self._draining: set[asyncio.Task[None]] = set()

    def _open_session(self) -> aiohttp.ClientSession:
        # aiohttp binds a session to the running loop, so it is made with the first request.
        connector = aiohttp.TCPConnector(
            limit=self._max_connections,
            limit_per_host=0,
            keepalive_timeout=60,
            enable_cleanup_closed=False,
            socket_factory=self._egress.socket,
            ssl=self._egress.tls or True,
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            proxy=self._egress.proxy,
            # Its own decoding has no bound.
            auto_decompress=False,
            headers={"Accept-Encoding": ACCEPTED},
            raise_for_status=False,
            skip_auto_headers=("User-Agent",),
            read_bufsize=_READ_BUFFER_BYTES,
            timeout=aiohttp.ClientTimeout(
                total=None, sock_connect=self._connect_timeout_s, ceil_threshold=float("inf")
            ),
        )

    async def send(self, request: HttpRequest, extra_headers: tuple[tuple[str, str], ...]) -> Response:
        """Sends the request and waits for the answer's headers."""
        if self._session is None:
            self._session = self._open_session()
        headers = request.headers
        if extra_headers:
            headers = {**headers, **dict(extra_headers)}
        try:
            response = await self._session.request(
                request.method, request.url, data=request.body, headers=headers, allow_redirects=False
            )
        except aiohttp.ClientConnectorError as error:
            if isinstance(error.os_error, AddressRefusedError):
                raise self._egress.forbidden(request.url, error.os_error) from None
            raise UnreachableError(_connect_phrase(error)) from None
        except aiohttp.ClientHttpProxyError:
            raise UnreachableError("the proxy does not let us through") from None
        except TimeoutError:
            raise UnreachableError(f"no connection within {self._connect_timeout_s:g} s") from None
        except (aiohttp.ClientError, OSError) as error:
            raise UnreachableError(f"the connection failed ({type(error).__name__})") from None
        return _AiohttpResponse(response, self)

    def drain(self, response: aiohttp.ClientResponse) -> None:
        """Reads the little that is left of a body aside, so that the connection can be used again."""
        task = asyncio.get_running_loop().create_task(_drain(response))
        self._draining.add(task)
        task.add_done_callback(self._draining.discard)

    async def close(self) -> None:
        """Closes every connection."""
        for task in self._draining:
            task.cancel()
        if self._session is not None:
            await self._session.close()


class _AiohttpResponse:
    __slots__ = ("_inflate", "_response", "_transport")

    def __init__(self, response: aiohttp.ClientResponse, transport: AiohttpTransport) -> None:
        self._response = response
        self._transport = transport
        self._inflate = inflate_for(response.headers)

    @property
    def status(self) -> int:
        return self._response.status

    @property
    def headers(self) -> Mapping[str, str]:
        return self._response.headers

    async def read(self) -> bytes:
        inflate = self._inflate
        data = await self._next()
        if inflate is None:
            return data
        while data and not (decoded := inflate.feed(data)):
            data = await self._next()
        return decoded if data else b""

    async def _next(self) -> bytes:
        try:
            return await self._response.content.readany()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise UnreachableError(f"the answer broke off ({type(error).__name__})") from None

    def release(self, *, finished: bool = False) -> None:
        response = self._response
        if response.content.at_eof():
            response.release()
        elif finished:
            self._transport.drain(response)
        else:
            response.close()


async def _drain(response: aiohttp.ClientResponse) -> None:
    seen = 0
    try:
        async with asyncio.timeout(_DRAIN_S):
            while data := await response.content.readany():
                seen += len(data)
                if seen > _DRAIN_BYTES:
                    break
    except (aiohttp.ClientError, OSError, TimeoutError):
        pass
    finally:
        if response.content.at_eof():
            response.release()
        else:
            response.close()


def _connect_phrase(error: aiohttp.ClientConnectorError) -> str:
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError):
        return "the TLS handshake failed"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "the host name was not found"
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        return "no connection to the proxy"
    if isinstance(error.os_error, ConnectionRefusedError):
        return "the connection was refused"
    return "no connection"
