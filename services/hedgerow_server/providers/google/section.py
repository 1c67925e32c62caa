"""The parts of a provider's configuration that belong to these dialects."""

from typing import ClassVar, Literal

import pydantic

from hedgerow_server.providers.section import EmbeddingSection, ProviderUrl


class GeminiSection(EmbeddingSection):
    """A provider that speaks Google's generateContent with an API key: the Gemini API."""

    own_family: ClassVar[str | None] = "google"
    dialect: Literal["gemini"]
    """The dialect."""
    base_url: ProviderUrl = "https://generativelanguage.googleapis.com/v1beta"
    """Where the API is, version included: an http or https URL without query."""


class VertexSection(EmbeddingSection):
    """Models on Google Cloud's Vertex AI: Gemini, embeddings, and Claude. The credential is an OAuth access token."""

    own_family: ClassVar[str | None] = "vertex"
    dialect: Literal["vertex"]
    """The dialect."""
    project: str = pydantic.Field(pattern=r"^[a-z0-9][a-z0-9.:-]{0,99}$")
    """The id of the Google Cloud project."""
    location: str = pydantic.Field(default="global", pattern=r"^[a-z][a-z0-9-]{0,62}$")
    """Where the models run, such as us-central1, eu or global."""
    publisher: Literal["google", "anthropic"] | None = None
    """Whose models these are. None: Anthropic's where the name begins with claude-, else Google's."""
    api_version: Literal["v1", "v1beta1"] = "v1beta1"
    """The version of the API. v1 has no ids for function calls."""
    base_url: ProviderUrl | None = None
    """Where the API is, without version: an http or https URL without query. None: the location's own host."""
