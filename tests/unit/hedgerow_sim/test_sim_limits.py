"""Limits that hold: what is let in, what is refused, and what a provider's headers tell of it."""

import json
from typing import Any

import pytest
from hedgerow_sim.limits import Gate, Limits
from unit.hedgerow_sim.harness import CHAT, HELLO, Answer, Sim

ANTHROPIC = "/v1/messages"
CLAUDE = {"model": "claude-x", "max_tokens": 8, "messages": HELLO}


async def limit(sim: Sim, body: Any, query: str = "") -> int:
    """Sets limits; tells the status."""
    async with sim.http.put(f"{sim.url}/_sim/limits{query}", data=json.dumps(body)) as answer:
        return answer.status


async def asked(sim: Sim, key: str = "a", model: str = "m", **more: Any) -> Answer:
    """One short chat with a key."""
    return await sim.post(CHAT, {"model": model, "messages": HELLO, **more}, authorization=f"Bearer {key}")


class Clock:
    """Stands still until it is moved."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_a_bucket_lets_in_all_there_is_and_then_what_flows_back() -> None:
    clock = Clock()
    gate = Gate(Limits(requests_per_minute=60), clock)
    served = [not gate.admit(("k",), 0).lacking for _ in range(70)]
    assert served == [True] * 60 + [False] * 10
    clock.now_s = 2.0
    assert [not gate.admit(("k",), 0).lacking for _ in range(3)] == [True, True, False]
    refused = gate.admit(("k",), 0)
    assert refused.after_s == pytest.approx(1.0)
    assert refused.left[0].reset_s == pytest.approx(60.0)


def test_a_refused_request_takes_nothing_of_any_bucket() -> None:
    gate = Gate(Limits(requests_per_minute=2, tokens_per_minute=10), Clock())
    assert gate.admit(("k",), 8).lacking == ""
    assert gate.admit(("k",), 8).lacking.startswith("tokens")
    assert gate.admit(("k",), 2).lacking == ""
    assert gate.admit(("k",), 0).lacking.startswith("requests")


async def test_each_key_and_each_model_has_buckets_of_its_own(sim: Sim) -> None:
    assert await limit(sim, {"requests_per_minute": 1}) == 204
    assert [(await asked(sim, *one)).status for one in ("am", "am", "bm", "an")] == [200, 429, 200, 200]


async def test_headers_tell_in_the_way_of_openai(sim: Sim) -> None:
    await limit(sim, {"requests_per_minute": 2, "tokens_per_minute": 100_000})
    first, _, refused = [await asked(sim) for _ in range(3)]
    assert (first.headers["x-ratelimit-limit-requests"], first.headers["x-ratelimit-remaining-requests"]) == ("2", "1")
    assert 0 < int(first.headers["x-ratelimit-remaining-tokens"]) < 100_000
    assert refused.status == 429
    assert refused.headers["x-ratelimit-remaining-requests"] == "0"
    assert 0 < int(refused.headers["retry-after-ms"]) <= 30_000
    assert refused.json["error"]["code"] == "rate_limit_exceeded"


async def test_headers_tell_in_the_way_of_anthropic(sim: Sim) -> None:
    await limit(sim, {"requests_per_minute": 1})
    version = {"anthropic-version": "2023-06-01", "x-api-key": "k"}
    first, refused = [await sim.post(ANTHROPIC, CLAUDE, **version) for _ in range(2)]
    head = "anthropic-ratelimit-requests"
    assert (first.status, refused.status) == (200, 429)
    assert (first.headers[f"{head}-limit"], first.headers[f"{head}-remaining"]) == ("1", "0")
    assert 0 < int(refused.headers["retry-after"]) <= 60


async def test_the_tokens_of_an_answer_are_taken_too(sim: Sim) -> None:
    await limit(sim, {"tokens_per_minute": 200})
    assert (await asked(sim, model="sim-tokens-150-0")).status == 200
    assert (await asked(sim, model="sim-tokens-150-0")).status == 200
    refused = await asked(sim, model="sim-tokens-150-0")
    assert refused.status == 429
    assert "tokens per minute" in refused.json["error"]["message"]


async def test_limits_can_be_untold_of_one_provider_and_taken_away(sim: Sim) -> None:
    await limit(sim, {"requests_per_minute": 1, "told": False}, "?provider=quiet")
    for expected in (200, 429):
        found = await sim.post(f"/_sim/as/quiet{CHAT}", {"model": "m", "messages": HELLO})
        assert found.status == expected
        assert found.headers["x-ratelimit-limit-requests"] != "1"
    assert (await asked(sim)).status == 200
    async with sim.http.delete(f"{sim.url}/_sim/limits?provider=quiet") as answer:
        assert answer.status == 204
    assert (await sim.post(f"/_sim/as/quiet{CHAT}", {"model": "m", "messages": HELLO})).status == 200


@pytest.mark.parametrize("body", [{"requests_per_minute": 0}, {"requests": 1}])
async def test_limits_that_are_none_are_refused(sim: Sim, body: Any) -> None:
    assert await limit(sim, body) == 400
