"""Whole configurations of other gateways, through the command: what is written passes the router's own check."""

from pathlib import Path

import pytest
import yaml
from hedgerow_client.cli.importing import EXIT_NOT_ALL_MAPPED
from hedgerow_client.cli.verbs import build
from hedgerow_server.command import _checked
from typer.testing import CliRunner, Result

HERE = Path(__file__).parent
FILES = [*sorted(HERE.glob("litellm/*.yaml")), *sorted(HERE.glob("portkey/*.json"))]
CANARY = "canary"


def imported(file: Path, out: Path, *options: str) -> Result:
    """Runs the command; the folder of the file names the gateway."""
    return CliRunner().invoke(build(), ["import", file.parent.name, str(file), "-o", str(out), *options])


@pytest.mark.parametrize("file", FILES, ids=[f"{file.parent.name}-{file.stem}" for file in FILES])
def test_what_is_written_passes_the_check_and_holds_no_secret(file: Path, tmp_path: Path) -> None:
    out = tmp_path / "hedgerow.yaml"
    done = imported(file, out)
    assert done.exit_code == 0, done.stderr
    assert _checked(out).routes
    written = out.read_text()
    assert CANARY not in written
    assert CANARY not in done.stderr
    assert "&id" not in written
    # What is said on stderr stands in the file too.
    said = [line.partition(": ")[2] for line in done.stderr.splitlines() if ": " in line]
    flat = " ".join(line.removeprefix("#").strip() for line in written.splitlines() if line.startswith("#"))
    assert said
    assert [line for line in said if " ".join(line.split()) not in flat] == []


def test_strict_exits_with_its_own_code_and_writes_all_the_same(tmp_path: Path) -> None:
    out = tmp_path / "hedgerow.yaml"
    assert imported(HERE / "litellm" / "everything.yaml", out, "--strict").exit_code == EXIT_NOT_ALL_MAPPED
    assert yaml.safe_load(out.read_text())["routes"]


def test_strict_exits_with_0_where_everything_maps(tmp_path: Path) -> None:
    folder = tmp_path / "litellm"
    folder.mkdir()
    (folder / "all.yaml").write_text(
        "model_list:\n- {model_name: a, litellm_params: {model: openai/gpt-4o, api_key: os.environ/KEY}}\n"
    )
    done = imported(folder / "all.yaml", tmp_path / "out.yaml", "--strict")
    assert (done.exit_code, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("model_list: [", "line 1: neither YAML nor JSON"),
        ("[]", "expected a mapping with `model_list`"),
        ("model_list: []", "nothing of it could be imported"),
        ("model_list: 3", "nothing of it could be imported"),
    ],
)
def test_a_file_that_is_none_fails_with_a_line(text: str, words: str, tmp_path: Path) -> None:
    folder = tmp_path / "litellm"
    folder.mkdir()
    (folder / "bad.yaml").write_text(text)
    done = imported(folder / "bad.yaml", tmp_path / "out.yaml")
    assert done.exit_code == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr
