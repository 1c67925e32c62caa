"""What one router carries on one core: the figures behind the sizing tables of docs/operations.md.

Unary calls of 1 KB come at random at several rates; streams of 64 pieces, one every 20 ms, so many at once; and some
stay open and say nothing. Each row tells what that took of the core and of memory, and what the callers noticed. The
load and its upstream are one Go program on the other core. Figures of one run compare with each other only.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.harness import machine
from bench.harness.driver import Ask, Driver, Pace, Reading, driver
from bench.harness.machine import cores, cpu_s, rss_bytes
from bench.harness.ours import hedgerow
from bench.harness.run import ROOT
from bench.harness.system import STREAM, UNARY, System
from bench.overload import Row, table

RATES = (100.0, 500.0, 1000.0, 1500.0)
STREAMS = (16, 64, 200, 400)
HELD = 1000
_CALL, _PACED, _SILENT = Ask(UNARY, "bench-unary"), Ask(STREAM, "bench-paced"), Ask(STREAM, "bench-hold")
_MIB = 2**20


def used(load: Driver, ours: System, ask: Ask, pace: Pace, *, pieces: bool) -> Row:
    """One row."""
    began_s, cpu = time.perf_counter(), cpu_s(ours.pid or 0)
    found = load.run(ours.target, ask, pace)
    took_s, cpu = time.perf_counter() - began_s, cpu_s(ours.pid or 0) - cpu
    return {**_noticed(found, pieces=pieces), **_cost(found, cpu, took_s, pieces=pieces), "rss_mib": _mib(ours)}


def _cost(found: Reading, cpu: float, took_s: float, *, pieces: bool) -> Row:
    count = found.pieces if pieces else found.ok
    return {"cpu_us": round(cpu * 1e6 / max(1, count), 1), "of_a_core": round(cpu / took_s, 2)}


def _noticed(found: Reading, *, pieces: bool) -> Row:
    told = found.gap if pieces else found.latency
    return {
        "per_s": round((found.pieces if pieces else found.ok) / found.seconds),
        "failed": found.failed,
        "p50_ms": round(1000 * told.get("p50", 0), 2),
        "p99_ms": round(1000 * told.get("p99", 0), 2),
    }


def _mib(ours: System) -> float:
    return round(rss_bytes(ours.pid or 0) / _MIB, 1)


def held(load: Driver, ours: System) -> Row:
    """Streams that stay open."""
    before = rss_bytes(ours.pid or 0)
    opened = load.hold(ours.target, _SILENT, HELD)
    kib = (rss_bytes(ours.pid or 0) - before) / max(1, opened) / 1024
    row = {"open": opened, "kib_each": round(kib, 1), "rss_mib": _mib(ours)}
    load.release()
    return row


def main(arguments: Sequence[str] | None = None) -> int:
    """Always 0."""
    parser = argparse.ArgumentParser(prog="scripts/bench sizing", description=__doc__)
    parser.add_argument("--seconds", type=float, default=8.0, help="how long each row takes (default 8)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to this file")
    asked = parser.parse_args(arguments)
    places = cores()
    with driver(places) as load, hedgerow(load.mock_url, places, "hedgerow", "thin") as doors:
        ours = doors[0]
        rows: dict[str, Row] = {"idle": {"rss_mib": _mib(ours)}}
        load.run(ours.target, _CALL, Pace(8, count=500))
        load.run(ours.target, _PACED, Pace(8, count=16))
        for rate in RATES:
            pace = Pace(256, asked.seconds, open_rate_per_s=rate)
            rows[f"{rate:.0f} calls a second"] = used(load, ours, _CALL, pace, pieces=False)
        for width in STREAMS:
            rows[f"{width} streams"] = used(load, ours, _PACED, Pace(width, asked.seconds), pieces=True)
        rows["silent streams"] = held(load, ours)
    table(rows)
    if asked.json is not None:
        text = json.dumps({"_run": {"machine": machine.facts(ROOT)}, **rows}, indent=1, ensure_ascii=False)
        asked.json.write_text(text + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
