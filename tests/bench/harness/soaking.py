"""Streams, calls, callers that leave and upstreams that fail, all at once for a long time; and what grows meanwhile."""

import threading
import time
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import psutil
from bench.harness.blocks import Row
from bench.harness.driver import Ask, Driver, Pace, Reading
from bench.harness.intervals import slope, slope_interval
from bench.harness.machine import open_files, rss_bytes
from bench.harness.system import STREAM, UNARY, System

_HOUR_S = 3600.0
_WARM_SHARE = 1 / 3
"""Of the time, in which pools and caches fill: it counts for no slope."""
_SAMPLES = 200
_QUIET_S = 15.0
_GAUGES = ("hedgerow_open_calls", "hedgerow_attempts_running")


@dataclass(frozen=True, slots=True)
class Flow:
    """Calls of one kind that come all the time."""

    name: str
    ask: Ask
    pace: Pace
    fails: bool = False
    """Whether every one of them has to fail."""


FLOWS: Sequence[Flow] = (
    Flow("unary", Ask(UNARY, "bench-unary"), Pace(4, cap_per_s=40)),
    Flow("large", Ask(UNARY, "bench-unary", prompt_bytes=64 * 1024), Pace(2, cap_per_s=5)),
    Flow("burst", Ask(STREAM, "bench-burst"), Pace(2, cap_per_s=8)),
    Flow("paced", Ask(STREAM, "bench-paced"), Pace(8)),
    Flow("left_unary", Ask(UNARY, "bench-silent", cancel_after_s=0.02), Pace(4, cap_per_s=40)),
    Flow("left_stream", Ask(STREAM, "bench-hold", cancel_after_s=-1), Pace(4, cap_per_s=40)),
    Flow("throttled", Ask(UNARY, "bench-429"), Pace(1, cap_per_s=5), fails=True),
    Flow("broken", Ask(UNARY, "bench-500"), Pace(1, cap_per_s=5), fails=True),
    Flow("reset", Ask(UNARY, "bench-reset"), Pace(1, cap_per_s=5), fails=True),
    Flow("cut", Ask(STREAM, "bench-cut"), Pace(1, cap_per_s=5), fails=True),
)


@dataclass(slots=True)
class Growth:
    """What was seen of one system over the time."""

    at_s: list[float] = field(default_factory=list)
    rss: list[float] = field(default_factory=list)
    files: list[float] = field(default_factory=list)
    threads: list[float] = field(default_factory=list)
    gauges: list[dict[str, float]] = field(default_factory=list)


def soak(driver: Driver, systems: Sequence[System], seconds: float) -> dict[str, Row]:
    """Lets all flows run on all systems at once; a system that does not know a kind of call is left alone with it."""
    seen = {one.name: Growth() for one in systems}
    results: dict[str, dict[str, Reading]] = {one.name: {} for one in systems}

    def flowing(one: System, flow: Flow) -> None:
        pace = Pace(flow.pace.width, seconds, cap_per_s=flow.pace.cap_per_s)
        results[one.name][flow.name] = driver.run(one.target, one.asks(flow.ask), pace)

    threads = [
        threading.Thread(target=flowing, args=(one, flow), name=f"{one.name} {flow.name}")
        for one in systems
        for flow in flows(one)
    ]
    before = {one.name: open_files(_pid(one)) for one in systems}
    began = time.monotonic()
    for thread in threads:
        thread.start()
    every = max(0.5, seconds / _SAMPLES)
    while (at := time.monotonic() - began) < seconds:
        for one in systems:
            _look(one, seen[one.name], at)
        time.sleep(min(every, max(0.0, seconds - at)))
    for thread in threads:
        thread.join()
    rows = {}
    for one in systems:
        rows[one.name] = _told(seen[one.name], results[one.name], seconds)
        rows[one.name] |= _after(one, before[one.name])
    return rows


def flows(system: System) -> list[Flow]:
    """Those that a system serves. A bare server has no upstream that fails, and nothing of its own to do with it."""
    if system.target.kind == "echo":
        return [one for one in FLOWS if one.name in ("unary", "left_unary", "left_stream")]
    return list(FLOWS)


def _pid(system: System) -> int:
    assert system.pid is not None
    return system.pid


def _look(system: System, growth: Growth, at_s: float) -> None:
    pid = _pid(system)
    growth.at_s.append(at_s)
    growth.rss.append(float(rss_bytes(pid)))
    growth.files.append(float(open_files(pid)))
    growth.threads.append(float(psutil.Process(pid).num_threads()))
    growth.gauges.append(gauges(system))


def gauges(system: System) -> dict[str, float]:
    """What the gateway says that is under way; empty of one that has no such page."""
    if "admin_http" not in system.more:
        return {}
    with urllib.request.urlopen(f"http://{system.more['admin_http']}/metrics", timeout=30) as page:
        lines = page.read().decode().splitlines()
    return {
        name: sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith((f"{name}{{", f"{name} ")))
        for name in _GAUGES
    }


def _told(growth: Growth, results: Mapping[str, Reading], seconds: float) -> Row:
    first = next((at for at, when in enumerate(growth.at_s) if when >= seconds * _WARM_SHARE), 0)
    calls = sum(one.ok + one.failed for one in results.values())
    row: Row = {"minutes": round(seconds / 60, 1), "calls": calls}
    for name, values, scale in (
        ("rss_kib", growth.rss, 1024.0),
        ("files", growth.files, 1.0),
        ("threads", growth.threads, 1.0),
        *((name, [one.get(name, 0.0) for one in growth.gauges], 1.0) for name in _GAUGES if growth.gauges[-1]),
    ):
        points = [(when, value / scale) for when, value in zip(growth.at_s[first:], values[first:], strict=True)]
        row[f"{name}_per_hour"] = round(slope(points) * _HOUR_S, 1)
        row[f"{name}_per_hour_interval"] = [round(one * _HOUR_S, 1) for one in slope_interval(points)]
        row[f"{name}_last"] = round(values[-1] / scale, 1)
    rate = calls / seconds
    slope_bytes = slope(list(zip(growth.at_s[first:], growth.rss[first:], strict=True)))
    row["bytes_per_call"] = round(slope_bytes / rate, 1)
    row["flows"] = {name: {"ok": one.ok, "failed": one.failed} for name, one in results.items()}
    wrong = [
        f"{name}: {one.failed} of {one.ok + one.failed} failed: {dict(list(one.errors.items())[:2])}"
        for name, one in results.items()
        if (one.failed if not _fails(name) else one.ok)
    ]
    if wrong:
        row["void"] = "; ".join(wrong)
    row["samples_rss_mib"] = [round(value / 2**20, 1) for value in growth.rss[:: max(1, len(growth.rss) // 60)]]
    return row


def _fails(name: str) -> bool:
    return next(one.fails for one in FLOWS if one.name == name)


def _after(system: System, files_before: int) -> Row:
    """What is still open a moment after the last call."""
    until = time.monotonic() + _QUIET_S
    while sum((left := gauges(system)).values()) > 0 and time.monotonic() < until:
        time.sleep(0.2)
    row: Row = {"files_beyond_start": open_files(_pid(system)) - files_before}
    return row | {f"{name}_after": value for name, value in left.items()}
