"""An answer as its reader sees it: headers, then what has arrived of the body, then its end."""

import asyncio
from collections.abc import Mapping
from typing import Protocol

from hedgerow_server.providers.http.inflate import Inflate, Unwanted, inflate_for
from hedgerow_server.providers.http.port import UnreachableError

_NO_HEADERS: Mapping[str, str] = {}
AHEAD_BYTES = 64 * 1024
"""How much of a body is taken before somebody reads it: beyond that the connection is not read from."""


class Line(Protocol):
    """What an exchange asks of its connection."""

    def resume(self) -> None:
        """Reads on."""

    def read_aside(self) -> None:
        """Nobody reads the rest of the answer: lets it go by, within bounds."""

    def abort(self) -> None:
        """Ends the connection now."""


class Exchange:
    """One answer. Its connection fills it from the event loop, and lets go of it at its last byte: what is read later
    is already here.
    """

    __slots__ = ("_error", "_held", "_inflate", "_line", "_pieces", "_waiter", "ended", "headers", "status")

    def __init__(self, line: Line) -> None:
        self._line: Line | None = line
        self._pieces: list[bytes] = []
        self._held = 0
        self._inflate: Inflate | Unwanted | None = None
        self._error: UnreachableError | None = None
        self._waiter: asyncio.Future[None] | None = None
        self.status = 0
        """The HTTP status; 0 while there are no headers."""
        self.headers = _NO_HEADERS
        """The headers, by their names in lower case; those of one name are joined by commas."""
        self.ended = False
        """Whether all of the body is here."""

    # What its connection tells.

    def begin(self, status: int, headers: dict[str, str]) -> None:
        """The headers are here."""
        self.status, self.headers = status, headers
        if "content-encoding" in headers:
            self._inflate = inflate_for(headers)
        self.wake()

    def take(self, piece: bytes) -> None:
        """A piece of the body."""
        self._pieces.append(piece)
        self._held += len(piece)

    @property
    def full(self) -> bool:
        """Whether there is more than anybody has asked for."""
        return self._held > AHEAD_BYTES

    def end(self) -> None:
        """That was all; the connection is another's from now on."""
        self.ended, self._line = True, None
        self.wake()

    def fail(self, error: UnreachableError) -> None:
        """The connection is no more. What came before can still be read."""
        self._error, self._line = error, None
        self.wake()

    def wake(self) -> None:
        """There is something to see."""
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            if not waiter.done():
                waiter.set_result(None)

    # What its reader asks.

    async def begun(self) -> None:
        """Returns once the headers are here. Raises UnreachableError."""
        while not self.status:
            if self._error is not None:
                raise self._error
            await self._woken()

    async def read(self) -> bytes:
        """All that has arrived of the body, decoded; waits for some. Empty at its end. See port.Response."""
        while True:
            if self._pieces:
                data = self._all()
                if self._inflate is None:
                    return data
                if decoded := self._inflate.feed(data):
                    return decoded
            elif self._error is not None:
                raise self._error
            elif self.ended:
                return b""
            else:
                await self._woken()

    def release(self, *, finished: bool = False) -> None:
        """See port.Response."""
        line, self._line = self._line, None
        self._pieces.clear()
        if line is None:
            return
        end = line.read_aside if finished else line.abort
        end()

    async def _woken(self) -> None:
        # Whoever is cancelled here has taken nothing: the next read finds all of it.
        waiter = self._waiter = asyncio.get_running_loop().create_future()
        await waiter

    def _all(self) -> bytes:
        pieces = self._pieces
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        held, self._held = self._held, 0
        if held > AHEAD_BYTES and self._line is not None:
            self._line.resume()
        return data
