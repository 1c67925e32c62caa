"""The environment that the vendors' SDKs live in, built once in the cache folder from the pinned requirements."""

import fcntl
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from cached import cache

REQUIREMENTS = Path(__file__).with_name("requirements.txt")


def _folder() -> Path:
    digest = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:12]
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return cache() / f"sdks-{version}-{digest}"


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")


def python() -> str:
    """The environment's interpreter. Raises RuntimeError when the packages cannot be had."""
    folder = _folder()
    interpreter, built = folder / "bin" / "python", folder / ".built"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        # Two runs at once must not build over each other.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not built.exists():
            shutil.rmtree(folder, ignore_errors=True)
            _build(folder, interpreter)
            built.touch()
    return str(interpreter)


def _build(folder: Path, interpreter: Path) -> None:
    if uv := shutil.which("uv"):
        _run(uv, "venv", "--quiet", "--python", sys.executable, str(folder))
        install = [uv, "pip", "install", "--quiet", "--python", str(interpreter)]
    else:
        _run(sys.executable, "-m", "venv", str(folder))
        install = [str(interpreter), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run(*install, "--require-hashes", "-r", str(REQUIREMENTS))
