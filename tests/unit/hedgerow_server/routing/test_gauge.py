"""What answers tell of a limit, and what a tenant may still take of it."""

import time

import pytest
from hedgerow_server.core.port import RateLimit
from hedgerow_server.routing.gauge import Gauge

OPENAI = RateLimit(remaining=14_999, limit=15_000, reset_s=0.004)
ANTHROPIC = RateLimit(remaining=3_999, limit=4_000, reset_s=0.0)
GROQ = RateLimit(remaining=14_397, limit=14_400, reset_s=17.563999999)
TOGETHER = RateLimit(remaining=1, limit=2, reset_s=2.0)
MISTRAL = RateLimit(remaining=53, limit=60, window_s=10.0)
XAI = RateLimit(remaining=1_799, limit=1_800)
MONTH = RateLimit(remaining=9, limit=10, window_s=30 * 86_400.0)


@pytest.mark.parametrize(
    ("told", "per_minute"),
    [
        pytest.param(OPENAI, 15_000, id="OpenAI, a minute"),
        pytest.param(ANTHROPIC, 4_000, id="Anthropic, whole seconds"),
        pytest.param(GROQ, 14_400, id="Groq, a day, of which the rest bounds enough"),
        pytest.param(TOGETHER, None, id="Together, seconds"),
        pytest.param(MISTRAL, 360, id="Mistral, ten seconds"),
        pytest.param(XAI, 1_800, id="xAI, no reset"),
        pytest.param(MONTH, None, id="a month"),
    ],
)
def test_a_limit_counts_by_the_window_that_it_is_for(told: RateLimit, per_minute: int | None) -> None:
    gauge = Gauge(None)
    gauge.learn(told, 0, time.monotonic(), configured=False)
    assert gauge.per_minute() == per_minute


def test_a_window_of_ten_seconds_is_free_again_after_ten_seconds() -> None:
    gauge = Gauge(None)
    gauge.learn(RateLimit(remaining=2, limit=2, window_s=10.0), 0, 0.0, configured=False)
    for _ in range(2):
        gauge.take("a", 1, 0.0)
    free = {now_s: gauge.allows("a", 1, now_s, alone=True, spare=False) for now_s in (9.0, 11.0)}
    assert free == {9.0: False, 11.0: True}


def test_nothing_left_until_the_reset_holds_for_five_minutes_at_most() -> None:
    gauge = Gauge(None)
    gauge.learn(RateLimit(remaining=0, limit=10, reset_s=6 * 3600.0, window_s=86_400.0), 0, 0.0, configured=False)
    assert [gauge.allows("a", 1, now_s, alone=True, spare=False) for now_s in (299.0, 301.0)] == [False, True]


def test_what_a_configuration_says_is_not_learned_but_less_that_is_left_is() -> None:
    gauge = Gauge(100)
    gauge.learn(RateLimit(remaining=5, limit=1000, reset_s=30.0), 0, 0.0, configured=True)
    assert (gauge.most, gauge.free(1.0), gauge.free(31.0)) == (100, 5, 100)


def test_tokens_that_the_provider_does_not_count_come_back_with_its_next_answer() -> None:
    """Cached input counts for less at some providers: what they tell is true, our own sum is not."""
    gauge = Gauge(None, resync=True)
    gauge.learn(RateLimit(remaining=1000, limit=1000, window_s=60.0), 0, 0.0, configured=False)
    gauge.take("a", 900, 0.0)
    assert gauge.free(0.5) == 100
    gauge.learn(RateLimit(remaining=990, limit=1000, reset_s=0.6, window_s=60.0), 0, 1.0, configured=False)
    assert (gauge.free(1.0), gauge.free(2.0)) == (990, 1000)


def test_who_is_alone_leaves_the_tenth_part_where_others_may_come() -> None:
    gauge = Gauge(10)
    for _ in range(9):
        assert gauge.allows("a", 1, 0.0, alone=True, spare=True)
        gauge.take("a", 1, 0.0)
    assert not gauge.allows("a", 1, 0.0, alone=True, spare=True)
    assert gauge.allows("a", 1, 0.0, alone=True, spare=False)
    assert gauge.allows("b", 1, 0.0, alone=False, spare=True)


def test_many_tenants_are_summed_up_seldom() -> None:
    """A call of one of ten thousand tenants does not look at all the others."""
    gauge = Gauge(1_000_000)
    for number in range(10_000):
        gauge.take(f"t{number}", 1, 0.0)
    gauge.allows("t1", 1, 0.1, alone=False, spare=True)
    looked_at_s = gauge._look_again_s
    for number in range(100):
        assert gauge.allows(f"t{number}", 1, 0.1 + number / 1000, alone=False, spare=True)
    assert gauge._look_again_s == looked_at_s


def test_what_flows_back_to_a_bucket_that_others_have_emptied_is_used() -> None:
    """OpenAI tells when all of it is there again; a sixtieth of that is there a second later."""
    gauge = Gauge(None)
    gauge.learn(RateLimit(remaining=0, limit=60, reset_s=60.0), 0, 0.0, configured=False)
    assert [gauge.free(now_s) for now_s in (0.5, 1.0, 10.0)] == [0, 1, 10]
    assert gauge.next_s("a", 0.0) == 1.0


def test_nothing_flows_back_within_a_window_that_is_not_a_minutes() -> None:
    gauge = Gauge(None)
    gauge.learn(RateLimit(remaining=0, limit=60, reset_s=20.0), 0, 0.0, configured=False)
    assert [gauge.free(now_s) for now_s in (1.0, 19.0)] == [0, 0]


def test_a_refusal_without_a_reset_is_left_to_the_rest_that_it_asks_for() -> None:
    gauge = Gauge(None)
    gauge.learn(RateLimit(remaining=0, limit=60), 0, 0.0, configured=False)
    assert gauge.allows("a", 1, 0.1, alone=True, spare=False)
