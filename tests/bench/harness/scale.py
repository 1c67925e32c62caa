"""What many keys, tenants and routes cost, and how long calls stand still while many routes are reloaded."""

import json
import threading
import time
import urllib.request
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from bench.harness.blocks import Row, Slot, in_turns, measured, rows
from bench.harness.driver import Ask, Pace, Reading
from bench.harness.machine import Cores, rss_bytes
from bench.harness.ours import Size, hedgerow
from bench.harness.plan import Plan
from bench.harness.progress import Progress
from bench.harness.stage import Stage
from bench.harness.system import UNARY, System

_START_S = 0.001
"""About how long a key and a route take to be made and loaded."""
_RELOAD_PATIENCE_S = 60.0
_RATE_PER_S = 200.0


def seconds(plan: Plan) -> float:
    """About how long all of it takes."""
    passes = 2 * plan.rounds * len(plan.many) * (plan.slot_s + 0.1)
    return passes + sum(3 + _START_S * many for many in plan.many) + 15 + plan.reload_routes * _START_S


def many(stage: Stage, plan: Plan, progress: Progress) -> dict[str, Row]:
    """A router with so many keys, as many tenants and as many routes, calls going to all of them in turn."""
    with ExitStack() as exits:
        systems: dict[str, tuple[System, int]] = {}
        up_s: dict[str, float] = {}
        for count in plan.many:
            progress.step(f"a router with {count} keys, tenants and routes", 3 + _START_S * count)
            name, size = f"hedgerow_{count}", Size(keys=count, tenants=count, routes=count)
            began = time.monotonic()
            grpc, _ = exits.enter_context(hedgerow(stage.driver.mock_url, stage.cores, name, stage.transport, size))
            systems[name] = (grpc, count)
            up_s[name] = round(time.monotonic() - began, 1)

        def one(system: System) -> Slot:
            ask = Ask(UNARY, "bench-unary", models=systems[system.name][1])
            return measured(stage, system, ask, Pace(16, plan.slot_s, cap_per_s=2000), pieces=False)

        def told(turn: int) -> None:
            progress.step(f"many keys and routes, pass {turn + 1}", len(systems) * (plan.slot_s + 0.1))

        alone = [system for system, _ in systems.values()]
        idle = {system.name: rss_bytes(system.pid or 0) for system in alone}
        for system in alone:
            one(system)
        least = f"hedgerow_{plan.many[0]}"
        found = rows(in_turns(stage, alone, plan.rounds, one, told), pieces=False, base=least)
        for name, (_, count) in systems.items():
            found[name]["up_after_s"] = up_s[name]
            found[name]["rss_mib"] = round(idle[name] / 2**20, 1)
            if name != least:
                more = count - plan.many[0]
                found[name]["bytes_per_key_and_route"] = round((idle[name] - idle[least]) / more)
        return found


def reload(stage: Stage, plan: Plan, progress: Progress) -> dict[str, Row]:
    """The longest that a call of an open loop takes while the configuration is reloaded, and without a reload."""
    progress.step(f"reload of {plan.reload_routes} routes", 15 + plan.reload_routes * _START_S)
    size = Size(routes=plan.reload_routes)
    # The new configuration is read by a process of its own, which is to have a core of its own: nothing is pinned here.
    anywhere = Cores(None, None)
    with hedgerow(stage.driver.mock_url, anywhere, "hedgerow_reload", stage.transport, size) as (grpc, _):
        _flow(stage, grpc, 1.0)
        quiet = _flow(stage, grpc, 4.0)
        before = _in_force(grpc)
        ready: list[float] = []
        turned = threading.Thread(target=_change, args=(grpc, before, ready))
        turned.start()
        busy = [_flow(stage, grpc, 3.0)]
        while turned.is_alive():
            busy.append(_flow(stage, grpc, 3.0))
    row: Row = {
        "routes": plan.reload_routes,
        "longest_ms": round(max(one.latency["max"] for one in busy) * 1000, 1),
        "p99_ms": round(max(one.latency["p99"] for one in busy) * 1000, 1),
        "longest_without_ms": round(quiet.latency["max"] * 1000, 1),
        "p99_without_ms": round(quiet.latency["p99"] * 1000, 1),
        "calls": sum(one.ok for one in busy),
        "failed": sum(one.failed for one in busy),
    }
    if not ready:
        row["void"] = "the new configuration did not come into force"
    else:
        row["in_force_after_s"] = round(ready[0], 2)
    return {"hedgerow": row}


def _flow(stage: Stage, system: System, seconds_: float) -> Reading:
    pace = Pace(2000, seconds_, open_rate_per_s=_RATE_PER_S)
    return stage.driver.run(replace(system.target, connections=2), Ask(UNARY, "bench-unary"), pace)


def _change(system: System, before: str, ready: list[float]) -> None:
    """Puts a file in its place that has one route more, and waits until it is in force."""
    path = Path(system.more["config"])
    config = json.loads(path.read_text())
    config["routes"]["bench-new"] = config["routes"]["bench-unary"]
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(config))
    began = time.monotonic()
    fresh.replace(path)
    while time.monotonic() < began + _RELOAD_PATIENCE_S:
        time.sleep(0.1)
        if _in_force(system) != before:
            ready.append(time.monotonic() - began)
            return


def _in_force(system: System) -> str:
    """What the router says of the configuration that is in force."""
    with urllib.request.urlopen(f"http://{system.more['admin_http']}/metrics", timeout=30) as page:
        lines = page.read().decode().splitlines()
    return "\n".join(line for line in lines if line.startswith("hedgerow_config_info"))
