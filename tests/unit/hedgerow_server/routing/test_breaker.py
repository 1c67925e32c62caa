"""When a candidate is not asked for a while, and why."""

import random

import pydantic
import pytest
from hedgerow_server.core.error import Failure
from hedgerow_server.routing.admission import Admission, admissible
from hedgerow_server.routing.breaker import Breaker, BreakerPolicy, Permit, State
from hedgerow_server.routing.breaker_section import BreakerSection
from hedgerow_server.routing.rest import Rest, RestPolicy

POLICY = BreakerPolicy()
SLOW = BreakerPolicy(slow_after_s=5.0)
NO_FAULT = [failure for failure in Failure if failure is not Failure.TRANSIENT]


def breaker(policy: BreakerPolicy = POLICY) -> Breaker:
    return Breaker(policy, random.Random(1))


def permit(one: Breaker, now_s: float, *, forced: bool = False) -> Permit:
    given = one.admit(now_s, forced=forced)
    assert given is not None
    return given


def serve(one: Breaker, now_s: float, times: int = 1, first_token_s: float | None = 0.5) -> None:
    for _ in range(times):
        permit(one, now_s, forced=True).success(now_s, first_token_s)


def fail(one: Breaker, now_s: float, times: int = 1, reason: str = "PROVIDER_UNAVAILABLE") -> None:
    for _ in range(times):
        permit(one, now_s, forced=True).failure(now_s, Failure.TRANSIENT, reason)


def ejected(now_s: float = 100.0, policy: BreakerPolicy = POLICY) -> Breaker:
    one = breaker(policy)
    fail(one, now_s, policy.consecutive)
    return one


def test_failures_in_a_row_eject() -> None:
    one = breaker()
    serve(one, 100.0, 1000)
    fail(one, 100.0, 4)
    assert one.state(100.0) is State.CLOSED
    fail(one, 100.0)
    assert one.state(100.0) is State.OPEN
    assert one.admit(100.0) is None
    assert one.reason == "5 failures in a row, PROVIDER_UNAVAILABLE"


def test_failures_far_apart_are_not_in_a_row() -> None:
    one = breaker()
    for minute in range(20):
        fail(one, 100.0 + 60 * minute)
    assert one.state(2000.0) is State.CLOSED


def test_a_share_of_failures_ejects_once_there_are_enough_calls() -> None:
    one = breaker()
    for second in range(6):
        serve(one, 100.0 + second, 2)
        fail(one, 100.0 + second)
    assert one.state(106.0) is State.CLOSED
    serve(one, 106.0)
    fail(one, 106.0, reason="STREAM_CUT")
    assert one.state(106.0) is State.OPEN
    assert one.reason == "7 of 20 calls failed, STREAM_CUT"


def test_failures_that_have_left_the_window_do_not_count() -> None:
    one = breaker()
    for second in range(0, 300, 10):
        serve(one, 100.0 + second, 3)
        fail(one, 100.0 + second)
    # A quarter fails, but there are never twenty calls within thirty seconds.
    assert one.state(400.0) is State.CLOSED
    assert one.snapshot(400.0).calls == 8


@pytest.mark.parametrize("failure", NO_FAULT, ids=lambda failure: failure.value)
def test_what_is_no_fault_of_the_candidate_is_never_held_against_it(failure: Failure) -> None:
    one = breaker()
    for _ in range(100):
        permit(one, 100.0).failure(100.0, failure, "X")
    assert one.state(100.0) is State.CLOSED
    assert one.snapshot(100.0).calls == 0


@pytest.mark.parametrize("failure", NO_FAULT, ids=lambda failure: failure.value)
def test_what_is_no_fault_of_the_candidate_decides_no_trial(failure: Failure) -> None:
    one = ejected()
    permit(one, 110.0).failure(110.0, failure, "X")
    assert one.state(110.0) is State.HALF_OPEN
    assert one.trial_left(110.0)


def test_an_ejection_ends_with_one_trial_at_a_time() -> None:
    one = ejected()
    assert one.admit(101.0) is None
    trial = permit(one, 102.0)
    assert one.admit(102.0) is None
    trial.success(103.0)
    assert one.state(103.0) is State.HALF_OPEN
    permit(one, 103.0).success(104.0)
    assert one.state(104.0) is State.CLOSED
    assert one.snapshot(104.0).calls == 0


def test_a_trial_is_decided_by_its_first_token() -> None:
    """An answer may take minutes; nobody else would be asked for so long."""
    one = ejected()
    trials = []
    for second in (102.0, 103.0):
        trials.append(permit(one, second))
        trials[-1].answered(second, 0.4)
    assert one.state(103.0) is State.CLOSED
    trials[0].failure(104.0, Failure.TRANSIENT, "STREAM_CUT")
    trials[1].success(104.0, 0.4)
    assert one.snapshot(104.0).failures == {"STREAM_CUT": 1}
    assert one.snapshot(104.0).calls == 1


def test_a_trial_that_is_cut_after_its_first_token_ejects_again() -> None:
    one = ejected()
    trial = permit(one, 102.0)
    trial.answered(102.0)
    trial.failure(103.0, Failure.TRANSIENT, "STREAM_CUT")
    assert one.state(103.0) is State.OPEN
    assert one.reason == "a trial failed, STREAM_CUT"


def test_a_trial_that_is_given_up_makes_room_for_another() -> None:
    one = ejected()
    permit(one, 102.0).void()
    assert one.admit(102.0) is not None


def test_a_trial_that_never_ends_holds_back_others_for_one_window_only() -> None:
    one = ejected()
    permit(one, 102.0)
    assert one.admit(131.0) is None
    assert one.admit(132.0) is not None
    assert one.admit(132.0) is None


def test_calls_from_before_an_ejection_decide_nothing_after_it() -> None:
    one = breaker()
    early = [permit(one, 99.0) for _ in range(4)]
    fail(one, 100.0, 5)
    until_s = one.until_s
    early[0].failure(100.5, Failure.TRANSIENT)
    early[1].success(100.5)
    early[2].failure(103.0, Failure.TRANSIENT)
    early[3].success(103.0)
    assert one.until_s == until_s
    assert one.ejections == 1
    assert one.total
    assert one.trial_left(103.0)


def test_only_the_first_word_on_a_permit_counts() -> None:
    one = ejected()
    trial = permit(one, 102.0)
    trial.success(102.0)
    trial.failure(102.0, Failure.TRANSIENT)
    trial.outrun(200.0)
    trial.void()
    trial.answered(102.0)
    assert one.state(102.0) is State.HALF_OPEN
    assert one.snapshot(102.0).trials == 0
    assert one.snapshot(102.0).calls == 6


def test_ejections_in_a_row_double_up_to_the_limit() -> None:
    one = ejected()
    lengths = [one.until_s - 100.0]
    for _ in range(6):
        now_s = one.until_s
        fail(one, now_s)
        lengths.append(one.until_s - now_s)
    for length_s, longest_s in zip(lengths, (2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0), strict=True):
        assert 0.8 * longest_s <= length_s <= longest_s


def test_a_window_of_health_forgives_one_ejection() -> None:
    one = ejected()
    for _ in range(3):
        fail(one, one.until_s)
    now_s = one.until_s
    serve(one, now_s, 2)
    assert one.state(now_s) is State.CLOSED
    # The next would be the fifth, of 30 s; two windows later it is as long as the third.
    now_s += 60.0
    fail(one, now_s, 5)
    assert 6.4 <= one.until_s - now_s <= 8.0


def test_health_forgives_from_the_longest_ejection_down_however_many_there_were() -> None:
    one = ejected()
    for _ in range(20):
        fail(one, one.until_s)
    now_s = one.until_s
    serve(one, now_s, 2)
    now_s += 30.0
    fail(one, now_s, 5)
    assert 12.8 <= one.until_s - now_s <= 16.0


def test_trials_answered_before_another_ejection_do_not_count_after_it() -> None:
    one = ejected()
    serve(one, 102.0)
    fail(one, 102.0)
    serve(one, 110.0)
    assert one.state(110.0) is State.HALF_OPEN


def test_failures_of_calls_from_before_an_ejection_do_not_count_once_it_is_closed() -> None:
    one = breaker()
    early = [permit(one, 99.0) for _ in range(5)]
    fail(one, 100.0, 5)
    serve(one, 102.0, 2)
    for call in early:
        call.failure(103.0, Failure.TRANSIENT)
    assert one.state(103.0) is State.CLOSED
    assert one.snapshot(103.0).calls == 0


def test_slow_first_tokens_eject_where_slowness_is_configured() -> None:
    patient, strict = breaker(), breaker(SLOW)
    for one in (patient, strict):
        serve(one, 100.0, 10, first_token_s=1.0)
        serve(one, 100.0, 10, first_token_s=5.1)
    assert patient.state(100.0) is State.CLOSED
    assert strict.state(100.0) is State.OPEN
    assert strict.reason == "the first tokens of 10 of 20 calls took longer than 5 s"
    assert not strict.total


def test_a_slow_trial_is_a_failed_trial() -> None:
    one = breaker(SLOW)
    serve(one, 100.0, 20, first_token_s=6.0)
    permit(one, 110.0).success(117.0, 7.0)
    assert one.ejections == 2
    assert one.reason == "a trial's first token took longer than 5 s"


def test_a_candidate_that_hangs_is_found_out_though_hedges_always_rescue_its_calls() -> None:
    one = breaker(SLOW)
    for _ in range(20):
        permit(one, 100.0).outrun(105.0)
    assert one.state(105.0) is State.OPEN


def test_losing_a_race_quickly_is_not_held_against_a_candidate() -> None:
    one = breaker(SLOW)
    for _ in range(100):
        permit(one, 100.0).outrun(104.9)
    assert one.snapshot(105.0).calls == 0


def test_an_ejection_is_partial_while_the_window_holds_successes_and_total_after_enough_failures_in_a_row() -> None:
    one = breaker()
    serve(one, 100.0, 1000)
    fail(one, 100.0, 19)
    assert one.ejected
    assert not one.total
    fail(one, 100.0)
    assert one.total
    serve(one, 100.0)
    assert not one.total


def test_an_ejection_is_total_when_nothing_but_failures_was_seen() -> None:
    assert ejected().total


def test_a_forced_call_asks_an_ejected_candidate_but_never_one_that_rests() -> None:
    one = ejected()
    assert one.admit(100.0, forced=True) is not None
    one.rest.cool_down(100.0, 10.0)
    assert one.admit(100.0, forced=True) is None
    assert one.admit(110.0, forced=True) is not None


def test_a_candidate_that_cools_down_is_not_failing() -> None:
    one = breaker()
    one.rest.cool_down(100.0, 7.0)
    assert one.admit(106.9) is None
    assert one.state(106.9) is State.CLOSED
    assert one.snapshot(106.9).cooling_until_s == 107.0
    assert one.admit(107.0) is not None


def test_the_only_candidate_is_asked_for_as_long_as_it_answers_some_calls() -> None:
    one = breaker()
    serve(one, 100.0, 50)
    fail(one, 100.0, 5)
    assert admissible([one], 1.0, 100.0) == [Admission.FORCED]
    fail(one, 100.0, 15)
    assert admissible([one], 1.0, 100.0) == [Admission.NO]


def test_when_everyone_is_down_one_call_at_a_time_looks_whether_somebody_is_back() -> None:
    """However long the ejections have grown."""
    both = [ejected(), ejected()]
    for one in both:
        for _ in range(5):
            fail(one, one.until_s)
    now_s = max(one.tried_s for one in both)
    assert min(one.until_s for one in both) > now_s + 20
    assert admissible(both, 0.5, now_s + 1.9) == [Admission.NO, Admission.NO]
    verdicts = admissible(both, 0.5, now_s + 2.1)
    assert sorted(verdict.value for verdict in verdicts) == ["forced", "no"]
    probe = permit(both[verdicts.index(Admission.FORCED)], now_s + 2.1, forced=True)
    assert admissible(both, 0.5, now_s + 2.1) == [Admission.NO, Admission.NO]
    probe.answered(now_s + 3.0)
    assert admissible(both, 0.5, now_s + 3.0) == verdicts


def test_the_candidate_with_the_fewest_failures_in_a_row_is_let_in() -> None:
    both = [breaker(), breaker()]
    for one, failures in zip(both, (8, 6), strict=True):
        serve(one, 100.0, 50)
        fail(one, 100.0, failures)
    assert admissible(both, 0.5, 100.0) == [Admission.NO, Admission.FORCED]


def test_a_partial_ejection_is_lifted_when_all_others_rest() -> None:
    partial, resting = breaker(), breaker()
    serve(partial, 100.0, 50)
    fail(partial, 100.0, 5)
    assert admissible([partial, resting], 0.5, 100.0) == [Admission.NO, Admission.YES]
    resting.rest.cool_down(100.0, 60.0)
    assert admissible([partial, resting], 0.5, 100.0) == [Admission.FORCED, Admission.NO]


def test_a_cool_down_without_a_useful_time_is_drawn_around_the_default() -> None:
    for seconds in (None, 0.0, -5.0, float("nan")):
        ends = set()
        for seed in range(50):
            rest = Rest(random.Random(seed))
            rest.cool_down(100.0, seconds)
            ends.add(rest.cooling_until_s - 100.0)
        assert 2.5 <= min(ends) < 4
        assert 6 < max(ends) <= 7.5


@pytest.mark.parametrize("seconds", [1e9, float("inf")])
def test_an_absurd_cool_down_is_cut_to_five_minutes(seconds: float) -> None:
    rest = Rest(random.Random(1))
    rest.cool_down(100.0, seconds)
    assert rest.cooling_until_s == 400.0


def test_a_shorter_cool_down_does_not_end_a_longer_one() -> None:
    rest = Rest(random.Random(1))
    rest.cool_down(100.0, 60.0)
    rest.cool_down(101.0, 1.0)
    assert rest.cooling_until_s == 160.0
    rest.cool_down(159.0, 5.0)
    assert rest.cooling_until_s == 164.0


def test_setting_aside_grows_with_each_time_and_not_with_each_call_that_fails_at_once() -> None:
    rest = Rest(random.Random(1), RestPolicy(set_aside_s=10.0, set_aside_max_s=35.0))
    now_s, lengths = 100.0, []
    for _ in range(4):
        for _ in range(50):
            rest.set_aside(now_s, "PROVIDER_AUTH")
        lengths.append(rest.until_s - now_s)
        now_s = rest.until_s
    assert lengths == [10.0, 20.0, 35.0, 35.0]
    assert rest.reason == "PROVIDER_AUTH"


def test_setting_aside_lasts_at_least_as_long_as_asked() -> None:
    rest = Rest(random.Random(1))
    rest.set_aside(100.0, "PROVIDER_QUOTA_SPENT", 120.0)
    assert rest.until_s == 220.0


def test_a_new_credential_is_asked_at_once_unless_it_cools_down() -> None:
    rest = Rest(random.Random(1))
    rest.set_aside(100.0, "PROVIDER_AUTH")
    rest.cool_down(100.0, 2.0)
    rest.renewed()
    assert rest.resting(101.0)
    assert not rest.resting(102.0)
    assert rest.reason == ""


def test_a_success_forgives_a_failed_credential_unless_it_began_before_the_failure() -> None:
    rest = Rest(random.Random(1))
    rest.set_aside(100.0, "PROVIDER_AUTH")
    rest.success(99.0)
    assert rest.until_s == 110.0
    rest.success(111.0)
    assert rest.reason == ""
    rest.set_aside(200.0, "PROVIDER_AUTH")
    assert rest.until_s == 210.0


def test_a_breaker_that_serves_again_forgets_that_it_was_set_aside() -> None:
    one = breaker()
    one.rest.set_aside(100.0, "PROVIDER_MODEL_UNAVAILABLE")
    assert one.admit(105.0) is None
    serve(one, 110.0)
    assert one.snapshot(110.0).set_aside_reason == ""


def test_the_snapshot_tells_failures_by_reason() -> None:
    one = breaker()
    serve(one, 100.0, 4)
    fail(one, 101.0, 2, reason="STREAM_CUT")
    fail(one, 102.0, 1, reason="FIRST_TOKEN_TIMEOUT")
    view = one.snapshot(103.0)
    assert (view.calls, view.failures) == (7, {"STREAM_CUT": 2, "FIRST_TOKEN_TIMEOUT": 1})
    assert one.snapshot(140.0).calls == 0


def test_the_section_says_what_the_policy_says_by_default() -> None:
    assert BreakerSection().policy() == POLICY


@pytest.mark.parametrize(
    "values",
    [
        {"ejection_seconds": 31},
        {"cool_down_seconds": 301},
        {"set_aside_seconds": 301},
        {"failure_share": 0},
        {"min_calls": 0},
        {"slow_share": 1.1},
    ],
)
def test_a_section_that_contradicts_itself_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(pydantic.ValidationError):
        BreakerSection.model_validate(values)
