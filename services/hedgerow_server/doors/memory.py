"""How much memory there is, and how much of it is taken.

Where a cgroup has a limit, what is in that cgroup counts, other processes included, since all of it is what the kernel
ends processes for; without the pages of files that it would drop first. A limit of our own is for our process alone.
"""

import contextlib
import os
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")
_SELF = Path("/proc/self")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_V1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", b"total_inactive_file")
_V2 = ("memory.max", "memory.current", b"inactive_file")
_NO_LIMIT = 1 << 60
"""cgroup v1 has a number near 2^63 for none."""


class Memory:
    """A limit, and what is taken of it."""

    def __init__(self, limit: int | None = None, *, cgroups: Path = _CGROUPS, process: Path = _SELF) -> None:
        """`limit`: bytes for this process. None: what its cgroup or one of those above it has, the smallest."""
        self.limit = limit
        """In bytes. None: there is none, or it cannot be told."""
        self._statm = process / "statm"
        self._group: tuple[Path, str, bytes] | None = None
        if limit is None:
            for folder, (most, used, cached) in _folders(cgroups, process):
                found = _number(folder / most)
                if found is not None and found < min(_NO_LIMIT, self.limit or _NO_LIMIT):
                    self.limit, self._group = found, (folder, used, cached)

    def share(self) -> float:
        """What is taken of the limit: 1.0 is all of it; 0 without one."""
        if self.limit is None:
            return 0.0
        if self._group is None:
            return self._resident() / self.limit
        folder, used, cached = self._group
        return max(0, (_number(folder / used) or 0) - _droppable(folder, cached)) / self.limit

    def _resident(self) -> int:
        with contextlib.suppress(OSError, ValueError, IndexError):
            return int(self._statm.read_bytes().split()[1]) * _PAGE
        return 0


def _folders(cgroups: Path, process: Path) -> list[tuple[Path, tuple[str, str, bytes]]]:
    """The cgroups that this process is in, the innermost first. In a container the path that the kernel names may not
    be there: then the top is the container's own.
    """
    try:
        lines = (process / "cgroup").read_text().splitlines()
    except OSError:
        return []
    found: list[tuple[Path, tuple[str, str, bytes]]] = []
    for line in lines:
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0":
            root, files = cgroups, _V2
        elif "memory" in controllers.split(","):
            root, files = cgroups / "memory", _V1
        else:
            continue
        # A path out of the namespace of the container names nothing that is here.
        folder = root if ".." in path else root / path.lstrip("/")
        found += [(one, files) for one in (folder, *folder.parents) if one.is_relative_to(root)]
    return found


def _number(path: Path) -> int | None:
    try:
        return int(path.read_bytes())
    except (OSError, ValueError):  # "max" is no number
        return None


def _droppable(folder: Path, name: bytes) -> int:
    with contextlib.suppress(OSError, ValueError):
        for line in (folder / "memory.stat").read_bytes().splitlines():
            key, _, value = line.partition(b" ")
            if key == name:
                return int(value)
    return 0
