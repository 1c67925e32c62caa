"""What the configuration says of the names that callers use."""

from typing import Literal

import pydantic

from hedgerow_server.config.model import Section


class CandidateSection(Section):
    """A provider's model that may serve a route."""

    provider: str
    """The entry of `providers` that is asked."""
    model: str = pydantic.Field(min_length=1, max_length=256)
    """The provider's own name of the model; `*` in a route whose name ends with `/*`."""
    region: str = pydantic.Field(default="", max_length=64)
    """Where the model runs, for reports."""
    dimensions: int | None = pydantic.Field(default=None, ge=1, le=65_536)
    """The length of the vectors of an embedding model, where the gateway does not know it by itself. It lets an answer
    that would be too large be refused before it is paid for."""


class RouteSection(Section):
    """One entry of `routes`: a model name for callers and who serves it.

    A name that ends with `/*`, such as `openai/*`, stands for all names that begin like it: what the caller says in the
    place of the star is the provider's own name of the model. A route with the whole name comes first, then the longest
    beginning.
    """

    kind: Literal["chat", "embed", "any"]
    """What the name is for; any: both, as for a whole provider."""
    candidates: tuple[CandidateSection, ...] = pydantic.Field(min_length=1, max_length=1)
    """Who serves it: exactly one in this version."""
