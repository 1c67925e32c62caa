"""Time that passes only when everybody waits: a deterministic event loop for tests of clocks, pauses and deadlines.

The loop's clock and `time.monotonic` are one: when nothing is left to run, it jumps to the next timer. An hour of
waiting costs nothing, and a busy machine changes nothing.
"""

import asyncio
import functools
import inspect
import selectors
import time
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar
from unittest import mock

P = ParamSpec("P")
T = TypeVar("T")
_STEPS = 8
"""Turns of the loop within which everything that a call has left must end."""


class Stuck(AssertionError):
    """Everybody waits, and no timer will ever wake anybody."""


class _Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def read(self) -> float:
        return self.now_s


class _Selector(selectors.DefaultSelector):
    """Waits for no file: it moves the clock on instead."""

    def __init__(self, clock: _Clock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        found = super().select(0)
        if not found and timeout is None:
            raise Stuck("everybody waits and no timer is set")
        if not found and timeout:
            self._clock.now_s += timeout
        return found


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self, clock: _Clock) -> None:
        self._virtual = clock
        super().__init__(_Selector(clock))
        self.complaints: list[str] = []
        self.set_exception_handler(lambda _, context: self.complaints.append(str(context)))

    def time(self) -> float:
        return self._virtual.now_s


def run(main: Coroutine[Any, Any, T]) -> T:
    """The result of `main` in virtual time. Fails where a task is left over, or an error that nobody has looked at."""
    clock = _Clock()
    loop = _Loop(clock)

    async def whole() -> T:
        result = await main
        for _ in range(_STEPS):
            await asyncio.sleep(0)
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left, f"tasks that nobody ended: {left}"
        return result

    before = _current()
    try:
        with mock.patch.object(time, "monotonic", clock.read), asyncio.Runner(loop_factory=lambda: loop) as runner:
            result = runner.run(whole())
    finally:
        # The runner leaves no loop behind, and other tests share one.
        asyncio.set_event_loop(before)
    assert not loop.complaints, loop.complaints
    return result


def _current() -> asyncio.AbstractEventLoop | None:
    """The loop of this thread, without making one."""
    local = getattr(asyncio.get_event_loop_policy(), "_local", None)
    found: asyncio.AbstractEventLoop | None = getattr(local, "_loop", None)
    return found


def timed(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Makes a test of a coroutine function that runs in virtual time."""

    @functools.wraps(test)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> None:
        run(test(*args, **kwargs))

    # Or the runner of coroutine tests would look through.
    del wrapper.__wrapped__
    wrapper.__signature__ = inspect.signature(test)  # type: ignore[attr-defined]
    return wrapper
