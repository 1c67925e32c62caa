"""A router with all that guards it on: API keys, a quota and a budget of each key, the ledger and the call log."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hedgerow.admin.v1.key_pb2 import CreateKeyRequest
from hedgerow_client.admin import AdminClient
from rpc.access import CREDENTIALS, ENVIRONMENT, OPERATOR, identity
from stack import Process, configuration, router

_PLENTY = 10**12
_LIMITS: dict[str, Any] = {
    "quotas": [
        {
            "name": "key",
            "by": ["key"],
            "limits": [{"requests": _PLENTY, "per": "minute"}, {"tokens": _PLENTY, "per": "minute"}],
        }
    ],
    "budgets": [{"name": "month", "by": ["key"], "usd": 1_000_000, "per": "month", "mode": "soft"}],
}


@contextmanager
def full(folder: Path, sim_url: str, routes: dict[str, object], transport: str) -> Iterator[tuple[Process, str]]:
    """The router, and an API key that it takes."""
    config = configuration(
        sim_url,
        sim_url,
        transport=transport,
        extra_routes=routes,
        identity=identity([], roles={"app": {}}),
        credentials=CREDENTIALS,
        store={"path": str(folder / "full.db")},
        **_LIMITS,
    )
    environment = {**ENVIRONMENT, "HEDGEROW_TEST_BAD_KEY": "sk-wrong-key-canary-00000000"}
    with (
        router(folder, config, "full", **environment) as running,
        AdminClient(running.addresses["admin_grpc"], token=OPERATOR, timeout=30) as admin,
    ):
        made = admin.create_key(CreateKeyRequest(tenant="acme", team="search", roles=["app"]))
        yield running, made.secret_key
