"""How connections to a provider are made: where they may go, by which proxy, whom they trust."""

import logging
import socket
import ssl
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from hedgerow_server.config.load import ConfigError, Fault
from hedgerow_server.core.addresses import AddressRefusedError, AddressRule
from hedgerow_server.providers.http.port import ForbiddenError

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Egress:
    """The rules for all connections to one provider."""

    rule: AddressRule
    """Which addresses may be connected to: the proxy's where there is one, else the provider's."""
    proxy: str | None = None
    """The URL of an HTTP proxy; None: none, whatever the environment says."""
    tls: ssl.SSLContext | None = None
    """Whom to trust; None: the authorities that the HTTP client trusts by itself."""

    def socket(self, info: tuple[Any, ...]) -> socket.socket:
        """A socket for an entry of getaddrinfo, which is what it will be connected to. Raises AddressRefusedError."""
        family, kind, protocol, _, address = info
        self.rule.check(address[0])
        return socket.socket(family, kind, protocol)

    def forbidden(self, url: str, error: AddressRefusedError) -> ForbiddenError:
        """What becomes of a request to a URL that was not sent, since the address is not allowed."""
        host = urlsplit(self.proxy or url).hostname
        _log.warning(
            "no connection to %s: its address is %s, and allow_private_addresses of the provider does not allow it",
            host,
            error.range.value,
        )
        return ForbiddenError(str(error))


def trusting(ca_file: Path) -> ssl.SSLContext:
    """Trusts the authorities of a file, PEM, and no others. Raises ConfigError for a file that is of no use."""
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except ssl.SSLError:
        raise _unusable(ca_file, "expected certificates, PEM") from None
    except OSError as error:
        raise _unusable(ca_file, f"cannot be read: {error.strerror}") from None
    context.set_alpn_protocols(["http/1.1"])
    return context


@cache
def public_trust() -> ssl.SSLContext:
    """Trusts the authorities that the system trusts. Reading them takes a while: once is enough."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


def _unusable(ca_file: Path, expected: str) -> ConfigError:
    return ConfigError([Fault(str(ca_file), 1, "", expected)])
