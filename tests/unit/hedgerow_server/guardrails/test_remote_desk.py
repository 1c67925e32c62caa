"""The time that a guard elsewhere has, in virtual time."""

import asyncio
from collections.abc import Sequence

import pytest
from hedgerow_server.core.guard import Asker, GuardFailed, Judged, Source
from hedgerow_server.guardrails.remote.desk import Answer, Desk, Limits
from hedgerow_server.guardrails.remote.section import RemoteEntry
from virtual import timed

ASKER = Asker("acme", "request-1", "fast")


class Guard:
    """Takes as long as it is told."""

    def __init__(self, **section: object) -> None:
        self.takes_s = 0.0
        self.asked: list[float] = []
        """The time that each request had."""
        given = {"timeout_seconds": 1, **section}
        self.desk = Desk("ours", RemoteEntry.model_validate(given), Limits(texts=2, utf8_bytes=1000), self._ask)

    async def judge(self, *texts: str) -> None:
        await self.desk.judge([Judged(one, Source.USER) for one in texts], ASKER)

    async def _ask(self, pieces: Sequence[Judged], asker: Asker, within_s: float) -> Answer:
        self.asked.append(within_s)
        await asyncio.sleep(self.takes_s)
        return Answer([()] * len(pieces))


def now_s() -> float:
    return asyncio.get_running_loop().time()


@timed
async def test_a_guard_that_is_frozen_takes_its_time_and_no_more() -> None:
    guard = Guard()
    guard.takes_s = 3600
    began_s = now_s()
    with pytest.raises(GuardFailed, match="gives no answer within 1 s"):
        await guard.judge("a", "b", "c", "d", "e")
    assert now_s() - began_s == pytest.approx(1)


@timed
async def test_once_it_is_known_to_be_frozen_it_takes_no_time() -> None:
    guard = Guard(breaker={"failures": 2})
    guard.takes_s = 3600
    for _ in range(2):
        with pytest.raises(GuardFailed):
            await guard.judge("a")
    began_s = now_s()
    with pytest.raises(GuardFailed, match="it is not asked for a while: gives no answer within 1 s"):
        await guard.judge("a")
    assert now_s() == began_s


@timed
async def test_time_that_is_up_counts_as_failure_also_where_the_pipeline_looks_first() -> None:
    guard = Guard(breaker={"failures": 1})
    guard.takes_s = 3600
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.99):
            await guard.judge("a")
    with pytest.raises(GuardFailed, match="it is not asked for a while"):
        await guard.judge("a")


@timed
async def test_a_caller_who_leaves_says_nothing_of_the_guard() -> None:
    guard = Guard(breaker={"failures": 1})
    guard.takes_s = 3600
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await guard.judge("a")
    guard.takes_s = 0
    await guard.judge("a")


@timed
async def test_to_wait_for_a_turn_takes_of_the_same_time() -> None:
    guard = Guard(max_concurrent_requests=1)
    guard.takes_s = 0.4
    await asyncio.gather(guard.judge("a"), guard.judge("b"))
    assert guard.asked == pytest.approx([1, 0.6])


@timed
async def test_who_had_no_turn_says_nothing_of_the_guard() -> None:
    """It answers all that it is asked: there is only too much for it."""
    guard = Guard(max_concurrent_requests=1, breaker={"failures": 1}, verdicts={"entries": 0})
    guard.takes_s = 0.9
    results = await asyncio.gather(*(guard.judge(str(number)) for number in range(3)), return_exceptions=True)
    assert [type(one) for one in results] == [type(None), GuardFailed, GuardFailed]
    assert {str(one) for one in results[1:]} == {"it has too much to do for 1 s"}
    await guard.judge("a")


@timed
async def test_the_batches_of_a_call_run_at_once() -> None:
    guard = Guard()
    guard.takes_s = 0.5
    began_s = now_s()
    await guard.judge("a", "b", "c", "d", "e")
    assert len(guard.asked) == 3
    assert now_s() - began_s == pytest.approx(0.5)
