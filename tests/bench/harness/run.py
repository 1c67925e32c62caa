"""The command line of quick and full: sets the systems up, takes the measures, writes what came out."""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path

from bench.harness import costs, latency, machine, memory, scale
from bench.harness.blocks import Row
from bench.harness.plan import QUICK, Plan
from bench.harness.progress import Progress
from bench.harness.report import table, write_page
from bench.harness.stage import Stage, stage

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "benchmarks.md"
PEERS = ("litellm", "portkey", "envoy", "grpcio")
GROUPS = ("behind_door", "costs", "latency", "memory", "scale")
_BEHIND_S = 12.0
_START_S = 30.0
Results = dict[str, dict[str, Row]]


def arguments(name: str, text: str, given: Sequence[str] | None = None) -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(prog=f"scripts/bench {name}", description=text)
    parser.add_argument("--peers", default="", help=f"other systems in the same run, of {','.join(PEERS)}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures to this file")
    parser.add_argument(
        "--only", default="", metavar="NAMES", help=f"only these, of {','.join(GROUPS)} or measures of costs"
    )
    parser.add_argument(
        "--transport",
        default="thin",
        help="Hedgerow's upstream client, as `transport` of a provider (default thin)",
    )
    parser.add_argument(
        "--page",
        action=argparse.BooleanOptionalAction,
        default=name == "full",
        help="write docs/benchmarks.md, its pictures and docs/benchmarks/NAME.json (full does by default)",
    )
    found = parser.parse_args(given)
    found.peers = [one for one in found.peers.split(",") if one]
    if strange := [one for one in found.peers if one not in PEERS]:
        parser.error(f"no such peer: {', '.join(strange)}; there are {', '.join(PEERS)}")
    found.only = [one for one in found.only.split(",") if one]
    known = {*GROUPS, *(one.name for one in costs.costs(QUICK))}
    if strange := [one for one in found.only if one not in known]:
        parser.error(f"nothing is called {', '.join(strange)}; there are {', '.join(sorted(known))}")
    return found


def main(plan: Plan, text: str) -> int:
    """The exit status: 0 where every row may be used."""
    asked = arguments(plan.name, text)
    facts = machine.facts(ROOT)
    if busy := machine.busy():
        print(busy, file=sys.stderr)
    with stage(asked.peers, asked.transport) as running:
        results = _taken(running, plan, asked.only)
        results = {
            "_run": {
                "machine": facts | {"load_average_after": machine.facts(ROOT)["load_average_before"]},
                "arguments": {"plan": plan.name, "transport": asked.transport, "peers": asked.peers},
                "method": _method(running, plan),
                "versions": {
                    "grpcio": version("grpcio"),
                    "protobuf": version("protobuf"),
                    "aiohttp": version("aiohttp"),
                },
                "systems": {one.name: {"title": one.title, "note": one.note} for one in running.systems.values()},
                "missing": {"peers": running.missing, "busy": busy},
            },
            **results,
        }
    print(table(results))
    if asked.json:
        asked.json.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if asked.page:
        write_page(PAGE, plan.name, results)
    voids = [
        f"{measure} {name}: {row['void']}"
        for measure, rows in results.items()
        for name, row in rows.items()
        if "void" in row
    ]
    for one in (*voids, *running.missing):
        print(f"VOID  {one}")
    return 0


def _method(running: Stage, plan: Plan) -> Row:
    return {
        "pinned": running.cores.gateway is not None,
        "passes": {"unary_1kb": 2 * plan.rounds, "streams": 2 * plan.stream_rounds, "others": 2 * plan.side_rounds},
        "slot_s": plan.slot_s,
        "interval": "95 % of bootstrap resamples of the median over passes",
    }


def _taken(running: Stage, plan: Plan, only: Sequence[str]) -> Results:
    def wanted(*names: str) -> bool:
        return not only or any(name in only for name in names)

    chosen = [one for one in costs.costs(plan) if wanted("costs", one.name)]
    steps: list[tuple[str, float, Callable[[Progress], Results]]] = [
        ("memory", 0.0, lambda _: {"memory_idle": memory.idle(running)}),
        ("behind_door", _BEHIND_S, lambda progress: _behind_the_door(running, progress)),
    ]
    warm_s = 2.0 * len(running.systems)
    progress_s = sum(one.seconds(running) for one in chosen) + warm_s
    steps.append(("warm", warm_s, lambda progress: _warm(running, progress)))
    steps += [("costs", 0.0, partial(_cost, running, cost)) for cost in chosen]
    steps.append(("latency", latency.seconds(running, plan), lambda progress: _latency(running, plan, progress)))
    steps.append(("memory", memory.seconds(plan), lambda progress: _memory(running, plan, progress)))
    steps.append(("scale", scale.seconds(plan), lambda progress: {"scale": scale.many(running, plan, progress)}))
    steps.append(("scale", 0.0, lambda progress: {"reload": scale.reload(running, plan, progress)}))
    groups = {"warm", *(["costs"] if chosen else [])}
    steps = [one for one in steps if one[0] in groups or wanted(one[0])]
    progress = Progress(progress_s + sum(seconds for name, seconds, _ in steps if name != "warm"))
    results: Results = {}
    for name, _, step in steps:
        try:
            results |= step(progress)
        except (RuntimeError, OSError, KeyError) as error:
            # What was measured until then is worth more than an end without any of it.
            progress.say(f"{name}: {error}")
            running.missing.append(f"{name}: {error}")
    progress.step("done", 0.0)
    return results


def _cost(running: Stage, cost: costs.Cost, progress: Progress) -> Results:
    return {cost.name: costs.taken(running, cost, progress)}


def _warm(running: Stage, progress: Progress) -> Results:
    costs.warm(running, progress)
    return {}


def _behind_the_door(running: Stage, progress: Progress) -> Results:
    """In a process of its own, on the gateway's core."""
    progress.step("behind the door", _BEHIND_S)
    with tempfile.TemporaryDirectory() as folder:
        path, script = Path(folder) / "figures.json", ROOT / "tests" / "bench" / "behind_door.py"
        with running.cores.spawn(gateway=True):
            command = [sys.executable, str(script), "--rounds", "5", "--scale", "0.5", "--json", str(path)]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        found: Results = json.loads(path.read_text())
        return found


def _latency(running: Stage, plan: Plan, progress: Progress) -> Results:
    capacity = latency.throughput(running, plan, progress)
    opened = latency.open_loop(running, plan, progress, capacity)
    return {"throughput": capacity, **opened, "first_token": latency.first_token(running, plan, progress)}


def _memory(running: Stage, plan: Plan, progress: Progress) -> Results:
    return {"memory_open_streams": memory.streams(running, plan, progress), **memory.growth(running, plan, progress)}
