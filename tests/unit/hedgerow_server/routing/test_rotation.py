"""A key that the provider refuses while another one is to be had: the call goes on, and nobody sees it."""

import asyncio

import pytest
from hedgerow_server.core.error import ProviderAuth
from hedgerow_server.core.port import HttpRequest
from hedgerow_server.core.secret import Secret
from hedgerow_server.routing.candidate import Candidate
from unit.hedgerow_server.routing.asking import (
    FAILED,
    FAILOVER,
    PRIMARY,
    RETRY,
    SUCCEEDED,
    Asking,
    asked,
    at,
    refused,
    said,
)
from unit.hedgerow_server.routing.scripted import Answer, ScriptedTransport, candidate
from virtual import timed


class Rotating:
    """A credential whose source has another secret once it is asked again."""

    name = "main"

    def __init__(self, *secrets: str, takes_s: float = 0.1) -> None:
        self._secrets = [Secret(one) for one in secrets]
        self._takes_s = takes_s
        self.fetches = 0

    def current(self) -> Secret:
        return self._secrets[0]

    def rotate(self) -> None:
        """The next secret holds."""
        del self._secrets[0]

    def hold(self, secret: Secret) -> None:
        """Nobody asks."""

    def let_go(self, secret: Secret) -> None:
        """Nobody asks."""

    async def refused(self, secret: Secret) -> bool:
        self.fetches += 1
        await asyncio.sleep(self._takes_s)
        if len(self._secrets) > 1 and self._secrets[0] == secret:
            self.rotate()
        return self._secrets[0] != secret


def taking(lease: Rotating, *good: str) -> Candidate:
    """A candidate whose provider takes these keys only."""

    def reply(request: HttpRequest) -> Answer:
        key = request.headers["authorization"].removeprefix("Bearer ")
        return said("hello") if key in good else refused(401, "invalid_api_key")

    return candidate(ScriptedTransport(reply=reply), name="a", lease=lease)


@pytest.mark.parametrize("stream", [True, False])
@timed
async def test_a_refused_key_is_fetched_anew_and_the_call_goes_on(stream: bool) -> None:
    one = Asking(taking(Rotating("old", "new"), "new"))
    assert await one.answer(stream=stream) == "hello"
    assert one.attempts == [("a", PRIMARY, FAILED), ("a", RETRY, SUCCEEDED)]


@timed
async def test_calls_that_are_refused_together_cause_one_fetch_and_all_go_on() -> None:
    lease = Rotating("old", "new")
    only = taking(lease, "new")
    assert await asyncio.gather(*(Asking(only).answer() for _ in range(20))) == ["hello"] * 20
    assert lease.fetches == 1


@timed
async def test_a_call_that_comes_while_the_key_is_fetched_waits_for_it() -> None:
    lease = Rotating("old", "new")
    only = taking(lease, "new")
    first = asyncio.create_task(Asking(only).answer())
    await asyncio.sleep(0.05)
    late = Asking(only)
    assert await late.answer() == "hello"
    assert late.attempts == [("a", PRIMARY, SUCCEEDED)]
    assert await first == "hello"


@timed
async def test_a_late_refusal_of_a_key_that_is_history_says_nothing_of_the_new_one() -> None:
    lease = Rotating("old", "new")
    slow = Answer(refused(401).body, 401, refused(401).headers, before=[0.5])
    only = candidate(ScriptedTransport(slow, said("hello"), said("again")), name="a", lease=lease)
    call = asyncio.create_task(Asking(only).answer())
    await asyncio.sleep(0.1)
    lease.rotate()
    assert await call == "hello"
    assert only.state.resting_s() == 0
    assert await Asking(only).answer() == "again"


@timed
async def test_another_candidate_is_asked_before_anybody_waits_for_a_key() -> None:
    lease = Rotating("old", "new", takes_s=5)
    one = Asking(taking(lease, "new"), at(said("hello"), name="b"))
    assert await one.answer() == "hello"
    assert one.attempts == [("a", PRIMARY, FAILED), ("b", FAILOVER, SUCCEEDED)]
    assert lease.current() == Secret("old")
    await asyncio.sleep(6)
    assert lease.current() == Secret("new")


@timed
async def test_a_key_that_stays_refused_is_set_aside_and_later_calls_fail_at_once() -> None:
    lease = Rotating("old")
    only = taking(lease, "new")
    assert isinstance(await Asking(only).failure(), ProviderAuth)
    assert isinstance(await Asking(only).failure(), ProviderAuth)
    assert asked(only) == [1]
    assert lease.fetches == 1
