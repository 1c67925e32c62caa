"""Calls through a chain with a cache, to a provider that takes its time and says what it is told to."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hedgerow_server.caching.memory import MemoryCache
from hedgerow_server.caching.port import Entry, Similar
from hedgerow_server.caching.section import CacheSection
from hedgerow_server.caching.shelf import Caches, Shelf
from hedgerow_server.core.call import Call, Kind, Method, Outcome, Principal
from hedgerow_server.core.error import HedgerowError
from hedgerow_server.core.event import (
    AttemptKind,
    AttemptOutcome,
    AttemptRecord,
    Beside,
    CacheOrigin,
    Completed,
    EmbedCompleted,
    EmbeddingsAdded,
    Event,
    Events,
    FinishReason,
    Started,
    TextDelta,
    Usage,
    Warning,
)
from hedgerow_server.core.port import Operation
from hedgerow_server.core.request import (
    NO_POLICY,
    ChatRequest,
    ChatSpec,
    EmbedRequest,
    EmbedSpec,
    Message,
    Part,
    Role,
    RoutePolicy,
    Text,
)
from hedgerow_server.interceptors.cache import Cache
from hedgerow_server.interceptors.chain import Chain
from hedgerow_server.interceptors.deadline import Deadline
from hedgerow_server.routing.ask import Ask
from unit.hedgerow_server.routing.paper import Paper

ANN, BEN = Principal("acme", user="ann"), Principal("acme", user="ben")
COST = 1_000_000
BESIDE: Beside = {"openai": {"service_tier": "flex"}}
"""What the provider says beside its answers."""
USAGE = Usage(input_uncached_tokens=10, output_visible_tokens=5, final=True)


def now() -> float:
    """By a clock that tests in virtual time move. Looked up each time: they replace it."""
    return time.monotonic()


def spec(text: str = "hi", model: str = "fast", **fields: object) -> ChatSpec:
    """A chat that asks for a text."""
    message = Message(Role.USER, (Part(Text(text)),))
    return ChatSpec(model=model, **{"messages": (message,), **fields})  # type: ignore[arg-type]


class Told:
    """What a caller was told."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.events: list[Event] = []
        self.came_s: list[float] = []
        self.error: HedgerowError | None = None

    @property
    def reason(self) -> str:
        """How it ended."""
        return self.error.reason if self.error is not None else "OK"

    @property
    def origin(self) -> CacheOrigin | None:
        """Where the answer comes from; None: from the provider."""
        return self.started.cache

    @property
    def started(self) -> Started:
        """The first event."""
        assert isinstance(self.events[0], Started), self.reason
        return self.events[0]

    @property
    def completed(self) -> Completed:
        """The last event."""
        assert isinstance(self.events[-1], Completed), self.reason
        return self.events[-1]

    @property
    def text(self) -> str:
        """The answer."""
        return "".join(one.text for one in self.events if isinstance(one, TextDelta))

    @property
    def vectors(self) -> list[bytes]:
        """The vectors of an embedding call."""
        return [one for event in self.events if isinstance(event, EmbeddingsAdded) for one in event.vectors]

    @property
    def embedded(self) -> EmbedCompleted:
        """The last event of an embedding call."""
        assert isinstance(self.events[-1], EmbedCompleted), self.reason
        return self.events[-1]


class World:
    """A chain over one room of answers; `routes` are sections by name, "fast" unless there are others."""

    def __init__(
        self,
        routes: Mapping[str, Mapping[str, object]] | None = None,
        *,
        section: CacheSection | None = None,
        caches: Caches | None = None,
        similar: Similar | None = None,
        clock: Callable[[], float] = now,
        **cache: object,
    ) -> None:
        self.caches = caches or Caches(now=clock)
        given = section or CacheSection()
        self.caches.serve(given)
        self.paper = Paper()
        one = {"kind": "chat", "candidates": [{"provider": "a", "model": "m"}], "cache": cache}
        self.routes = self.paper.routes(routes or {"fast": one})
        self.shelf = Shelf(self.caches, given)
        self.cache = Cache(self.shelf, self.caches.flights, self.routes, similar)
        self.chain = self.before(self.cache)
        self.takes_s = 1.0
        """How long an answer takes."""
        self.pieces: Sequence[Event] = (TextDelta(0, "he"), TextDelta(0, "llo"))
        self.reason = FinishReason.STOP
        self.warnings: tuple[Warning, ...] = ()
        self.fails: list[HedgerowError] = []
        """What the next answers end with, in their middle."""
        self.cost_of: Callable[[Any], int] = lambda _: COST
        """What an answer costs."""
        self.answers_with = 0
        """The place of the candidate that answers."""
        self.asked: list[ChatSpec | EmbedSpec] = []
        """What the provider was asked."""
        self.running = 0
        """Requests at the provider."""

    @property
    def slots(self) -> list[bytes]:
        """Where answers are, in memory."""
        assert isinstance(self.caches.store, MemoryCache)
        return list(self.caches.store._held)

    async def value(self, slot: bytes) -> bytes:
        """What is kept there."""
        (found,) = await self.caches.store.get([slot])
        assert found is not None
        return found

    async def replace(self, slot: bytes, value: bytes) -> None:
        """Puts something else in its place, as only somebody else could."""
        self.caches.store.put([Entry(slot, value, 1000.0)])

    @staticmethod
    def before(*last: object) -> Chain:
        """A chain of what stands before, and these."""
        passed = [_Named(name) for name in ("request_id", "telemetry")]
        more = [_Named(name) for name in ("auth", "decode", "authorise", "quota", "input_guards")]
        return Chain([*passed, Deadline(60, 60), *more, *last])  # type: ignore[list-item]

    async def ask(
        self,
        what: str | ChatSpec = "hi",
        who: Principal | None = ANN,
        *,
        kind: Kind = Kind.SERVER_STREAM,
        policy: RoutePolicy = NO_POLICY,
        timeout_s: float | None = None,
        guards: bytes = b"",
    ) -> Told:
        """A chat through the chain to its end."""
        asked = what if isinstance(what, ChatSpec) else spec(what)
        call = self._call(who, kind, ChatRequest(spec=asked, policy=policy), timeout_s)
        call.guards_policy = guards
        return await self._serve(call)

    async def embed(
        self, *inputs: str, who: Principal = ANN, policy: RoutePolicy = NO_POLICY, **fields: object
    ) -> Told:
        """An embedding call."""
        asked = EmbedSpec(inputs=inputs, **{"model": "embed", **fields})  # type: ignore[arg-type]
        return await self._serve(self._call(who, Kind.UNARY, EmbedRequest(spec=asked, policy=policy), None))

    def _call(self, who: Principal | None, kind: Kind, request: object, timeout_s: float | None) -> Call:
        call = Call(Method("chat", kind, lambda _: None, self._answer), {}, b"", timeout_s=timeout_s)
        call.principal, call.request, call.request_id = who, request, f"req-{id(call)}"
        return call

    async def _serve(self, call: Call) -> Told:
        told = Told(call)

        async def deliver(event: Event) -> None:
            told.events.append(event)
            told.came_s.append(time.monotonic())

        try:
            await self.chain.serve(call, deliver)
        except HedgerowError as error:
            told.error = error
        return told

    async def _answer(self, call: Call) -> Events:
        request = call.request
        assert isinstance(request, ChatRequest | EmbedRequest)
        self.asked.append(request.spec)
        chat = isinstance(request, ChatRequest)
        operation = Operation.CHAT if chat else Operation.EMBED
        candidates = self.routes.plan(Ask(call, operation, request.spec, request.policy)).candidates
        one = candidates[self.answers_with]
        record = AttemptRecord(
            number=1,
            provider=one.upstream.name,
            model=one.model,
            region=one.region,
            kind=AttemptKind.PRIMARY,
            start_unix_s=0.0,
            usage=USAGE,
            cost_picos=self.cost_of(request.spec),
        )
        call.attempts.append(record)
        call.attempts_started = 1
        call.usage = USAGE
        self.running += 1
        try:
            async for event in self._said(request, one.upstream.name, record):
                yield event
        finally:
            self.running -= 1

    async def _said(self, request: ChatRequest | EmbedRequest, name: str, record: AttemptRecord) -> Events:
        yield Started(name, record.model, self.warnings, f"resp-{len(self.asked)}", beside=BESIDE)
        pieces = self.pieces if isinstance(request, ChatRequest) else (EmbeddingsAdded(vectors(request.spec)),)
        for piece in pieces:
            if self.takes_s:
                await asyncio.sleep(self.takes_s / len(pieces))
            if self.fails:
                record.outcome = AttemptOutcome.FAILED
                raise self.fails.pop(0)
            yield piece
        record.outcome = AttemptOutcome.SUCCEEDED
        if isinstance(request, ChatRequest):
            yield Completed(self.reason, "stop", USAGE, (record,))
        else:
            yield EmbedCompleted(USAGE, (record,), 1, len(request.spec.inputs))


def vectors(asked: EmbedSpec) -> list[bytes]:
    """What the provider makes of inputs: the same of the same."""
    return [str(one).encode().ljust(8, b"\0")[:8] for one in asked.inputs]


class _Named:
    """Stands for an interceptor whose work is done."""

    after = ()

    def __init__(self, name: str) -> None:
        self.name = name

    async def admit(self, call: Call) -> None: ...

    def settle(self, call: Call, outcome: Outcome) -> None: ...
