"""The dialects there are: one line each."""

from collections.abc import Callable
from ipaddress import IPv6Network
from typing import Annotated, Any

import pydantic

from hedgerow_server.core.addresses import AddressRule
from hedgerow_server.core.port import Dialect
from hedgerow_server.providers.anthropic import Anthropic, AnthropicSection
from hedgerow_server.providers.azure_openai import AzureOpenAI, AzureOpenAISection
from hedgerow_server.providers.bedrock import Bedrock, BedrockSection
from hedgerow_server.providers.cohere import Cohere, CohereSection
from hedgerow_server.providers.google import Gemini, GeminiSection, Vertex, VertexSection
from hedgerow_server.providers.http.egress import Egress, public_trust, trusting
from hedgerow_server.providers.http.port import Transport
from hedgerow_server.providers.http.thin import ThinTransport
from hedgerow_server.providers.ollama import Ollama, OllamaSection
from hedgerow_server.providers.openai import OpenAI, OpenAISection
from hedgerow_server.providers.openai_responses import OpenAIResponses, OpenAIResponsesSection
from hedgerow_server.providers.section import ProviderSection

Provider = Annotated[
    AnthropicSection
    | AzureOpenAISection
    | BedrockSection
    | CohereSection
    | GeminiSection
    | OllamaSection
    | OpenAISection
    | OpenAIResponsesSection
    | VertexSection,
    pydantic.Field(discriminator="dialect"),
]
"""One entry of `providers`."""

_DIALECTS: dict[type[ProviderSection], Callable[[str, Any], Dialect]] = {
    AnthropicSection: Anthropic,
    AzureOpenAISection: AzureOpenAI,
    BedrockSection: Bedrock,
    CohereSection: Cohere,
    GeminiSection: Gemini,
    OllamaSection: Ollama,
    OpenAISection: OpenAI,
    OpenAIResponsesSection: OpenAIResponses,
    VertexSection: Vertex,
}


def dialect(name: str, section: ProviderSection) -> Dialect:
    """The dialect of a configured provider."""
    return _DIALECTS[type(section)](name, section)


def egress(section: ProviderSection, nat64: tuple[IPv6Network, ...] = ()) -> Egress:
    """How connections to a configured provider are made, in a network with these NAT64 prefixes. Raises ConfigError for
    a file of authorities that is of no use.
    """
    rule = AddressRule.of(section.proxy or section.url, allow=section.allow_private_addresses, nat64=nat64)
    tls = trusting(section.ca_file) if section.ca_file is not None else None
    return Egress(rule, section.proxy, tls)


def transport(section: ProviderSection, nat64: tuple[IPv6Network, ...] = ()) -> Transport:
    """The HTTP client of a configured provider. Raises ConfigError for a file of authorities that is of no use."""
    rules, timeout_s, connections = egress(section, nat64), section.connect_timeout_seconds, section.max_connections
    if section.transport == "httpx":
        from hedgerow_server.providers.http.httpx import HttpxTransport

        resumable = section.on_cancel == "drain"
        return HttpxTransport(rules, connect_timeout_s=timeout_s, max_connections=connections, resumable=resumable)
    if section.transport == "aiohttp":
        from hedgerow_server.providers.http.aiohttp import AiohttpTransport

        return AiohttpTransport(rules, connect_timeout_s=timeout_s, max_connections=connections)
    if not (section.url or "https:").startswith("http:") and rules.tls is None:
        # Not with the first request.
        public_trust()
    return ThinTransport(rules, connect_timeout_s=timeout_s, max_connections=connections)
