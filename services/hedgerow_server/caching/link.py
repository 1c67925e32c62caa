"""A connection to Redis or Valkey that holds nobody up.

A request takes the answer it gets within its time, or none. After one that failed nobody asks any more, until a request
on the side has found that the server is back.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from hedgerow_server.caching.port import CacheAway
from hedgerow_server.config.redis import RedisAddress
from hedgerow_server.core.secret import Reveal
from hedgerow_server.store.redis import Client, RedisConnection, trouble

_PROBE_S = 1.0
"""How long is waited for a server that was away; it may have to be connected to from far away."""
_REST_S = (0.25, 1.0)
"""How long it is left alone then, before it is probed again: at first, and at most."""
_log = logging.getLogger(__name__)


class RedisLink:
    """Asks one server. Made within the event loop; connects when it is first asked."""

    def __init__(self, address: RedisAddress, timeout_s: float, what: str, password: Reveal | None = None) -> None:
        """`what` is it for, in the log; `password` is asked at each new connection and may raise
        CredentialUnavailable.
        """
        self._address = address
        self._timeout_s = timeout_s
        self._what = what
        self._redis = RedisConnection(address, password, _PROBE_S)
        self._probing: asyncio.Task[None] | None = None
        self.closed = False
        """Whether it is asked no more, for good."""
        self.away: str | None = None
        """Why it cannot be asked."""
        self.requests = 0
        """How often it was asked for anything."""
        self.failures = 0
        """How often anything that it was asked failed."""

    async def ask(self, what: Callable[[Client], Awaitable[Any]]) -> Any:
        """What a request gives, asked with the client. Raises CacheAway, within the time."""
        if self.away is not None or self.closed:
            raise CacheAway(self.away or "closed")
        self.requests += 1
        try:
            return await self._redis.within(what(self._redis.client), self._timeout_s)
        except Exception as error:
            # Not redis-py's own errors alone: it also tells of transports that are closed already, as the loop does.
            raise CacheAway(self._gone(error)) from None

    def begin(self, what: Callable[[Client], Awaitable[Any]]) -> "asyncio.Future[Any] | None":
        """Asks without waiting for what comes of it. Returns what ends with it; None: it is not asked."""
        if self.away is not None or self.closed:
            return None
        return self._redis.begin(self._quietly(what))

    async def close(self) -> None:
        """Closes the connections."""
        self.closed = True
        if self._probing is not None:
            self._probing.cancel()
            await asyncio.wait({self._probing})
        await self._redis.close()

    async def _quietly(self, what: Callable[[Client], Awaitable[Any]]) -> None:
        self.requests += 1
        try:
            await self._redis.within(what(self._redis.client), _PROBE_S)
        except Exception as error:
            self._gone(error)

    def _gone(self, error: Exception) -> str:
        self.failures += 1
        text = f"Redis at {self._address.where} cannot be used: {trouble(error, 'no answer in time')}"
        if self.away is None and not self.closed:
            _log.warning("%s: %s; it is not asked until it is back", self._what, text)
            self._probing = asyncio.create_task(self._probe())
        self.away = text
        return text

    async def _probe(self) -> None:
        """Finds out when it is back. The connections are made anew: the name may be that of another server by then."""
        rest_s = _REST_S[0]
        while True:
            self._redis.dismiss()
            await asyncio.sleep(rest_s)
            rest_s = min(2 * rest_s, _REST_S[1])
            try:
                await self._redis.within(self._redis.client.ping(), _PROBE_S)
                # Once there is a connection it has to be as quick as for a call.
                await self._redis.within(self._redis.client.ping(), self._timeout_s)
            except Exception:
                self.failures += 1
                continue
            self.away = None
            _log.info("%s: Redis at %s answers again", self._what, self._address.where)
            return
