"""A router with a console that has been called: failovers, hedges, refusals, failures, and hostile texts."""

import contextlib
import json
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hedgerow.admin.v1.admin_service_pb2 import KillScope
from hedgerow.admin.v1.key_pb2 import CreateKeyRequest
from hedgerow.chat.v1.chat_service_pb2 import CompleteRequest
from hedgerow_client import Client, chat, embedding
from hedgerow_client.admin import AdminClient
from hedgerow_client.errors import HedgerowError
from rpc.access import CREDENTIALS, ENVIRONMENT, OPERATOR, ROLES
from stack import Process, router, simulator

SCRIPT = "<script>window.ran=1</script><img src=x onerror=window.ran=1>"
"""What callers and operators have put wherever they may write."""
EAGER = {"max_extra_percent": 100, "min_delay_seconds": 0.05, "max_delay_seconds": 0.1, "min_samples": 3}
FREE = "127.0.0.1:0"
PROVIDERS = ("openai", "azure-eu", "reserve")


@dataclass
class Town:
    """The running router."""

    router: Process
    sim_url: str
    operator: str = OPERATOR
    """The token that may log in."""

    @property
    def origin(self) -> str:
        """Where its console is."""
        return f"http://{self.router.addresses['admin_http']}"

    def asked(self) -> int:
        """How many requests have come to the providers."""
        with urllib.request.urlopen(f"{self.sim_url}/_sim/book") as answer:
            return len(json.load(answer)["calls"])


def configuration(sim_url: str, store: Path) -> dict[str, Any]:
    """Providers of several names in front of one simulator."""

    def provider(name: str, **settings: Any) -> dict[str, Any]:
        return {"dialect": "openai", "base_url": f"{sim_url}/_sim/as/{name}/v1", "credential": name, **settings}

    def route(*candidates: tuple[str, str], kind: str = "chat", **settings: Any) -> dict[str, Any]:
        return {"kind": kind, "candidates": [{"provider": p, "model": m} for p, m in candidates], **settings}

    return {
        "server": {name: {"listen": FREE} for name in ("grpc", "admin_grpc", "admin_http")},
        "store": {"path": str(store)},
        "identity": {
            "api_keys": {"pepper": "pepper"},
            "roles": {**ROLES, "app": {}},
            "admin": {"access": "roles", "token": "operator"},
        },
        "credentials": {
            **{name: CREDENTIALS[name] for name in ("pepper", "operator")},
            **{name: dict(CREDENTIALS["sim"]) for name in PROVIDERS},
        },
        "providers": {name: provider(name) for name in PROVIDERS},
        "pricing": {
            "overrides": [
                {
                    "provider": name,
                    "model": "*",
                    "usd_per_million_tokens": {"input": 150 * place, "output": 600 * place},
                }
                for place, name in enumerate(PROVIDERS, 1)
            ]
        },
        "routes": {
            "assistant": route(("openai", "gpt-4o-mini"), ("azure-eu", "gpt-4o-mini"), ("reserve", "gpt-4o-mini")),
            "summary": route(("azure-eu", "sim-503"), ("openai", "gpt-4o-mini")),
            "search": route(("reserve", "gpt-4o-mini"), ("openai", "gpt-4o-mini"), hedge=EAGER),
            "drafts": route(("azure-eu", "sim-500"), ("reserve", "sim-429"), max_wait_seconds=0),
            "vectors": route(("openai", "text-embedding-3-small"), kind="embed"),
        },
        "hedging": {"max_extra_percent": 100},
        "quotas": [{"name": "calls-a-minute", "by": ["tenant"], "limits": [{"requests": 600, "per": "minute"}]}],
        "budgets": [
            {"name": "tenant-month", "by": ["tenant"], "usd": 16, "per": "month", "mode": "soft"},
            {"name": "team-day", "by": ["tenant", "team"], "usd": 12, "per": "day", "mode": "soft"},
            {"name": "trial", "match": {"tenant": ["globex"]}, "usd": 0.3, "per": "total", "mode": "soft"},
        ],
        "console": {},
    }


@contextmanager
def town(folder: Path, note: str = SCRIPT, pace_ms: int = 5) -> Iterator[Town]:
    """Starts it and calls it. `note` stands wherever callers and operators may write what they like; `pace_ms` is how
    long a provider thinks before its first token.
    """
    with ExitStack() as exits:
        sim = exits.enter_context(simulator(folder))
        sim_url = f"http://{sim.addresses['http']}"
        config = configuration(sim_url, folder / "hedgerow.db")
        running = exits.enter_context(router(folder, config, **ENVIRONMENT))
        with AdminClient(running.addresses["admin_grpc"], token=OPERATOR, timeout=30) as admin:
            admin.set_kill_switch(KillScope.KILL_SCOPE_MODEL, "gpt-4.1-retired", f"retired {note}")
            for provider in PROVIDERS:
                pace(sim_url, provider, pace_ms)
            call_all(running, admin, note)
            be_late(running, sim_url, admin, pace_ms)
        yield Town(running, sim_url)


def call_all(running: Process, admin: AdminClient, note: str) -> None:
    """Calls of two tenants; what fails is meant to."""
    for tenant, team, rounds in (("globex", "support", 2), ("acme", "search", 4)):
        wish = CreateKeyRequest(tenant=tenant, team=team, roles=["app"], description=f"nightly {note}")
        with Client(running.addresses["grpc"], token=admin.create_key(wish).secret_key, timeout=30) as client:
            for number in range(rounds):
                for route in ("assistant", "summary", "assistant", "drafts"):
                    ask(client, route, {"feature": f"chat-{number}", "note": note})
                client.embed(embedding("vectors", "hedge", "row"))
            if note:
                ask(client, f"no-such-{note}", {})


def be_late(running: Process, sim_url: str, admin: AdminClient, pace_ms: int) -> None:
    """Calls of one pace, and one whose answer comes late after those: it is hedged."""
    wish = CreateKeyRequest(tenant="acme", team="search", roles=["app"], description="batch")
    with (
        Client(running.addresses["grpc"], token=admin.create_key(wish).secret_key, timeout=30) as client,
        ThreadPoolExecutor(8) as pool,
    ):
        list(pool.map(lambda _: ask(client, "search", {"feature": "batch"}), range(50)))
        pace(sim_url, "reserve", max(400, 8 * pace_ms))
        ask(client, "search", {"feature": "late"})


def ask(client: Client, model: str, labels: dict[str, str]) -> None:
    """One call, whatever comes of it."""
    with contextlib.suppress(HedgerowError):
        client.complete(CompleteRequest(chat=chat(model, "What is a hedgerow?"), labels=labels))


def pace(sim_url: str, provider: str, first_ms: int) -> None:
    """How long a provider thinks before its first token."""
    law = json.dumps({"law": {"first_ms": first_ms, "token_ms": 0.1}}).encode()
    url = f"{sim_url}/_sim/law?provider={provider}"
    with urllib.request.urlopen(urllib.request.Request(url, data=law, method="PUT")):
        pass
