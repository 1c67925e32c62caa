"""What a kept answer costs the gateway, and what it saves.

First CPU, in process: a hit beside the same chain whose answer is there already, so that the difference is the cache
alone; a miss, and a route without a cache, likewise. Then how long a call takes that finds Redis frozen or gone, where
there is a Redis to be started. Last a replay of prompts by several tenants in virtual time: how many calls reach the
provider, and what was saved. The prompts follow Zipf's law unless `--prompts` gives a file with one a line, whose order
is kept.
"""

import argparse
import asyncio
import gc
import itertools
import json
import random
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

# Instead of this folder, whose `money` is another.
sys.path[0] = str(Path(__file__).resolve().parents[1])

import redis_server
import uvloop
import virtual
from cache.world import World, spec
from hedgerow_server.caching.section import CacheRedisSection, CacheSection
from hedgerow_server.caching.shelf import Caches
from hedgerow_server.core.call import Call, Kind, Principal
from hedgerow_server.core.event import Event, TextDelta
from hedgerow_server.core.request import ChatRequest, ChatSpec
from hedgerow_server.core.secret import Secret

WHO = Principal("acme", user="ann")
PROMPT, ANSWER = "Say something about hedges. " * 36, "A hedge is a line of shrubs. " * 36
ROUNDS, CALLS = 9, 1_500
_INPUT_PICOS, _OUTPUT_PICOS = 150_000, 600_000
"""Of a token: $0.15 and $0.60 for a million."""
_CHARACTERS = 4
"""Of a token, as a rule of thumb."""


async def _nothing(_: Event) -> None:
    pass


class Line:
    """One kind of call, to be measured."""

    def __init__(self, name: str, world: World, kind: Kind, asks: Callable[[int], ChatSpec]) -> None:
        self.name, self.world, self.kind, self.asks = name, world, kind, asks
        self.best_us = float("inf")

    async def measure(self, calls: int) -> None:
        """CPU of so many calls; the least counts: what others do on the machine only ever adds."""
        made = []
        for number in range(calls):
            call = self.world._call(WHO, self.kind, ChatRequest(spec=self.asks(number)), 30.0)
            made.append(call)
        gc.collect()
        began_ns = time.process_time_ns()
        for call in made:
            await self.world.chain.serve(call, _nothing)
        self.best_us = min(self.best_us, (time.process_time_ns() - began_ns) / calls / 1000)


def world(pieces: Sequence[Event], **cache: Any) -> World:
    """One whose provider takes no time."""
    made = World(section=CacheSection(max_memory_bytes=1 << 30), clock=time.time, **cache)
    made.pieces, made.takes_s = pieces, 0.0
    return made


async def cpu(rounds: int, calls: int) -> dict[str, float]:
    """CPU-µs a call, by what happens."""
    shapes = {
        "unary, 1 KB in one piece": (Kind.UNARY, (TextDelta(0, ANSWER),)),
        "stream, 1 KB in 64 pieces": (Kind.SERVER_STREAM, tuple(TextDelta(0, ANSWER[n : n + 16]) for n in range(64))),
    }
    same, fresh = spec(PROMPT), itertools.count()
    lines: list[Line] = []
    for shape, (kind, pieces) in shapes.items():
        cached, off = world(pieces), world(pieces, mode="off")
        await cached.ask(same, WHO, kind=kind)
        there = await off.ask(same, WHO, kind=kind)
        alone = world(pieces, mode="off")
        alone.chain = alone.before(_Ready(tuple(there.events)))
        lines += [
            Line(f"{shape}: chain alone", alone, kind, lambda _: same),
            Line(f"{shape}: hit", cached, kind, lambda _: same),
            Line(f"{shape}: provider, no cache", off, kind, lambda _: same),
            Line(f"{shape}: provider, kept", cached, kind, lambda _: spec(f"{next(fresh)} {PROMPT}")),
        ]
    for _ in range(rounds):
        for line in lines:
            await line.measure(calls)
    return {line.name: line.best_us for line in lines}


async def away(calls: int) -> dict[str, float]:
    """Milliseconds of the first look-up after Redis was frozen or killed, and of the slowest one after that. The least
    of three: what else runs on the machine is not what is measured.
    """
    found: dict[str, float] = {}
    for trouble in ("frozen", "gone"):
        for _ in range(3):
            with redis_server.running() as server:
                redis = CacheRedisSection.model_validate({"url": server.url})
                section = CacheSection(store="redis", redis=redis, mac_key="mac")
                one = World(caches=Caches(lambda _: Secret("a key for measurements")), section=section, clock=time.time)
                one.takes_s = 0.0
                for _ in range(50):
                    await one.ask()
                (server.freeze if trouble == "frozen" else server.kill)()
                took: list[float] = []
                for _ in range(calls):
                    began_s = time.monotonic()
                    await one.ask()
                    took.append((time.monotonic() - began_s) * 1000)
                if trouble == "frozen":
                    server.thaw()
                await one.caches.close()
                for name, ms in (("first", took[0]), ("slowest after it", max(took[1:]))):
                    key = f"{trouble}: {name}"
                    found[key] = min(ms, found.get(key, ms))
    return found


class _Ready:
    """Has the answer already."""

    name = "ready"
    after = ()

    def __init__(self, events: tuple[Event, ...]) -> None:
        self._events = events

    async def admit(self, call: Call) -> None:
        call.answer = self._play()

    async def _play(self) -> Any:
        for event in self._events:
            yield event

    def settle(self, call: Call, outcome: object) -> None: ...


def prompts(count: int, questions: int, dice: random.Random) -> list[str]:
    """Questions by Zipf's law: the second is asked half as often as the first, and so on."""
    texts = [f"Question {number}: {'please explain ' * dice.randrange(1, 40)}" for number in range(questions)]
    return dice.choices(texts, [1 / (place + 1) for place in range(questions)], k=count)


async def replay(asked: Sequence[str], scope: str, dice: random.Random) -> dict[str, float]:
    """Ten tenants of twenty users each, five calls a second; answers take two seconds and are kept for an hour."""
    one = World(section=CacheSection(max_memory_bytes=1 << 30), scope=scope, ttl_seconds=3600.0)
    one.takes_s = 2.0
    one.cost_of = _cost
    spent, saved, outcomes = 0, 0, Counter[str]()

    async def call(text: str, who: Principal, after_s: float) -> None:
        nonlocal spent, saved
        await asyncio.sleep(after_s)
        told = await one.ask(text, who)
        assert told.error is None
        outcomes[told.call.cache] += 1
        if told.origin is None:
            spent += told.completed.attempts[0].cost_picos or 0
        else:
            saved += told.origin.saved_picos or 0

    at_s, running = 0.0, []
    for text in asked:
        at_s += dice.expovariate(5.0)
        tenant = dice.randrange(10)
        who = Principal(f"tenant-{tenant}", user=f"user-{tenant}-{dice.randrange(20)}")
        running.append(asyncio.create_task(call(text, who, at_s)))
    await asyncio.gather(*running)
    return {
        "calls": len(asked),
        "upstream": len(one.asked),
        "exact": one.caches.counts.exact,
        "shared": one.caches.counts.shared,
        "spent_usd": spent / 1e12,
        "saved_usd": saved / 1e12,
        "saved_share": saved / (spent + saved),
    }


def _cost(asked: ChatSpec) -> int:
    text = asked.messages[-1].content[0].content
    length = len(getattr(text, "text", ""))
    return length // _CHARACTERS * _INPUT_PICOS + (50 + length % 400) * _OUTPUT_PICOS


def main() -> None:
    """Prints the figures, as JSON with --json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--calls", type=int, default=CALLS)
    parser.add_argument("--replayed", type=int, default=20_000)
    parser.add_argument("--questions", type=int, default=2_000)
    parser.add_argument("--prompts", type=Path, help="a file of prompts, one a line, in the place of Zipf's")
    given = parser.parse_args()
    found = uvloop.run(cpu(given.rounds, given.calls))
    dice = random.Random(8)
    asked = given.prompts.read_text().splitlines() if given.prompts else prompts(given.replayed, given.questions, dice)
    waits = asyncio.run(away(100)) if shutil.which("redis-server") else {}
    replays = {scope: virtual.run(replay(asked, scope, random.Random(9))) for scope in ("tenant", "user")}
    if given.json:
        print(
            json.dumps(
                {
                    "cpu_us": {name: round(one, 2) for name, one in found.items()},
                    "redis_away_ms": waits,
                    "replay": replays,
                }
            )
        )
        return
    for name, micros in found.items():
        shape, _, what = name.partition(": ")
        over = micros - found[f"{shape}: chain alone"]
        beside = f"   {over:+7.1f} beside the chain alone" if what == "hit" else ""
        print(f"{name:50} {micros:7.1f} CPU-µs a call{beside}")
    print()
    for name, ms in waits.items():
        print(f"Redis {name:44} {ms:7.1f} ms for a call that is a miss")
    print()
    for scope, one in replays.items():
        print(
            f"replay, scope {scope:7} {one['calls']:.0f} calls, {one['upstream']:.0f} upstream"
            f" ({one['exact']:.0f} hits, {one['shared']:.0f} waited for an equal one);"
            f" ${one['spent_usd']:.4f} spent, ${one['saved_usd']:.4f} saved: {one['saved_share']:.0%}"
        )


if __name__ == "__main__":
    main()
