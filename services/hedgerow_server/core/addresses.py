"""Which addresses are not of the public Internet, and which of them a host that the gateway calls may have.

The ranges are those of IANA's special-purpose registries (RFC 6890 and the RFCs that they name), and the addresses at
which clouds tell a machine its credentials.
"""

import enum
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit


class Range(enum.Enum):
    """What is special about an address."""

    METADATA = "metadata"
    """Of a cloud's own services: credentials of the machine, control of its agent."""
    LINK_LOCAL = "link-local"
    LOOPBACK = "loopback"
    PRIVATE = "private"
    UNIQUE_LOCAL = "unique-local"
    SHARED = "shared"
    """Carrier-grade NAT, RFC 6598."""
    MULTICAST = "multicast"
    UNSPECIFIED = "unspecified"
    """This host on this network: some systems connect to themselves."""
    RESERVED = "reserved"


_V4 = tuple(
    (IPv4Network(network), kind)
    for kind, networks in (
        # AWS, Google, Azure, Oracle, DigitalOcean and others; ECS and EKS; Tencent; Scaleway; Alibaba; Azure; Oracle.
        (Range.METADATA, "169.254.169.254 169.254.170.0/24 169.254.0.23 169.254.42.42 100.100.100.200 168.63.129.16"),
        (Range.METADATA, "192.0.0.192"),
        (Range.LINK_LOCAL, "169.254.0.0/16"),
        (Range.LOOPBACK, "127.0.0.0/8"),
        (Range.PRIVATE, "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16"),
        (Range.SHARED, "100.64.0.0/10"),
        (Range.MULTICAST, "224.0.0.0/4"),
        (Range.UNSPECIFIED, "0.0.0.0/8"),
        (Range.RESERVED, "192.0.0.0/24 192.0.2.0/24 192.88.99.0/24 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24"),
        (Range.RESERVED, "240.0.0.0/4"),
    )
    for network in networks.split()
)
_V6 = tuple(
    (IPv6Network(network), kind)
    for kind, networks in (
        # AWS; Google; Scaleway; Akamai.
        (Range.METADATA, "fd00:ec2::/32 fd20:ce::254 fd00:42::42 fd00:a9fe:a9fe::/48 fe80::a9fe:a9fe"),
        (Range.LINK_LOCAL, "fe80::/10"),
        (Range.LOOPBACK, "::1"),
        (Range.PRIVATE, "fec0::/10 64:ff9b:1::/48"),
        (Range.UNIQUE_LOCAL, "fc00::/7"),
        (Range.MULTICAST, "ff00::/8"),
        (Range.UNSPECIFIED, "::"),
        (Range.RESERVED, "2001::/23 2001:db8::/32 3fff::/20"),
    )
    for network in networks.split()
)
_MAPPED = IPv6Network("::ffff:0:0/96")
_NAT64 = IPv6Network("64:ff9b::/96")
_GLOBAL_V6 = (IPv6Network("2000::/3"), _MAPPED, _NAT64)
_EMBEDDING = (
    (IPv6Network("::/96"), 0),
    (_MAPPED, 0),
    (IPv6Network("::ffff:0:0:0/96"), 0),
    (_NAT64, 0),
    (IPv6Network("2002::/16"), 80),  # 6to4
)
"""IPv6 addresses that stand for an IPv4 address, and by how many bits it is from the end."""
_NAT64_LENGTHS = (32, 40, 48, 56, 64, 96)
_U_OCTET_END = 72
"""Bits 64 to 71 of an address behind a NAT64 prefix are zero, and no part of the IPv4 address (RFC 6052, section
2.2)."""
_ISATAP = (0x0000_5EFE, 0x0200_5EFE)
"""The first half of an interface identifier that ends with an IPv4 address (RFC 5214, section 6.1)."""
_NEVER_BY_NAME = (Range.METADATA, Range.LINK_LOCAL)
"""What stands there speaks for the machine: to name it in a URL is not enough."""


def nat64_prefix(text: str) -> IPv6Network:
    """A prefix behind which a network has IPv4 addresses (RFC 6052, section 2.2). Raises ValueError."""
    try:
        found = IPv6Network(text)
    except ValueError:
        raise ValueError("expected an IPv6 prefix such as 2001:db8:64::/96, without bits beyond its length") from None
    if found.prefixlen not in _NAT64_LENGTHS:
        raise ValueError(f"expected a length of {', '.join(map(str, _NAT64_LENGTHS))}")
    return found


def range_of(address: IPv4Address | IPv6Address, nat64: tuple[IPv6Network, ...] = ()) -> Range | None:
    """What is special about an address, or about the IPv4 address that it stands for; None: it is a public one. `nat64`
    are the prefixes of one's own network beside the well-known 64:ff9b::/96.
    """
    if isinstance(address, IPv4Address):
        return next((kind for network, kind in _V4 if address in network), None)
    for network in nat64:
        if address in network:
            return range_of(_translated(address, network.prefixlen))
    for network, kind in _V6:
        if address in network:
            return kind
    inner = _embedded(address)
    found = range_of(inner) if inner is not None else None
    if found is None and not any(address in network for network in _GLOBAL_V6):
        return Range.RESERVED
    return found


def _translated(address: IPv6Address, length: int) -> IPv4Address:
    """The IPv4 address behind a NAT64 prefix of a length."""
    bits = int(address)
    end = length + 32
    if length <= 64 < end:
        # Its bits go on behind the octet that is left out.
        after = end - 64
        high = bits >> 64 & ((1 << (32 - after)) - 1)
        low = bits >> (128 - _U_OCTET_END - after) & ((1 << after) - 1)
        return IPv4Address(high << after | low)
    return IPv4Address(bits >> (128 - end) & 0xFFFF_FFFF)


def _embedded(address: IPv6Address) -> IPv4Address | None:
    bits = int(address)
    for network, shift in _EMBEDDING:
        if address in network:
            return IPv4Address(bits >> shift & 0xFFFF_FFFF)
    return IPv4Address(bits & 0xFFFF_FFFF) if bits >> 32 & 0xFFFF_FFFF in _ISATAP else None


class AddressRefusedError(OSError):
    """A connection to an address that is not allowed; `range` says what is special about it. Its text names neither:
    callers may see it.
    """

    def __init__(self, found: Range) -> None:
        super().__init__("its address is private and not allowed")
        self.range = found


@dataclass(frozen=True, slots=True)
class AddressRule:
    """Which addresses a host may have."""

    host: str
    """The host as the configuration has it, in lower case and without brackets; empty: one of a provider's own."""
    allow: bool | None
    """Whether it may be one that is not public. None: only where the host itself is such an address, or localhost and
    it is loopback; and never one of a cloud's metadata service or a link-local one.
    """
    nat64: tuple[IPv6Network, ...] = ()
    """The NAT64 prefixes of one's own network: what is behind them is judged by the IPv4 address."""

    @classmethod
    def of(cls, url: str | None, *, allow: bool | None, nat64: tuple[IPv6Network, ...] = ()) -> "AddressRule":
        """The rule for the host of a URL."""
        return cls((urlsplit(url).hostname or "") if url is not None else "", allow, nat64)

    def check(self, address: str) -> None:
        """Raises AddressRefusedError where there may be no connection to an address, an IPv4 or IPv6 literal."""
        if self.allow:
            return
        ip = ip_address(address)
        found = range_of(ip, self.nat64)
        if found is None or (self.allow is None and found not in _NEVER_BY_NAME and self._names(ip, found)):
            return
        raise AddressRefusedError(found)

    def _names(self, ip: IPv4Address | IPv6Address, found: Range) -> bool:
        if self.host.rstrip(".") == "localhost":
            return found is Range.LOOPBACK
        try:
            return ip_address(self.host) == ip
        except ValueError:
            return False
