"""Counts that several routers share, in Redis or Valkey: one script lends each of them a part of what is left.

A request takes the answer it gets within `timeout_seconds`, or none: a server that is away is left alone for a while,
so that calls do not wait for it.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from importlib.resources import files
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.credentials import CredentialProvider
from redis.exceptions import RedisError

from hedgerow_server.core.error import CredentialUnavailable
from hedgerow_server.core.secret import Secret
from hedgerow_server.limits.lender import Answer, LenderAway, Lent, Loan
from hedgerow_server.limits.sharing import RedisSection

_SCRIPT = "lend.lua"
_TOLD = 7
_CHANNEL = "back"
_REST_S = (0.25, 2.0)
"""How long a server that is away is left alone: at first, and at most."""


class RedisLender:
    """The Lender."""

    def __init__(self, section: RedisSection, password: Callable[[], Secret] | None = None) -> None:
        """`password` is asked at each new connection; it may raise CredentialUnavailable."""
        self._section = section
        self._password = password
        self._replica = secrets.token_hex(6)
        self._script = files(__package__).joinpath(_SCRIPT).read_text()
        self._requests = 0
        self._working: set[asyncio.Future[Any]] = set()
        self._client: Redis | RedisCluster | None = None
        self._run: Callable[..., Awaitable[Any]] | None = None
        self._prefix = "{" + section.prefix + "}:"
        self._ttl_ms = str(round(section.lease_seconds * 1000))
        self._apart_ms = str(24 * 3600 * 1000)
        self._away_until_s = 0.0
        self._rest_s = _REST_S[0]
        self._why = ""

    async def ask(self, loans: Sequence[Loan]) -> Answer:
        """Tells what was used, and asks for more."""
        keys = [self._prefix + one.key for one in loans]
        self._requests += 1
        arguments: list[str | int] = [self._replica, self._ttl_ms, self._apart_ms, self._requests]
        for one in loans:
            most = -1 if one.most is None else one.most
            arguments += (most, one.length_us, one.slot, one.used, one.lent, one.held)
            arguments += (one.need, one.due, one.want, one.part, one.keep_ms, one.base, int(one.from_here))
        told = await self._guarded(lambda: self._lend(keys, arguments))
        numbers = [int(one) for one in told]
        counts = tuple(Lent(*numbers[at : at + _TOLD]) for at in range(2, len(numbers), _TOLD))
        return Answer(numbers[0], numbers[1] - 1 if numbers[1] else None, counts)

    async def first(self, key: str, keep_s: float) -> bool:
        """Whether nobody has said the same before, within so many seconds."""
        name, keep_ms = self._prefix + key, max(1, round(keep_s * 1000))
        return bool(await self._guarded(lambda: self._connected().set(name, self._replica, nx=True, px=keep_ms)))

    async def call_back(self, key: str) -> None:
        """Asks all routers for what they were lent of a count and do not use."""
        channel = self._prefix + _CHANNEL
        await self._guarded(lambda: self._connected().publish(channel, f"{self._replica} {key}"))

    async def called_back(self) -> AsyncIterator[str]:
        """The counts that others call back, for ever."""
        while True:
            with suppress(RedisError, OSError, CredentialUnavailable):
                async with self._listener() as client, client.pubsub(ignore_subscribe_messages=True) as listening:
                    await listening.subscribe(self._prefix + _CHANNEL)
                    async for message in listening.listen():
                        who, _, key = message["data"].decode().partition(" ")
                        if who != self._replica:
                            yield key
            await asyncio.sleep(_REST_S[1])

    async def close(self) -> None:
        """Closes the connections."""
        if self._working:
            await asyncio.wait(self._working, timeout=self._section.timeout_seconds)
        client, self._client, self._run = self._client, None, None
        if client is not None:
            await client.aclose()

    def _lend(self, keys: list[str], arguments: list[str | int]) -> Awaitable[list[bytes | int]]:
        client = self._connected()
        if self._run is None:
            self._run = client.register_script(self._script)
        return self._run(keys=keys, args=arguments)

    async def _guarded(self, ask: Callable[[], Awaitable[Any]]) -> Any:
        now_s = time.monotonic()
        if now_s < self._away_until_s:
            raise LenderAway(self._why)
        try:
            answer = await self._in_time(ask())
        except (RedisError, OSError, TimeoutError, CredentialUnavailable) as error:
            raise self._gone(error) from None
        self._rest_s = _REST_S[0]
        return answer

    async def _in_time(self, work: Awaitable[Any]) -> Any:
        """The result of work. Raises TimeoutError when it takes too long, and does not wait for its end then: redis-py
        goes on where it is cancelled while it connects.
        """
        task = asyncio.ensure_future(work)
        self._working.add(task)
        task.add_done_callback(self._ended)
        try:
            done, _ = await asyncio.wait({task}, timeout=self._section.timeout_seconds)
        except asyncio.CancelledError:
            task.cancel()
            raise
        if not done:
            task.cancel()
            raise TimeoutError
        return task.result()

    def _ended(self, task: "asyncio.Future[Any]") -> None:
        self._working.discard(task)
        if not task.cancelled():
            task.exception()

    def _gone(self, error: Exception) -> LenderAway:
        detail = (
            f"no answer within {self._section.timeout_seconds:g} s"
            if isinstance(error, TimeoutError)
            # Its own words may quote a command, and so what was sent.
            else type(error).__name__
        )
        self._why = f"Redis at {self._section.where} cannot be used: {detail}"
        self._away_until_s = time.monotonic() + self._rest_s
        self._rest_s = min(2 * self._rest_s, _REST_S[1])
        return LenderAway(self._why)

    def _connected(self) -> Redis | RedisCluster:
        if self._client is None:
            kind: Any = RedisCluster if self._section.cluster else Redis
            limit_s = self._section.timeout_seconds
            self._client = kind.from_url(
                self._section.url, **self._options(), socket_connect_timeout=limit_s, socket_timeout=limit_s
            )
        return self._client

    def _listener(self) -> Redis:
        # Of a cluster any node passes on what is published at another.
        return Redis.from_url(
            self._section.url,
            **self._options(),
            socket_connect_timeout=self._section.timeout_seconds,
            health_check_interval=10,
        )

    def _options(self) -> dict[str, Any]:
        """Without attempts of the library's own, whose pauses are longer than a call waits."""
        return {"protocol": 2, "retry": Retry(NoBackoff(), 0), **self._login()}

    def _login(self) -> dict[str, Any]:
        provider = _Provider(self._section.username, self._password) if self._password is not None else None
        return {"credential_provider": provider} if provider is not None else {"username": self._section.username}


class _Provider(CredentialProvider):
    """The password that holds when a connection is made: it may have been rotated since the last one."""

    def __init__(self, username: str | None, password: Callable[[], Secret]) -> None:
        self._username = username
        self._password = password

    def get_credentials(self) -> tuple[str] | tuple[str, str]:
        secret = self._password().reveal()
        return (secret,) if self._username is None else (self._username, secret)
