"""Calls of a connection that have ended, as far as they still matter."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

from hedgerow_server.doors.http2.call import ServerCall
from hedgerow_server.doors.http2.turns import Turns

_FORGIVEN: Final = 1000
"""Calls that ended here before their caller knew: what he still sends of so many of them is thrown away."""


class Ended:
    """What is known of them."""

    def __init__(self, turns: Turns) -> None:
        self.unwinding = 0
        """Handlers that have yet to stop, or to be begun, of calls that have ended before them."""
        self._turns = turns
        self._forgiven: OrderedDict[int, None] = OrderedDict()
        self._untaken: set[int] = set()

    def __contains__(self, stream_id: int) -> bool:
        """Whether its caller may not know yet that it has ended."""
        return stream_id in self._forgiven

    def forgive(self, stream_id: int) -> None:
        """A call has ended here, and its caller may still send of it."""
        if len(self._forgiven) >= _FORGIVEN:
            self._forgiven.popitem(last=False)
        self._forgiven[stream_id] = None

    def known(self, stream_id: int) -> None:
        """Its caller knows."""
        self._forgiven.pop(stream_id, None)

    def untaken(self, calls: Iterable[ServerCall]) -> list[int]:
        """Streams of those whose answer is whole and has not been taken since the last time that this was asked."""
        untaken = {call.stream_id for call in calls if call.ended}
        found, self._untaken = self._untaken & untaken, untaken
        return list(found)

    def unwind(self, call: ServerCall) -> None:
        """A call has ended, and whoever answers it has not. It counts until he has: calls that are begun and reset
        without end (CVE-2023-44487) are only so many at a time.
        """
        if call.task is not None:
            if not call.task.done():
                self.unwinding += 1
                call.task.add_done_callback(self._unwound)
        elif call.begun:
            self.unwinding += 1
            self._turns.forget()

    def passed_over(self) -> None:
        """It would have been the turn of such a call."""
        self.unwinding -= 1

    def _unwound(self, task: "asyncio.Task[None]") -> None:
        self.unwinding -= 1
