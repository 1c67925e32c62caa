"""What ListModels has to tell: the names of the routes and, for those that stand for all models of a provider, each
model that the catalogue knows there.
"""

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Protocol

import msgspec

from hedgerow_server.catalogue.book import Catalogue
from hedgerow_server.core.event import CandidateInfo, ModelInfo
from hedgerow_server.core.model import ModelFacts

Models = tuple[ModelInfo, ...]
Mark = tuple[int, dt.date]


class Named(Protocol):
    """Whoever knows the names that callers use."""

    def models(self) -> Models:
        """Every name, sorted by name and kind."""


class Listing:
    """All models, built once and again when the catalogue changes or a day ends: a model that is past its last day is
    no longer told as one of its provider's. Calls for it still go out.
    """

    def __init__(self, named: Named, catalogue: Catalogue, families: Mapping[str, str | None]) -> None:
        """`families` maps the names of the configured providers to families of the catalogue."""
        self._named = named
        self._catalogue = catalogue
        self._families = families
        self._mark: Mark | None = None
        self._models: Models = ()

    def models(self) -> Models:
        """Every model, sorted by name and kind."""
        mark = self._catalogue.edition, dt.datetime.now(dt.UTC).date()
        if mark != self._mark:
            self._models = self._build(mark[1])
            self._mark = mark
        return self._models

    def _build(self, today: dt.date) -> Models:
        named = self._named.models()
        found = {(model.name, model.kind): self._with_facts(model) for model in named}
        # The longest beginning first, since it is the one that serves.
        for model in sorted(named, key=lambda one: -len(one.name)):
            if model.name.endswith("/*"):
                for one in self._meant(model, today):
                    found.setdefault((one.name, one.kind), one)
        return tuple(found[key] for key in sorted(found))

    def _with_facts(self, model: ModelInfo) -> ModelInfo:
        candidates = tuple(self._informed(one, one.model) for one in model.candidates)
        return msgspec.structs.replace(model, candidates=candidates)

    def _informed(self, candidate: CandidateInfo, model: str) -> CandidateInfo:
        facts = self._catalogue.facts(self._families.get(candidate.provider), model)
        return msgspec.structs.replace(candidate, model=model, facts=facts)

    def _meant(self, star: ModelInfo, today: dt.date) -> Iterator[ModelInfo]:
        """The models that a name ending with /* stands for, so far as they are known."""
        known: dict[str, ModelFacts] = {}
        for candidate in star.candidates:
            known.update(self._catalogue.models(self._families.get(candidate.provider)))
        for name, facts in known.items():
            if facts.kind == star.kind and (facts.retires is None or facts.retires >= today):
                candidates = tuple(self._informed(one, name) for one in star.candidates)
                yield ModelInfo(star.name[:-1] + name, star.kind, candidates)
