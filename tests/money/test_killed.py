"""kill -9 at random points: nothing acknowledged is lost, nothing is there twice, what was open is an estimate."""

import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter as Count
from pathlib import Path
from threading import Thread
from typing import Any

import grpc
import pytest
from money.accounts import differences, ledger
from money.counter import configuration, counter, ids
from money.driver import LOST_PICOS
from rpc.caller import COMPLETE, STREAM_COMPLETE, Caller, connected, eventually, new_trace
from stack import Process, router


@pytest.mark.timeout(1000)
def test_books_and_spool_outlive_any_number_of_kills(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """A process that does nothing but write them, at full speed."""
    kills = 500 if request.config.getoption("--long") else 8
    command = [sys.executable, "-m", "money.driver", str(tmp_path), str(kills), "1"]
    done = subprocess.run(
        command, cwd=Path(__file__).parents[1], capture_output=True, text=True, timeout=900, check=False
    )
    assert done.returncode == 0, done.stderr
    told = json.loads((tmp_path / "told.json").read_text())
    calls, attempts = ledger(tmp_path / "ledger.db")
    rows = {call.call_id: call for call in calls}
    acknowledged: dict[str, list[int]] = told["acknowledged"]
    assert len(acknowledged) > 20 * kills, "hardly anything was done"
    assert [one for one in told["opened"] if one not in rows] == []
    assert [one for one in acknowledged if rows[one].lost] == []
    assert [one for one, may in acknowledged.items() if rows[one].charged_picos not in may] == []
    assert any(call.lost for call in calls), "no call was under way when a worker was killed"
    assert [call for call in calls if call.lost and not call.estimated] == []
    lost = [one for one in attempts if one.outcome == "LOST"]
    assert {(one.estimated, one.cost_picos, one.input_uncached_tokens) for one in lost} <= {(True, LOST_PICOS, 100)}
    assert [line for line in differences(calls, attempts, []) if "in the book" not in line] == []
    assert list((tmp_path / "spool").iterdir()) == []


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_router_that_is_killed_under_load_loses_nothing_that_a_caller_was_told(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    kills = 40 if request.config.getoption("--long") else 2
    dice, told = random.Random(7), dict[str, Any]()
    with counter(tmp_path) as desk:
        config = configuration(desk.sim_url, desk.store)
        for number in range(kills):
            with (
                router(tmp_path, config, name=f"victim-{number}") as victim,
                connected(victim.addresses["grpc"]) as caller,
            ):
                grpc.channel_ready_future(caller.channel).result(30)
                callers = [Thread(target=_call_on, args=(caller, victim, told)) for _ in range(6)]
                for one in callers:
                    one.start()
                time.sleep(dice.uniform(0.3, 1.0))  # the moment is what is drawn
                victim.stop(signal.SIGKILL)
                for one in callers:
                    one.join()
        # Whoever lives takes over, without being started anew; here within its usual round.
        desk.router.stop()
        with router(tmp_path, config, name="heir"):
            eventually(lambda: len(list((tmp_path / "hedgerow.db-spool").iterdir())) == 1, "the spools are taken over")
            assert desk.balance() == []
            calls, attempts = desk.rows()
    rows = {call.request_id: call for call in calls}
    assert Count(outcome.code.name for outcome in told.values())["OK"] >= kills
    for trace, outcome in told.items():
        if outcome.code is grpc.StatusCode.OK:
            row = rows[trace]
            assert (row.code, row.lost, row.charged_picos) == ("OK", False, outcome.report.charged_picos)
    assert {one.estimated for one in attempts if one.outcome == "LOST"} <= {True}


def _call_on(caller: Caller, victim: Process, told: dict[str, Any]) -> None:
    """Calls until the router is gone."""
    while victim.popen.poll() is None:
        trace = new_trace()
        rpc = (COMPLETE, STREAM_COMPLETE)[len(told) % 2]
        route = ("fast", "paced", "over", "drained")[len(told) % 4]
        outcome = caller.chat(rpc, route, metadata=ids(trace), timeout=10)
        told[trace] = outcome
