"""Where telemetry goes may be dead, frozen, slow or full: calls end as they would, and what was lost is counted."""

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml
from rpc.caller import COMPLETE, STREAM_COMPLETE, Caller, chat, connected, eventually, new_trace
from stack import KEY, START_S, Process, router, simulator
from telemetry.collector import collector, dead, frozen
from telemetry.pages import values
from telemetry.traced import ENVIRONMENT, settings

CALLS = 20
SPANS = 3
"""Of each of them: the call, its attempt and finding out who calls."""
LOST, LINES_LOST = "hedgerow_spans_dropped_total", "hedgerow_log_lines_dropped_total"
QUICK = {"sample_ratio": 1.0, "timeout_seconds": 0.2, "delay_seconds": 0.05}


FULL = {**QUICK, "queue_spans": 9, "batch_spans": 6, "timeout_seconds": 60}


@pytest.fixture(scope="module", name="sim_url")
def sim_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A simulator for all of them."""
    with simulator(tmp_path_factory.mktemp("sim")) as running:
        yield f"http://{running.addresses['http']}"


@contextmanager
def shop(folder: Path, sim_url: str, url: str, **telemetry: Any) -> Iterator[tuple[Process, Caller]]:
    """A router with a collector at `url`, and a caller."""
    given = settings(sim_url, url, traces={**QUICK, **telemetry.pop("traces", {})}, **telemetry)
    with router(folder, given, **ENVIRONMENT) as running, connected(running.addresses["grpc"]) as caller:
        yield running, caller


def asked(caller: Caller) -> None:
    """Calls that are served, each of them."""
    for number in range(CALLS):
        rpc = STREAM_COMPLETE if number % 2 else COMPLETE
        outcome = caller.ask(rpc, chat("fast"), metadata=[("traceparent", new_trace())])
        assert outcome.code is grpc.StatusCode.OK
        assert len(outcome.report.attempts) == 1


def lost(running: Process, why: str) -> Callable[[], float]:
    """How many spans were lost so, once there are any."""
    return lambda: values(running, LOST, "why").get((why,), 0)


def test_a_dead_collector_and_a_full_disk_have_no_effect_on_calls(sim_url: str, tmp_path: Path) -> None:
    """Spans and lines are counted as lost, and the end of the router does not wait for them. Writing to /dev/full fails
    as a full disk does (ENOSPC). One line tells of the collector, not one for each batch.
    """
    with shop(tmp_path, sim_url, dead(), call_log_file="/dev/full") as (running, caller):
        asked(caller)
        eventually(lost(running, "not_delivered"), "spans that the collector did not take")
        asked(caller)
        eventually(lambda: values(running, LINES_LOST).get((), 0) == 2 * CALLS, "every line was lost, and counted")
        eventually(lambda: lost(running, "not_delivered")() == 2 * CALLS * SPANS, "so was every span", within_s=30)
        assert values(running, "hedgerow_spans_exported_total") == {}
        assert running.log.read_text().count("takes no spans") == 1
        assert running.stop() == 0


def test_a_collector_that_comes_back_gets_spans_again_and_a_file_that_was_moved_is_made_anew(
    sim_url: str, tmp_path: Path
) -> None:
    """As log rotation moves it."""
    path, moved = tmp_path / "calls.jsonl", tmp_path / "calls.jsonl.1"

    def lines(where: Path) -> int:
        return len(where.read_text().splitlines()) if where.exists() else 0

    with collector() as found, shop(tmp_path, sim_url, found.url, call_log_file=str(path)) as (running, caller):
        found.behave = lambda: 400
        asked(caller)
        eventually(lost(running, "not_delivered"), "spans that the collector did not take")
        eventually(lambda: lines(path) == CALLS, "all lines are there")
        path.rename(moved)
        found.behave = lambda: 200
        trace = new_trace()
        caller.ask(COMPLETE, chat("fast"), metadata=[("traceparent", trace)])
        assert found.call(trace.split("-")[1])
        eventually(lambda: "takes spans again" in running.log.read_text(), "the line that tells so")
        eventually(lambda: lines(path) == 1, "the later line is in the new file")
        assert lines(moved) == CALLS
        assert '"request_id":' not in running.log.read_text()


def test_a_frozen_collector_and_standard_error_that_nobody_reads_block_neither_calls_nor_the_end(
    sim_url: str, tmp_path: Path
) -> None:
    """A pipe of 4 KiB: the lines of calls and the program's own log fill it at once. The collector holds what is on its
    way; the queue takes so many spans, and those beyond are dropped and counted.
    """
    reading, writing = os.pipe()
    try:
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
        with frozen() as url, frozen_router(tmp_path, sim_url, url, writing) as running:
            with connected(running.addresses["grpc"]) as caller:
                for _ in range(3):
                    asked(caller)
                eventually(lost(running, "queue_full"), "spans for which there is no room")
                asked(caller)
            assert running.stop() == 0
    finally:
        os.close(reading)
        os.close(writing)


@contextmanager
def frozen_router(folder: Path, sim_url: str, url: str, stderr: int) -> Iterator[Process]:
    """A router that writes to that descriptor."""
    config, ports = folder / "router.yaml", folder / "ports.json"
    config.write_text(yaml.safe_dump(settings(sim_url, url, log_level="debug", traces=FULL)))
    command = [sys.executable, "-m", "hedgerow_server", "serve", str(config), "--ports-file", str(ports)]
    given = {**os.environ, "HEDGEROW_TEST_KEY": KEY, **ENVIRONMENT}
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=stderr, env=given) as popen:
        try:
            eventually(ports.exists, "the router has started", within_s=START_S)
            yield Process(popen, json.loads(ports.read_text()), config)
        finally:
            popen.kill()
