"""Who may serve a call: a provider's model, with what is known of it and how it has been doing."""

import random
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

import msgspec

from hedgerow_server.core.model import ModelFacts
from hedgerow_server.core.port import Dialect, Lease
from hedgerow_server.pricing.price import Price
from hedgerow_server.providers.drain import DrainCaps, Drainer
from hedgerow_server.providers.http.port import Transport
from hedgerow_server.routing.state import CandidateState

_random = random.random


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
    """The credential, the first one where there are several; None where the provider takes none."""
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
    model_family: str = ""
    """Which models are the same as this one, as the configuration says it."""
    keyring: "Keyring | None" = None
    """The keys that it has besides this one; None: it has no other."""
    key_weight: int = 1
    """The share of this key among those of the keyring."""

    @property
    def space(self) -> str:
        """The vector space: as configured, as the catalogue knows it, or the model's own."""
        return self.vector_space or (self.facts.vector_space if self.facts is not None else "") or self.model

    @property
    def family(self) -> str:
        """The model family: as configured, or the model's own name."""
        return self.model_family or self.model

    @property
    def label(self) -> str:
        """Provider and model, as people name it."""
        return f"{self.upstream.name}/{self.model}"

    @property
    def variants(self) -> "tuple[Candidate, ...]":
        """The candidate with each of its keys, as the configuration lists them."""
        return (self,) if self.keyring is None else self.keyring.variants

    def same(self, other: "Candidate") -> bool:
        """Whether the other one is this one, perhaps with another key."""
        return self is other or (self.keyring is not None and self.keyring is other.keyring)


class Key(msgspec.Struct, frozen=True):
    """One of several credentials of a candidate, with the state of the candidate that is asked with it."""

    lease: Lease
    state: CandidateState
    weight: int = 1


class Keyring:
    """The keys of one candidate. With each it is a variant of its own, that differs in credential and state alone."""

    __slots__ = ("_ends", "variants")

    def __init__(self, one: Candidate, keys: Sequence[Key]) -> None:
        self.variants = tuple(
            msgspec.structs.replace(one, lease=key.lease, state=key.state, keyring=self, key_weight=key.weight)
            for key in keys
        )
        self._ends = list(accumulate(key.weight for key in keys))

    def draw(self, warm: CandidateState | None = None) -> Candidate:
        """The variant to ask first: the one that the conversation was with (`warm`), else by weight one of those that
        may be asked now; where none may be, any.
        """
        kept = self._kept(warm)
        if kept is not None:
            return kept
        drawn = self.variants[bisect_right(self._ends, _random() * self._ends[-1])]
        if drawn.state.open():
            return drawn
        return next((one for one in self.others(drawn) if one.state.open()), drawn)

    def likely(self, warm: CandidateState | None = None) -> Candidate:
        """What `draw` gives most often, without chance."""
        kept = self._kept(warm)
        if kept is not None:
            return kept
        found = sorted(self.variants, key=lambda one: -one.key_weight)
        return next((one for one in found if one.state.open()), found[0])

    def others(self, drawn: Candidate) -> list[Candidate]:
        """The other variants, in an order that is drawn by weight."""
        # As for weighted candidates: select.weighted.
        keys = [(_random() ** (1.0 / one.key_weight), one) for one in self.variants if one is not drawn]
        keys.sort(key=lambda key: key[0], reverse=True)
        return [one for _, one in keys]

    def _kept(self, warm: CandidateState | None) -> Candidate | None:
        return None if warm is None else next((one for one in self.variants if one.state is warm), None)


def with_keys(one: Candidate, keys: Sequence[Key]) -> Candidate:
    """The candidate with the first of its keys; it knows the others. Without keys, or with one, it has no keyring."""
    if len(keys) > 1:
        return Keyring(one, keys).variants[0]
    return msgspec.structs.replace(one, lease=keys[0].lease, state=keys[0].state) if keys else one
