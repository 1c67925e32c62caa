"""The Go client: its own tests, and its use from a module elsewhere against a router in a process of its own."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from stack import Stack

pytestmark = [pytest.mark.polyglot, pytest.mark.timeout(600)]

ROOT = Path(__file__).resolve().parents[2]
CLIENT = ROOT / "gen" / "go"
OUTSIDE = Path(__file__).resolve().parent / "go"
REPLAY = "^TestARecordedStream"


def go(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the go command, or skips the test where it is missing or too old for the module in the folder."""
    command = shutil.which("go")
    if command is None:
        pytest.skip("the Go tests need the command go: install Go 1.26 or newer")
    done = run([command, *arguments], folder)
    if done.returncode != 0 and re.search(r"requires go >= \S+ \(running go", done.stderr):
        pytest.skip(f"the Go tests need a newer Go: {done.stderr.strip()}")
    return done


def run(command: list[str], folder: Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=folder, env={**os.environ, **(env or {})}, capture_output=True, text=True, check=False, timeout=540
    )


def must_succeed(done: subprocess.CompletedProcess[str]) -> str:
    """The output of a command that must have succeeded; it is shown where that did not."""
    if done.returncode != 0:
        pytest.fail(f"{' '.join(done.args)}: exit code {done.returncode}\n{done.stdout}\n{done.stderr}", pytrace=False)
    return done.stdout


def environment(stack: Stack) -> dict[str, str]:
    """The stack's addresses as the Go tests look for them."""
    recordings = str(stack.recordings) if stack.recordings else ""
    return {
        "HEDGEROW_TEST_TARGET": stack.target,
        "HEDGEROW_TEST_ADMIN": stack.admin_target,
        "HEDGEROW_TEST_SIM": stack.sim_url,
        "HEDGEROW_TEST_RECORDINGS": recordings,
    }


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The outside module in a folder outside the tree, with its test program built against the client by its path."""
    folder = tmp_path_factory.mktemp("elsewhere") / "service"
    shutil.copytree(OUTSIDE, folder)
    must_succeed(go(folder, "mod", "edit", f"-replace=hedgerow.internal/gen/go={CLIENT}"))
    must_succeed(go(folder, "vet", "./..."))
    must_succeed(go(folder, "test", "-c", "-o", "service.test", "."))
    return folder


def run_outside(folder: Path, stack: Stack, *arguments: str) -> str:
    """Runs tests of the outside module once and in random order. A skipped one is a failure: everything is there."""
    command = [str(folder / "service.test"), "-test.v", "-test.shuffle=on", "-test.timeout=8m", *arguments]
    output = must_succeed(run(command, folder, environment(stack)))
    assert "--- SKIP" not in output, output
    assert "--- PASS" in output, output
    return output


def test_the_client_is_formatted_as_gofmt_does() -> None:
    """Other than the generated files, which their generator formats."""
    gofmt = Path(must_succeed(go(CLIENT, "env", "GOROOT")).strip()) / "bin" / "gofmt"
    assert must_succeed(run([str(gofmt), "-l", "client", "examples", str(OUTSIDE)], CLIENT)) == ""


def test_the_client_passes_go_vet_and_its_own_tests() -> None:
    must_succeed(go(CLIENT, "mod", "verify"))
    must_succeed(go(CLIENT, "vet", "./..."))
    must_succeed(go(CLIENT, "test", "-count=1", "-shuffle=on", "./..."))


def test_a_module_elsewhere_uses_the_router(elsewhere: Path, stack: Stack) -> None:
    """Unary, stream, embed, cancel, deadline, error details, health, trailers, traces."""
    run_outside(elsewhere, stack, f"-test.skip={REPLAY}")


def test_a_module_elsewhere_streams_recorded_traffic_as_recorded(elsewhere: Path, stack: Stack) -> None:
    """The text, the tool calls and the usage of every recorded chat stream of OpenAI."""
    if stack.recordings is None:
        pytest.skip("the recordings of real traffic are not here")
    run_outside(elsewhere, stack, f"-test.run={REPLAY}")


def test_the_example_streams_an_answer_and_tells_its_model_and_usage(stack: Stack) -> None:
    done = go(CLIENT, "run", "./examples/chat", "-target", stack.target, "-model", "fast", "Where is Bouvet Island?")
    assert must_succeed(done).strip()
    assert re.search(r"\d+ tokens in, [1-9]\d* out · first token \S+, all \S+ · request \S+", done.stderr), done.stderr


def test_the_example_explains_a_failure_and_exits_with_1(stack: Stack) -> None:
    done = go(CLIENT, "run", "./examples/chat", "-target", stack.target, "-model", "fsat", "Where is Bouvet Island?")
    assert done.returncode == 1
    assert done.stdout == ""
    assert "ERROR_REASON_MODEL_NOT_FOUND" in done.stderr
