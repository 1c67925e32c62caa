"""Doors that anybody on the network could use: a fault of the file unless it says that they are meant to be."""

from typing import Any

import pytest
from hedgerow_server.settings import Settings, references

EVERYWHERE = {"listen": "0.0.0.0:1"}
TLS = {"certificate": "c.pem", "key": "k.pem"}
BOTH_WAYS = {**TLS, "client_ca": "ca.pem"}
MTLS = {"mtls": {"principals": [{"identity": "dns:a.example", "tenant": "a"}]}}


def faults(**sections: Any) -> list[str]:
    """Where something is wrong."""
    given: dict[str, Any] = {
        "providers": {"sim": {"dialect": "openai"}},
        "routes": {"fast": {"kind": "chat", "candidates": [{"provider": "sim", "model": "m"}]}},
    }
    return [".".join(map(str, at)) for at, _ in references(Settings.model_validate({**given, **sections}))]


@pytest.mark.parametrize("door", ["grpc", "http"])
@pytest.mark.parametrize(
    ("section", "identity", "wrong"),
    [
        (EVERYWHERE, {}, True),
        ({**EVERYWHERE, "tls": TLS}, {}, True),
        ({"listen": "[::]:1"}, {}, True),
        ({**EVERYWHERE, "tls": BOTH_WAYS}, {}, False),
        ({**EVERYWHERE, "tls": {"spiffe": {}}}, {}, False),
        ({**EVERYWHERE, "tls": {"spiffe": {"ask_callers": False}}}, {}, True),
        (EVERYWHERE, {"allow_unauthenticated": True}, False),
        ({"listen": "127.0.0.1:1"}, {}, False),
    ],
)
def test_a_door_beyond_loopback_asks_or_is_said_not_to(
    door: str, section: dict[str, Any], identity: dict[str, Any], wrong: bool
) -> None:
    assert faults(server={door: section}, identity=identity) == ([f"server.{door}.listen"] if wrong else [])


@pytest.mark.parametrize(
    ("server", "wrong"),
    [
        ({}, True),
        ({"http": {}}, True),
        ({"grpc": {"tls": TLS}, "http": {"tls": TLS}}, True),
        ({"grpc": {"tls": BOTH_WAYS}}, False),
        ({"http": {"tls": BOTH_WAYS}}, False),
        ({"grpc": {"tls": TLS}, "http": {"tls": {"spiffe": {}}}}, False),
    ],
)
def test_certificates_of_callers_are_known_where_a_door_asks_for_them(server: dict[str, Any], wrong: bool) -> None:
    assert faults(server=server, identity=MTLS) == (["identity.mtls"] if wrong else [])
