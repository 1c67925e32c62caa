"""The counts under whatever order of events: nothing is lost, nothing doubled, no limit passed."""

import datetime as dt
from typing import Any

import msgspec
import pytest
from hedgerow_server.core.error import HedgerowError
from hedgerow_server.limits.counters import Reservation
from hedgerow_server.limits.spent import Sums
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule
from money.limited import ANN, BOB, World, run

PEOPLE = [ANN, BOB, msgspec.structs.replace(ANN, user="eve"), msgspec.structs.replace(BOB, team="search")]
QUOTAS: list[dict[str, Any]] = [
    {"name": "user", "by": ["user"], "limits": [{"requests": 5, "per": "minute"}, {"concurrency": 3}]},
    {
        "name": "team",
        "by": ["team"],
        "limits": [{"tokens": 400, "per": "hour"}, {"usd": "0.000000000300", "per": "day"}],
    },
    {"name": "all", "limits": [{"requests": 40, "per": "total"}, {"usd": "0.000000001", "per": "total"}]},
]
BUDGETS: list[dict[str, Any]] = [
    {"name": "month", "by": ["tenant"], "usd": "0.000000000700", "per": "month"},
    {"name": "soft", "usd": "0.000000000001", "per": "week", "mode": "soft"},
]
ENDLESS = ("all", "requests", "total"), ("all", "usd", "total")


class Interleaving(RuleBasedStateMachine):
    """Reserve, extend, settle, settle again, correct, expire, crash, reload and let time pass, in any order."""

    calls = Bundle("calls")

    def __init__(self) -> None:
        super().__init__()
        self.world = World(QUOTAS, BUDGETS)
        self.open: dict[int, Reservation] = {}
        self.spent: dict[int, tuple[int, int]] = {}
        """Requests and money of each call that was settled."""
        self.late = False
        """Whether a call came to something that had expired: it is counted, whatever is left."""

    @rule(target=calls, who=st.sampled_from(PEOPLE), tokens=st.integers(0, 90), picos=st.integers(0, 120))
    def reserve(self, who: Any, tokens: int, picos: int) -> Reservation | None:
        before = self.world.counts()
        try:
            one = self.world.take(who, tokens=tokens, picos=picos, until_s=self.world.counters.mono_s + 100)
        except HedgerowError as error:
            self._refused(error, before)
            return None
        self.open[one.id] = one
        return one

    def _refused(self, error: HedgerowError, before: dict[tuple[str, ...], tuple[int, int]]) -> None:
        """A refused call takes nothing."""
        assert error.reason in ("QUOTA_EXCEEDED", "BUDGET_SPENT")
        after = self.world.counts()
        assert {key: after[key] for key in before} == before
        assert not any(any(found) for key, found in after.items() if key not in before)

    @rule(one=calls, tokens=st.integers(0, 50), picos=st.integers(0, 80))
    def extend(self, one: Reservation | None, tokens: int, picos: int) -> None:
        if one is not None and one.id in self.open:
            before, amounts = self.world.counts(), list(one.amounts)
            if self.world.limiter.extend(one, [0, tokens, 0, picos, 0]) is not None:
                assert (self.world.counts(), one.amounts) == (before, amounts)

    @rule(one=calls, share=st.floats(0, 1), served=st.booleans())
    def settle(self, one: Reservation | None, share: float, served: bool) -> None:
        """Twice is once."""
        if one is None:
            return
        self.late = self.late or (one.expired and one.id not in self.spent)
        picos = int(one.amounts[3] * share)
        for _ in range(2):
            self.world.settle(one, requests=int(served), tokens=int(one.amounts[1] * share), picos=picos)
        if one.id not in self.spent:
            self.spent[one.id] = (int(served), picos)
        self.open.pop(one.id, None)

    @rule(one=consumes(calls))
    def crash(self, one: Reservation | None) -> None:
        """Nobody will ever settle it."""

    @rule(seconds=st.sampled_from([0.5, 20, 61, 101, 3_601, 90_000, 3_000_000]))
    def pass_time(self, seconds: float) -> None:
        self.world.counters.pass_s(seconds)
        self.world.counters.expire(self.world.counters.now())
        for one in [one for one in self.open.values() if one.expires_s <= self.world.counters.mono_s]:
            del self.open[one.id]

    @rule(back=st.sampled_from([1, 3_600, 100_000]))
    def set_the_clock_back(self, back: int) -> None:
        self.world.counters.unix_s -= back

    @rule()
    def reload(self) -> None:
        self.world.reload(QUOTAS, BUDGETS)

    @invariant()
    def what_is_open_is_what_was_reserved(self) -> None:
        assert self.world.counters.reservations == len(self.open)
        for bucket in self.world.counters:
            assert bucket.open == sum(line.bucket is bucket for one in self.open.values() for line in one.lines)
            assert 0 <= bucket.held <= bucket.taken

    @invariant()
    def the_sums_are_kept(self) -> None:
        """Of limits that never end: what is used is what all calls came to, what is held what those under way took."""
        counts = self.world.counts()
        for key, place, unit in ((ENDLESS[0], 0, 0), (ENDLESS[1], 1, 3)):
            used = sum(spent[place] for spent in self.spent.values())
            held = sum(one.amounts[unit] for one in self.open.values())
            assert counts[key] == (used, held)

    @invariant()
    def no_hard_limit_in_money_or_at_once_is_passed(self) -> None:
        for one in self.world.limiter.view():
            if one.hard and one.unit in ("usd", "concurrency") and not self.late:
                assert one.used + one.held <= one.limit, one


_SETTINGS = settings(
    max_examples=60, stateful_step_count=40, suppress_health_check=[HealthCheck.too_slow], deadline=None
)
TestInterleaving = Interleaving.TestCase
TestInterleaving.settings = _SETTINGS


def test_what_nobody_settles_is_given_back_after_its_time() -> None:
    world = World([{"name": "q", "limits": [{"concurrency": 1}, {"usd": 1, "per": "day"}]}])
    lost = world.take(picos=10**12, until_s=world.counters.mono_s + 30)
    assert world.refused().reason == "QUOTA_EXCEEDED"
    world.counters.pass_s(31)
    world.take(picos=10**12)
    # The one who comes back after all has spent what it has spent.
    world.settle(lost, picos=7)
    assert world.counts()["q", "usd", "day"] == (7, 10**12)


def test_an_extension_takes_of_all_limits_or_of_none() -> None:
    quotas = [{"name": "q", "limits": [{"tokens": 100, "per": "day"}, {"usd": "0.0000000001", "per": "day"}]}]
    world = World(quotas)
    one = world.take(tokens=10, picos=10)
    assert world.limiter.extend(one, [0, 10, 0, 91, 0]) is not None
    assert world.counts() == {("q", "tokens", "day"): (0, 10), ("q", "usd", "day"): (0, 10)}
    assert world.limiter.extend(one, [0, 10, 0, 90, 0]) is None
    world.settle(one, tokens=5, picos=6)
    assert world.counts() == {("q", "tokens", "day"): (5, 0), ("q", "usd", "day"): (6, 0)}


def test_an_extension_after_midnight_is_paid_by_the_new_day_as_a_whole() -> None:
    world = World(budgets=[{"name": "b", "usd": "0.0000000001", "per": "day"}])
    one = world.take(picos=60)
    world.counters.pass_s(86_400)
    world.settle(world.take(picos=30), picos=30)
    error = world.limiter.extend(one, [0, 0, 0, 20, 0])
    assert error is not None
    assert error.reason == "BUDGET_SPENT"
    assert world.limiter.extend(one, [0, 0, 0, 10, 0]) is None
    assert world.counts() == {("b", "usd", "day"): (30, 70)}
    world.settle(one, picos=65)
    assert world.counts() == {("b", "usd", "day"): (95, 0)}


def test_a_reload_keeps_the_counts_of_a_limit_that_only_got_another_height() -> None:
    quota: dict[str, Any] = {"name": "q", "by": ["user"], "limits": [{"requests": 2, "per": "day"}]}
    world = World([quota])
    running = world.take()
    world.take()
    world.reload([{**quota, "limits": [{"requests": 3, "per": "day"}]}])
    world.take()
    assert world.refused().metadata["used"] == "3 requests"
    world.limiter.settle(running, [0, 0, 0, 0, 0])
    world.take()
    world.reload([{**quota, "by": ["team"]}])
    world.take()


def test_buckets_that_count_nothing_any_more_are_let_go_and_made_anew() -> None:
    world = World([{"name": "q", "by": ["user"], "limits": [{"requests": 1, "per": "day"}, {"concurrency": 1}]}])
    people = [msgspec.structs.replace(ANN, user=f"u{number}") for number in range(12_000)]
    kept = world.take(ANN)
    for one in people:
        world.settle(world.take(one))
    world.counters.pass_s(2 * 86_400)
    for _ in world.counters.let_go():
        pass
    assert len(list(world.counters)) == 2, "only what is under way is left"
    for one in people[:10]:
        world.settle(world.take(one))
        assert world.refused(one).subject == f"q[user={one.user}] requests/day"
    assert world.refused(ANN).subject == "q[user=ann] concurrency"
    world.settle(kept)


def test_spend_of_before_the_start_counts_and_alerts_nobody_again() -> None:
    """As the books have it, of those whom a budget is for."""
    asked: list[tuple[float, tuple[str, ...]]] = []

    class Books:
        async def spent(self, since_unix_s: float, until_unix_s: float, by: Any) -> list[Sums]:
            asked.append((since_unix_s, tuple(by)))
            rows = [("acme", "fast", 900), ("acme", "slow", 50), ("other", "fast", 7)]
            values = {"tenant": 0, "model": 1}
            return [Sums(values=tuple(str(row[values[one]]) for one in by), charged_picos=int(row[2])) for row in rows]

    budget = {"name": "b", "by": ["tenant"], "match": {"route": ["f*"]}, "usd": "0.000000001", "per": "month"}
    world = World(budgets=[budget, {"name": "q", "usd": "0.000000001", "per": "total"}])
    for _ in range(2):
        run(world.limiter.load(Books(), lambda model: model))
        world.reload(budgets=[budget, {"name": "q", "usd": "0.000000001", "per": "total"}])
    month = dt.datetime(2026, 5, 1, tzinfo=dt.UTC).timestamp()
    assert asked == [(month, ("model", "tenant")), (0.0, ())]
    assert world.counts()["b", "usd", "month", "f*", "acme"] == (900, 0)
    assert world.counts()["b", "usd", "month", "f*", "other"] == (7, 0)
    world.settle(world.take(picos=5), picos=5)
    assert [one for one in world.alerts if one.budget == "b"] == []


@pytest.mark.parametrize("amount", [0, 1])
def test_a_call_without_anything_to_count_is_still_refused_over_a_limit(amount: int) -> None:
    """As after a settlement that came to more than was expected."""
    world = World([{"name": "t", "limits": [{"tokens": 10, "per": "day"}]}])
    world.settle(world.take(tokens=5), tokens=50)
    assert world.refused(tokens=amount).metadata["used"] == "50 tokens"
