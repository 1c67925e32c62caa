"""The dialects there are: one line each."""

from hedgerow_server.core.port import Dialect
from hedgerow_server.providers.http.aiohttp import AiohttpTransport
from hedgerow_server.providers.http.httpx import HttpxTransport
from hedgerow_server.providers.http.port import Transport
from hedgerow_server.providers.openai import OpenAI, OpenAISection
from hedgerow_server.providers.section import ProviderSection

Provider = OpenAISection
"""One entry of `providers`; a union by `dialect` once there are several."""


def dialect(name: str, section: Provider) -> Dialect:
    """The dialect of a configured provider."""
    return OpenAI(name, section)


def transport(section: ProviderSection) -> Transport:
    """The HTTP client of a configured provider."""
    kind = HttpxTransport if section.transport == "httpx" else AiohttpTransport
    return kind(connect_timeout_s=section.connect_timeout_seconds, max_connections=section.max_connections)
