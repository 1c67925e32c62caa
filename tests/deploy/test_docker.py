"""The Dockerfile. There is no engine here: its instructions are read, and those of the first stage are carried out in a
folder; what they make then runs as the last stage says, as nobody, in a folder that cannot be written.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from deploy.dockerfile import DOCKERFILE, steps, values
from deploy.tools import checker, environment, run
from hedgerow_server.health import ask
from stack import ROOT, router, simulator

from deploy import dockerfile

pytestmark = pytest.mark.timeout(300)
NOBODY = 65534


def test_hadolint_finds_nothing() -> None:
    run(checker("hadolint"), str(DOCKERFILE))


def test_there_is_no_base_image_but_the_one_that_is_given_with_its_digest() -> None:
    """A default would be a tag, and another image tomorrow."""
    assert [step.rest.split()[0] for step in steps() if step.word == "FROM"] == ["${PYTHON_IMAGE}"] * 2
    assert [step.rest for step in steps() if step.word == "ARG" and "PYTHON_IMAGE" in step.rest] == ["PYTHON_IMAGE"]
    assert not [step for step in steps() if step.word == "ADD" or "curl" in step.rest or "wget" in step.rest]


def test_the_image_runs_as_a_user_with_a_number_and_takes_signals_itself() -> None:
    last = {step.word: step.rest for step in steps() if step.stage == "router"}
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", last["USER"])
    assert json.loads(last["ENTRYPOINT"]) == ["python", "-m", "hedgerow_server"], "no shell stands before it"
    assert json.loads(last["CMD"])[0] == "serve"
    assert last["STOPSIGNAL"] == "SIGTERM"
    assert values("LABEL", "router").keys() >= {
        f"org.opencontainers.image.{name}" for name in ("title", "licenses", "version", "revision")
    }


def test_the_extras_of_the_image_are_those_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(values("ARG", "build")["EXTRAS"].split()) == project["optional-dependencies"].keys()


@pytest.fixture(scope="module")
def image() -> Iterator[Path]:
    """What the first stage makes: /opt/hedgerow, with the extras that a router of several machines needs. Not in the
    folder of the tests, which is its owner's alone.
    """
    with tempfile.TemporaryDirectory(prefix="hedgerow-image-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        yield _built(Path(name))


@cache
def interpreter() -> str:
    """A Python that nobody may run, as the base image has one; else the one of the tests."""
    for candidate in ("/usr/local/bin/python3", "/usr/bin/python3", sys.executable):
        if os.getuid() == 0 and Path(candidate).exists() and _new_enough(candidate):
            return candidate
    return sys.executable


def _new_enough(python: str) -> bool:
    command = [python, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"]
    try:
        return subprocess.run(command, user=NOBODY, group=NOBODY, extra_groups=[], check=False).returncode == 0
    except OSError:
        return False


def _built(folder: Path) -> Path:
    source, opt = folder / "src", folder / "opt"
    source.mkdir()
    dockerfile.copy(source, "build")
    programs = environment(ROOT / "deploy" / "docker" / "build-requirements.txt", "image-build")
    places = {"/opt/hedgerow": str(opt), "/usr/local/bin/python3": interpreter(), "/dist": str(folder / "dist")}
    given = {
        # What the machine says of proxies, certificates and caches holds here, too.
        **{name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")},
        **{name: placed(value, places) for name, value in values("ENV", "build").items()},
        "PATH": f"{programs}:/usr/bin:/bin",
        **values("ARG", "build"),
        "EXTRAS": "postgres redis",
        # Not in the image: what another run has fetched is good enough, and quicker.
        "UV_LINK_MODE": "hardlink",
        "UV_COMPILE_BYTECODE": "0",
    }
    del given["UV_NO_CACHE"]
    _, *commands = [placed(step.rest, places) for step in steps() if (step.stage, step.word) == ("build", "RUN")]
    for command in commands:
        run("sh", "-c", command, cwd=source, env=given)
    return opt


def placed(text: str, places: dict[str, str]) -> str:
    """A command with the folders of this test in the places of the image's."""
    for theirs, ours in places.items():
        text = text.replace(theirs, ours)
    return text


def test_the_image_has_what_the_lock_has_and_no_tools_of_the_build(image: Path) -> None:
    script = "import importlib.metadata as m, json; print(json.dumps({d.name: d.version for d in m.distributions()}))"
    installed: dict[str, str] = json.loads(run(str(image / "bin" / "python"), "-c", script))
    lock = (ROOT / "uv.lock").read_text(encoding="utf-8")
    # A name may have several versions there, for one Python or another.
    locked = set(re.findall(r'^name = "([^"]+)"\nversion = "([^"]+)"', lock, flags=re.MULTILINE))
    assert {"hedgerow", "grpcio", "asyncpg", "redis"} <= installed.keys()
    normal = {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in installed.items()}
    assert set(normal.items()) - locked == set()
    assert not normal.keys() & {"pytest", "ruff", "mypy", "hatchling", "uv", "pip"}


def test_the_image_serves_as_nobody_from_a_folder_that_cannot_be_written(image: Path, tmp_path: Path) -> None:
    """With its own health check, and SIGTERM, which the process takes as process 1 would."""
    if os.getuid() != 0 or not _new_enough(interpreter()):
        pytest.skip("run the tests as root, with a Python 3.11 or newer that every user may run (package python3)")
    folder = image.parent
    own = folder / "own"
    own.mkdir()
    os.chown(own, NOBODY, NOBODY)
    with simulator(tmp_path) as running:
        config = folder / "hedgerow.yaml"
        config.write_text(json.dumps(_config(running.addresses["http"], own)), encoding="utf-8")
        python = str(image / "bin" / "python")
        check = next(step for step in steps() if step.word == "HEALTHCHECK").rest.partition("CMD ")[2]
        with (tmp_path / "log").open("wb") as log:
            router = subprocess.Popen(
                [python, "-m", "hedgerow_server", "serve", str(config), "--ports-file", str(own / "ports")],
                cwd="/proc", user=NOBODY, group=NOBODY, extra_groups=[], stdout=log, stderr=log,
                env={**values("ENV", "router"), "PATH": f"{image}/bin:/usr/bin:/bin", "HOME": "/nonexistent"},
            )  # fmt: skip
            try:
                ports = _wait_for(own / "ports", router)
                command = [*json.loads(check), ports["admin_http"]]
                health = subprocess.run([python, *command[1:]], capture_output=True, text=True, check=False, timeout=30)
                assert (health.returncode, health.stdout) == (0, "ready\n")
                router.terminate()
                assert router.wait(30) == 0
            finally:
                router.kill()
                router.wait()
    assert " ERROR " not in (tmp_path / "log").read_text(encoding="utf-8")


def _config(simulator_address: str, folder: Path) -> dict[str, object]:
    door = {"listen": "127.0.0.1:0"}
    return {
        "server": {"grpc": door, "admin_grpc": door, "admin_http": door},
        "store": {"path": str(folder / "hedgerow.db")},
        "providers": {"sim": {"dialect": "openai", "base_url": f"http://{simulator_address}/v1"}},
        "routes": {"fast": {"kind": "chat", "candidates": [{"provider": "sim", "model": "gpt-4o-mini"}]}},
    }


def _wait_for(path: Path, process: subprocess.Popen[bytes]) -> dict[str, str]:
    for _ in range(1200):
        if path.exists():
            found: dict[str, str] = json.loads(path.read_text())
            return found
        assert process.poll() is None, "the router ended: its log says why"
        try:
            process.wait(0.05)
        except subprocess.TimeoutExpired:
            continue
    raise AssertionError("no ports within a minute")


def test_the_health_check_tells_of_a_router_that_is_not_ready(tmp_path: Path) -> None:
    with simulator(tmp_path) as running:
        config = _config(running.addresses["http"], tmp_path)
        config["credentials"] = {"key": {"source": "file", "path": str(tmp_path / "missing")}}
        config["providers"]["sim"]["credential"] = "key"  # type: ignore[index]
        with router(tmp_path, config) as waiting:
            ready, told = ask(waiting.addresses["admin_http"])
    assert not ready
    assert "key" in told


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    """A copy of `pin` with its images, and a `crane` that answers what the file `digest` says."""
    for name in ("pin", "images"):
        shutil.copy(DOCKERFILE.with_name(name), tmp_path / name)
    crane = tmp_path / "bin" / "crane"
    crane.parent.mkdir()
    crane.write_text(f"#!/bin/sh\ncat {shlex.quote(str(tmp_path / 'digest'))}\n")
    crane.chmod(0o755)
    return tmp_path


def pin(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    given = {**os.environ, "PATH": f"{folder / 'bin'}:/usr/bin:/bin"}
    return subprocess.run([folder / "pin", *arguments], env=given, capture_output=True, text=True, check=False)


def test_pin_writes_the_digest_of_every_image(registry: Path) -> None:
    (registry / "digest").write_text(f"sha256:{'0a' * 32}\n")
    assert pin(registry, "--check").returncode == 1, "nothing is pinned yet"
    assert pin(registry).returncode == 0
    lock = (registry / "images.lock").read_text().splitlines()[1:]
    images = [line for line in (registry / "images").read_text().splitlines() if line and not line.startswith("#")]
    assert lock == [f"{image}@sha256:{'0a' * 32}" for image in images]
    assert pin(registry, "--check").returncode == 0


def test_pin_writes_nothing_where_a_registry_gives_no_digest(registry: Path) -> None:
    (registry / "digest").write_text("latest\n")
    assert pin(registry).returncode == 1
    assert not (registry / "images.lock").exists()
