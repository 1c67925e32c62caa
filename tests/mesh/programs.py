"""Programs of other languages that make calls while routers come and go; see go/main.go."""

import asyncio
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from mesh.load import Load
from polyglot.test_go import go, must_succeed
from polyglot.test_java import Maven

_HERE = Path(__file__).resolve().parent
_JVM = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx256m")
_LAST_S = 60.0
"""How long a program may take to end its last calls."""


def go_load(folder: Path) -> list[str]:
    """The program in Go; skips without Go."""
    must_succeed(go(_HERE / "go", "build", "-o", f"{folder}/load", "."))
    return [f"{folder}/load"]


def java_load(folder: Path, maven: Maven) -> list[str]:
    """The program in Java, with the artefacts that `maven` has installed."""
    path, classes = folder / "class-path", folder / "classes"
    goal = ("dependency:build-classpath", "-DincludeScope=runtime", f"-Dmdep.outputFile={path}")
    maven.run(_HERE / "java", *goal)
    known = path.read_text(encoding="utf-8").strip()
    javac = shutil.which("javac")
    assert javac is not None, "maven has found one"
    command = [javac, "-d", str(classes), "-cp", known, str(_HERE / "java" / "Load.java")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.fail(done.stderr, pytrace=False)
    return ["java", *_JVM, "-cp", f"{classes}:{known}", "Load"]


async def keep_calling(
    callers: Load,
    who: str,
    program: Sequence[str],
    targets: Sequence[str],
    models: Sequence[str],
    *,
    workers: int,
    patience: tuple[int, int],
) -> None:
    """Runs a program until the callers shall stop, and has its calls among theirs."""
    given = [",".join(targets), ",".join(models), str(workers), *map(str, patience)]
    running = await asyncio.create_subprocess_exec(
        *program, *given, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert running.stdin is not None
    assert running.stdout is not None
    assert running.stderr is not None
    try:
        errors = asyncio.create_task(running.stderr.read())
        reading = asyncio.create_task(_read(callers, who, running.stdout))
        stopping = asyncio.create_task(callers.stopped())
        await asyncio.wait({reading, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        running.stdin.close()
        async with asyncio.timeout(_LAST_S):
            await reading
            status = await running.wait()
        assert (status, callers.stopping) == (0, True), (await errors).decode(errors="replace")
    finally:
        if running.returncode is None:
            running.kill()
            await running.wait()


async def _read(callers: Load, who: str, lines: asyncio.StreamReader) -> None:
    async for line in lines:
        match line.decode().rstrip("\n").split("\t"):
            case "try", call, trace:
                callers.trying(who, call, trace)
            case "ok", call, tries, target:
                callers.answer(who, call, int(tries), int(target))
            case "failed", call, text:
                callers.fail(who, call, text)
            case other:
                raise AssertionError(f"{who} says {other}")
