"""How candidates have been doing, for operators."""

import time
from itertools import chain

import msgspec

from hedgerow_server.core.admin import CandidateFacts, HedgingFacts, LimitFacts, Quantiles
from hedgerow_server.core.port import RateLimits
from hedgerow_server.core.slices import Work
from hedgerow_server.routing.candidate import Candidate
from hedgerow_server.routing.hedge import HedgeCounts
from hedgerow_server.routing.kill import KillSwitches
from hedgerow_server.routing.latency import Latency
from hedgerow_server.routing.routes import Routes

_SHARES = (0.5, 0.95)


def candidates(routes: Routes, kills: KillSwitches, provider: str = "") -> Work[list[CandidateFacts]]:
    """Every candidate once, sorted; `provider` leaves out those of others."""
    found: dict[tuple[str, str, str, str], CandidateFacts] = {}
    hedged: dict[tuple[str, str, str, str], dict[str, HedgingFacts]] = {}
    for route in routes.all():
        for one in chain.from_iterable(one.variants for one in route.candidates):
            # The model "*" stands for those that callers name.
            if one.model == "*" or (provider and one.upstream.name != provider):
                continue
            key = _key(one)
            hedging = route.hedges.known(one) if route.hedges is not None else None
            if hedging is not None:
                hedged.setdefault(key, {})[route.name] = _hedging(route.name, hedging.counts)
            if key not in found:
                found[key] = facts(one, kills, time.monotonic(), time.time())
            yield 1
        yield 1
    return [_with_hedging(found[key], hedged.get(key, {})) for key in sorted(found)]


def facts(one: Candidate, kills: KillSwitches, now_s: float, now_unix_s: float) -> CandidateFacts:
    """All that is known of one candidate."""
    state = one.state
    view = state.breaker.snapshot(now_s)
    rests = (state.breaker.rest, state.shared.rest, state.key)
    aside = max(rests, key=lambda rest: rest.set_aside_until_s)

    def unix(at_s: float) -> float | None:
        return now_unix_s + at_s - now_s if at_s > now_s else None

    return CandidateFacts(
        provider=one.upstream.name,
        model=one.model,
        region=one.region,
        credential=one.lease.name if one.lease is not None else "",
        switched_off=kills.off(one.upstream.name, one.model),
        breaker=view.state.value,
        breaker_reason=view.reason,
        ejected_until_unix_s=now_unix_s + view.until_s - now_s if view.until_s else None,
        ejections=view.ejections,
        calls=view.calls,
        failures=view.failures,
        slow=view.slow,
        trials=view.trials,
        cooling_until_unix_s=unix(max(rest.cooling_until_s for rest in rests)),
        set_aside_until_unix_s=unix(aside.set_aside_until_s),
        set_aside_reason=aside.reason,
        running=state.running,
        rate_limited_share=state.rate_limited.value,
        streamed=_quantiles(state.latency(stream=True), now_s),
        unary=_quantiles(state.latency(stream=False), now_s),
        limits=_limits(*state.limits) if state.limits is not None else (),
        pool=state.pool.facts() if state.pool is not None else None,
    )


def _limits(limits: RateLimits, told_unix_s: float) -> tuple[LimitFacts, ...]:
    named = ((name, getattr(limits, name)) for name in limits.__struct_fields__)
    return tuple(
        LimitFacts(
            name=name,
            remaining=one.remaining,
            limit=one.limit,
            reset_unix_s=told_unix_s + one.reset_s if one.reset_s is not None else None,
            told_unix_s=told_unix_s,
        )
        for name, one in named
        if one is not None
    )


def _hedging(route: str, counts: HedgeCounts) -> HedgingFacts:
    return HedgingFacts(
        route=route,
        planned=counts.planned,
        due=counts.due,
        started=counts.started,
        won=counts.won,
        held=dict(counts.held),
        mean_planned_s=counts.planned_s / counts.due if counts.due else None,
        mean_real_s=counts.real_s / counts.due if counts.due else None,
    )


def _with_hedging(one: CandidateFacts, hedging: dict[str, HedgingFacts]) -> CandidateFacts:
    if not hedging:
        return one
    return msgspec.structs.replace(one, hedging=tuple(hedging[name] for name in sorted(hedging)))


def _key(one: Candidate) -> tuple[str, str, str, str]:
    return one.upstream.name, one.model, one.region, one.lease.name if one.lease is not None else ""


def _quantiles(latency: Latency, now_s: float) -> Quantiles | None:
    found = latency.quantiles(_SHARES, now_s)
    return None if found is None else Quantiles(latency.samples(now_s), *found)
