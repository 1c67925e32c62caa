"""Routes out of their sections: everything a call would otherwise have to work out."""

from collections.abc import Callable, Iterator, Mapping

from hedgerow_server.core.event import ModelInfo
from hedgerow_server.core.slices import SLICE_UNITS, Work, at_once
from hedgerow_server.routing.affinity import Affinity
from hedgerow_server.routing.candidate import Candidate
from hedgerow_server.routing.conditions import Condition
from hedgerow_server.routing.hedge import HedgeCounts
from hedgerow_server.routing.hedges import HedgeBudgets, Hedges
from hedgerow_server.routing.kill import KillSwitches
from hedgerow_server.routing.plan import Bounds, StructuredOutput
from hedgerow_server.routing.route import Route, Rule
from hedgerow_server.routing.routes import Named, Routes, listing
from hedgerow_server.routing.section import CandidateSection, RouteSection, RuleSection, StructuredOutputSection

_KINDS = ("chat", "embed")

Making = Callable[[CandidateSection, str], Candidate]
"""Makes the candidate of a section for a model of the provider."""


class Learned:
    """What routes know of earlier calls. It outlives a configuration."""

    def __init__(self, budgets: HedgeBudgets | None = None) -> None:
        """`budgets`: what all routes together may spend on second attempts (None: the usual)."""
        self.kills = KillSwitches()
        self.budgets = budgets or HedgeBudgets()
        self._hedges: dict[tuple[str, str], Hedges] = {}
        self._affinities: dict[str, Affinity] = {}
        self.conditions: dict[str, Condition] = {}
        """The conditions of the routes that were built last: to compile one takes as long as to build many routes."""

    def hedges(self, kind: str, name: str, section: RouteSection) -> Hedges | None:
        """The hedging of a route, with what it has learned unless its policy is another."""
        if section.hedge is None:
            return None
        policy = section.hedge.policy()
        kept = self._hedges.get((kind, name))
        if kept is None or kept.policy != policy:
            before = kept.counts() if kept is not None else None
            kept = self._hedges[kind, name] = Hedges(policy, self.budgets, before)
        return kept

    def hedge_counts(self) -> Iterator[tuple[str, HedgeCounts]]:
        """What hedging has done so far, by the configured names of routes, those included that are gone: one after the
        other, each as it is when its turn comes.
        """
        return ((key[1], self._hedges[key].counts()) for key in list(self._hedges))

    def affinity(self, name: str, section: RouteSection) -> Affinity | None:
        """The conversations of a route."""
        if section.affinity is None:
            return None
        kept = self._affinities.setdefault(name, Affinity(section.affinity.ttl_seconds))
        kept.ttl_s = section.affinity.ttl_seconds
        return kept


class Builder:
    """Makes the routes of one configuration."""

    def __init__(self, making: Making, learned: Learned, max_ejected_share: float) -> None:
        self._making = making
        self._learned = learned
        self._max_ejected_share = max_ejected_share
        self._conditions: dict[str, Condition] = {}

    def routes(self, sections: Mapping[str, RouteSection]) -> Routes:
        """All routes, at once."""
        return at_once(self.work(sections))

    def work(self, sections: Mapping[str, RouteSection]) -> Work[Routes]:
        """All routes, a few at a time."""
        found = Routes(())
        models: list[ModelInfo] = []
        for name in sorted(sections):
            section = sections[name]
            yield from self._compile(section)
            for kind in _KINDS if section.kind == "any" else (section.kind,):
                route = self.route(kind, name, section)
                found.table.add(kind, route, self._named(kind, name, section) if name.endswith("/*") else None)
                models.append(listing(kind, route))
                yield 1 + len(section.candidates)
        found.table.models = tuple(models)
        self._learned.conditions = self._conditions
        return found

    def _compile(self, section: RouteSection) -> Work[None]:
        for text in (*(one.when for one in section.candidates), *(rule.when for rule in section.rules)):
            if text is None or text in self._conditions:
                continue
            known = self._learned.conditions.get(text)
            self._conditions[text] = known or Condition(text)
            yield 1 if known else SLICE_UNITS

    def _condition(self, text: str) -> Condition:
        found = self._conditions.get(text)
        if found is None:
            found = self._conditions[text] = Condition(text)
        return found

    def _named(self, kind: str, name: str, section: RouteSection) -> Named:
        return lambda rest: self.route(kind, name, section, rest=rest)

    def route(self, kind: str, name: str, section: RouteSection, rest: str | None = None) -> Route:
        """One route; `rest` is what stands in the place of the star. What is learned is kept by the configured name: of
        names behind a star callers can make as many as they like.
        """
        candidates = [self._making(one, rest or one.model) for one in section.candidates]
        return Route(
            name if rest is None else f"{name[:-1]}{rest}",
            candidates,
            configured=name,
            strategy=section.strategy,
            bounds=self._bounds(kind, name, section, candidates),
            regions=frozenset(section.regions),
            rules=[_rule(place, one, self._condition(one.when)) for place, one in enumerate(section.rules)],
            conditions=[self._condition(one.when) if one.when is not None else None for one in section.candidates],
            affinity=self._learned.affinity(name, section),
            kills=self._learned.kills,
            cache=section.cache,
        )

    def _bounds(self, kind: str, name: str, section: RouteSection, candidates: list[Candidate]) -> Bounds:
        hedges = self._learned.hedges(kind, name, section)
        looks = section.first_token_timeout_seconds is not None or any(
            one.first_token_timeout_seconds is not None for one in section.candidates
        )
        looks = looks or any(rule.first_token_timeout_seconds is not None for rule in section.rules)
        only = any(one.facts is not None and one.facts.streams_only for one in candidates)
        return Bounds(
            max_attempts=section.max_attempts,
            first_token_timeout_s=section.first_token_timeout_seconds,
            max_wait_s=section.max_wait_seconds,
            max_ejected_share=self._max_ejected_share,
            larger_context=section.larger_context,
            streams=hedges is not None or looks or only,
            hedges=hedges,
            kills=self._learned.kills,
            structured=_structured(section.structured_output),
        )


def _structured(section: StructuredOutputSection | None) -> StructuredOutput | None:
    if section is None or not section.check:
        return None
    return StructuredOutput(repair=section.repair, reask=section.reask, hold=section.hold)


def _rule(place: int, section: RuleSection, when: Condition) -> Rule:
    return Rule(
        when=when,
        place=place,
        providers=frozenset(section.providers),
        regions=frozenset(section.regions),
        models=frozenset(section.models),
        strategy=section.strategy,
        hedge=section.hedge,
        first_token_timeout_s=section.first_token_timeout_seconds,
    )
