"""Counts that several routers share, in Redis or Valkey: one script lends each of them a part of what is left.

A request takes the answer it gets within `timeout_seconds`, or none. Then no call asks any more, until a request on the
side has found that the server is back.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import suppress
from importlib.resources import files
from typing import Any

from hedgerow_server.core.secret import Reveal
from hedgerow_server.limits.lender import Answer, LenderAway, Lent, Loan
from hedgerow_server.limits.sharing import RedisSection
from hedgerow_server.store.redis import Client, RedisConnection, trouble

_SCRIPT = "lend.lua"
_TOLD = 7
_CHANNEL = "back"
_SINCE = "since"
_LAST = 2**53 - 1
"""The number of a request after which none of the same router changes anything."""
_APART_MS = 24 * 3600 * 1000
"""How long the use of a router that says nothing is kept apart from that of others that are gone."""
_HEAR_MS = 2_000
"""How long a server that has no counts grants nothing: by then every router has told it what it has used."""
_REST_S = (0.25, 1.0)
"""How long a server that is away is left alone, once it has been probed in vain: at first, and at most."""
_PROBE_S = 1.0
"""How long is waited for it then; it may have to be connected to from far away."""
_log = logging.getLogger(__name__)


class RedisLender:
    """The Lender."""

    def __init__(self, section: RedisSection, password: Reveal | None = None) -> None:
        """`password` is asked at each new connection; it may raise CredentialUnavailable."""
        self._section = section
        self.router = secrets.token_hex(6)
        """What it calls this router: a name that none had before."""
        self._script = files(__package__).joinpath(_SCRIPT).read_text()
        self._patience_s = max(_PROBE_S, section.timeout_seconds)
        self._redis = RedisConnection(section, password, self._patience_s)
        self._number = 0
        self._run: tuple[Client, Callable[..., Awaitable[Any]]] | None = None
        self._prefix = "{" + section.prefix + "}:"
        self._ttl_ms = round(section.lease_seconds * 1000)
        self.away: str | None = None
        """Why it cannot be asked."""
        self.requests = 0
        """How often it was asked for anything."""
        self.failures = 0
        """How often anything that it was asked failed."""
        self._rests_until_s = 0.0
        self._rest_s = 0.0
        self._said = False

    async def ask(self, loans: Sequence[Loan], *, probing: bool = False) -> Answer:
        """Tells what was used, and asks for more."""
        self._number += 1
        told = await self._told(self.router, loans, self._number, self._ttl_ms, probing=probing)
        now_us, short, since_us, *numbers = map(int, told)
        counts = tuple(Lent(*numbers[at : at + _TOLD]) for at in range(0, len(numbers), _TOLD))
        hearing_s = max(0.0, (since_us - now_us) / 1e6 + _HEAR_MS / 1000)
        return Answer(now_us, short - 1 if short else None, counts, since_us, hearing_s)

    async def bury(self, router: str, loans: Sequence[Loan]) -> None:
        """Tells what a router that is gone had used."""
        await self._told(router, loans, _LAST, 0)

    async def first(self, key: str, keep_s: float) -> bool:
        """Whether nobody has said the same before, within so many seconds."""
        name, keep_ms = self._prefix + key, max(1, round(keep_s * 1000))
        return bool(await self._guarded(lambda: self._redis.client.set(name, self.router, nx=True, px=keep_ms)))

    async def call_back(self, key: str) -> None:
        """Asks all routers for what they were lent of a count and do not use."""
        channel = self._prefix + _CHANNEL
        await self._guarded(lambda: self._redis.client.publish(channel, f"{self.router} {key}"))

    async def called_back(self) -> AsyncGenerator[str, None]:
        """The counts that others call back, for ever."""
        while True:
            with suppress(Exception):
                async with self._redis.listener() as client, client.pubsub(ignore_subscribe_messages=True) as listening:
                    await listening.subscribe(self._prefix + _CHANNEL)
                    async for message in listening.listen():
                        who, _, key = message["data"].decode().partition(" ")
                        if who != self.router:
                            yield key
            await asyncio.sleep(_REST_S[1])

    async def close(self) -> None:
        """Closes the connections."""
        await self._redis.close()

    async def _told(
        self, router: str, loans: Sequence[Loan], number: int, ttl_ms: int, *, probing: bool = False
    ) -> list[bytes | int]:
        keys = [self._prefix + _SINCE, *(self._prefix + one.key for one in loans)]
        arguments: list[str | int] = [router, ttl_ms, _APART_MS, number, _HEAR_MS, int(number == _LAST)]
        for one in loans:
            most = -1 if one.most is None else one.most
            arguments += (most, one.length_us, one.slot, one.used, one.lent, one.held)
            arguments += (
                one.need,
                one.due,
                one.want,
                one.part,
                one.keep_ms,
                one.base,
                int(one.from_here),
                one.doubt_ms,
            )
        told: list[bytes | int] = await self._guarded(lambda: self._lend(keys, arguments), probing=probing)
        return told

    def _lend(self, keys: list[str], arguments: list[str | int]) -> Awaitable[list[bytes | int]]:
        client = self._redis.client
        if self._run is None or self._run[0] is not client:
            self._run = client, client.register_script(self._script)
        return self._run[1](keys=keys, args=arguments)

    async def _guarded(self, ask: Callable[[], Awaitable[Any]], *, probing: bool = False) -> Any:
        if self.away is not None and (not probing or time.monotonic() < self._rests_until_s):
            raise LenderAway(self.away)
        self.requests += 1
        limit_s = self._section.timeout_seconds
        try:
            if probing and (self.away is not None or not self._redis.is_open):
                # It may be far away, and behind TLS; once there is a connection it has to be as quick as for a call.
                await self._redis.within(self._redis.client.ping(), self._patience_s)
            answer = await self._redis.within(ask(), limit_s)
        except Exception as error:
            # Not redis-py's own errors alone: it also tells of transports that are closed already, as the loop does.
            raise self._gone(error) from None
        if self._said:
            _log.info("limits are shared again: Redis at %s answers", self._section.where)
        self.away, self._rest_s, self._said = None, 0.0, False
        return answer

    def _gone(self, error: Exception) -> LenderAway:
        detail = trouble(error, f"no answer within {self._section.timeout_seconds:g} s")
        self.failures += 1
        if self.away is not None and not self._said:
            # One answer that was late is no news.
            self._said = True
            _log.warning("limits cannot be shared, until it is back: Redis at %s: %s", self._section.where, detail)
        self.away = f"Redis at {self._section.where} cannot be used: {detail}"
        self._rests_until_s = time.monotonic() + self._rest_s
        self._rest_s = min(max(2 * self._rest_s, _REST_S[0]), _REST_S[1])
        self._redis.dismiss()
        return LenderAway(self.away)
