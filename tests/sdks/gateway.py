"""The gateway that SDKs are users of: with keys, a quota, a budget, and routes of every kind."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rpc.access import Guarded, guarded
from rpc.conftest import without_faults
from stack import Process, configuration, router, simulator

ROLES = {"app": {}, "narrow": {"models": ["fast"]}}
QUOTAS: list[dict[str, Any]] = [
    {"name": "ample", "match": {"tenant": ["acme"]}, "limits": [{"requests": 100000, "per": "hour"}]},
    {"name": "ample-tokens", "match": {"tenant": ["acme"]}, "limits": [{"tokens": 100000000, "per": "hour"}]},
    {"name": "few", "match": {"tenant": ["limited"]}, "limits": [{"requests": 1, "per": "day"}]},
]
BUDGETS = [{"name": "none", "match": {"tenant": ["poor"]}, "usd": 0.000001, "per": "month", "max_output_tokens": 4096}]


def _chat(*models: str, **more: Any) -> dict[str, Any]:
    return {"kind": "chat", "candidates": [{"provider": "sim", "model": model} for model in models], **more}


ROUTES: dict[str, object] = {
    "thinker": {"kind": "chat", "candidates": [{"provider": "anthropic", "model": "claude-opus-4-6"}]},
    "throttled/*": _chat("*", max_attempts=1, max_wait_seconds=0),
    "fault-throttled": _chat("sim-429-none", max_attempts=1, max_wait_seconds=0),
    "fault-context": _chat("sim-context-length"),
    "fault-filter": _chat("sim-filter"),
    "fault-403": _chat("sim-403"),
    "two": {
        "kind": "chat",
        "candidates": [
            {"provider": "sim", "model": "gpt-4o-mini"},
            {"provider": "anthropic", "model": "claude-opus-4-6"},
        ],
    },
}


@dataclass(frozen=True, slots=True)
class Gateway:
    """What a user of the gateway is given."""

    url: str
    """The HTTP door, without a path."""
    key: str
    """Of the tenant acme, which may do everything."""
    given: dict[str, str]
    """What else the programs ask for: the simulator's address, and further keys."""
    guarded: Guarded
    """The router and its admin door."""

    def environment(self) -> dict[str, str]:
        """The variables that the SDKs read by themselves, and ours."""
        return {
            "OPENAI_BASE_URL": f"{self.url}/v1",
            "OPENAI_API_BASE": f"{self.url}/v1",
            "OPENAI_API_KEY": self.key,
            "ANTHROPIC_BASE_URL": self.url,
            "ANTHROPIC_API_KEY": self.key,
            "HEDGEROW_SHOWN": json.dumps(self.given),
        }


@contextmanager
def gateway(folder: Path) -> Iterator[Gateway]:
    """Starts a simulator and a router. The router's log may tell of no fault of its own."""
    with simulator(folder) as sim:
        sim_url = f"http://{sim.addresses['http']}"

        @contextmanager
        def start(
            *, server: dict[str, Any] | None = None, environment: dict[str, str] | None = None, **sections: Any
        ) -> Iterator[Process]:
            given_sections = {"quotas": QUOTAS, "budgets": BUDGETS, **sections}
            config: dict[str, Any] = configuration(sim_url, sim_url, extra_routes=ROUTES, **given_sections)
            config["server"] |= server or {}
            given = {"HEDGEROW_TEST_BAD_KEY": "sk-other-0000", **(environment or {})}
            with router(folder, config, **given) as running, without_faults(running):
                yield running

        with guarded(start, folder / "hedgerow.db", [], roles=ROLES) as running:
            keys = {name: running.key(tenant=name)[0] for name in ("limited", "poor")}
            keys["narrow"] = running.key(roles=["narrow"])[0]
            url = f"http://{running.router.addresses['http']}"
            yield Gateway(url, running.key()[0], {"url": url, "simulator": sim_url, **keys}, running)
