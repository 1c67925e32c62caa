"""Breakers before candidates that fail, in virtual time, with dozens of calls under way at once.

A call is one attempt unless a test says otherwise, so that what is served is the breakers' merit alone.
"""

import heapq
import itertools
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest
from hedgerow_server.core.error import Failure
from hedgerow_server.routing.admission import Admission, admissible
from hedgerow_server.routing.breaker import Breaker, BreakerPolicy, Permit

POLICY = BreakerPolicy()
RATE = 100
"""Calls a second."""
Health = Callable[[float], float]
"""The share of calls that fail, by the time in seconds at which they begin."""


def always(share: float) -> Health:
    return lambda _: share


def flapping(now_s: float) -> float:
    """Two seconds up, two seconds down."""
    return float(now_s % 4 >= 2)


def down_for_five_minutes(now_s: float) -> float:
    return float(60 <= now_s < 360)


@dataclass(order=True)
class Call:
    """An attempt that ends at `end_s`."""

    end_s: float
    number: int
    candidate: int = field(compare=False)
    good: bool = field(compare=False)
    permit: Permit = field(compare=False)
    attempt: int = field(compare=False)


@dataclass
class Route:
    """Candidates in their order of preference, the first that may be asked is."""

    healths: Sequence[Health]
    attempts: int = 1
    seed: int = 7

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.breakers = [Breaker(POLICY, self.random) for _ in self.healths]
        self.asked: list[list[float]] = [[] for _ in self.healths]
        self.served = 0
        self.refused: list[float] = []
        self.running: list[Call] = []

    def run(self, seconds: int) -> "Route":
        self.calls = seconds * RATE
        for number in range(self.calls):
            now_s = number / RATE
            while self.running and self.running[0].end_s <= now_s:
                self.end(heapq.heappop(self.running))
            self.ask(number, now_s, 1)
        while self.running:
            self.end(heapq.heappop(self.running))
        return self

    def ask(self, number: int, now_s: float, attempt: int, besides: int = -1) -> None:
        verdicts = admissible(self.breakers, 0.5, now_s)
        for wanted in (Admission.YES, Admission.FORCED):
            for index, verdict in enumerate(verdicts):
                if verdict is not wanted or index == besides:
                    continue
                permit = self.breakers[index].admit(now_s, forced=verdict is Admission.FORCED)
                if permit is not None:
                    self.asked[index].append(now_s)
                    good = self.random.random() >= self.healths[index](now_s)
                    end_s = now_s + self.random.uniform(0.2, 1.0)
                    heapq.heappush(self.running, Call(end_s, number, index, good, permit, attempt))
                    return
        if attempt == 1:
            self.refused.append(now_s)

    def end(self, call: Call) -> None:
        if call.good:
            call.permit.success(call.end_s, 0.2)
            self.served += 1
            return
        call.permit.failure(call.end_s, Failure.TRANSIENT, "PROVIDER_UNAVAILABLE")
        if call.attempt < self.attempts:
            self.ask(call.number, call.end_s, call.attempt + 1, call.candidate)

    def goodput(self) -> float:
        return self.served / self.calls

    def share_of(self, candidate: int, begin_s: float, end_s: float) -> float:
        return sum(begin_s <= at_s < end_s for at_s in self.asked[candidate]) / (end_s - begin_s) / RATE


@pytest.mark.parametrize("health", [flapping, always(0.3)], ids=["flapping", "a third failing"])
def test_a_healthy_peer_keeps_the_goodput_above_95_percent(health: Health) -> None:
    route = Route([health, always(0.0)]).run(300)
    assert route.goodput() >= 0.95
    assert not route.refused
    # It is left alone for longer and longer.
    gaps = [after_s - before_s for before_s, after_s in itertools.pairwise(route.asked[0]) if after_s - before_s > 1]
    assert gaps[0] < 2.5
    assert max(gaps) > 10


@pytest.mark.parametrize("health", [flapping, always(0.3)], ids=["flapping", "a third failing"])
def test_with_failover_nearly_every_call_is_served(health: Health) -> None:
    route = Route([health, always(0.0)], attempts=2).run(300)
    assert route.goodput() >= 0.999


@pytest.mark.parametrize("count", [1, 2, 5])
def test_candidates_that_all_fail_sometimes_are_never_all_ejected(count: int) -> None:
    route = Route([always(0.3)] * count).run(120)
    assert sum(one.ejections for one in route.breakers) > 0
    assert not route.refused
    assert 0.65 <= route.goodput() <= 0.75


def test_a_healthy_candidate_is_not_ejected_for_a_few_failures() -> None:
    route = Route([always(0.02)]).run(600)
    assert route.breakers[0].ejections <= 1
    assert route.goodput() >= 0.97


def test_calls_fail_at_once_while_everything_is_down_and_are_served_soon_after() -> None:
    route = Route([down_for_five_minutes] * 2, attempts=2).run(420)
    asked = sum(route.share_of(index, 65, 360) for index in range(2))
    assert asked <= 0.01
    attempts = sum(len(one) for one in route.asked)
    assert attempts / route.calls <= 1.2
    assert max(route.refused) <= 360 + 2 * POLICY.base_s
    assert not [at_s for at_s in route.refused if at_s < 60]


@pytest.mark.parametrize("count", [1, 2])
def test_ejections_do_not_outlast_the_fault_where_there_is_no_peer(count: int) -> None:
    """Half of the time nothing can be served."""
    assert Route([flapping] * count).run(300).goodput() >= 0.25


def test_a_candidate_that_is_well_again_gets_its_calls_back() -> None:
    route = Route([lambda now_s: float(now_s < 20), always(0.0)]).run(120)
    assert route.share_of(0, 60, 120) == 1.0
