"""Answers a chat that was answered before, and keeps the answers of those that were not."""

import time
from contextlib import aclosing

from hedgerow_server.caching import track
from hedgerow_server.caching.flight import Flight, Flights, Landed, Next
from hedgerow_server.caching.kept import Kept
from hedgerow_server.caching.key import Terms, chat_asked, owner_of, scope_of, unfit
from hedgerow_server.caching.port import Similar
from hedgerow_server.caching.section import RouteCacheSection
from hedgerow_server.caching.shelf import Shelf
from hedgerow_server.core.call import Call, Kind, Outcome
from hedgerow_server.core.event import CacheKind, CacheOrigin, Event, Events
from hedgerow_server.core.port import Operation
from hedgerow_server.core.request import CacheMode, ChatRequest, ChatSpec, EmbedRequest
from hedgerow_server.interceptors.cache_embeddings import EmbeddingCache
from hedgerow_server.interceptors.cache_record import NOTHING_USED, Asking, Recording, played, serves, waited
from hedgerow_server.routing.ask import Ask
from hedgerow_server.routing.plan import Plan
from hedgerow_server.routing.route import Route
from hedgerow_server.routing.routes import Routes

_TRIES = 3
"""Similar answers that are looked at, the likest first: one may have had its time."""


class Cache:
    """Sets `call.answer` where there is one. What is kept is what the caller was shown: guards of the output stand
    after the cache, and have passed it by the time it comes here.
    """

    name = "cache"
    after = ("deadline", "auth", "decode", "authorise", "quota", "input_guards")

    def __init__(self, shelf: Shelf, flights: Flights, routes: Routes, similar: Similar | None = None) -> None:
        """`similar` finds answers to questions that are not equal; None: nothing does."""
        self._shelf = shelf
        self._flights = flights
        self._routes = routes
        self._similar = similar
        self._embeddings = EmbeddingCache(shelf, flights)
        self._running: dict[Call, Recording] = {}

    async def admit(self, call: Call) -> None:
        """Raises what planning raises, and the error of an equal call that was the request's own fault."""
        request = call.request
        if isinstance(request, ChatRequest):
            operation = Operation.CHAT
        elif isinstance(request, EmbedRequest):
            operation = Operation.EMBED
        else:
            return
        if request.policy.cache is CacheMode.BYPASS:
            return
        route = self._routes.route(operation, request.spec.model)
        if route.cache is None:
            return
        since_s = time.monotonic()
        try:
            if isinstance(request, EmbedRequest) and call.method.kind is Kind.UNARY:
                await self._embeddings.admit(call, request, route)
            elif isinstance(request, EmbedRequest):
                self._embeddings.follow(call, request, route)
            elif _fits(route.cache, request.spec):
                await self._chat(call, request, route, route.cache)
        finally:
            call.waited("cache", since_s)

    def wrap(self, call: Call, events: Events) -> Events:
        """The same events, written down; those of an embedding call with the vectors that were there."""
        recording = self._running.get(call)
        if recording is not None:
            return _recorded(recording, events)
        return self._embeddings.wrap(call, events)

    def settle(self, call: Call, outcome: Outcome) -> None:
        """Keeps the answer, and tells those that wait for it."""
        recording = self._running.pop(call, None)
        if recording is None:
            self._embeddings.settle(call, outcome)
            return
        asking, flight = recording.asking, recording.flight
        if outcome.error is not None:
            if flight is not None:
                flight.fail(outcome.error)
            return
        kept = recording.kept(call, outcome, self._shelf.now())
        if kept is not None and self._shelf.keep([(asking.asked, asking.slot, kept)], owner_of(call.principal)):
            if self._similar is not None and asking.rules.mode == "semantic":
                self._similar.keep(call, asking.asked, asking.slot, kept)
        else:
            kept = None
        if flight is not None:
            flight.land(Landed(kept, _events(kept) if flight.waiting else ()) if kept is not None else Next.ALONE)

    async def _chat(self, call: Call, request: ChatRequest, route: Route, rules: RouteCacheSection) -> None:
        asking = self._asking(call, request, route, rules)
        if asking is None:
            return
        mode = request.policy.cache or CacheMode.USE
        flight: Flight | None = None
        if mode is CacheMode.READ_ONLY:
            await self._look_up(call, asking)
        elif mode is not CacheMode.WRITE_ONLY:
            flight = await self._share(call, asking)
            if flight is not None and mode is CacheMode.USE:
                await self._look_up_for_all(call, asking, flight)
        if call.answer is None:
            call.cache = "miss"
            self._shelf.counts.missed += 1
            if mode is not CacheMode.READ_ONLY:
                self._running[call] = Recording(asking, flight, self._shelf.max_bytes)

    def _asking(self, call: Call, request: ChatRequest, route: Route, rules: RouteCacheSection) -> Asking | None:
        """What is looked for. None where the call does not say whose answers it may get."""
        scope = scope_of(rules.whom, call.principal, request.policy.session_id)
        if scope is None:
            return None
        plan = call.plan
        if not isinstance(plan, Plan):
            stream = call.method.kind is Kind.SERVER_STREAM
            ask = Ask(call, Operation.CHAT, request.spec, request.policy, labels=request.labels, stream=stream)
            call.plan = plan = route.plan(ask)
        by_model = rules.keyed_by == "model"
        terms = Terms(
            model=plan.candidates[0].family if by_model else request.spec.model,
            by_model=by_model,
            guards=call.guards_policy,
            regions=call.principal.regions if call.principal is not None else frozenset(),
            downgraded_from=plan.downgraded_from,
        )
        asked = chat_asked(scope, request.spec, request.policy, terms)
        slot = self._shelf.slot(asked)
        if slot is None:
            return None
        fresh = request.policy.cache is CacheMode.REFRESH
        return Asking(
            asked=asked,
            slot=slot,
            rules=rules,
            candidates=plan.candidates,
            resident=route.resident or bool(terms.regions or request.policy.regions),
            max_age_s=request.policy.cache_max_age_s,
            not_before_s=self._shelf.now() if fresh else None,
        )

    async def _share(self, call: Call, asking: Asking) -> Flight | None:
        """Waits for an equal call where there is one under way. Returns the call's own flight where it leads; None
        where it goes alone, or has its answer.
        """
        failures = 0
        while True:
            flight = self._flights.of(asking.slot)
            if flight is None:
                return self._flights.begin(asking.slot, failures)
            landing = await waited(call, flight)
            if isinstance(landing, Landed):
                if serves(asking, landing.kept, self._shelf.now()):
                    self._give(call, asking, landing)
                    self._shelf.counts.shared += 1
                return None
            if landing is Next.ALONE:
                return None
            failures = flight.failures

    async def _look_up_for_all(self, call: Call, asking: Asking, flight: Flight) -> None:
        """As `_look_up`, by the one that leads: what it finds those get as well that wait."""
        try:
            found = await self._look_up(call, asking)
        except BaseException:
            flight.fail(None)
            raise
        if found is not None:
            flight.land(found)

    async def _look_up(self, call: Call, asking: Asking) -> Landed | None:
        (kept,) = await self._shelf.find([asking.asked], [asking.slot])
        found = self._landed(asking, kept, asking.slot)
        if found is not None:
            self._shelf.counts.exact += 1
        elif self._similar is not None and asking.rules.mode == "semantic":
            found = await self._look_for_similar(call, asking, self._similar)
        if found is not None:
            self._give(call, asking, found)
        return found

    async def _look_for_similar(self, call: Call, asking: Asking, similar: Similar) -> Landed | None:
        near = list(await similar.find(call, asking.asked, asking.rules))[:_TRIES]
        if not near:
            return None
        slots = [one.slot for one in near]
        kept = await self._shelf.find([asking.asked] * len(near), slots)
        for one, answer in zip(near, kept, strict=True):
            found = self._landed(asking, answer, one.slot, one.similarity)
            if found is not None:
                self._shelf.counts.semantic += 1
                return found
        return None

    def _landed(self, asking: Asking, kept: Kept | None, slot: bytes, similarity: float | None = None) -> Landed | None:
        """What was found, if it may be given."""
        if kept is None or not serves(asking, kept, self._shelf.now()):
            return None
        try:
            return Landed(kept, _events(kept), similarity)
        except ValueError:
            self._shelf.alarm("content", slot)
            return None

    def _give(self, call: Call, asking: Asking, found: Landed) -> None:
        kept, similarity = found.kept, found.similarity
        origin = CacheOrigin(
            CacheKind.EXACT if similarity is None else CacheKind.SEMANTIC,
            max(0.0, self._shelf.now() - kept.made_unix_s),
            kept.provider,
            kept.model,
            kept.cost_picos,
            similarity,
        )
        paced = asking.rules.replay == "original" and call.method.kind is not Kind.UNARY
        call.cache, call.saved_picos, call.usage = "hit", kept.cost_picos, NOTHING_USED
        call.answer = played(call, found.events, origin, kept.pauses_ms if paced else ())


def _fits(rules: RouteCacheSection, spec: ChatSpec) -> bool:
    """Whether an equal request may get an equal answer."""
    if spec.temperature is None:
        if not rules.without_temperature:
            return False
    elif spec.temperature > rules.max_temperature:
        return False
    return not unfit(spec)


def _events(kept: Kept) -> tuple[Event, ...]:
    """The events of an answer. Raises ValueError."""
    return tuple(track.events(kept.events))


async def _recorded(recording: Recording, events: Events) -> Events:
    async with aclosing(events):
        async for event in events:
            recording.take(event)
            yield event
