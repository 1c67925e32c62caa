"""The part of a provider's configuration that belongs to this dialect."""

from typing import Literal

import pydantic

from hedgerow_server.providers.section import ProviderSection, ProviderUrl


class CohereSection(ProviderSection):
    """Cohere's API, version 2: chat and embeddings."""

    dialect: Literal["cohere"]
    """The dialect."""
    base_url: ProviderUrl = "https://api.cohere.com/v2"
    """Where the API is, without the operation: an http or https URL without query."""
    embed_batch_limit: int = pydantic.Field(default=96, ge=1, le=65_536)
    """The most inputs in one request for embeddings; the gateway splits larger batches."""
