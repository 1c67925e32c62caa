"""Programs of users: run once, each of their checks a test of its own."""

import json
import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
Outcomes = dict[str, str | None]


def checks(program: Path, pattern: str = r"^@shows\n(?:async )?def (\w+)") -> list[str]:
    """The names of a program's checks, as they stand in its text."""
    found = re.findall(pattern, program.read_text(encoding="utf-8"), re.MULTILINE)
    assert found, program
    return found


def outcomes(command: Sequence[str], home: Path, given: Mapping[str, str], *, timeout_s: float = 100) -> Outcomes:
    """Runs a program. Its own environment keeps a developer's settings out."""
    own = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "NO_PROXY": "*",
        "PYTHONPATH": str(FOLDER),
        "PYTHONDONTWRITEBYTECODE": "1",
        **given,
    }
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=timeout_s, env=own, cwd=home)
    assert done.returncode == 0, done.stdout + done.stderr
    found: Outcomes = json.loads(done.stdout.splitlines()[-1])
    return found


def check(found: Outcomes, name: str) -> None:
    """Fails with what the program said of a check."""
    assert name in found, f"{name} was not run"
    if (wrong := found[name]) is not None:
        pytest.fail(wrong, pytrace=False)
