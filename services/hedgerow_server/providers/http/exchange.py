"""Whole requests and answers over httpx, for whatever is no call to a provider (`web`)."""

import asyncio
import logging
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx

from hedgerow_server.core.addresses import AddressRefusedError
from hedgerow_server.core.port import HttpRequest
from hedgerow_server.core.web import MAX_ANSWER_BYTES, WebAnswer, WebError
from hedgerow_server.providers.http.egress import Egress
from hedgerow_server.providers.http.pool import PoolTransport

_log = logging.getLogger(__name__)


class Exchanges:
    """Requests that keep to the rules of one Egress."""

    def __init__(self, egress: Egress, *, connections: int, keepalive_s: float) -> None:
        """At most so many connections at once, each kept for `keepalive_s` seconds."""
        self._proxy = egress.proxy
        transport = PoolTransport(egress, max_connections=connections, keepalive_s=keepalive_s)
        no_other = httpx.Timeout(None)  # than that of the whole exchange
        self._client = httpx.AsyncClient(transport=transport, timeout=no_other, follow_redirects=False, trust_env=False)

    async def send(self, request: HttpRequest, *, timeout_s: float) -> WebAnswer:
        """The answer, whatever its status, within `timeout_s` seconds in all. Raises WebError."""
        with _told(self._proxy or request.url, timeout_s):
            async with asyncio.timeout(timeout_s):
                return await self._exchange(request)

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.aclose()

    @staticmethod
    def public_authorities() -> ssl.SSLContext:
        """Trusts the authorities that browsers trust."""
        return httpx.create_ssl_context(trust_env=False)

    async def _exchange(self, request: HttpRequest) -> WebAnswer:
        body = bytearray()
        # As it is, for a compressed answer may become a thousand times as long.
        headers = {**request.headers, "accept-encoding": "identity"}
        built = self._client.build_request(request.method, request.url, content=request.body, headers=headers)
        answer = await self._client.send(built, stream=True)
        try:
            async for piece in answer.aiter_raw():
                body += piece
                if len(body) > MAX_ANSWER_BYTES:
                    raise WebError(f"an answer of more than {MAX_ANSWER_BYTES} bytes")
        finally:
            await answer.aclose()
        return WebAnswer(answer.status_code, dict(answer.headers), bytes(body))


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
