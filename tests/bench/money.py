"""What quotas, a budget and the ledger cost a call, together: CPU of the event loop's own thread.

First over a bare chain, by themselves: the interceptors, what the executor asks and books, both writes to the spool and
what the report looks up. Then within a whole unary call, behind a null door and before a null upstream, where between
two of its turns all the other code has been through the processor's caches; its report tells the limits as well. The
last line is the same with a hundred thousand callers, each with limits of its own. All cases take turns, a few calls at
a time.
"""

import argparse
import asyncio
import gc
import itertools
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import uvloop

# Instead of this folder, whose `money` is another.
sys.path[0] = str(Path(__file__).resolve().parents[1])

from bench._calls import PROMPT, request
from bench.behind_door import NullTransport, document, null_unary
from hedgerow_server.core.call import Call, Kind, Method, Outcome, Principal
from hedgerow_server.core.event import AttemptOutcome, Completed, Event, Events, FinishReason, Usage
from hedgerow_server.core.hold import Spent
from hedgerow_server.core.model import ModelFacts
from hedgerow_server.core.request import ChatRequest, ChatSpec, Message, Part, Role, Text
from hedgerow_server.endpoints import endpoints
from hedgerow_server.interceptors.authorise import Authorise
from hedgerow_server.interceptors.chain import Chain, Interceptor
from hedgerow_server.interceptors.deadline import Deadline
from hedgerow_server.interceptors.decode import Decode
from hedgerow_server.interceptors.ledger import Bookkeeping
from hedgerow_server.interceptors.quota import Quota
from hedgerow_server.interceptors.request_id import RequestId
from hedgerow_server.interceptors.telemetry import Telemetry
from hedgerow_server.ledger.ledger import Ledger
from hedgerow_server.ledger.section import LedgerSection
from hedgerow_server.limits.limiter import Limiter, LimitMemory
from hedgerow_server.limits.rules import groups
from hedgerow_server.limits.section import BudgetSection, QuotaSection
from hedgerow_server.pricing.price import Price, Rates
from hedgerow_server.providers.openai import OpenAI, OpenAISection
from hedgerow_server.routing.candidate import Candidate, Upstream
from hedgerow_server.routing.route import Route
from hedgerow_server.routing.routes import Routes
from hedgerow_server.routing.state import States
from hedgerow_server.store.ledger import StoredLedger
from hedgerow_server.store.section import StoreSection
from hedgerow_server.store.sqlite import Sqlite
from hedgerow_server.telemetry import trace
from hedgerow_server.wire.check import Checker
from money.driver import attempt, ended, estimate

_GOAL_US, _GOAL_PERCENT = 20.0, 3.0
_MANY = 100_000
_WARMING = 5
_STEP = 7919
"""Callers come in no order: each is this many further than the one before."""
_QUOTA = {
    "name": "key",
    "by": ["key"],
    "limits": [{"requests": 10**12, "per": "minute"}, {"tokens": 10**12, "per": "minute"}],
}
_BUDGET = {"name": "month", "by": ["key"], "usd": 1_000_000, "per": "month"}
_SOFT, _HARD = {**_BUDGET, "mode": "soft"}, {**_BUDGET, "mode": "hard"}
_PRICE = Price(
    rates=Rates(
        input=150,
        cache_read=150,
        cache_write=150,
        cache_write_long=150,
        input_audio=150,
        input_image=150,
        output=600,
        reasoning=600,
        output_audio=600,
        output_image=600,
    ),
    version="bench",
    source="configuration",
)
_ROUTE = "unary"
_BARE, _WHOLE, _USUAL = "bare + ", "whole + ", "quota, soft budget, ledger"
_REQUEST = ChatRequest(spec=ChatSpec(model=_ROUTE, messages=(Message(Role.USER, (Part(Text(PROMPT)),)),)))
_SPENT = Spent(charged_picos=30_000, tokens=120, output_tokens=100)
_DONE = Completed(FinishReason.STOP, "stop", Usage())
Run = Callable[[], Awaitable[None]]


class Stage:
    """Stands in the place of an interceptor and costs next to nothing."""

    def __init__(self, name: str, admit: Callable[[Call], None] = lambda _: None) -> None:
        self.name = name
        self.after: tuple[str, ...] = ()
        self._admit = admit

    async def admit(self, call: Call) -> None:
        """Does it."""
        self._admit(call)

    def settle(self, call: Call, outcome: Outcome) -> None:
        """Nothing to do."""


def people(number: int) -> list[Principal]:
    """So many callers."""
    return [Principal(tenant="acme", team=f"t{i % 50}", key_id=f"k{i}") for i in range(number)]


def known(callers: list[Principal]) -> Stage:
    """Authentication that costs nothing: callers take turns."""
    turns = itertools.cycle([callers[place * _STEP % len(callers)] for place in range(len(callers))])

    def admit(call: Call) -> None:
        call.principal = next(turns)

    return Stage("auth", admit)


def upstream() -> Routes:
    """One priced model that answers at once."""
    dialect = OpenAI("null", OpenAISection(dialect="openai"))
    transport = NullTransport("application/json", [document()])
    facts = ModelFacts(max_output_tokens=16_384, context_tokens=128_000)
    one = Candidate(
        Upstream("null", dialect, transport, None, None, 60.0),
        "null",
        States().of("null", "", "null", ""),
        facts=facts,
        price=_PRICE,
    )
    return Routes([("chat", Route(_ROUTE, [one]))])


def money(
    routes: Routes, callers: list[Principal], budget: dict[str, Any] | None, ledger: Ledger | None
) -> list[Interceptor]:
    """The interceptors that are measured; without a budget nothing is limited."""
    found: list[Interceptor] = []
    if budget is not None:
        sections = groups([QuotaSection.model_validate(_QUOTA)], [BudgetSection.model_validate(budget)])
        limiter = Limiter(sections, LimitMemory())
        for one in callers:
            # Everybody has been there before.
            limiter.of(one, _ROUTE, _ROUTE)
        found.append(Quota(limiter, routes))
    else:
        found.append(Stage("quota"))
    return [*found, Bookkeeping(ledger)] if ledger is not None else found


def bare(*, budget: dict[str, Any] | None = None, ledger: Ledger | None = None) -> Run:
    """The same calls of the interceptors, the books and the hold that a unary call makes, with nothing around them."""

    def decode(call: Call) -> None:
        call.request = _REQUEST

    async def rpc(call: Call) -> Events:
        record = attempt(call)
        if call.books is not None:
            call.books.open(record, credential="key", request_bytes=1200)
        ended(record, AttemptOutcome.SUCCEEDED, 30_000)
        if call.books is not None:
            call.books.close(record)
        if call.hold is not None:
            call.hold.book(_SPENT)
        yield _DONE

    async def deliver(_: Event) -> None:
        """To nobody."""

    routes, callers, method = upstream(), people(10), Method("bench.Service/Call", Kind.UNARY, decode, rpc)
    chain = Chain(
        [
            known(callers),
            Stage("decode", decode),
            Stage("authorise"),
            Stage("idempotency"),
            *money(routes, callers, budget, ledger),
        ]
    )

    async def run() -> None:
        call = Call(method, {}, b"")
        await chain.serve(call, deliver)
        if call.hold is not None:
            call.hold.tightest(3)

    return run


def whole(*, callers: int = 10, budget: dict[str, Any] | None = None, ledger: Ledger | None = None) -> Run:
    """A unary call from its bytes to the answer's."""
    routes, who = upstream(), people(callers)
    chain = Chain(
        [
            RequestId(),
            Telemetry([], trace.forwarded),
            Deadline(600, 3600),
            known(who),
            Decode(),
            Authorise(),
            Stage("idempotency"),
            *money(routes, who, budget, ledger),
        ]
    )
    return null_unary(chain, endpoints(routes, Checker(1 << 24))[0], request(_ROUTE))


def cases(ledger: Ledger) -> dict[str, Run]:
    """What is measured, by name."""
    return {
        "bare": bare(),
        _BARE + "quota, soft budget": bare(budget=_SOFT),
        _BARE + "ledger": bare(ledger=ledger),
        _BARE + _USUAL: bare(budget=_SOFT, ledger=ledger),
        _BARE + "quota, hard budget, ledger": bare(budget=_HARD, ledger=ledger),
        "whole": whole(),
        _WHOLE + _USUAL: whole(budget=_SOFT, ledger=ledger),
        _WHOLE + "quota, hard budget, ledger": whole(budget=_HARD, ledger=ledger),
        _WHOLE + _USUAL + ", 100,000 keys": whole(callers=_MANY, budget=_SOFT, ledger=ledger),
    }


async def micros(run: Run, calls: int) -> float:
    """CPU-µs of a call."""
    for _ in range(_WARMING):
        # The disk was waited for, and others have been on the processor meanwhile.
        await run()
    before_s = time.thread_time()
    for _ in range(calls):
        await run()
    return (time.thread_time() - before_s) * 1e6 / calls


async def figures(folder: Path, rounds: int, calls: int) -> dict[str, list[float]]:
    """CPU-µs of a call by case, round by round."""
    database = Sqlite(StoreSection(path=folder / "ledger.db"))
    # Not started: its threads, which the path never waits for, would only disturb.
    ledger = Ledger(LedgerSection(max_bytes=1 << 31), folder / "spool", StoredLedger(database), estimate)
    tend = ledger._spool.tend
    await asyncio.to_thread(tend)
    made = cases(ledger)
    for run in made.values():
        await micros(run, 200)
    gc.collect()
    gc.freeze()
    found: dict[str, list[float]] = {name: [] for name in made}
    for _ in range(rounds):
        for name, run in made.items():
            await asyncio.to_thread(tend)
            found[name].append(await micros(run, calls))
    await ledger.close()
    await database.close()
    return found


def main() -> int:
    """Prints the tables; with --check it fails where a goal is missed."""
    parser = argparse.ArgumentParser(prog="scripts/bench money", description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--rounds", type=int, default=200, help="how often each case is measured (default 200)")
    parser.add_argument("--calls", type=int, default=25, help="calls of a round (default 25)")
    parser.add_argument("--check", action="store_true", help="fail where a goal is missed")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = uvloop.run(figures(Path(folder), given.rounds, given.calls))
    # The least: what others do on the machine only ever adds.
    least = {name: min(values) for name, values in found.items()}
    print(f"{'CPU-µs a call, least (median)':<46} {'':>15} {'added':>7}")
    for name, values in found.items():
        base = least[name.partition(" ")[0]]
        print(f"{name:<46} {least[name]:>6.1f} ({statistics.median(values):.1f}) {least[name] - base:>7.1f}")
    usual = least[_BARE + _USUAL] - least["bare"]
    dearer = 100 * (least[_WHOLE + _USUAL + ", 100,000 keys"] / least[_WHOLE + _USUAL] - 1)
    print(f"A usual call pays {usual:.1f} µs (goal {_GOAL_US:g}) for quota, budget and ledger by themselves; ", end="")
    print(f"a whole one with 100,000 keys is {dearer:.1f} % dearer than with 10 (goal {_GOAL_PERCENT:g}).")
    if given.json:
        given.json.write_text(json.dumps(found, indent=2) + "\n")
    return int(given.check and (usual > _GOAL_US or dearer > _GOAL_PERCENT))


if __name__ == "__main__":
    sys.exit(main())
