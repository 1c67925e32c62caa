"""The part of a provider's configuration that belongs to this dialect."""

from typing import ClassVar, Literal

from hedgerow_server.providers.section import EmbeddingSection, ProviderUrl


class CohereSection(EmbeddingSection):
    """Cohere's API, version 2: chat and embeddings."""

    own_family: ClassVar[str | None] = "cohere"
    dialect: Literal["cohere"]
    """The dialect."""
    base_url: ProviderUrl = "https://api.cohere.com/v2"
    """Where the API is, without the operation: an http or https URL without query."""
