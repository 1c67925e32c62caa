"""Bounds the waits of a task in time."""

import asyncio
import time

_GRAIN_S = 0.001
"""Event loops count time in steps of this: a timer may go off so much early."""


class Clock:
    """Bounds what one task awaits, one wait after the other: `start`, await, `stop`. A wait that takes too long is
    cancelled; `timed_out` tells that from other cancellations. At the end comes `close`.

    Like asyncio.timeout at a fraction of what that costs: no wait makes anything, and the timer is armed once and moves
    on only when it goes off, so a wait that ends in time costs the event loop nothing. Times are monotonic, in seconds.
    """

    __slots__ = ("_cancelling", "_due_s", "_fired", "_loop", "_task", "_timer", "_timer_due_s")

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._due_s: float | None = None
        self._task: asyncio.Task[object] | None = None
        self._cancelling = 0
        self._timer: asyncio.Handle | None = None
        self._timer_due_s = 0.0
        self._fired = False

    def start(self, due_s: float | None = None) -> None:
        """The current task has until then from now on; None: for ever, or until it is told otherwise."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        task = self._task = asyncio.current_task(self._loop)
        assert task is not None
        self._cancelling = task.cancelling()
        self._due_s = due_s
        if due_s is not None and (self._timer is None or self._timer_due_s > due_s):
            self._arm(due_s)

    def move(self, due_s: float) -> None:
        """The task, which has started, has until then instead."""
        self._due_s = due_s
        if self._timer is None or self._timer_due_s > due_s:
            self._arm(due_s)

    def expire(self) -> bool:
        """Its time is over now. False: nobody waits, or it was over already."""
        if self._task is None or self._fired:
            return False
        self.move(0.0)
        return True

    def stop(self) -> None:
        """What was awaited is there."""
        self._task = None

    def timed_out(self) -> bool:
        """Whether the cancellation that ended the wait was this clock's; if so, it is taken back. False as well where
        the task was cancelled by somebody else at the same moment.
        """
        task = self._task
        if task is None or not self._fired:
            return False
        self._fired = False
        return task.uncancel() <= self._cancelling

    def close(self) -> None:
        """Stops the timer. A cancellation that nobody has asked about is taken back."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._fired:
            self.timed_out()
        self._task = None

    def _arm(self, due_s: float) -> None:
        assert self._loop is not None
        if self._timer is not None:
            self._timer.cancel()
        # Of uvloop's handles only some know their time: not those that are due at once.
        self._timer_due_s = due_s
        self._timer = self._loop.call_later(max(0.0, due_s - time.monotonic()), self._go_off)

    def _go_off(self) -> None:
        self._timer = None
        if self._task is None or self._due_s is None:
            return
        if self._due_s - time.monotonic() > _GRAIN_S:
            self._arm(self._due_s)
            return
        self._fired = True
        self._task.cancel()
