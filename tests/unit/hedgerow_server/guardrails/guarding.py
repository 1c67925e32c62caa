"""Guards that find what they are told to, and calls for them to look at."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence

from hedgerow_server.core.call import Call, Kind, Method
from hedgerow_server.core.event import Completed, Event, Events, FinishReason, Usage
from hedgerow_server.core.guard import Asker, Finding, Guard, Judged, Scan, Side, Source
from hedgerow_server.core.request import ChatRequest, ChatSpec, EmbedSpec, Message, Part, Role, Text, ToolCall
from hedgerow_server.guardrails.entry import GuardEntry
from hedgerow_server.guardrails.fitted import Fitted, SidePlan, fit
from hedgerow_server.guardrails.notes import Notes
from hedgerow_server.guardrails.numbers import GuardNumbers
from hedgerow_server.guardrails.output import Screen
from hedgerow_server.guardrails.watch import watches

DONE = Completed(FinishReason.STOP, "stop", Usage(final=True))
SPEC = ChatSpec(model="fast", messages=(Message(Role.USER, (Part(Text("hi")),)),))


class Spots:
    """A scanner of one word, which it holds until it cannot become that any more."""

    context = 0

    def __init__(self, word: str, category: str = "spot", replacement: str | None = None) -> None:
        self.word, self.category = word, category
        self.replacement = f"[{word}]" if replacement is None else replacement
        self.looked: list[tuple[str, int]] = []

    def scan(self, text: str, source: Source, begin: int, *, final: bool) -> Scan:
        self.looked.append((text, begin))
        found: list[Finding] = []
        at = begin
        while (start := text.find(self.word, at)) >= 0:
            at = start + len(self.word)
            found.append(Finding(start, at, self.category, self.replacement))
        if final:
            return Scan(found, len(text))
        for size in range(min(len(self.word) - 1, len(text) - at), 0, -1):
            if self.word.startswith(text[-size:]):
                return Scan(found, len(text) - size)
        return Scan(found, len(text))


class Strolling(Spots):
    """One that is not to be shown more than so many characters in one step."""

    def __init__(self, word: str, step: int) -> None:
        super().__init__(word)
        self.step = step

    def reach(self, text: str, begin: int, end: int) -> int:
        return min(end, begin + self.step)


class Crashing:
    """A scanner that always fails."""

    context = 0

    def scan(self, text: str, source: Source, begin: int, *, final: bool) -> Scan:
        raise ValueError(f"cannot do with {text!r}")


class NeverSettling:
    """A scanner that holds whatever comes."""

    context = 0

    def scan(self, text: str, source: Source, begin: int, *, final: bool) -> Scan:
        return Scan((), len(text) if final else begin)


class Elsewhere:
    """A remote guard that finds a word, or does what it is told to."""

    def __init__(
        self, word: str = "", piece: int = 1_000_000, first: Callable[[], Awaitable[object]] | None = None
    ) -> None:
        self.piece = piece
        self.word = word
        self.first = first
        self.asked: list[list[Judged]] = []
        self.cancelled = 0
        self.closed = 0

    async def judge(self, pieces: Sequence[Judged], asker: Asker) -> Sequence[Sequence[Finding]]:
        self.asked.append(list(pieces))
        if self.first is not None:
            try:
                await self.first()
            except asyncio.CancelledError:
                self.cancelled += 1
                raise
        found: list[list[Finding]] = []
        for one in pieces:
            start = one.text.find(self.word) if self.word else -1
            found.append([] if start < 0 else [Finding(start, start + len(self.word), "far", "[FAR]")])
        return found

    async def close(self) -> None:
        self.closed += 1


class ToolNames:
    """A guard of tool calls that refuses one by its name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def check_call(self, spec: ChatSpec, call: ToolCall) -> Sequence[Finding]:
        return [Finding(0, 0, "tool.name")] if call.name == self.name else []


class Sized:
    """A guard of requests with more than so many messages."""

    def __init__(self, most: int) -> None:
        self.most = most

    def check(self, spec: ChatSpec | EmbedSpec) -> Sequence[Finding]:
        count = len(spec.messages if isinstance(spec, ChatSpec) else spec.inputs)
        return [Finding(0, 0, "size")] if count > self.most else []


def fitted(name: str, guard: Guard, **entry: object) -> Fitted:
    """A guard with its entry; it looks at both sides where its action allows."""
    action = entry.get("action", "block")
    sides = {"route": ("input",), "truncate": ("output",)}.get(str(action), ("input", "output"))
    return fit(name, GuardEntry.model_validate({"sides": sides, **entry}), guard)


def new_call(spec: ChatSpec = SPEC, kind: Kind = Kind.SERVER_STREAM) -> Call:
    """A call of a chat."""

    async def nothing(call: Call) -> Events:
        yield DONE

    call = Call(Method("hedgerow.chat.v1.ChatService/StreamComplete", kind, lambda _: None, nothing), {}, b"")
    call.request = ChatRequest(spec=spec)
    call.request_id = "req-1"
    return call


def notes_of(call: Call, side: Side = Side.OUTPUT, numbers: GuardNumbers | None = None) -> Notes:
    """Notes of one side of a call."""
    return Notes(call, Asker("acme", "req-1", "fast", side), numbers or GuardNumbers())


async def stream(events: Iterable[Event]) -> AsyncGenerator[Event, None]:
    """The events, one by one."""
    for event in events:
        yield event


def screen(call: Call, guards: Sequence[Fitted], numbers: GuardNumbers | None = None) -> Screen:
    """What looks at the call's answer."""
    plan = SidePlan.of(guards, Side.OUTPUT)
    assert plan is not None
    request = call.request
    assert isinstance(request, ChatRequest)
    notes = notes_of(call, numbers=numbers)
    return Screen(plan, call, request.spec, watches(plan, request.spec, notes), notes)


async def screened(events: Iterable[Event], *guards: Fitted, call: Call | None = None) -> list[Event]:
    """What callers see of an answer. Raises what they are told."""
    return [event async for event in screen(call or new_call(), guards).screened(stream(events))]
