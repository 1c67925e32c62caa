"""What the configuration says of prices."""

from decimal import Decimal
from typing import Annotated

import pydantic

from hedgerow_server.config.model import Section

# The bounds keep every cost that can be true within 64 bits of picos.
_Usd = Annotated[Decimal, pydantic.Field(ge=0, le=10_000, decimal_places=12)]
_ModelPattern = Annotated[str, pydantic.StringConstraints(pattern=r"^[^*\s]{0,256}\*?$", min_length=1)]
_Unit = Annotated[str, pydantic.StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]


class TokenPrices(Section):
    """US dollars per million tokens, by class. Amounts are decimal numbers, exact to 12 places."""

    input: _Usd
    """Input."""
    cache_read: _Usd | None = None
    """Input read from the provider's cache. None: as input."""
    cache_write: _Usd | None = None
    """Input written to the cache for up to 5 minutes. None: as input."""
    cache_write_long: _Usd | None = None
    """Input written to the cache for longer. None: as cache_write."""
    input_audio: _Usd | None = None
    """Audio input. None: as input."""
    input_image: _Usd | None = None
    """Image and video input. None: as input."""
    output: _Usd | None = None
    """Output. None: a model without any, such as one for embeddings; output that it reports has no price."""
    reasoning: _Usd | None = None
    """Reasoning. None: as output."""
    output_audio: _Usd | None = None
    """Generated audio. None: as output."""
    output_image: _Usd | None = None
    """Generated images. None: as output."""


class TierSection(Section):
    """Other prices for long requests; they hold for every token of the request."""

    above_input_tokens: int = pydantic.Field(ge=1, le=1 << 31)
    """The tier is for requests with more input tokens than this, cached ones included."""
    usd_per_million_tokens: TokenPrices
    """US dollars per million tokens."""


class OverrideSection(Section):
    """What a model costs at a provider, in place of the built-in price list: a private model, an agreed price."""

    provider: str
    """The entry of `providers`."""
    model: _ModelPattern = "*"
    """The provider's name of the model. One `*` at its end stands for any rest."""
    usd_per_million_tokens: TokenPrices
    """US dollars per million tokens."""
    usd_per_request: _Usd = Decimal(0)
    """US dollars per request, beside its tokens."""
    usd_per_thousand: dict[_Unit, _Usd] = pydantic.Field(default={}, json_schema_extra={"additionalProperties": False})
    """US dollars per thousand of what the provider bills in other units than tokens, by the name that it has in
    `Usage.other_units`, such as web_search_requests. A unit that is used and not named here has no price."""
    tiers: tuple[TierSection, ...] = ()
    """Prices of long requests."""


class DiscountSection(Section):
    """What a provider takes off its list prices. It does not touch overrides."""

    provider: str
    """The entry of `providers`."""
    model: _ModelPattern = "*"
    """The provider's name of the model. One `*` at its end stands for any rest."""
    percent: Decimal = pydantic.Field(ge=0, le=100, decimal_places=6)
    """How much is taken off, in percent of every price."""


class PricingSection(Section):
    """Prices. Without this section they are those of the built-in list (genai-prices); a model that it does not know
    has no price, which is never taken for zero.
    """

    overrides: tuple[OverrideSection, ...] = ()
    """Prices that replace the list's. The first entry that matches provider and model holds."""
    discounts: tuple[DiscountSection, ...] = ()
    """Discounts on the list's prices. The first entry that matches provider and model holds."""


def matches(pattern: str, model: str) -> bool:
    """Whether a model is meant by a name or a beginning with `*`; case does not matter."""
    wanted, name = pattern.lower(), model.lower()
    return name.startswith(wanted[:-1]) if wanted.endswith("*") else name == wanted
