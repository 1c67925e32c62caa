"""Callers of a router with several workers: many connections, and which worker has which."""

import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import grpc
from rpc.caller import Caller, Outcome, connected, eventually, get
from stack import Process

_ESTABLISHED, _MOST = "01", 64


def workers_of(router: Process) -> dict[int, int]:
    """The processes of the workers, by their numbers. Those that are just being started are among them."""
    found: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(path.read_text().rpartition(")")[2].split()[1])
            line = path.with_name("cmdline").read_bytes().split(b"\0")
        except (OSError, IndexError):
            continue
        if parent == router.popen.pid and b"worker" in line:
            found[int(line[line.index(b"worker") + 1])] = int(path.parent.name)
    return found


def connections(router: Process, door: str = "grpc") -> Counter[int]:
    """How many connections each worker has at a door, by the worker's process."""
    port, inodes = int(router.addresses[door].rpartition(":")[2]), set[str]()
    # C-core speaks IPv4 over sockets of IPv6.
    lines = [line for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]]
    for line in lines:
        fields = line.split()
        if int(fields[1].rpartition(":")[2], 16) == port and fields[3] == _ESTABLISHED:
            inodes.add(fields[9])
    found: Counter[int] = Counter()
    for pid in workers_of(router).values():
        for one in Path(f"/proc/{pid}/fd").iterdir():
            try:
                target = str(one.readlink())
            except OSError:
                continue
            inode = target.removeprefix("socket:[").removesuffix("]")
            found[pid] += inode in inodes
    return found


class Crowd:
    """Connections that are not shared, so that each may come to another worker."""

    def __init__(self, callers: list[Caller]) -> None:
        self.callers = callers

    def each(self, rpc: str, model: str, times: int = 1, **options: Any) -> list[Outcome[Any]]:
        """All callers at once make a call, or several one after the other."""
        with ThreadPoolExecutor(len(self.callers)) as pool:
            said = pool.map(lambda one: [one.chat(rpc, model, **options) for _ in range(times)], self.callers)
            return [outcome for outcomes in said for outcome in outcomes]

    def codes(self, rpc: str, model: str, times: int = 1, **options: Any) -> Counter[grpc.StatusCode]:
        """How many of those calls ended how."""
        return Counter(one.code for one in self.each(rpc, model, times, **options))


@contextmanager
def crowd(router: Process, size: int) -> Iterator[Crowd]:
    """As many connections as it takes until each worker has `size` of them. Linux deals them out by hash."""
    with ExitStack() as exits:
        callers: list[Caller] = []
        while True:
            callers += [exits.enter_context(connected(router.addresses["grpc"])) for _ in range(size)]
            with ThreadPoolExecutor(len(callers)) as pool:
                list(pool.map(lambda one: grpc.channel_ready_future(one.channel).result(10), callers))
            spread = connections(router)
            if all(spread[pid] >= size for pid in workers_of(router).values()):
                break
            assert len(callers) < _MOST, f"connections do not spread: {spread}"
        yield Crowd(callers)


def numbers(router: Process, name: str) -> dict[str, float]:
    """The samples of a metric, by their labels as the page has them."""
    _, page = get(f"http://{router.addresses['admin_http']}/metrics")
    found = re.findall(rf"^{name}({{.*}})? (\S+)$", page, re.MULTILINE)
    return {labels: float(value) for labels, value in found}


def all_serve(router: Process) -> None:
    """Waits until every worker takes calls."""

    def ready() -> bool:
        try:
            return get(f"http://{router.addresses['admin_http']}/readyz")[0] == 200
        except OSError:
            return False

    eventually(ready, "all workers serve", within_s=40)
