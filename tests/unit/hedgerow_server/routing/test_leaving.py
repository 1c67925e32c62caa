"""A caller that leaves, in whatever moment, leaves nothing behind: no open answer, no running attempt."""

import asyncio
from contextlib import aclosing

import msgspec
import pytest
from hedgerow_server.providers.drain import DrainCaps, Drainer
from hedgerow_server.routing.candidate import Candidate, Drain
from hedgerow_server.routing.execute import execute
from unit.hedgerow_server.routing.asking import CANCELLED, PRIMARY, SUCCEEDED, Asking, at, check_all_given_back, wire
from unit.hedgerow_server.routing.scripted import HI, JSON, USAGE, Answer, document
from virtual import timed

BODY = document()


def drained(one: Candidate, drainer: Drainer) -> Candidate:
    """The candidate, whose answers are read on when their callers have left."""
    drain = Drain(drainer, DrainCaps(30.0, 100_000))
    return msgspec.structs.replace(one, upstream=msgspec.structs.replace(one.upstream, drain=drain))


async def left(one: Asking, after_s: float, turns: int) -> None:
    """Asks, and leaves after so many seconds and turns of the loop."""

    async def read() -> None:
        async with aclosing(execute(one.call, one.plan, HI, stream=False)) as events:
            async for _ in events:
                pass

    running = asyncio.create_task(read())
    await asyncio.sleep(after_s)
    for _ in range(turns):
        await asyncio.sleep(0)
    running.cancel()
    await asyncio.wait([running])


@pytest.mark.parametrize("room", [None, 0, 1], ids=["closes", "no room", "reads on"])
@pytest.mark.parametrize("turns", range(10))
@timed
async def test_an_answer_that_comes_as_its_caller_leaves_is_let_go_of(turns: int, room: int | None) -> None:
    """Its headers come after a second, its body after another: in one of these turns it is nobody's."""
    for after_s in (1.0, 2.0):
        drainer = Drainer(room or 0)
        only = at(Answer([1.0, BODY], headers=JSON, before=[1.0]))
        one = Asking(only if room is None else drained(only, drainer))
        await left(one, after_s, turns)
        await drainer.close(10.0)
        ((_, _, outcome),) = one.attempts
        assert outcome in (CANCELLED, SUCCEEDED)
        check_all_given_back(one.plan.candidates)


@pytest.mark.parametrize("after_s", [0.5, 1.5], ids=["before the headers", "before the body"])
@timed
async def test_what_is_read_on_is_counted_and_paid(after_s: float) -> None:
    """OpenAI charges for all of an answer that does not stream, whoever is there to read it."""
    drainer = Drainer(1)
    one = Asking(drained(at(Answer([1.0, BODY], headers=JSON, before=[1.0])), drainer))
    await left(one, after_s, 0)
    assert one.attempts == [("a", PRIMARY, CANCELLED)]
    await drainer.close(10.0)
    usage = one.call.attempts[0].usage
    assert usage is not None
    assert (usage.input_tokens, usage.estimated) == (USAGE["prompt_tokens"], False)
    assert [response.releases for response in wire(one.plan.candidates[0]).responses] == [[True]]
