"""Requests to token endpoints and issuers: few, small, and under the same rules of addresses as calls to providers."""

import asyncio
import logging
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv6Network
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from hedgerow_server.config.load import ConfigError
from hedgerow_server.core.addresses import AddressRefusedError, AddressRule
from hedgerow_server.core.port import HttpRequest
from hedgerow_server.core.web import MAX_ANSWER_BYTES, Reach, WebAnswer, WebError
from hedgerow_server.providers.http.egress import Egress, trusting
from hedgerow_server.providers.http.pool import PoolTransport

_log = logging.getLogger(__name__)
_KEEPALIVE_S = 5.0
_LINE_KEEPALIVE_S = 60.0
"""How long a connection of a line is kept while nobody needs it."""


class HttpWeb:
    """See core.web.Web and Lines. Every request outside a line has a connection of its own: there are a few an hour,
    and each is checked.
    """

    def __init__(self, nat64: tuple[IPv6Network, ...] = ()) -> None:
        self.nat64 = nat64
        """The NAT64 prefixes of one's own network."""
        self._public: ssl.SSLContext | None = None

    async def send(self, request: HttpRequest, reach: Reach, *, timeout_s: float) -> WebAnswer:
        """The answer, whatever its status, within `timeout_s` seconds in all. Raises WebError."""
        with _told(reach.proxy or request.url, timeout_s):
            async with asyncio.timeout(timeout_s), self.client(reach, 1, _KEEPALIVE_S) as client:
                return await _exchange(client, request)

    def send_blocking(self, request: HttpRequest, reach: Reach, *, timeout_s: float) -> WebAnswer:
        """`send` for a thread that has no event loop. Raises WebError."""
        # A loop of its own and not a blocking client: what checks the addresses exists once.
        return asyncio.run(self.send(request, reach, timeout_s=timeout_s))

    def line(self, reach: Reach, *, connections: int) -> "HttpLine":
        """At most so many connections at once, which are kept; further requests wait for one."""
        return HttpLine(self, reach, connections)

    def client(self, reach: Reach, connections: int, keepalive_s: float) -> httpx.AsyncClient:
        """A client that keeps to the rules of an address. Raises WebError for authorities that cannot be used."""
        rule = AddressRule(reach.rule.host, reach.rule.allow, self.nat64)
        egress = Egress(rule, reach.proxy, self._trusted(reach.ca_file))
        transport = PoolTransport(egress, max_connections=connections, keepalive_s=keepalive_s)
        no_other = httpx.Timeout(None)  # than that of the whole exchange
        return httpx.AsyncClient(transport=transport, timeout=no_other, follow_redirects=False, trust_env=False)

    def _trusted(self, ca_file: Path | None) -> ssl.SSLContext:
        if ca_file is not None:
            try:
                return trusting(ca_file)
            except ConfigError:
                raise WebError(f"the file {ca_file} holds no certificates that can be used") from None
        if self._public is None:
            # Reading the authorities takes a while: once is enough.
            self._public = httpx.create_ssl_context(trust_env=False)
        return self._public


class HttpLine:
    """See core.web.Line."""

    def __init__(self, web: HttpWeb, reach: Reach, connections: int) -> None:
        self._web = web
        self._reach = reach
        self._connections = connections
        self._nat64 = web.nat64
        self._client: httpx.AsyncClient | None = None

    async def send(self, request: HttpRequest, *, timeout_s: float) -> WebAnswer:
        """The answer, whatever its status, within `timeout_s` seconds in all. Raises WebError."""
        with _told(self._reach.proxy or request.url, timeout_s):
            async with asyncio.timeout(timeout_s):
                return await _exchange(await self._connected(), request)

    async def close(self) -> None:
        """Closes the connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _connected(self) -> httpx.AsyncClient:
        if self._client is not None and self._nat64 != self._web.nat64:
            # By other rules now, which its connections were not held against.
            await self.close()
        if self._client is None:
            self._nat64 = self._web.nat64
            self._client = self._web.client(self._reach, self._connections, _LINE_KEEPALIVE_S)
        return self._client


@contextmanager
def _told(url: str, timeout_s: float) -> Iterator[None]:
    """Turns whatever hinders an answer into WebError. `url` is what is connected to."""
    try:
        yield
    except AddressRefusedError as error:
        host = urlsplit(url).hostname
        _log.warning("no connection to %s: its address is %s and not allowed", host, error.range.value)
        raise WebError(str(error)) from None
    except TimeoutError:
        raise WebError(f"no answer within {timeout_s:g} s") from None
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        raise WebError(f"no answer ({type(error).__name__})") from None


async def _exchange(client: httpx.AsyncClient, request: HttpRequest) -> WebAnswer:
    body = bytearray()
    # As it is, for a compressed answer may become a thousand times as long.
    headers = {**request.headers, "accept-encoding": "identity"}
    built = client.build_request(request.method, request.url, content=request.body, headers=headers)
    answer = await client.send(built, stream=True)
    try:
        async for piece in answer.aiter_raw():
            body += piece
            if len(body) > MAX_ANSWER_BYTES:
                raise WebError(f"an answer of more than {MAX_ANSWER_BYTES} bytes")
    finally:
        await answer.aclose()
    return WebAnswer(answer.status_code, dict(answer.headers), bytes(body))
