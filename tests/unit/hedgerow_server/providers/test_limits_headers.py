"""Rate-limit headers: every form of a reset, every vendor's names, and nonsense that counts for nothing."""

from collections.abc import Mapping

import pytest
from hedgerow_server.core.port import RateLimit, RateLimits
from hedgerow_server.providers.limits_headers import ANTHROPIC, COHERE, OPENAI, Now, rate_limits, reset_s

DATE = "Thu, 26 Nov 2026 12:00:00 GMT"


def openai(headers: Mapping[str, str]) -> RateLimits | None:
    """What the OpenAI dialect reads."""
    return rate_limits(headers, OPENAI)


def of_requests(remaining: str, **more: str) -> dict[str, str]:
    """Headers of one limit of requests."""
    told = {f"x-ratelimit-{word}-requests": value for word, value in more.items()}
    return {"x-ratelimit-remaining-requests": remaining, **told}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0s", 0.0),
        ("1s", 1.0),
        ("12ms", 0.012),
        ("640µs", 0.00064),
        ("640us", 0.00064),
        ("900ns", 9e-7),
        ("8.64s", 8.64),
        ("17.563999999s", 17.563999999),
        ("6m0s", 360.0),
        ("1h2m3s", 3723.0),
        ("1d", 86_400.0),
        ("30", 30.0),
        ("33011.382867", 33011.382867),
        (" 2 ", 2.0),
        ("1795694430", 30.0),
        ("1795694430000", 30.0),
        ("1795694430500", 30.5),
        ("2026-11-26T12:00:30Z", 30.0),
        ("2026-11-26T13:00:30.250+01:00", 30.25),
        ("2026-11-26T11:59:00Z", 0.0),
    ],
)
def test_a_reset_is_read_in_every_form(text: str, seconds: float) -> None:
    assert reset_s(text, Now(DATE)) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text", ["", "soon", "-1", "1x", "s", "NaN", "2026-11-26T12:00:30", "9" * 40, "400000d", "2099-01-01T00:00:00Z"]
)
def test_what_is_no_reset_is_none(text: str) -> None:
    assert reset_s(text, Now(DATE)) is None


def test_without_a_date_our_own_clock_holds() -> None:
    assert reset_s("2020-01-01T00:00:00Z", Now(None)) == 0.0
    assert reset_s("2020-01-01T00:00:00Z", Now("no date")) == 0.0


def test_openais_headers_give_requests_and_tokens() -> None:
    headers = of_requests("9999", limit="10000", reset="8.64s") | {
        "x-ratelimit-remaining-tokens": "199982",
        "x-ratelimit-limit-tokens": "200000",
        "x-ratelimit-reset-tokens": "5ms",
    }
    assert openai(headers) == RateLimits(
        requests=RateLimit(9999, 10_000, 8.64), tokens=RateLimit(199_982, 200_000, 0.005)
    )


def test_an_answer_without_such_headers_tells_nothing() -> None:
    headers = {"content-type": "application/json", "retry-after": "3"}
    assert openai(headers) is None
    assert rate_limits(headers, ANTHROPIC) is None
    assert rate_limits(headers, COHERE) is None


@pytest.mark.parametrize(
    "headers",
    [
        of_requests("-1", limit="-1", reset="0"),
        of_requests("0", limit="0", reset="0"),
        of_requests("5", limit="-1"),
        of_requests("9223372036854767616"),
        of_requests("many"),
        of_requests(""),
        of_requests("9" * 5000),
        of_requests("²"),
    ],
)
def test_what_cannot_be_true_counts_for_nothing(headers: dict[str, str]) -> None:
    assert openai(headers) is None


def test_a_limit_that_is_used_up_is_told() -> None:
    assert openai(of_requests("0", limit="100", reset="59s")) == RateLimits(requests=RateLimit(0, 100, 59.0))


def test_a_reset_that_cannot_be_read_leaves_the_rest() -> None:
    assert openai(of_requests("5", limit="100", reset="soon")) == RateLimits(requests=RateLimit(5, 100))


def test_of_several_windows_the_one_with_the_least_left_stands() -> None:
    headers = {
        "x-ratelimit-remaining-tokens-minute": "90000",
        "x-ratelimit-limit-tokens-minute": "100000",
        "x-ratelimit-remaining-tokens-month": "1000000",
        "x-ratelimit-limit-tokens-month": "1000000000",
    }
    assert openai(headers) == RateLimits(tokens=RateLimit(1_000_000, 1_000_000_000, None, 30 * 86_400.0))


def test_without_limits_the_smallest_count_stands() -> None:
    headers = {"x-ratelimit-remaining-requests-minute": "1999", "x-ratelimit-remaining-requests-hour": "1500"}
    assert openai(headers) == RateLimits(requests=RateLimit(1500, None, None, 3600.0))


def test_cerebras_tells_the_day_and_the_minute() -> None:
    headers = {
        "x-ratelimit-limit-requests-day": "14400",
        "x-ratelimit-remaining-requests-day": "14399",
        "x-ratelimit-reset-requests-day": "33011.382867",
        "x-ratelimit-limit-tokens-minute": "60000",
        "x-ratelimit-remaining-tokens-minute": "59000",
        "x-ratelimit-reset-tokens-minute": "11.38",
    }
    assert openai(headers) == RateLimits(
        requests=RateLimit(14_399, 14_400, 33011.382867, 86_400.0), tokens=RateLimit(59_000, 60_000, 11.38, 60.0)
    )


def test_fireworks_has_input_and_output_apart() -> None:
    headers = {
        "x-ratelimit-limit-tokens-prompt": "7200000",
        "x-ratelimit-remaining-tokens-prompt": "7193993",
        "x-ratelimit-limit-tokens-generated": "72000",
        "x-ratelimit-remaining-tokens-generated": "69338",
    }
    assert openai(headers) == RateLimits(
        input_tokens=RateLimit(7_193_993, 7_200_000), output_tokens=RateLimit(69_338, 72_000)
    )


def test_together_names_neither_requests_nor_tokens() -> None:
    headers = {
        "x-ratelimit-limit": "10",
        "x-ratelimit-remaining": "9",
        "x-ratelimit-reset": "1",
        "x-tokenlimit-limit": "3000",
        "x-tokenlimit-remaining": "2900",
    }
    assert openai(headers) == RateLimits(requests=RateLimit(9, 10, 1.0), tokens=RateLimit(2900, 3000))


def test_openrouters_reset_is_a_moment_in_milliseconds() -> None:
    headers = {
        "date": DATE,
        "x-ratelimit-limit": "20",
        "x-ratelimit-remaining": "0",
        "x-ratelimit-reset": "1795694460000",
    }
    assert openai(headers) == RateLimits(requests=RateLimit(0, 20, 60.0))


@pytest.mark.parametrize(
    ("told", "remaining", "seconds"),
    [
        ("500", "119", 0.5),  # one of 120 a minute: half a second, so milliseconds
        ("1", "118", 1.0),  # two of them: seconds
        ("7", "0", 7.0),  # all: a minute at most
        ("60000", "0", 60.0),
        ("0", "119", 0.0),
        ("30", "120", 30.0),  # nothing used: nothing to compare with
    ],
)
def test_azures_bare_numbers_are_in_the_unit_that_fits_what_was_used(told: str, remaining: str, seconds: float) -> None:
    headers = of_requests(remaining, limit="120", reset=told, renewalperiod="60")
    assert openai(headers) == RateLimits(requests=RateLimit(int(remaining), 120, seconds, 60.0))


def test_cohere_tells_trial_keys_what_is_left() -> None:
    headers = {"x-trial-endpoint-call-limit": "40", "x-trial-endpoint-call-remaining": "39"}
    assert rate_limits(headers, COHERE) == RateLimits(requests=RateLimit(39, 40, None, 60.0))


def test_anthropics_limits_are_four() -> None:
    headers = {"date": DATE}
    for number, word in enumerate(("requests", "tokens", "input-tokens", "output-tokens"), 1):
        headers |= {
            f"anthropic-ratelimit-{word}-limit": f"{number}000",
            f"anthropic-ratelimit-{word}-remaining": f"{number}00",
            f"anthropic-ratelimit-{word}-reset": f"2026-11-26T12:00:0{number}Z",
        }
    assert rate_limits(headers, ANTHROPIC) == RateLimits(
        requests=RateLimit(100, 1000, 1.0),
        tokens=RateLimit(200, 2000, 2.0),
        input_tokens=RateLimit(300, 3000, 3.0),
        output_tokens=RateLimit(400, 4000, 4.0),
    )
