"""Calls with idempotency keys, through chains over one store that takes its time."""

import asyncio
import time
from collections import Counter
from collections.abc import Collection

from hedgerow_server.core.call import Call, Kind, Method, Principal
from hedgerow_server.core.error import HedgerowError, StreamCut
from hedgerow_server.core.event import Completed, Event, Events, FinishReason, Started, TextDelta, Usage
from hedgerow_server.core.request import ChatRequest, ChatSpec, Once
from hedgerow_server.interceptors.chain import Chain
from hedgerow_server.interceptors.deadline import Deadline
from hedgerow_server.interceptors.idempotency import Idempotency
from hedgerow_server.interceptors.keeper import Keeper
from hedgerow_server.interceptors.section import IdempotencySection
from hedgerow_server.store.kept import Claim, Kept
from hedgerow_server.store.memory import MemoryAnswers
from hedgerow_server.store.port import StoreUnavailable

ANN = Principal("acme", user="ann")
DONE = Completed(FinishReason.STOP, "stop", Usage(final=True))


def _now() -> float:
    # Looked up each time: tests in virtual time replace it.
    return time.monotonic()


class SlowStore:
    """An AnswerStore far away: what is asked of it is done after a while, and told after another."""

    def __init__(self, there_s: float = 0.0, back_s: float = 0.0) -> None:
        self._room = MemoryAnswers(_now)
        self._room.allow(1 << 30, 1 << 20)
        self.there_s, self.back_s = there_s, back_s
        self.away: set[str] = set()
        """What it can do no more: "claim", "renew", "taken", "keep", "free", "sweep"."""
        self.swept = 0
        self.renewed: list[tuple[float, float]] = []
        """When a router has told that it lives, and for how long that holds."""
        self.looks: list[int] = []
        """How many keys each question was about."""

    async def claim(self, claim: Claim) -> Kept | None:
        await self._reach("claim", self.there_s)
        found = await self._room.claim(claim)
        await asyncio.sleep(self.back_s)
        return found

    async def renew(self, lease_s: float) -> None:
        await self._reach("renew", self.there_s)
        self.renewed.append((_now(), lease_s))

    async def taken(self, slots: Collection[bytes]) -> Collection[bytes]:
        await self._reach("taken", self.there_s)
        self.looks.append(len(slots))
        found = await self._room.taken(slots)
        await asyncio.sleep(self.back_s)
        return found

    async def keep(self, claim: Claim, answer: bytes, until_unix_s: float) -> bool:
        await self._reach("keep", self.there_s)
        kept = await self._room.keep(claim, answer, until_unix_s)
        await asyncio.sleep(self.back_s)
        return kept

    async def free(self, claim: Claim) -> None:
        await self._reach("free", self.there_s)
        await self._room.free(claim)
        await asyncio.sleep(self.back_s)

    async def erase(self, tenant: str, user: str) -> int:
        return await self._room.erase(tenant, user)

    async def sweep(self) -> None:
        await self._reach("sweep", 0)
        self.swept += 1

    async def _reach(self, what: str, after_s: float) -> None:
        await asyncio.sleep(after_s)
        if what in self.away:
            raise StoreUnavailable("the store is away")


class Router:
    """A chain and what its calls ask of the provider, which takes a second for an answer in two pieces."""

    def __init__(
        self, store: SlowStore, section: IdempotencySection | None = None, keeper: Keeper | None = None
    ) -> None:
        """With a keeper of its own, unless there is one that it shares."""
        self.keeper = keeper or Keeper(store)
        given = section or IdempotencySection()
        passed = [_Named(name) for name in ("request_id", "telemetry", "auth", "decode", "authorise")]
        idempotency = Idempotency(self.keeper, given, _now)
        self._chain = Chain([*passed[:2], Deadline(60, 60), *passed[2:], idempotency])
        self.running: Counter[str] = Counter()
        """Requests at the provider, by key."""
        self.whole: Counter[str] = Counter()
        """Whole answers of the provider, by key."""
        self.asked: list[tuple[str, str]] = []
        """Key and text of each request that the provider had."""

    async def ask(
        self, key: str, text: str = "hi", who: Principal = ANN, *, fails: bool = False, timeout_s: float | None = None
    ) -> "Told":
        """A call through the chain to its end."""
        method = Method("chat", Kind.SERVER_STREAM, lambda _: None, lambda call: self._answer(call, fails))
        told = Told(Call(method, {}, b"", timeout_s=timeout_s))
        told.call.principal = who
        told.call.request_id = f"req-{id(told)}"
        once = Once(key, text.encode()) if key else None
        told.call.request = ChatRequest(spec=ChatSpec(model=text, messages=()), once=once)

        async def deliver(event: Event) -> None:
            told.events.append(event)

        try:
            await self._chain.serve(told.call, deliver)
        except HedgerowError as error:
            told.error = error
        return told

    async def _answer(self, call: Call, fails: bool) -> Events:
        request = call.request
        assert isinstance(request, ChatRequest)
        key = request.once.key if request.once is not None else ""
        self.asked.append((key, request.spec.model))
        self.running[key] += 1
        try:
            yield Started("sim", "m", response_id=str(len(self.asked)))
            await asyncio.sleep(0.5)
            if fails:
                raise StreamCut("cut")
            yield TextDelta(0, request.spec.model)
            await asyncio.sleep(0.5)
            self.whole[key] += 1
            yield DONE
        finally:
            self.running[key] -= 1


class _Named:
    """Stands for an interceptor whose work is done: the call has its principal and its request already."""

    after = ()

    def __init__(self, name: str) -> None:
        self.name = name

    async def admit(self, call: Call) -> None: ...

    def settle(self, call: Call, outcome: object) -> None: ...


class Told:
    """What a caller was told."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.events: list[Event] = []
        self.error: HedgerowError | None = None

    @property
    def reason(self) -> str:
        """How it ended."""
        return self.error.reason if self.error is not None else "OK"
