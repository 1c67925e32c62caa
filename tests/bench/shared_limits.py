"""What limits cost that routers share: a request of the script to Redis, and a call that asks for nothing.

Starts a Redis of its own. Figures are of this machine; Redis and the client share its cores.
`python tests/bench/shared_limits.py`
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

# In the place of this folder, in which there are modules of the same names.
sys.path[0] = str(Path(__file__).resolve().parents[1])

import redis_server
from hedgerow_server.limits.counters import LocalCounters
from hedgerow_server.limits.lender import Loan
from hedgerow_server.limits.limiter import Limiter, LimitMemory
from hedgerow_server.limits.redis import RedisLender
from hedgerow_server.limits.rules import groups
from hedgerow_server.limits.section import BudgetSection, QuotaSection
from hedgerow_server.limits.shared import SharedCounters
from hedgerow_server.limits.sharing import RedisSection, SharingSection
from money.limited import ANN, LATER_S

FOUR = {
    "name": "key",
    "by": ["key"],
    "limits": [{"requests": 10**12, "per": "minute"}, {"tokens": 10**12, "per": "minute"}, {"concurrency": 10**6}],
}
BUDGET = {"name": "month", "by": ["team"], "usd": 1_000_000, "per": "month"}


def loans(number: int, routers: int) -> list[Loan]:
    """What a call with so many limits asks for."""
    return [
        Loan(
            key=f"{routers}-{place}",
            most=10**12,
            length_us=60_000_000,
            slot=0,
            used=5,
            lent=10,
            held=3,
            need=1,
            due=1,
            want=10,
            part=16,
        )
        for place in range(number)
    ]


async def asked(lender: RedisLender, given: list[Loan], rounds: int) -> tuple[float, float]:
    """µs until the answer, and CPU-µs of this process."""
    took: list[float] = []
    cpu_ns = time.process_time_ns()
    for _ in range(rounds):
        began = time.perf_counter()
        await lender.ask(given)
        took.append(time.perf_counter() - began)
    return sorted(took)[rounds // 2] * 1e6, (time.process_time_ns() - cpu_ns) / rounds / 1000


async def call(limiter: Limiter) -> None:
    """Reserves and settles."""
    found = limiter.of(ANN, "fast", "fast")
    taken = await limiter.reserve(found, lambda: limiter.of(ANN, "fast", "fast"), [1, 100, 1, 10**6, 0], LATER_S)
    limiter.settle(taken, [1, 80, 0, 10**6, 0])


async def calls(one: Callable[[], Awaitable[None]], number: int) -> float:
    """CPU-µs of one of them; a pause after each hundred, as there are in a router."""
    cpu_ns = time.process_time_ns()
    for count in range(number):
        await one()
        if count % 100 == 0:
            await asyncio.sleep(0)
    return (time.process_time_ns() - cpu_ns) / number / 1000


async def figures(url: str, rounds: int) -> dict[str, float]:
    """By what was measured."""
    section = RedisSection(url=url, timeout_seconds=1.0)
    found: dict[str, float] = {}
    for routers in (2, 20):
        lenders = [RedisLender(section) for _ in range(routers)]
        for number in (1, 4, 64):
            given = loans(number, routers)
            for one in lenders:
                await one.ask(given)
            wall, cpu = await asked(lenders[0], given, rounds if number < 64 else rounds // 5)
            found[f"ask for {number} counts of {routers} routers, µs"] = round(wall, 1)
            found[f"ask for {number} counts of {routers} routers, CPU-µs of the router"] = round(cpu, 1)
        for one in lenders:
            await one.close()
    rules = groups([QuotaSection.model_validate(FOUR)], [BudgetSection.model_validate(BUDGET)])
    shared = SharedCounters(SharingSection(redis=section, replicas=2), RedisLender(section))
    await shared.settle_in()
    shared.start()
    for name, counters in (("alone", LocalCounters()), ("shared", shared)):
        limiter = Limiter(rules, LimitMemory(counters))
        before = shared.lender.requests
        number = 20 * rounds
        found[f"reserve and settle, 4 limits, {name}, CPU-µs a call"] = round(
            await calls(partial(call, limiter), number), 2
        )
    found["requests to Redis for each of those calls"] = round((shared.lender.requests - before) / number, 4)
    await shared.close()
    return found


def main() -> None:
    """Prints the figures, as JSON with --json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=1000)
    given = parser.parse_args()
    with redis_server.running() as server:
        server.empty()
        best: dict[str, Any] = asyncio.run(figures(server.url, given.rounds))
    if given.json:
        print(json.dumps(best))
    else:
        for name, value in best.items():
            print(f"{name:62} {value:10.2f}")


if __name__ == "__main__":
    main()
