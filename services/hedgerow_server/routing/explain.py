"""Why a route would serve a call as it would. Asks nobody and changes nothing."""

import time
from collections.abc import Iterator, Mapping

from hedgerow_server.core.explanation import (
    CandidateExplanation,
    CandidateHealth,
    CandidatePrice,
    HedgingTerms,
    RouteExplained,
    Why,
)
from hedgerow_server.pricing.price import applicable
from hedgerow_server.routing.admission import Admission, admissible
from hedgerow_server.routing.ask import Ask
from hedgerow_server.routing.candidate import Candidate
from hedgerow_server.routing.plan import Plan
from hedgerow_server.routing.race import repeatable
from hedgerow_server.routing.route import Look, Route
from hedgerow_server.routing.select import View, expected_cost

_PERCENT = 100.0
_DOLLAR = 1e12


def explain(route: Route, ask: Ask) -> RouteExplained:
    """What a route makes of a call. Raises SwitchedOff."""
    look = route.look(ask)
    bounds = look.bounds
    admitted = _admitted(look)
    eligible = [
        _eligible(key, route, look, asked=admitted[key.state]) for one in look.fit for key in _likeliest_first(one)
    ]
    plan = Plan(tuple(look.fit), ask.policy, bounds)
    return RouteExplained(
        candidates=(*eligible, *_excluded(look)),
        strategy=look.strategy,
        rules=tuple(rule.place for rule in look.rules),
        max_attempts=min(ask.policy.max_attempts or bounds.max_attempts, bounds.max_attempts),
        affinity=look.sticky is not None,
        hedging=_hedging(plan) if repeatable(plan, ask.spec) else None,
    )


def _hedging(plan: Plan) -> HedgingTerms | None:
    if plan.bounds.hedges is None:
        return None
    policy = plan.bounds.hedges.policy
    return HedgingTerms(policy.max_extra * _PERCENT, policy.min_delay_s, policy.max_delay_s)


def _admitted(look: Look) -> Mapping[object, bool]:
    """Whether each of those that fit may be asked now, as the executor would find."""
    fit = [key for one in look.fit for key in one.variants]
    awake = [one for one in fit if not one.state.resting_s()]
    breakers = [one.state.breaker for one in awake]
    verdicts = admissible(breakers, look.bounds.max_ejected_share, time.monotonic())
    admitted: dict[object, bool] = {one.state: False for one in fit}
    for one, verdict in zip(awake, verdicts, strict=True):
        admitted[one.state] = verdict is not Admission.NO
    return admitted


def _eligible(one: Candidate, route: Route, look: Look, *, asked: bool) -> CandidateExplanation:
    total = sum(other.weight for other in look.fit)
    keys = sum(key.key_weight for key in one.variants)
    share = one.weight / total * one.key_weight / keys if look.strategy == "weighted" and total else None
    if asked:
        why, text = (
            (Why.AFFINITY, "answered this conversation last") if one is look.stays else _placed(one, route, look)
        )
    else:
        why = Why.RESTING if one.state.resting_s() else Why.EJECTED
        text = f"is left alone for {one.state.back_in_s():.1f} s: {one.state.why()}"
    return _told(one, look.view, why, text, eligible=True, asked=asked, share=share)


def _likeliest_first(one: Candidate) -> tuple[Candidate, ...]:
    """The candidate with each of its keys, in the order in which they are asked most often."""
    others = sorted((key for key in one.variants if key is not one), key=lambda key: -key.key_weight)
    return (one, *others)


def _excluded(look: Look) -> Iterator[CandidateExplanation]:
    for verdict in look.unfit:
        assert verdict.why is not None
        for key in verdict.candidate.variants:
            yield _told(key, look.view, verdict.why, verdict.text, written_in=verdict.written_in)


def _placed(one: Candidate, route: Route, look: Look) -> tuple[Why, str]:
    """What gives a candidate its place in the order."""
    view = look.view
    match look.strategy:
        case "ordered":
            place = next(index for index, listed in enumerate(route.candidates, 1) if one.same(listed))
            return Why.LISTED, f"is no. {place} of the route"
        case "weighted":
            return Why.WEIGHT, f"has a weight of {one.weight} in {sum(other.weight for other in look.fit)}"
        case "cheapest":
            warm = one.state is view.warm
            picos = expected_cost(one, view.need, cached=warm)
            if picos is None:
                return Why.PRICE, "has no known price"
            return Why.PRICE, f"costs about ${picos / _DOLLAR:.6f}{', with its prompt cache warm' if warm else ''}"
        case "fastest":
            typical_s = one.state.pace(stream=view.stream).typical_s(time.monotonic())
            if typical_s is None:
                return Why.SPEED, "has not answered yet"
            return Why.SPEED, f"has its first content after {typical_s:.3f} s lately"


def _told(
    one: Candidate,
    view: View,
    why: Why,
    text: str,
    *,
    written_in: str = "",
    eligible: bool = False,
    asked: bool = False,
    share: float | None = None,
) -> CandidateExplanation:
    if one.keyring is not None and one.lease is not None:
        total = sum(key.key_weight for key in one.variants)
        text = f"{text} (key {one.lease.name}, with a weight of {one.key_weight} in {total})"
    return CandidateExplanation(
        provider=one.upstream.name,
        model=one.model,
        region=one.region,
        credential=one.lease.name if one.lease is not None else "",
        eligible=eligible,
        asked=asked,
        why=why,
        text=text,
        written_in=written_in,
        health=_health(one, view),
        price=_price(one, view),
        first_share=share,
    )


def _health(one: Candidate, view: View) -> CandidateHealth:
    state, now_s = one.state, time.monotonic()
    back_in_s = state.back_in_s()
    return CandidateHealth(
        breaker=state.breaker.state(now_s).value,
        back_in_s=back_in_s,
        resting_because=state.why() if back_in_s else "",
        running=state.running,
        typical_s=state.pace(stream=view.stream).typical_s(now_s),
        rate_limited_share=state.rate_limited.value,
        pool=state.pool.facts() if state.pool is not None else None,
    )


def _price(one: Candidate, view: View) -> CandidatePrice | None:
    price = one.price
    if price is None:
        return None
    rates = applicable(*price.at(None), view.need.input_tokens)
    return CandidatePrice(
        input_picos=None if rates.input is None else rates.input / price.scale,
        output_picos=None if rates.output is None else rates.output / price.scale,
        expected_picos=expected_cost(one, view.need, cached=one.state is view.warm),
        version=price.version,
    )
