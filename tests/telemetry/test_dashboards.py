"""The dashboards of deploy/grafana: what they ask for is there, and people can read them."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hedgerow_server.telemetry.metrics import Metrics, pieces
from prometheus_client.parser import text_string_to_metric_families
from stack import ROOT
from telemetry.pages import documented
from telemetry.queries import PROCESS, TARGET, asked, labels_of

FILES = sorted((ROOT / "deploy" / "grafana").glob("*.json"))
BOARDS: dict[str, Any] = {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in FILES}
COLUMNS = 24


def panels() -> Iterator[Any]:
    """Every panel but the headings of rows, with its name."""
    for name, board in BOARDS.items():
        for panel in board["panels"]:
            if panel["type"] != "row":
                yield pytest.param(panel, id=f"{name}: {panel['title']}")


def queries() -> list[str]:
    """Every query of every panel."""
    return [target["expr"] for board in BOARDS.values() for one in board["panels"] for target in one.get("targets", ())]


def test_there_is_a_dashboard_for_each_question() -> None:
    assert set(BOARDS) == {"overview", "providers", "money", "guardrails", "internals"}
    uids = [board["uid"] for board in BOARDS.values()]
    assert sorted(uids) == sorted({f"hedgerow-{name}" for name in BOARDS})


@pytest.mark.parametrize("panel", list(panels()))
def test_a_panel_says_what_it_shows_in_which_unit_and_asks_for_what_there_is(panel: Any) -> None:
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    assert panel["targets"]
    for target in panel["targets"]:
        found = asked(target["expr"])
        for name in found.names:
            assert PROCESS.match(name) or labels_of(name) is not None, f"{name}: no such metric"
        for name, label in found.labels:
            assert label in (labels_of(name) or TARGET), f"{name} has no label {label}"
        for labels, names in found.grouped:
            known = set().union(*(labels_of(name) or {*TARGET, *labels} for name in names))
            assert labels <= known, f"{sorted(labels - known)}: none of {sorted(names)} has them"


@pytest.mark.parametrize("name", BOARDS)
def test_a_dashboard_asks_one_data_source_and_only_for_variables_that_it_has(name: str) -> None:
    board = BOARDS[name]
    variables = {one["name"]: one for one in board["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource"
    text = json.dumps(board["panels"])
    used = {one for one in ("instance", "route", "provider", "tenant") if f"${one}" in text}
    assert used == set(variables) - {"datasource"}
    for one in variables.values():
        if one["type"] == "query":
            metric, label = one["query"]["query"].removeprefix("label_values(").removesuffix(")").split(", ")
            assert label in (labels_of(metric) or ())


@pytest.mark.parametrize("name", BOARDS)
def test_no_two_panels_of_a_dashboard_lie_on_each_other(name: str) -> None:
    taken: set[tuple[int, int]] = set()
    ids = [panel["id"] for panel in BOARDS[name]["panels"]]
    assert len(set(ids)) == len(ids)
    for panel in BOARDS[name]["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert max(x for x, _ in cells) < COLUMNS
        assert not cells & taken, panel["title"]
        taken |= cells


def test_every_metric_of_the_gateway_is_on_a_dashboard() -> None:
    """Or among those that are for questions of detail."""
    detail = {
        "gen_ai_client_token_usage",
        "hedgerow_cache_entries",
        "hedgerow_semantic_checks_total",
        "hedgerow_semantic_alarms_total",
        "hedgerow_semantic_partitions",
        "hedgerow_semantic_told_apart_total",
        "hedgerow_shared_limits_up",
    }
    shown = set().union(*(asked(query).names for query in queries()))
    shown |= {name.removesuffix(part) for name in shown for part in ("_bucket", "_count", "_sum")}
    assert {name for name in documented() if not PROCESS.match(name)} - shown <= detail


def test_numbers_of_the_process_are_those_that_a_router_tells() -> None:
    page = "".join(text for text, _ in pieces(Metrics(process=True).metrics()))
    there = {sample.name for family in text_string_to_metric_families(page) for sample in family.samples}
    wanted = {name for query in queries() for name in asked(query).names if PROCESS.match(name)}
    assert wanted
    assert wanted <= there
