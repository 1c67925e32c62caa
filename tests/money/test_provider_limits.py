"""Providers whose limits hold, and several tenants that share a key: no tenant meets a 429 for what another does.

The limits are those of a minute and the tests take seconds: what a tenant would take of others it would be missing for
longer than the test lasts.
"""

import asyncio
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from hedgerow.router.v1.router_service_pb2 import ExplainRouteRequest
from hedgerow_client import Client
from money.tenants import HOG, QUIET, Crowd, House, crowd, house, p99, route
from rpc.caller import chat
from rpc.conftest import without_faults

LIMIT = 40
SHARE = (LIMIT - LIMIT // 10) // (1 + len(QUIET))
FLOOD = 50 * SHARE
BUSY_S = 1.0
"""What a busy machine may add to a call; one that waits for others to be forgotten would wait for fifteen seconds."""
CONFIGURED = {"requests_per_minute": LIMIT, "learn": False}
PROVIDERS: dict[str, dict[str, Any]] = {
    "alone": {},
    "configured": {"rate_limits": CONFIGURED},
    "learned": {},
    "claude": {"dialect": "anthropic"},
    "start": {},
    "tokens": {},
    "keys": {"credential": [{"name": "first"}, {"name": "second"}], "rate_limits": CONFIGURED},
    "full": {"rate_limits": {"requests_per_minute": 8}},
    "other": {},
    "late": {},
    "off": {"rate_limits": None},
    "minutes": {},
}


@pytest.fixture(scope="module", name="at")
def at_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One router for all tests of this file; each has a provider of its own."""
    routes = {"routed": route(("full", "m"), ("other", "m")), "waits": route(("full", "m2"), max_wait_seconds=0.5)}
    with house(tmp_path_factory.mktemp("house"), PROVIDERS, **routes) as running, without_faults(running.process):
        yield running


async def both(at: House, model: str, *, flood: int = FLOOD, calls: int = SHARE, every_s: float = 0.2) -> Crowd:
    """A flood from one tenant, and beside it a few calls from each of the others. Whoever is in the flood gives up when
    the others have what they want.
    """
    async with crowd(at) as tenants:
        flooding = asyncio.create_task(tenants.flood(HOG, model, flood, timeout=calls * every_s + 1))
        await asyncio.sleep(0.1)
        await asyncio.gather(*(tenants.steady(one, model, calls, every_s) for one in QUIET))
        await flooding
        return tenants


def undisturbed(tenants: Crowd, baseline_s: float) -> None:
    """Every call of the quiet tenants was answered, at the first attempt, and none waited for the noisy one."""
    for one in QUIET:
        told = tenants.told[one]
        assert not told.refused, [(each.text, each.reason) for each in told.refused]
        assert {len(each.report.attempts) for each in told.outcomes} == {1}
        assert p99(told.took_s) <= 1.5 * baseline_s + BUSY_S, (one, told.took_s, baseline_s)


@pytest.fixture(scope="module", name="baseline_s")
async def baseline_fixture(at: House) -> float:
    """The p99 of the quiet tenants where nobody floods."""
    tenants = await both(at, "alone", flood=0)
    return p99([took_s for one in QUIET for took_s in tenants.told[one].took_s])


@pytest.mark.parametrize("name", ["configured", "learned", "claude"])
async def test_a_tenant_at_fifty_times_its_share_disturbs_nobody(at: House, baseline_s: float, name: str) -> None:
    at.limit(name, requests_per_minute=LIMIT)
    tenants = await both(at, name)
    undisturbed(tenants, baseline_s)
    statuses = at.statuses(name)
    assert 429 not in statuses
    assert SHARE <= tenants.told[HOG].served <= len(statuses) - len(QUIET) * SHARE


async def test_the_provider_would_have_refused_the_others_too_were_nobody_counting(at: House) -> None:
    """The same without the pool: so the limit of the simulator is one."""
    at.limit("off", requests_per_minute=LIMIT)
    tenants = await both(at, "off")
    assert 429 in at.statuses("off")
    assert any(tenants.told[one].refused for one in QUIET)


async def test_tokens_are_shared_as_requests_are(at: House, baseline_s: float) -> None:
    at.limit("tokens", tokens_per_minute=400 * LIMIT)
    tenants = await both(at, "tokens")
    undisturbed(tenants, baseline_s)
    assert 429 not in at.statuses("tokens")
    assert tenants.told[HOG].refused


async def test_a_burst_at_the_start_does_not_meet_the_limit_that_nobody_knows_yet(at: House) -> None:
    at.limit("start", requests_per_minute=LIMIT)
    async with crowd(at) as tenants:
        await tenants.flood(HOG, "start", FLOOD, timeout=2)
        await asyncio.gather(*(tenants.steady(one, "start", 1, 0) for one in QUIET[:2]))
    assert 429 not in at.statuses("start")
    assert not [one for name in QUIET for one in tenants.told[name].refused]
    assert tenants.told[HOG].served > len(at.statuses("start")) // 2


async def test_each_key_of_a_provider_has_its_own_limit_and_all_of_them_are_used(at: House, baseline_s: float) -> None:
    at.limit("keys", requests_per_minute=LIMIT)
    tenants = await both(at, "keys", calls=SHARE + 2)
    undisturbed(tenants, baseline_s)
    statuses = at.statuses("keys")
    assert 429 not in statuses
    assert len(statuses) > LIMIT


async def test_a_call_that_has_no_turn_in_time_is_told_when_there_may_be_one(at: House) -> None:
    async with crowd(at) as tenants:
        for _ in range(2):
            assert (await tenants.call(HOG, "waits")).code is grpc.StatusCode.OK
        refused = await tenants.call(HOG, "waits")
    assert (refused.code, refused.reason) == (grpc.StatusCode.UNAVAILABLE, "PROVIDER_THROTTLED")
    retry = refused.detail(error_details_pb2.RetryInfo)
    assert retry is not None
    # So long a tenant waits that has taken the fourth part of the minute.
    assert 10 <= retry.retry_delay.seconds <= 15
    assert not refused.report.attempts


async def test_a_call_goes_to_another_candidate_before_it_waits(at: House) -> None:
    async with crowd(at) as tenants:
        found = [await tenants.call(HOG, "routed") for _ in range(4)]
    providers = [one.report.attempts[0].provider for one in found]
    assert providers[-2:] == ["other", "other"]
    assert all(len(one.report.attempts) == 1 for one in found)


async def test_callers_and_operators_see_what_is_left(at: House) -> None:
    at.limit("late", requests_per_minute=40, tokens_per_minute=90_000)
    async with crowd(at) as tenants:
        for _ in range(3):
            await tenants.call(HOG, "late")
    (state,) = at.admin.list_candidates(provider="late")
    with Client(at.process.addresses["grpc"], token=at.tokens[HOG]) as client:
        request = ExplainRouteRequest(chat=chat("late").chat)
        (candidate,) = client.explain_route(request).candidates
    for pool in (state.rate_pool, candidate.health.rate_pool):
        assert (pool.requests_limit, pool.tokens_limit, pool.waiting_calls_count) == (40, 90_000, 0)
        assert 35 <= pool.requests_left <= 37
        assert 85_000 < pool.tokens_left <= 90_000


@pytest.mark.timeout(400)
async def test_in_a_flood_that_goes_on_for_minutes_nobody_meets_a_429(
    at: House, baseline_s: float, request: Any
) -> None:
    """With what flows back to the provider's buckets, and a flood that goes on and on; seconds without `--long`."""
    limit, seconds = 120, 180 if request.config.getoption("--long") else 4
    at.limit("minutes", requests_per_minute=limit)
    share_s = (limit - limit // 10) / (1 + len(QUIET)) / 60

    async def flood(tenants: Crowd) -> None:
        async with asyncio.TaskGroup() as group:
            while True:
                group.create_task(tenants.call(HOG, "minutes", timeout=4))
                await asyncio.sleep(1 / (50 * share_s))

    async with crowd(at) as tenants:
        flooding = asyncio.create_task(flood(tenants))
        calls = max(4, round(seconds * share_s * 0.8))
        await asyncio.gather(*(tenants.steady(one, "minutes", calls, seconds / calls) for one in QUIET))
        flooding.cancel()
        await asyncio.gather(flooding, return_exceptions=True)
        undisturbed(tenants, baseline_s)
        assert 429 not in at.statuses("minutes")
        assert tenants.told[HOG].served > share_s * seconds / 2
