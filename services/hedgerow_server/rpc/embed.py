"""Embed and StreamEmbed: batches within the provider's limits, answers in the order of the inputs."""

import asyncio
import enum
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing

import msgspec

from hedgerow_server.core.call import Call
from hedgerow_server.core.error import Failure, HedgerowError, ResponseTooLarge
from hedgerow_server.core.event import (
    EmbedCompleted,
    EmbeddingsAdded,
    Event,
    Events,
    ItemFailed,
    Started,
    Usage,
    added,
)
from hedgerow_server.core.port import Operation
from hedgerow_server.core.request import EmbedInput, EmbedItem, EmbedRequest, EmbedSpec
from hedgerow_server.routing.ask import Ask
from hedgerow_server.routing.candidate import Candidate
from hedgerow_server.routing.execute import execute
from hedgerow_server.routing.plan import Plan
from hedgerow_server.routing.routes import Routes

_VECTOR_OVERHEAD_BYTES = 8
_RESPONSE_OVERHEAD_BYTES = 4096
_BATCH_TEXT_BYTES = 800_000
"""Providers also bound the tokens of a batch (OpenAI: 300,000); this many bytes stay below it for any common text."""
_TOKENS_OF_IT = 300_000
_STREAM_BATCH = 256
"""Inputs of one upstream request of a stream: larger ones gain little and hold more in memory."""
_KEPT_ATTEMPTS = 32
_HOPELESS = 64
"""Items that are refused one by one, without a good one so far, before a stream is given up."""

_Item = EmbedItem | ItemFailed


class Largest(msgspec.Struct, frozen=True):
    """How large an answer may be."""

    size_bytes: int
    words: str
    """That, and what a caller who wants more may do."""


FOR_GRPC = Largest(4 * 1024 * 1024, "the 4 MiB that clients take: try StreamEmbed")
FOR_HTTP = Largest(32 * 1024 * 1024, "32 MiB: ask for them in several calls")
"""Of the floats alone. Clients over HTTP take answers of any size; the gateway holds no more of one."""


class Embed:
    """Answers embedding calls."""

    def __init__(self, routes: Routes, largest: Largest = FOR_GRPC) -> None:
        self._routes = routes
        self._largest = largest

    async def embed(self, call: Call) -> Events:
        """Started, the vectors of each batch, EmbedCompleted."""
        request = call.request
        assert isinstance(request, EmbedRequest)
        plan = self._routes.plan(_ask(call, request))
        _check_size(plan, request.spec, self._largest)
        run = _Run(call, plan, request.spec)
        for batch in _split(request.spec.inputs, run.limit, run.room):
            for event in await run.batch(batch):
                yield event
        yield run.completed()

    async def stream_embed(self, call: Call) -> Events:
        """Started, the vectors or failures in the order of the items, EmbedCompleted."""
        request = call.request
        assert isinstance(request, EmbedRequest)
        assert call.items is not None
        run = _Run(call, self._routes.plan(_ask(call, request)), request.spec)
        async with aclosing(_batches(call.items, min(run.limit, _STREAM_BATCH), run.room)) as batches:
            async for batch in batches:
                async with aclosing(run.items(batch)) as events:
                    async for event in events:
                        yield event
        for event in run.opening():
            yield event
        yield run.completed()


class _Run:
    """The batches of one call: what they add up to."""

    def __init__(self, call: Call, plan: Plan, spec: EmbedSpec) -> None:
        self._call = call
        self._plan = plan
        self._spec = spec
        self._usage = Usage(final=True)
        self._started = False
        self._embedded = 0
        self._found = 0
        """Items whose vectors were kept."""
        self._failed = 0
        self._refused = 0
        # Whichever candidate answers must be able to take the batch.
        self.limit = min(map(_batch_limit, plan.candidates))
        self.room = min(map(_batch_bytes, plan.candidates))

    async def batch(self, inputs: Sequence[EmbedInput]) -> list[Event]:
        """The events of one upstream request: Started once a call, then the vectors. Raises HedgerowError."""
        spec = msgspec.structs.replace(self._spec, inputs=tuple(inputs))
        out: list[Event] = []
        vectors: list[bytes] = []
        attempts_before = self._call.attempts_started
        self._call.usage = None
        try:
            async with aclosing(execute(self._call, self._plan, spec, stream=False)) as events:
                async for event in events:
                    if isinstance(event, EmbeddingsAdded):
                        vectors += event.vectors
                    elif isinstance(event, Started) and not self._started:
                        self._started = True
                        out.append(event)
        finally:
            if self._call.attempts_started > attempts_before:
                self._count()
        self._embedded += len(vectors)
        if self._call.vectors is not None:
            self._call.vectors.keep(inputs, vectors)
        out.append(EmbeddingsAdded(vectors))
        return out

    def _count(self) -> None:
        call = self._call
        if call.usage is not None:
            self._usage = added(self._usage, call.usage)
        call.usage = self._usage
        if len(call.attempts) > _KEPT_ATTEMPTS:
            if call.on_dropped is not None:
                call.on_dropped(call, call.attempts[:-_KEPT_ATTEMPTS])
            del call.attempts[:-_KEPT_ATTEMPTS]

    async def items(self, batch: Sequence[_Item]) -> Events:
        """The events of a batch of items. Where the provider refuses the batch as such, halves of it find the items
        that are to blame.
        """
        good = [item for item in batch if isinstance(item, EmbedItem)]
        answers: dict[int, bytes | HedgerowError] = await self._kept(good)
        started = await self._resolve([(at, item) for at, item in enumerate(good) if at not in answers], answers)
        for event in (*started, *self.opening()):
            yield event
        position = 0
        for item in batch:
            if isinstance(item, ItemFailed):
                self._failed += 1
                yield item
                continue
            answer = answers[position]
            position += 1
            if isinstance(answer, bytes):
                yield EmbeddingsAdded([answer], (item.id,))
            else:
                self._failed += 1
                yield ItemFailed(item.id, answer)

    async def _kept(self, items: list[EmbedItem]) -> dict[int, bytes | HedgerowError]:
        """The vectors that are there, by the places of their items."""
        if self._call.vectors is None or not items:
            return {}
        kept = await self._call.vectors.find([item.input for item in items])
        found: dict[int, bytes | HedgerowError] = {at: one for at, one in enumerate(kept) if one is not None}
        self._found += len(found)
        return found

    async def _resolve(
        self, items: list[tuple[int, EmbedItem]], answers: dict[int, bytes | HedgerowError]
    ) -> list[Event]:
        if not items:
            return []
        try:
            events = await self.batch([item.input for _, item in items])
        except HedgerowError as error:
            if error.failure not in (Failure.REQUEST, Failure.CONTENT):
                raise
            if len(items) == 1:
                self._refused += 1
                if self._refused == _HOPELESS and not self._embedded:
                    # Not the items are to blame but what holds for all of them: no call finds a good one.
                    raise
                answers[items[0][0]] = error
                return []
            half = len(items) // 2
            first = await self._resolve(items[:half], answers)
            return first + await self._resolve(items[half:], answers)
        vectors = events[-1]
        assert isinstance(vectors, EmbeddingsAdded)
        answers.update(zip((at for at, _ in items), vectors.vectors, strict=True))
        return events[:-1]

    def opening(self) -> list[Event]:
        """Started, where no answer of a provider has brought it: all items so far are bad, or there was none."""
        if self._started:
            return []
        self._started = True
        candidate = self._plan.candidates[0]
        return [Started(candidate.upstream.name, candidate.model, warnings=tuple(self._call.warnings))]

    def completed(self) -> EmbedCompleted:
        """The terminal event."""
        return EmbedCompleted(
            usage=self._usage,
            attempts=tuple(self._call.attempts),
            attempts_count=self._call.attempts_started,
            embedded_count=self._embedded + self._found,
            failed_count=self._failed,
            cached_count=self._found,
            saved_picos=self._call.saved_picos if self._found else None,
        )


def _ask(call: Call, request: EmbedRequest) -> Ask:
    return Ask(call, Operation.EMBED, request.spec, request.policy, labels=request.labels)


def _check_size(plan: Plan, spec: EmbedSpec, largest: Largest) -> None:
    candidate = plan.candidates[0]
    dimensions = spec.dimensions or candidate.dimensions
    if dimensions is None:
        dimensions = candidate.upstream.dialect.default_dimensions(candidate.model)
    if dimensions is None:
        return
    size = len(spec.inputs) * (dimensions * 4 + _VECTOR_OVERHEAD_BYTES) + _RESPONSE_OVERHEAD_BYTES
    if size > largest.size_bytes:
        raise ResponseTooLarge(
            f"{len(spec.inputs)} vectors of {dimensions} floats exceed {largest.words}.",
            metadata={"limitBytes": str(largest.size_bytes), "estimatedBytes": str(size)},
        )


def _weight(one: EmbedInput) -> int:
    return len(one) * 4


def _batch_limit(candidate: Candidate) -> int:
    """The most inputs of a request: by the provider's own rule, and by what the catalogue knows of the model."""
    limit = candidate.upstream.dialect.embed_batch_limit(candidate.model)
    known = candidate.facts.embed_batch_limit if candidate.facts is not None else None
    return limit if known is None else min(limit, known)


def _batch_bytes(candidate: Candidate) -> int:
    """The bytes of a request that stay below the tokens that the provider takes."""
    tokens = candidate.upstream.dialect.embed_token_limit(candidate.model) or _TOKENS_OF_IT
    return min(_BATCH_TEXT_BYTES * tokens // _TOKENS_OF_IT, _BATCH_TEXT_BYTES)


def _split(inputs: Sequence[EmbedInput], limit: int, text_bytes: int) -> list[list[EmbedInput]]:
    batches: list[list[EmbedInput]] = []
    room = 0
    for one in inputs:
        weight = _weight(one)
        if not batches or len(batches[-1]) >= limit or weight > room:
            batches.append([])
            room = text_bytes
        batches[-1].append(one)
        room -= weight
    return batches


class _Mark(enum.Enum):
    END = "end"
    LATER = "later"


_Entry = _Item | Exception | _Mark


class _Ahead:
    """What was read ahead: at most one batch by count, and by bytes what one item adds to a batch's."""

    def __init__(self, limit: int) -> None:
        self._entries: asyncio.Queue[_Entry] = asyncio.Queue(limit)
        self._bytes = 0
        self._room = asyncio.Event()
        self._room.set()

    async def put(self, entry: _Entry) -> None:
        """Adds an entry once there is room."""
        await self._room.wait()
        self._count(_entry_weight(entry))
        await self._entries.put(entry)

    async def get(self) -> _Entry:
        """The next entry."""
        return self._taken(await self._entries.get())

    def get_nowait(self) -> _Entry:
        """The next entry, LATER where there is none yet."""
        return _Mark.LATER if self._entries.empty() else self._taken(self._entries.get_nowait())

    def _taken(self, entry: _Entry) -> _Entry:
        self._count(-_entry_weight(entry))
        return entry

    def _count(self, weight: int) -> None:
        self._bytes += weight
        if self._bytes < _BATCH_TEXT_BYTES:
            self._room.set()
        else:
            self._room.clear()


def _entry_weight(entry: _Entry) -> int:
    return _weight(entry.input) if isinstance(entry, EmbedItem) else 0


def _fill(first: _Item, ahead: _Ahead, limit: int, room: int) -> tuple[list[_Item], _Entry]:
    """A batch of what is there, and the entry after it."""
    batch: list[_Item] = []
    entry: _Entry = first
    while isinstance(entry, _Item):
        weight = _entry_weight(entry)
        if batch and (len(batch) >= limit or weight > room):
            break
        batch.append(entry)
        room -= weight
        entry = ahead.get_nowait()
    return batch, entry


async def _batches(items: AsyncIterator[_Item], limit: int, room: int) -> AsyncGenerator[list[_Item], None]:
    """Groups what is there: a caller that sends much gets full batches, one that sends little waits for nobody. Reads
    at most one batch ahead.
    """
    ahead = _Ahead(limit)

    async def read() -> None:
        try:
            async for item in items:
                await ahead.put(item)
            await ahead.put(_Mark.END)
        except Exception as error:
            await ahead.put(error)

    reader = asyncio.create_task(read())
    try:
        entry = await ahead.get()
        while isinstance(entry, _Item):
            batch, entry = _fill(entry, ahead, limit, room)
            yield batch
            if entry is _Mark.LATER:
                entry = await ahead.get()
        if isinstance(entry, Exception):
            raise entry
    finally:
        reader.cancel()
