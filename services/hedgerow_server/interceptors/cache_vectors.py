"""How the vectors of one call are found and kept, input by input."""

import asyncio
import time
from collections.abc import Sequence

import msgspec

from hedgerow_server.caching.embeddings import Batch, shares
from hedgerow_server.caching.kept import Kept
from hedgerow_server.caching.key import Asked, Terms, embed_asked, owner_of, scope_of
from hedgerow_server.caching.section import RouteCacheSection
from hedgerow_server.caching.shelf import Shelf
from hedgerow_server.core.call import Call
from hedgerow_server.core.event import AttemptRecord
from hedgerow_server.core.port import Operation
from hedgerow_server.core.request import CacheMode, EmbedInput, EmbedRequest
from hedgerow_server.interceptors.cache_record import NOTHING_USED, answered
from hedgerow_server.routing.ask import Ask
from hedgerow_server.routing.candidate import Candidate
from hedgerow_server.routing.plan import Plan
from hedgerow_server.routing.route import Route

_AT_ONCE = 128
"""Inputs that are looked up in one go: well below a millisecond."""


class VectorLookup(msgspec.Struct, frozen=True):
    """Whose vectors a call gets, and which ones."""

    shelf: Shelf
    call: Call
    request: EmbedRequest
    rules: RouteCacheSection
    scope: bytes
    candidates: tuple[Candidate, ...]
    """To whom the call could go."""

    @property
    def mode(self) -> CacheMode:
        """What the caller wants of the cache."""
        return self.request.policy.cache or CacheMode.USE

    @property
    def keeps(self) -> bool:
        """Whether what is made is kept."""
        return self.mode is not CacheMode.READ_ONLY

    async def batch(self, inputs: Sequence[EmbedInput]) -> Batch | None:
        """What is there of the vectors of inputs. None: nothing can be kept now."""
        spec, terms = self.request.spec, self._terms()
        reads = self.mode in (CacheMode.USE, CacheMode.READ_ONLY)
        batch = Batch(inputs)
        for at in range(0, len(inputs), _AT_ONCE):
            some = msgspec.structs.replace(spec, inputs=tuple(inputs[at : at + _AT_ONCE]))
            asked = embed_asked(self.scope, some, self.request.policy, terms)
            slots = [slot for one in asked if (slot := self.shelf.slot(one)) is not None]
            if len(slots) < len(asked):
                return None
            found: Sequence[Kept | None] = [None] * len(asked)
            if reads:
                found = await self.shelf.find(asked, slots)
            for one, slot, kept in zip(asked, slots, found, strict=True):
                batch.add(one, slot, kept if kept is not None and self._serves(kept) else None)
            if at + _AT_ONCE < len(inputs):
                await asyncio.sleep(0)
        return batch

    def kept(self, vector: bytes, made_by: AttemptRecord, cost_picos: int | None) -> Kept:
        """A vector as it is kept."""
        now_s = self.shelf.now()
        return Kept(
            made_unix_s=now_s,
            until_unix_s=now_s + self.rules.ttl_seconds,
            provider=made_by.provider,
            model=made_by.model,
            region=made_by.region,
            family=self.candidates[0].space,
            cost_picos=cost_picos,
            vector=vector,
        )

    def keep(self, made: list[tuple[Asked, bytes, Kept]]) -> None:
        """Keeps what was made, where the caller wants that."""
        if made and self.keeps:
            self.shelf.keep_in_slices(made, owner_of(self.call.principal))

    def _terms(self) -> Terms:
        by_model, principal = self.rules.keyed_by == "model", self.call.principal
        return Terms(
            model=self.candidates[0].space if by_model else self.request.spec.model,
            by_model=by_model,
            guards=self.call.guards_policy,
            regions=principal.regions if principal is not None else frozenset(),
        )

    def _serves(self, kept: Kept) -> bool:
        """Whether a vector may be given: of the same space in any case, since it is compared with others."""
        age_s = self.shelf.now() - kept.made_unix_s
        most_s = self.request.policy.cache_max_age_s
        if age_s >= self.rules.ttl_seconds or (most_s is not None and age_s > most_s):
            return False
        if not kept.vector or kept.family != self.candidates[0].space or self.shelf.now() >= kept.until_unix_s:
            return False
        return self.rules.across_providers or any(
            (one.upstream.name, one.model, one.region) == (kept.provider, kept.model, kept.region)
            for one in self.candidates
        )


def lookup(shelf: Shelf, call: Call, request: EmbedRequest, route: Route) -> VectorLookup | None:
    """For a call; None where its route keeps nothing, or the call does not say whose vectors it may get. Raises what
    planning raises.
    """
    rules = route.cache
    scope = scope_of(rules.whom, call.principal, request.policy.session_id) if rules is not None else None
    if rules is None or scope is None:
        return None
    plan = call.plan
    if not isinstance(plan, Plan):
        ask = Ask(call, Operation.EMBED, request.spec, request.policy, labels=request.labels)
        call.plan = plan = route.plan(ask)
    return VectorLookup(shelf, call, request, rules, scope, plan.candidates)


class StreamedVectors:
    """The port `KeptVectors`. Holds no more than what was looked for last."""

    def __init__(self, wanted: VectorLookup) -> None:
        self._wanted = wanted
        self._last: Batch | None = None
        self._saved_picos: int | None = 0

    async def find(self, inputs: Sequence[EmbedInput]) -> Sequence[bytes | None]:
        """The vectors that are there."""
        wanted = self._wanted
        call, since_s = wanted.call, time.monotonic()
        try:
            self._last = batch = await wanted.batch(inputs)
        finally:
            call.waited("cache", since_s)
        if batch is None:
            call.cache = "miss"
            return [None] * len(inputs)
        self._note(batch)
        return batch.vectors

    def keep(self, inputs: Sequence[EmbedInput], vectors: Sequence[bytes]) -> None:
        """Keeps vectors at once: they are whole, whatever becomes of the rest of the stream."""
        batch, made_by = self._last, answered(self._wanted.call.attempts)
        if batch is None or made_by is None:
            return
        told = zip(batch.places(inputs), vectors, shares(inputs, made_by.cost_picos), strict=True)
        self._wanted.keep(
            [(asked, slot, self._wanted.kept(vector, made_by, share)) for (asked, slot), vector, share in told]
        )

    def _note(self, batch: Batch) -> None:
        call, counts = self._wanted.call, self._wanted.shelf.counts
        found = batch.found
        missing = len(batch.vectors) - found
        counts.embeddings += found
        counts.missed_embeddings += missing
        if missing:
            call.cache = "miss"
        elif found and not call.cache:
            call.cache = "hit"
        if found:
            saved, before = batch.saved_picos, self._saved_picos
            call.saved_picos = self._saved_picos = None if saved is None or before is None else before + saved
            if call.usage is None:
                call.usage = NOTHING_USED
