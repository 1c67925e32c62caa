"""CPU of routing a call: the plan and the executor, without what any attempt costs by itself.

Each case is timed with a null dialect and a null upstream, once through plan and executor and once as the bare attempt
(`Attempt.next`), in turns; the difference is what routing adds. The figures are of this process alone.
"""

import argparse
import gc
import json
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path

import msgspec
import uvloop

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.behind_door import NullTransport
from hedgerow_server.core.call import Call, Principal
from hedgerow_server.core.drift import Drift
from hedgerow_server.core.event import AttemptKind, Event, Finished, FinishReason, Started, TextDelta, Usage
from hedgerow_server.core.model import ModelFacts
from hedgerow_server.core.port import CancelBilling, HttpRequest, Operation, Prepared, RateLimit, RateLimits
from hedgerow_server.core.request import NO_POLICY, ChatSpec, Message, Part, Role, Text
from hedgerow_server.providers.openai import OpenAI, OpenAISection
from hedgerow_server.routing.affinity import Affinity
from hedgerow_server.routing.ask import Ask
from hedgerow_server.routing.attempt import Attempt
from hedgerow_server.routing.candidate import Candidate, Upstream
from hedgerow_server.routing.conditions import Condition
from hedgerow_server.routing.execute import execute
from hedgerow_server.routing.hedge import HedgePolicy
from hedgerow_server.routing.hedges import HedgeBudgets, Hedges
from hedgerow_server.routing.limits import Limits
from hedgerow_server.routing.plan import Bounds
from hedgerow_server.routing.pool import Pool, PoolPolicy
from hedgerow_server.routing.route import Route, Rule
from hedgerow_server.routing.routes import Routes
from hedgerow_server.routing.state import States
from unit.hedgerow_server.calls import method

SPEC = ChatSpec(model="m", messages=(Message(Role.USER, (Part(Text("Say something about hedges. " * 36)),)),))
"""About 1 KB."""
_METHOD = method()
_PREPARED = Prepared(HttpRequest("POST", "http://null/", {}, b"{}"))
_ANSWER: list[Event] = [
    Started("", "null", (), "r"),
    TextDelta(0, "hedge"),
    Finished(FinishReason.STOP, "stop", Usage(input_uncached_tokens=250, output_visible_tokens=1, final=True)),
]
_GOAL_US = 30.0
_PLAIN = "one plain candidate"


class NullReader:
    """Answers in one piece."""

    done = False

    def feed(self, data: bytes) -> list[Event]:
        self.done = True
        return list(_ANSWER)

    def finish(self) -> list[Event]:
        return []


class NullDialect(OpenAI):
    """A dialect that costs nothing."""

    drift: Drift

    def build(self, *_: object, **__: object) -> Prepared:
        return _PREPARED

    def reader(self, *_: object, **__: object) -> NullReader:
        return NullReader()

    def rate_limits(self, headers: Mapping[str, str]) -> RateLimits | None:
        return None

    def billing_after_cancel(self, model: str, *, stream: bool) -> CancelBilling:
        return CancelBilling.STOPS


_TOLD = RateLimits(
    requests=RateLimit(remaining=29_000_000, limit=30_000_000, reset_s=2.0, window_s=60.0),
    tokens=RateLimit(remaining=149_000_000_000, limit=150_000_000_000, reset_s=2.0, window_s=60.0),
)


class TellingDialect(NullDialect):
    """One whose answers tell of limits that nobody reaches."""

    def rate_limits(self, headers: Mapping[str, str]) -> RateLimits | None:
        return _TOLD


def pooled(dialect: type[NullDialect], *, others: int) -> list[Candidate]:
    """A candidate whose key has a pool, as every one has by default; so many other tenants use it as well."""
    (one,) = candidates("a")
    upstream = msgspec.structs.replace(one.upstream, dialect=dialect("a", OpenAISection(dialect="openai")))
    pool = one.state.pool = Pool(PoolPolicy(several=True))
    pool.answered(dialect("a", OpenAISection(dialect="openai")).rate_limits({}))
    for number in range(others):
        turn = pool.take(f"t{number}", 100)
        assert turn is not None
        pool.over(turn, 100)
    return [msgspec.structs.replace(one, upstream=upstream)]


def candidates(*names: str, facts: ModelFacts | None = None) -> list[Candidate]:
    """Candidates that answer at once, known well enough to be hedged."""
    states, found = States(), []
    for name in names:
        dialect = NullDialect(name, OpenAISection(dialect="openai"))
        upstream = Upstream(name, dialect, NullTransport("text/event-stream", [b"x"]), None, None, 60.0)
        one = Candidate(upstream, "null", states.of(name, "", "null", ""), region="eu", facts=facts)
        for _ in range(100):
            # A second is far above what an answer takes here: no second attempt starts.
            one.state.times[True].observe(1.0, time.monotonic())
        found.append(one)
    return found


_FACTS = ModelFacts(context_tokens=128_000, tools=True, input_modalities=frozenset({"text", "image"}))
_RULES = ["labels.team == 'ads'", "request.input_tokens > 100000", "tenant == 'acme' && request.tools"]


def cases() -> dict[str, Route]:
    """The routes that are measured, each a little more than the one before."""
    hedges = Hedges(HedgePolicy(), HedgeBudgets())
    rules = [Rule(when=Condition(text), providers=frozenset({"a"})) for text in _RULES]
    return {
        _PLAIN: Route("plain", candidates("a")),
        "two with facts": Route("facts", candidates("a", "b", facts=_FACTS)),
        "and affinity": Route("sticky", candidates("a", "b", facts=_FACTS), affinity=Affinity(600.0)),
        "and three rules": Route("rules", candidates("a", "b", facts=_FACTS), rules=rules),
        "a pool, nothing told": Route("untold", pooled(NullDialect, others=0)),
        "a pool, limits told": Route("told", pooled(TellingDialect, others=1)),
        "1,000 other tenants": Route("many", pooled(TellingDialect, others=1000)),
        "one plain, hedging": Route("hedged", candidates("a"), bounds=Bounds(streams=True, hedges=hedges)),
    }


def fresh() -> Call:
    """A call as it comes to its RPC."""
    one = Call(_METHOD, {}, b"")
    one.principal = Principal("acme", "search", "u")
    one.deadline_s = one.started_s + 600
    return one


def routed(name: str, route: Route) -> Callable[[], Awaitable[None]]:
    """A whole call through plan and executor."""
    routes = Routes([("chat", route)])
    spec = msgspec.structs.replace(SPEC, model=name)

    async def run() -> None:
        call = fresh()
        plan = routes.plan(Ask(call, Operation.CHAT, spec, NO_POLICY, labels={"team": "search"}, stream=True))
        async with aclosing(execute(call, plan, spec, stream=True)) as events:
            async for _ in events:
                pass

    return run


def bare(route: Route) -> Callable[[], Awaitable[None]]:
    """The attempt that it makes, alone, with the same clocks."""
    candidate = route.candidates[0]
    limits = Limits(300.0 if len(route.candidates) > 1 else None, 60.0)

    async def run() -> None:
        call = fresh()
        attempt = Attempt(call, candidate, SPEC, NO_POLICY, stream=True, kind=AttemptKind.PRIMARY, limits=limits)
        batch: list[Event] = []
        while not batch or not isinstance(batch[-1], Finished):
            batch = await attempt.next()

    return run


async def micros(run: Callable[[], Awaitable[None]], count: int) -> float:
    """CPU-µs of one run."""
    before = time.process_time()
    for _ in range(count):
        await run()
    return (time.process_time() - before) * 1e6 / count


async def figures(rounds: int, count: int) -> dict[str, list[tuple[float, float]]]:
    """By case: the µs of the attempt alone and those of the whole, in turns."""
    found: dict[str, list[tuple[float, float]]] = {}
    made = {label: (bare(route), routed(route.name, route)) for label, route in cases().items()}
    gc.collect()
    gc.freeze()
    for _ in range(rounds):
        for label, (alone, whole) in made.items():
            await micros(whole, 20)
            found.setdefault(label, []).append((await micros(alone, count), await micros(whole, count)))
    return found


def added(pairs: Sequence[tuple[float, float]]) -> float:
    """What routing adds: the difference of the quickest rounds, which others on the machine have disturbed least."""
    return min(whole for _, whole in pairs) - min(alone for alone, _ in pairs)


def main() -> None:
    """Prints a table; fails where a case is above the goal and `--check` is given."""
    parser = argparse.ArgumentParser(prog="scripts/bench routing", description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--rounds", type=int, default=25, help="how often each case is measured (default 25)")
    parser.add_argument("--calls", type=int, default=400, help="calls of a round (default 400)")
    parser.add_argument(
        "--check", action="store_true", help=f"fail where the plain case adds more than {_GOAL_US:g} µs"
    )
    arguments = parser.parse_args()
    found = uvloop.run(figures(arguments.rounds, arguments.calls))
    print(f"{'CPU-µs, least (median)':<24} {'attempt':>15} {'plan and executor':>20} {'added':>8}")
    for label, pairs in found.items():
        columns = [f"{min(one):.1f} ({statistics.median(one):.1f})" for one in zip(*pairs, strict=True)]
        print(f"{label:<24} {columns[0]:>15} {columns[1]:>20} {added(pairs):>8.1f}")
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2) + "\n")
    if arguments.check and added(found[_PLAIN]) > _GOAL_US:
        raise SystemExit(f"routing adds more than {_GOAL_US:g} µs")


if __name__ == "__main__":
    main()
