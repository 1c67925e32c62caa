"""Vectors of embedding calls, kept input by input: only those that are missing are asked for."""

from contextlib import aclosing

import msgspec

from hedgerow_server.caching.embeddings import Batch
from hedgerow_server.caching.flight import Flight, Flights, Next, Vectors
from hedgerow_server.caching.kept import Kept
from hedgerow_server.caching.key import Asked
from hedgerow_server.caching.shelf import Shelf
from hedgerow_server.core.call import Call, Outcome
from hedgerow_server.core.event import EmbedCompleted, EmbeddingsAdded, Events, Started
from hedgerow_server.core.request import CacheMode, EmbedRequest
from hedgerow_server.interceptors.cache_record import NOTHING_USED, answered, waited
from hedgerow_server.interceptors.cache_vectors import StreamedVectors, VectorLookup, lookup
from hedgerow_server.routing.route import Route

_CLIENT_LIMIT_BYTES = 4 * 1024 * 1024
_VECTOR_OVERHEAD_BYTES = 8
_RESPONSE_OVERHEAD_BYTES = 4096


class _Running(msgspec.Struct):
    wanted: VectorLookup
    batch: Batch
    flight: Flight | None
    vectors: list[bytes] = []


class EmbeddingCache:
    """What `Cache` does with calls of Embed and StreamEmbed."""

    def __init__(self, shelf: Shelf, flights: Flights) -> None:
        self._shelf = shelf
        self._flights = flights
        self._running: dict[Call, _Running] = {}

    async def admit(self, call: Call, request: EmbedRequest, route: Route) -> None:
        """Sets `call.answer` where every vector is there; else `call.request` asks for the others only. Raises what
        planning raises.
        """
        wanted = lookup(self._shelf, call, request, route)
        if wanted is None:
            return
        batch, mode = await wanted.batch(request.spec.inputs), wanted.mode
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
        self._running[call] = _Running(wanted, batch, flight)
        call.request = msgspec.structs.replace(
            request, spec=msgspec.structs.replace(request.spec, inputs=batch.missing)
        )

    def follow(self, call: Call, request: EmbedRequest, route: Route) -> None:
        """Sets `call.vectors` for the items of a stream. Raises what planning raises."""
        wanted = lookup(self._shelf, call, request, route)
        if wanted is not None:
            call.vectors = StreamedVectors(wanted)

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
        running.wanted.keep(made)
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
        return [
            (asked, slot, running.wanted.kept(vector, record, share))
            for (asked, slot, vector), share in zip(running.batch.made(running.vectors), shares, strict=True)
        ]

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
                    embedded_count=len(batch.vectors),
                    cached_count=batch.found,
                    saved_picos=batch.saved_picos,
                )
            else:
                yield event
