"""Who is behind a proxy: `x-forwarded-for` and `x-forwarded-client-cert`, from those proxies that may say so.

Anybody can send these headers. They count only where the connection itself comes from a proxy that the configuration
names, and of what they say only as much as that proxy can have seen: what is further to the left of the first address
that is no proxy's was written by a caller.
"""

import re
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import unquote

import msgspec

from hedgerow_server.doors.section import TrustedProxiesSection

FOR, CERTIFICATE = "x-forwarded-for", "x-forwarded-client-cert"
Identities = Callable[[], tuple[str, ...]]
Values = Callable[[str], Sequence[str]]
"""All values of a header, in the order in which they came."""
_Address = IPv4Address | IPv6Address
_MAX_HOPS = 32
"""Addresses of one header that are looked at, from its end."""
_NAMES = {"uri": "", "dns": "dns:"}
_PAIR = re.compile(r'\s*+([A-Za-z]++)=(?:"((?:[^"\\]|\\.)*+)"|([^",;]*+))\s*+([,;]|$)')
"""One pair of an element, and what ends it: Envoy quotes values with commas, semicolons and equals signs."""
_ESCAPED = re.compile(r"\\(.)")


class Origin(msgspec.Struct, frozen=True):
    """Where a call comes from."""

    peer: str
    """The caller's address in gRPC's words, such as "ipv4:192.0.2.7:50712"; without a port where a proxy told it."""
    identities: Identities
    """Whom the caller's certificate names."""


class TrustedProxies:
    """Looks through the proxies that are named, and through no other."""

    def __init__(self, section: TrustedProxiesSection) -> None:
        self._networks = section.networks
        self._identities = frozenset(section.identities)
        self._certificates = section.client_certificates

    @classmethod
    def of(cls, section: TrustedProxiesSection) -> "TrustedProxies | None":
        """None where there is none: then calls come from where their connections come from."""
        return cls(section) if section.networks else None

    def origin(self, peer: str, own: Identities, values: Values) -> Origin:
        """Who is behind a connection from `peer`, whose own certificate names `own`."""
        if not self._speaks(peer, own):
            return Origin(peer, own)
        identities = own
        if self._certificates:
            # Never the proxy's own: a caller without a certificate would be whom the proxy's names.
            named = names_of(", ".join(values(CERTIFICATE)))
            identities = lambda: named  # noqa: E731 - asked when the caller is authenticated, as the other one is
        return Origin(self._client(values(FOR)) or peer, identities)

    def _speaks(self, peer: str, own: Identities) -> bool:
        """Whether the other end is a proxy that may say for whom it calls."""
        address = _of_peer(peer)
        if address is None or not self._trusts(address):
            return False
        return not self._identities or not self._identities.isdisjoint(own())

    def _trusts(self, address: _Address) -> bool:
        return any(address in network for network in self._networks)

    def _client(self, lines: Sequence[str]) -> str:
        """The last address that no trusted proxy has; the first one where all are theirs; empty where none is told."""
        found: _Address | None = None
        for text in reversed(",".join(lines).rsplit(",", _MAX_HOPS)[-_MAX_HOPS:]):
            address = _of_hop(text.strip())
            if address is None:
                break
            found = address
            if not self._trusts(address):
                break
        if found is None:
            return ""
        return f"ipv4:{found}" if isinstance(found, IPv4Address) else f"ipv6:[{found}]"


def names_of(header: str) -> tuple[str, ...]:
    """The names of the certificate in the last element of an `x-forwarded-client-cert`: that of whoever connected to
    the proxy that added it. URIs as they are, DNS names with "dns:". None for what is not of Envoy's form: half of an
    identity is worse than none.
    """
    names: list[str] = []
    at = 0
    while at < len(header):
        pair = _PAIR.match(header, at)
        if pair is None:
            return ()
        key, quoted, plain, end = pair.groups()
        value = _ESCAPED.sub(r"\1", quoted) if quoted is not None else plain.strip()
        if key.lower() in _NAMES and value:
            names.append(_NAMES[key.lower()] + value)
        at = pair.end()
        if end == ",":
            names = []
    return tuple(names)


def _of_peer(peer: str) -> _Address | None:
    """The address in a peer's name; None for another kind of peer, such as a socket in the file system."""
    kind, _, rest = peer.partition(":")
    if kind not in ("ipv4", "ipv6"):
        return None
    return _parsed(unquote(rest).rpartition(":")[0].strip("[]"))


def _of_hop(text: str) -> _Address | None:
    """An address as proxies write it: some add the port, and then put IPv6 in brackets."""
    if text.startswith("["):
        return _parsed(text[1:].partition("]")[0])
    return _parsed(text.partition(":")[0] if text.count(":") == 1 else text)


def _parsed(text: str) -> _Address | None:
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
