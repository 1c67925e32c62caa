"""Fuzzes the readers of providers' answers, guided by coverage. Needs atheris, which it fetches into the cache folder.

    python tests/fuzz/run.py TARGET|all [--runs N] [--seconds S]     what finds nothing ends with 0
    python tests/fuzz/run.py TARGET --reproduce FILE                 without atheris

It begins with the seeds in tests/fuzz/corpus, those made of the recordings where these are, and what earlier runs found
and left in the cache folder. An input that makes a target fail is written to the cache folder and named.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from fuzz import environment, seeds
from fuzz.targets import DIALECTS, TARGETS

UNIT_TIMEOUT_S = 10
"""An input that takes longer is a hang."""
MEMORY_MB = 768
"""What the whole process may hold, coverage tables and corpus included: several times what it needs."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended."""

    target: str
    executions: int
    seconds: float
    """Wall time, the start of the process included."""
    coverage: int
    """Edges of our code that were reached."""
    peak_mb: int
    artifacts: list[Path]
    """The inputs that failed."""
    output: str
    """What the process said, the traceback of a failure included."""
    status: int
    """0 if nothing was found."""

    def complaint(self) -> list[str]:
        """The last lines of the output, without those on progress."""
        return [line for line in self.output.splitlines() if not line.startswith("#")][-40:]


def fuzz(target: str, *, runs: int, seconds: float, state: Path, seed: int = 0) -> Outcome:
    """Fuzzes one target, in a process of its own. `runs` 0: no limit; `seconds` 0: no limit; `seed` 0: another one each
    time. New inputs and failures are kept in `state`.
    """
    corpus, failures = state / "corpus" / target, state / "failures" / target
    for folder in (corpus, failures):
        folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        arguments = [
            f"-runs={runs or -1}",
            f"-max_total_time={round(seconds)}",
            f"-seed={seed}",
            f"-max_len={seeds.MAX_BYTES if target in DIALECTS else seeds.LOW_MAX_BYTES}",
            f"-timeout={UNIT_TIMEOUT_S}",
            f"-rss_limit_mb={MEMORY_MB}",
            f"-artifact_prefix={failures}/",
            f"-dict={_dictionary(target, Path(scratch))}",
            "-print_final_stats=1",
            *(str(corpus), str(seeds.CORPUS / target), str(_recorded(target, Path(scratch)))),
        ]
        command = [sys.executable, "-m", "fuzz.instrumented", target, *arguments]
        paths = (Path(__file__).resolve().parents[1], environment.atheris(), *filter(None, [os.getenv("PYTHONPATH")]))
        started, before = time.monotonic(), set(failures.iterdir())
        done = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=scratch,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))},
            check=False,
        )
        taken = time.monotonic() - started
    output = done.stdout.decode(errors="replace")
    found = sorted(set(failures.iterdir()) - before)
    return Outcome(
        target,
        _last(r"stat::number_of_executed_units:\s*(\d+)", output) or _last(r"^#(\d+)\s", output),
        taken,
        _last(r" cov: (\d+)", output),
        _last(r"stat::peak_rss_mb:\s*(\d+)", output),
        found,
        output,
        done.returncode,
    )


def _dictionary(target: str, scratch: Path) -> Path:
    path = scratch / "words"
    words = seeds.words(target)
    path.write_text("".join(f'"{_escaped(word)}"\n' for word in words), encoding="ascii")
    return path


def _escaped(word: str) -> str:
    return "".join(c if c.isalnum() and c.isascii() else f"\\x{byte:02x}" for c in word for byte in c.encode())


def _recorded(target: str, scratch: Path) -> Path:
    folder = scratch / "recorded"
    folder.mkdir()
    for name, data in seeds.recorded(target):
        (folder / name).write_bytes(data)
    return folder


def _last(pattern: str, output: str) -> int:
    found = re.findall(pattern, output, re.MULTILINE)
    return int(found[-1]) if found else 0


def main() -> int:
    """Prints a line for each target, and what failed."""
    parser = argparse.ArgumentParser(
        prog="tests/fuzz/run.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("target", choices=["all", *TARGETS])
    parser.add_argument("--runs", type=int, default=0, help="stop a target after so many executions (default: never)")
    parser.add_argument("--seconds", type=float, default=60, help="stop a target after so long (default 60; 0: never)")
    parser.add_argument("--reproduce", type=Path, metavar="FILE", help="run one input, with its traceback")
    arguments = parser.parse_args()
    if arguments.reproduce:
        TARGETS[arguments.target]()(arguments.reproduce.read_bytes())
        return 0
    state = environment.cache() / "fuzz"
    failed = 0
    _say(f"{'target':<18} {'executions':>11} {'seconds':>8} {'a second':>9} {'edges':>6} {'MB':>5}")
    for target in TARGETS if arguments.target == "all" else [arguments.target]:
        outcome = fuzz(target, runs=arguments.runs, seconds=arguments.seconds, state=state)
        rate = outcome.executions / outcome.seconds
        _say(
            f"{target:<18} {outcome.executions:>11,} {outcome.seconds:>8.1f} {rate:>9,.0f} {outcome.coverage:>6} "
            f"{outcome.peak_mb:>5}  {'ok' if outcome.status == 0 else 'FAILED'}"
        )
        if outcome.status:
            failed += 1
            _say(*outcome.complaint(), *map(str, outcome.artifacts))
    return 1 if failed else 0


def _say(*lines: str) -> None:
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
