"""The breaker does what a plain model does that keeps every outcome and looks through all of them each time."""

import itertools
import math
import random
from dataclasses import dataclass, field

from hedgerow_server.core.error import Failure
from hedgerow_server.routing.admission import Admission, admissible
from hedgerow_server.routing.breaker import Breaker, BreakerPolicy, Permit, State
from hedgerow_server.routing.rest import Rest, RestPolicy
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

POLICY = BreakerPolicy()
POLICIES = st.builds(
    BreakerPolicy,
    window_s=st.just(10.0),
    min_calls=st.integers(1, 6),
    failure_share=st.sampled_from([0.25, 0.5, 1.0]),
    consecutive=st.integers(1, 5),
    slow_after_s=st.sampled_from([None, 1.0]),
    slow_share=st.sampled_from([0.25, 0.5, 1.0]),
    base_s=st.just(1.0),
    max_s=st.sampled_from([1.0, 6.0, 16.0]),
    half_open_permits=st.integers(1, 3),
    trial_successes=st.integers(1, 3),
)
STEPS_S = st.sampled_from([0.0, 0.25, 0.5, 1.0, 1.5, 4.0, 10.0, 35.0])
PACES = st.sampled_from([None, 0.5, 2.0])
REASONS = st.sampled_from(["PROVIDER_UNAVAILABLE", "STREAM_CUT"])


class Even(random.Random):
    """Draws no jitter."""

    def random(self) -> float:
        return 0.0

    def uniform(self, a: float, b: float) -> float:
        return (a + b) / 2


@dataclass
class Outcome:
    """What became of a call. `good` is None for one that was outrun."""

    at_s: float
    good: bool | None
    slow: bool
    reason: str = ""


@dataclass
class Asked:
    """A call that was admitted, in the model's view."""

    permit: Permit
    at_s: float
    ejections: int
    trial: bool
    undecided: bool
    answering: bool = False
    over: bool = False


@dataclass
class Model:
    """The rules, as slow and plain as they can be said."""

    policy: BreakerPolicy
    outcomes: list[Outcome] = field(default_factory=list)  # since it was last closed
    ejected_s: list[float] = field(default_factory=list)  # when each ejection began
    levels: list[int] = field(default_factory=list)  # how often the first length of each was doubled
    closed_s: float = 0.0
    closed: bool = True
    answered_trials: int = 0
    last_trial_s: float = 0.0

    def window(self, at_s: float, upto: int | None = None) -> list[Outcome]:
        width_s = self.policy.window_s / 10
        newest = max([at_s // width_s, *(one.at_s // width_s for one in self.outcomes[:upto])])
        return [one for one in self.outcomes[:upto] if one.at_s // width_s > newest - 10]

    def streak(self) -> int:
        count, next_s = 0, math.inf
        for one in reversed(self.outcomes):
            if one.good or (one.good is False and next_s - one.at_s > self.policy.window_s and count):
                break
            if one.good is False:
                count, next_s = count + 1, one.at_s
        return count

    def no_life(self) -> bool:
        """Whether the last word was a failure, with nothing else in the window or `min_calls` in a row."""
        spoken = [index for index, one in enumerate(self.outcomes) if one.good is not None]
        if not spoken or self.outcomes[spoken[-1]].good:
            return False
        seen = self.window(self.outcomes[spoken[-1]].at_s, spoken[-1] + 1)
        return not any(one.good for one in seen) or self.streak() >= self.policy.min_calls

    def until_s(self) -> float:
        if self.closed:
            return 0.0
        return self.ejected_s[-1] + min(self.policy.max_s, math.ldexp(self.policy.base_s, self.levels[-1]))

    def state(self, now_s: float) -> State:
        if self.closed:
            return State.CLOSED
        return State.OPEN if now_s < self.until_s() else State.HALF_OPEN

    def eject(self, now_s: float) -> None:
        longest = next(n for n in range(99) if self.policy.base_s * 2**n >= self.policy.max_s)
        level = min(self.levels[-1] + 1, longest) if self.levels else 0
        if self.closed and self.levels:
            level = max(0, level - int((now_s - self.closed_s) // self.policy.window_s))
        self.levels.append(level)
        self.ejected_s.append(now_s)
        self.closed = False
        self.answered_trials = 0

    def learn(self, asked: Asked, outcome: Outcome) -> None:
        if asked.ejections != len(self.ejected_s):
            return
        self.outcomes.append(outcome)
        if not self.closed:
            self.judge_trial(asked, outcome)
            return
        seen = self.window(outcome.at_s)
        enough = len(seen) >= self.policy.min_calls
        failing = sum(one.good is False for one in seen) >= self.policy.failure_share * len(seen)
        slow = sum(one.slow for one in seen) >= self.policy.slow_share * len(seen)
        failed = outcome.good is False
        in_a_row = failed and self.streak() >= self.policy.consecutive
        if in_a_row or (enough and ((failed and failing) or (outcome.slow and slow))):
            self.eject(outcome.at_s)

    def judge_trial(self, asked: Asked, outcome: Outcome) -> None:
        if not asked.trial:
            return
        if outcome.slow or not outcome.good:
            self.eject(outcome.at_s)
            return
        self.answered_trials += 1
        if self.answered_trials >= self.policy.trial_successes:
            self.closed, self.closed_s, self.outcomes = True, outcome.at_s, []


class BreakerMachine(RuleBasedStateMachine):
    """Calls come and end in any order, at any time."""

    @initialize(policy=POLICIES, start_s=st.sampled_from([0.0, 1000.0]))
    def begin(self, policy: BreakerPolicy, start_s: float) -> None:
        self.now_s = start_s
        self.policy = policy
        self.breaker = Breaker(policy, Even())
        self.model = Model(policy)
        self.calls: list[Asked] = []

    def undecided(self) -> int:
        return sum(one.undecided and one.ejections == len(self.model.ejected_s) for one in self.calls)

    @rule(step_s=STEPS_S)
    def wait(self, step_s: float) -> None:
        self.now_s += step_s

    @rule(forced=st.booleans())
    def admit(self, forced: bool) -> None:
        model, policy = self.model, self.policy
        half_open = model.state(self.now_s) is State.HALF_OPEN
        old = self.now_s - model.last_trial_s >= policy.window_s
        trial = half_open and (self.undecided() < policy.half_open_permits or old)
        permit = self.breaker.admit(self.now_s, forced=forced)
        assert (permit is not None) == (model.closed or trial or forced)
        if permit is not None:
            self.calls.append(Asked(permit, self.now_s, len(model.ejected_s), trial, undecided=trial))
        if trial:
            model.last_trial_s = self.now_s

    @precondition(lambda self: self.calls)
    @rule(data=st.data(), pace_s=PACES)
    def answered(self, data: st.DataObject, pace_s: float | None) -> None:
        call = data.draw(st.sampled_from(self.calls))
        call.permit.answered(self.now_s, pace_s)
        if not call.over and not call.answering:
            call.answering, call.undecided = True, False
            self.model.learn(call, Outcome(self.now_s, good=True, slow=self.slow(pace_s)))

    @precondition(lambda self: self.calls)
    @rule(data=st.data(), pace_s=PACES)
    def success(self, data: st.DataObject, pace_s: float | None) -> None:
        call = data.draw(st.sampled_from(self.calls))
        call.permit.success(self.now_s, pace_s)
        if self.end(call) and not call.answering:
            self.model.learn(call, Outcome(self.now_s, good=True, slow=self.slow(pace_s)))

    @precondition(lambda self: self.calls)
    @rule(data=st.data(), failure=st.sampled_from([*Failure, *[Failure.TRANSIENT] * 6]), reason=REASONS)
    def failure(self, data: st.DataObject, failure: Failure, reason: str) -> None:
        call = data.draw(st.sampled_from(self.calls))
        call.permit.failure(self.now_s, failure, reason)
        if self.end(call) and failure is Failure.TRANSIENT:
            slow = self.policy.slow_after_s is not None and not call.answering
            self.model.learn(call, Outcome(self.now_s, good=False, slow=slow, reason=reason))

    @precondition(lambda self: self.calls)
    @rule(data=st.data())
    def outrun(self, data: st.DataObject) -> None:
        call = data.draw(st.sampled_from(self.calls))
        call.permit.outrun(self.now_s)
        after_s = self.policy.slow_after_s
        if self.end(call) and not call.answering and after_s is not None and self.now_s - call.at_s >= after_s:
            self.model.learn(call, Outcome(self.now_s, good=None, slow=True))

    @precondition(lambda self: self.calls)
    @rule(data=st.data())
    def void(self, data: st.DataObject) -> None:
        call = data.draw(st.sampled_from(self.calls))
        call.permit.void()
        self.end(call)

    def end(self, call: Asked) -> bool:
        """Whether it was the call's first end."""
        first = not call.over
        call.over, call.undecided = True, False
        return first

    def slow(self, pace_s: float | None) -> bool:
        after_s = self.policy.slow_after_s
        return after_s is not None and pace_s is not None and pace_s > after_s

    @invariant()
    def agrees(self) -> None:
        view, model = self.breaker.snapshot(self.now_s), self.model
        seen = model.window(self.now_s)
        assert view.state is model.state(self.now_s)
        assert view.until_s == model.until_s()
        assert view.ejections == len(model.ejected_s)
        assert view.total == (not model.closed and model.no_life())
        assert view.calls == len(seen)
        assert view.slow == sum(one.slow for one in seen)
        reasons = [one.reason for one in seen if one.good is False]
        assert view.failures == {reason: reasons.count(reason) for reason in set(reasons)}
        assert bool(view.reason) == (not model.closed)

    @invariant()
    def no_trial_leaks(self) -> None:
        assert self.breaker.snapshot(self.now_s).trials == self.undecided()


def test_a_breaker_agrees_with_a_plain_model_in_any_order_of_events() -> None:
    profile = settings(max_examples=100, stateful_step_count=50)
    run_state_machine_as_test(BreakerMachine, settings=profile)


@given(st.lists(st.tuples(STEPS_S, st.none() | st.floats(allow_nan=True) | st.floats(0, 400)), max_size=30))
def test_a_cool_down_ends_at_the_latest_time_that_was_asked_for(refusals: list[tuple[float, float | None]]) -> None:
    policy = RestPolicy()
    rest = Rest(Even(), policy)
    now_s, latest_s = 1000.0, 0.0
    for step_s, asked_s in refusals:
        now_s += step_s
        rest.cool_down(now_s, asked_s)
        useful = asked_s is not None and asked_s > 0
        latest_s = max(latest_s, now_s + (min(asked_s or 0.0, 300.0) if useful else policy.cool_down_s))
        assert rest.cooling_until_s == latest_s
        assert rest.resting(now_s) == (now_s < latest_s)


@given(st.integers(0, 2**32), st.lists(st.none() | st.floats(-1e9, 1e9), min_size=1, max_size=20))
def test_no_cool_down_is_longer_than_five_minutes(seed: int, asked: list[float | None]) -> None:
    rest = Rest(random.Random(seed))
    for one in asked:
        rest.cool_down(50.0, one)
        assert 50.0 <= rest.cooling_until_s <= 350.0


@given(st.integers(0, 2**32), st.floats(0.1, 10), st.floats(1, 40), st.integers(1, 40))
def test_each_ejection_in_a_row_is_at_least_as_long_as_the_last_up_to_the_limit(
    seed: int, base_s: float, factor: float, times: int
) -> None:
    policy = BreakerPolicy(consecutive=1, base_s=base_s, max_s=base_s * factor)
    breaker = Breaker(policy, random.Random(seed))
    now_s, lengths = 100.0, [0.0]
    for _ in range(times):
        permit = breaker.admit(now_s)
        assert permit is not None
        permit.failure(now_s, Failure.TRANSIENT)
        lengths.append(breaker.until_s - now_s)
        now_s = breaker.until_s
    tolerance = 1 + 1e-9
    for number, (last_s, length_s) in enumerate(itertools.pairwise(lengths)):
        nominal_s = min(policy.max_s, base_s * 2**number)
        assert 0.8 * nominal_s <= length_s * tolerance
        assert length_s <= nominal_s * tolerance
        assert length_s * tolerance >= min(last_s, 0.8 * policy.max_s)


HISTORIES = st.lists(
    st.tuples(st.lists(st.booleans(), max_size=30), st.sampled_from(["", "", "cooling", "set aside"])),
    min_size=1,
    max_size=6,
)


@given(HISTORIES, st.floats(0, 1), st.sampled_from([0.0, 1.0, 1.9, 2.0, 35.0]), st.integers(0, 2**32))
def test_partial_evidence_never_ejects_more_than_the_share_nor_everyone(
    histories: list[tuple[list[bool], str]], share: float, wait_s: float, seed: int
) -> None:
    breakers = []
    for served, rest in histories:
        breaker = Breaker(POLICY, random.Random(seed))
        for good in served:
            permit = breaker.admit(100.0, forced=True)
            assert permit is not None
            if good:
                permit.success(100.0)
            else:
                permit.failure(100.0, Failure.TRANSIENT)
        if rest == "cooling":
            breaker.rest.cool_down(100.0, 20.0)
        elif rest:
            breaker.rest.set_aside(100.0, "PROVIDER_AUTH")
        breakers.append(breaker)
    now_s = 100.0 + wait_s
    verdicts = admissible(breakers, share, now_s)
    awake = [(one, verdict) for one, verdict in zip(breakers, verdicts, strict=True) if not one.rest.resting(now_s)]
    assert verdicts.count(Admission.NO) - sum(verdict is Admission.NO for _, verdict in awake) == len(breakers) - len(
        awake
    )
    out = [one for one, verdict in awake if verdict is Admission.NO]
    assert all(one.state(now_s) is State.OPEN for one in out)
    assert sum(not one.total for one in out) <= share * len(awake) + 1e-9
    assert len(out) < len(awake) or all(one.total for one in out)
    let_in = [one for one, verdict in awake if verdict is Admission.FORCED]
    assert all(one.ejected for one in let_in)
    # One that nothing speaks for is asked alone, and seldom.
    if any(one.total for one in let_in):
        assert len(let_in) == 1
        assert Admission.YES not in verdicts
        assert all(one.overdue(now_s) for one, _ in awake)
    for one, verdict in zip(breakers, verdicts, strict=True):
        assert (one.admit(now_s, forced=verdict is Admission.FORCED) is not None) == (verdict is not Admission.NO)
