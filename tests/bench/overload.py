"""What a router does with more calls than it can serve: what still gets through, and when it is well again.

Closed loops are clients that honour the limit of streams, and come back when they are told to. Open ones are floods:
calls come at random, whatever became of those before. The load and its upstream are one Go program on the other core.
Figures of one run compare with each other only.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Thread
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.harness import machine
from bench.harness.driver import Ask, Driver, Pace, Reading, driver
from bench.harness.machine import Cores, cores, cpu_s
from bench.harness.ours import Size, floors, hedgerow
from bench.harness.run import ROOT
from bench.harness.system import UNARY, System

SLOW, SLOW_S, PLACES, STREAMS = "bench-delay-200", 0.2, 90, 64
FAST = Ask(UNARY, "bench-unary")
TENANTS = Size(keys=20, tenants=20)
WIDTH = 32
"""Calls at once that keep the core of a router busy."""
RATES = (0.5, 1.0, 1.5, 2.0, 3.0, 5.0)
TIMES = 50
"""As many calls the noisy tenant has for each of a quiet one."""
UNSHED = {"shedding": False, "max_waiting_calls": 100_000}

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Ground:
    """Where it takes place."""

    load: Driver
    places: Cores
    engine: str
    """What the gRPC doors are on; empty: the default."""


@contextmanager
def router(at: Ground, overload: dict[str, Any], size: Size = TENANTS) -> Iterator[System]:
    """A router with so much of section `server.overload`; it sends what comes too fast to wait to its clients."""
    grpc = {"listen": "127.0.0.1:0", "max_streams_per_connection": STREAMS}
    server = {"overload": overload, "grpc": grpc}
    with hedgerow(
        at.load.mock_url, at.places, "hedgerow", "thin", size, server=server, models=(SLOW,), engine=at.engine
    ) as doors:
        at.load.run(doors[0].target, FAST, Pace(8, count=200))
        yield doors[0]


def told(found: Reading, pace: Pace) -> Row:
    """A row: what got through, and what became of the others. Of a closed loop the calls that were under way at its end
    are left out, for they may have ended after it; how many there were is not known, so as many as there may have been.
    """
    per_s = found.ok / found.seconds if pace.open_rate_per_s else (found.ok - pace.width) / pace.seconds
    refused = sum(times for text, times in found.errors.items() if "code = Unavailable" in text)
    cancelled = sum(times for text, times in found.errors.items() if "code = Canceled" in text)
    return {
        "ok_per_s": round(per_s, 1),
        "p50_ms": round(1000 * found.latency.get("p50", 0), 1),
        "p99_ms": round(1000 * found.latency.get("p99", 0), 1),
        "ok": found.ok,
        "refused": refused,
        "cancelled": cancelled,
        "other": found.failed - refused - cancelled,
    }


def obedient(at: Ground, seconds: float) -> dict[str, Row]:
    """Clients that honour limits of streams and push-back: as many as fill a router, and twice as many."""
    rows: dict[str, Row] = {}
    with router(at, {}) as ours:
        target = replace(ours.target, connections=4)
        for name, width in (("cpu_1x", WIDTH), ("cpu_2x", 2 * WIDTH), ("cpu_8x", 8 * WIDTH)):
            pace = Pace(width, seconds)
            rows[name] = told(at.load.run(target, FAST, pace), pace)
    with router(at, {"max_calls": PLACES}) as ours:
        for name, times in (("upstream_1x", 1), ("upstream_2x", 2), ("upstream_5x", 5)):
            target = replace(ours.target, connections=8 * times, retry=True)
            pace = Pace(PLACES * 9 // 10 * times, 2 * seconds)
            rows[name] = told(at.load.run(target, Ask(UNARY, SLOW), pace), pace)
    for kind in ("cpu", "upstream"):
        for name, row in rows.items():
            if name.startswith(kind):
                row["of_peak"] = round(row["ok_per_s"] / rows[f"{kind}_1x"]["ok_per_s"], 3)
    return rows


def flood(at: Ground, peak_per_s: float, seconds: float, rates: Sequence[float]) -> dict[str, Row]:
    """Open loops at parts and multiples of the peak, with shedding and without."""
    rows: dict[str, Row] = {}
    for name, overload in (("shedding", {}), ("not_shedding", UNSHED)):
        for times in rates:
            with router(at, overload, Size()) as ours:
                target = replace(ours.target, connections=256)
                pace = Pace(1_000_000, seconds, open_rate_per_s=times * peak_per_s)
                row = rows[f"{name}_{times:g}x"] = told(at.load.run(target, FAST, pace), pace)
                # What came through while calls came, and not afterwards, cannot be told apart: all is in its time.
                row["of_peak"] = round(row["ok_per_s"] / peak_per_s, 3)
                row["normal_after_s"] = round(back(at, ours), 2)
    return rows


def back(at: Ground, ours: System, most_s: float = 30.0) -> float:
    """How long it takes until none of some calls is refused any more."""
    since = time.monotonic()
    while time.monotonic() - since < most_s:
        if not at.load.run(ours.target, FAST, Pace(4, count=40)).failed:
            break
    return time.monotonic() - since


def noisy(at: Ground, seconds: float, per_s: float) -> dict[str, Row]:
    """Two tenants at a steady pace, alone and beside one with fifty times as many calls, whose clients come back when
    they are told to, and which wants more places than there are.
    """
    rows: dict[str, Row] = {}
    most = round(0.9 * SLOW_S * TIMES * per_s)
    with router(at, {"max_calls": most}, Size(keys=3, tenants=3)) as ours:
        tokens = Path(ours.target.tokens_file).read_text(encoding="utf-8").split()
        quiet = Path(ours.target.tokens_file).with_name("quiet")
        quiet.write_text("\n".join(tokens[1:]), encoding="utf-8")
        calm = replace(ours.target, tokens_file=str(quiet), connections=2)
        loud = replace(ours.target, tokens_file="", token=tokens[0], connections=16, retry=True)
        pace = Pace(1000, seconds, open_rate_per_s=2 * per_s)
        for target in (calm, loud):
            at.load.run(target, FAST, Pace(2, count=20))
        rows["alone"] = told(at.load.run(calm, Ask(UNARY, SLOW), pace), pace)
        hog: list[Reading] = []
        many = Pace(10_000, seconds + 2, open_rate_per_s=per_s * TIMES)
        thread = Thread(target=lambda: hog.append(at.load.run(loud, Ask(UNARY, SLOW), many)))
        thread.start()
        time.sleep(1)
        rows["beside"] = told(at.load.run(calm, Ask(UNARY, SLOW), pace), pace)
        thread.join()
        rows["noisy"] = told(hog[0], many)
    rows["beside"]["p99_ratio"] = round(rows["beside"]["p99_ms"] / rows["alone"]["p99_ms"], 3)
    return rows


def refusals(at: Ground, seconds: float) -> dict[str, Row]:
    """CPU of a refusal beside that of an echo by a bare server and of a call."""
    rows: dict[str, Row] = {}

    def cost(name: str, of: System, ask: Ask) -> None:
        assert of.pid is not None
        at.load.run(of.target, ask, Pace(8, count=200))
        before = cpu_s(of.pid)
        pace = Pace(16, seconds)
        found = at.load.run(of.target, ask, pace)
        rows[name] = {
            **told(found, pace),
            "cpu_us": round(1e6 * (cpu_s(of.pid) - before) / (found.ok + found.failed), 1),
        }

    with floors(at.load.mock_url, at.places) as bare:
        cost("echo", bare[0], replace(FAST, model="echo"))
    with router(at, {}, Size()) as ours:
        cost("call", ours, FAST)
    with router(at, {"max_calls": 1}, Size()) as ours:
        at.load.hold(ours.target, Ask("stream", "bench-hold"), 1)
        cost("refusal", ours, FAST)
        at.load.release()
    return rows


def table(rows: dict[str, Row]) -> None:
    """For the terminal."""
    columns = list(dict.fromkeys(key for row in rows.values() for key in row))
    print(f"{'':<20}" + "".join(f"{one:>16}" for one in columns))
    for name, row in rows.items():
        print(f"{name:<20}" + "".join(f"{row.get(one, ''):>16}" for one in columns))


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status: 1 with `--check` where a goal is missed."""
    parser = argparse.ArgumentParser(prog="scripts/bench overload", description=__doc__)
    parser.add_argument("--seconds", type=float, default=8.0, help="how long each case runs (default 8)")
    parser.add_argument("--only", default="", help="obedient, flood, noisy or refusals")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to this file")
    parser.add_argument("--rates", type=float, nargs="+", default=RATES, help="of floods, as multiples of the peak")
    parser.add_argument("--quiet", type=float, default=10.0, help="calls a second of a quiet tenant (default 10)")
    parser.add_argument("--engine", default="", help="`server.grpc.engine` of the routers")
    parser.add_argument("--check", action="store_true", help="fail where a goal is missed")
    asked = parser.parse_args(arguments)
    found: dict[str, dict[str, Row]] = {}
    places = cores()
    with driver(places) as load:
        at = Ground(load, places, asked.engine)

        def add(name: str, rows: dict[str, Row]) -> None:
            found[name] = rows
            print(name)
            table(rows)

        if asked.only in ("", "refusals"):
            add("refusals", refusals(at, asked.seconds / 2))
        if asked.only in ("", "obedient", "flood"):
            add("obedient", obedient(at, asked.seconds))
        if asked.only in ("", "noisy"):
            add("noisy", noisy(at, 2 * asked.seconds, asked.quiet))
        if asked.only in ("", "flood"):
            add("flood", flood(at, found["obedient"]["cpu_1x"]["ok_per_s"], asked.seconds, asked.rates))
    if asked.json is not None:
        text = json.dumps({"_run": {"machine": machine.facts(ROOT)}, **found}, indent=1, ensure_ascii=False)
        asked.json.write_text(text + "\n", encoding="utf-8")
    return 1 if asked.check and missed(found) else 0


def missed(found: dict[str, dict[str, Row]]) -> list[str]:
    """The goals that were."""
    obeyed, floods = found.get("obedient", {}), found.get("flood", {})
    wrong: list[str] = [name for name in ("cpu_2x", "upstream_2x") if name in obeyed and obeyed[name]["of_peak"] < 0.9]
    wrong += [name for name, row in floods.items() if not name.startswith("not") and row["normal_after_s"] > 5]
    wrong += ["noisy" for row in found.get("noisy", {}).values() if row.get("p99_ratio", 0) > 1.5]
    for name in wrong:
        print(f"missed: {name}", file=sys.stderr)
    return wrong


if __name__ == "__main__":
    raise SystemExit(main())
