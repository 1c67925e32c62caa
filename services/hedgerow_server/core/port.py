"""What the rooms ask of each other without knowing each other."""

import enum
from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

import msgspec

from hedgerow_server.core.drift import Drift
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

    async def refused(self, secret: Secret) -> bool:
        """The provider has refused this secret: fetches anew. Tells, within seconds, whether there is another one."""

    def hold(self, secret: Secret) -> None:
        """An attempt uses this secret from now on: it is not to be retired."""

    def let_go(self, secret: Secret) -> None:
        """An attempt that used it has ended."""


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


class RateLimit(msgspec.Struct, frozen=True):
    """One limit of a provider as it stood when an answer came. None: the provider did not say."""

    remaining: int | None = None
    """How much may still be sent before the reset, at least 0: requests or tokens."""
    limit: int | None = None
    """How much may be sent in a window, above 0."""
    reset_s: float | None = None
    """Seconds, from the answer on, until all of the limit is there again, at least 0. A bucket that refills steadily
    lets something through before that.
    """
    window_s: float | None = None
    """The length of the window in seconds, above 0."""


class RateLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer tells of the limits of the credential that asked for it. None: nothing is told of this one.

    Of several windows of one limit (a minute, a month) the one that stands here is the one of which least is left.
    """

    requests: RateLimit | None = None
    """Requests."""
    tokens: RateLimit | None = None
    """Tokens, input and output together."""
    input_tokens: RateLimit | None = None
    """Input tokens, where they have a limit of their own."""
    output_tokens: RateLimit | None = None
    """Output tokens, where they have a limit of their own."""


class CancelBilling(enum.Enum):
    """What a provider charges for an answer whose connection was closed before its end."""

    STOPS = "stops"
    """Generation stops: no more than what was generated until then is charged."""
    CONTINUES = "continues"
    """Generation goes on, and the whole answer is charged."""
    UNKNOWN = "unknown"
    """The provider does not say, or it depends on who serves the model behind it."""


NO_HEADERS: Mapping[str, str] = MappingProxyType({})
"""The headers of an answer of which none are known."""


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
    """How to talk to one kind of provider. Stateless but for `drift`; everything it needs of the configuration it was
    built with.
    """

    name: str
    drift: Drift
    """What came of the provider that is not known."""

    def default_dimensions(self, model: str) -> int | None:
        """The length of an embedding model's vectors where the dialect knows it."""

    def embed_batch_limit(self, model: str) -> int:
        """The most inputs that the model takes in one request for embeddings, at least 1."""

    def embed_token_limit(self, model: str) -> int | None:
        """The most tokens that the inputs of one request for embeddings may have together. None: no limit is known."""

    def build(self, spec: ChatSpec | EmbedSpec, *, stream: bool, model: str, secret: Secret | None) -> Prepared:
        """The upstream request. Raises RequestInvalid for what the provider cannot take."""

    def reader(
        self, operation: Operation, *, stream: bool, content_type: str, headers: Mapping[str, str] = NO_HEADERS
    ) -> Reader:
        """A reader for a 2xx answer. Raises UpstreamProtocol when the content type is none of this dialect's. Some
        usage stands in the headers only; they are looked up by names in lower case.
        """

    def rate_limits(self, headers: Mapping[str, str]) -> RateLimits | None:
        """What the headers of an answer, whatever its status, tell of the credential's limits; None where they tell
        nothing of use. They are looked up by names in lower case.
        """

    def billing_after_cancel(self, model: str, *, stream: bool) -> CancelBilling:
        """What the provider charges for a chat answer of this model that is not read to its end."""

    def classify(self, status: int, headers: Mapping[str, str], body: bytes) -> HedgerowError:
        """What a non-2xx answer means. Header names are lower case."""

    def probe(self, secret: Secret) -> HttpRequest | None:
        """A request that costs nothing and that the provider answers with 2xx only where the secret is good. None:
        there is none.
        """
