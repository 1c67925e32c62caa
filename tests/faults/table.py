"""`scripts/test faults`: the table of the fault catalogue, row by row and mode by mode, and its closing line."""

import shutil
from collections.abc import Generator, Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest
from faults.registry import Case, Seen
from rich.console import Console
from rich.table import Table

_MOST_STORIES = 3
_WIDTH = 200


@dataclass(slots=True)
class _Line:
    case: Case
    seen: list[Seen] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    passed: bool | None = None


class FaultTable:
    """Notes what came of each case, and prints the table at the end."""

    def __init__(self, cases: Iterable[Case]) -> None:
        self._lines = {case.name: _Line(case) for case in cases}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Takes what a case has seen."""
        report = yield
        callspec = getattr(item, "callspec", None)
        case = callspec.params.get("case") if callspec is not None else None
        if isinstance(case, Case) and (report.when == "call" or report.failed):
            line = self._lines[case.name]
            told: dict[str, Any] = dict(item.user_properties)
            line.seen, line.wrong = [Seen(**one) for one in told.get("seen", [])], told.get("wrong", [])
            if report.failed and not line.wrong:
                line.wrong = [str(report.longrepr).strip().splitlines()[-1]]
            line.passed = report.passed and line.passed is not False
        return report

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Prints the table, what was wrong, and the closing line."""
        table = Table(title="Fault catalogue", header_style="bold", show_lines=False)
        for name in ("row", "fault", "mode"):
            table.add_column(name, no_wrap=True)
        for name in ("status", "attempts"):
            table.add_column(name, overflow="fold")
        for name in ("trials", "billed by the book", "by our records"):
            table.add_column(name, justify="right")
        table.add_column("verdict")
        for line in self._lines.values():
            table.add_row(*_cells(line))
        Console(width=max(_WIDTH, shutil.get_terminal_size().columns), force_terminal=False).print(table)
        write = terminalreporter.write_line
        write("Attempts: the candidate's letter, behind it !REASON failed, - lost a race, ? cancelled, % replaced,")
        write("~ usage estimated (what came through, four bytes a token); + before it: hedged. Billed: tokens in/out.")
        notes = [(line, seen.note) for line in self._lines.values() for seen in line.seen if seen.note]
        for line, note in notes:
            write(f"{line.case.name}: {note}")
        for line in self._lines.values():
            for wrong in line.wrong:
                write(f"failed: {line.case.name}: {wrong.splitlines()[0] if wrong else 'no reason given'}")
        passed = sum(line.passed is True for line in self._lines.values())
        write(f"faults: {passed} of {len(self._lines)}")

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """A case that did not run is not passed."""
        if any(line.passed is not True for line in self._lines.values()):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _cells(line: _Line) -> list[str]:
    case, seen = line.case, line.seen
    booked = [sum(one.booked[index] for one in seen) for index in (0, 1)]
    recorded = [sum(one.recorded[index] for one in seen) for index in (0, 1)]
    estimated = any(one.estimated for one in seen)
    verdict = "not run" if line.passed is None else "pass" if line.passed else "FAIL"
    return [
        case.row,
        case.fault,
        case.mode.value,
        _stories(one.status for one in seen),
        _stories(one.attempts for one in seen),
        str(len(case.trials)),
        f"{booked[0]}/{booked[1]}",
        ("~" if estimated else "") + f"{recorded[0]}/{recorded[1]}",
        verdict,
    ]


def _stories(told: Iterable[str]) -> str:
    found = list(dict.fromkeys(one for one in told if one))
    more = f" (+{len(found) - _MOST_STORIES})" if len(found) > _MOST_STORIES else ""
    return " · ".join(found[:_MOST_STORIES]) + more


def pytest_configure(config: pytest.Config) -> None:
    """Loaded with -p by scripts/test faults only."""
    # Not before: the rows' assertions are to be rewritten when they are imported.
    from faults.registry import every_case

    config.pluginmanager.register(FaultTable(every_case()), "fault-table")
