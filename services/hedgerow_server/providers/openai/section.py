"""The part of a provider's configuration that belongs to this dialect."""

from typing import Annotated, Literal

import pydantic

from hedgerow_server.providers.section import ProviderSection

_Url = Annotated[str, pydantic.StringConstraints(pattern=r"^https?://[^\s?#]+$", max_length=2048)]
_HeaderValue = Annotated[str, pydantic.StringConstraints(pattern=r"^[\x21-\x7e]+$", max_length=256)]


class OpenAISection(ProviderSection):
    """A provider that speaks OpenAI's Chat Completions and Embeddings. The defaults are those of OpenAI itself."""

    dialect: Literal["openai"]
    """The dialect."""
    base_url: _Url = "https://api.openai.com/v1"
    """Where the API is, without the operation: an http or https URL without query."""
    organization: _HeaderValue | None = None
    """The organization that is billed, sent as OpenAI-Organization. None: the credential's default."""
    project: _HeaderValue | None = None
    """The project that is billed, sent as OpenAI-Project. None: the credential's default."""
    max_tokens_field: Literal["max_completion_tokens", "max_tokens"] = "max_completion_tokens"
    """What the provider calls the limit of the output. Older servers know only max_tokens."""
    embed_batch_limit: int = pydantic.Field(default=2048, ge=1, le=65_536)
    """The most inputs in one request for embeddings; the gateway splits larger batches."""
