"""The lender of workers on one machine: the supervisor, over the socket that each of them has to it."""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Protocol

import msgspec

from hedgerow_server.limits.lender import Answer, LenderAway, Loan

LEND, BURY, FIRST, CALL_BACK, CALLED_BACK = "lend", "bury", "first", "call_back", "called_back"
ASKED = (LEND, BURY, FIRST)
"""What a worker asks of limits, and waits for."""
_AWAY = "The supervisor of this worker has ended"


class First(msgspec.Struct, frozen=True, array_like=True):
    """Asks whether nobody has said the same before, within so many seconds."""

    key: str
    keep_s: float


class Told(msgspec.Struct, frozen=True, array_like=True):
    """What a worker says with LEND of itself, with BURY of one that is gone."""

    router: str
    loans: Sequence[Loan]


class Supervisor(Protocol):
    """The supervisor, as a worker reaches it."""

    async def ask(self, name: str, content: bytes = b"") -> bytes:
        """The answer to a question. Raises ConnectionError where it is gone."""

    def tell(self, name: str, content: bytes = b"") -> None:
        """Says something that needs no answer."""

    def on(self, name: str, heard: Callable[[bytes], None]) -> None:
        """Who is to hear what it tells under this name."""


class SupervisedLender:
    """The Lender."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self.router = secrets.token_hex(6)
        """What it calls this worker: a name that none had before."""
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(Answer)
        self._called: asyncio.Queue[str] = asyncio.Queue()
        supervisor.on(CALLED_BACK, lambda key: self._called.put_nowait(key.decode()))
        self.away: str | None = None
        """Why it cannot be asked."""
        self.requests = 0
        """How often it was asked for anything."""
        self.failures = 0
        """How often that failed."""

    async def ask(self, loans: Sequence[Loan], *, probing: bool = False) -> Answer:
        """Tells what was used, and asks for more."""
        return self._decoder.decode(await self._asked(LEND, self._encoder.encode(Told(self.router, loans))))

    async def bury(self, router: str, loans: Sequence[Loan]) -> None:
        """Tells what a worker that is gone had used."""
        await self._asked(BURY, self._encoder.encode(Told(router, loans)))

    async def first(self, key: str, keep_s: float) -> bool:
        """Whether nobody has said the same before, within so many seconds."""
        return bool(await self._asked(FIRST, self._encoder.encode(First(key, keep_s))))

    async def call_back(self, key: str) -> None:
        """Asks all workers for what they were lent of a count and do not use."""
        if self.away is not None:
            raise LenderAway(self.away)
        self.requests += 1
        self._supervisor.tell(CALL_BACK, key.encode())

    async def called_back(self) -> AsyncGenerator[str, None]:
        """The counts that others call back, for ever."""
        while True:
            yield await self._called.get()

    async def close(self) -> None:
        """Nothing: the supervisor notices the end of the worker."""

    async def _asked(self, name: str, content: bytes) -> bytes:
        if self.away is not None:
            raise LenderAway(self.away)
        self.requests += 1
        try:
            return await self._supervisor.ask(name, content)
        except ConnectionError:
            self.failures += 1
            # For good: a worker does not outlive its supervisor by more than its calls.
            self.away = _AWAY
            raise LenderAway(_AWAY) from None
