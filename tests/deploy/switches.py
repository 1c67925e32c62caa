"""Every combination of the chart's switches, and what each gives: its manifests and the gateway's configuration."""

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import yaml
from deploy.tools import of_kind, render
from hedgerow_server.config.load import load
from hedgerow_server.settings import Settings, references

BASE: dict[str, Any] = {
    "config": {
        "identity": {"api_keys": {"pepper": "pepper"}, "roles": {"app": {"models": ["fast"]}}},
        "providers": {"openai": {"dialect": "openai", "credential": "openai"}},
        "routes": {"fast": {"kind": "chat", "candidates": [{"provider": "openai", "model": "gpt-4o-mini"}]}},
    },
    "secrets": {"pepper": {"secretName": "hedgerow", "key": "pepper"}},
    "serviceMonitor": {"enabled": True},
    "prometheusRule": {"enabled": True},
    "dashboards": {"enabled": True},
}
"""What all combinations have in common: a provider, a route, and callers with keys."""

_OPENAI = {"mount": "secret", "path": "hedgerow/openai", "field": "api_key"}
_POSTGRES = {"path": "hedgerow/postgres", "field": "password"}
VAULT: dict[str, dict[str, Any]] = {
    "no-vault": {
        "secrets": {
            "openai": {"secretName": "hedgerow", "key": "openai"},
            "postgres": {"secretName": "hedgerow", "key": "postgres"},
        }
    },
    **{
        f"vault-{mode}": {
            "vault": {
                "mode": mode,
                "address": "https://vault.vault:8200",
                "caSecretName": "vault-ca",
                "secrets": {"openai": _OPENAI, "postgres": _POSTGRES},
            }
        }
        for mode in ("direct", "agent")
    },
}
TLS: dict[str, dict[str, Any]] = {
    "plaintext": {},
    "tls": {"tls": {"secretName": "hedgerow-tls", "clientCa": True}},
    "spiffe": {"spiffe": {"enabled": True}},
}
REDIS: dict[str, dict[str, Any]] = {
    "alone": {},
    "redis": {"redis": {"enabled": True, "url": "rediss://redis.data:6380/0", "credential": "openai"}},
}
STORE: dict[str, dict[str, Any]] = {
    "sqlite": {"replicas": 1},
    "postgres": {
        "postgres": {"enabled": True, "host": "db.data", "caSecretName": "postgres-ca"},
        "autoscaling": {"enabled": True},
    },
}
DOORS: dict[str, dict[str, Any]] = {
    "grpc": {},
    "http-and-admin": {"http": {"enabled": True}, "admin": {"exposed": True}},
}


def merged(whole: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    """Values with others laid over them, as Helm does it."""
    both = {key: merged(whole[key], value) for key, value in part.items() if _both(whole.get(key), value)}
    return {**whole, **part, **both}


def _both(one: object, other: object) -> bool:
    return isinstance(one, dict) and isinstance(other, dict)


def combinations() -> Iterator[tuple[str, dict[str, Any]]]:
    """The name and the values of each."""
    for names in itertools.product(VAULT, TLS, REDIS, STORE, DOORS):
        values = BASE
        for table, name in zip((VAULT, TLS, REDIS, STORE, DOORS), names, strict=True):
            values = merged(values, table[name])
        yield " ".join(names), values


def rendered(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """The manifests of every combination, by its name."""

    def one(number: int, name: str, values: dict[str, Any]) -> tuple[str, list[dict[str, Any]]]:
        place = folder / str(number)
        place.mkdir()
        return name, render(values, place)

    with ThreadPoolExecutor(2) as pool:
        work = [pool.submit(one, number, *entry) for number, entry in enumerate(combinations())]
        return dict(each.result() for each in work)


def configuration(manifests: list[dict[str, Any]]) -> dict[str, Any]:
    """What the gateway is told."""
    found: dict[str, Any] = yaml.safe_load(of_kind(manifests, "ConfigMap", "hedgerow")["data"]["config.yaml"])
    return found


def settings(manifests: list[dict[str, Any]], folder: Path) -> Settings:
    """The same, loaded as the gateway loads it. Raises ConfigError."""
    path = folder / "config.yaml"
    path.write_text(of_kind(manifests, "ConfigMap", "hedgerow")["data"]["config.yaml"], encoding="utf-8")
    return load(path, Settings, references)
