"""The part of a provider's configuration that belongs to this dialect."""

from typing import Annotated, ClassVar, Literal

import pydantic

from hedgerow_server.providers.section import EmbeddingSection, ProviderUrl

_HeaderValue = Annotated[str, pydantic.StringConstraints(pattern=r"^[\x21-\x7e]+$", max_length=256)]


class OpenAIResponsesSection(EmbeddingSection):
    """A provider that speaks OpenAI's Responses API, and its Embeddings. The defaults are those of OpenAI itself."""

    own_family: ClassVar[str | None] = "openai"
    dialect: Literal["openai_responses"]
    """The dialect."""
    base_url: ProviderUrl = "https://api.openai.com/v1"
    """Where the API is, without the operation: an http or https URL without query."""
    organization: _HeaderValue | None = None
    """The organization that is billed, sent as OpenAI-Organization. None: the credential's default."""
    project: _HeaderValue | None = None
    """The project that is billed, sent as OpenAI-Project. None: the credential's default."""
    store: bool = False
    """Whether the provider keeps the answers. The gateway never needs it to."""
    encrypted_reasoning: bool | None = None
    """Whether reasoning comes encrypted, so that it can be sent back. None: unless the model's name is one of OpenAI's
    that do not reason, which refuse it.
    """
    reasoning_summary: Literal["auto", "concise", "detailed"] | None = None
    """The summary of the reasoning to ask for in calls that set `reasoning`. None: no summary."""
    item_ids: bool = True
    """Whether items that go back to the provider keep their ids. Azure refuses those of what it did not store."""
    cache_breakpoints: bool = False
    """Whether cache hints are sent, as breakpoints, which gpt-5.6 and later take. The others cache by themselves."""
