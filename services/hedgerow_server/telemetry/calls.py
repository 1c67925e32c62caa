"""Calls in numbers: what became of them, how long they took, and whose they were."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence

from prometheus_client.core import Metric

from hedgerow_server.core.call import Call, Outcome
from hedgerow_server.core.error import BudgetSpent, QuotaExceeded
from hedgerow_server.core.event import AttemptOutcome, AttemptRecord
from hedgerow_server.core.request import ChatRequest, EmbedRequest
from hedgerow_server.telemetry.attempts import AttemptNumbers
from hedgerow_server.telemetry.family import Labels, counters, each, gauges, histograms
from hedgerow_server.telemetry.histogram import DURATION_S, FIRST_TOKEN_S, MOST_SERIES, OWN_S, Histogram
from hedgerow_server.telemetry.labels import OTHER, UNKNOWN, TenantLabels
from hedgerow_server.telemetry.overhead import overhead_s
from hedgerow_server.telemetry.spending import CLASSES, Spending

RouteOf = Callable[[str, str], str | None]
"""The configured name of the route that serves a model name for "chat" or "embed"; None: there is none."""
_DOORS = ("grpc", "openai", "anthropic", "admin")
_ADMIN = "admin"
_MOST_ROUTES = 20_000
"""Routes that are told apart, those included that a reload has taken away."""
_UNSHOWN = (AttemptOutcome.FAILED, AttemptOutcome.HEDGE_LOST)
"""Outcomes of attempts whose content the caller has perhaps never seen."""
_NOBODY = ("", "")


class _Caller:
    """What the calls of one tenant and team came to."""

    __slots__ = ("codes", "spending")

    def __init__(self) -> None:
        self.codes: dict[str, int] = {}
        self.spending = Spending()


class CallNumbers:
    """Watches callers' calls. Every sum is a plain number in a dictionary; metrics are made of them when somebody asks.

    Labels are bounded: methods, routes, providers and models by the configuration, tenants and teams by a limit.
    """

    def __init__(self, max_tenants: int) -> None:
        """`max_tenants`: how many tenants are told apart."""
        self.tenants = TenantLabels(max_tenants)
        self.attempts = AttemptNumbers()
        self._methods: dict[str, str] = {}
        self._route_of: RouteOf = _no_route
        self._routes: set[str] = set()
        self._open = dict.fromkeys(_DOORS, 0)
        self._calls: dict[tuple[str, str, str, str, str], int] = {}
        self._durations: dict[tuple[str, str], Histogram] = {}
        self._first: dict[tuple[str, str], Histogram] = {}
        self._own: dict[str, Histogram] = {}
        self._callers: dict[tuple[str, str], _Caller] = {}
        self._over_quota: dict[str, int] = {}
        self._over_budget: dict[str, int] = {}
        self._drop = self._dropped  # bound once, not for every call

    def know(self, methods: Iterable[str], route_of: RouteOf) -> None:
        """What there is, to be told before the first call comes: `methods` are the full names of the RPCs, operators'
        included. Whatever else is asked for is "unknown".
        """
        self._methods = {name: name.rpartition(".")[2] for name in methods}
        self._route_of = route_of

    def began(self, call: Call) -> None:
        """It is open."""
        self._open[call.door] = self._open.get(call.door, 0) + 1
        call.on_dropped = self._drop

    def settled(self, call: Call, outcome: Outcome, duration_s: float) -> None:
        """It is over."""
        error, door = outcome.error, call.door
        self._open[door] -= 1
        method = self._methods.get(call.method.name, UNKNOWN)
        route = self._route(call)
        caller = self._caller(call)
        code = "OK"
        if error is None:
            key = (door, method, route, "OK", "")
        else:
            code = error.code
            key = (door, method, route, code, error.reason)
            if isinstance(error, QuotaExceeded | BudgetSpent):
                self._refused(error)
        self._calls[key] = self._calls.get(key, 0) + 1
        caller.codes[code] = caller.codes.get(code, 0) + 1
        self._took(call, method, route, duration_s)
        if call.attempts:
            self._asked(call, method, route, caller, duration_s)

    def _asked(self, call: Call, method: str, route: str, caller: _Caller, duration_s: float) -> None:
        """A provider was."""
        attempts = call.attempts
        first_s = _first_s(attempts, time.time() - duration_s)
        if first_s is not None:
            first = self._first.get((method, route)) or _new(self._first, method, route, FIRST_TOKEN_S)
            first.observe(first_s)
            if call.traced is not None:
                first.mark(first_s, call.traced.trace_id)
        # Of those that are no longer kept nobody knows when they ran.
        if len(attempts) == call.attempts_started:
            own = self._own.get(method)
            if own is None:
                own = self._own[method] = Histogram(OWN_S)
            own_s = overhead_s(attempts, duration_s)
            own.observe(own_s)
            if call.traced is not None:
                own.mark(own_s, call.traced.trace_id)
        self._count(call, attempts, route, caller)

    def _count(self, call: Call, attempts: Sequence[AttemptRecord], route: str, caller: _Caller) -> None:
        operation = "embeddings" if isinstance(call.request, EmbedRequest) else "chat"
        self.attempts.count(attempts, operation, route, caller.spending, named=route.endswith("/*"))

    def _dropped(self, call: Call, attempts: Sequence[AttemptRecord]) -> None:
        """A long call keeps its older attempts no longer."""
        self._count(call, attempts, self._route(call), self._caller(call))

    def inner(self, call: Call) -> None:
        """A call is over that the gateway has made for another one: what it came to is its caller's, but it is none of
        the calls.
        """
        self._count(call, call.attempts, self._route(call), self._caller(call))

    def operator_began(self) -> None:
        """A call at the admin door is open."""
        self._open[_ADMIN] += 1

    def operator_settled(self, call: Call, outcome: Outcome, duration_s: float) -> None:
        """It is over."""
        self._open[_ADMIN] -= 1
        error, method = outcome.error, self._methods.get(call.method.name, UNKNOWN)
        code, reason = ("OK", "") if error is None else (error.code, error.reason)
        key = (_ADMIN, method, "", code, reason)
        self._calls[key] = self._calls.get(key, 0) + 1
        self._took(call, method, "", duration_s)

    def _took(self, call: Call, method: str, route: str, duration_s: float) -> None:
        durations = self._durations.get((method, route)) or _new(self._durations, method, route, DURATION_S)
        durations.observe(duration_s)
        if call.traced is not None:
            durations.mark(duration_s, call.traced.trace_id)

    def _route(self, call: Call) -> str:
        """The configured name of its route; empty where it asks for none, or was refused before that was known."""
        request = call.request
        if isinstance(request, ChatRequest):
            route = self._route_of("chat", request.spec.model)
        elif isinstance(request, EmbedRequest):
            route = self._route_of("embed", request.spec.model)
        else:
            return ""
        if route is None:
            return UNKNOWN
        if route not in self._routes:
            if len(self._routes) >= _MOST_ROUTES:
                return OTHER
            self._routes.add(route)
        return route

    def _caller(self, call: Call) -> _Caller:
        who = call.principal
        labels = _NOBODY if who is None else self.tenants.of(who.tenant, who.team)
        caller = self._callers.get(labels)
        if caller is None:
            caller = self._callers[labels] = _Caller()
        return caller

    def _refused(self, error: QuotaExceeded | BudgetSpent) -> None:
        over, kind = (self._over_budget, "budget") if isinstance(error, BudgetSpent) else (self._over_quota, "quota")
        name = error.metadata.get(kind, "")
        over[name] = over.get(name, 0) + 1

    def __call__(self) -> Iterator[Metric]:
        yield from gauges(
            "hedgerow_open_calls",
            "Calls that are under way.",
            ("door",),
            [((door,), count) for door, count in self._open.items()],
        )
        calls = each(self._calls)
        yield from counters(
            "hedgerow_calls",
            "Calls that are over, by what became of them. The reason is empty for those that were served.",
            ("door", "method", "route", "code", "reason"),
            calls,
        )
        yield from self._times()
        yield from self.attempts()
        yield from self._who()
        text = "Calls that a quota has refused."
        over = [((name,), count) for name, count in self._over_quota.items()]
        yield from counters("hedgerow_quota_refusals", text, ("limit",), over)
        text = "Calls that a budget has refused."
        over = [((name,), count) for name, count in self._over_budget.items()]
        yield from counters("hedgerow_budget_refusals", text, ("budget",), over)

    def _times(self) -> Iterator[Metric]:
        durations, first = each(self._durations), each(self._first)
        yield from histograms(
            "hedgerow_call_duration_seconds",
            "How long calls took until their last event, in seconds.",
            ("method", "route"),
            durations,
        )
        yield from histograms(
            "hedgerow_first_token_seconds",
            "How long it took from the start of a call to the first content from a provider, in seconds.",
            ("method", "route"),
            first,
        )
        yield from histograms(
            "hedgerow_overhead_seconds",
            "What calls took beyond the time in which a provider was being asked, in seconds.",
            ("method",),
            [((method,), own) for method, own in self._own.items()],
        )

    def _who(self) -> Iterator[Metric]:
        who = ("tenant", "team")
        callers = self._callers
        yield from counters(
            "hedgerow_tenant_calls",
            "Calls by who made them; the tenant is empty where that was not found out.",
            (*who, "code"),
            (((*labels, code), count) for labels, one in each(callers) for code, count in list(one.codes.items())),
        )
        text = "Tokens that callers are charged for, by class."
        yield from counters("hedgerow_tenant_tokens", text, (*who, "type"), _tokens(each(callers)))
        yield from counters(
            "hedgerow_tenant_cost_dollars",
            "What callers are charged, in US dollars.",
            who,
            ((labels, one.spending.dollars) for labels, one in each(callers)),
        )


class OperatorCalls:
    """Watches operators' calls, which are counted apart."""

    def __init__(self, numbers: CallNumbers) -> None:
        self._numbers = numbers

    def began(self, call: Call) -> None:
        """It is open."""
        self._numbers.operator_began()

    def settled(self, call: Call, outcome: Outcome, duration_s: float) -> None:
        """It is over."""
        self._numbers.operator_settled(call, outcome, duration_s)


class InnerCalls:
    """Watches what the gateway asks for by itself, for other calls and at their callers' cost."""

    def __init__(self, numbers: CallNumbers) -> None:
        self._numbers = numbers

    def began(self, call: Call) -> None:
        """Nothing: it is no call of a caller's."""

    def settled(self, call: Call, outcome: Outcome, duration_s: float) -> None:
        """Its attempts are counted."""
        self._numbers.inner(call)


def _new(known: dict[tuple[str, str], Histogram], method: str, route: str, bounds: tuple[float, ...]) -> Histogram:
    """The histogram of a route, or of all those together that are too many to be told apart."""
    key = (method, route) if len(known) < MOST_SERIES else (method, OTHER)
    found = known.get(key)
    if found is None:
        found = known[key] = Histogram(bounds)
    return found


def _no_route(kind: str, model: str) -> str | None:
    return None


def _first_s(attempts: Sequence[AttemptRecord], began_unix_s: float) -> float | None:
    """When the first content came that the caller was shown; None: none did."""
    for one in attempts:
        if one.first_token_s is not None and one.outcome not in _UNSHOWN:
            return max(0.0, one.start_unix_s - began_unix_s) + one.first_token_s
    return None


def _tokens(callers: Iterable[tuple[tuple[str, str], _Caller]]) -> Iterator[tuple[Labels, int]]:
    for labels, one in callers:
        for name, count in zip(CLASSES, one.spending.tokens, strict=True):
            if count:
                yield (*labels, name), count
