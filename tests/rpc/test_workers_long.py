"""A router of four workers under many calls at once, under load while one is killed, and at its end."""

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from rpc.access import Guarded, bearer, guarded, troubled
from rpc.caller import COMPLETE, STREAM_COMPLETE, Caller, chat, drained, eventually
from rpc.crowd import all_serve, connections, crowd, workers_of
from stack import Stack

pytestmark = pytest.mark.long

OK, SPENT = grpc.StatusCode.OK, grpc.StatusCode.RESOURCE_EXHAUSTED
CALLS, UNITS, USD = 1000, 357, "0.0714"
"""So much is what so many calls cost: the simulator says as much as it may, and its input costs nothing."""
ROUTES = {
    "paced": {"kind": "chat", "candidates": [{"provider": "sim", "model": "sim-tokens-20-100"}]},
    "long": {"kind": "chat", "candidates": [{"provider": "sim", "model": "sim-tokens-400-50"}]},
}
LIMITS: dict[str, Any] = {
    "quotas": [
        {"name": "units", "match": {"team": ["units"]}, "limits": [{"requests": UNITS, "per": "total"}]},
        {"name": "at-once", "match": {"team": ["at-once"]}, "limits": [{"concurrency": 5}]},
    ],
    "budgets": [{"name": "cents", "match": {"team": ["cents"]}, "usd": USD, "per": "total", "max_output_tokens": 10}],
    "pricing": {
        "overrides": [{"provider": "sim", "model": "gpt-4o-mini", "usd_per_million_tokens": {"input": 0, "output": 20}}]
    },
    "extra_routes": ROUTES,
}


@contextmanager
def started(stack: Stack, folder: Path, workers: int, **server: Any) -> Iterator[Guarded]:
    """A router with its store in a file."""

    def start(**sections: Any) -> Any:
        return troubled(stack, folder)(**LIMITS, **sections)

    given = {"workers": workers, **server}
    with guarded(start, folder / "hedgerow.db", [], server=given, roles={"app": {}}) as running:
        yield running
        assert "Traceback" not in running.router.log.read_text()


@pytest.fixture(scope="module")
def ours(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """Four workers."""
    with started(stack, tmp_path_factory.mktemp("four"), 4) as running:
        yield running


def _as(token: str) -> dict[str, Any]:
    return {"metadata": bearer(token)}


def at_once(callers: list[Caller], calls: int, model: str, token: str) -> Counter[grpc.StatusCode]:
    """How so many calls end that are all begun before the first one is waited for."""
    begun: list[Any] = []
    for number in range(calls):
        channel = callers[number % len(callers)].channel
        call = channel.unary_unary(COMPLETE, request_serializer=bytes, response_deserializer=bytes)
        begun.append(call.future(chat(model).SerializeToString(), timeout=60, metadata=tuple(bearer(token))))
    return Counter(one.code() for one in begun)


def test_a_thousand_calls_at_once_use_a_quota_to_the_last_unit_and_none_beyond(ours: Guarded) -> None:
    token, _ = ours.key(team="units")
    with crowd(ours.router, 4) as many:
        assert at_once(many.callers, CALLS, "fast", token) == {OK: UNITS, SPENT: CALLS - UNITS}


def test_a_thousand_calls_at_once_spend_a_budget_to_the_last_cent_and_not_beyond(ours: Guarded) -> None:
    token, _ = ours.key(team="cents")
    with crowd(ours.router, 4) as many:
        assert at_once(many.callers, CALLS, "fast", token) == {OK: UNITS, SPENT: CALLS - UNITS}


def test_never_more_calls_run_at_once_than_a_limit_lets_and_none_is_kept_out_for_long(ours: Guarded) -> None:
    token, _ = ours.key(team="at-once")
    with crowd(ours.router, 4) as many:
        assert at_once(many.callers, 200, "paced", token)[OK] >= 5
        # All have ended: whoever comes now finds all of it free, at whichever worker.
        assert at_once(many.callers[:5], 5, "paced", token) == {OK: 5}


def test_calls_go_on_at_the_others_while_a_worker_is_killed_under_load(ours: Guarded) -> None:
    token, _ = ours.key()
    options = {"metadata": bearer(token)}
    with crowd(ours.router, 3) as many:
        spread = connections(ours.router)
        victim, lost = spread.most_common()[-1]
        stop, ended = threading.Event(), [Counter[grpc.StatusCode]() for _ in many.callers]

        def load(place: int) -> None:
            while not stop.is_set():
                ended[place][many.callers[place].chat(COMPLETE, "fast", **options).code] += 1

        threads = [threading.Thread(target=load, args=(place,)) for place in range(len(many.callers))]
        for one in threads:
            one.start()
        eventually(lambda: all(one[OK] > 3 for one in ended) or None, "all are under load")
        os.kill(victim, signal.SIGKILL)
        before = [one[OK] for one in ended]
        all_serve(ours.router)
        eventually(
            lambda: all(now[OK] > then + 3 for now, then in zip(ended, before, strict=True)) or None, "all go on"
        )
        stop.set()
        for one in threads:
            one.join()
    failed = [one for one in ended if set(one) != {OK}]
    assert len(failed) <= lost, "callers at the other workers have noticed nothing"
    assert all(set(one) <= {OK, grpc.StatusCode.UNAVAILABLE} for one in failed)
    assert len(workers_of(ours.router)) == 4


def test_at_sigterm_open_calls_of_all_workers_come_to_their_end_and_new_ones_are_not_taken(
    stack: Stack, tmp_path: Path
) -> None:
    with started(stack, tmp_path, 2) as running:
        token, _ = running.key()
        with crowd(running.router, 2) as many:
            answer = lambda data: data  # noqa: E731
            calls = [one.open(STREAM_COMPLETE, chat("paced"), answer, metadata=bearer(token)) for one in many.callers]
            for call in calls:
                next(call)
            running.router.popen.send_signal(signal.SIGTERM)
            assert {drained(call).code for call in calls} == {OK}
        assert running.router.popen.wait(30) == 0
        assert "all workers have ended" in running.router.log.read_text()


def test_the_end_of_the_supervisor_ends_the_workers(stack: Stack, tmp_path: Path) -> None:
    with started(stack, tmp_path, 2, drain_seconds=1) as running:
        workers = workers_of(running.router).values()
        running.router.popen.kill()
        running.router.popen.wait()
        until_s = time.monotonic() + 30
        while any(Path(f"/proc/{pid}/cmdline").exists() and _alive(pid) for pid in workers):
            assert time.monotonic() < until_s
            time.sleep(0.05)


def _alive(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def test_a_port_that_somebody_else_has_is_told_in_one_line_and_ends_the_start(
    stack: Stack, tmp_path: Path, ours: Guarded
) -> None:
    """Though workers share theirs: what shares ports with all comers would get a part of another router's calls."""
    taken = ours.router.addresses["grpc"]
    with (
        pytest.raises(RuntimeError, match=f"cannot listen on {taken}: Address already in use"),
        started(stack, tmp_path, 2, grpc={"listen": taken}),
    ):
        pass
