"""A router that records traces, the collector that gets them, and calls to make."""

import json
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import yaml
from hedgerow.admin.v1.admin_service_pb2 import ReloadRequest, ReloadResponse
from rpc.caller import STREAM_COMPLETE, Caller, Outcome, book, chat, connected, new_trace
from stack import FORGIVING, UNCOUNTED, Process, router, simulator
from telemetry.collector import Collector, collector

TENANT = "shop"
"""Whose calls all are."""
RELOAD = "/hedgerow.admin.v1.AdminService/Reload"
TOKEN = "collector-token-canary-0123456789"
WARM = 30
"""Calls after which enough is known of a candidate for a second attempt beside it."""
SLOW = {"law": {"first_ms": 1500, "token_ms": 1}}
FAILS = {"fault": "silent-400.500"}
EAGER = {
    "max_extra_percent": 100,
    "min_delay_seconds": 0.1,
    "max_delay_seconds": 0.2,
    "min_samples": 3,
    "max_rate_limited_share": 0.9,
}


@dataclass
class Traced:
    """The three of them."""

    caller: Caller
    router: Process
    collector: Collector
    sim_url: str
    folder: Path

    def ask(self, model: str, *, rpc: str = STREAM_COMPLETE, trace: str = "", **more: Any) -> Any:
        """A chat, within a trace of its own."""
        metadata = [("traceparent", trace)] if trace else []
        return self.caller.ask(rpc, chat(model, **more), metadata=metadata)

    def reload(self, **telemetry: Any) -> None:
        """Puts another section in force."""
        path = self.folder / "router.yaml"
        path.write_text(yaml.safe_dump(settings(self.sim_url, self.collector.url, **telemetry), sort_keys=False))
        with connected(self.router.addresses["admin_grpc"]) as admin:
            outcome = admin.unary(RELOAD, ReloadRequest(), ReloadResponse.FromString)
        assert outcome.code is grpc.StatusCode.OK, outcome.text

    @contextmanager
    def switched(self, what: str, provider: str, body: dict[str, Any]) -> Iterator[None]:
        """The simulator with one of its switches set for a provider."""
        url = f"{self.sim_url}/_sim/{what}?provider={provider}"

        def send(method: str, data: bytes | None = None) -> None:
            with urllib.request.urlopen(urllib.request.Request(url, data=data, method=method), timeout=10):
                pass

        send("PUT", json.dumps(body).encode())
        try:
            yield
        finally:
            send("DELETE")

    def race(
        self,
        route: str,
        what: str,
        body: dict[str, Any],
        rpc: str = STREAM_COMPLETE,
        warmed: Callable[[], None] = lambda: None,
    ) -> tuple[str, Outcome[Any]]:
        """A call whose first provider was quick, until now: another is asked beside it. Returns its trace id; `warmed`
        is called just before it.
        """
        for _ in range(WARM):
            self.ask(route, rpc=rpc, trace=new_trace())
        with self.switched(what, "a", body):
            warmed()
            trace = new_trace()
            return trace.split("-")[1], self.ask(route, rpc=rpc, trace=trace)

    def outrun(self, rpc: str = STREAM_COMPLETE) -> tuple[str, Outcome[Any]]:
        """A call whose first provider is slow, so that another one answers."""
        return self.race("race", "law", SLOW, rpc)

    def failed_over(
        self, rpc: str = STREAM_COMPLETE, warmed: Callable[[], None] = lambda: None
    ) -> tuple[str, Outcome[Any]]:
        """A call whose first provider is silent and then fails, whose second one, asked beside it, fails too, and which
        a third one answers.
        """
        with self.switched("outage", "d", {"fault": "503"}):
            return self.race("both", "outage", FAILS, rpc, warmed)

    def requests(self, trace_id: str) -> list[dict[str, Any]]:
        """What came at the providers within a trace, oldest first."""
        return [one for one in book(self.sim_url) if trace_id in one["headers"].get("traceparent", "")]


def settings(sim_url: str, url: str, **telemetry: Any) -> dict[str, Any]:
    """The configuration; `telemetry` is added to its section."""

    def provider(name: str) -> dict[str, Any]:
        return {"dialect": "openai", "base_url": f"{sim_url}/_sim/as/{name}/v1", "credential": "sim", **UNCOUNTED}

    def one(name: str, model: str = "gpt-4o-mini") -> dict[str, Any]:
        return {"provider": name, "model": model}

    traces = {"endpoint": url, "delay_seconds": 0.05, "headers": {"x-collector-token": "collector"}}
    environment = {"source": "env"}
    return {
        "server": {door: {"listen": "127.0.0.1:0"} for door in ("grpc", "admin_grpc", "admin_http", "http")},
        "identity": {"tenant": TENANT},
        "credentials": {
            "sim": {**environment, "variable": "HEDGEROW_TEST_KEY"},
            "collector": {**environment, "variable": "HEDGEROW_TEST_COLLECTOR"},
        },
        "providers": {name: provider(name) for name in ("a", "b", "c", "d")},
        "routes": {
            "fast": {"kind": "chat", "candidates": [one("b")]},
            "slow": {"kind": "chat", "candidates": [one("b", "sim-slow")]},
            "refused": {"kind": "chat", "candidates": [one("a", "sim-503"), one("b", "sim-503")], "max_attempts": 2},
            "failover": {"kind": "chat", "candidates": [one("a", "sim-503"), one("b")]},
            "race": {"kind": "chat", "candidates": [one("a"), one("c")], "hedge": EAGER},
            "both": {"kind": "chat", "candidates": [one("a"), one("d"), one("c")], "hedge": EAGER},
            "vectors": {"kind": "embed", "candidates": [one("b", "text-embedding-3-small")]},
        },
        "hedging": {"max_extra_percent": 100},
        "breaker": FORGIVING,
        "telemetry": {"traces": {**traces, **telemetry.pop("traces", {})}, **telemetry},
    }


ENVIRONMENT = {"HEDGEROW_TEST_COLLECTOR": TOKEN}


@contextmanager
def traced(
    folder: Path,
    *,
    routes: Mapping[str, Any] | None = None,
    sections: Mapping[str, Any] | None = None,
    **telemetry: Any,
) -> Iterator[Traced]:
    """Starts them. `routes` and `sections` are added to the configuration."""
    with ExitStack() as exits:
        sim = exits.enter_context(simulator(folder))
        sim_url = f"http://{sim.addresses['http']}"
        found = exits.enter_context(collector())
        given = settings(sim_url, found.url, **telemetry)
        given = {**given, **(sections or {}), "routes": {**given["routes"], **(routes or {})}}
        running = exits.enter_context(router(folder, given, **ENVIRONMENT))
        caller = exits.enter_context(connected(running.addresses))
        yield Traced(caller, running, found, sim_url, folder)
