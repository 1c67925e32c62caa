"""Latency laws as functions of chance, and on a real call."""

import random
import time

import pytest
from hedgerow_sim.laws import LAWS, Delay, Quantiles, parse
from unit.hedgerow_sim.harness import CHAT, HELLO, running


@pytest.mark.parametrize(("share", "milliseconds"), [(0, 319.5), (0.5, 639), (0.95, 1144), (0.99, 4517), (1, 7010)])
def test_quantiles_are_met_exactly(share: float, milliseconds: float) -> None:
    assert LAWS["gpt-4o-like"].first.at(share) == pytest.approx(milliseconds / 1000)


def test_between_quantiles_the_delay_rises_in_log_space() -> None:
    """Half way from p50 to p95 lies their geometric mean."""
    delay = Delay(Quantiles(p50=100, p95=400, p99=500, max=600))
    assert delay.at(0.725) == pytest.approx(0.2)
    shares = [step / 1000 for step in range(1001)]
    assert [delay.at(share) for share in shares] == sorted(delay.at(share) for share in shares)


def test_many_draws_have_the_laws_quantiles() -> None:
    rng = random.Random(5)
    drawn = sorted(LAWS["gpt-4o-like"].first.draw(rng) for _ in range(20_000))
    assert drawn[10_000] == pytest.approx(0.639, rel=0.03)
    assert drawn[19_000] == pytest.approx(1.144, rel=0.05)


def test_draws_repeat_with_the_seed() -> None:
    first, second = (LAWS["gpt-4o-like"].token.draw(random.Random(5), 10) for _ in range(2))
    assert first == second


def test_a_fixed_delay_is_the_same_every_time() -> None:
    law = parse('{"first_ms": 200, "token_ms": 20}')
    assert law.first.draw(random.Random(1)) == 0.2
    assert law.token.draw(random.Random(1), 3) == pytest.approx(0.06)


def test_json_may_hold_quantiles() -> None:
    law = parse('{"first_ms": {"p50": 10, "p95": 20, "p99": 30, "max": 40}}')
    assert law.first.at(0.99) == pytest.approx(0.03)
    assert law.token.at(0.99) == 0


@pytest.mark.parametrize(
    "text",
    ["slowly", "{", '{"first": 1}', '{"first_ms": -1}', '{"first_ms": {"p50": 9, "p95": 1, "p99": 2, "max": 3}}'],
)
def test_what_is_no_law_is_refused_with_the_names_there_are(text: str) -> None:
    with pytest.raises(ValueError, match="steady"):
        parse(text)


async def test_a_law_delays_the_first_byte_and_each_token() -> None:
    async with running(law='{"first_ms": 80, "token_ms": 10}') as sim:
        begun = time.monotonic()
        async with sim.http.post(
            sim.url + CHAT, json={"model": "m", "messages": HELLO, "stream": True, "max_tokens": 11}
        ) as answer:
            first = time.monotonic() - begun
            await answer.read()
            whole = time.monotonic() - begun
    assert first >= 0.08
    assert whole >= 0.08 + 10 * 0.01
    assert first < whole - 0.05


async def test_a_unary_answer_takes_as_long_as_all_its_tokens() -> None:
    async with running(law='{"first_ms": 80, "token_ms": 10}') as sim:
        begun = time.monotonic()
        await sim.chat(max_tokens=11)
        assert time.monotonic() - begun >= 0.08 + 10 * 0.01
