"""CPU of quotas and budgets: what a call pays for them, by how many buckets it meets and how many callers there are.

Everything that a call goes through is measured in process: the interceptor's `admit`, what the executor asks before an
attempt and books after it, `settle`, and what the report tells. `python tests/bench/limits.py`
"""

import argparse
import contextlib
import json
import sys
import time
from pathlib import Path
from typing import Any

# Instead of this folder, whose `money` is another.
sys.path[0] = str(Path(__file__).resolve().parents[1])

import msgspec
from hedgerow_server.core.call import Call, Kind, Method, Outcome, Principal
from hedgerow_server.core.hold import Spent
from hedgerow_server.core.model import ModelFacts
from hedgerow_server.core.request import ChatRequest
from hedgerow_server.interceptors.quota import Quota
from hedgerow_server.limits.limiter import Limiter, LimitMemory
from hedgerow_server.limits.rules import groups
from hedgerow_server.limits.section import BudgetSection, QuotaSection
from hedgerow_server.routing.route import Route
from hedgerow_server.routing.routes import Routes
from money.shop import reply, seller
from unit.hedgerow_server.routing.scripted import HI

OK = Outcome()
_AT_ONCE = 50
METHOD = Method("bench.Service/Call", Kind.UNARY, lambda _: None, lambda _: None)  # type: ignore[arg-type, return-value]
REQUEST = ChatRequest(spec=msgspec.structs.replace(HI, max_output_tokens=100))
SPENT = Spent(charged_picos=30_000, tokens=120, output_tokens=100)
FOUR = {
    "name": "key",
    "by": ["key"],
    "limits": [{"requests": 10**12, "per": "minute"}, {"tokens": 10**12, "per": "minute"}],
}
ONE = {"name": "key", "by": ["key"], "limits": [{"requests": 10**12, "per": "minute"}]}
BUDGET = {"name": "month", "by": ["team"], "usd": 1_000_000, "per": "month"}
WIDE = {"name": "tenant", "by": ["tenant"], "limits": [{"concurrency": 10**6}]}


def quota(quotas: list[dict[str, Any]], budgets: list[dict[str, Any]]) -> Quota:
    """The interceptor of a configuration, before a route with one model."""
    model = seller("a", lambda _: reply(), rates=(150, 600), model="m")
    facts = ModelFacts(max_output_tokens=16_384, context_tokens=128_000)
    route = Route("fast", [msgspec.structs.replace(model, facts=facts)])
    found = groups(
        [QuotaSection.model_validate(one) for one in quotas], [BudgetSection.model_validate(one) for one in budgets]
    )
    return Quota(Limiter(found, LimitMemory()), Routes([("chat", route)]))


def run(one: Quota, principals: list[Principal], calls: int, *, told: bool) -> float:
    """CPU-µs a call. As in a router, few calls are there at once."""
    spent_ns = 0
    for start in range(0, calls, _AT_ONCE):
        made = [Call(METHOD, {}, b"") for _ in range(_AT_ONCE)]
        for number, call in enumerate(made, start):
            call.request, call.principal, call.attempts_started = (
                REQUEST,
                principals[number * 7919 % len(principals)],
                1,
            )
        began = time.process_time_ns()
        for call in made:
            with contextlib.suppress(StopIteration):
                one.admit(call).send(None)
            if call.hold is not None:
                call.hold.book(SPENT)
            one.settle(call, OK)
            if call.hold is not None and told:
                call.hold.tightest(3)
        spent_ns += time.process_time_ns() - began
    return spent_ns / calls / 1000


def people(number: int) -> list[Principal]:
    """So many keys."""
    return [Principal(tenant="acme", team=f"t{i % 50}", key_id=f"k{i}") for i in range(number)]


def main() -> None:
    """Prints the figures, as JSON with --json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--calls", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    few, many = people(10), people(100_000)
    cases: dict[str, tuple[Quota, list[Principal]]] = {
        "nothing limited": (quota([], []), few),
        "1 bucket, requests": (quota([ONE], []), few),
        "4 buckets, no hard money": (quota([FOUR, WIDE], [{**BUDGET, "mode": "soft"}]), few),
        "4 buckets, hard budget": (quota([FOUR, WIDE], [BUDGET]), few),
        "4 buckets, hard budget, 100,000 keys": (quota([FOUR, WIDE], [BUDGET]), many),
    }
    for one, who in cases.values():
        run(one, who, len(who), told=False)
    figures: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(given.rounds):
        for name, (one, who) in cases.items():
            figures[name].append(run(one, who, given.calls, told=True))
    # The least: what others do on the machine only ever adds.
    best = {name: round(min(found), 2) for name, found in figures.items()}
    if given.json:
        print(json.dumps(best))
    else:
        for name, micros in best.items():
            print(f"{name:42} {micros:7.2f} CPU-µs a call")


if __name__ == "__main__":
    main()
