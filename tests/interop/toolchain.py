"""Programs of other languages that the tests run: fetched and built once, into the cache, with pinned versions."""

import asyncio
import fcntl
import hashlib
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from cached import cache
from polyglot.test_go import go, must_succeed

HERE = Path(__file__).resolve().parent
GO = HERE / "go"
JAVA = HERE / "java"
_TOOLS = {
    "client": "google.golang.org/grpc/interop/client",
    "http2": "google.golang.org/grpc/interop/http2",
    "h2spec": "github.com/summerwind/h2spec/cmd/h2spec",
}
QUICK_JVM = ("java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
_RUN_S = 100


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended."""

    status: int
    output: str
    """All that it wrote, both streams."""


async def run(*command: str) -> Ended:
    """Runs a program beside the servers of this process."""
    started = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        async with asyncio.timeout(_RUN_S):
            output, _ = await started.communicate()
    finally:
        if started.returncode is None:
            started.kill()
            await started.wait()
    return Ended(started.returncode or 0, output.decode(errors="replace"))


def go_tools() -> dict[str, str]:
    """The clients of gRPC and h2spec, as tests/interop/go/go.mod has them."""
    go(GO, "version")  # skips without Go
    folder = _built("interop-go", [GO / "go.mod", GO / "go.sum"], _build_tools)
    return {name: str(folder / name) for name in _TOOLS}


def go_asker(folder: Path) -> str:
    """The program that uses our Go client."""
    must_succeed(go(GO, "build", "-o", f"{folder}/ask", "./ask"))
    return f"{folder}/ask"


def java_interop() -> str:
    """The class path of gRPC's clients for Java."""
    for program in ("java", "mvn"):
        if shutil.which(program) is None:
            pytest.skip(f"gRPC's Java clients: {program} is missing; install a JDK 17 or newer and Maven")
    folder = _built("interop-java", [JAVA / "pom.xml"], _fetch_java)
    return (folder / "class-path").read_text(encoding="utf-8").strip()


async def trust_store(authority: Path) -> tuple[str, ...]:
    """Options of a JVM that trusts an authority, given as PEM, and no other."""
    store, password = authority.with_suffix(".p12"), "changeit"
    options = ("-noprompt", "-alias", "authority", "-storetype", "PKCS12", "-storepass", password)
    made = await run("keytool", "-importcert", *options, "-file", str(authority), "-keystore", str(store))
    assert made.status == 0, made.output
    return (f"-Djavax.net.ssl.trustStore={store}", f"-Djavax.net.ssl.trustStorePassword={password}")


def _build_tools(folder: Path) -> None:
    for name, package in _TOOLS.items():
        must_succeed(go(GO, "build", "-o", str(folder / name), package))


def _fetch_java(folder: Path) -> None:
    where = [f"-Dmaven.repo.local={cache() / 'm2'}", f"-Dmdep.outputFile={folder / 'class-path'}"]
    goal = ["dependency:build-classpath", "-DincludeScope=runtime", "-f", str(JAVA / "pom.xml")]
    done = subprocess.run(
        ["mvn", "--batch-mode", "--quiet", *where, *goal], capture_output=True, text=True, check=False
    )
    must_succeed(done)


def _built(name: str, sources: list[Path], build: Callable[[Path], None]) -> Path:
    """A folder of the cache that is filled once for these sources, also where several tests ask at once."""
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
    folder = cache() / f"{name}-{digest[:12]}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / ".built").exists():
            build(folder)
            (folder / ".built").touch()
    return folder
