"""One tenant at fifty times its share of a provider's limit, and what the others notice of it.

A router and a provider in the simulator whose limit holds, as `tests/money/test_provider_limits.py` has them. The quiet
tenants call at a steady pace within their share, first alone and then beside the noisy one, whose calls come at fifty
times its share. Everything is on one machine: what its CPU is short of shows in the times as well.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

# In the place of this folder, where `money` is another benchmark.
sys.path[0] = str(Path(__file__).resolve().parents[1])

from money.tenants import HOG, QUIET, Crowd, House, crowd, house, p99

_TIMES = 50
_GOAL = 1.5


async def quiet(tenants: Crowd, model: str, seconds: float, per_s: float) -> None:
    """All quiet tenants at their pace."""
    calls = max(1, round(seconds * per_s))
    await asyncio.gather(*(tenants.steady(one, model, calls, 1 / per_s) for one in QUIET))


async def noisy(tenants: Crowd, model: str, per_s: float) -> None:
    """Calls at a pace, whatever becomes of them, until cancelled."""
    async with asyncio.TaskGroup() as group:
        while True:
            group.create_task(tenants.call(HOG, model, timeout=5))
            await asyncio.sleep(1 / per_s)


async def run(at: House, model: str, limit: int, seconds: float, *, loud: bool) -> dict[str, Any]:
    """One round; tells what the quiet ones noticed."""
    share_s = (limit - limit // 10) / (1 + len(QUIET)) / 60
    at.limit(model, requests_per_minute=limit)
    async with crowd(at) as tenants:
        flood = asyncio.create_task(noisy(tenants, model, _TIMES * share_s)) if loud else None
        await quiet(tenants, model, seconds, share_s * 0.8)
        if flood is not None:
            flood.cancel()
            await asyncio.gather(flood, return_exceptions=True)
        times_s = [took_s for one in QUIET for took_s in tenants.told[one].took_s]
        return {
            "calls": len(times_s),
            "p50_ms": median(times_s) * 1000,
            "p99_ms": p99(times_s) * 1000,
            "failed": sum(len(tenants.told[one].refused) for one in QUIET),
            "upstream_429": at.statuses(model).count(429),
            "noisy_calls": len(tenants.told[HOG].outcomes),
            "noisy_served": tenants.told[HOG].served,
        }


async def rounds(at: House, limit: int, seconds: float) -> dict[str, dict[str, Any]]:
    """By case: the quiet ones alone, beside a noisy one with a limit that is learned or configured, and unprotected."""
    found = {"alone": await run(at, "alone", limit, seconds, loud=False)}
    for name in ("learned", "configured", "unprotected"):
        found[name] = await run(at, name, limit, seconds, loud=True)
    return found


def main() -> None:
    """Prints a table; fails where a quiet tenant met a 429 or waited too long and `--check` is given."""
    parser = argparse.ArgumentParser(prog="scripts/bench noisy", description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--limit", type=int, default=300, help="requests in a minute (default 300)")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long each case runs (default 20)")
    parser.add_argument("--check", action="store_true", help=f"fail where the p99 is above {_GOAL:g} times what it was")
    arguments = parser.parse_args()
    providers: dict[str, dict[str, Any]] = {
        "alone": {},
        "learned": {},
        "configured": {"rate_limits": {"requests_per_minute": arguments.limit, "learn": False}},
        "unprotected": {"rate_limits": None},
    }
    with tempfile.TemporaryDirectory() as folder, house(Path(folder), providers) as at:
        found = asyncio.run(rounds(at, arguments.limit, arguments.seconds))
    alone_ms = found["alone"]["p99_ms"]
    print(
        f"{'':<12} {'calls':>6} {'p50 ms':>8} {'p99 ms':>8} {'ratio':>6} {'failed':>7} {'429s':>5} {'noisy served':>15}"
    )
    for name, one in found.items():
        served = f"{one['noisy_served']} of {one['noisy_calls']}"
        ratio = one["p99_ms"] / alone_ms
        times = f"{one['p50_ms']:>8.0f} {one['p99_ms']:>8.0f} {ratio:>6.2f}"
        print(f"{name:<12} {one['calls']:>6} {times} {one['failed']:>7} {one['upstream_429']:>5} {served:>15}")
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2) + "\n")
    protected = [found["learned"], found["configured"]]
    missed = [one for one in protected if one["failed"] or one["upstream_429"] or one["p99_ms"] > _GOAL * alone_ms]
    if arguments.check and missed:
        raise SystemExit("the quiet tenants notice the noisy one")


if __name__ == "__main__":
    main()
