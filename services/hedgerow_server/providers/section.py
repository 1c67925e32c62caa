"""What the configuration says of every provider, whatever its dialect."""

import re
from pathlib import Path
from typing import Annotated, ClassVar, Literal
from urllib.parse import urlsplit

import pydantic

from hedgerow_server.config.credential import Credential
from hedgerow_server.config.model import Seconds, Section

_URL = r"^https?://[^\s?#@]+$"
_PROXY = r"^http://[^\s/?#@]+/?$"
_MAX_URL = 2048


def _provider_url(value: str) -> str:
    if not _is_url(_URL, value):
        raise ValueError("expected an http or https URL without query and without a user")
    return value


def _proxy_url(value: str) -> str:
    if not _is_url(_PROXY, value):
        raise ValueError("expected http://HOST:PORT, without a user")
    return value


def _is_url(pattern: str, value: str) -> bool:
    if not re.fullmatch(pattern, value) or len(value) > _MAX_URL:
        return False
    try:
        parts = urlsplit(value)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


ProviderUrl = Annotated[
    str,
    pydantic.AfterValidator(_provider_url),
    pydantic.WithJsonSchema({"type": "string", "pattern": _URL, "maxLength": _MAX_URL}),
]
"""Where an API is: an http or https URL without query, and without a user: a URL holds no secret."""

ProxyUrl = Annotated[
    str,
    pydantic.AfterValidator(_proxy_url),
    pydantic.WithJsonSchema({"type": "string", "pattern": _PROXY, "maxLength": _MAX_URL}),
]
"""Where an HTTP proxy is, without a user: a URL holds no secret."""


class RateLimitsSection(Section):
    """What one key of a provider may do with one model."""

    requests_per_minute: int | None = pydantic.Field(default=None, ge=1, le=10_000_000)
    """Requests in a minute. None: what the provider's answers tell."""
    tokens_per_minute: int | None = pydantic.Field(default=None, ge=1, le=10_000_000_000)
    """Tokens in a minute, input and output together. None: what the provider's answers tell."""
    learn: bool = True
    """Whether what answers tell of limits and of what is left of them counts: limits that are not given here, and less
    that is left than was counted, as when others use the same key."""


class ProviderSection(Section):
    """One entry of `providers`, without what its dialect adds."""

    own_family: ClassVar[str | None] = None
    """The family of the model catalogue that has this dialect's models, unless the entry says another."""

    credential: Credential | None = None
    """The entry of `credentials` whose secret is sent, or a list of several keys (docs/providers.md). None: no
    credential is sent."""
    transport: Literal["thin", "aiohttp", "httpx"] = "thin"
    """The HTTP client: thin is the gateway's own and the fastest; aiohttp and httpx are the libraries of that name
    (docs/providers.md). All three speak HTTP/1.1."""
    allow_private_addresses: bool | None = None
    """Whether it may have an address that is not public: loopback, private, link-local, of a cloud's metadata service
    and their like. None: only if `base_url` itself has that address in the place of a name, or is `localhost`, and
    never a link-local or metadata address. With a `proxy` all of this is about the proxy's URL and address.
    """
    proxy: ProxyUrl | None = None
    """The HTTP proxy on the way to it, `http://HOST:PORT`; a provider at https is reached through CONNECT, so that the
    proxy sees its host name only. None: no proxy, whatever the environment says.
    """
    ca_file: Path | None = None
    """The authorities, PEM, one of which must have issued the provider's certificate; no others are trusted. Read when
    this entry is loaded. None: the public ones.
    """
    connect_timeout_seconds: Seconds = 5.0
    """How long a connection may take, TLS included."""
    first_token_timeout_seconds: Seconds | None = None
    """How long to wait for the first content of a stream. None: as long as the call may take."""
    idle_timeout_seconds: Seconds = 60.0
    """How long a stream may pause between two pieces of content. Keep-alives do not count."""
    max_connections: int = pydantic.Field(default=1000, ge=1, le=100_000)
    """The most connections to the provider that are open at once; further calls wait for one."""
    rate_limits: RateLimitsSection | None = RateLimitsSection()
    """What each key may do with each model in a minute, so that calls wait or go elsewhere before the provider refuses
    them, and tenants share it fairly. By default that is learned from its answers, where they tell it. None: nobody
    counts, and the provider says when it is too much."""
    catalogue: str | None = pydantic.Field(default=None, pattern=r"^[a-z0-9][a-z0-9_.-]{0,62}$")
    """The family of the model catalogue that has its models (docs/models.md); `none` for none of them. None: the
    family of its dialect or vendor.
    """
    on_cancel: Literal["close", "drain"] = "close"
    """What becomes of an answer whose caller leaves. close: its connection is closed at once. drain: where the provider
    goes on billing after that, or is not known to stop (docs/providers.md), the answer is read on in the background, so
    that the usage on record is the provider's own; where closing stops the bill, it is closed even so.
    """
    drain_seconds: Seconds = 120.0
    """How long an answer is read on at most; then its connection is closed and its usage estimated."""
    drain_bytes: int = pydantic.Field(default=16 * 1024 * 1024, ge=1024, le=64 * 1024 * 1024)
    """How much of an answer is read on at most, in bytes."""

    @property
    def url(self) -> str | None:
        """Where its API is; None: at a public name that its dialect makes."""
        # Each dialect has a default of its own, or none.
        return getattr(self, "base_url", None)

    @property
    def family(self) -> str | None:
        """The family of the model catalogue that has the provider's models; None where there is none."""
        if self.catalogue is None:
            return self.own_family
        return None if self.catalogue == "none" else self.catalogue


class EmbeddingSection(ProviderSection):
    """One entry of `providers` whose dialect has embeddings."""

    embed_batch_limit: int | None = pydantic.Field(default=None, ge=1, le=65_536)
    """The most inputs in one request for embeddings; the gateway splits larger batches. None: what the provider
    documents for the model.
    """
    embed_token_limit: int | None = pydantic.Field(default=None, ge=1, le=100_000_000)
    """The most tokens, by a cautious guess, of all inputs of one such request; the gateway splits larger batches. None:
    what the provider documents for the model, else 300,000.
    """
