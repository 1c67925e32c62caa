"""Vectors of embedding calls, kept input by input: only those that are missing are asked for."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing

import msgspec

from hedgerow_server.caching.embeddings import Batch
from hedgerow_server.caching.flight import Flight, Flights, Next, Vectors
from hedgerow_server.caching.kept import Kept
from hedgerow_server.caching.key import Asked, Terms, embed_asked, owner_of, scope_of
from hedgerow_server.caching.section import RouteCacheSection
from hedgerow_server.caching.shelf import Shelf
from hedgerow_server.core.call import Call, Outcome
from hedgerow_server.core.event import EmbedCompleted, EmbeddingsAdded, Events, Started
from hedgerow_server.core.port import Operation
from hedgerow_server.core.request import CacheMode, EmbedRequest
from hedgerow_server.interceptors.cache_record import NOTHING_USED, answered, waited
from hedgerow_server.routing.ask import Ask
from hedgerow_server.routing.candidate import Candidate
from hedgerow_server.routing.plan import Plan
from hedgerow_server.routing.route import Route

_AT_ONCE = 128
"""Inputs that are looked up in one go: well below a millisecond."""
_CLIENT_LIMIT_BYTES = 4 * 1024 * 1024
_VECTOR_OVERHEAD_BYTES = 8
_RESPONSE_OVERHEAD_BYTES = 4096


class _Running(msgspec.Struct):
    batch: Batch
    inputs: int
    rules: RouteCacheSection
    candidates: tuple[Candidate, ...]
    keeps: bool
    flight: Flight | None
    vectors: list[bytes] = []


class EmbeddingCache:
    """What `Cache` does with calls of Embed."""

    def __init__(self, shelf: Shelf, flights: Flights) -> None:
        self._shelf = shelf
        self._flights = flights
        self._running: dict[Call, _Running] = {}

    async def admit(self, call: Call, request: EmbedRequest, route: Route) -> None:
        """Sets `call.answer` where every vector is there; else `call.request` asks for the others only. Raises what
        planning raises.
        """
        rules = route.cache
        scope = scope_of(rules.whom, call.principal, request.policy.session_id) if rules is not None else None
        if rules is None or scope is None:
            return
        plan = call.plan
        if not isinstance(plan, Plan):
            ask = Ask(call, Operation.EMBED, request.spec, request.policy, labels=request.labels)
            call.plan = plan = route.plan(ask)
        mode = request.policy.cache or CacheMode.USE
        reads = mode in (CacheMode.USE, CacheMode.READ_ONLY)
        batch = await self._batch(call, request, rules, scope, plan.candidates, reads=reads)
        if batch is None or self._too_large(batch, len(request.spec.inputs)):
            # Whoever answers without the cache says so before anything is sent.
            return
        flight: Flight | None = None
        if batch.missing and mode in (CacheMode.USE, CacheMode.REFRESH):
            flight = await self._share(call, batch)
        self._note(call, batch)
        if not batch.missing:
            call.answer = _played(call, batch)
            return
        keeps = mode is not CacheMode.READ_ONLY
        self._running[call] = _Running(batch, len(request.spec.inputs), rules, plan.candidates, keeps, flight)
        call.request = msgspec.structs.replace(
            request, spec=msgspec.structs.replace(request.spec, inputs=batch.missing)
        )

    def wrap(self, call: Call, events: Events) -> Events:
        """The same events, with the vectors that were there."""
        running = self._running.get(call)
        return events if running is None else _merged(running, events)

    def settle(self, call: Call, outcome: Outcome) -> None:
        """Keeps the vectors that were made, and gives them to those that wait for them."""
        running = self._running.pop(call, None)
        if running is None:
            return
        flight = running.flight
        if outcome.error is not None:
            if flight is not None:
                flight.fail(outcome.error)
            return
        made = self._made(call, running)
        if made and running.keeps:
            self._shelf.keep_in_slices(made, owner_of(call.principal))
        if flight is not None:
            flight.land(Vectors({slot: kept for _, slot, kept in made}) if made else Next.ALONE)

    def _made(self, call: Call, running: _Running) -> list[tuple[Asked, bytes, Kept]]:
        """The vectors that were missing, as they are kept. None where it is not known who has made which."""
        record = answered(call.attempts)
        if record is None or call.attempts_started > len(call.attempts):
            return []
        good = [one for one in call.attempts if one.outcome is record.outcome]
        if len({(one.provider, one.model, one.region) for one in good}) > 1:
            return []
        costs = [one.cost_picos for one in good]
        shares = running.batch.costs(sum(one or 0 for one in costs) if None not in costs else None)
        now_s = self._shelf.now()
        answers: list[tuple[Asked, bytes, Kept]] = []
        for (asked, slot, vector), share in zip(running.batch.made(running.vectors), shares, strict=True):
            kept = Kept(
                made_unix_s=now_s,
                until_unix_s=now_s + running.rules.ttl_seconds,
                provider=record.provider,
                model=record.model,
                region=record.region,
                family=running.candidates[0].space,
                cost_picos=share,
                vector=vector,
            )
            answers.append((asked, slot, kept))
        return answers

    async def _share(self, call: Call, batch: Batch) -> Flight | None:
        """Waits for a call that asks for the same vectors, where there is one. Returns the call's own flight where it
        leads; None where it goes alone, or has them.
        """
        failures, key = 0, batch.flight
        while True:
            flight = self._flights.of(key)
            if flight is None:
                return self._flights.begin(key, failures)
            landing = await waited(call, flight)
            if isinstance(landing, Vectors):
                batch.fill(landing.kept)
                return None
            if landing is Next.ALONE:
                return None
            failures = flight.failures

    async def _batch(
        self,
        call: Call,
        request: EmbedRequest,
        rules: RouteCacheSection,
        scope: bytes,
        candidates: tuple[Candidate, ...],
        *,
        reads: bool,
    ) -> Batch | None:
        """What is there of a call's vectors. None: nothing can be kept now."""
        spec = request.spec
        by_model = rules.keyed_by == "model"
        terms = Terms(
            model=candidates[0].space if by_model else spec.model,
            by_model=by_model,
            guards=call.guards_policy,
            regions=call.principal.regions if call.principal is not None else frozenset(),
        )
        batch = Batch(spec.inputs)
        for at in range(0, len(spec.inputs), _AT_ONCE):
            some = msgspec.structs.replace(spec, inputs=spec.inputs[at : at + _AT_ONCE])
            asked = embed_asked(scope, some, request.policy, terms)
            slots = [slot for one in asked if (slot := self._shelf.slot(one)) is not None]
            if len(slots) < len(asked):
                return None
            found: Sequence[Kept | None] = [None] * len(asked)
            if reads:
                found = await self._shelf.find(asked, slots)
            for one, slot, kept in zip(asked, slots, found, strict=True):
                good = kept is not None and self._serves(request, rules, candidates, kept)
                batch.add(one, slot, kept if good else None)
            if at + _AT_ONCE < len(spec.inputs):
                await asyncio.sleep(0)
        return batch

    def _serves(
        self, request: EmbedRequest, rules: RouteCacheSection, candidates: tuple[Candidate, ...], kept: Kept
    ) -> bool:
        """Whether a vector may be given: of the same space in any case, since it is compared with others."""
        age_s = self._shelf.now() - kept.made_unix_s
        most_s = request.policy.cache_max_age_s
        if age_s >= rules.ttl_seconds or (most_s is not None and age_s > most_s):
            return False
        if not kept.vector or kept.family != candidates[0].space or self._shelf.now() >= kept.until_unix_s:
            return False
        return rules.across_providers or any(
            (one.upstream.name, one.model, one.region) == (kept.provider, kept.model, kept.region) for one in candidates
        )

    def _note(self, call: Call, batch: Batch) -> None:
        found, missing = batch.found, len(batch.missing)
        self._shelf.counts.embeddings += found
        self._shelf.counts.missed_embeddings += missing
        call.cache = "miss" if missing else "hit"
        call.saved_picos = batch.saved_picos

    @staticmethod
    def _too_large(batch: Batch, inputs: int) -> bool:
        some = batch.some
        if some is None:
            return False
        return inputs * (len(some.vector) + _VECTOR_OVERHEAD_BYTES) + _RESPONSE_OVERHEAD_BYTES > _CLIENT_LIMIT_BYTES


async def _played(call: Call, batch: Batch) -> Events:
    vectors, some = batch.whole(()), batch.some
    assert some is not None
    call.usage = NOTHING_USED
    yield Started(some.provider, some.model, warnings=tuple(call.warnings))
    yield EmbeddingsAdded(vectors)
    yield EmbedCompleted(
        usage=NOTHING_USED,
        embedded_count=len(vectors),
        cached_count=len(vectors),
        saved_picos=batch.saved_picos,
    )


async def _merged(running: _Running, events: Events) -> Events:
    """Started at once, then the vectors in the order of the inputs, once they are all there."""
    batch = running.batch
    async with aclosing(events):
        async for event in events:
            if isinstance(event, EmbeddingsAdded):
                running.vectors += event.vectors
            elif isinstance(event, EmbedCompleted):
                yield EmbeddingsAdded(batch.whole(running.vectors))
                yield msgspec.structs.replace(
                    event,
                    embedded_count=running.inputs,
                    cached_count=batch.found,
                    saved_picos=batch.saved_picos,
                )
            else:
                yield event
