"""The soak itself, for a few seconds: its flows do what they say, and nothing stays open."""

import subprocess
from pathlib import Path

import pytest
from bench.harness.driver import driver
from bench.harness.machine import Cores
from bench.harness.ours import Size, hedgerow
from bench.harness.soaking import FLOWS, soak
from polyglot.test_go import go, must_succeed

LOAD = Path(__file__).with_name("load")
NOWHERE = Cores(None, None)


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> Path:
    go(LOAD, "version")  # skips without Go
    program = tmp_path_factory.mktemp("load") / "load"
    must_succeed(go(LOAD, "build", "-o", str(program), "."))
    return program


@pytest.mark.slow
def test_all_flows_run_at_once_and_nothing_stays_open(load: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEDGEROW_BENCH_LOAD", str(load))
    with driver(NOWHERE) as running, hedgerow(running.mock_url, NOWHERE, "soaked", "aiohttp", Size()) as (grpc, _):
        row = soak(running, [grpc], 2.0)[grpc.name]
    assert "void" not in row, row["void"]
    flows = row["flows"]
    assert isinstance(flows, dict)
    assert set(flows) == {one.name for one in FLOWS}
    assert all(one["ok"] + one["failed"] > 0 for one in flows.values())
    assert row["hedgerow_open_calls_after"] == row["hedgerow_attempts_running_after"] == 0


def test_the_load_ends_with_its_input(load: Path) -> None:
    ended = subprocess.run([load], input="", capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 0
    assert '"mock":"http://127.0.0.1:' in ended.stdout
