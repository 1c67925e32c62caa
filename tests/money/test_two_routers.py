"""Limits of two real routers that share them through a real Redis, held against the book of the provider."""

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from hedgerow.common.v1 import warning_pb2
from hedgerow.common.v1.policy_pb2 import RoutePolicy
from money.hook import SECRET, Hook, free_port
from money.pair import CHEAP, DEAR, MICRO_USD, MODEL, TOKENS, Pair, calls, configuration, pair, served
from redis import Redis
from redis_server import RedisServer, running
from rpc.caller import STREAM_COMPLETE, Outcome, chat, connected, eventually
from rpc.conftest import without_faults

BURST = 1000
BUDGET = 20_000
"""In 10^-6 US dollars: 200 calls."""
SMART = 130_000
"""What a burst of calls may cost at most; it costs two thirds of that."""
SPENT = grpc.StatusCode.RESOURCE_EXHAUSTED
NAMES = ("money", "requests", "tokens", "places", "cancelled", "smart")


def _usd(micros: int) -> str:
    return f"{micros / 1e6:.6f}"


def _config(sim_url: str, redis: RedisServer, hook: Hook) -> dict[str, Any]:
    config = configuration(
        sim_url,
        NAMES,
        redis.url,
        quotas=[
            {"name": "requests", "match": {"model": ["requests"]}, "limits": [{"requests": 357, "per": "day"}]},
            {"name": "tokens", "match": {"model": ["tokens"]}, "limits": [{"tokens": 10_000, "per": "day"}]},
            {"name": "places", "match": {"model": ["places"]}, "limits": [{"concurrency": 5}]},
            {"name": "cancelled", "match": {"model": ["cancelled"]}, "limits": [{"concurrency": 50}]},
        ],
        budgets=[
            {"name": "money", "match": {"model": ["money"]}, "usd": _usd(BUDGET), "per": "month"},
            {"name": "left", "match": {"model": ["cancelled"]}, "usd": 1000, "per": "month"},
            {
                "name": "smart",
                "match": {"model": ["smart"]},
                "usd": _usd(SMART),
                "per": "month",
                "alert_percent": [20, 50],
            },
        ],
        alerts={"webhook": {"url": f"http://127.0.0.1:{hook.port}/alerts", "secret": "hook"}},
    )
    routes = config["routes"]
    routes["places"]["candidates"] = [{"provider": "places", "model": "dear-sim-silent"}]
    routes["cancelled"]["candidates"] = [{"provider": "cancelled", "model": "dear-sim-tokens-50-10"}]
    routes["smart"]["candidates"].append({"provider": "smart", "model": f"cheap-{MODEL}"})
    routes["smart"]["rules"] = [{"when": 'budgets["smart"] >= 0.5', "models": [f"cheap-{MODEL}"]}]
    return config


@pytest.fixture(scope="module", name="hook")
def hook_fixture() -> Hook:
    """A webhook that is not there yet."""
    return Hook(free_port())


@pytest.fixture(scope="module")
def redis_there() -> Iterator[RedisServer]:
    """What they share."""
    with running() as redis:
        redis.empty()
        yield redis


@pytest.fixture(scope="module", name="two")
def two_fixture(tmp_path_factory: pytest.TempPathFactory, redis_there: RedisServer, hook: Hook) -> Iterator[Pair]:
    """Two routers for all tests of this file; each has a model name of its own."""
    folder = tmp_path_factory.mktemp("two")
    with (
        pair(folder, lambda sim_url: _config(sim_url, redis_there, hook), HEDGEROW_TEST_HOOK=SECRET) as two,
        without_faults(two.routers[0]),
        without_faults(two.routers[1]),
    ):
        yield two


def _burst(request: pytest.FixtureRequest) -> int:
    return 4 * BURST if request.config.getoption("--long") else BURST


async def test_calls_at_the_last_cent_of_a_budget_cost_no_more_than_it_and_leave_less_than_one_call(
    two: Pair, request: pytest.FixtureRequest
) -> None:
    """By the provider's book: a burst, and then as many as are let in."""
    outcomes = await calls(two.targets, "money", _burst(request))
    while found := served(await calls(two.targets, "money", 20)):
        outcomes += found
    refused = next(one for one in outcomes if one.code is SPENT)
    assert refused.reason == "BUDGET_SPENT"
    bound = round(float(refused.info.metadata["needed"].removesuffix(" USD")) * 10**12)
    budget, billed = BUDGET * MICRO_USD, two.billed_picos("money")
    assert TOKENS * DEAR * MICRO_USD < bound < budget // 100
    assert budget - bound < billed <= budget
    assert billed == sum(one.report.charged_picos for one in served(outcomes))


async def test_exactly_so_many_requests_reach_the_provider_as_the_limit_says(
    two: Pair, request: pytest.FixtureRequest
) -> None:
    outcomes = await calls(two.targets, "requests", _burst(request))
    assert len(served(outcomes)) == len(two.entries("requests")) == 357
    assert {one.reason for one in outcomes if one.code is SPENT} == {"QUOTA_EXCEEDED"}
    assert {one.code for one in await calls(two.targets, "requests", 4)} == {SPENT}


async def test_tokens_go_beyond_the_limit_by_less_than_the_calls_in_flight_use(two: Pair) -> None:
    in_flight = 16
    outcomes = await calls(two.targets, "tokens", 400, at_once=in_flight)
    used = [one["billed_input_tokens"] + one["billed_output_tokens"] for one in two.entries("tokens")]
    assert len(used) == len(served(outcomes))
    assert 10_000 - max(used) - 60 < sum(used) < 10_000 + in_flight * max(used)


def test_no_more_calls_run_at_once_than_the_limit_says_and_a_place_is_free_again_when_its_call_is_over(
    two: Pair,
) -> None:
    with connected(two.targets[0]) as one, connected(two.targets[1]) as other:

        def opened(count: int) -> tuple[list[Any], int]:
            """Calls that wait for their provider, and how many were refused."""
            open_calls = [
                (one, other)[number % 2].open(STREAM_COMPLETE, chat("places", max_output_tokens=9), bytes, timeout=60)
                for number in range(count)
            ]
            refused: list[Any] = []

            def over() -> bool:
                refused[:] = [call for call in open_calls if call.done()]
                return len(refused) >= count - 5

            eventually(over, "all but five are refused", 20)
            assert {call.code() for call in refused} <= {SPENT}
            return [call for call in open_calls if not call.done()], len(refused)

        for _ in range(2):
            waiting, refused = opened(40)
            eventually(lambda: _open(two, "places") == 5, "five have reached the provider")
            assert (len(waiting), refused) == (5, 35)
            for call in waiting:
                call.cancel()
            eventually(lambda: not _open(two, "places"), "they are over")


def _open(two: Pair, provider: str) -> int:
    return sum(one["outcome"] == "open" for one in two.entries(provider))


async def test_calls_that_are_cancelled_leave_nothing_reserved(
    two: Pair, redis_there: RedisServer, request: pytest.FixtureRequest
) -> None:
    """What they held is there for others, at either router: all fifty places. In the end Redis knows of no call."""
    for _ in range(100 if request.config.getoption("--long") else 3):
        found = await calls(two.targets, "cancelled", 100, timeout=0.15)
        assert {one.code for one in found} <= {SPENT, grpc.StatusCode.DEADLINE_EXCEEDED}, {one.text for one in found}
    for target in two.targets:
        async with asyncio.timeout(20):
            # The gateway may still be about to hear that the last of them are gone.
            while len(served(await calls([target], "cancelled", 50))) < 50:
                pass
    with Redis.from_url(redis_there.url, decode_responses=True) as client:
        names = [key for key in client.scan_iter() if "cancelled|" in key or "left|" in key]
        assert len(names) == 2

        def held() -> int:
            return sum(
                int(amount) for key in names for field, amount in client.hgetall(key).items() if field.startswith("h:")
            )

        await asyncio.to_thread(eventually, lambda: not held(), "nothing is held")


async def test_a_burst_over_marks_alerts_once_each_and_turns_both_routers_to_the_cheaper_model(
    two: Pair, hook: Hook
) -> None:
    """The webhook is dead when it happens. Whoever names the dear model is refused."""
    outcomes = await calls(two.targets, "smart", BURST)
    assert len(served(outcomes)) == BURST
    for target in two.targets:
        turned = await _turned(target)
        (warning,) = turned.report.warnings
        assert warning.code == warning_pb2.WARNING_CODE_MODEL_DOWNGRADED
        assert "smart" in warning.message
        assert [one.model for one in turned.report.attempts] == [f"cheap-{MODEL}"]
        with connected(target) as caller:
            streamed = caller.stream_complete(chat("smart", max_output_tokens=60))
        assert warning in streamed.messages[0].started.warnings
        pinned = RoutePolicy(models=[f"dear-{MODEL}"])
        (refused,) = await calls([target], "smart", 1, route=pinned)
        assert (refused.code, refused.reason) == (SPENT, "BUDGET_SPENT")
        assert not refused.report.attempts
    with hook.there():
        await asyncio.to_thread(eventually, lambda: len(hook.marks("smart")) >= 2, "both marks were told", 30)
        after = await calls(two.targets, "smart", 40)
        assert {tuple(one.model for one in each.report.attempts) for each in after} == {(f"cheap-{MODEL}",)}
        # Two rounds, and the first pause of the webhook, are over by then.
        await asyncio.sleep(1.5)
    assert sorted(hook.marks("smart")) == [20, 50]
    assert all(hook.signed(*one) for one in hook.alerts)
    spent = two.billed_picos("smart")
    assert SMART * MICRO_USD / 2 < spent < SMART * MICRO_USD
    assert CHEAP < DEAR


async def _turned(target: str) -> Outcome[Any]:
    """The next call that is served by the cheaper model: each router hears within a round what the other has spent."""
    async with asyncio.timeout(5):
        while True:
            (found,) = await calls([target], "smart", 1)
            if found.report.warnings:
                return found


async def test_what_a_killed_router_was_lent_is_there_for_the_other_after_its_lease(tmp_path: Path) -> None:
    with running() as redis:
        redis.empty()

        def config(sim_url: str) -> dict[str, Any]:
            made = configuration(
                sim_url,
                ["held"],
                redis.url,
                quotas=[{"name": "all", "limits": [{"concurrency": 2}]}],
                budgets=[{"name": "all-usd", "usd": "0.00025", "per": "total"}],
            )
            made["routes"]["held"]["candidates"] = [{"provider": "held", "model": "dear-sim-silent"}]
            return made

        with (
            pair(tmp_path, config) as two,
            without_faults(two.routers[1]),
            connected(two.targets[0]) as one,
            connected(two.targets[1]) as other,
        ):
            held = [one.open(STREAM_COMPLETE, chat("held", max_output_tokens=60), bytes, timeout=60) for _ in range(2)]
            eventually(lambda: _open(two, "held") == 2, "both places are taken")
            refused = other.complete(chat("held", max_output_tokens=60))
            assert (refused.code, refused.reason) == (SPENT, "QUOTA_EXCEEDED")
            two.routers[0].stop(signal.SIGKILL)
            assert {call.code() for call in held} == {grpc.StatusCode.UNAVAILABLE}

            def reached() -> bool:
                before = len(two.entries("held"))
                call = other.open(STREAM_COMPLETE, chat("held", max_output_tokens=60), bytes, timeout=60)
                eventually(lambda: call.done() or len(two.entries("held")) > before, "it is refused or sent")
                call.cancel()
                return len(two.entries("held")) > before

            eventually(reached, "its lease is over", 20)
