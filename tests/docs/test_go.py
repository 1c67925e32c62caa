"""The Go of the documentation: compiled in one go, and run against what scripts/serve starts."""

import subprocess
from pathlib import Path

import pytest
from docs.demo import Demo, grpcurl_folder
from docs.languages import go_program
from stack import ROOT

pytestmark = [
    pytest.mark.polyglot,
    pytest.mark.timeout(600),
    pytest.mark.skipif(grpcurl_folder() == "", reason="the Go of the documentation: install Go 1.24 or newer"),
]


def go(folder: Path, *command: str) -> str:
    """What a command prints; fails with all of it where the command does."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=500)
    if done.returncode != 0:
        pytest.fail(f"{' '.join(command)}:\n{done.stdout}{done.stderr}", pytrace=False)
    return done.stdout


def test_every_go_snippet_compiles_and_those_of_docs_run(tmp_path: Path, demo: Demo) -> None:
    program = go_program()
    for name, text in program.files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    client = ROOT / "gen" / "go"
    (tmp_path / "go.mod").write_text(
        (client / "go.mod").read_text().replace("hedgerow.internal/gen/go", "example.com/docs")
    )
    (tmp_path / "go.sum").write_text((client / "go.sum").read_text())
    go(tmp_path, "go", "mod", "edit", "-require=hedgerow.internal/gen/go@v0.0.0")
    go(tmp_path, "go", "mod", "edit", f"-replace=hedgerow.internal/gen/go={client}")
    go(tmp_path, "go", "build", "-mod=mod", "-o", "docs", ".")
    printed = go(tmp_path, "./docs", demo.addresses["127.0.0.1:50051"])
    assert [place for place in program.runs if f"== {place}\n" not in printed] == []
