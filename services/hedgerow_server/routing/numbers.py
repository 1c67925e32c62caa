"""How candidates are doing, and what hedging does, in numbers."""

import time
from collections.abc import Callable, Iterator
from itertools import chain

from prometheus_client.core import Metric

from hedgerow_server.routing.breaker import State
from hedgerow_server.routing.build import Learned
from hedgerow_server.routing.route import Route
from hedgerow_server.routing.routes import Routes
from hedgerow_server.routing.state import CandidateState
from hedgerow_server.telemetry.family import Labels, counters, gauges, pause

_MODEL = ("provider", "model")
_ROUTES_AT_ONCE = 32
_STATES = tuple(State)
_BITS = {state: 1 << place for place, state in enumerate(_STATES)}
_STAR = "*"
_RATE = "RATE_LIMIT"


class _Looked:
    """What a look at all candidates finds, by provider and model, whatever its keys and regions. Numbers alone, and
    only those that are not 0: an object for each of thousands of models would be made and thrown away with every look.
    """

    __slots__ = ("breakers", "resting", "running", "seen", "waiting")

    def __init__(self) -> None:
        self.seen: tuple[set[int], set[int]] = (set(), set())
        """What was counted, by its id: for models of the configuration, and for those behind a star."""
        self.breakers: dict[Labels, int] = {}
        """A bit for each of _STATES."""
        self.resting: dict[Labels, None] = {}
        self.running: dict[Labels, int] = {}
        self.waiting: dict[Labels, int] = {}

    def add(self, key: Labels, state: CandidateState, now_s: float) -> None:
        """One of the model's keys, once."""
        seen = self.seen[key[1] == _STAR]
        if id(state) in seen:
            return
        seen.add(id(state))
        self.breakers[key] = self.breakers.get(key, 0) | _BITS[state.breaker.state(now_s)]
        if state.running:
            self.running[key] = self.running.get(key, 0) + state.running
        for rest in (state.breaker.rest, state.shared.rest, state.key):
            if rest.set_aside_until_s > now_s:
                self.resting[*key, rest.reason] = None
            elif rest.cooling_until_s > now_s:
                self.resting[*key, _RATE] = None
        if state.pool is not None and state.pool.waiting and id(state.pool) not in seen:
            seen.add(id(state.pool))
            self.waiting[key] = self.waiting.get(key, 0) + state.pool.waiting

    def states(self) -> Iterator[tuple[Labels, float]]:
        """Of each model, whether a breaker of it is in a state."""
        for key, bits in self.breakers.items():
            for state in _STATES:
                yield (*key, state.value), 1 if bits & _BITS[state] else 0

    def runs(self) -> Iterator[tuple[Labels, float]]:
        """The attempts of each model."""
        return ((key, self.running.get(key, 0)) for key in self.breakers)

    def waits(self) -> Iterator[tuple[Labels, float]]:
        """The last to be told: lets go of each model, for to let go of all at once takes a while."""
        while self.breakers:
            key, _ = self.breakers.popitem()
            yield key, self.waiting.get(key, 0)


class RoutingNumbers:
    """Reads them off when they are asked for, some routes at a time."""

    def __init__(self, routes: Callable[[], Routes], learned: Learned) -> None:
        """`routes` gives those that are in force."""
        self._routes = routes
        self._learned = learned

    def __call__(self) -> Iterator[Metric]:
        text = "Whether a breaker of a model is in this state; a model that is asked with several keys has several."
        labels = (*_MODEL, "state")
        looked = _Looked()
        for _ in self._look(looked):
            # Others have their turn.
            yield pause("hedgerow_breaker_state", text, labels)
        yield from gauges("hedgerow_breaker_state", text, labels, looked.states())
        text = "Whether a model is left alone for a reason that is not its health: RATE_LIMIT, or as ErrorReason."
        resting = ((key, 1) for key in looked.resting)
        yield from gauges("hedgerow_candidate_resting", text, (*_MODEL, "reason"), resting)
        text = "Attempts that are under way."
        yield from gauges("hedgerow_attempts_running", text, _MODEL, looked.runs())
        text = "Calls that wait for their turn at a provider that would refuse one more now."
        yield from gauges("hedgerow_pool_waiting", text, _MODEL, looked.waits())
        yield from self._hedging()

    def _look(self, looked: _Looked) -> Iterator[None]:
        """Looks at all routes."""
        now_s = time.monotonic()
        for place, route in enumerate(self._routes().all(), 1):
            for one in chain.from_iterable(one.variants for one in route.candidates):
                looked.add((one.upstream.name, _model(route, one.model)), one.state, now_s)
            if not place % _ROUTES_AT_ONCE:
                yield

    def _hedging(self) -> Iterator[Metric]:
        counts = self._learned.hedge_counts
        events = (
            ((route, event), count)
            for route, one in counts()
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
        held = (((route, why), count) for route, one in counts() for why, count in one.held.items())
        yield from counters("hedgerow_hedges_held", text, ("route", "reason"), held)


def _model(route: Route, model: str) -> str:
    """The model as the configuration names it: behind a star callers name as many as they like."""
    return _STAR if route.configured.endswith("/*") else model
