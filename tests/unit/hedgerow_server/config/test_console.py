"""A console that nobody could log in to is a fault of the file."""

from typing import Any

import pytest
from hedgerow_server.settings import Settings, references

ISSUER = "https://login.example"
OIDC = {"issuer": ISSUER, "client_id": "console"}
ROLES = {"admin": {"access": "roles", "token": "operator"}}
JWT = {"jwt": {"issuers": [{"issuer": ISSUER, "audiences": ["hedgerow"], "tenant": "acme"}]}}


def faults(console: dict[str, Any] | None, identity: dict[str, Any]) -> list[str]:
    """Where something is wrong."""
    given: dict[str, Any] = {
        "providers": {"sim": {"dialect": "openai"}},
        "routes": {"fast": {"kind": "chat", "candidates": [{"provider": "sim", "model": "m"}]}},
        "credentials": {"operator": {"source": "env", "variable": "OPERATOR"}},
        "identity": identity,
        "console": console,
    }
    return [".".join(map(str, at)) for at, _ in references(Settings.model_validate(given))]


@pytest.mark.parametrize(
    ("console", "identity", "wrong"),
    [
        (None, {}, []),
        ({}, {}, ["console"]),
        ({}, {"admin": {"access": "loopback"}}, ["console"]),
        ({}, ROLES, []),
        ({"oidc": OIDC, "public_url": "https://a.example"}, {**ROLES, **JWT}, []),
        ({"oidc": OIDC, "public_url": "https://a.example"}, ROLES, ["console.oidc.issuer"]),
        (
            {"oidc": {**OIDC, "client_secret": "none"}, "public_url": "https://a.example"},
            {**ROLES, **JWT},
            ["console.oidc.client_secret"],
        ),
    ],
    ids=["off", "without roles", "by who connects", "the token", "a provider", "an unknown one", "an unknown secret"],
)
def test_what_a_console_needs_must_be_there(
    console: dict[str, Any] | None, identity: dict[str, Any], wrong: list[str]
) -> None:
    assert faults(console, identity) == wrong
