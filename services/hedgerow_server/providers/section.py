"""What the configuration says of every provider, whatever its dialect."""

from typing import Literal

import pydantic

from hedgerow_server.config.model import Seconds, Section


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
