"""Bounds many short waits with one timer."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


class Clock:
    """Bounds the waits of one task, one after the other.

    Like asyncio.timeout, but a stream waits for every chunk: the timer is armed once and moves on only when it goes
    off, so a wait that ends in time costs the event loop nothing.
    """

    __slots__ = ("_due", "_fired", "_loop", "_task", "_timer", "_timer_due")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._due = 0.0
        self._task: asyncio.Task[object] | None = None
        self._timer: asyncio.Handle | None = None
        self._timer_due = 0.0
        self._fired = False

    async def wait(self, limit_s: float | None, awaited: Awaitable[T]) -> T:
        """The result of what is awaited. Raises TimeoutError after `limit_s` seconds; None never does."""
        if limit_s is None:
            return await awaited
        task = self._task = asyncio.current_task()
        assert task is not None
        due = self._due = self._loop.time() + limit_s
        if self._timer is None or self._timer_due > due:
            self._arm()
        cancelling = task.cancelling()
        try:
            return await awaited
        except asyncio.CancelledError:
            if not self._fired:
                raise
            self._fired = False
            if task.uncancel() > cancelling:
                # The caller left at the same moment.
                raise
            raise TimeoutError from None
        finally:
            self._task = None

    def close(self) -> None:
        """Stops the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        self.close()
        self._timer_due = self._due
        # Of uvloop's handles only some know their time: not those that are due at once.
        self._timer = self._loop.call_at(self._due, self._go_off)

    def _go_off(self) -> None:
        self._timer = None
        if self._task is None:
            return
        if self._loop.time() < self._due:
            self._arm()
            return
        self._fired = True
        self._task.cancel()
