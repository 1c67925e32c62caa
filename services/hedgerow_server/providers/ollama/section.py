"""The part of a provider's configuration that belongs to this dialect."""

from typing import Annotated, Literal

import pydantic

from hedgerow_server.providers.section import EmbeddingSection, ProviderUrl

_Duration = Annotated[str, pydantic.StringConstraints(pattern=r"^-?[0-9]+(\.[0-9]+)?(ms|s|m|h)$", max_length=32)]


class OllamaSection(EmbeddingSection):
    """Ollama's own API: chat and embeddings. For its OpenAI-compatible one there is the vendor `ollama` of `openai`."""

    dialect: Literal["ollama"]
    """The dialect."""
    base_url: ProviderUrl = "http://localhost:11434"
    """Where the server is, without `/api`: an http or https URL without query. The hosted one is https://ollama.com."""
    num_ctx: int | None = pydantic.Field(default=None, ge=1, le=16_777_216)
    """The context in tokens with which models are loaded. None: Ollama's own, which is small; of a conversation that
    does not fit, Ollama drops the oldest messages and says nothing.
    """
    keep_alive: _Duration | None = None
    """How long a model stays loaded after a call, such as `10m`; a negative one for ever. None: Ollama's own."""
