"""Where atheris is: in a folder of the cache, from the pinned requirements. All else is in the lock's environment."""

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

REQUIREMENTS = Path(__file__).with_name("requirements.txt")


def cache() -> Path:
    """The cache folder of the scripts."""
    default = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "hedgerow"
    return Path(os.environ.get("HEDGEROW_CACHE", default))


def supported() -> bool:
    """Whether atheris has a wheel for this interpreter."""
    return (
        sys.platform == "linux"
        and platform.machine() == "x86_64"
        and sys.version_info[:2] in {(3, 11), (3, 12), (3, 13)}
    )


def atheris() -> Path:
    """The folder that atheris can be imported from. Raises RuntimeError when it cannot be had."""
    digest = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:12]
    folder = cache() / f"fuzz-{sys.version_info.major}.{sys.version_info.minor}-{digest}"
    built = folder / ".built"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        # Two runs at once must not build over each other.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not built.exists():
            shutil.rmtree(folder, ignore_errors=True)
            _install(folder)
            built.touch()
    return folder


def _install(folder: Path) -> None:
    if uv := shutil.which("uv"):
        install = [uv, "pip", "install", "--quiet", "--python", sys.executable]
    else:
        install = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command = [*install, "--no-deps", "--target", str(folder), "--require-hashes", "-r", str(REQUIREMENTS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
