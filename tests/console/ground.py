"""Routers with a console, and who they know."""

import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml
from console.provider import CLIENT_ID, CLIENT_SECRET, Provider
from hedgerow.admin.v1.key_pb2 import CreateKeyRequest
from hedgerow_client.admin import AdminClient
from rpc.access import CREDENTIALS, ENVIRONMENT, OPERATOR, identity
from stack import Process, router, simulator

HEADER_CANARY = "header-canary-5e0c2b"
ANY: dict[str, Any] = {"listen": "127.0.0.1:0"}
ROLES: dict[str, Any] = {
    "caller": {},
    "operator": {"admin": ["*"], "all_tenants": True},
    "keys": {"rpcs": [], "admin": ["ListKeys"]},
    "routes": {"rpcs": [], "admin": ["ListCandidates"]},
    "accountant": {"rpcs": ["UsageService/*"], "admin": ["GetConfig"]},
    "narrow": {"rpcs": ["RouterService/*"], "models": ["fast"], "admin": ["GetConfig"]},
}


@dataclass
class Ground:
    """A router with a console."""

    router: Process
    path: Path
    """Its configuration."""
    config: dict[str, Any]

    @property
    def url(self) -> str:
        """The admin HTTP door."""
        return f"http://{self.router.addresses['admin_http']}"

    @contextmanager
    def admin(self) -> Iterator[AdminClient]:
        """The admin gRPC door, for whoever has the operator's token."""
        with AdminClient(self.router.addresses["admin_grpc"], token=OPERATOR, timeout=30) as admin:
            yield admin

    def key(self, *roles: str, tenant: str = "acme") -> tuple[str, str]:
        """A new API key, and its id."""
        with self.admin() as admin:
            made = admin.create_key(CreateKeyRequest(tenant=tenant, roles=roles))
        return made.secret_key, made.key.id

    def ask(self, model: str, key: str, content: str = "hello") -> str:
        """Makes a call; gives its request id."""
        request_id = uuid.uuid4().hex
        body = {"model": model, "messages": [{"role": "user", "content": content}]}
        headers = {"authorization": f"Bearer {key}", "x-request-id": request_id}
        url = f"http://{self.router.addresses['http']}/v1/chat/completions"
        return httpx.post(url, json=body, headers=headers, timeout=30).headers["x-request-id"] or request_id

    def reload(self, **sections: Any) -> None:
        """Puts other sections in force."""
        self.config |= sections
        self.path.write_text(yaml.safe_dump(self.config, sort_keys=False))
        with self.admin() as admin:
            admin.reload()


@contextmanager
def ground(
    folder: Path, sim_url: str, console: dict[str, Any], issuers: list[Provider], **more: Any
) -> Iterator[Ground]:
    """Starts one in front of a simulator; `more` are sections."""
    config: dict[str, Any] = {
        "server": {"grpc": ANY, "http": ANY, "admin_grpc": ANY, "admin_http": ANY},
        "identity": identity([*issuers], roles=ROLES),
        "store": {"path": str(folder / "store.db")},
        "credentials": {**CREDENTIALS, "oidc": {"source": "env", "variable": "HEDGEROW_TEST_OIDC"}},
        "providers": {
            "sim": {
                "dialect": "openai",
                "base_url": f"{sim_url}/v1",
                "credential": "sim",
                "headers": {"x-gateway-key": HEADER_CANARY},
            }
        },
        "routes": {
            "fast": {"candidates": [{"provider": "sim", "model": "gpt-4o-mini"}], "kind": "chat"},
            "broken": {"candidates": [{"provider": "sim", "model": "sim-400"}], "kind": "chat"},
        },
        "console": console,
        **more,
    }
    environment = {**ENVIRONMENT, "HEDGEROW_TEST_OIDC": CLIENT_SECRET}
    with router(folder, config, **environment) as running:
        yield Ground(running, folder / "router.yaml", config)


@contextmanager
def open_ground(folder: Path, provider: Provider) -> Iterator[Ground]:
    """One that people reach at its own address, with keys and an OpenID provider."""
    console = {
        "public_url": "http://localhost",
        "oidc": {"issuer": provider.url, "client_id": CLIENT_ID, "client_secret": "oidc", "name": "Acme login"},
        "login_attempts_per_minute": 10_000,
        "recent_calls": 10,
    }
    with ExitStack() as exits:
        sim = exits.enter_context(simulator(folder))
        url = f"http://{sim.addresses['http']}"
        yield exits.enter_context(ground(folder, url, console, [provider]))


@contextmanager
def strict_ground(folder: Path) -> Iterator[Ground]:
    """One behind https that is soon tired of people."""
    console = {
        "public_url": "https://console.example",
        "login_attempts_per_minute": 3,
        "idle_seconds": 1,
    }
    server = {"grpc": ANY, "http": ANY, "admin_grpc": ANY, "admin_http": ANY}
    proxies = {"networks": ["127.0.0.0/8"]}
    with ground(folder, "http://127.0.0.1:9", console, [], server={**server, "trusted_proxies": proxies}) as found:
        yield found
