"""Questions that several routers share: a stream in Redis or Valkey that all of them append to, and follow.

Each keeps an index of its own of what it has read; a new one reads what there is. The stream is bounded by its length.
Each record has a MAC (HMAC-SHA-256) under the key that kept answers have: whoever can write to the server can neither
make a question nor move one to another partition.
"""

import asyncio
import hmac
import logging
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import msgspec
import numpy as np

from hedgerow_server.caching.differences import Facts
from hedgerow_server.caching.key import FORMAT
from hedgerow_server.caching.link import RedisLink
from hedgerow_server.caching.port import CacheAway
from hedgerow_server.caching.questions import Question, Questions
from hedgerow_server.caching.vectors import Vector
from hedgerow_server.core.erasure import BARRED_S
from hedgerow_server.store.redis import Client

_BEGINNING = b"hgq" + FORMAT.to_bytes(2, "big")
_MAC_BYTES = 32
_HEAD_BYTES = len(_BEGINNING) + _MAC_BYTES
_FIELD = b"q"
_PAGE = 128
_WAITING = 4_096
"""Records that wait to be written at most; then the oldest are lost."""
_AT_ONCE = 8
"""Questions that are added before calls go on: each may take a millisecond."""
_POLL_S = 0.25
"""How often a router looks for what others have kept."""
_KEPT_MS = 31 * 86_400_000
"""How long the stream stays when nothing is added: longer than any answer."""
_BARRED_MS = round(BARRED_S * 1000)
_log = logging.getLogger(__name__)


class Record(msgspec.Struct, frozen=True, array_like=True):
    """A question on its way; without a slot: all of somebody's are to be forgotten."""

    place: bytes = b""
    slot: bytes = b""
    until_unix_s: float = 0.0
    owner: bytes = b""
    vector: bytes = b""
    """Little-endian 16-bit floats."""
    facts: Facts = Facts()


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Record).decode


def sealed(record: Record, secret: bytes) -> bytes:
    """The bytes of a record."""
    payload = _encode(record)
    return b"".join((_BEGINNING, _mac(secret, payload), payload))


def opened(data: bytes, secret: bytes) -> Record | None:
    """The record; None for anything that was not sealed with this secret."""
    payload = data[_HEAD_BYTES:]
    if not data.startswith(_BEGINNING) or not hmac.compare_digest(
        data[len(_BEGINNING) : _HEAD_BYTES], _mac(secret, payload)
    ):
        return None
    try:
        return _decode(payload)
    except msgspec.DecodeError:
        return None


def _mac(secret: bytes, payload: bytes) -> bytes:
    return hmac.digest(secret, b"question" + _BEGINNING + payload, "sha256")


def _at_ms(number: bytes) -> int:
    """When a record was written: the server numbers them by its clock."""
    return int(number.partition(b"-")[0])


class SharedQuestions:
    """Follows the stream, and tells others. Made within the event loop."""

    def __init__(
        self, link: RedisLink, prefix: str, questions: Questions, secret: Callable[[], bytes | None], most: int
    ) -> None:
        """`most` records are kept, about. `secret` as for kept answers; None: nothing is told, nothing believed."""
        self._link = link
        self._stream = "{" + prefix + "}:questions"
        self._questions = questions
        self._secret = secret
        self._most = most
        self._read = b"0"
        self._barred_ms: dict[bytes, int] = {}
        """Until when nothing is learned of those who were erased, by the clock of the server."""
        self._following: asyncio.Task[None] | None = None
        self._writing: asyncio.Task[None] | None = None
        self._out: deque[bytes] = deque(maxlen=_WAITING)
        self._done: list[str | bytes] = []
        self.alarms = 0
        """Records that nobody made who has the key."""

    def start(self) -> None:
        """Begins to follow."""
        self._following = asyncio.create_task(self._follow())

    def tell(self, question: Question, vector: Vector) -> None:
        """Tells others of a question."""
        packed = vector.astype("<f2").tobytes()
        self._add(Record(question.place, question.slot, question.until_unix_s, question.owner, packed, question.facts))

    def expired(self, number: str) -> None:
        """The time of a question is over: it need not stay there either."""
        self._done.append(number)
        self._write_soon()

    async def erase(self, owner: bytes) -> int:
        """Tells others to forget somebody's questions, and takes all of them out of the stream. Raises CacheAway."""
        secret = self._secret()
        if secret is None:
            raise CacheAway("the key of the MACs is not there")
        # First, and not with what waits to be written: that may be lost.
        await self._link.ask(self._writes([sealed(Record(owner=owner), secret)], []))
        erased, after = 0, b"-"
        while rows := await self._link.ask(self._range(after)):
            his = [
                number
                for number, fields in rows
                if (record := opened(fields.get(_FIELD, b""), secret)) is not None
                and record.owner == owner
                and record.slot
            ]
            if his:
                erased += int(await self._link.ask(self._deleting(his)))
            after = b"(" + rows[-1][0]
        return erased

    async def close(self) -> None:
        """Writes what waits, and ends following."""
        if self._writing is not None:
            await asyncio.wait({self._writing})
        if self._following is not None:
            self._following.cancel()
            await asyncio.wait({self._following})
        await self._link.close()

    def _add(self, record: Record) -> None:
        secret = self._secret()
        if secret is None:
            return
        self._out.append(sealed(record, secret))
        self._write_soon()

    def _write_soon(self) -> None:
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())

    async def _write(self) -> None:
        """What waits, some at a time: a connection for each would be too many. What the server does not take is lost:
        then others ask a provider once more.
        """
        while self._out or self._done:
            records = [self._out.popleft() for _ in range(min(_PAGE, len(self._out)))]
            done, self._done = self._done[:_PAGE], self._done[_PAGE:]
            with suppress(CacheAway):
                await self._link.ask(self._writes(records, done))

    def _writes(self, records: Sequence[bytes], done: Sequence[str | bytes]) -> Callable[[Client], Any]:
        async def write(client: Client) -> None:
            async with client.pipeline(transaction=False) as pipe:
                for data in records:
                    pipe.xadd(self._stream, {_FIELD: data}, maxlen=self._most, approximate=True)
                if records:
                    pipe.pexpire(self._stream, _KEPT_MS)
                if done:
                    pipe.xdel(self._stream, *done)
                await pipe.execute()

        return write

    def _range(self, after: bytes) -> Callable[[Client], Any]:
        return lambda client: client.xrange(self._stream, min=after, max=b"+", count=_PAGE)

    def _deleting(self, numbers: Sequence[bytes]) -> Callable[[Client], Any]:
        return lambda client: client.xdel(self._stream, *numbers)

    async def _follow(self) -> None:
        while True:
            secret = self._secret()
            if secret is None:
                # Nothing can be believed, or left out, before it is there.
                await asyncio.sleep(_POLL_S)
                continue
            try:
                rows = await self._link.ask(self._range(b"(" + self._read if self._read != b"0" else b"-"))
                if rows and self._read != b"0" and await self._is_first(rows[0][0]):
                    # Nothing is left of what was read: who was to be forgotten may have stood in what went unread.
                    self._questions.clear()
            except CacheAway:
                rows = []
            try:
                await self._take(rows, secret)
            except Exception as error:  # what others wrote must not end it
                _log.error("a page of shared questions is left out", exc_info=error)
            if len(rows) < _PAGE:
                await asyncio.sleep(_POLL_S)

    async def _is_first(self, number: bytes) -> bool:
        first = await self._link.ask(lambda client: client.xrange(self._stream, count=1))
        return not first or first[0][0] == number

    async def _take(self, rows: Sequence[tuple[bytes, dict[bytes, bytes]]], secret: bytes) -> None:
        for at, (number, fields) in enumerate(rows):
            self._read = number
            record = opened(fields.get(_FIELD, b""), secret)
            if record is None:
                self._alarm(number)
            elif not record.slot:
                self._forget(record.owner, number)
            elif _at_ms(number) < self._barred_ms.get(record.owner, 0):
                # A call that was under way when he was erased.
                self._questions.drop(record.place, record.slot)
                self.expired(number.decode())
            else:
                self._learn(record, number.decode())
            if at % _AT_ONCE == _AT_ONCE - 1:
                await asyncio.sleep(0)

    def _forget(self, owner: bytes, number: bytes) -> None:
        self._questions.erase(owner)
        now_ms = _at_ms(number)
        self._barred_ms = {one: until_ms for one, until_ms in self._barred_ms.items() if until_ms > now_ms}
        self._barred_ms[owner] = now_ms + _BARRED_MS

    def _learn(self, record: Record, number: str) -> None:
        if record.until_unix_s <= self._questions.now():
            self.expired(number)
            return
        vector = np.frombuffer(record.vector, "<f2").astype(np.float32)
        question = Question(record.place, record.slot, record.until_unix_s, record.facts, record.owner, number)
        # What it has told itself comes back with the number by which others know it.
        if not self._questions.number(question):
            self._questions.add(question, vector)

    def _alarm(self, number: bytes) -> None:
        self.alarms += 1
        _log.error("alarm event=cache_poisoned reason=mac question=%s: nobody with the key wrote it", number.decode())
        self._done.append(number)
        self._write_soon()
