"""Connections to a Redis or Valkey that hold nobody up: what is asked has its time, and is then let go of.

redis-py goes on where it is cancelled while it connects. So nobody waits for the end of what was cancelled, and a
client is closed only once all that was asked through it has ended.
"""

import asyncio
import re
from collections.abc import Awaitable
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.credentials import CredentialProvider
from redis.exceptions import TimeoutError as RedisTimeoutError

from hedgerow_server.config.redis import RedisAddress
from hedgerow_server.core.secret import Reveal

Client = Redis | RedisCluster
_TURNS = 10
"""So many turns of the event loop an answer needs from the socket to whoever waits for it."""
_CODE = re.compile(r"[A-Z]{2,16}\b")


class RedisConnection:
    """The client of one server, made when it is first needed and made anew after it was dismissed. To be used within
    one event loop.
    """

    def __init__(self, address: RedisAddress, password: Reveal | None, patience_s: float) -> None:
        """`password` is asked at each new connection; it may raise CredentialUnavailable. Nothing waits longer than
        `patience_s` for the server.
        """
        self._address = address
        self._password = password
        self._patience_s = patience_s
        self._client: Client | None = None
        self._working: set[asyncio.Future[Any]] = set()

    @property
    def is_open(self) -> bool:
        """Whether there is a client."""
        return self._client is not None

    @property
    def client(self) -> Client:
        """The client. Calls wait less than it does."""
        if self._client is None:
            kind: Any = RedisCluster if self._address.cluster else Redis
            self._client = kind.from_url(self._address.url, **self._options(), socket_timeout=self._patience_s)
        return self._client

    def listener(self) -> Redis:
        """A client of its own for what is published. Of a cluster any node passes on what is published at another."""
        return Redis.from_url(self._address.url, **self._options(), health_check_interval=10)

    async def within(self, work: Awaitable[Any], limit_s: float) -> Any:
        """The result of work. Raises TimeoutError when it takes longer, and does not wait for its end then."""
        task = self.begin(work)
        try:
            done, _ = await asyncio.wait({task}, timeout=limit_s)
            # Where this process is behind, what has come in time is not read yet.
            for _ in range(0 if done else _TURNS):
                if task.done():
                    break
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            task.cancel()
            raise
        if not task.done():
            task.cancel()
            raise TimeoutError
        if task.cancelled():
            raise ConnectionError
        return task.result()

    def begin(self, work: Awaitable[Any]) -> "asyncio.Future[Any]":
        """Work that nobody has to wait for. `close` sees it through."""
        task = asyncio.ensure_future(work)
        self._working.add(task)
        task.add_done_callback(self._ended)
        return task

    def dismiss(self) -> None:
        """Closes the connections that there are, once nothing is asked through them. The next ones are made anew: by
        then the name may be that of another server.
        """
        client, self._client = self._client, None
        if client is not None:
            self.begin(self._shut(client, tuple(self._working)))

    async def close(self) -> None:
        """Closes the connections."""
        self.dismiss()
        while self._working:
            # Each ends by itself: none waits longer than its time for the server.
            await asyncio.wait(self._working)

    async def _shut(self, client: Client, asking: tuple["asyncio.Future[Any]", ...]) -> None:
        # What was cancelled may still connect, and would hand its connection to a pool that is closed already.
        if asking:
            await asyncio.wait(asking)
        await client.aclose()

    def _ended(self, task: "asyncio.Future[Any]") -> None:
        self._working.discard(task)
        if not task.cancelled():
            task.exception()  # or asyncio complains where nobody has waited

    def _options(self) -> dict[str, Any]:
        """Without attempts of the library's own, whose pauses are longer than a call waits."""
        login: dict[str, Any] = {"username": self._address.username}
        if self._password is not None:
            login = {"credential_provider": _Provider(self._address.username, self._password)}
        return {
            "protocol": 2,
            "retry": Retry(NoBackoff(), 0),
            "socket_connect_timeout": self._patience_s,
            **login,
        }


def trouble(error: Exception, late: str) -> str:
    """What went wrong, in a few words; `late` for what took too long. Its own words may quote a command, and so what
    was sent; but for the code that they begin with.
    """
    if isinstance(error, TimeoutError | RedisTimeoutError):
        return late
    code = _CODE.match(str(error))
    return f"{type(error).__name__}{f' ({code[0]})' if code else ''}"


class _Provider(CredentialProvider):
    """The password that holds when a connection is made: it may have been rotated since the last one."""

    def __init__(self, username: str | None, password: Reveal) -> None:
        self._username = username
        self._password = password

    def get_credentials(self) -> tuple[str] | tuple[str, str]:
        secret = self._password().reveal()
        return (secret,) if self._username is None else (self._username, secret)

    async def get_credentials_async(self) -> tuple[str] | tuple[str, str]:
        return self.get_credentials()
