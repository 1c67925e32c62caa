"""The packages that JavaScript of tests imports, installed once in the cache folder from the lock file."""

import fcntl
import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest
from cached import cache

PACKAGES = Path(__file__).parents[1] / "docs" / "node"


def modules() -> Path:
    """The folder `node_modules`. Skips where Node.js is missing."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is missing; install Node.js 20 or newer")
    lock_file = PACKAGES / "package-lock.json"
    name = f"docs-node-{hashlib.sha256(lock_file.read_bytes()).hexdigest()[:12]}"
    folder = cache() / name
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        # Two runs at once must not build over each other.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / ".built").exists():
            for file in PACKAGES.iterdir():
                shutil.copy(file, folder)
            command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=250)
            assert done.returncode == 0, done.stdout + done.stderr
            (folder / ".built").touch()
    return folder / "node_modules"
