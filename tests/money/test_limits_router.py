"""Quotas and budgets through a real router: what a caller is told, and what reaches the provider."""

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml
from google.rpc import error_details_pb2
from hedgerow.common.v1 import warning_pb2
from hedgerow.common.v1.policy_pb2 import RoutePolicy
from hedgerow_client.admin import AdminClient
from money.hook import SECRET, Hook, free_port
from rpc.caller import (
    STREAM_COMPLETE,
    WAYS,
    Caller,
    Way,
    chat,
    connected,
    embed,
    eventually,
    new_trace,
)
from rpc.conftest import without_faults
from stack import FORGIVING, Process, router, simulator

BOTH = pytest.mark.parametrize("rpc", WAYS)
SPENT = grpc.StatusCode.RESOURCE_EXHAUSTED


@dataclass
class Limited:
    """A running router with limits."""

    process: Process
    sim_url: str
    caller: Caller
    hook: Hook
    config: dict[str, Any]
    path: Path


def _config(sim_url: str, hook: Hook) -> dict[str, Any]:
    by_way = [f"{kind}-{number}" for kind in ("req", "usd") for number in range(len(WAYS))]
    names = (*by_way, "conc", "tok", "free", "kept", "soft-free")
    routes: dict[str, Any] = {
        name: {"kind": "any", "candidates": [{"provider": "sim", "model": "private-cheap"}]} for name in names
    }
    routes["conc"]["candidates"] = [{"provider": "sim", "model": "sim-tokens-20-50"}]
    routes["unpriced"] = {"kind": "chat", "candidates": [{"provider": "sim", "model": "unpriced-1"}]}
    routes["smart"] = {
        "kind": "chat",
        "candidates": [{"provider": "sim", "model": "private-dear"}, {"provider": "sim", "model": "private-cheap"}],
        "rules": [{"when": 'budgets["smart"] >= 0.8', "models": ["private-cheap"]}],
    }
    price = {"input": 1, "output": 2}
    priced = [{"provider": "sim", "model": "private-*", "usd_per_million_tokens": price}]
    month, week = {"usd": "0.002", "per": "month"}, {"per": "week", "time_zone": "Europe/Berlin"}
    return {
        "server": {name: {"listen": "127.0.0.1:0"} for name in ("grpc", "admin_grpc", "admin_http", "http")},
        "credentials": {
            "sim": {"source": "env", "variable": "HEDGEROW_TEST_KEY"},
            "hook": {"source": "env", "variable": "HEDGEROW_TEST_HOOK"},
        },
        "providers": {"sim": {"dialect": "openai", "base_url": f"{sim_url}/v1", "credential": "sim"}},
        "pricing": {"overrides": priced},
        "routes": routes,
        "quotas": [
            {"name": "req", "by": ["model"], "match": {"model": ["req-*"]}, "limits": [{"requests": 2, "per": "day"}]},
            {"name": "conc", "match": {"model": ["conc"]}, "limits": [{"concurrency": 1}]},
            {"name": "tok", "match": {"model": ["tok"]}, "limits": [{"tokens": 400, "per": "hour"}]},
            {"name": "kept", "match": {"route": ["kept"]}, "limits": [{"requests": 1, "per": "total"}]},
        ],
        "budgets": [
            {"name": "usd", "by": ["tenant", "model"], "match": {"model": ["usd-*", "unpriced"]}, **month},
            {"name": "smart", "match": {"model": ["smart"]}, "usd": "0.01", "alert_percent": [50, 80], **week},
        ],
        "alerts": {"webhook": {"url": f"http://127.0.0.1:{hook.port}/alerts", "secret": "hook"}},
        "breaker": FORGIVING,
    }


@pytest.fixture(scope="module", name="limited")
def limited_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Limited]:
    """One router for all tests of this file; each has a model name of its own."""
    folder = tmp_path_factory.mktemp("limits")
    hook = Hook(free_port())
    with simulator(folder) as sim:
        sim_url = f"http://{sim.addresses['http']}"
        config = _config(sim_url, hook)
        with (
            router(folder, config, HEDGEROW_TEST_HOOK=SECRET) as process,
            connected(process.addresses) as caller,
            without_faults(process),
        ):
            yield Limited(process, sim_url, caller, hook, config, folder / "router.yaml")


@BOTH
def test_the_last_request_is_served_and_the_next_one_told_which_bucket_is_empty(limited: Limited, rpc: Way) -> None:
    model = f"req-{WAYS.index(rpc)}"
    for left in (1, 0):
        outcome = limited.caller.chat(rpc, model)
        assert outcome.code is grpc.StatusCode.OK
        if rpc.door != "grpc":  # where headers tell it, without its name
            continue
        (told,) = outcome.report.quotas
        assert (told.name, told.unit, told.window, told.limit, told.left) == ("req", "requests", "day", 2, left)
        assert told.HasField("reset_time")
    trace = new_trace()
    refused = limited.caller.chat(rpc, model, metadata=[("traceparent", trace)])
    assert (refused.code, refused.reason) == (SPENT, "QUOTA_EXCEEDED")
    quota, retry = refused.detail(error_details_pb2.QuotaFailure), refused.detail(error_details_pb2.RetryInfo)
    assert quota is not None
    assert retry is not None
    assert [one.subject for one in quota.violations] == [f"req[model={model}] requests/day"]
    assert 0 < retry.retry_delay.seconds <= 86_400
    assert refused.pushback_ms == -1
    assert dict(refused.info.metadata) == {
        "quota": "req",
        "unit": "requests",
        "window": "day",
        "limit": "2 requests",
        "used": "2 requests",
        "needed": "1 requests",
    }
    assert not refused.report.attempts
    assert not refused.report.quotas


def test_a_call_that_runs_has_its_place_until_it_ends(limited: Limited) -> None:
    stream = limited.caller.open(STREAM_COMPLETE, chat("conc"), lambda data: data)
    next(stream)
    refused = limited.caller.complete(chat("conc"))
    assert (refused.code, refused.reason) == (SPENT, "QUOTA_EXCEEDED")
    assert refused.detail(error_details_pb2.RetryInfo) is None
    stream.cancel()

    def served() -> bool:
        return limited.caller.complete(chat("conc")).code is grpc.StatusCode.OK

    assert eventually(served, "the place of the call that was cancelled is free")


def test_tokens_run_out_and_embeddings_take_of_the_same(limited: Limited) -> None:
    spent = 0
    for _ in range(200):
        outcome = limited.caller.complete(chat("tok"))
        if outcome.code is not grpc.StatusCode.OK:
            break
        usage = outcome.message.usage
        spent += usage.input_tokens + usage.output_tokens
        (told,) = outcome.report.quotas
        assert (told.unit, told.window, told.left) == ("tokens", "hour", max(0, 400 - spent))
    assert (outcome.code, outcome.reason) == (SPENT, "QUOTA_EXCEEDED")
    assert outcome.info.metadata["used"] == f"{spent} tokens"
    assert limited.caller.embed(embed("tok", "word " * 2000)).reason == "QUOTA_EXCEEDED"


@BOTH
def test_a_budget_is_spent_to_the_last_call_that_fits_and_never_beyond(limited: Limited, rpc: Way) -> None:
    model = f"usd-{WAYS.index(rpc)}"
    refused = limited.caller.chat(rpc, model)
    assert (refused.code, refused.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "COST_UNBOUNDED")
    field = "chat.max_output_tokens" if rpc.door == "grpc" else "max_tokens"
    assert refused.info.metadata["field"] == field
    failure = refused.detail(error_details_pb2.PreconditionFailure)
    assert failure is not None
    assert failure.violations[0].subject == f"usd[tenant=default,model={model}] usd/month"
    spent, outcome = 0, refused
    with ThreadPoolExecutor(8) as pool:
        for _ in range(60):
            found = [
                one.result()
                for one in [
                    pool.submit(limited.caller.chat, rpc, model, spec={"max_output_tokens": 200}) for _ in range(8)
                ]
            ]
            spent += sum(one.report.charged_picos for one in found if one.code is grpc.StatusCode.OK)
            if all(one.code is not grpc.StatusCode.OK for one in found):
                outcome = found[0]
                break
    assert (outcome.code, outcome.reason) == (SPENT, "BUDGET_SPENT")
    bound = (1024 + 32 + 2) * 10**6 + 200 * 2 * 10**6
    assert 2 * 10**9 - bound < spent <= 2 * 10**9
    assert outcome.info.metadata["used"] == f"0.{spent:012d}".rstrip("0") + " USD"


def test_a_model_without_a_price_is_not_asked_under_a_budget(limited: Limited) -> None:
    refused = limited.caller.complete(chat("unpriced", max_output_tokens=5))
    assert (refused.code, refused.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "PRICE_UNKNOWN")


def test_a_reload_keeps_the_counts(limited: Limited) -> None:
    assert limited.caller.complete(chat("kept")).code is grpc.StatusCode.OK
    assert limited.caller.complete(chat("kept")).reason == "QUOTA_EXCEEDED"
    quotas = [
        *limited.config["quotas"][:-1],
        {**limited.config["quotas"][-1], "limits": [{"requests": 2, "per": "total"}]},
    ]
    limited.path.write_text(yaml.safe_dump({**limited.config, "quotas": quotas}, sort_keys=False))
    with AdminClient(limited.process.addresses["admin_grpc"]) as admin:
        admin.reload()
    assert limited.caller.complete(chat("kept")).code is grpc.StatusCode.OK
    assert limited.caller.complete(chat("kept")).info.metadata["used"] == "2 requests"


def test_a_burst_over_a_mark_alerts_once_and_turns_the_next_calls_to_the_cheaper_model(limited: Limited) -> None:
    """The webhook is dead when it happens. Whoever names the dear model is refused."""

    def call(_: int) -> Any:
        return limited.caller.complete(chat("smart", max_output_tokens=60))

    turned = None
    with ThreadPoolExecutor(16) as pool:
        for _ in range(60):
            found = list(pool.map(call, range(16)))
            turned = next((one for one in found if one.code is grpc.StatusCode.OK and one.report.warnings), None)
            if turned is not None:
                break
    assert turned is not None, "the burst never reached 80 %"
    (warning,) = turned.report.warnings
    assert warning.code == warning_pb2.WARNING_CODE_MODEL_DOWNGRADED
    assert "private-dear" in warning.message
    assert "smart" in warning.message
    assert [one.model for one in turned.report.attempts] == ["private-cheap"]
    assert warning in turned.message.warnings
    pinned = limited.caller.complete(chat("smart", route=RoutePolicy(models=["private-dear"]), max_output_tokens=60))
    assert (pinned.code, pinned.reason) == (SPENT, "BUDGET_SPENT")
    assert not pinned.report.attempts
    with limited.hook.there():
        eventually(lambda: len(limited.hook.marks("smart")) >= 2, "both marks have been told", 30)
        found = list(pool_of_calls(limited, 40))
    assert sorted(limited.hook.marks("smart")) == [50, 80]
    assert all(limited.hook.signed(*one) for one in limited.hook.alerts)
    assert {one.code for one in found} <= {grpc.StatusCode.OK, SPENT}


def pool_of_calls(limited: Limited, calls: int) -> Iterator[Any]:
    """So many more calls, a few at once."""
    with ThreadPoolExecutor(8) as pool:
        yield from pool.map(lambda _: limited.caller.complete(chat("smart", max_output_tokens=60)), range(calls))


def test_what_was_spent_before_a_crash_still_counts_after_it(limited: Limited, tmp_path: Path) -> None:
    """Killed without a chance to say anything; the alert of before is not told again."""
    config = {
        **limited.config,
        "routes": {"free": limited.config["routes"]["free"]},
        "store": {"path": str(tmp_path / "hedgerow.db")},
        "quotas": [{"name": "day", "by": ["model"], "limits": [{"requests": 3, "per": "day"}]}],
        "budgets": [{"name": "usd", "by": ["tenant"], "usd": "0.002", "per": "month", "alert_percent": [0.001]}],
    }
    asked = chat("free", max_output_tokens=60)

    def left(caller: Caller) -> tuple[dict[str, int], int]:
        outcome = caller.complete(asked)
        assert outcome.code is grpc.StatusCode.OK, (outcome.text, outcome.reason)
        return {one.unit: one.left for one in outcome.report.quotas}, outcome.report.charged_picos

    with router(tmp_path, config, HEDGEROW_TEST_HOOK=SECRET) as first:
        with connected(first.addresses) as caller:
            counts, spent = left(caller)
            assert counts == {"requests": 2, "usd": 2 * 10**9 - spent}
        first.stop(signal.SIGKILL)
        assert "has reached" in first.log.read_text()
    with (
        router(tmp_path, config, name="second", HEDGEROW_TEST_HOOK=SECRET) as second,
        connected(second.addresses) as caller,
    ):
        counts, more = left(caller)
        assert counts == {"requests": 1, "usd": 2 * 10**9 - spent - more}
        assert "has reached" not in second.log.read_text()
        left(caller)
        assert caller.complete(asked).reason == "QUOTA_EXCEEDED"
