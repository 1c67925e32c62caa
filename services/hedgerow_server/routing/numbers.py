"""How candidates are doing, and what hedging does, in numbers."""

import time
from collections.abc import Callable, Iterator
from itertools import chain

from prometheus_client.core import GaugeMetricFamily, Metric

from hedgerow_server.routing.breaker import State
from hedgerow_server.routing.build import Learned
from hedgerow_server.routing.route import Route
from hedgerow_server.routing.routes import Routes
from hedgerow_server.routing.state import CandidateState
from hedgerow_server.telemetry.family import counters, gauges

_MODEL = ("provider", "model")
_ROUTES_AT_ONCE = 32
_STATES = tuple(State)
_RATE = "RATE_LIMIT"


class _Model:
    """One model of a provider, whatever its keys and regions."""

    __slots__ = ("breakers", "resting", "running", "seen", "waiting")

    def __init__(self) -> None:
        self.seen: set[int] = set()
        self.breakers: set[State] = set()
        self.resting: set[str] = set()
        self.running = 0
        self.waiting = 0

    def add(self, state: CandidateState, now_s: float) -> None:
        """One of its keys, once."""
        if id(state) in self.seen:
            return
        self.seen.add(id(state))
        self.breakers.add(state.breaker.state(now_s))
        self.running += state.running
        for rest in (state.breaker.rest, state.shared.rest, state.key):
            if rest.set_aside_until_s > now_s:
                self.resting.add(rest.reason)
            elif rest.cooling_until_s > now_s:
                self.resting.add(_RATE)
        if state.pool is not None and id(state.pool) not in self.seen:
            self.seen.add(id(state.pool))
            self.waiting += state.pool.waiting


class RoutingNumbers:
    """Reads them off when they are asked for, some routes at a time."""

    def __init__(self, routes: Callable[[], Routes], learned: Learned) -> None:
        """`routes` gives those that are in force."""
        self._routes = routes
        self._learned = learned

    def __call__(self) -> Iterator[Metric]:
        text = "Whether a breaker of a model is in this state; a model that is asked with several keys has several."
        labels = (*_MODEL, "state")
        models: dict[tuple[str, str], _Model] = {}
        for _ in self._look(models):
            # Others have their turn.
            yield GaugeMetricFamily("hedgerow_breaker_state", text, labels=labels)
        found = sorted(models.items(), key=lambda one: one[0])
        states = (((*key, state.value), float(state in one.breakers)) for key, one in found for state in _STATES)
        yield from gauges("hedgerow_breaker_state", text, labels, states)
        text = "Whether a model is left alone for a reason that is not its health: RATE_LIMIT, or as ErrorReason."
        resting = (((*key, reason), 1.0) for key, one in found for reason in sorted(one.resting))
        yield from gauges("hedgerow_candidate_resting", text, (*_MODEL, "reason"), resting)
        text = "Attempts that are under way."
        yield from gauges("hedgerow_attempts_running", text, _MODEL, ((key, one.running) for key, one in found))
        text = "Calls that wait for their turn at a provider that would refuse one more now."
        yield from gauges("hedgerow_pool_waiting", text, _MODEL, ((key, one.waiting) for key, one in found))
        yield from self._hedging()

    def _look(self, models: dict[tuple[str, str], _Model]) -> Iterator[None]:
        """Looks at all routes, into `models`."""
        now_s = time.monotonic()
        for place, route in enumerate(self._routes().all()):
            for one in chain.from_iterable(one.variants for one in route.candidates):
                key = (one.upstream.name, _model(route, one.model))
                model = models.get(key)
                if model is None:
                    model = models[key] = _Model()
                model.add(one.state, now_s)
            if not (place + 1) % _ROUTES_AT_ONCE:
                yield

    def _hedging(self) -> Iterator[Metric]:
        counts = self._learned.hedge_counts()
        events = (
            ((route, event), float(count))
            for route, one in counts
            for event, count in (
                ("planned", one.planned),
                ("due", one.due),
                ("sent", one.started),
                ("won", one.won),
                ("lost", one.lost),
            )
        )
        text = (
            "Of calls that may be hedged: planned had a delay, due no content when it was over, sent got a second "
            "attempt, which won or lost. What is neither was cancelled, or both have failed."
        )
        yield from counters("hedgerow_hedges", text, ("route", "event"), events)
        text = "Calls that were due and got no second attempt, by why not."
        held = (((route, why), float(count)) for route, one in counts for why, count in one.held.items())
        yield from counters("hedgerow_hedges_held", text, ("route", "reason"), held)


def _model(route: Route, model: str) -> str:
    """The model as the configuration names it: behind a star callers name as many as they like."""
    return "*" if route.configured.endswith("/*") else model
