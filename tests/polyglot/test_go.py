"""The Go client: its own tests, and its use from a module elsewhere against a router in a process of its own.

Two columns of the matrix of versions in gen/go/README.md are run here: what gen/go/go.mod requires, which is the oldest
that works, and the newest of tests/polyglot/go/go.mod. With --long also the oldest Go, and the race detector.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from polyglot.test_grpcurl import ask, grpcurl
from stack import Stack

pytestmark = [pytest.mark.polyglot, pytest.mark.timeout(600)]

ROOT = Path(__file__).resolve().parents[2]
CLIENT = ROOT / "gen" / "go"
OUTSIDE = Path(__file__).resolve().parent / "go"
REPLAY = "^TestARecordedStream"
OF_GRPCURL = "^TestARecordingOfGrpcurl"
WRITTEN = ("client", "examples", "hedgerowtest")
"""The folders that people write; the other one is generated."""
TESTED = [f"hedgerow.internal/gen/go/{name}" for name in ("client/...", "hedgerowtest")]
VERSIONS = re.compile(r"^\| (oldest|newest) \| (\S+) \| (\S+) \| (\S+) \|$", re.MULTILINE)

__all__ = ["grpcurl"]  # a fixture


def go(folder: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Runs the go command, or skips the test where it is missing or too old for the module in the folder."""
    command = shutil.which("go")
    if command is None:
        pytest.skip("the Go tests need the command go: install Go 1.26 or newer")
    done = run([command, *arguments], folder, env)
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


def run_outside(folder: Path, stack: Stack, *arguments: str, **more: str) -> str:
    """Runs tests of the outside module once and in random order. A skipped one is a failure: everything is there."""
    command = [str(folder / "service.test"), "-test.v", "-test.shuffle=on", "-test.timeout=8m", *arguments]
    output = must_succeed(run(command, folder, environment(stack) | more))
    assert "--- SKIP" not in output, output
    assert "--- PASS" in output, output
    return output


def test_the_client_is_formatted_as_gofmt_does() -> None:
    """Other than the generated files, which their generator formats."""
    gofmt = Path(must_succeed(go(CLIENT, "env", "GOROOT")).strip()) / "bin" / "gofmt"
    assert must_succeed(run([str(gofmt), "-l", *WRITTEN, str(OUTSIDE)], CLIENT)) == ""


def test_the_client_passes_go_vet_and_its_own_tests(request: pytest.FixtureRequest) -> None:
    """With the versions of its go.mod. With --long also with the oldest Go, which is fetched, and for data races."""
    must_succeed(go(CLIENT, "mod", "verify"))
    must_succeed(go(CLIENT, "vet", "./..."))
    must_succeed(go(CLIENT, "test", "-count=1", "-shuffle=on", "./..."))
    if not request.config.getoption("--long"):
        return
    oldest = f"go{versions(CLIENT)[0]}.0"
    assert oldest in must_succeed(go(CLIENT, "version", GOTOOLCHAIN=oldest))
    must_succeed(go(CLIENT, "vet", "./...", GOTOOLCHAIN=oldest))
    must_succeed(go(CLIENT, "test", "-count=1", "./...", GOTOOLCHAIN=oldest))
    if must_succeed(go(CLIENT, "env", "CGO_ENABLED")).strip() == "1" and shutil.which("gcc"):
        must_succeed(go(CLIENT, "test", "-race", "-count=1", "./..."))


def test_its_own_tests_pass_with_the_newest_versions_too(elsewhere: Path) -> None:
    """In the build of the module elsewhere, whose versions of gRPC and protobuf are newer."""
    must_succeed(go(elsewhere, "test", "-count=1", "-shuffle=on", *TESTED))


def test_the_readme_tells_the_versions_that_are_tested() -> None:
    told = {row[0]: list(row[1:]) for row in VERSIONS.findall((CLIENT / "README.md").read_text())}
    assert told == {"oldest": versions(CLIENT), "newest": versions(OUTSIDE)}


def versions(folder: Path) -> list[str]:
    """Go, gRPC and protobuf of a go.mod, as the README writes them."""
    mod = (folder / "go.mod").read_text()
    names = (
        r"^go (\S+?)(?:\.0)?$",
        r"google\.golang\.org/grpc v(\S+?)(?:\.0)?$",
        r"google\.golang\.org/protobuf v(\S+)$",
    )
    return [found[1] for name in names if (found := re.search(name, mod, re.MULTILINE))]


def test_who_imports_only_the_client_builds_no_test_server() -> None:
    """And no third module but gRPC, protobuf and what they need."""
    listed = must_succeed(go(CLIENT, "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", "./client"))
    known = re.compile(r"google\.golang\.org/(grpc|protobuf|genproto)\b|golang\.org/x/(net|sys|text)\b")
    others = {name for name in listed.split() if not known.match(name)}
    own = "hedgerow.internal/gen/go/"
    assert {name for name in others if not re.match(rf"{own}(client|hedgerow/)", name)} == set()


def test_a_module_elsewhere_uses_the_router(elsewhere: Path, stack: Stack) -> None:
    """Unary, stream, structs, tools, embed, cancel, deadline, error details, health, trailers, traces; and the fake."""
    run_outside(elsewhere, stack, f"-test.skip={REPLAY}|{OF_GRPCURL}")


def test_the_fake_plays_what_grpcurl_prints(elsewhere: Path, stack: Stack, grpcurl: Path, tmp_path: Path) -> None:
    rpc = "hedgerow.chat.v1.ChatService/StreamComplete"
    question = ask("fast").replace('"hi"', '"Where is Bouvet Island?"')
    printed = must_succeed(run([str(grpcurl), "-plaintext", "-d", question, stack.target, rpc], tmp_path))
    recording = tmp_path / "island.json"
    recording.write_text(printed)
    run_outside(elsewhere, stack, f"-test.run={OF_GRPCURL}", HEDGEROW_TEST_GRPCURL=str(recording))


def test_a_module_elsewhere_streams_recorded_traffic_as_recorded(elsewhere: Path, stack: Stack) -> None:
    """The text, the tool calls and the usage of every recorded chat stream of OpenAI."""
    if stack.recordings is None:
        pytest.skip("the recordings of real traffic are not here")
    run_outside(elsewhere, stack, f"-test.run={REPLAY}")


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example programs in a folder."""
    folder = tmp_path_factory.mktemp("examples")
    must_succeed(go(CLIENT, "build", "-o", f"{folder}/", "./examples/..."))
    return folder


def example(folder: Path, name: str, stack: Stack, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run([str(folder / name), "-target", stack.target, *arguments], folder)


def test_the_example_streams_an_answer_and_tells_its_model_and_usage(examples: Path, stack: Stack) -> None:
    done = example(examples, "chat", stack, "-model", "fast", "Where is Bouvet Island?")
    assert must_succeed(done).strip()
    assert re.search(r"\d+ tokens in, [1-9]\d* out · first token \S+, all \S+ · request \S+", done.stderr), done.stderr


def test_the_example_explains_a_failure_and_exits_with_1(examples: Path, stack: Stack) -> None:
    done = example(examples, "chat", stack, "-model", "fsat", "Where is Bouvet Island?")
    assert done.returncode == 1
    assert done.stdout == ""
    assert "ERROR_REASON_MODEL_NOT_FOUND" in done.stderr


def test_the_example_of_a_failure_tells_who_was_tried(examples: Path, stack: Stack) -> None:
    done = example(examples, "retry", stack, "-model", "fault-500", "Where is Bouvet Island?")
    assert done.returncode == 1
    assert "attempt 1 at sim: ERROR_REASON_PROVIDER_UNAVAILABLE 500" in done.stderr


def test_the_example_decodes_an_answer_into_a_struct(examples: Path, stack: Stack) -> None:
    told = must_succeed(example(examples, "decode", stack, "Bouvet Island"))
    assert re.fullmatch(r".+ \(.+\), (arctic|temperate|tropical), at \S+, \S+; \d+ places nearby\n", told), told


def test_the_example_runs_the_tools_that_the_model_calls(examples: Path, stack: Stack) -> None:
    told = must_succeed(example(examples, "tools", stack, "Please call local_time."))
    assert re.match(r"local_time\(-?\d+\) = \d+:\d\d[AP]M\n.", told), told


def test_the_example_ranks_texts(examples: Path, stack: Stack) -> None:
    told = must_succeed(example(examples, "embed", stack, "a hedge", "a hedge", "the sea"))
    assert told.splitlines()[0] == "1.000  a hedge"
    assert told.splitlines()[1].endswith("  the sea")
