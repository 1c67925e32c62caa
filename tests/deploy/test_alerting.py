"""The alerts of deploy/prometheus go off when they should, in Prometheus's own evaluation: promtool, built once."""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from cached import cache
from deploy.alerting import ROWS, Row, Series
from deploy.tools import GO, run
from stack import ROOT

RULES = sorted((ROOT / "deploy" / "prometheus").glob("*.yaml"))
ALERTS: dict[str, Any] = {
    rule["alert"]: rule
    for file in RULES
    for group in yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
    if "alert" in rule
}
pytestmark = pytest.mark.timeout(1200)
"""Any of them may be the one that builds promtool."""
_MODULE = Path(__file__).with_name("promtool")
_PACKAGE = "github.com/prometheus/prometheus/cmd/promtool"
_UNIT_S = {"s": 1, "m": 60, "h": 3600}
_STEP_S = 30


@pytest.fixture(scope="module", name="promtool")
def promtool_fixture() -> Path:
    """Built from the module beside this file: five minutes on two cores, once."""
    if not shutil.which("go"):
        pytest.skip(GO)
    digest = hashlib.sha256((_MODULE / "go.sum").read_bytes()).hexdigest()[:12]
    program = cache() / f"promtool-{digest}" / "promtool"
    program.parent.mkdir(parents=True, exist_ok=True)
    with program.with_name("lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.exists():
            given = {**os.environ, "GOFLAGS": "-mod=readonly"}
            run("go", "build", "-o", f"{program}.new", _PACKAGE, cwd=_MODULE, env=given)
            Path(f"{program}.new").rename(program)
    return program


def seconds(time: str) -> int:
    """Of a duration such as "15m"."""
    return sum(int(count) * _UNIT_S[unit] for count, unit in re.findall(r"(\d+)([smh])", time))


def case(name: str, series: Series, expected: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """One of promtool's: what there is of an alert at some times."""
    return {
        "interval": f"{_STEP_S}s",
        "input_series": [{"series": one, "values": values} for one, values in series.items()],
        "alert_rule_test": [
            {"eval_time": at, "alertname": name, "exp_alerts": alerts} for at, alerts in expected.items()
        ],
    }


def cases(name: str, row: Row) -> list[dict[str, Any]]:
    """It goes off in time and not before its `for` is over; and not by what is only close."""
    rule = ALERTS[name]
    fired = {
        "exp_labels": {**row.labels, "severity": rule["labels"]["severity"]},
        "exp_annotations": {**rule["annotations"], "summary": row.says},
    }
    waits_s = seconds(rule.get("for", "0s"))
    before: dict[str, list[dict[str, Any]]] = {f"{waits_s - _STEP_S}s": []} if waits_s else {}
    return [
        case(name, row.fires, {**before, row.after: [fired]}),
        *(case(name, series, {row.after: []}) for series in row.quiet),
    ]


def tried(promtool: Path, folder: Path, name: str, row: Row) -> subprocess.CompletedProcess[str]:
    path = folder / "rules.yaml"
    plan = {
        "rule_files": [str(file) for file in RULES],
        "evaluation_interval": f"{_STEP_S}s",
        "tests": cases(name, row),
    }
    path.write_text(yaml.safe_dump(plan), encoding="utf-8")
    return subprocess.run([promtool, "test", "rules", path], capture_output=True, text=True, check=False)


def test_every_alert_has_a_row_and_each_row_an_alert() -> None:
    assert ROWS.keys() == ALERTS.keys()
    assert [name for name, row in ROWS.items() if not row.quiet] == []


def test_prometheus_takes_the_rules(promtool: Path) -> None:
    run(str(promtool), "check", "rules", *map(str, RULES))


@pytest.mark.parametrize("name", ROWS)
def test_an_alert_goes_off_when_it_should_and_says_why(name: str, promtool: Path, tmp_path: Path) -> None:
    done = tried(promtool, tmp_path, name, ROWS[name])
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_wrong_expectation_is_found(promtool: Path, tmp_path: Path) -> None:
    """Else nothing above would mean anything."""
    row = ROWS["HedgerowNotReady"]
    done = tried(promtool, tmp_path, "HedgerowNotReady", Row(row.quiet[0], row.after, row.says, row.labels))
    assert done.returncode != 0
    assert "FAILED" in done.stdout + done.stderr
