"""What the configuration says of every provider, whatever its dialect."""

import re
from typing import Annotated, Literal

import pydantic

from hedgerow_server.config.model import Seconds, Section

_URL = r"^https?://[^\s?#@]+$"
_MAX_URL = 2048


def _provider_url(value: str) -> str:
    if not re.fullmatch(_URL, value) or len(value) > _MAX_URL:
        raise ValueError("expected an http or https URL without query and without a user")
    return value


ProviderUrl = Annotated[
    str,
    pydantic.AfterValidator(_provider_url),
    pydantic.WithJsonSchema({"type": "string", "pattern": _URL, "maxLength": _MAX_URL}),
]
"""Where an API is: an http or https URL without query, and without a user: a URL holds no secret."""


class ProviderSection(Section):
    """One entry of `providers`, without what its dialect adds."""

    credential: str | None = None
    """The entry of `credentials` whose secret is sent. None: no credential is sent."""
    transport: Literal["aiohttp", "httpx"] = "aiohttp"
    """The HTTP client: aiohttp is the fast one."""
    connect_timeout_seconds: Seconds = 5.0
    """How long a connection may take, TLS included."""
    first_token_timeout_seconds: Seconds | None = None
    """How long to wait for the first content of a stream. None: as long as the call may take."""
    idle_timeout_seconds: Seconds = 60.0
    """How long a stream may pause between two pieces of content. Keep-alives do not count."""
    max_connections: int = pydantic.Field(default=1000, ge=1, le=100_000)
    """The most connections to the provider that are open at once; further calls wait for one."""
