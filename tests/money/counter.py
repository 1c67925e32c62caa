"""A router with a ledger, in front of a simulator."""

import json
import sqlite3
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from hedgerow_server.store.ledger_rows import AttemptRow, CallRow
from money.accounts import Entry, book, differences, ledger
from rpc.caller import (
    Caller,
    Way,
    connected,
    new_trace,
)
from stack import FORGIVING, Process, router, simulator

SMALL = {"segment_bytes": 65_536, "max_bytes": 1_048_576}
"""A spool in which segments come and go, as they do within hours elsewhere."""

EAGER = {"max_extra_percent": 100, "min_delay_seconds": 0.1, "max_delay_seconds": 0.2, "min_samples": 3}
"""Hedges as soon as anything is known of the first candidate."""
SLOW = {"first_ms": 3000, "token_ms": 1}
"""A law of the simulator."""


def configuration(sim_url: str, store: Path, **ledger_section: Any) -> dict[str, Any]:
    """Routes that fail over, hedge, restart, stall and drain."""

    def provider(**settings: Any) -> dict[str, Any]:
        return {"dialect": "openai", "base_url": f"{sim_url}/v1", "credential": "sim", **settings}

    def route(*candidates: str | tuple[str, str], kind: str = "chat", **settings: Any) -> dict[str, Any]:
        listed = [("sim", one) if isinstance(one, str) else one for one in candidates]
        return {"kind": kind, "candidates": [{"provider": p, "model": m} for p, m in listed], **settings}

    return {
        "server": {
            "grpc": {"listen": "127.0.0.1:0"},
            "admin_grpc": {"listen": "127.0.0.1:0"},
            "admin_http": {"listen": "127.0.0.1:0"},
            "http": {"listen": "127.0.0.1:0"},
        },
        "store": {"path": str(store), "busy_timeout_seconds": 0.2},
        "ledger": {**SMALL, **ledger_section},
        "credentials": {"sim": {"source": "env", "variable": "HEDGEROW_TEST_KEY"}},
        "providers": {
            "sim": provider(),
            "drained": provider(on_cancel="drain", drain_seconds=20),
            "one-by-one": provider(embed_batch_limit=1),
            "racer": provider(base_url=f"{sim_url}/_sim/as/racer/v1"),
            "down": provider(base_url="http://127.0.0.1:9/v1"),
        },
        "pricing": {
            "overrides": [
                {"provider": name, "model": "*", "usd_per_million_tokens": {"input": 1.5, "output": 6}}
                for name in ("sim", "drained", "one-by-one", "racer", "down")
            ]
        },
        "routes": {
            "fast": route("gpt-4o-mini"),
            "over": route("sim-500", "gpt-4o-mini"),
            "over-down": route(("down", "gpt-4o-mini"), "gpt-4o-mini"),
            "cut": route("sim-cut", "gpt-4o-mini"),
            "alone-cut": route("sim-cut", max_attempts=1),
            "limited": route("sim-429", max_attempts=1, max_wait_seconds=0),
            "silent": route("sim-silent", max_attempts=1),
            "stall": route("sim-stall", max_attempts=1),
            "late": route("sim-tokens-3-3000-10", max_attempts=1),
            "paced": route("sim-tokens-20-50", max_attempts=1),
            "drained": route(("drained", "sim-tokens-20-50"), max_attempts=1),
            "hedged": route(("racer", "gpt-4o-mini"), "gpt-4o-mini", hedge=EAGER),
            "embed": route("text-embedding-3-small", kind="embed"),
            "embed-tiny": route(("one-by-one", "text-embedding-3-small"), kind="embed"),
        },
        "hedging": {"max_extra_percent": 100},
        "breaker": FORGIVING,
    }


@dataclass
class Counter:
    """The processes and a caller."""

    simulator: Process
    router: Process
    store: Path
    caller: Caller

    @property
    def sim_url(self) -> str:
        """The simulator."""
        return f"http://{self.simulator.addresses['http']}"

    def call(self, rpc: Way, model: str, **options: Any) -> tuple[str, Any]:
        """A chat call with an id of its own: the id, and what the caller was told."""
        trace = new_trace()
        return trace, self.caller.chat(rpc, model, metadata=ids(trace), **options)

    def slow_down(self, provider: str, law: Mapping[str, float] | None = None) -> None:
        """Has a provider (`/_sim/as/NAME`) answer by another law; None: by the usual one again."""
        request = urllib.request.Request(
            f"{self.sim_url}/_sim/law?provider={provider}",
            method="DELETE" if law is None else "PUT",
            data=None if law is None else json.dumps({"law": law}).encode(),
        )
        urllib.request.urlopen(request, timeout=10).close()

    def rows(self) -> tuple[list[CallRow], list[AttemptRow]]:
        """What is in the ledger."""
        try:
            return ledger(self.store)
        except sqlite3.OperationalError:
            return [], []  # it is made with the first row

    def row(self, trace: str) -> tuple[CallRow, list[AttemptRow]]:
        """A call's row, once it is there, and its attempts'."""
        until = time.monotonic() + 20
        while True:
            calls, attempts = self.rows()
            found = next((one for one in calls if one.request_id == trace), None)
            if found is not None:
                return found, [one for one in attempts if one.call_id == found.call_id]
            assert time.monotonic() < until, f"no row for {trace}"
            time.sleep(0.02)

    def entries(self) -> list[Entry]:
        """What is in the simulator's book."""
        return book(self.sim_url)

    def balance(self, within_s: float = 20) -> list[str]:
        """What differs between ledger and book, once everything has had its time to be stored."""
        until = time.monotonic() + within_s
        while True:
            calls, attempts = self.rows()
            found = differences(calls, attempts, self.entries())
            if not found or time.monotonic() > until:
                return found
            time.sleep(0.1)


def ids(trace: str) -> tuple[tuple[str, str], ...]:
    """The metadata by which a call is found again on both sides."""
    return (("traceparent", trace), ("x-request-id", trace))


@contextmanager
def counter(folder: Path, **ledger_section: Any) -> Iterator[Counter]:
    """Starts both."""
    with ExitStack() as exits:
        sim = exits.enter_context(simulator(folder, "--book-size", "200000"))
        store = folder / "hedgerow.db"
        config = configuration(f"http://{sim.addresses['http']}", store, **ledger_section)
        running = exits.enter_context(router(folder, config))
        caller = exits.enter_context(connected(running.addresses))
        grpc.channel_ready_future(caller.channel).result(30)
        yield Counter(sim, running, store, caller)
