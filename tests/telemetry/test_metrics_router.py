"""The metrics of a real router: each call is counted once, what it cost is what the ledger says, and docs/metrics.md
tells of all of them.
"""

import re
import urllib.request
from collections import Counter as Counts
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import grpc
import pytest
from hedgerow.admin.v1.admin_service_pb2 import GetConfigRequest, GetConfigResponse
from hedgerow_server.limits.lender import Lender
from hedgerow_server.limits.numbers import SharedNumbers
from hedgerow_server.together import worker_numbers
from hedgerow_server.workers.words import WorkerState
from money.counter import SLOW, Counter, configuration, ids
from prometheus_client.openmetrics import parser as openmetrics
from rpc.caller import (
    ANTHROPIC,
    COMPLETE,
    OPENAI,
    STREAM_COMPLETE,
    Caller,
    Outcome,
    Way,
    chat,
    connected,
    eventually,
    hello,
    item,
    new_trace,
    options,
)
from stack import ROOT, Process, router, simulator
from telemetry.pages import documented, families, name_of, samples, values

ANYBODY = {"allow_unauthenticated": True, "api_keys": {"pepper": "pepper"}}
PICOS = 1e12
OPENMETRICS = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
CALLS, ATTEMPTS = "hedgerow_calls_total", "hedgerow_attempts_total"


@dataclass
class Desk:
    """A router with a ledger, a cache, a budget, a quota and every door."""

    counter: Counter
    admin: Caller

    @property
    def router(self) -> Process:
        """The router."""
        return self.counter.router

    def ask(self, rpc: Way, model: str, text: str = "hi", key: str = "", **more: Any) -> Outcome[Any]:
        """A chat."""
        request = chat(model, messages=[hello(text)])
        if key:
            request.idempotency_key = key
        return self.counter.caller.ask(rpc, request, metadata=ids(new_trace()), **more)

    def grown(self, before: dict[tuple[str, ...], float], name: str, *labels: str, **only: str) -> dict[Any, float]:
        """What has been added to a counter since."""
        after = values(self.router, name, *labels, **only)
        return {key: value - before.get(key, 0) for key, value in after.items() if value != before.get(key, 0)}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder: Path = tmp_path_factory.mktemp("metrics")
    with ExitStack() as exits:
        sim = exits.enter_context(simulator(folder, "--book-size", "20000"))
        url, store = f"http://{sim.addresses['http']}", folder / "hedgerow.db"
        config = configuration(url, store)
        config["credentials"]["pepper"] = {"source": "env", "variable": "HEDGEROW_TEST_PEPPER"}
        config["identity"] = ANYBODY
        candidate = [{"provider": "sim", "model": "gpt-4o-mini"}]
        # Of its own: while a candidate rests that another test was refused by, it is not asked at all.
        config["providers"]["apart"] = config["providers"]["sim"]
        config["routes"] |= {
            "throttled": {
                "kind": "chat",
                "candidates": [{"provider": "apart", "model": "sim-429"}],
                "max_attempts": 1,
                "max_wait_seconds": 0,
            },
            "kept": {"kind": "chat", "candidates": candidate, "cache": {"mode": "exact"}},
            "all/*": {"kind": "any", "candidates": [{"provider": "sim", "model": "*"}]},
            "limited-by-quota": {"kind": "chat", "candidates": candidate},
        }
        config["quotas"] = [
            {
                "name": "few",
                "match": {"route": ["limited-by-quota"]},
                "limits": [{"requests": 1, "per": "hour"}],
            }
        ]
        config["budgets"] = [{"name": "month", "usd": "100", "per": "month", "mode": "soft"}]
        running = exits.enter_context(router(folder, config, HEDGEROW_TEST_PEPPER="p" * 48))
        caller = exits.enter_context(connected(running.addresses))
        admin = exits.enter_context(connected(running.addresses["admin_grpc"]))
        grpc.channel_ready_future(caller.channel).result(30)
        yield Desk(Counter(sim, running, store, caller), admin)


@pytest.mark.parametrize("rpc", [COMPLETE, STREAM_COMPLETE, OPENAI, ANTHROPIC])
def test_a_call_that_is_served_is_counted_once_at_its_door(desk: Desk, rpc: Way) -> None:
    before = values(desk.router, CALLS, "door", "method", "route", "code")
    assert desk.ask(rpc, "fast").code is grpc.StatusCode.OK
    method = "ChatService/StreamComplete" if rpc.stream else "ChatService/Complete"
    assert desk.grown(before, CALLS, "door", "method", "route", "code") == {(rpc.door, method, "fast", "OK"): 1}


@pytest.mark.parametrize(
    ("model", "code", "reason", "attempts"),
    [
        ("alone-cut", "UNAVAILABLE", "STREAM_CUT", 1),
        ("throttled", "UNAVAILABLE", "PROVIDER_THROTTLED", 1),
        ("made-up", "NOT_FOUND", "MODEL_NOT_FOUND", 0),
    ],
)
def test_a_call_that_fails_is_counted_once_with_its_reason(
    desk: Desk, model: str, code: str, reason: str, attempts: int
) -> None:
    before, tried = values(desk.router, CALLS, "code", "reason"), values(desk.router, ATTEMPTS)
    desk.ask(STREAM_COMPLETE, model)
    assert desk.grown(before, CALLS, "code", "reason") == {(code, reason): 1}
    assert sum(desk.grown(tried, ATTEMPTS).values()) == attempts


def test_who_is_refused_before_anybody_knows_him_is_counted_without_a_route(desk: Desk) -> None:
    before = values(desk.router, CALLS, "route", "code")
    key = "hgr_sk_0123456789abcdef_made_up"
    told = desk.counter.caller.complete(chat("fast"), metadata=[("authorization", f"Bearer {key}")])
    assert told.code is grpc.StatusCode.UNAUTHENTICATED
    assert desk.grown(before, CALLS, "route", "code") == {("", "UNAUTHENTICATED"): 1}


def test_an_rpc_that_there_is_not_is_unknown_whatever_it_is_called(desk: Desk) -> None:
    before = values(desk.router, CALLS, "method", "code")
    desk.counter.caller.unary("/made.up.Service/Canary", b"", bytes)
    assert desk.grown(before, CALLS, "method", "code") == {("unknown", "UNIMPLEMENTED"): 1}
    assert all("Canary" not in value for _, labels, _ in samples(families(desk.router)) for value in labels.values())


def test_a_caller_who_leaves_is_counted_once_as_cancelled(desk: Desk) -> None:
    before = values(desk.router, CALLS, "route", "code")
    call = desk.counter.caller.open(STREAM_COMPLETE, chat("paced"), bytes)
    next(iter(call))
    assert values(desk.router, "hedgerow_open_calls", "door") == {("grpc",): 1}
    call.cancel()
    eventually(lambda: desk.grown(before, CALLS, "route", "code"), "it is counted")
    assert desk.grown(before, CALLS, "route", "code") == {("paced", "CANCELLED"): 1}
    assert not values(desk.router, "hedgerow_open_calls", "door")


def test_a_kept_answer_is_a_call_without_an_attempt_and_without_cost(desk: Desk) -> None:
    desk.ask(COMPLETE, "kept", "what is kept")
    names = (CALLS, ATTEMPTS, "hedgerow_tenant_cost_dollars_total", "hedgerow_cache_hits_total")
    before = {name: values(desk.router, name) for name in names}
    desk.ask(COMPLETE, "kept", "what is kept")
    assert {name: sum(desk.grown(before[name], name).values()) for name in names} == {
        CALLS: 1,
        ATTEMPTS: 0,
        "hedgerow_tenant_cost_dollars_total": 0,
        "hedgerow_cache_hits_total": 1,
    }


def test_the_same_call_once_more_is_a_call_without_an_attempt(desk: Desk) -> None:
    desk.ask(COMPLETE, "fast", key="the same")
    calls, attempts = values(desk.router, CALLS, "code"), values(desk.router, ATTEMPTS)
    assert desk.ask(COMPLETE, "fast", key="the same").code is grpc.StatusCode.OK
    assert desk.grown(calls, CALLS, "code") == {("OK",): 1}
    assert not desk.grown(attempts, ATTEMPTS)


def test_a_hedge_that_wins_is_told_with_what_the_one_that_lost_has_cost(desk: Desk) -> None:
    hedges, cost = "hedgerow_hedges_total", "hedgerow_hedge_cost_dollars_total"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: desk.ask(STREAM_COMPLETE, "hedged"), range(50)))
    before, spent = values(desk.router, hedges, "event"), values(desk.router, cost, "route")
    desk.counter.slow_down("racer", SLOW)
    try:
        desk.ask(STREAM_COMPLETE, "hedged")
    finally:
        desk.counter.slow_down("racer")
    found = desk.grown(before, hedges, "event", route="hedged")
    assert found == {("planned",): 1, ("due",): 1, ("sent",): 1, ("won",): 1}
    eventually(lambda: desk.grown(spent, cost, "route").get(("hedged",), 0) > 0, "what lost has its cost")


def test_a_quota_and_its_refusals_are_told_by_its_name(desk: Desk) -> None:
    name = "hedgerow_quota_refusals_total"
    before = values(desk.router, name, "limit")
    for _ in range(3):
        desk.ask(COMPLETE, "limited-by-quota")
    assert desk.grown(before, name, "limit") == {("few",): 2}


def test_models_that_callers_name_behind_a_star_are_told_as_the_configuration_has_them(desk: Desk) -> None:
    for number in range(5):
        desk.ask(COMPLETE, f"all/sim-tokens-1-1-{number}")
    names = {value for _, labels, _ in samples(families(desk.router)) for value in labels.values()}
    assert {"all/*", "*"} <= names
    assert not [one for one in names if one.startswith("sim-tokens-1-1-")]


def test_an_operators_call_is_counted_at_the_admin_door_and_nowhere_else(desk: Desk) -> None:
    before, tenants = values(desk.router, CALLS, "door"), values(desk.router, "hedgerow_tenant_calls_total")
    told = desk.admin.unary(
        "/hedgerow.admin.v1.AdminService/GetConfig", GetConfigRequest(), GetConfigResponse.FromString
    )
    assert told.code is grpc.StatusCode.OK
    assert desk.grown(before, CALLS, "door") == {("admin",): 1}
    assert values(desk.router, "hedgerow_tenant_calls_total") == tenants


def test_the_page_tells_of_the_configuration_in_force_and_that_the_router_is_ready(desk: Desk) -> None:
    told = desk.admin.unary(
        "/hedgerow.admin.v1.AdminService/GetConfig", GetConfigRequest(), GetConfigResponse.FromString
    )
    assert list(values(desk.router, "hedgerow_config_info", "hash")) == [(told.message.config.hash,)]
    assert values(desk.router, "hedgerow_ready") == {(): 1}


def test_what_calls_cost_and_used_is_what_the_ledger_says(desk: Desk) -> None:
    """Of every kind of call, those included that end on the way, are hedged, replaced and read on."""
    for model in ("fast", "over", "over-down", "cut", "alone-cut", "limited", "hedged", "all/gpt-4o"):
        for rpc in (COMPLETE, STREAM_COMPLETE):
            desk.ask(rpc, model)
    for model in ("drained", "paced"):
        call = desk.counter.caller.open(STREAM_COMPLETE, chat(model), bytes)
        next(iter(call))
        call.cancel()
    desk.counter.caller.stream_embed([options("embed-tiny"), *(item(str(one), "words") for one in range(5))])
    eventually(lambda: _balanced(desk), "metrics and ledger say the same", within_s=30)


def _balanced(desk: Desk) -> bool:
    """Whether sums of the ledger and of the metrics are equal. Models behind a star are one there."""
    calls, attempts = desk.counter.rows()
    behind = {one.call_id for one in calls if one.route.startswith("all/")}
    picos: Counts[tuple[str, str]] = Counts()
    ends: Counts[tuple[str, str]] = Counts()
    tokens: Counts[str] = Counts()
    for one in attempts:
        model = "*" if one.call_id in behind else one.model
        picos[one.provider, model] += one.cost_picos or 0
        ends[one.kind.lower(), one.outcome.lower()] += 1
        tokens["input_uncached"] += one.input_uncached_tokens
        tokens["output_visible"] += one.output_visible_tokens
    spent = values(desk.router, "hedgerow_cost_dollars_total", "provider", "model")
    charged = values(desk.router, "hedgerow_tenant_cost_dollars_total").get((), 0)
    used = values(desk.router, "hedgerow_tokens_total", "type")
    return (
        {key: round(value * PICOS) for key, value in spent.items()} == {key: one for key, one in picos.items() if one}
        and round(charged * PICOS) == sum(one.charged_picos for one in calls)
        and values(desk.router, ATTEMPTS, "kind", "outcome") == ends
        and {name: used[name,] for name in tokens} == tokens
    )


def test_the_budget_has_spent_what_callers_were_charged(desk: Desk) -> None:
    desk.ask(COMPLETE, "fast")

    def equal() -> bool:
        charged = sum(values(desk.router, "hedgerow_tenant_cost_dollars_total").values())
        spent = values(desk.router, "hedgerow_budget_spent_dollars", "budget")
        return spent == {("month",): pytest.approx(charged)}

    eventually(equal, "both say the same")
    assert values(desk.router, "hedgerow_budget_limit_dollars", "budget") == {("month",): 100}


def test_every_family_has_help_and_type_and_no_sample_comes_twice(desk: Desk) -> None:
    found = families(desk.router)
    assert all(family.documentation and family.type != "unknown" for family in found)
    names = [name_of(family) for family in found]
    assert len(names) == len(set(names))
    keys = [(name, *sorted(labels.items())) for name, labels, _ in samples(found)]
    assert len(keys) == len(set(keys))


def test_the_documentation_tells_of_every_metric_with_its_type_and_labels(desk: Desk) -> None:
    known, shared = documented(), SharedNumbers(cast("Lender", SimpleNamespace(away=None, requests=0, failures=0)))
    found = [*families(desk.router), *shared(), *worker_numbers([WorkerState(0, 1, True, 0)])]
    assert {name_of(one): one.type for one in found} == {name: kind for name, (kind, _) in known.items()}
    for family in found:
        for sample in family.samples:
            assert sample.labels.keys() - {"le"} == known[name_of(family)][1], sample.name


def test_the_queries_of_the_documentation_ask_for_metrics_that_there_are() -> None:
    text = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    queries = "\n".join(re.findall(r"```promql\n(.*?)```", text, re.DOTALL))
    asked = set(re.findall(r"\b(?:hedgerow|gen_ai)_[a-z_]+\b", queries))
    known = documented()
    series = {f"{name}_bucket" for name, (kind, _) in known.items() if kind == "histogram"} | known.keys()
    assert asked
    assert asked <= series


def test_a_scrape_is_answered_in_prometheus_own_format(desk: Desk) -> None:
    url = f"http://{desk.router.addresses['admin_http']}/metrics"
    with urllib.request.urlopen(url, timeout=10) as response:
        assert response.headers["content-type"].startswith("text/plain; version=")


def test_who_asks_for_openmetrics_gets_the_same_families_in_it(desk: Desk) -> None:
    url = f"http://{desk.router.addresses['admin_http']}/metrics"
    with urllib.request.urlopen(urllib.request.Request(url, headers={"accept": OPENMETRICS})) as answer:
        assert answer.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
        assert answer.headers["vary"] == "accept"
        found = list(openmetrics.text_string_to_metric_families(answer.read().decode()))  # type: ignore[no-untyped-call]
    assert {one.name for one in found} == {one.name for one in families(desk.router)}
