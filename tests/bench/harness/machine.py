"""What is measured of processes and of the machine: CPU time, memory, files, and whether the machine stayed as it was.

CPU is the time of a process and its children as the kernel's scheduler counts it, in nanoseconds on Linux, threads that
have ended included. Where a system has no such clock it is user and system time.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

_SPINS = 20_000
_DOCUMENT = json.dumps([{"number": number, "text": "hedges " * 4} for number in range(10_000)])


def _own_cpu_s(process: psutil.Process) -> float:
    if sys.platform == "linux":
        # The clock id of another process's CPU time, as clock_getcpuclockid(3) makes it.
        return time.clock_gettime((~process.pid << 3) | 2)
    times = process.cpu_times()
    return times.user + times.system


def _tree(pid: int) -> list[psutil.Process]:
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def cpu_s(pid: int) -> float:
    """CPU that a process and the children it has now have used."""
    total = 0.0
    for one in _tree(pid):
        with suppress(psutil.Error, OSError):
            total += _own_cpu_s(one)
    return total


def rss_bytes(pid: int) -> int:
    """Memory that a process and its children have resident; pages that they share count once for each."""
    total = 0
    for one in _tree(pid):
        with suppress(psutil.Error):
            total += int(one.memory_info().rss)
    return total


def open_files(pid: int) -> int:
    """File descriptors of a process and its children."""
    total = 0
    for one in _tree(pid):
        with suppress(psutil.Error):
            total += int(one.num_fds())
    return total


@dataclass(frozen=True, slots=True)
class Cores:
    """Which cores are whose."""

    gateway: frozenset[int] | None
    """Those of what is measured; None where nothing is pinned."""
    load: frozenset[int] | None
    """Those of the load, the upstream and the harness."""

    @contextmanager
    def spawn(self, *, gateway: bool) -> Iterator[None]:
        """Processes that are started in it run on the cores of one side, and stay there."""
        wanted = self.gateway if gateway else self.load
        if wanted is None or sys.platform != "linux":
            yield
            return
        before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, wanted)
        try:
            yield
        finally:
            os.sched_setaffinity(0, before)


def cores() -> Cores:
    """One core for the gateway, the others for the load; nothing is pinned where there is only one or no way to."""
    if sys.platform != "linux":
        return Cores(None, None)
    there = sorted(os.sched_getaffinity(0))
    if len(there) < 2:
        return Cores(None, None)
    return Cores(frozenset(there[-1:]), frozenset(there[:-1]))


def spin_us() -> float:
    """CPU-µs of a fixed piece of work: the median of three. It walks some megabytes of objects, as a gateway does: a
    loop that stays in the first cache would not notice that others empty the rest of them.
    """

    def once() -> float:
        began = time.thread_time_ns()
        found = json.loads(_DOCUMENT)
        total = 0
        for number in range(_SPINS):
            total += len(found[number * 7919 % len(found)])
        return (time.thread_time_ns() - began) / 1000

    return statistics.median(once() for _ in range(3))


def busy() -> str:
    """What is to be said where others use the machine, too; empty where they do not."""
    load = os.getloadavg()[0]
    if load <= 0.5:
        return ""
    return (
        f"The machine was busy (load average {load:.1f} before the run): CPU times of programs with large working sets "
        "come out several times too high, and latencies mean nothing. Run it again when it is quiet."
    )


def stolen_s() -> float:
    """CPU time that the hypervisor gave to others, of all cores."""
    return float(getattr(psutil.cpu_times(), "steal", 0.0))


def drift(values: list[float]) -> list[float]:
    """By how much of the median each of them differs from it."""
    middle = statistics.median(values)
    return [abs(one / middle - 1) for one in values]


def facts(root: Path) -> dict[str, object]:
    """The machine, the kernel, the interpreter, the revision, and what else was going on."""
    return {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "revision": _revision(root),
        "load_average_before": [round(one, 2) for one in os.getloadavg()],
    }


def _cpu_name() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _revision(root: Path) -> str:
    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=True).stdout.strip()

    try:
        return git("rev-parse", "--short=12", "HEAD") + ("+changes" if git("status", "--porcelain", "-uno") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
