"""The upstream port: all that the gateway asks of an HTTP client."""

from collections.abc import Mapping
from typing import Protocol

from hedgerow_server.core.port import HttpRequest


class UnreachableError(Exception):
    """No connection, or one that broke; `detail` is a short phrase without addresses or secrets."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class ForbiddenError(UnreachableError):
    """There may be no connection, by the configuration: another try does not help."""


class GarbledError(UnreachableError):
    """An answer came, but its body cannot be decoded; `detail` says what it is, such as "a body that …"."""


class Response(Protocol):
    """An answer whose headers are here and whose body is coming."""

    @property
    def status(self) -> int:
        """The HTTP status."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers; they are looked up by names in lower case."""

    async def read(self) -> bytes:
        """The next bytes of the body as they arrive, decoded; empty at its end. Raises UnreachableError when the
        connection breaks, GarbledError when they cannot be decoded or stand for far more than an answer is. Where the
        provider's answers are read on after a cancel, a read that is cancelled loses nothing: the next one goes on.
        """

    def release(self, *, finished: bool = False) -> None:
        """Ends the exchange at once, without waiting. `finished` says that the provider has said its last word: what is
        left of the body is read aside, within bounds, and the connection kept. Any other body that was not read to its
        end closes the connection, so that the provider stops.
        """


class Transport(Protocol):
    """An HTTP client with its pool of connections to one provider."""

    async def send(self, request: HttpRequest, extra_headers: tuple[tuple[str, str], ...]) -> Response:
        """Sends the request and waits for the answer's headers. Follows no redirect. Raises UnreachableError, and of
        its kinds ForbiddenError before anything was sent.
        """

    async def close(self) -> None:
        """Closes every connection."""
