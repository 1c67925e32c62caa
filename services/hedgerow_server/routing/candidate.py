"""Who may serve a call: a provider's model, with what is known of it and how it has been doing."""

import msgspec

from hedgerow_server.core.model import ModelFacts
from hedgerow_server.core.port import Dialect, Lease
from hedgerow_server.pricing.price import Price
from hedgerow_server.providers.drain import DrainCaps, Drainer
from hedgerow_server.providers.http.port import Transport
from hedgerow_server.routing.state import CandidateState


class Drain(msgspec.Struct, frozen=True):
    """Who reads answers on whose callers have left, and how far."""

    drainer: Drainer
    caps: DrainCaps


class Upstream(msgspec.Struct, frozen=True):
    """A configured provider, built when the configuration is loaded. Times in seconds."""

    name: str
    dialect: Dialect
    transport: Transport
    lease: Lease | None
    first_token_timeout_s: float | None
    idle_timeout_s: float
    drain: Drain | None = None
    """How answers are read on whose callers have left; None: their connections are closed at once."""


class Candidate(msgspec.Struct, frozen=True, eq=False):
    """A provider's model that may serve a route. Two are the same only if they are one."""

    upstream: Upstream
    model: str
    state: CandidateState
    region: str = ""
    """Where the model runs; empty: unknown, which no residency accepts."""
    lease: Lease | None = None
    """The credential; None where the provider takes none."""
    dimensions: int | None = None
    """The length of an embedding model's vectors as the configuration says it."""
    weight: int = 1
    """The share of a weighted route; 0 is only asked when all others cannot be."""
    first_token_timeout_s: float | None = None
    """The candidate's own limit, before the route's and the provider's."""
    facts: ModelFacts | None = None
    """What the catalogue knows of the model."""
    price: Price | None = None
    """What it costs; None: unknown, never free."""

    vector_space: str = ""
    """Which vectors its own can be compared with, as the configuration says it."""

    @property
    def space(self) -> str:
        """The vector space: as configured, as the catalogue knows it, or the model's own."""
        return self.vector_space or (self.facts.vector_space if self.facts is not None else "") or self.model

    @property
    def label(self) -> str:
        """Provider and model, as people name it."""
        return f"{self.upstream.name}/{self.model}"
