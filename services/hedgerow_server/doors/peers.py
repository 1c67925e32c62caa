"""Who is at the other end of a connection of Python's own sockets and ssl, in the same words as C-core's."""

import ipaddress
from collections.abc import Mapping
from typing import cast

_NAMES = {"URI": "", "DNS": "dns:", "email": "email:", "IP Address": "ip:"}
"""How the kinds of a certificate's names are told apart."""
_CONTEXT = {"URI": "peer_uri", "DNS": "peer_dns", "email": "peer_email", "IP Address": "peer_ip"}
"""The same in C-core's authentication context."""


def peer_name(name: tuple[str, int] | None) -> str:
    """Where the other end is, such as "ipv4:127.0.0.1:50600"; empty where nobody knows."""
    if not name:
        return ""
    host, port = name[:2]
    return f"ipv6:[{host}]:{port}" if ":" in host else f"ipv4:{host}:{port}"


def identities_of(certificate: dict[str, object] | None) -> tuple[str, ...]:
    """The names in a certificate, as Python's ssl gives it."""
    found = _names(certificate)
    return tuple(f"{prefix}{value}" for kind, prefix in _NAMES.items() for value in found[kind])


def auth_context(certificate: dict[str, object] | None) -> Mapping[str, tuple[bytes, ...]]:
    """The same as grpc.aio's `auth_context` tells it; empty without a certificate."""
    found = _names(certificate)
    return {name: tuple(one.encode() for one in found[kind]) for kind, name in _CONTEXT.items() if found[kind]}


def _names(certificate: dict[str, object] | None) -> dict[str, list[str]]:
    names = cast("tuple[tuple[str, str], ...]", (certificate or {}).get("subjectAltName", ()))
    found = {kind: [value for one, value in names if one == kind] for kind in _NAMES}
    # OpenSSL writes IPv6 in full, in capitals.
    found["IP Address"] = [str(ipaddress.ip_address(value.strip())) for value in found["IP Address"]]
    return found
