"""The alerts of deploy/prometheus: what they ask for is there, and each has a page that says what to do."""

import re
from functools import cache
from typing import Any

import pytest
import yaml
from hedgerow.errors.v1.error_reason_pb2 import ErrorReason
from hedgerow_client.cli.verbs import build
from stack import ROOT
from telemetry.queries import PROCESS, TARGET, asked, labels_of
from typer.main import get_command

RULES = ROOT / "deploy" / "prometheus"
RUNBOOKS = ROOT / "docs" / "runbooks"
GROUPS: list[Any] = [
    group
    for file in sorted(RULES.glob("*.yaml"))
    for group in yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]
]
ALERTS: dict[str, Any] = {rule["alert"]: rule for group in GROUPS for rule in group["rules"] if "alert" in rule}
RECORDED: dict[str, Any] = {rule["record"]: rule for group in GROUPS for rule in group["rules"] if "record" in rule}
PAGES = {file.stem: file.read_text(encoding="utf-8") for file in RUNBOOKS.glob("*.md") if file.stem != "README"}
SECTIONS = ["First looks", "Causes", "What to do"]
_DURATION = re.compile(r"^[0-9]+[smhd]$")
_CODE = re.compile(r"`([^`]+)`")
_REASON = re.compile(r"\b(?:PROVIDER|STREAM|UPSTREAM|BUDGET|COST|PRICE|LEDGER|GUARDRAIL|SWITCHED|NO|FIRST)_[A-Z_]+\b")


def labels_in(name: str) -> set[str] | None:
    """The labels of a metric, or of what a recording rule makes."""
    if name in RECORDED:
        return set().union(*(labels for labels, _ in asked(RECORDED[name]["expr"]).grouped)) | {"le"}
    return TARGET if PROCESS.match(name) or name == "up" else labels_of(name)


@pytest.mark.parametrize("rule", [*ALERTS.values(), *RECORDED.values()], ids=[*ALERTS, *RECORDED])
def test_a_rule_asks_for_metrics_and_labels_that_there_are(rule: Any) -> None:
    found = asked(rule["expr"])
    assert found.names
    for name in found.names:
        assert labels_in(name) is not None, f"{name}: no such metric"
    for name, label in found.labels:
        assert label in (labels_in(name) or ()), f"{name} has no label {label}"
    for labels, names in found.grouped:
        known = set().union(*(labels_in(name) or () for name in names))
        assert labels <= known, f"{sorted(labels - known)}: none of {sorted(names)} has them"


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_what_it_is_how_bad_and_where_to_read_on(name: str) -> None:
    rule = ALERTS[name]
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert _DURATION.match(rule.get("for", "0s"))
    assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
    assert rule["annotations"]["runbook_url"] == f"docs/runbooks/{name}.md"


@pytest.mark.parametrize("name", ALERTS)
def test_the_words_of_an_alert_name_only_labels_that_it_has(name: str) -> None:
    """Prometheus puts nothing in the place of a label that is not there."""
    rule = ALERTS[name]
    found = asked(rule["expr"])
    used = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
    grouped = [labels for labels, _ in found.grouped]
    known = set().union(*grouped) if grouped else set().union(*(labels_in(one) or () for one in found.names))
    # What comes of a recording rule, beside what is grouped, keeps its labels.
    known |= set().union(*(labels_in(one) or () for one in found.names if one in RECORDED), set())
    assert used <= known


def test_names_of_rules_are_there_once() -> None:
    names = [rule.get("alert") or rule["record"] for group in GROUPS for rule in group["rules"]]
    assert len(set(names)) == len(names)
    assert len({group["name"] for group in GROUPS}) == len(GROUPS)


def test_each_alert_has_its_page_and_each_page_its_alert() -> None:
    index = (RUNBOOKS / "README.md").read_text(encoding="utf-8")
    assert set(PAGES) == set(ALERTS)
    for name, rule in ALERTS.items():
        assert f"| [{name}]({name}.md) | {rule['labels']['severity']} |" in index


@pytest.mark.parametrize("name", PAGES)
def test_a_page_says_what_it_means_where_to_look_and_what_to_do(name: str) -> None:
    title, *rest = PAGES[name].splitlines()
    assert title == f"# {name}"
    assert [line.removeprefix("## ") for line in rest if line.startswith("## ")] == SECTIONS


@pytest.mark.parametrize("name", PAGES)
def test_what_a_page_tells_to_type_is_there(name: str) -> None:
    """Verbs and options of the command line, metrics in queries, reasons of errors."""
    command = _command()
    for code in map(_whole, _CODE.findall(PAGES[name])):
        if code.startswith("hedgerow "):
            _check_verb(command, code.partition(" | ")[0].split()[1:])
        elif re.search(r"\b(hedgerow|process)_\w+", code) and "=" not in code.split("{")[0]:
            for metric in asked(code).names:
                assert labels_in(metric) is not None or labels_in(f"{metric}_bucket") is not None, metric
    for reason in _REASON.findall(PAGES[name]):
        assert f"ERROR_REASON_{reason}" in set(ErrorReason.keys()), reason


@cache
def _command() -> Any:
    return get_command(build())


def _whole(code: str) -> str:
    return " ".join(code.split())


def _check_verb(command: Any, words: list[str]) -> None:
    verb = command.commands.get(words[0])
    assert verb is not None, words
    group = getattr(verb, "commands", {})
    if len(words) > 1 and words[1] in group:
        verb = group[words[1]]
    if verb.context_settings.get("ignore_unknown_options"):
        return
    known = {option for parameter in verb.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known, words
