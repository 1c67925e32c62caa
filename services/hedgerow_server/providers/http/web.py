"""Requests to token endpoints and issuers: few, small, and under the same rules of addresses as calls to providers."""

import asyncio
import ssl
import sys
from ipaddress import IPv6Network
from pathlib import Path
from typing import TYPE_CHECKING

from hedgerow_server.config.load import ConfigError
from hedgerow_server.core.addresses import AddressRule
from hedgerow_server.core.port import HttpRequest
from hedgerow_server.core.web import Reach, WebAnswer, WebError
from hedgerow_server.providers.http.egress import Egress, trusting

if TYPE_CHECKING:
    from hedgerow_server.providers.http.exchange import Exchanges

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
        exchanges = await self.exchanges(reach, 1, _KEEPALIVE_S)
        try:
            return await exchanges.send(request, timeout_s=timeout_s)
        finally:
            await exchanges.close()

    def send_blocking(self, request: HttpRequest, reach: Reach, *, timeout_s: float) -> WebAnswer:
        """`send` for a thread that has no event loop. Raises WebError."""
        # A loop of its own and not a blocking client: what checks the addresses exists once.
        return asyncio.run(self.send(request, reach, timeout_s=timeout_s))

    def line(self, reach: Reach, *, connections: int) -> "HttpLine":
        """At most so many connections at once, which are kept; further requests wait for one."""
        return HttpLine(self, reach, connections)

    async def exchanges(self, reach: Reach, connections: int, keepalive_s: float) -> "Exchanges":
        """Connections that keep to the rules of an address. Raises WebError for authorities that cannot be used."""
        if "hedgerow_server.providers.http.exchange" not in sys.modules:
            # Most routers never need it, and importing it takes a fifth of a second, in which others want their turn.
            await asyncio.to_thread(_exchanges)
        rule = AddressRule(reach.rule.host, reach.rule.allow, self.nat64)
        egress = Egress(rule, reach.proxy, self._trusted(reach.ca_file))
        return _exchanges()(egress, connections=connections, keepalive_s=keepalive_s)

    def _trusted(self, ca_file: Path | None) -> ssl.SSLContext:
        if ca_file is not None:
            try:
                return trusting(ca_file)
            except ConfigError:
                raise WebError(f"the file {ca_file} holds no certificates that can be used") from None
        if self._public is None:
            # Reading the authorities takes a while: once is enough.
            self._public = _exchanges().public_authorities()
        return self._public


class HttpLine:
    """See core.web.Line."""

    def __init__(self, web: HttpWeb, reach: Reach, connections: int) -> None:
        self._web = web
        self._reach = reach
        self._connections = connections
        self._nat64 = web.nat64
        self._exchanges: Exchanges | None = None

    async def send(self, request: HttpRequest, *, timeout_s: float) -> WebAnswer:
        """The answer, whatever its status, within `timeout_s` seconds in all. Raises WebError."""
        return await (await self._connected()).send(request, timeout_s=timeout_s)

    async def close(self) -> None:
        """Closes the connections."""
        exchanges, self._exchanges = self._exchanges, None
        if exchanges is not None:
            await exchanges.close()

    async def _connected(self) -> "Exchanges":
        if self._exchanges is not None and self._nat64 != self._web.nat64:
            # By other rules now, which its connections were not held against.
            await self.close()
        if self._exchanges is None:
            self._nat64 = self._web.nat64
            made = await self._web.exchanges(self._reach, self._connections, _LINE_KEEPALIVE_S)
            if self._exchanges is None:
                self._exchanges = made
            else:  # another request was as early
                await made.close()
        return self._exchanges


def _exchanges() -> "type[Exchanges]":
    from hedgerow_server.providers.http.exchange import Exchanges

    return Exchanges
