"""Several keys of one candidate: drawn by weight, each with limits and a state of its own."""

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hedgerow_server.core.error import CredentialUnavailable, ProviderAuth, ProviderThrottled, ProviderUnavailable
from hedgerow_server.core.explanation import Why
from hedgerow_server.core.port import HttpRequest
from hedgerow_server.core.secret import Secret
from hedgerow_server.core.slices import at_once
from hedgerow_server.routing.affinity import Affinity
from hedgerow_server.routing.candidate import Candidate, Key, with_keys
from hedgerow_server.routing.explain import explain
from hedgerow_server.routing.kill import KillSwitches
from hedgerow_server.routing.plan import Bounds
from hedgerow_server.routing.route import Route
from hedgerow_server.routing.select import Strategy
from hedgerow_server.routing.state import States
from hedgerow_server.routing.view import facts
from unit.hedgerow_server.routing.asking import (
    FAILED,
    FAILOVER,
    PRIMARY,
    RETRY,
    SUCCEEDED,
    Asking,
    asked,
    at,
    check_all_given_back,
    refused,
    said,
    wire,
)
from unit.hedgerow_server.routing.paper import ask
from unit.hedgerow_server.routing.scripted import Answer, ScriptedTransport, candidate
from virtual import timed

KEY_FAILURES = [(401, "invalid_api_key"), (403, "x"), (429, "insufficient_quota"), (429, "x"), (404, "model_not_found")]


class Named:
    """A credential whose secret is its name; `gone`: it has none."""

    def __init__(self, name: str, *, gone: bool = False) -> None:
        self.name = name
        self._gone = gone

    def current(self) -> Secret:
        if self._gone:
            raise CredentialUnavailable("none")
        return Secret(self.name)

    def hold(self, secret: Secret) -> None:
        """Nobody asks."""

    def let_go(self, secret: Secret) -> None:
        """Nobody asks."""

    async def refused(self, secret: Secret) -> bool:
        """There is no other."""
        return False


Reply = Callable[[str], Answer]


def keyed(
    reply: Reply, *keys: str, name: str = "a", weights: tuple[int, ...] = (), gone: tuple[str, ...] = (), **more: Any
) -> Candidate:
    """A candidate with these keys, whose provider answers each as `reply` says."""
    transport = ScriptedTransport(reply=lambda request: reply(_key(request)))
    states, one = States(), candidate(transport, name=name, **more)
    return with_keys(
        one,
        [
            Key(Named(key, gone=key in gone), states.of(name, key, one.model, one.region), weight)
            for key, weight in zip(keys, weights or (1,) * len(keys), strict=True)
        ],
    )


def _key(request: HttpRequest) -> str:
    return request.headers["authorization"].removeprefix("Bearer ")


def used(one: Candidate) -> list[str]:
    """The keys with which it was asked, in order."""
    return [_key(request) for request in wire(one).requests]


def first_with(one: Candidate, key: str) -> Candidate:
    """The variant with this key, as a plan may have drawn it."""
    return next(variant for variant in one.variants if variant.lease is not None and variant.lease.name == key)


def only(*good: str, otherwise: Answer | None = None) -> Reply:
    """A provider that answers these keys and no other."""
    return lambda key: said("hello") if key in good else (otherwise or refused(401, "invalid_api_key"))


def test_one_key_needs_no_keyring() -> None:
    assert keyed(only("k1"), "k1").keyring is None


def test_a_plan_draws_the_key_by_weight() -> None:
    route = Route("fast", [keyed(only("k1", "k2"), "k1", "k2", weights=(3, 1))])
    drawn = Counter(route.plan(ask()).candidates[0].lease.name for _ in range(4000))  # type: ignore[union-attr]
    # Six standard deviations of 4,000 draws are 164.
    assert abs(drawn["k1"] - 3000) < 164


@pytest.mark.parametrize("strategy", ["ordered", "weighted", "cheapest", "fastest"])
def test_keys_do_not_change_which_candidates_are_asked(strategy: Strategy) -> None:
    route = Route(
        "fast",
        [keyed(only("k1"), "k1", "k2"), at(name="b"), keyed(only("k3"), "k3", "k4", name="c")],
        strategy=strategy,
    )
    assert sorted(one.upstream.name for one in route.plan(ask()).candidates) == ["a", "b", "c"]


def test_a_key_that_rests_is_not_drawn() -> None:
    one = keyed(only("k2"), "k1", "k2", weights=(16, 1))
    one.variants[0].state.key.set_aside(time.monotonic(), ProviderAuth.reason)
    route = Route("fast", [one])
    assert {plan.candidates[0] for plan in (route.plan(ask()) for _ in range(50))} == {one.variants[1]}


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(("status", "code"), KEY_FAILURES)
@timed
async def test_what_is_the_keys_fault_goes_to_another_key_of_the_same_candidate(
    status: int, code: str, stream: bool
) -> None:
    one = keyed(only("k2", otherwise=refused(status, code)), "k1", "k2")
    call = Asking(first_with(one, "k1"), at(name="b"))
    assert await call.answer(stream=stream) == "hello"
    assert call.attempts == [("a", PRIMARY, FAILED), ("a", RETRY, SUCCEEDED)]
    assert used(one) == ["k1", "k2"]
    assert [variant.state.resting_s() > 0 for variant in one.variants] == [True, False]
    check_all_given_back(one.variants)


@pytest.mark.parametrize("status", [500, 529])
@timed
async def test_what_is_the_providers_fault_goes_to_another_candidate(status: int) -> None:
    one, other = keyed(lambda _: refused(status), "k1", "k2"), at(said("hello"), name="b")
    call = Asking(one, other)
    assert await call.answer() == "hello"
    assert call.attempts == [("a", PRIMARY, FAILED), ("b", FAILOVER, SUCCEEDED)]
    assert used(one) == ["k1"]


@timed
async def test_a_provider_that_is_down_is_asked_again_with_the_same_key() -> None:
    one = keyed(lambda _: refused(500), "k1", "k2")
    assert isinstance(await Asking(one, max_attempts=8).failure(), ProviderUnavailable)
    assert used(one) == ["k1", "k1"]


@timed
async def test_a_provider_that_fails_with_the_second_key_is_not_asked_with_the_third() -> None:
    one = keyed(lambda key: refused(401) if key == "k1" else refused(500), "k1", "k2", "k3")
    call = Asking(one, at(said("hello"), name="b"), max_attempts=8)
    assert await call.answer() == "hello"
    assert [kind for _, kind, _ in call.attempts] == [PRIMARY, RETRY, FAILOVER]
    assert used(one)[0] == "k1"
    assert used(one)[1:] in (["k2"], ["k3"])


@timed
async def test_all_keys_refused_is_told_as_that_and_asked_no_more() -> None:
    one = keyed(only(), "k1", "k2", "k3")
    call = Asking(one, max_attempts=8)
    assert isinstance(await call.failure(), ProviderAuth)
    assert sorted(used(one)) == ["k1", "k2", "k3"]
    assert isinstance(await Asking(one).failure(), ProviderAuth)
    assert asked(one) == [3]


@timed
async def test_all_keys_refused_leaves_the_call_to_the_next_candidate() -> None:
    one = keyed(only(), "k1", "k2")
    call = Asking(one, at(said("hello"), name="b"))
    assert await call.answer() == "hello"
    assert call.attempts == [("a", PRIMARY, FAILED), ("a", RETRY, FAILED), ("b", FAILOVER, SUCCEEDED)]


@timed
async def test_keys_are_within_the_bound_on_attempts() -> None:
    one = keyed(only("k4"), "k1", "k2", "k3", weights=(1, 1, 1))
    assert isinstance(await Asking(one, at(name="b"), max_attempts=2).failure(), ProviderAuth)
    assert asked(one) == [2]


@timed
async def test_a_drawn_key_that_rests_by_now_gives_way_to_another_one() -> None:
    one = keyed(only("k2"), "k1", "k2")
    one.variants[0].state.key.set_aside(time.monotonic(), ProviderAuth.reason)
    call = Asking(one, at(name="b"))
    assert await call.answer() == "hello"
    assert call.attempts == [("a", PRIMARY, SUCCEEDED)]


@timed
async def test_a_key_that_is_not_there_gives_way_to_another_one() -> None:
    one = keyed(only("k2"), "k1", "k2", gone=("k1",))
    call = Asking(one)
    assert await call.answer() == "hello"
    assert call.attempts == [("a", PRIMARY, SUCCEEDED)]
    assert isinstance(await Asking(keyed(only(), "k1", "k2", gone=("k1", "k2"))).failure(), CredentialUnavailable)


@timed
async def test_rate_limits_of_all_keys_are_waited_for_by_the_one_that_is_over_first() -> None:
    limits = {"k1": "2", "k2": "1"}

    def reply(key: str) -> Answer:
        return refused(429, retry_after=limits.pop(key)) if key in limits else said("hello")

    one, began_s = keyed(reply, "k1", "k2"), time.monotonic()
    assert await Asking(one).answer() == "hello"
    assert used(one) == ["k1", "k2", "k2"]
    assert time.monotonic() - began_s == pytest.approx(1, abs=0.1)


@timed
async def test_rate_limited_keys_are_told_with_the_time_of_the_first() -> None:
    one = keyed(lambda key: refused(429, retry_after="20" if key == "k1" else "10"), "k1", "k2")
    error = await Asking(one).failure()
    assert isinstance(error, ProviderThrottled)
    again = await Asking(one).failure()
    assert again.retry_delay_s == pytest.approx(10, abs=1)
    assert asked(one) == [2]


@timed
async def test_a_silent_key_leaves_no_time_for_the_other_one() -> None:
    """The deadline is shared with other candidates only: another key at a provider that is slow gains nothing."""
    one = keyed(lambda key: refused(401) if key == "k1" else said("hello", after_s=3), "k1", "k2", "k3")
    assert await Asking(first_with(one, "k1")).answer(deadline_s=4) == "hello"
    assert len(used(one)) == 2


def test_a_conversation_keeps_its_key() -> None:
    affinity, one = Affinity(300), keyed(only("k1", "k2"), "k1", "k2")
    route = Route("fast", [at(name="b"), one], affinity=affinity)
    sticky = route.plan(ask()).sticky
    assert sticky is not None
    sticky.keep(one.variants[1])
    assert {route.plan(ask()).candidates[0] for _ in range(50)} == {one.variants[1]}


def test_an_explanation_tells_of_each_key_and_changes_nothing() -> None:
    one = keyed(only(), "k1", "k2", weights=(1, 3))
    route = Route("fast", [at(name="b"), one], bounds=Bounds())
    found = explain(route, ask())
    assert [(each.provider, each.credential, each.why) for each in found.candidates] == [
        ("b", "", Why.LISTED),
        ("a", "k2", Why.LISTED),
        ("a", "k1", Why.LISTED),
    ]
    assert found.candidates[1].text == "is no. 2 of the route (key k2, with a weight of 3 in 4)"
    one.variants[1].state.key.set_aside(time.monotonic(), ProviderAuth.reason)
    rested = {each.credential: each.why for each in explain(route, ask()).candidates}
    assert (rested["k1"], rested["k2"]) == (Why.LISTED, Why.RESTING)


def test_a_weighted_route_shares_its_calls_among_the_keys() -> None:
    route = Route("fast", [at(name="b"), keyed(only(), "k1", "k2", weights=(1, 3))], strategy="weighted")
    shares = {each.credential: each.first_share for each in explain(route, ask()).candidates}
    assert shares == {"": 0.5, "k1": 0.125, "k2": 0.375}


def test_operators_see_each_key_of_a_candidate() -> None:
    one = keyed(only(), "k1", "k2")
    one.variants[1].state.key.set_aside(time.monotonic(), ProviderAuth.reason)
    told = [facts(variant, KillSwitches(), time.monotonic(), time.time()) for variant in one.variants]
    assert [(each.credential, each.set_aside_reason) for each in told] == [("k1", ""), ("k2", ProviderAuth.reason)]


@pytest.mark.parametrize("status", [401, 403])
@timed
async def test_a_credential_counts_as_set_aside_also_where_it_is_so_for_one_model_only(status: int) -> None:
    states = States()
    one = candidate(ScriptedTransport(refused(status)), lease=Named("k1"))
    one = with_keys(one, [Key(Named("k1"), states.of("sim", "k1", "gpt", "eu"))])
    states.of("sim", "k2", "gpt", "eu")
    await Asking(one).failure()
    assert {name: rest.reason for name, rest in at_once(states.set_aside()).items()} == {"k1": ProviderAuth.reason}
    states.renewed("k1")
    assert at_once(states.set_aside()) == {}
