"""The Java of the documentation: compiled in one go, and run against what scripts/serve starts."""

import fcntl
import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest
from cached import cache
from docs.demo import Demo
from docs.languages import java_program
from stack import ROOT

_JAVA = ROOT / "gen" / "java"
pytestmark = [pytest.mark.polyglot, pytest.mark.timeout(900)]


def run(folder: Path, *command: str) -> str:
    """What a command prints; fails with all of it where the command does."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=800)
    if done.returncode != 0:
        pytest.fail(f"{command[0]}:\n{(done.stdout + done.stderr)[-8000:]}", pytrace=False)
    return done.stdout


@pytest.fixture(scope="module")
def class_path() -> str:
    """The client and the libraries that it needs: compiled once in the cache, again when its sources have changed."""
    for program in ("javac", "mvn"):
        if shutil.which(program) is None:
            pytest.skip(f"the Java of the documentation: {program} is missing; install a JDK 17 or newer and Maven")
    sources = sorted((_JAVA / "src" / "main" / "java").rglob("*.java"))
    digest = hashlib.sha256()
    for path in (*sources, *sorted(_JAVA.glob("**/pom.xml"))):
        digest.update(path.read_bytes())
    folder = cache() / f"docs-java-{digest.hexdigest()[:12]}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        # Two runs at once must not build over each other.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / ".built").exists():
            _build(folder, sources)
            (folder / ".built").touch()
    return f"{folder / 'classes'}:{(folder / 'class-path').read_text(encoding='utf-8').strip()}"


def _build(folder: Path, sources: list[Path]) -> None:
    where = [f"-Dmaven.repo.local={cache() / 'm2'}", f"-DbuildDirectory={folder}/${{project.artifactId}}"]
    goal = ["dependency:build-classpath", f"-Dmdep.outputFile={folder / 'class-path'}", "-DincludeScope=runtime"]
    run(ROOT, "mvn", "--batch-mode", "--quiet", *where, "-f", "gen/java/parent/pom.xml", "-pl", "..", "-am", *goal)
    (folder / "sources").write_text("\n".join(map(str, sources)))
    libraries = (folder / "class-path").read_text(encoding="utf-8").strip()
    run(folder, "javac", "-nowarn", "-proc:none", "-d", "classes", "-cp", libraries, "@sources")


def test_every_java_snippet_compiles_and_those_of_docs_run(tmp_path: Path, demo: Demo, class_path: str) -> None:
    program = java_program()
    for name, text in program.files.items():
        (tmp_path / name).write_text(demo.placed(text), encoding="utf-8")
    run(tmp_path, "javac", "-nowarn", "-proc:none", "-d", "classes", "-cp", class_path, *program.files)
    start = ["java", "-XX:TieredStopAtLevel=1", "-cp", f"classes:{class_path}"]
    printed = run(tmp_path, *start, "Snippets", demo.addresses["127.0.0.1:50051"])
    assert [place for place in program.runs if f"== {place}\n" not in printed] == []
    for name in sorted(program.files.keys() - {"Snippets.java"}):
        assert "You asked" in run(tmp_path, *start, name.removesuffix(".java"))
