"""What ListModels has to tell: the names of the routes and, for those that stand for all models of a provider, each
model that the catalogue knows there.
"""

import datetime as dt
import heapq
from collections.abc import Iterator, Mapping
from typing import Protocol

import msgspec

from hedgerow_server.catalogue.book import Catalogue
from hedgerow_server.core.event import CandidateInfo, ModelInfo
from hedgerow_server.core.model import ModelFacts
from hedgerow_server.core.slices import Work, at_once, let_go

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
            at_once(self.work())
        return self._models

    def work(self) -> Work[None]:
        """Builds the list, a few models at a time, so that nobody waits for it later."""
        mark = self._catalogue.edition, dt.datetime.now(dt.UTC).date()
        named = self._named.models()
        found: list[ModelInfo] = []
        keys: set[tuple[str, str]] = set()
        stars: list[ModelInfo] = []
        for model in named:
            found.append(self._with_facts(model))
            keys.add(_key(model))
            if model.name.endswith("/*"):
                stars.append(model)
            yield len(model.candidates)
        meant: dict[tuple[str, str], ModelInfo] = {}
        # The longest beginning first, since it is the one that serves.
        for star in sorted(stars, key=lambda one: -len(one.name)):
            for one in self._meant(star, mark[1]):
                if _key(one) not in keys:
                    meant.setdefault(_key(one), one)
                yield len(one.candidates)
        merged: list[ModelInfo] = []
        for model in heapq.merge(found, sorted(meant.values(), key=_key), key=_key):
            merged.append(model)
            yield 1
        self._models = tuple(merged)
        self._mark = mark

    def forget(self) -> Work[None]:
        """Lets go of the list, a few models at a time."""
        models: list[object] = list(self._models)
        self._models, self._mark = (), None
        yield from let_go(models)

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


def _key(model: ModelInfo) -> tuple[str, str]:
    return model.name, model.kind
