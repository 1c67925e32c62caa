"""The part of a provider's configuration that belongs to this dialect."""

from typing import Annotated, ClassVar, Literal

import pydantic

from hedgerow_server.providers.anthropic.build import Options
from hedgerow_server.providers.section import ProviderSection, ProviderUrl

_Word = Annotated[str, pydantic.StringConstraints(pattern=r"^[A-Za-z0-9._-]+$", max_length=128)]


class AnthropicSection(ProviderSection):
    """A provider that speaks Anthropic's Messages API. The defaults are those of Anthropic itself."""

    own_family: ClassVar[str | None] = "anthropic"
    dialect: Literal["anthropic"]
    """The dialect."""
    base_url: ProviderUrl = "https://api.anthropic.com"
    """Where the API is, without /v1/messages: an http or https URL without query."""
    auth: Literal["x-api-key", "bearer"] = "x-api-key"
    """How the credential is sent: in a header of that name, or as a bearer token."""
    anthropic_version: _Word = "2023-06-01"
    """The version of the API, sent as anthropic-version."""
    anthropic_beta: list[_Word] = pydantic.Field(default=[], max_length=64)
    """Features in beta, sent as anthropic-beta."""
    default_max_tokens: int | None = pydantic.Field(default=None, ge=1, le=1_000_000)
    """The limit of an answer whose caller sets none: Anthropic demands one. None: 4,096 for Claude 3, 8,192 up to
    Claude 4.5 (and what a thinking budget adds), 32,000 for the models since, whose thoughts count as well."""
    thinking_display: Literal["summarized", "omitted"] | None = None
    """Whether thoughts are shown or only their signatures, where the caller asks for reasoning. None: as the model
    does by itself; the newest show none."""
    cite_documents: bool = False
    """Whether answers cite the documents that callers send. Not together with a JSON schema."""

    def options(self) -> Options:
        """What building a body needs of it."""
        return Options(
            default_max_tokens=self.default_max_tokens,
            thinking_display=self.thinking_display,
            cite_documents=self.cite_documents,
        )
