"""The Go program that is a user of the gateway, built once in the cache folder: that takes a minute."""

import fcntl
import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest
from cached import cache

SOURCE = Path(__file__).parents[1] / "openai" / "go"
MAIN = SOURCE / "main.go"


def built() -> str:
    """The path of the program. Skips where Go is missing."""
    if shutil.which("go") is None:
        pytest.skip("OpenAI's module for Go: go is missing; install Go 1.24 or newer")
    version = subprocess.run(["go", "version"], cwd=SOURCE, capture_output=True, text=True, check=True).stdout
    digest = hashlib.sha256(version.encode())
    for file in sorted(SOURCE.iterdir()):
        digest.update(file.read_bytes())
    folder = cache()
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / f"openai-go-{digest.hexdigest()[:12]}"
    with program.with_name(f"{program.name}.lock").open("w") as lock:
        # Two runs at once must not build over each other.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.exists():
            fresh = program.with_name(f"{program.name}.fresh")
            command = ["go", "build", "-mod=readonly", "-buildvcs=false", "-ldflags=-s -w", "-o", str(fresh), "."]
            done = subprocess.run(command, cwd=SOURCE, capture_output=True, text=True, check=False, timeout=500)
            assert done.returncode == 0, done.stdout + done.stderr
            fresh.replace(program)
    return str(program)
