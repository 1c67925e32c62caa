"""`python -m hedgerow_server check` and `schema`, as a deployment runs them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[4]
EXAMPLE = ROOT / "config.example.yaml"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command's end. It gets no variable that could hold a secret."""
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_KEY")}
    return subprocess.run(
        [sys.executable, "-m", "hedgerow_server", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=environment,
    )


@pytest.fixture(scope="module", name="schema")
def schema_fixture() -> dict[str, object]:
    """What `schema` prints."""
    done = run("schema")
    assert (done.returncode, done.stderr) == (0, "")
    return dict(json.loads(done.stdout))


def test_check_says_that_a_good_file_is_fine_without_its_secrets() -> None:
    done = run("check", str(EXAMPLE))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{EXAMPLE}: fine: 1 providers, 3 routes\n"


def test_check_prints_each_fault_and_fails(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text("providers: {}\nroutes: 7\n")
    done = run("check", str(path))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [
        f"{path}:1: providers: expected 1 or more entries, not 0",
        f"{path}:2: routes: expected a mapping, not 7",
    ]


@pytest.mark.parametrize("command", ["check", "serve"])
def test_a_file_of_the_catalogue_that_cannot_be_used_is_a_fault(tmp_path: Path, command: str) -> None:
    path, catalogue = tmp_path / "config.yaml", tmp_path / "models.yaml"
    catalogue.write_text("family: openai\nmodels:\n  gpt-4o: {contxt: 1}\n")
    config = yaml.safe_load(EXAMPLE.read_text()) | {"catalogue": {"files": [str(catalogue)]}}
    path.write_text(yaml.safe_dump(config))
    done = run(command, str(path))
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.endswith(f"{catalogue}:3: models.gpt-4o.contxt: unknown key")


def test_serve_prints_the_same_faults_and_does_not_start(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text("providers: {}\nroutes: 7\n")
    done = run("serve", str(path))
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"{path}:1: providers: expected 1 or more entries, not 0",
        f"{path}:2: routes: expected a mapping, not 7",
    ]


def test_no_command_is_a_wrong_use() -> None:
    done = run()
    assert done.returncode == 2
    assert "usage:" in done.stderr


def test_the_schema_accepts_the_example(schema: dict[str, object]) -> None:
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(yaml.safe_load(EXAMPLE.read_text()), schema)


@pytest.mark.parametrize(
    "change",
    [
        {"servre": {}},
        {"server": {"grpc": {"listen": "nowhere"}}},
        {"server": {"drain_seconds": 0}},
        {"credentials": {"x": {"source": "nowhere"}}},
        {"credentials": {"x": {"source": "env", "value": "sk"}}},
        {"providers": {}},
        {"providers": {"Bad Name": {"dialect": "openai"}}},
        {"routes": {"fast": {"kind": "chat", "candidates": []}}},
        {"identity": {"tenant": ""}},
    ],
)
def test_the_schema_refuses_what_check_refuses(schema: dict[str, object], change: dict[str, object]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load(EXAMPLE.read_text()) | change, schema)


def test_the_schema_explains_every_key(schema: dict[str, object]) -> None:
    definitions = schema["$defs"]
    assert isinstance(definitions, dict)
    silent = [
        f"{name}.{key}"
        for name, definition in definitions.items()
        for key, value in definition.get("properties", {}).items()  # an enum has none
        if not value.get("description")
        and not definitions.get(value.get("$ref", "").rpartition("/")[2], {}).get("description")
    ]
    assert silent == []
