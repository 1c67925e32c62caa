"""When a provider wants to be asked again."""

import pytest
from hedgerow_server.providers.retry_after import duration_s, retry_delay_s

NOON = "Wed, 21 Oct 2015 12:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "delay_s"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": " 1.5 "}, 1.5),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "6m0s"}, 300.0),
        ({"retry-after": "100000"}, 300.0),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "\x1f250"}, 0.25),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"x-ms-retry-after-ms": "1500", "retry-after": "2"}, 1.5),
        ({"retry-after-ms": "0", "retry-after": "1"}, 1.0),
        ({"retry-after-ms": "0"}, 0.0),
        ({"retry-after-ms": "soon", "retry-after": "2"}, 2.0),
        ({"retry-after": "Wed, 21 Oct 2015 12:00:30 GMT", "date": NOON}, 30.0),
        ({"retry-after": "Wed, 21 Oct 2015 11:00:00 GMT", "date": NOON}, 0.0),
        ({"retry-after": "Wed, 21 Oct 2015 12:00:30 -0000", "date": NOON}, 30.0),
        ({"retry-after": "Wed, 21 Oct 2015 13:00:00 GMT", "date": NOON}, 300.0),
        ({"retry-after": "Wed, 21 Oct 2015 12:00:30 GMT"}, 0.0),  # long past by our own clock
    ],
)
def test_a_hint_is_read_in_all_its_forms(headers: dict[str, str], delay_s: float | None) -> None:
    assert retry_delay_s(headers) == delay_s


@pytest.mark.parametrize(
    "text", ["", "-1", "nan", "inf", "1e3", "0x10", "٣", "1 2", "later", "9" * 400, "Wed, 99 Foo 2015 99:99:99 GMT"]
)
def test_nonsense_is_no_hint(text: str) -> None:
    assert retry_delay_s({"retry-after": text}) is None
    assert retry_delay_s({"retry-after-ms": text}) is None


@pytest.mark.parametrize(
    ("spent", "delay_s"), [(("requests",), 2.0), (("tokens",), 60.0), (("requests", "tokens"), 60.0), ((), None)]
)
def test_the_reset_of_a_spent_limit_is_the_last_resort(spent: tuple[str, ...], delay_s: float | None) -> None:
    headers = {"x-ratelimit-reset-requests": "2s", "x-ratelimit-reset-tokens": "1m0s"}
    left = {f"x-ratelimit-remaining-{limit}": "0" if limit in spent else "5" for limit in ("requests", "tokens")}
    assert retry_delay_s(headers | left) == delay_s
    assert retry_delay_s(headers | left | {"retry-after": "1"}) == 1.0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120ms", 0.12),
        ("59.9s", 59.9),
        ("6m0s", 360.0),
        ("1h2m3s", 3723.0),
        ("1d", 86400.0),
        ("8.64s", 8.64),
        ("3", 3.0),
        ("", None),
        ("s", None),
        ("5x", None),
        ("1s2m", None),
    ],
)
def test_durations_are_read(text: str, seconds: float | None) -> None:
    assert duration_s(text) == (pytest.approx(seconds) if seconds is not None else None)
