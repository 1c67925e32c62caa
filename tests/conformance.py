"""`scripts/test conformance [DIR]`: which recordings of provider traffic pass, as a table of provider and kind.

A recording passes when every test of tests/providers that reads its answer passes; those tests compare with values
that they work out of the recording themselves. The tests that build its request again, for which they translate the
recorded body into our contract, are counted apart. A recording that no test takes is of a dialect that the gateway does
not speak; it is listed with its dialect and not counted.
"""

import json
import os
from collections.abc import Generator, Iterable
from pathlib import Path

import pytest

COLUMNS = ("chat", "stream", "embed", "error", "tools", "reasoning")
_OF_REQUESTS = ("built_again", "appended_to_the_conversation", "address")
_KINDS = {"chat_stream": "stream"}


class Conformance:
    """Notes which tests of a recording passed, and prints the table at the end."""

    def __init__(self, folder: Path) -> None:
        self._records = {str(record["id"]): record for record in _records(folder)}
        self._passed: dict[str, bool] = {}
        self._built: dict[str, bool] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Counts a recording's test when it has run."""
        report = yield
        name = _recording_of(item)
        if name in self._records and (report.when == "call" or report.failed):
            found = self._built if any(words in item.name for words in _OF_REQUESTS) else self._passed
            found[name] = found.get(name, True) and not report.failed
        return report

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Prints the table, what was not counted, and the closing line."""
        write = terminalreporter.write_line
        providers = sorted({str(self._records[name]["provider"]) for name in self._passed})
        write("")
        write(f"{'provider':<16}" + "".join(f"{column:>12}" for column in COLUMNS))
        for provider in providers:
            write(f"{provider:<16}" + "".join(f"{self._cell(provider, column):>12}" for column in COLUMNS))
        write(f"{'all':<16}" + "".join(f"{self._cell(None, column):>12}" for column in COLUMNS))
        write("")
        for dialect, names in self._uncounted().items():
            write(f"not counted, {dialect}: {' '.join(sorted(names))}")
        for name in sorted(name for name, passed in self._passed.items() if not passed):
            write(f"failed: {name}")
        for name in sorted(name for name, built in self._built.items() if not built):
            write(f"request not built again: {name}")
        write(f"requests: {sum(self._built.values())} of {len(self._built)}")
        write(f"conformance: {sum(self._passed.values())} of {len(self._passed)}")

    def _cell(self, provider: str | None, column: str) -> str:
        found = [
            passed
            for name, passed in self._passed.items()
            if provider in (None, self._records[name]["provider"]) and column in _columns(self._records[name])
        ]
        return f"{sum(found)}/{len(found)}" if found else "-"

    def _uncounted(self) -> dict[str, list[str]]:
        left: dict[str, list[str]] = {}
        for name, record in self._records.items():
            if name not in self._passed:
                left.setdefault(str(record["api"]), []).append(name)
        return left


def _records(folder: Path) -> Iterable[dict[str, object]]:
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            yield json.loads(line)


def _recording_of(item: pytest.Item) -> str:
    parameters = getattr(item, "callspec", None)
    recorded = parameters.params.get("recorded") if parameters is not None else None
    return str(recorded["id"]) if isinstance(recorded, dict) else ""


def _columns(record: dict[str, object]) -> set[str]:
    features = record.get("features")
    columns = {_KINDS.get(str(record["kind"]), str(record["kind"]))}
    if isinstance(features, list):
        columns |= {"tools"} if "tool_call" in features else set()
        columns |= {"reasoning"} if "reasoning" in features else set()
    return columns


def pytest_configure(config: pytest.Config) -> None:
    """Loaded with -p by scripts/test conformance only."""
    folder = Path(os.environ["HEDGEROW_RECORDINGS"])
    config.pluginmanager.register(Conformance(folder), "conformance-table")
