"""What the configuration says of all connections that the gateway makes."""

from ipaddress import IPv6Network
from typing import Annotated

import pydantic

from hedgerow_server.config.model import Section
from hedgerow_server.core.addresses import nat64_prefix


def _prefix(value: str) -> str:
    return str(nat64_prefix(value))


Nat64Prefix = Annotated[str, pydantic.AfterValidator(_prefix), pydantic.Field(max_length=64)]
"""An IPv6 prefix of 32, 40, 48, 56, 64 or 96 bits, such as 2001:db8:64::/96."""


class EgressSection(Section):
    """Section `egress`: what holds for all connections to providers, token endpoints and issuers."""

    nat64_prefixes: tuple[Nat64Prefix, ...] = pydantic.Field(default=(), max_length=16)
    """The prefixes behind which one's own network has IPv4 addresses (RFC 6052), beside the well-known 64:ff9b::/96:
    what is behind them is judged by the IPv4 address. An address behind a prefix that is not
    named here is judged as any other IPv6 address.
    """

    @property
    def nat64(self) -> tuple[IPv6Network, ...]:
        """The prefixes as networks."""
        return tuple(nat64_prefix(one) for one in self.nat64_prefixes)
