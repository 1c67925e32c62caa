"""One router of two workers: it looks like one to callers and to operators."""

import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml
from hedgerow.admin.v1 import admin_service_pb2 as pb
from hedgerow_client import FailedPreconditionError
from rpc.access import Guarded, bearer, guarded, troubled
from rpc.caller import COMPLETE, eventually, get
from rpc.crowd import Crowd, all_serve, connections, crowd, numbers, workers_of
from stack import Stack

OK, SPENT = grpc.StatusCode.OK, grpc.StatusCode.RESOURCE_EXHAUSTED
REFUSED, UNKNOWN_KEY = grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNAUTHENTICATED
NO_SUCH_MODEL = grpc.StatusCode.NOT_FOUND
QUOTAS = [
    {"name": "few", "match": {"team": ["few"]}, "limits": [{"requests": 37, "per": "total"}]},
    {"name": "many", "match": {"team": ["many"]}, "limits": [{"requests": 400, "per": "total"}]},
    {"name": "two", "match": {"team": ["two"]}, "limits": [{"concurrency": 2}]},
]
BUDGETS = [{"name": "cents", "match": {"team": ["cents"]}, "usd": "0.0074", "per": "total", "max_output_tokens": 10}]
"""37 calls: the simulator says as much as it may, and its input costs nothing."""
PRICES = [{"provider": "sim", "model": "gpt-4o-mini", "usd_per_million_tokens": {"input": 0, "output": 20}}]
GAUGES_OF_THE_WORST = ("hedgerow_ready", "hedgerow_config_last_reload_successful", "hedgerow_shared_limits_up")


@pytest.fixture(scope="module")
def ours(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """The router. Its store is a file, which both workers use."""
    folder = tmp_path_factory.mktemp("workers")

    def start(**sections: Any) -> Any:
        limits = {"quotas": QUOTAS, "budgets": BUDGETS, "pricing": {"overrides": PRICES}}
        return troubled(stack, folder)(**limits, **sections)

    with guarded(start, folder / "hedgerow.db", [], server={"workers": 2}, roles={"app": {}}) as running:
        yield running
        _, fault, about = running.router.log.read_text().partition("Traceback")
        assert fault == "", about[:4000]


@pytest.fixture(scope="module")
def both(ours: Guarded) -> Iterator[Crowd]:
    """Connections to each of the workers."""
    with crowd(ours.router, 4) as found:
        yield found


def of(ours: Guarded, team: str = "") -> dict[str, Any]:
    """A new key, as the options of calls."""
    return {"metadata": bearer(ours.key(team=team)[0])}


def test_a_key_is_known_to_all_workers_when_it_is_made_and_refused_by_all_when_it_is_revoked(
    ours: Guarded, both: Crowd
) -> None:
    token, key_id = ours.key()
    assert set(both.codes(COMPLETE, "fast", metadata=bearer(token))) == {OK}
    ours.admin.revoke_key(key_id)
    assert set(both.codes(COMPLETE, "fast", metadata=bearer(token))) == {UNKNOWN_KEY}


def test_a_quota_is_used_to_the_last_call_and_not_beyond(ours: Guarded, both: Crowd) -> None:
    assert both.codes(COMPLETE, "fast", times=8, **of(ours, "few"))[OK] == 37


def test_a_budget_is_spent_to_the_last_cent_and_not_beyond(ours: Guarded, both: Crowd) -> None:
    assert both.codes(COMPLETE, "fast", times=8, **of(ours, "cents")) == {OK: 37, SPENT: 8 * len(both.callers) - 37}


def test_calls_of_all_workers_are_counted_once(ours: Guarded, both: Crowd) -> None:
    def calls() -> float:
        return sum(numbers(ours.router, "hedgerow_calls_total").values())

    options, before = of(ours), calls()
    made = len(both.each(COMPLETE, "fast", times=2, **options))
    eventually(lambda: calls() == before + made or None, "all are counted")
    counts = numbers(ours.router, "hedgerow_call_duration_seconds_count")
    infinite = numbers(ours.router, "hedgerow_call_duration_seconds_bucket")
    assert sum(counts.values()) == sum(value for labels, value in infinite.items() if 'le="+Inf"' in labels)


def test_a_page_has_each_series_once_and_tells_of_both_workers(ours: Guarded) -> None:
    _, page = get(f"http://{ours.router.addresses['admin_http']}/metrics")
    series = Counter(line.rpartition(" ")[0] for line in page.splitlines() if not line.startswith("#"))
    assert [name for name, times in series.items() if times > 1] == []
    assert numbers(ours.router, "hedgerow_worker_serving") == {'{worker="0"}': 1.0, '{worker="1"}': 1.0}
    for name in GAUGES_OF_THE_WORST:
        assert numbers(ours.router, name) == {"": 1.0}, name
    assert list(numbers(ours.router, "hedgerow_config_info").values()) == [1.0]


def test_a_kill_switch_holds_in_all_workers_at_once(ours: Guarded, both: Crowd) -> None:
    options = of(ours)
    ours.admin.set_kill_switch(pb.KILL_SCOPE_MODEL, "fast", "a test")
    assert set(both.codes(COMPLETE, "fast", **options)) == {REFUSED}
    ours.admin.clear_kill_switch(pb.KILL_SCOPE_MODEL, "fast")
    assert set(both.codes(COMPLETE, "fast", **options)) == {OK}


def test_a_configuration_comes_in_force_in_all_workers_and_goes_in_all(ours: Guarded, both: Crowd) -> None:
    config = Path(str(ours.admin.get_config().path))
    options, given = of(ours), yaml.safe_load(config.read_text())
    given["routes"]["new"] = given["routes"]["fast"]
    config.write_text(yaml.safe_dump(given, sort_keys=False))
    # Its own look at the file may have come first.
    new = ours.admin.reload().config_hash
    assert set(both.codes(COMPLETE, "new", **options)) == {OK}
    assert ours.admin.rollback_config().previous_hash == new
    assert set(both.codes(COMPLETE, "new", **options)) == {NO_SUCH_MODEL}
    config.write_text(yaml.safe_dump({**given, "routes": {}}))
    with pytest.raises(FailedPreconditionError, match="routes"):
        ours.admin.reload()
    assert set(both.codes(COMPLETE, "fast", **options)) == {OK}
    config.write_text(yaml.safe_dump(given, sort_keys=False))
    assert ours.admin.reload().config_hash == new


def test_a_worker_that_is_killed_comes_back_and_the_calls_of_the_other_go_on(ours: Guarded, both: Crowd) -> None:
    """The one that serves the admin doors: another one does, at the same address, and knows what was switched off."""
    router, options = ours.router, of(ours)
    before = numbers(router, "hedgerow_worker_restarts_total")
    ours.admin.set_kill_switch(pb.KILL_SCOPE_TENANT, "nobody", "a test")
    ((victim, _),) = connections(router, "admin_grpc").most_common(1)
    index = next(index for index, pid in workers_of(router).items() if pid == victim)
    os.kill(victim, signal.SIGKILL)
    codes = both.codes(COMPLETE, "fast", times=3, **options)
    assert set(codes) <= {OK, REFUSED}
    assert codes[OK] >= 4 * 3, "the other worker's connections have lost nothing"
    all_serve(router)
    assert victim not in workers_of(router).values()
    restarts = numbers(router, "hedgerow_worker_restarts_total")
    assert {one: restarts[one] - before[one] for one in before} == {
        f'{{worker="{one}"}}': float(one == index) for one in (0, 1)
    }
    assert [one.name for one in ours.admin.list_kill_switches()] == ["nobody"]
    ours.admin.clear_kill_switch(pb.KILL_SCOPE_TENANT, "nobody")
    with crowd(router, 2) as again:
        assert set(again.codes(COMPLETE, "fast", **options)) == {OK}
    assert f"worker {index} ended by itself (SIGKILL)" in router.log.read_text()


def test_what_a_worker_has_used_just_before_it_is_killed_still_counts(ours: Guarded) -> None:
    """To the last call, though the supervisor has not heard of it."""
    options = of(ours, "many")
    with crowd(ours.router, 2) as callers:
        before = callers.codes(COMPLETE, "fast", times=10, **options)
        ((victim, _),) = connections(ours.router).most_common(1)
        os.kill(victim, signal.SIGKILL)
    assert before[SPENT] == 0
    all_serve(ours.router)
    after: Counter[grpc.StatusCode] = Counter()

    def spent() -> bool:
        after.update(again.codes(COMPLETE, "fast", times=4, **options))
        return before[OK] + after[OK] >= 400

    with crowd(ours.router, 2) as again:
        eventually(spent, "all of it can be used")
        after.update(again.codes(COMPLETE, "fast", times=4, **options))
    assert before[OK] + after[OK] == 400
