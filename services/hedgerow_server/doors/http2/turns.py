"""Begins calls in turns of their callers, a few in each round of the event loop.

Whoever sends a thousand calls at once waits for his own, and nobody else for them: a call that is begun costs as much
CPU as some hundreds of frames that are read, so what waits for the CPU should wait here, where callers are told apart,
and not in the loop, where they are not.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Hashable
from typing import Final

_ROUND: Final = 8
"""How many calls begin in one round."""
_LOOKED_AT: Final = 500
"""How many are looked at for them: most may have ended while they waited."""


class Turns:
    """Calls that wait for their turn."""

    def __init__(self) -> None:
        self._begun = 0
        self._waiting = 0
        self._queues: dict[Hashable, deque[Callable[[], bool]]] = {}
        self._loop = asyncio.get_running_loop()

    def __len__(self) -> int:
        return self._waiting

    def take(self) -> bool:
        """Whether a call may begin at once."""
        if self._queues or self._begun >= _ROUND:
            return False
        if not self._begun:
            self._loop.call_soon(self._next)
        self._begun += 1
        return True

    def wait(self, caller: Hashable, begin: Callable[[], bool]) -> None:
        """Begins a call when it is its turn; it returns whether it has, or had ended by then."""
        self._waiting += 1
        self._queues.setdefault(caller, deque()).append(begin)

    def forget(self) -> None:
        """One of those that wait has ended, and does not wait any more."""
        self._waiting -= 1

    def _next(self) -> None:
        """A new round. Those that have ended meanwhile take no turn."""
        self._begun = looked = 0
        queues = self._queues
        while queues and self._begun < _ROUND and looked < _LOOKED_AT:
            looked += 1
            caller, queue = next(iter(queues.items()))
            del queues[caller]
            begin = queue.popleft()
            if queue:
                queues[caller] = queue
            if begin():
                self._begun += 1
                self._waiting -= 1
        if self._begun or queues:
            self._loop.call_soon(self._next)
