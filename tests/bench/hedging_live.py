"""Hedging for real: calls through a router and a simulator, compared with the same number of calls in virtual time.

The simulator answers by the law gpt-4o with all times divided by 20. First the calls go to a route that does not hedge,
which tells what the path itself adds; then to one that does, in a router that knows nothing yet. Extra calls are
counted in the simulator's book, not by the router. See docs/hedging.md.
"""

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any, cast

import grpc.aio
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench._hedging_laws import Draws, Floats, Law, laws
from bench._hedging_world import run
from hedgerow.chat.v1 import chat_service_pb2, chat_service_pb2_grpc, message_pb2
from hedgerow_server.routing.hedge import HedgePolicy
from stack import KEY, router, simulator

Json = dict[str, Any]

SPEED = 20
POLICY = HedgePolicy(min_delay_s=0.005)
VIRTUAL_RUNS = 100
BAND = (0.005, 0.995)
"""Real figures shall lie where 99 % of the virtual runs do, with an allowance for the path's own noise."""
ALLOWANCE_S = 0.005


def fast_law() -> Law:
    """The law, faster."""
    law = laws()["gpt-4o"]
    knots = zip(law.shares, law.logs, strict=True)
    return Law([[share, 1000 * float(np.exp(log)) / SPEED] for share, log in knots])


def configuration(sim_url: str) -> Json:
    """Two routes to the same two candidates: one hedges."""
    candidates = [{"provider": "sim", "model": model} for model in ("gpt-4o", "gpt-4o-mini")]
    hedge = {
        "max_extra_percent": 100 * POLICY.max_extra,
        "min_delay_seconds": POLICY.min_delay_s,
        "max_delay_seconds": POLICY.max_delay_s,
        "min_samples": int(POLICY.min_samples),
    }
    doors = ("grpc", "admin_grpc", "admin_http")
    return {
        "server": {door: {"listen": "127.0.0.1:0"} for door in doors},
        "credentials": {"sim": {"source": "env", "variable": "HEDGEROW_TEST_KEY"}},
        "providers": {"sim": {"dialect": "openai", "base_url": f"{sim_url}/v1", "credential": "sim"}},
        "routes": {
            "plain": {"kind": "chat", "candidates": candidates[:1]},
            "hedged": {"kind": "chat", "candidates": candidates, "hedge": hedge},
        },
        "telemetry": {"call_log": False},
    }


async def calls(target: str, model: str, count: int, rate: float, seed: int) -> Floats:
    """First-token times of so many streams that begin as a Poisson stream, whatever the others do."""
    took = np.zeros(count)
    chat = message_pb2.ChatSpec(
        model=model,
        messages=[message_pb2.Message(role=message_pb2.ROLE_USER, content=[message_pb2.Part(text="Hello")])],
    )
    async with grpc.aio.insecure_channel(target) as channel:
        stub = cast("chat_service_pb2_grpc.ChatServiceAsyncStub", chat_service_pb2_grpc.ChatServiceStub(channel))

        async def one(call: int) -> None:
            began_s = time.perf_counter()
            async for event in stub.StreamComplete(chat_service_pb2.StreamCompleteRequest(chat=chat)):
                if not took[call] and event.HasField("text_delta"):
                    took[call] = time.perf_counter() - began_s

        await one(0)
        rng, tasks, due_s = random.Random(seed), [], time.perf_counter()
        for call in range(count):
            took[call] = 0
            due_s += rng.expovariate(rate)
            await asyncio.sleep(max(0.0, due_s - time.perf_counter()))
            tasks.append(asyncio.create_task(one(call)))
        await asyncio.gather(*tasks)
    assert took.all(), "a stream had no text"
    return took


def book(sim_url: str) -> Json:
    """The simulator's totals."""
    with urllib.request.urlopen(f"{sim_url}/_sim/book?last=0") as answer:
        return cast("Json", json.load(answer)["totals"])


def measured(count: int, rate: float, seed: int) -> Json:
    """The real runs."""
    shares = fast_law().shares
    quantiles = dict(zip(("p50", "p95", "p99", "max"), fast_law().times(np.array(shares[1:])) * 1000, strict=True))
    written = json.dumps({"first_ms": quantiles, "token_ms": 0})
    with tempfile.TemporaryDirectory() as name, simulator(Path(name), "--law", written) as sim:
        sim_url = f"http://{sim.addresses['http']}"
        with router(Path(name), configuration(sim_url), HEDGEROW_TEST_KEY=KEY) as running:
            target = running.addresses["grpc"]
            plain = asyncio.run(calls(target, "plain", count, rate, seed))
        # A router that has learned nothing, as the virtual one.
        with router(Path(name), configuration(sim_url), HEDGEROW_TEST_KEY=KEY) as running:
            before = book(sim_url)
            hedged = asyncio.run(calls(running.addresses["grpc"], "hedged", count, rate, seed))
            after = book(sim_url)
    # One call more than counted: the first opens the connection.
    extra = after["calls"] - before["calls"] - (count + 1)
    added_s = max(0.0, float(np.quantile(plain, 0.5)) - float(quantiles["p50"]) / 1000)
    return {
        "path_adds_s": added_s,
        "without_p50_s": float(np.quantile(plain, 0.5)),
        "without_p99_s": float(np.quantile(plain, 0.99)),
        "p50_s": float(np.quantile(hedged, 0.5)),
        "p99_s": float(np.quantile(hedged, 0.99)),
        "extra_percent": 100 * extra / count,
        "cancelled": after["cancelled"] - before["cancelled"],
    }


def expected(count: int, rate: float, seed: int) -> dict[str, tuple[float, float, float]]:
    """What virtual runs of the same law give: the low end of the band, the median, the high end."""
    found: dict[str, list[float]] = {"without_p99_s": [], "p50_s": [], "p99_s": [], "extra_percent": []}
    for number in range(VIRTUAL_RUNS):
        draws = Draws(fast_law(), "iid", count, seed + number, rate)
        outcome = run(draws, POLICY)
        found["without_p99_s"].append(float(np.quantile(draws.first, 0.99)))
        found["p50_s"].append(float(np.quantile(outcome.first_token_s, 0.5)))
        found["p99_s"].append(float(np.quantile(outcome.first_token_s, 0.99)))
        found["extra_percent"].append(100 * len(outcome.hedged) / count)
    low, high = BAND
    return {
        name: (float(np.quantile(values, low)), float(np.median(values)), float(np.quantile(values, high)))
        for name, values in found.items()
    }


def main() -> int:
    """The exit status: 0 if real and virtual runs agree."""
    parser = argparse.ArgumentParser(prog="scripts/bench hedging_live", description=__doc__)
    parser.add_argument("--calls", type=int, default=3000, help="real calls of each route")
    parser.add_argument("--rate", type=float, default=50.0, help="arrivals a second")
    parser.add_argument("--seed", type=int, default=1, help="of arrivals and virtual draws")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    given = parser.parse_args()
    real = measured(given.calls, given.rate, given.seed)
    virtual = expected(given.calls, given.rate, given.seed)
    print(f"{given.calls:,} calls, {given.rate:g} a second; the path adds {1000 * real['path_adds_s']:.1f} ms\n")
    print(f"{'':16}{'real, less the path':>20}{'virtual, 99 % of runs':>26}{'median':>10}")
    apart = []
    for name, (low, median, high) in virtual.items():
        timed = name.endswith("_s")
        value = real[name] - (real["path_adds_s"] if timed else 0)
        slack, scale, unit = (ALLOWANCE_S, 1000, "ms") if timed else (0.0, 1, "%")
        agrees = (low - slack <= value <= high + slack) if timed else low <= value <= 100 * POLICY.max_extra
        title = name.removesuffix("_s").removesuffix("_percent").replace("_", " ")
        band = f"{scale * low:.2f} to {scale * high:.2f} {unit}"
        print(f"{title:16}{scale * value:>17.2f} {unit}{band:>26}{scale * median:>10.2f}{'' if agrees else '  APART'}")
        apart += [] if agrees else [name]
    print(f"\n{real['cancelled']} upstream calls were cancelled, as losers of races are.")
    if given.json:
        told = {"calls": given.calls, "rate": given.rate, "real": real, "virtual": virtual, "apart": apart}
        given.json.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    return 1 if apart else 0


if __name__ == "__main__":
    sys.exit(main())
