"""Systems measured in turns: A B C C B A, each slot after fixed work that tells whether the machine has changed.

A pass is one way through all systems, so in every pass each has a value at about the same time, and ratios are of
values of one pass. What is reported is the median of passes, with the interval of a bootstrap over them.
"""

import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bench.harness.driver import Ask, Pace, Reading
from bench.harness.intervals import bootstrap
from bench.harness.machine import cpu_s, drift, spin_us, stolen_s
from bench.harness.stage import HEDGEROW, Stage
from bench.harness.system import System

Row = dict[str, object]
MAX_LOAD_SHARE = 0.7
"""Of the load's cores: beyond, what is measured could be the load itself."""
MAX_STEAL = 0.01
MAX_DRIFT = 0.03


@dataclass(frozen=True, slots=True)
class Slot:
    """One system in one pass."""

    unit_us: float
    """CPU of the gateway for each unit that went well."""
    gateway_share: float
    """Of one core."""
    load_share: float
    """Of the load's cores."""
    reading: Reading
    spin_us: float
    """CPU of the fixed piece of work before it."""
    steal: float
    """The share of time that the hypervisor gave to others."""


def units(reading: Reading, *, pieces: bool) -> int:
    """What the cost is divided by: what went well by the caller's count, and no more than the upstream answered."""
    return reading.pieces if pieces else reading.ok


def measured(stage: Stage, system: System, ask: Ask, pace: Pace, *, pieces: bool) -> Slot:
    """One slot."""
    spin = _calibrate(stage)
    stolen, began = stolen_s(), time.perf_counter()
    gateway, load = cpu_s(system.pid) if system.pid else 0.0, cpu_s(stage.driver.pid)
    reading = stage.driver.run(system.target, system.asks(ask), pace)
    took = time.perf_counter() - began
    used = (cpu_s(system.pid) if system.pid else 0.0) - gateway
    load_cores = len(stage.cores.load) if stage.cores.load else os.cpu_count() or 1
    return Slot(
        used * 1e6 / max(1, units(reading, pieces=pieces)),
        used / took,
        (cpu_s(stage.driver.pid) - load) / took / load_cores,
        reading,
        spin,
        (stolen_s() - stolen) / took / (os.cpu_count() or 1),
    )


def _calibrate(stage: Stage) -> float:
    """On the core of the gateway."""
    if stage.cores.gateway is None or sys.platform != "linux":
        return spin_us()
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, stage.cores.gateway)
    try:
        return spin_us()
    finally:
        os.sched_setaffinity(0, before)


def in_turns(
    stage: Stage,
    systems: Sequence[System],
    rounds: int,
    measure: Callable[[System], Slot],
    told: Callable[[int], None] = lambda _: None,
) -> dict[str, list[Slot]]:
    """The slots of each system, one for each pass."""
    found: dict[str, list[Slot]] = {one.name: [] for one in systems}
    for turn in range(2 * rounds):
        told(turn)
        for one in systems if turn % 2 == 0 else reversed(systems):
            found[one.name].append(measure(one))
    return found


def steady(slots: Mapping[str, list[Slot]]) -> list[int]:
    """The passes in which the machine was the same; all where that would leave no more than half of them."""
    spins = [one.spin_us for row in slots.values() for one in row]
    middle = statistics.median(spins)
    passes = range(len(next(iter(slots.values()))))
    good = [
        number
        for number in passes
        if all(
            max(drift([row[number].spin_us, middle])) <= MAX_DRIFT and row[number].steal <= MAX_STEAL
            for row in slots.values()
        )
    ]
    return good if 2 * len(good) > len(passes) else list(passes)


def rows(slots: Mapping[str, list[Slot]], *, pieces: bool, base: str = HEDGEROW) -> dict[str, Row]:
    """What is told of each system."""
    kept = steady(slots)
    found: dict[str, Row] = {}
    for name, mine in slots.items():
        values = [mine[number].unit_us for number in kept]
        row: Row = {
            "cpu_us": round(statistics.median(values), 1),
            "interval": [round(one, 1) for one in bootstrap(values)],
            "passes": [round(one.unit_us, 1) for one in mine],
            "passes_kept": len(kept),
            "per_s": round(statistics.median(units(one.reading, pieces=pieces) / one.reading.seconds for one in mine)),
            "gateway_share": round(statistics.median(one.gateway_share for one in mine), 2),
            "load_share": round(max(one.load_share for one in mine), 2),
            "ok": sum(one.reading.ok for one in mine),
        }
        if name != base and base in slots:
            ratios = [mine[number].unit_us / slots[base][number].unit_us for number in kept]
            row["ratio"] = round(statistics.median(ratios), 3)
            row["ratio_interval"] = [round(one, 3) for one in bootstrap(ratios)]
        if why := void(mine):
            row["void"] = why
        found[name] = row
    return found


def void(slots: Sequence[Slot]) -> str:
    """Why a row must not be used; empty where it may be."""
    if failed := sum(one.reading.failed for one in slots):
        text = next(iter(next(one.reading.errors for one in slots if one.reading.errors)))
        return f"{failed} calls failed: {text}"
    if max(one.load_share for one in slots) > MAX_LOAD_SHARE:
        return "the load generator was near its limit"
    asked = [one.reading for one in slots if one.reading.mock["asked"]]
    if any(one.ok > one.mock["answered"] for one in asked):
        return "the upstream answered less than was counted"
    return ""
