"""Idempotency keys under random interleavings at two routers: the provider is never asked twice at once, nor once more
after a success, and every key is free or has its answer in the end.
"""

import asyncio
from collections import Counter

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.hedgerow_server.interceptors.keyed import Router, SlowStore, Told
from virtual import run

TIMES = st.sampled_from([0.0, 0.05, 0.1, 0.3, 0.5, 1.0, 1.1, 1.2, 2.0])
"""Few, so that much happens in the same moment."""
KEYS = ("k", "l")


class Ask(msgspec.Struct, frozen=True):
    """One call."""

    key: str
    text: str
    router: int
    at_s: float
    fails: bool
    leaves_after_s: float | None


ASKS = st.builds(
    Ask,
    key=st.sampled_from(KEYS),
    text=st.sampled_from(["hi", "hi", "ho"]),
    router=st.integers(0, 1),
    at_s=TIMES,
    fails=st.booleans(),
    leaves_after_s=st.none() | TIMES,
)


async def called(router: Router, ask: Ask) -> Told | None:
    """One call, as it is asked for; None where its caller has left."""
    await asyncio.sleep(ask.at_s)
    try:
        async with asyncio.timeout(ask.leaves_after_s):
            return await router.ask(ask.key, ask.text, fails=ask.fails)
    except TimeoutError:
        return None


async def watch(routers: list[Router], done: asyncio.Event) -> None:
    """No key is at the provider twice at any moment."""
    while not done.is_set():
        for key in KEYS:
            assert sum(router.running[key] for router in routers) <= 1
        await asyncio.sleep(0.01)


def check(asks: list[Ask], outcomes: list[Told | None], requests: Counter[str]) -> None:
    """Each request at the provider is that of a call which failed or whose caller left, but for one a key at most;
    whoever has an answer has the one that was kept, to what it asked.
    """
    for key in KEYS:
        mine = [(ask, told) for ask, told in zip(asks, outcomes, strict=True) if ask.key == key]
        fresh = [told for _, told in mine if told is not None and told.reason == "OK" and not told.call.replay_of]
        lost = sum(told is None or told.reason == "STREAM_CUT" for _, told in mine)
        assert len(fresh) <= 1
        assert requests[key] <= len(fresh) + lost
        for ask, told in mine:
            if told is None:
                continue
            assert told.reason in ("OK", "STREAM_CUT", "IDEMPOTENCY_IN_FLIGHT", "IDEMPOTENCY_KEY_REUSED")
            if told.reason == "OK":
                (text,) = [event.text for event in told.events if hasattr(event, "text")]
                assert text == ask.text
            if told.call.replay_of and fresh:
                assert told.events == fresh[0].events


async def played(asks: list[Ask], there_s: float, back_s: float) -> None:
    """Plays all of it, and looks at what is left."""
    store = SlowStore(there_s, back_s)
    routers, done = [Router(store), Router(store)], asyncio.Event()
    watching = asyncio.create_task(watch(routers, done))
    outcomes = await asyncio.gather(*(called(routers[ask.router], ask) for ask in asks))
    for router in routers:
        await router.keeper.close()
    for key in KEYS:
        assert sum(router.whole[key] for router in routers) <= 1
    check(asks, list(outcomes), Counter(key for router in routers for key, _ in router.asked))
    for key in KEYS:
        before = sum(len(router.asked) for router in routers)
        for text in ("hi", "ho"):
            # One of them is the kept one's, or the first takes the free key.
            told = await routers[0].ask(key, text)
            assert told.reason in ("OK", "IDEMPOTENCY_KEY_REUSED")
        assert sum(len(router.asked) for router in routers) <= before + 1
    done.set()
    await watching


@settings(max_examples=200)
@given(st.lists(ASKS, min_size=1, max_size=8), st.sampled_from([0.0, 0.1]), st.sampled_from([0.0, 0.1]))
def test_a_key_is_answered_once_whatever_happens(asks: list[Ask], there_s: float, back_s: float) -> None:
    run(played(asks, there_s, back_s))
