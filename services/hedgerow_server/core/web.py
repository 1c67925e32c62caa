"""HTTP for what is no call to a provider: tokens that are obtained, keys of issuers. Who needs it is handed it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import msgspec

from hedgerow_server.core.addresses import AddressRule
from hedgerow_server.core.port import HttpRequest

MAX_ANSWER_BYTES = 1024 * 1024
"""The longest body that is read."""


class Reach(msgspec.Struct, frozen=True):
    """Where a connection may go, and whom it trusts."""

    rule: AddressRule
    """Which addresses may be connected to: the proxy's where there is one, else the host's."""
    proxy: str | None = None
    """The URL of an HTTP proxy. None: none, whatever the environment says."""
    ca_file: Path | None = None
    """The authorities that may vouch for the host, PEM, and no others. None: the public ones."""


class WebAnswer(msgspec.Struct, frozen=True):
    """An answer, read to its end."""

    status: int
    headers: Mapping[str, str]
    """With names in lower case."""
    body: bytes

    def __repr__(self) -> str:
        # A body may be a token.
        return f"WebAnswer({self.status})"


class WebError(Exception):
    """There is no answer; the text says why in a few words, without an address and without a secret."""


class Web(Protocol):
    """Sends requests. No redirect is followed, no cookie kept and no variable of the environment looked at."""

    async def send(self, request: HttpRequest, reach: Reach, *, timeout_s: float) -> WebAnswer:
        """The answer, whatever its status, within `timeout_s` seconds in all. Raises WebError."""

    def send_blocking(self, request: HttpRequest, reach: Reach, *, timeout_s: float) -> WebAnswer:
        """`send` for a thread that has no event loop. Raises WebError."""


class Line(Protocol):
    """Connections that are kept, for many requests to one host. For one event loop."""

    async def send(self, request: HttpRequest, *, timeout_s: float) -> WebAnswer:
        """The answer, whatever its status, within `timeout_s` seconds in all. Raises WebError."""

    async def close(self) -> None:
        """Closes the connections."""


class Lines(Protocol):
    """Opens lines, under the same rules as a Web."""

    def line(self, reach: Reach, *, connections: int) -> Line:
        """At most so many connections at once; further requests wait for one. Connects when it is asked."""
