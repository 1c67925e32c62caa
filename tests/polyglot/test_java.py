"""The Java artefacts: their own tests with both ends of the supported versions, and a program elsewhere that uses them.

Maven builds outside the tree and installs into a repository of its own in the cache folder, so neither the checkout nor
the developer's ~/.m2 changes.
"""

import fcntl
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from cached import cache
from polyglot.test_grpcurl import ask, grpcurl
from stack import Stack

pytestmark = [pytest.mark.polyglot, pytest.mark.timeout(900)]

_REACTOR = Path(__file__).resolve().parents[2] / "gen/java/parent"
_ELSEWHERE = Path(__file__).resolve().parent / "java"
_MISSING = "Java tests skipped: {} is not on the PATH; install a JDK 17 or newer and Maven 3.8 or newer"
_VIRTUAL_THREADS = 21
"""The first Java that has them."""
_SHORT_LIVED = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""For Maven, too, a second compiler costs more than it wins."""

__all__ = ["grpcurl"]  # a fixture


@dataclass(frozen=True, slots=True)
class Maven:
    """Runs Maven with the private repository."""

    repository: Path
    """The local repository."""
    build: Path
    """Where the artefacts are built, each in the folder of its name."""

    def reactor(self, *arguments: str) -> None:
        """Runs goals of all artefacts."""
        self.run(_REACTOR, "-T2", f"-DbuildDirectory={self.build}/${{project.artifactId}}", *arguments)

    def run(self, project: Path, *arguments: str, **environment: str) -> None:
        """Runs goals of a project. Fails the test with Maven's output when Maven fails."""
        done = subprocess.run(
            ["mvn", "--batch-mode", "--quiet", f"-Dmaven.repo.local={self.repository}", *arguments],
            cwd=project,
            env={**os.environ, "MAVEN_OPTS": _SHORT_LIVED, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
        if done.returncode != 0:
            pytest.fail(f"mvn {' '.join(arguments)} failed:\n{done.stdout[-20_000:]}", pytrace=False)

    def reports(self) -> dict[str, ET.Element]:
        """What the test classes of the last run say, by their full names."""
        found = (ET.parse(file).getroot() for file in self.build.glob("*/surefire-reports/TEST-*.xml"))
        return {report.attrib["name"]: report for report in found}


@dataclass(frozen=True, slots=True)
class Jdk:
    """A Java to run tests with."""

    version: int
    """Its feature version, such as 17."""
    java: Path
    """The program java."""


def _newest_jdk() -> Jdk:
    """The newest of the JDKs on the PATH, in JAVA_HOME and where Debian and Fedora put them."""
    homes = [Path(os.environ["JAVA_HOME"])] if "JAVA_HOME" in os.environ else []
    if (java := shutil.which("java")) is not None:
        homes.append(Path(java).resolve().parents[1])
    homes.extend(Path("/usr/lib/jvm").glob("*"))
    found = []
    for home in homes:
        release = home / "release"
        told = re.search(r'^JAVA_VERSION="(\d+)', release.read_text(), re.MULTILINE) if release.is_file() else None
        if told and (home / "bin/java").is_file():
            found.append(Jdk(int(told[1]), home / "bin/java"))
    return max(found, key=lambda jdk: jdk.version)


@pytest.fixture(scope="module")
def maven(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Maven]:
    """The artefacts, compiled once against the oldest versions that they support, and installed."""
    for program in ("javac", "mvn"):
        if shutil.which(program) is None:
            pytest.skip(_MISSING.format(program))
    repository = cache() / "m2"
    repository.mkdir(parents=True, exist_ok=True)
    maven = Maven(repository, tmp_path_factory.mktemp("java"))
    # Another checkout may be tested at the same time, with other artefacts of the same version.
    with (repository / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        maven.reactor("install", "-DskipTests")
        yield maven


@pytest.mark.long
def test_the_artefacts_pass_their_tests_with_the_oldest_versions(maven: Maven) -> None:
    """What they are compiled against, with the Java on the PATH."""
    maven.reactor("surefire:test")


def test_the_artefacts_pass_their_tests_with_the_newest_versions_and_the_newest_java(maven: Maven) -> None:
    """The same classes, not compiled again, so that users may bring newer versions than we do. Virtual threads too."""
    jdk = _newest_jdk()
    maven.reactor("-Pnewest", f"-Djvm={jdk.java}", "surefire:test")
    report = maven.reports()["io.hedgerow.client.VirtualThreadTest"]
    if jdk.version < _VIRTUAL_THREADS:
        pytest.skip(
            f"all passed but those on virtual threads: install a JDK {_VIRTUAL_THREADS} beside Java {jdk.version}"
        )
    assert (report.attrib["tests"], report.attrib["skipped"]) == ("2", "0")


def test_a_program_elsewhere_talks_to_the_router(
    maven: Maven, stack: Stack, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """A Maven project outside the tree that knows the installed artefacts only, with the tests of polyglot/java."""
    project = tmp_path / "caller"
    shutil.copytree(_ELSEWHERE, project, ignore=shutil.ignore_patterns("target"))
    environment = {
        "HEDGEROW_TEST_TARGET": stack.target,
        "HEDGEROW_TEST_ADMIN": stack.admin_target,
        "HEDGEROW_TEST_SIM": stack.sim_url,
    }
    if stack.recordings is not None:
        environment["HEDGEROW_TEST_RECORDINGS"] = str(stack.recordings)
    if shutil.which("go") is not None:
        environment["HEDGEROW_TEST_GRPCURL"] = str(
            _printed(request.getfixturevalue("grpcurl"), stack.target, tmp_path / "printed.json")
        )
    maven.run(project, "test", **environment)


def _printed(grpcurl: Path, target: str, file: Path) -> Path:
    """A stream as grpcurl prints it, in a file."""
    rpc = "hedgerow.chat.v1.ChatService/StreamComplete"
    with file.open("wb") as out:
        subprocess.run([grpcurl, "-plaintext", "-d", ask("fast"), target, rpc], stdout=out, check=True, timeout=60)
    return file
