"""What the pages about the whole router and about its calls show."""

import math
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

import msgspec

from hedgerow_server.console import facts_calls
from hedgerow_server.console.access import GET_CALL, GET_CONFIG, LIST_CANDIDATES, allowed, tenant_of
from hedgerow_server.console.asking import Asking
from hedgerow_server.console.shown import (
    Alarm,
    CallDetail,
    CallFilter,
    Calls,
    Errors,
    FailedCall,
    Lately,
    Minute,
    Overview,
    ProviderErrors,
)
from hedgerow_server.console.source import Source
from hedgerow_server.core.admin import ConfigState
from hedgerow_server.core.call import Call, Principal
from hedgerow_server.core.error import CallNotFound, RpcUnknown
from hedgerow_server.core.event import AttemptOutcome
from hedgerow_server.core.slices import Work, in_slices
from hedgerow_server.core.spend import GetCallRequest
from hedgerow_server.ledger.answers import CallTold
from hedgerow_server.telemetry.recent import SLOT_S, RecentCall, Slot

_SPANS_S = (60, 300, 3600)
_MINUTES = 60
_SHOWN = 200
"""Calls in a list."""
_CHOICES = 100
_PROVIDERS_SHOWN = 100
_FAILED_SHOWN = 10
"""Calls of one provider."""
_SAMPLES = 2000
"""Calls that quantiles are made of."""
_BEHIND_S = 60.0
_CALL_ID_CHARS = 32
_FAILED = AttemptOutcome.FAILED


class CallFacts:
    """Gathers them, for whoever looks."""

    def __init__(self, source: Source, asking: Asking) -> None:
        self._source = source
        self._recent = source.recent
        self._asking = asking

    async def overview(self, who: Principal, query: Mapping[str, str]) -> Overview:
        """How the router is doing."""
        config = await self._asking.answer(who, GET_CONFIG, None, ConfigState)
        recent, now_s, slots = self._recent, time.time(), self._recent.slots()
        newest = [_Sample.of(one) for one in islice(recent.calls(), _SAMPLES)]
        models = self._source.in_force().routes.models()
        candidates, out = await in_slices(self._counted())
        return Overview(
            problems=tuple(self._source.problems()),
            config=config,
            lately=tuple(_lately(span_s, slots, newest, now_s) for span_s in _SPANS_S),
            minutes=_minutes(slots, now_s),
            open_calls=recent.open_count,
            calls_since_start=recent.ended,
            started_unix_s=recent.started_unix_s,
            alarms=tuple(self._alarms(config)),
            routes=len(models),
            candidates=candidates,
            candidates_out=out,
        )

    def _counted(self) -> Work[tuple[int, int]]:
        """How many candidates there are, and how many of them may not be asked now."""
        found = out = 0
        for route in self._source.in_force().routes.all():
            for one in route.candidates:
                found += 1
                usable = any(key.state.open() for key in one.variants)
                out += not usable or self._source.kills.off(one.upstream.name, one.model)
            yield 1
        return found, out

    def _alarms(self, config: ConfigState) -> Iterable[Alarm]:
        source = self._source
        if config.last_error:
            yield Alarm(
                text="The last reload failed; the configuration before stays in force.",
                since_unix_s=config.failed_unix_s,
                href="/console/configuration",
            )
        for name in sorted(source.in_force().leases):
            for one in source.alarms.of(name):
                at = f" at {one.provider}" if one.provider else ""
                what = one.kind.value.replace("_", " ")
                text = f"Credential {name}{at}: {what} ({one.reason})"
                yield Alarm(text=text, since_unix_s=one.raised_unix_s, href="/console/credentials")
        if source.ledger is not None and source.ledger.behind_s > _BEHIND_S:
            behind_s = source.ledger.behind_s
            yield Alarm(text=f"The ledger's store is {behind_s:.0f} s behind.", since_unix_s=time.time() - behind_s)
        for switch in source.kills.all():
            text = f"The {switch.scope.value} {switch.name} is switched off: {switch.reason or 'no reason given'}"
            yield Alarm(text=text, since_unix_s=switch.since_unix_s, href="/console/routes", severe=False)
        if config.restart_keys:
            keys = ", ".join(config.restart_keys)
            yield Alarm(text=f"Waits for a restart: {keys}", href="/console/configuration", severe=False)

    async def calls(self, who: Principal, query: Mapping[str, str]) -> Calls:
        """Those that are open, and the newest ones."""
        chosen = CallFilter(query.get("outcome", ""), query.get("route", ""), query.get("tenant", ""))
        tenant = tenant_of(who, GET_CALL)
        mine = [one for one in self._recent.calls() if _visible(one.principal, tenant)]
        opened = [one for one in self._recent.open_calls if _visible(one.principal, tenant)]
        names = Counter(one.model for one in mine if one.model)
        tenants = Counter(one.principal.tenant for one in mine if one.principal is not None)
        recent = [one for one in mine if _passes(one, chosen)][:_SHOWN] if chosen.outcome != "open" else []
        running = [one for one in map(facts_calls.shown_open, opened) if _fits(one.route, one.tenant, chosen)]
        return Calls(
            filter=chosen,
            routes=tuple(sorted(name for name, _ in names.most_common(_CHOICES))),
            tenants=tuple(sorted(name for name, _ in tenants.most_common(_CHOICES))),
            open=tuple(running[:_SHOWN]) if chosen.outcome in ("", "open") else (),
            recent=tuple(map(facts_calls.shown, recent)),
            kept=self._recent.most,
        )

    async def call(self, who: Principal, query: Mapping[str, str]) -> CallDetail:
        """One call by its id: as it is in memory, else as the ledger has it. Raises CallNotFound."""
        call_id, tenant = query.get("id", "").strip(), tenant_of(who, GET_CALL)
        opened = self._opened(call_id, tenant)
        if opened is not None:
            return facts_calls.detail_open(opened)
        found = [one for one in self._recent.find(call_id) if _visible(one.principal, tenant)]
        if found:
            return facts_calls.detail(found[0], found[1:])
        return facts_calls.detail_of_ledger(await self._of_ledger(who, call_id))

    def _opened(self, call_id: str, tenant: str | None) -> Call | None:
        for one in self._recent.open_calls:
            if call_id and call_id in (one.call_id, one.request_id) and _visible(one.principal, tenant):
                return one
        return None

    async def _of_ledger(self, who: Principal, call_id: str) -> CallTold:
        requests = [GetCallRequest(request_id=call_id)]
        if len(call_id) == _CALL_ID_CHARS:
            requests.insert(0, GetCallRequest(call_id=call_id))
        for request in requests:
            try:
                return await self._asking.answer(who, GET_CALL, request, CallTold)
            except (CallNotFound, RpcUnknown):
                continue
        raise CallNotFound("There is no such call among those that are kept.", metadata={"call": call_id})

    async def errors(self, who: Principal, query: Mapping[str, str]) -> Errors:
        """The last failures by provider."""
        tenant = tenant_of(who, GET_CALL)
        providers: list[ProviderErrors] = []
        for name, calls in self._recent.failures().items():
            mine = [one for one in calls if _visible(one.principal, tenant)]
            if mine and len(providers) < _PROVIDERS_SHOWN:
                providers.append(_provider_errors(name, mine))
        tells_drift = tenant is None and allowed(who, LIST_CANDIDATES)
        drift = self._source.drift() if tells_drift else {}
        return Errors(
            providers=tuple(providers),
            drift=tuple(
                (provider, kind, name, count)
                for provider, kinds in drift.items()
                for kind, names in kinds.items()
                for name, count in names.items()
            ),
            kept=self._recent.most,
        )


def _visible(principal: Principal | None, tenant: str | None) -> bool:
    return tenant is None or (principal is not None and principal.tenant == tenant)


def _passes(one: RecentCall, chosen: CallFilter) -> bool:
    if chosen.outcome and (one.code == "OK") is not (chosen.outcome == "ok"):
        return False
    return _fits(one.model, one.principal.tenant if one.principal is not None else "", chosen)


def _fits(route: str, tenant: str, chosen: CallFilter) -> bool:
    return chosen.route in ("", route) and chosen.tenant in ("", tenant)


def _provider_errors(name: str, calls: Sequence[RecentCall]) -> ProviderErrors:
    reasons = Counter(
        one.error_reason or "UNKNOWN"
        for call in calls
        for one in call.attempts
        if one.provider == name and one.outcome is _FAILED
    )
    told = [
        FailedCall(call=facts_calls.shown(one), attempts=facts_calls.attempts_shown(one.attempts, one.started_unix_s))
        for one in calls[:_FAILED_SHOWN]
    ]
    return ProviderErrors(provider=name, reasons=tuple(reasons.most_common()), calls=tuple(told))


class _Sample(msgspec.Struct, frozen=True):
    ended_unix_s: float
    duration_s: float
    first_token_s: float | None

    @classmethod
    def of(cls, one: RecentCall) -> "_Sample":
        return cls(one.ended_unix_s, one.duration_s, facts_calls.first_token_s(one))


def _lately(span_s: int, slots: Sequence[Slot], newest: Sequence[_Sample], now_s: float) -> Lately:
    """Counts are of every call, quantiles of those among them that are kept."""
    since = int(now_s - span_s) // SLOT_S
    counted = [one for one in slots if one.number > since]
    kept = [one for one in newest if one.ended_unix_s > now_s - span_s]
    durations = sorted(one.duration_s for one in kept)
    firsts = sorted(one.first_token_s for one in kept if one.first_token_s is not None)
    return Lately(
        span_s=span_s,
        calls=sum(one.calls for one in counted),
        failed=sum(one.failed for one in counted),
        p50_s=_quantile(durations, 0.5),
        p95_s=_quantile(durations, 0.95),
        first_token_p50_s=_quantile(firsts, 0.5),
        first_token_p95_s=_quantile(firsts, 0.95),
        cost_picos=sum(one.cost_picos for one in counted),
    )


def _quantile(values: Sequence[float], share: float) -> float | None:
    """The smallest value that at least this share of them does not exceed; None of none."""
    return values[math.ceil(share * len(values)) - 1] if values else None


def _minutes(slots: Sequence[Slot], now_s: float) -> tuple[Minute, ...]:
    last = int(now_s) // 60
    calls, failed = Counter[int](), Counter[int]()
    for one in slots:
        minute = one.number * SLOT_S // 60
        calls[minute] += one.calls
        failed[minute] += one.failed
    return tuple(Minute(minute * 60, calls[minute], failed[minute]) for minute in range(last - _MINUTES + 1, last + 1))
