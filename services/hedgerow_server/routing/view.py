"""How candidates have been doing, for operators."""

import time
from itertools import chain

from hedgerow_server.core.admin import CandidateFacts, Quantiles
from hedgerow_server.core.slices import Work
from hedgerow_server.routing.candidate import Candidate
from hedgerow_server.routing.kill import KillSwitches
from hedgerow_server.routing.latency import Latency
from hedgerow_server.routing.routes import Routes

_SHARES = (0.5, 0.95)


def candidates(routes: Routes, kills: KillSwitches, provider: str = "") -> Work[list[CandidateFacts]]:
    """Every candidate once, sorted; `provider` leaves out those of others."""
    found: dict[tuple[str, str, str, str], CandidateFacts] = {}
    for route in routes.all():
        for one in chain.from_iterable(one.variants for one in route.candidates):
            # The model "*" stands for those that callers name.
            if one.model == "*" or (provider and one.upstream.name != provider) or _key(one) in found:
                continue
            found[_key(one)] = facts(one, kills, time.monotonic(), time.time())
            yield 1
        yield 1
    return [found[key] for key in sorted(found)]


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
    )


def _key(one: Candidate) -> tuple[str, str, str, str]:
    return one.upstream.name, one.model, one.region, one.lease.name if one.lease is not None else ""


def _quantiles(latency: Latency, now_s: float) -> Quantiles | None:
    found = latency.quantiles(_SHARES, now_s)
    return None if found is None else Quantiles(latency.samples(now_s), *found)
