"""What the rooms ask of each other without knowing each other."""

import enum
from collections.abc import Mapping
from typing import Protocol

import msgspec

from hedgerow_server.core.error import HedgerowError
from hedgerow_server.core.event import Event, Warning
from hedgerow_server.core.request import ChatSpec, EmbedSpec
from hedgerow_server.core.secret import Secret


class Lease(Protocol):
    """A credential that is already in memory."""

    @property
    def name(self) -> str:
        """The configured name."""

    def current(self) -> Secret:
        """The secret to use now. Raises CredentialUnavailable."""


class HttpRequest(msgspec.Struct, frozen=True):
    """A request to a provider, ready to be sent. `url` never holds a secret."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes

    def __repr__(self) -> str:
        # The headers hold the credential and the body what the caller said.
        return f"HttpRequest({self.method} {self.url})"


class Prepared(msgspec.Struct, frozen=True):
    """What a dialect made of a spec."""

    request: HttpRequest
    warnings: tuple[Warning, ...] = ()


class Operation(enum.Enum):
    """What is asked of a provider. Values are the gen_ai operation names."""

    CHAT = "chat"
    EMBED = "embeddings"


class Reader(Protocol):
    """Turns the bytes of one answer into events. Synchronous; knows no socket.

    Raises a HedgerowError at the first byte that makes the answer a failure, after returning what came before it.
    """

    done: bool
    """True once the provider has said its last word; further bytes are ignored."""

    def feed(self, data: bytes) -> list[Event]:
        """The events that these bytes complete."""

    def finish(self) -> list[Event]:
        """The events that the end of the body completes, the last being Finished. Raises StreamCut without one."""


class Dialect(Protocol):
    """How to talk to one kind of provider. Stateless; everything it needs of the configuration it was built with."""

    name: str
    embed_batch_limit: int

    def default_dimensions(self, model: str) -> int | None:
        """The length of an embedding model's vectors where the dialect knows it."""

    def build(self, spec: ChatSpec | EmbedSpec, *, stream: bool, model: str, secret: Secret | None) -> Prepared:
        """The upstream request. Raises RequestInvalid for what the provider cannot take."""

    def reader(self, operation: Operation, *, stream: bool, content_type: str) -> Reader:
        """A reader for a 2xx answer. Raises UpstreamProtocol when the content type is none of this dialect's."""

    def classify(self, status: int, headers: Mapping[str, str], body: bytes) -> HedgerowError:
        """What a non-2xx answer means. Header names are lower case."""
