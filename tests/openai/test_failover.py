"""What the openai SDK, with its own retries, sees of every shape of Failover Bench: docs/failover-openai.md states it.

`HEDGEROW_WRITE_DOCS=1` writes the table of that page anew.
"""

import json
import os
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from faults.ground import configuration
from faults.registry import Case, Mode, Trial
from faults.rows_bench import CASES
from sdks import environment, scripts
from stack import KEY, ROOT, router, simulator

pytestmark = [pytest.mark.polyglot, pytest.mark.timeout(300)]

SCRIPT = Path(__file__).with_name("sdk_failover.py")
PAGE = ROOT / "docs" / "failover-openai.md"
BEGIN, END = "<!-- Begin: written by tests/openai/test_failover.py. Do not edit. -->\n", "<!-- End -->"
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Saw:
    """A trial, and what the SDK saw of it."""

    case: Case
    trial: Trial
    calls: list[Json]
    """What came of each call; one, but for a sequence."""
    books: list[list[Json]]
    """The simulator's entries of each candidate, oldest first."""

    @property
    def route(self) -> str:
        """The name of its route."""
        return _route(self.case, self.trial)

    @property
    def alone(self) -> bool:
        """Whether there is nobody to fail over to."""
        return len(self.trial.candidates) == 1


def _route(case: Case, trial: Trial) -> str:
    return f"{case.name}-{trial.name}"


def _trials() -> list[tuple[Case, Trial]]:
    """All but those in which the caller allows a stream to begin anew: this API cannot take back what it has sent."""
    return [(case, trial) for case in CASES for trial in case.trials if not trial.name.endswith("-restart")]


def _book(sim_url: str, provider: str) -> list[Json]:
    with urllib.request.urlopen(f"{sim_url}/_sim/book?provider={provider}", timeout=30) as response:
        calls: list[Json] = json.load(response)["calls"]
    return calls


@pytest.fixture(scope="module", name="seen")
def seen_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Saw]]:
    """Every trial, by its route."""
    folder = tmp_path_factory.mktemp("failover")
    with simulator(folder) as sim:
        sim_url = f"http://{sim.addresses['http']}"
        config = configuration(CASES, {"sim": sim_url})
        config["server"]["http"] = {"listen": "127.0.0.1:0"}
        with router(folder, config, HEDGEROW_TEST_BAD_KEY="sk-other-0000") as running:
            calls = [
                {"route": _route(case, trial), "stream": trial.mode is Mode.STREAM, "sequence": case.row == "S15"}
                for case, trial in _trials()
            ]
            given = {
                "OPENAI_BASE_URL": f"http://{running.addresses['http']}/v1",
                "OPENAI_API_KEY": "none",
                "HEDGEROW_SHOWN": json.dumps({"calls": calls}),
            }
            found: Json = scripts.outcomes([environment.python(), str(SCRIPT)], folder, given)
            assert KEY not in json.dumps(found)
            yield {
                _route(case, trial): Saw(
                    case,
                    trial,
                    found[_route(case, trial)],
                    [_book(sim_url, f"{_route(case, trial)}-{'ab'[at]}") for at in range(len(trial.candidates))],
                )
                for case, trial in _trials()
            }


@pytest.mark.parametrize("route", [_route(case, trial) for case, trial in _trials()])
def test_what_looks_whole_is_whole(seen: dict[str, Saw], route: str) -> None:
    """An answer without an exception has all the tokens that its provider sent and its finish reason; one with an
    exception had none before.
    """
    saw = seen[route]
    assert saw.calls
    for one in saw.calls:
        if one["error"] is not None:
            assert one["finish"] is None
            assert one["code"]
            continue
        assert one["finish"] == "stop"
        (entry,) = _answered(saw, one)[-1:]
        assert one["tokens"] == entry["output_tokens"] > 0
        assert entry["outcome"] == "completed", "the provider has sent all that it had to say"
        assert one["text"].startswith("You asked: “Tell me about hedges.”")
        same = {other["text"] for any_saw in seen.values() for other in any_saw.calls if _same(other, one)}
        assert len(same) == 1, "the same model gives the same answer, whatever went wrong before"


def _same(other: Json, one: Json) -> bool:
    """Whether both are whole answers of fallbacks of one model."""
    return other["error"] is None and other["model"] == one["model"] and other["tokens"] == one["tokens"]


def _answered(saw: Saw, one: Json) -> list[Json]:
    """The entries of whom the answer is from, that were answered in full."""
    book = saw.books["ab".index(one["provider"][-1])]
    return [entry for entry in book if entry["status"] == 200]


@pytest.mark.parametrize("route", [_route(case, trial) for case, trial in _trials()])
def test_nobody_is_hammered(seen: dict[str, Saw], route: str) -> None:
    """Gateway and SDK together ask who fails no more than six times a call: three calls of two attempts."""
    saw = seen[route]
    assert len(saw.books[0]) <= 6 * len(saw.calls)
    if saw.case.row in ("S12", "S13"):
        assert len(saw.books[0]) == 1, "what is wrong with a request is wrong again"
    if saw.alone and saw.case.row in ("S04", "S06", "S07"):
        assert len(saw.books[0]) == 2, "the SDK was told not to come back"


def test_the_page_states_what_is_seen(seen: dict[str, Saw]) -> None:
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    table = _table(list(seen.values()))
    if os.environ.get("HEDGEROW_WRITE_DOCS"):
        PAGE.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}", encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == f"{before}{BEGIN}\n{table}\n{END}{after}"


def _table(seen: list[Saw]) -> str:
    rows: dict[tuple[str, str, str], dict[Mode, str]] = {}
    for saw in seen:
        assert saw.trial.mode is not None
        fault, peer = saw.case.fault, "no" if saw.alone else "yes"
        if saw.trial.route.get("larger_context"):
            peer = "with a larger context"
        cells = rows.setdefault((saw.case.row, fault, peer), {})
        assert saw.trial.mode not in cells, saw.route
        cells[saw.trial.mode] = _cell(saw)
    lines = ["| shape | what goes wrong | fallback | `create()` | `create(stream=True)` |", "| --- " * 5 + "|"]
    for (row, fault, peer), cells in rows.items():
        lines.append(f"| {row} | {fault} | {peer} | {cells[Mode.UNARY]} | {cells[Mode.STREAM]} |")
    return "\n".join(lines) + "\n"


def _cell(saw: Saw) -> str:
    cells = dict.fromkeys(_said(one) for one in saw.calls)
    if len(saw.calls) > 1:
        return f"every call: {', or '.join(sorted(cells, reverse=True))}"
    (cell,) = cells
    return cell


def _said(one: Json) -> str:
    if one["error"] is None:
        return f"whole, of the {'primary' if one['provider'].endswith('-a') else 'fallback'}"
    status = f" {one['status']}" if one["status"] else ""
    return f"{'part of it, then ' if one['text'] else ''}`{one['error']}`{status}, `{one['code']}`"
