"""One route: who may serve a call, in which order, and why."""

import time
from collections.abc import Sequence

import msgspec

from hedgerow_server.caching.section import RouteCacheSection
from hedgerow_server.core.error import BudgetSpent, HedgerowError, NoCandidate, SwitchedOff
from hedgerow_server.core.event import CandidateInfo, ModelInfo, Warning, WarningCode
from hedgerow_server.core.explanation import Why
from hedgerow_server.core.port import Operation
from hedgerow_server.core.request import NO_POLICY, EmbedSpec, RoutePolicy
from hedgerow_server.routing.affinity import Affinity
from hedgerow_server.routing.ask import Ask
from hedgerow_server.routing.candidate import Candidate
from hedgerow_server.routing.conditions import CALLER_SAYS, Condition
from hedgerow_server.routing.hedges import Hedges
from hedgerow_server.routing.kill import KillSwitches
from hedgerow_server.routing.need import lacks, too_long
from hedgerow_server.routing.plan import Bounds, Plan, Sticky
from hedgerow_server.routing.select import LIKELY, ORDERS, Order, Strategy, View
from hedgerow_server.routing.state import CandidateState

_TOLD = 8
"""Candidates that the text of an error tells of."""


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for calls that meet a condition. Narrowing adds up over rules; of the rest the first one says it."""

    when: Condition
    place: int = 0
    """Its place in the configuration."""
    providers: frozenset[str] = frozenset()
    """Only these; empty: all."""
    regions: frozenset[str] = frozenset()
    """Only there; empty: anywhere."""
    models: frozenset[str] = frozenset()
    """Only these models; empty: all."""
    strategy: Strategy | None = None
    hedge: bool | None = None
    first_token_timeout_s: float | None = None

    def holds(self, ask: Ask) -> bool:
        """Whether it is for the call. What narrows by who calls holds in doubt: it may be the law."""
        strict = self.regions or ((self.providers or self.models) and not self.when.variables & CALLER_SAYS)
        return self.when.holds(ask, in_doubt=bool(strict))


class Verdict(msgspec.Struct, frozen=True):
    """What a route says of one candidate for one call."""

    candidate: Candidate
    why: Why | None = None
    """What is against it; None: it may be asked."""
    text: str = ""
    """The same, for people."""
    written_in: str = ""
    """The key of the configuration or the field of the request behind it."""


class Look(msgspec.Struct, frozen=True):
    """All that a route says of one call."""

    fit: list[Candidate]
    """Those that may be asked, in order, each with the key that is asked first."""
    unfit: list[Verdict]
    rules: list[Rule]
    """Those that hold."""
    strategy: Strategy
    bounds: Bounds
    view: View
    sticky: Sticky | None
    """The conversation, where the route keeps conversations with their candidates."""
    stays: Candidate | None
    """The candidate that the conversation is kept with."""
    spared: Candidate | None = None
    """Who would have come first if no budget had left it out."""
    budget: str = ""
    """The budget that did."""


class Route:
    """A name's candidates with their rules. Built when the configuration is loaded."""

    def __init__(
        self,
        name: str,
        candidates: Sequence[Candidate],
        *,
        configured: str = "",
        strategy: Strategy = "ordered",
        bounds: Bounds = Bounds(),  # noqa: B008  (frozen)
        regions: frozenset[str] = frozenset(),
        rules: Sequence[Rule] = (),
        conditions: Sequence[Condition | None] = (),
        affinity: Affinity | None = None,
        kills: KillSwitches | None = None,
        cache: RouteCacheSection | None = None,
    ) -> None:
        """`configured` is the name in the file, where it ends with a star. `conditions` stand beside the candidates:
        one that does not hold passes its candidate over. `cache`: what is kept of answers.
        """
        self.name = name
        self.cache = cache if cache is not None and cache.mode != "off" else None
        """What is kept of its answers; None: nothing."""
        self.resident = bool(regions) or any(rule.regions for rule in rules)
        """Whether it, or a rule of it, says in which regions calls are served."""
        self.candidates = tuple(candidates)
        """Those that have several keys with the first of them."""
        self.strategy: Strategy = strategy
        self._configured = configured or name
        self._bounds = bounds
        self._regions = regions
        self._rules = tuple(rules)
        self._conditions = tuple(conditions) or (None,) * len(self.candidates)
        self._affinity = affinity
        self._kills = kills or KillSwitches()
        self._ready = Plan(self.candidates, NO_POLICY, bounds, why=strategy)
        alone = len(self.candidates) == 1 or (strategy == "ordered" and not any(one.facts for one in self.candidates))
        self._plain = alone and not (affinity or regions or rules or any(self._conditions))
        self._keyrings = any(one.keyring for one in self.candidates)
        one_space = all(not _other_vectors(one, self.candidates[0], None) for one in self.candidates)
        self._plain_embed = self._plain and one_space

    def listed(self, kind: str) -> ModelInfo:
        """How the route is listed for callers, as a name of this kind."""
        who = tuple(CandidateInfo(one.upstream.name, one.model, one.region) for one in self.candidates)
        return ModelInfo(self.name, kind, who)

    @property
    def configured(self) -> str:
        """The name in the configuration, which may end with a star."""
        return self._configured

    def residency(self, ask: Ask) -> tuple[frozenset[str], ...]:
        """The regions where the data of a call may go, by each place that restricts them: all of these hold."""
        principal = ask.principal
        named = (
            self._regions,
            principal.regions if principal is not None else frozenset(),
            *(rule.regions for rule in self._rules if rule.regions and rule.holds(ask)),
            frozenset(ask.policy.regions),
        )
        return tuple(frozenset(one) for one in named if one)

    @property
    def hedges(self) -> Hedges | None:
        """The hedging of its calls; None: there is none."""
        return self._bounds.hedges

    def plan(self, ask: Ask, *, likely: bool = False) -> Plan:
        """The candidates for a call, in order; `likely`: in the likeliest order, for calls that are not made. Raises
        NoCandidate and SwitchedOff.
        """
        plain = self._plain if ask.operation is Operation.CHAT else self._plain_embed
        if plain and not self._kills.thrown and _unbound(ask):
            if self._keyrings:
                keyed = tuple(_with_key(one, None, likely=likely) for one in self.candidates)
                return Plan(keyed, ask.policy, self._bounds, why=self.strategy)
            return self._ready if ask.policy is NO_POLICY else msgspec.structs.replace(self._ready, policy=ask.policy)
        look = self.look(ask, likely=likely)
        if not look.fit:
            raise self._none(look)
        if look.spared is None:
            return Plan(tuple(look.fit), ask.policy, look.bounds, look.sticky, why=_why(look))
        from_ = look.spared.model
        text = f"The budget {look.budget} has reached its mark: the route leaves out {from_}."
        warning = Warning(WarningCode.MODEL_DOWNGRADED, "", text)
        plan = Plan(tuple(look.fit), ask.policy, look.bounds, look.sticky, why=_why(look))
        return msgspec.structs.replace(plan, downgraded_from=from_, warnings=(warning,))

    def narrowed(self, ask: Ask) -> RoutePolicy | None:
        """Where the data of a call may go, by the route, by its rules and by the call's own policy: for calls that are
        made on its behalf through another route, which knows the caller's regions. None: nowhere.
        """
        policy, rules = ask.policy, [rule for rule in self._rules if rule.holds(ask)]
        regions = _common(self._regions, frozenset(policy.regions), *(rule.regions for rule in rules))
        providers = _common(frozenset(policy.providers), *(rule.providers for rule in rules))
        if _NOWHERE in (regions, providers):
            return None
        return RoutePolicy(regions=tuple(sorted(regions or ())), providers=tuple(sorted(providers or ())))

    def look(self, ask: Ask, *, likely: bool = True) -> Look:
        """What the route makes of a call. Raises SwitchedOff."""
        self._kills.check(ask.principal, self.name, self._configured)
        rules = [rule for rule in self._rules if rule.holds(ask)]
        fit, unfit = self._sort_out(ask, rules)
        strategy = next((rule.strategy for rule in rules if rule.strategy is not None), self.strategy)
        bounds = self._bounds_of(rules)
        sticky, warm = self._conversation(ask)
        if self._keyrings:
            fit = [_with_key(one, warm, likely=likely) for one in fit]
        stream = ask.operation is Operation.CHAT and (ask.stream or bounds.streams)
        view = View(ask.need, stream=stream, warm=warm)
        order: Order = (LIKELY if likely else ORDERS)[strategy]
        found = order(fit, view) if len(fit) > 1 else fit
        stays = _stays(found, warm, strategy)
        if stays is not None:
            found.remove(stays)
            found.insert(0, stays)
        budget, left_out = _downgrade(rules, unfit)
        spared = None
        if left_out and found:
            # As if the budget had not spoken.
            all_ = [one for one in self.candidates if one in left_out or _among(one, fit)]
            first = LIKELY[strategy](all_, view)[0]
            spared = first if first in left_out else None
        return Look(found, unfit, rules, strategy, bounds, view, sticky, stays, spared, budget)

    def _sort_out(self, ask: Ask, rules: list[Rule]) -> tuple[list[Candidate], list[Verdict]]:
        fit: list[Candidate] = []
        unfit: list[Verdict] = []
        for index, one in enumerate(self.candidates):
            verdict = self._against(index, one, ask, rules)
            if verdict is None:
                fit.append(one)
            else:
                unfit.append(verdict)
        if not fit and any(one.why is Why.CONTEXT for one in unfit):
            # The length is estimated: let the provider judge it.
            fit = [one.candidate for one in unfit if one.why is Why.CONTEXT]
            unfit = [one for one in unfit if one.why is not Why.CONTEXT]
        return fit, unfit

    def _against(self, index: int, one: Candidate, ask: Ask, rules: list[Rule]) -> Verdict | None:
        """What is against a candidate; None if nothing is."""
        elsewhere = _outside(one, self._regions, ask, rules)
        if elsewhere:
            text = f"runs in {one.region}" if one.region else "does not say where it runs"
            return Verdict(one, Why.REGION, text, elsewhere)
        if self._kills.off(one.upstream.name, one.model):
            return Verdict(one, Why.SWITCHED_OFF, "is switched off by the operator", "kill switch")
        if ask.policy.providers and one.upstream.name not in ask.policy.providers:
            return Verdict(one, Why.PROVIDER, "is not among the call's providers", "route.providers")
        if ask.policy.models and one.model not in ask.policy.models:
            return Verdict(one, Why.MODEL, "is not among the call's models", "route.models")
        for rule in rules:
            if rule.providers and one.upstream.name not in rule.providers:
                return Verdict(one, Why.PROVIDER, "is not among the rule's providers", f"rules[{rule.place}]")
            if rule.models and one.model not in rule.models:
                return Verdict(one, Why.MODEL, "is not among the rule's models", f"rules[{rule.place}]")
        condition = self._conditions[index]
        if condition is not None and not condition.holds(ask, in_doubt=False):
            return Verdict(one, Why.CONDITION, "does not meet its condition", f"candidates[{index}].when")
        return self._unable(one, ask) if len(self.candidates) > 1 else None

    def _unable(self, one: Candidate, ask: Ask) -> Verdict | None:
        if isinstance(ask.spec, EmbedSpec):
            text = _other_vectors(one, self.candidates[0], ask.spec.dimensions)
            if text:
                return Verdict(one, Why.VECTOR_SPACE, text, "vector_space")
        if one.facts is None:
            return None
        text = lacks(one.facts, ask.need)
        if text:
            return Verdict(one, Why.CAPABILITY, text, "catalogue")
        # Last: what only the length is against could serve the call otherwise.
        text = too_long(one.facts, ask.need)
        return Verdict(one, Why.CONTEXT, text, "catalogue") if text else None

    def _conversation(self, ask: Ask) -> tuple[Sticky | None, CandidateState | None]:
        affinity = self._affinity
        key = affinity.key(ask) if affinity is not None else None
        if affinity is None or key is None:
            return None, None
        return Sticky(affinity, key), affinity.find(key, time.monotonic())

    def _bounds_of(self, rules: list[Rule]) -> Bounds:
        bounds = self._bounds
        if not rules:
            return bounds
        hedge = next((rule.hedge for rule in rules if rule.hedge is not None), True)
        if not hedge and bounds.hedges is not None:
            bounds = msgspec.structs.replace(bounds, hedges=None)
        limits = (rule.first_token_timeout_s for rule in rules)
        limit_s = next((one for one in limits if one is not None), None)
        if limit_s is not None:
            bounds = msgspec.structs.replace(bounds, first_token_timeout_s=limit_s)
        return bounds

    def _none(self, look: Look) -> HedgerowError:
        unfit = look.unfit
        if look.budget:
            return BudgetSpent(
                f"The budget {look.budget} has reached its mark; no cheaper model of {self.name!r} may serve the call.",
                metadata={"budget": look.budget, "model": self.name},
                subject=look.budget,
            )
        if all(one.why is Why.SWITCHED_OFF for one in unfit):
            return SwitchedOff(
                f"The operator has switched everybody off who serves {self.name!r}.",
                metadata={"scope": "provider", "model": self.name},
            )
        each = "; ".join(f"{one.candidate.label} {one.text}" for one in unfit[:_TOLD])
        return NoCandidate(
            f"No candidate of {self.name!r} may serve this call: {each}.",
            metadata={"model": self.name},
            subject=unfit[0].written_in,
        )


def _why(look: Look) -> str:
    """What made the order, in a few words."""
    words = [look.strategy, *(f"rules[{rule.place}]" for rule in look.rules)]
    return ", ".join([*words, "affinity"] if look.stays is not None else words)


_NOWHERE: frozenset[str] = frozenset()


def _common(*allowed: frozenset[str]) -> frozenset[str] | None:
    """What all of those name that name anything. None: nobody does."""
    named = [one for one in allowed if one]
    return frozenset.intersection(*named) if named else None


def _downgrade(rules: list[Rule], unfit: list[Verdict]) -> tuple[str, list[Candidate]]:
    """The first budget that has left candidates out, and all that budgets have."""
    if not unfit:
        return "", []
    looking = {f"rules[{rule.place}]": rule.when.budgets[0] for rule in rules if rule.when.budgets}
    if not looking:
        return "", []
    left_out = [one for one in unfit if one.written_in in looking and one.why in (Why.MODEL, Why.PROVIDER)]
    return (looking[left_out[0].written_in] if left_out else ""), [one.candidate for one in left_out]


def _among(one: Candidate, fit: list[Candidate]) -> bool:
    return any(one.same(other) for other in fit)


def _unbound(ask: Ask) -> bool:
    """Whether neither the caller's identity nor its policy says who may serve."""
    principal, policy = ask.principal, ask.policy
    return not (policy.providers or policy.models or policy.regions or (principal is not None and principal.regions))


def _outside(one: Candidate, regions: frozenset[str], ask: Ask, rules: list[Rule]) -> str:
    """Residency: who says that a candidate's region will not do, empty if nobody does. Each place that names regions
    must name this one.
    """
    principal = ask.principal
    if regions and one.region not in regions:
        return "regions"
    if principal is not None and principal.regions and one.region not in principal.regions:
        return "the caller's regions"
    for rule in rules:
        if rule.regions and one.region not in rule.regions:
            return f"rules[{rule.place}]"
    if ask.policy.regions and (not one.region or one.region not in ask.policy.regions):
        return "route.regions"
    return ""


def _with_key(one: Candidate, warm: CandidateState | None, *, likely: bool) -> Candidate:
    """The candidate with the key that it is asked with first."""
    if one.keyring is None:
        return one
    return one.keyring.likely(warm) if likely else one.keyring.draw(warm)


def _stays(found: list[Candidate], warm: CandidateState | None, strategy: Strategy) -> Candidate | None:
    """The candidate that the conversation stays with. `cheapest` itself decides whether a warm cache is worth it, and a
    weight of 0 drains a candidate.
    """
    if warm is None or strategy == "cheapest":
        return None
    stays = next((one for one in found if one.state is warm), None)
    return stays if stays is not None and (strategy != "weighted" or stays.weight) else None


def _other_vectors(one: Candidate, first: Candidate, dimensions: int | None) -> str:
    """Vectors of different models or lengths cannot be compared: an embedding call never changes them.
    `dimensions` is the length that the call asks for, which all then give.
    """
    if one.space != first.space:
        return f"has other vectors than {first.label}"
    if dimensions is None and one.dimensions and first.dimensions and one.dimensions != first.dimensions:
        return f"has vectors of another length than {first.label}"
    return ""
