"""Work on the event loop, a slice at a time, so that calls go on meanwhile."""

import asyncio
import contextlib
import gc
from collections.abc import Generator, Iterator
from typing import TypeVar

T = TypeVar("T")

Work = Generator[int, None, T]
"""Work that can pause: it yields how many units it has done since it last did, and returns its result. A unit is about
as much as making one candidate of a route, some 20 µs.
"""

SLICE_UNITS = 32
"""How much is done at once: well below 5 ms, also on a slow machine."""

_FREED_AT_ONCE = 8


async def in_slices(work: Work[T], units: int = SLICE_UNITS) -> T:
    """The result of the work. Lets the event loop turn after every `units` units of it."""
    done = 0
    while True:
        try:
            done += next(work)
        except StopIteration as end:
            result: T = end.value
            # Whatever follows begins a slice of its own.
            await asyncio.sleep(0)
            return result
        if done >= units:
            done = 0
            await asyncio.sleep(0)


def at_once(work: Work[T]) -> T:
    """The result of the work, without a pause: for when nobody waits, or little is to be done."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            result: T = end.value
            return result


def let_go(things: list[object]) -> Work[None]:
    """Empties a list of what nobody else holds, a few at a time: to free thousands of objects takes as long as to make
    them.
    """
    while things:
        del things[-_FREED_AT_ONCE:]
        yield _FREED_AT_ONCE


@contextlib.contextmanager
def collector_paused() -> Iterator[None]:
    """Keeps the garbage collector from looking through what is made meanwhile, then and later.

    What a configuration is made of lives long and holds no garbage, but the collector would look through all of it in
    one go, which takes half a second for ten thousand routes. What calls leave behind meanwhile is not looked through
    either: only cycles among that are lost, and only as many as the calls of this moment made.
    """
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
