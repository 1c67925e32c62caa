"""Calls begin in turns of their callers."""

import asyncio
from collections.abc import Callable

from hedgerow_server.doors.http2.turns import Turns


def begins(order: list[str], name: str) -> Callable[[], bool]:
    """A call that begins."""

    def begin() -> bool:
        order.append(name)
        return True

    return begin


async def over(turns: Turns) -> None:
    """Lets all have their turn."""
    for _ in range(len(turns) + 100):
        await asyncio.sleep(0)


async def filled(turns: Turns) -> None:
    """A round that is full."""
    while turns.take():
        pass


async def test_a_few_begin_at_once_and_the_next_ones_in_a_later_round() -> None:
    turns = Turns()
    first = sum(turns.take() for _ in range(1000))
    assert 0 < first < 100
    await asyncio.sleep(0)
    assert sum(turns.take() for _ in range(1000)) == first


async def test_whoever_has_one_call_does_not_wait_for_the_thousand_of_another() -> None:
    turns, order = Turns(), list[str]()
    await filled(turns)
    for _ in range(1000):
        turns.wait("many", begins(order, "many"))
    turns.wait("one", begins(order, "one"))
    await over(turns)
    assert len(order) == 1001
    assert order.index("one") == 1


async def test_no_call_overtakes_those_that_wait() -> None:
    turns, order = Turns(), list[str]()
    await filled(turns)
    for _ in range(20):
        turns.wait("a", begins(order, "a"))
    await asyncio.sleep(0)
    assert order
    assert len(turns) > 0
    assert not turns.take()
    await over(turns)


async def test_calls_that_have_ended_while_they_waited_take_no_turn_and_are_not_counted() -> None:
    turns, order = Turns(), list[str]()
    await filled(turns)
    for _ in range(10_000):
        turns.wait("gone", lambda: False)
        turns.forget()
    turns.wait("gone", begins(order, "last"))
    assert len(turns) == 1
    await asyncio.sleep(0)
    assert order == []
    await over(turns)
    assert order == ["last"]


async def test_when_nobody_waits_there_is_nothing_to_do() -> None:
    turns = Turns()
    await filled(turns)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert turns.take()
