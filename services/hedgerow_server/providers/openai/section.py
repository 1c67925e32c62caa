"""The part of a provider's configuration that belongs to this dialect."""

from typing import Annotated, Literal

import pydantic

from hedgerow_server.config.model import Section
from hedgerow_server.providers.cancel import UNKNOWN, AfterCancel
from hedgerow_server.providers.embed_limits import EmbedLimits
from hedgerow_server.providers.openai.quirks import Quirks
from hedgerow_server.providers.openai.vendors import VENDORS, Name
from hedgerow_server.providers.section import EmbeddingSection, ProviderUrl

_HeaderName = Annotated[str, pydantic.StringConstraints(pattern=r"^[a-z0-9-]{1,64}$")]
_HeaderValue = Annotated[str, pydantic.StringConstraints(pattern=r"^[\x20-\x7e]+$", max_length=1024)]
_ProbePath = Annotated[str, pydantic.StringConstraints(pattern=r"^(/[^\s?#]*)?$", max_length=256)]
_OPENAIS = "api.openai.com"
_Word = Annotated[str, pydantic.StringConstraints(pattern=r"^[\x21-\x7e]+$", max_length=256)]


class OpenAISection(EmbeddingSection):
    """A provider that speaks OpenAI's Chat Completions and Embeddings: OpenAI itself or a compatible vendor."""

    dialect: Literal["openai"]
    """The dialect."""
    vendor: Name = "openai"
    """Whose API it is. It gives the base URL and what differs from OpenAI; every key below overrides it."""
    base_url: ProviderUrl | None = None
    """Where the API is, without the operation: an http or https URL without query. None: the vendor's. Those of
    azure_ai, bedrock, cloudflare, databricks and snowflake depend on the account and must be said.
    """
    organization: _Word | None = None
    """The organization that is billed, sent as OpenAI-Organization. None: the credential's default."""
    project: _Word | None = None
    """The project that is billed, sent as OpenAI-Project. None: the credential's default."""
    headers: dict[_HeaderName, _HeaderValue] = pydantic.Field(default_factory=dict)
    """Further headers, lower-case names. No secrets: they stand in the file."""
    auth_header: _HeaderName | None = None
    """The header with the credential: `authorization` as a bearer token, any other as it is. None: the vendor's."""
    query: dict[_Word, _Word] | None = None
    """The query of every URL, such as an api-version. None: the vendor's."""
    max_tokens_field: Literal["max_completion_tokens", "max_tokens"] | None = None
    """What the provider calls the limit of the output. None: the vendor's."""
    probe_path: _ProbePath | None = None
    """By which new keys are probed (docs/vault.md): a GET of this path below `base_url` costs nothing, and is answered
    with 2xx only where the key is good. Empty: there is none. None: the vendor's.
    """
    quirks: Quirks = Quirks()
    """How the provider differs from OpenAI, where it differs from its vendor as well."""

    @property
    def family(self) -> str | None:
        """That of the vendor, unless the entry says another."""
        return super().family if self.catalogue is not None else VENDORS[self.vendor].catalogue

    @property
    def url(self) -> str | None:
        """Where its API is: as configured, or as the vendor has it."""
        return self.base_url or VENDORS[self.vendor].base_url

    @pydantic.model_validator(mode="after")
    def _has_a_base_url(self) -> "OpenAISection":
        if self.base_url is None and VENDORS[self.vendor].base_url is None:
            raise ValueError(f"expected a base_url: the vendor {self.vendor} has one for each account")
        return self


class Settings(Section):
    """What holds for a provider, its vendor's data included."""

    base_url: str
    auth_header: str
    query: dict[str, str]
    max_tokens_field: Literal["max_completion_tokens", "max_tokens"]
    probe_path: str
    quirks: Quirks


def settings(section: OpenAISection) -> Settings:
    """The vendor's data, overridden by what the section says."""
    vendor = VENDORS[section.vendor]

    def said(name: str) -> object:
        value = getattr(section, name)
        return getattr(vendor, name) if value is None else value

    names = ("base_url", "auth_header", "query", "max_tokens_field", "probe_path")
    quirks = vendor.quirks.model_copy(
        update={name: getattr(section.quirks, name) for name in section.quirks.model_fields_set}
    )
    return Settings.model_validate({name: said(name) for name in names} | {"quirks": quirks})


def embed_limits(section: OpenAISection) -> EmbedLimits:
    """How much a request for embeddings may hold: what the section says, else the vendor."""
    vendor = VENDORS[section.vendor]
    return EmbedLimits(section, vendor.embed, vendor.embed_by_model)


def after_cancel(section: OpenAISection) -> AfterCancel:
    """What the vendor charges for answers that are not read to their ends."""
    if section.vendor == "openai" and _OPENAIS not in (section.base_url or _OPENAIS):
        # A server that follows OpenAI's dialect is not OpenAI.
        return UNKNOWN
    return VENDORS[section.vendor].after_cancel
