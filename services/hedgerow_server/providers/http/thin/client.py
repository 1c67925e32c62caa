"""The thin client: a request out, over a kept connection or a new one."""

import ssl
from urllib.parse import urlsplit

from hedgerow_server.core.port import HttpRequest
from hedgerow_server.providers.http.egress import Egress, public_trust
from hedgerow_server.providers.http.port import Response
from hedgerow_server.providers.http.thin.connection import Connection, StaleError
from hedgerow_server.providers.http.thin.dial import Dialer
from hedgerow_server.providers.http.thin.head import Target, authority, origin_of
from hedgerow_server.providers.http.thin.pool import Origin, Pool

_MAX_TARGETS = 512
"""So many URLs are remembered with how their requests begin: providers have a few, some one for each model."""
_REPEATABLE = ("GET", "HEAD", "OPTIONS", "TRACE")


class ThinTransport:
    """One pool of connections. Environment proxies, cookies and redirects: there are none."""

    def __init__(self, egress: Egress, *, connect_timeout_s: float, max_connections: int) -> None:
        self._egress = egress
        self._connect_timeout_s = connect_timeout_s
        self._pool = Pool(max_connections)
        self._targets: dict[tuple[str, str], Target] = {}
        self._dialers: dict[tuple[str, int], Dialer] = {}
        self._origins: dict[tuple[str, str, int], Origin] = {}

    async def send(self, request: HttpRequest, extra_headers: tuple[tuple[str, str], ...]) -> Response:
        """Sends the request and waits for the answer's headers."""
        target = self._targets.get((request.method, request.url)) or self._target(request)
        message = target.message(request, extra_headers)
        repeatable = request.method in _REPEATABLE
        kept = self._pool.take(target.origin)
        if kept is not None:
            try:
                return await kept.ask(message, repeatable=repeatable, kept=True)
            except StaleError:
                # Others that are kept will be closed as well: this one is sent again, once, over a new one.
                self._pool.forget(target.origin)
        connection, kept_after_all = await self._connection(target.origin, request.url)
        return await connection.ask(message, repeatable=repeatable, kept=kept_after_all)

    async def close(self) -> None:
        """Closes every connection."""
        await self._pool.close()

    async def _connection(self, origin: Origin, url: str) -> tuple[Connection, bool]:
        """One that is new, or was kept and became free when there was no room for a new one."""
        found = await self._pool.room(origin)
        if found is not None:
            return found, True
        try:
            connection = await self._dialer(origin).dial(origin, url, self._pool, self._tls(origin))
        except BaseException:
            self._pool.failed()
            raise
        self._pool.entered(connection, origin)
        return connection, False

    def _tls(self, origin: Origin) -> ssl.SSLContext | None:
        return (self._egress.tls or public_trust()) if origin.scheme == "https" else None

    def _dialer(self, origin: Origin) -> Dialer:
        proxy = self._egress.proxy
        at = (origin.host, origin.port)
        if proxy is not None:
            parts = urlsplit(proxy)
            at = (parts.hostname or "", parts.port or 80)
        if at not in self._dialers:
            self._dialers[at] = Dialer(self._egress, *at, timeout_s=self._connect_timeout_s)
        return self._dialers[at]

    def _target(self, request: HttpRequest) -> Target:
        if len(self._targets) >= _MAX_TARGETS:
            self._targets.clear()
        scheme, host, port = origin_of(request.url)
        origin = self._origins.setdefault((scheme, host, port), Origin(scheme, host, port))
        # A proxy tunnels to https; of others it is asked for the whole URL (RFC 9112, section 3.2.2).
        before = f"http://{authority(origin)}" if self._egress.proxy is not None and scheme == "http" else ""
        found = self._targets[request.method, request.url] = Target(request.method, request.url, origin, before)
        return found
