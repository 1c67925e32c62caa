"""The Java client: its own tests with both ends of the supported versions, and a program elsewhere that depends on it.

Maven builds outside the tree and installs into a repository of its own in the cache folder, so neither the checkout nor
the developer's ~/.m2 changes.
"""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from stack import Stack

pytestmark = [pytest.mark.polyglot, pytest.mark.timeout(900)]

_ROOT = Path(__file__).resolve().parents[2]
_ELSEWHERE = Path(__file__).resolve().parent / "java"
_MISSING = "Java tests skipped: {} is not on the PATH; install a JDK 17 or newer and Maven 3.8 or newer"


@dataclass(frozen=True, slots=True)
class Maven:
    """Runs Maven with the private repository."""

    repository: Path
    """The local repository."""
    build: Path
    """Where gen/java is built."""

    def client(self, *arguments: str) -> None:
        """Runs goals of gen/java."""
        self.run(_ROOT / "gen/java", f"-DbuildDirectory={self.build}", *arguments)

    def run(self, project: Path, *arguments: str, **environment: str) -> None:
        """Runs goals of a project. Fails the test with Maven's output when Maven fails."""
        done = subprocess.run(
            ["mvn", "--batch-mode", "--quiet", f"-Dmaven.repo.local={self.repository}", *arguments],
            cwd=project,
            env=os.environ | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
        if done.returncode != 0:
            pytest.fail(f"mvn {' '.join(arguments)} failed:\n{done.stdout[-20_000:]}", pytrace=False)


def _cache() -> Path:
    """The cache folder, as scripts/_env.sh finds it."""
    if chosen := os.environ.get("HEDGEROW_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hedgerow"


@pytest.fixture(scope="module")
def maven(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Maven]:
    """The client, compiled once against the oldest versions that it supports, and installed."""
    for program in ("javac", "mvn"):
        if shutil.which(program) is None:
            pytest.skip(_MISSING.format(program))
    repository = _cache() / "m2"
    repository.mkdir(parents=True, exist_ok=True)
    maven = Maven(repository, tmp_path_factory.mktemp("java") / "client")
    # Another checkout may be tested at the same time, with another client of the same version.
    with (repository / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        maven.client("install", "-DskipTests")
        yield maven


def test_the_client_passes_its_tests_with_protobuf_3_25(maven: Maven) -> None:
    """The oldest protobuf-java and grpc-java that are supported, which it is compiled against."""
    maven.client("surefire:test")


def test_the_client_passes_its_tests_with_the_newest_protobuf_4(maven: Maven) -> None:
    """The same classes, not compiled again, link with protobuf-java 4 and a newer grpc-java."""
    maven.client("-Pnewest", "surefire:test")


def test_a_program_elsewhere_talks_to_the_router(maven: Maven, stack: Stack, tmp_path: Path) -> None:
    """A Maven project outside the tree that knows only the installed artefact; its tests are in tests/polyglot/java."""
    project = tmp_path / "caller"
    shutil.copytree(_ELSEWHERE, project, ignore=shutil.ignore_patterns("target"))
    environment = {
        "HEDGEROW_TEST_TARGET": stack.target,
        "HEDGEROW_TEST_ADMIN": stack.admin_target,
        "HEDGEROW_TEST_SIM": stack.sim_url,
    }
    if stack.recordings is not None:
        environment["HEDGEROW_TEST_RECORDINGS"] = str(stack.recordings)
    maven.run(project, "test", **environment)
