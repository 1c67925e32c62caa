"""Work in slices: what counts is how much is done between two turns of the loop, not how long that takes."""

import asyncio
import gc
from collections.abc import Awaitable, Callable
from itertools import pairwise
from typing import TypeVar

import pytest
from hedgerow_server.core.slices import Work, at_once, collector_paused, in_slices, let_go

T = TypeVar("T")


async def turns(done: Callable[[], int], work: Awaitable[T]) -> tuple[T, list[int]]:
    """The result of some work, and how much of it was done at each turn that the loop made meanwhile."""
    seen = [0]

    async def watch() -> None:
        while True:
            seen.append(done())
            await asyncio.sleep(0)

    watching = asyncio.create_task(watch())
    result = await work
    watching.cancel()
    return result, [*seen, done()]


def counting(steps: list[int], finished: list[int]) -> Work[str]:
    """Work of the given units; notes each that is done."""
    for units in steps:
        finished.append(units)
        yield units
    return "done"


@pytest.mark.parametrize("units", [1, 7, 32])
async def test_no_slice_is_longer_than_asked_by_more_than_one_step(units: int) -> None:
    finished: list[int] = []
    result, seen = await turns(lambda: sum(finished), in_slices(counting([1, 2, 3, 4] * 50, finished), units))
    assert result == "done"
    assert sum(finished) == 500
    assert max(after - before for before, after in pairwise(seen)) < units + 4


async def test_the_loop_turns_once_more_before_the_result() -> None:
    finished: list[int] = []
    _, seen = await turns(lambda: len(finished), in_slices(counting([1], finished)))
    assert len(seen) >= 2


def test_work_can_be_done_at_once() -> None:
    finished: list[int] = []
    assert at_once(counting([5] * 10, finished)) == "done"
    assert len(finished) == 10


async def test_things_are_let_go_a_few_at_a_time() -> None:
    things: list[object] = [object() for _ in range(1000)]
    _, seen = await turns(lambda: 1000 - len(things), in_slices(let_go(things), 16))
    assert things == []
    assert max(after - before for before, after in pairwise(seen)) <= 16


def test_the_collector_does_not_look_through_what_was_made_while_it_paused() -> None:
    with collector_paused():
        assert not gc.isenabled()
        made = [[n] for n in range(10)]
    try:
        assert gc.isenabled()
        looked_at = {id(one) for one in gc.get_objects()}
        assert not looked_at & {id(one) for one in made}
    finally:
        gc.unfreeze()
