"""An answer on its way out, event by event.

Within a part the order stays as it was. A part is over once another one begins or the answer ends; should it go on all
the same, see Window.end. Tool calls go out whole, once their arguments were looked at; recorded speech as well, whose
words cannot be replaced in the sound.
"""

from contextlib import aclosing

import msgspec

from hedgerow_server.core.call import Call
from hedgerow_server.core.event import (
    CitationAdded,
    Completed,
    Event,
    Events,
    FinishReason,
    LogprobsDelta,
    MediaDelta,
    ProviderItemAdded,
    ProviderStateAttached,
    ReasoningDelta,
    RefusalDelta,
    RouteChanged,
    TextDelta,
    ToolCallArgumentsDelta,
    ToolCallEnded,
    ToolCallStarted,
    Usage,
)
from hedgerow_server.core.guard import GuardFailed, Judged, Source
from hedgerow_server.core.request import ChatSpec, Citation, ToolCall
from hedgerow_server.core.terminal import Terminal
from hedgerow_server.guardrails.fitted import SidePlan
from hedgerow_server.guardrails.inspector import Inspector, Truncated
from hedgerow_server.guardrails.notes import Notes
from hedgerow_server.guardrails.texts import rewritten_arguments
from hedgerow_server.guardrails.watch import Watch
from hedgerow_server.guardrails.window import Window

_Words = TextDelta | RefusalDelta | ReasoningDelta
_WORDS = {TextDelta: Source.ANSWER, RefusalDelta: Source.ANSWER, ReasoningDelta: Source.REASONING}
_Aside = CitationAdded | ProviderStateAttached


class _Spoken:
    """A part of words that is under way."""

    __slots__ = ("asides", "kind", "shown", "window")

    def __init__(self, kind: type[_Words], window: Window) -> None:
        self.kind = kind
        self.window = window
        self.asides: list[tuple[int, _Aside]] = []
        """What belongs behind a place that has not gone out yet."""
        self.shown = False
        """Whether anything of it has gone out."""


class Screen:
    """The guards of the answer of one call."""

    def __init__(self, plan: SidePlan, call: Call, spec: ChatSpec, watches: list[Watch], notes: Notes) -> None:
        self._plan = plan
        self._call = call
        self._spec = spec
        self._watches = watches
        self._notes = notes
        self._inspector = Inspector(watches, plan.remote, notes)
        self._spoken: dict[int, _Spoken] = {}
        self._held: dict[int, list[Event]] = {}
        """Tool calls and recordings, which go out whole."""
        self._overheard: dict[int, list[str]] = {}
        """The words of recordings that go out as they come, since no guard may keep anything back."""
        self._current: int | None = None
        self._out: list[Event] = []
        """What goes out now."""
        self._cut = False

    async def screened(self, events: Events) -> Events:
        """The events as callers may see them. Raises GuardrailBlocked and GuardrailUnavailable."""
        notes = self._notes
        try:
            async with aclosing(events):
                async for event in events:
                    out = await self._take(event)
                    for verdict in notes.told():
                        yield verdict
                    for one in out:
                        if isinstance(one, Terminal):
                            notes.close()
                        yield one
                    if self._cut:
                        break
            if self._cut:
                notes.close()
                yield self._truncated()
        finally:
            notes.close()

    def _truncated(self) -> Completed:
        # What the provider has counted up to here is on the books since its stream was closed.
        call = self._call
        return Completed(
            reason=FinishReason.GUARDRAIL,
            native_reason="",
            usage=call.usage or Usage(estimated=True, final=True),
            attempts=tuple(call.attempts),
        )

    async def _take(self, event: Event) -> list[Event]:
        """What goes out now that this has come."""
        out: list[Event] = []
        self._out = out
        try:
            if isinstance(event, TextDelta | RefusalDelta | ReasoningDelta):
                await self._words(event)
            else:
                await self._other(event)
        except Truncated:
            self._cut = True
        return out

    async def _words(self, event: _Words) -> None:
        index, kind = event.part_index, type(event)
        await self._turn_to(index)
        spoken = self._spoken.get(index)
        if spoken is None:
            window = self._window(_WORDS[kind])
            if window is None:
                self._out.append(event)
                return
            spoken = self._spoken[index] = _Spoken(kind, window)
        self._show(index, spoken, await spoken.window.feed(event.text))

    async def _other(self, event: Event) -> None:
        match event:
            case ToolCallStarted(index):
                await self._turn_to(index)
                self._held[index] = [event]
            case ToolCallArgumentsDelta(index) if index in self._held:
                self._held[index].append(event)
            case ToolCallEnded(index) if index in self._held:
                await self._tool_call(index, event)
            case MediaDelta(index):
                await self._turn_to(index)
                self._media(event)
            case CitationAdded():
                await self._citation(event)
            case ProviderStateAttached(index):
                self._put_behind(index, event)
            case LogprobsDelta() if self._plan.changes:
                pass  # they spell what guards hold back
            case _:
                await self._rest(event)

    async def _rest(self, event: Event) -> None:
        if isinstance(event, RouteChanged):
            for parts in (self._spoken, self._held, self._overheard):
                parts.clear()
            self._current = None
        elif isinstance(event, ProviderItemAdded):
            await self._turn_to(event.part_index)
        elif isinstance(event, Terminal):
            for index in sorted({*self._spoken, *self._held, *self._overheard}):
                await self._end(index, last=True)
        self._out.append(event)

    async def _turn_to(self, index: int) -> None:
        """Another part may begin: then the one before is over."""
        before, self._current = self._current, index
        if before is not None and before != index:
            await self._end(before)

    async def _end(self, index: int, *, last: bool = False) -> None:
        spoken = self._spoken.get(index)
        if spoken is not None:
            self._show(index, spoken, await spoken.window.end(), ended=True)
        elif index in self._overheard:
            await self._inspected([Judged("".join(self._overheard.pop(index)), Source.ANSWER)])
        elif index in self._held:
            if not isinstance(self._held[index][0], ToolCallStarted):
                await self._recording(index)
            elif last:
                # Calls side by side may all be under way: only the end of the answer ends one that has not said so.
                await self._tool_call(index, None)

    def _window(self, source: Source) -> Window | None:
        watches = [one for one in self._watches if one.scanner is not None and one.fitted.looks_at(source)]
        remote = [one for one in self._plan.remote if one.looks_at(source)]
        return Window(source, watches, remote, self._notes) if watches or remote else None

    def _show(self, index: int, spoken: _Spoken, text: str, *, ended: bool = False) -> None:
        if text or (ended and not spoken.shown and not spoken.window.cut):
            spoken.shown = True
            self._out.append(spoken.kind(index, text))
        if spoken.window.cut:
            raise Truncated
        while spoken.asides and (ended or spoken.asides[0][0] <= spoken.window.released):
            self._out.append(_in_place(spoken.asides.pop(0)[1], spoken.window))

    def _put_behind(self, index: int, event: _Aside) -> None:
        """What belongs to a part stays behind what of it has come before."""
        spoken = self._spoken.get(index)
        if index in self._held:
            self._held[index].append(event)
        elif spoken is None:
            self._out.append(event)
        elif spoken.shown and spoken.window.released >= spoken.window.length:
            self._out.append(_in_place(event, spoken.window))
        else:
            spoken.asides.append((spoken.window.length, event))

    async def _citation(self, event: CitationAdded) -> None:
        citation = event.citation
        cited, title = await self._inspected(
            [Judged(one, Source.ANSWER) for one in (citation.cited_text, citation.title)]
        )
        if (cited, title) != (citation.cited_text, citation.title):
            event = CitationAdded(event.part_index, msgspec.structs.replace(citation, cited_text=cited, title=title))
        self._put_behind(event.part_index, event)

    async def _inspected(self, texts: list[Judged]) -> list[str]:
        left = await self._inspector.local(texts)
        if not self._plan.remote:
            return left
        return await self._inspector.remote([Judged(text, one.source) for text, one in zip(left, texts, strict=True)])

    async def _tool_call(self, index: int, ended: ToolCallEnded | None) -> None:
        events = self._held.pop(index)
        started = events[0]
        assert isinstance(started, ToolCallStarted)
        arguments = "".join(one.arguments for one in events if isinstance(one, ToolCallArgumentsDelta))
        self._check(ToolCall(started.id, started.name, arguments))
        strings: list[str] = []

        def note(text: str, _: Source) -> str:
            strings.append(text)
            return text

        rewritten_arguments(arguments, note)
        left = await self._inspected([Judged(one, Source.ARGUMENTS) for one in strings])
        if left != strings:
            others = iter(left)
            arguments = rewritten_arguments(arguments, lambda *_: next(others))
        self._out.append(started)
        if arguments:
            self._out.append(ToolCallArgumentsDelta(index, arguments))
        self._out += [one for one in events[1:] if not isinstance(one, ToolCallArgumentsDelta)]
        if ended is not None:
            self._out.append(ended)

    def _check(self, tool_call: ToolCall) -> None:
        """What guards of tool calls say. Raises GuardrailBlocked, GuardrailUnavailable and Truncated."""
        for fitted in self._plan.tools:
            guard = fitted.tool_guard
            assert guard is not None
            try:
                with self._notes.timed(fitted.name):
                    findings = guard.check_call(self._spec, tool_call)
            except GuardFailed as error:
                self._notes.failed(fitted, str(error))
            except Exception as error:
                self._notes.failed(fitted, type(error).__name__)
            else:
                if findings:
                    self._inspector.whole(fitted, findings)

    def _media(self, event: MediaDelta) -> None:
        index = event.part_index
        speaks = event.media_type.startswith("audio/") or bool(event.transcript)
        if self._plan.changes and (speaks or index in self._held):
            self._held.setdefault(index, []).append(event)
            return
        if event.transcript:
            self._overheard.setdefault(index, []).append(event.transcript)
        self._out.append(event)

    async def _recording(self, index: int) -> None:
        """A recording as it came, or, where its words may not be said, what is left of them without the sound."""
        events = self._held.pop(index)
        media = [one for one in events if isinstance(one, MediaDelta)]
        transcript = "".join(one.transcript for one in media)
        (left,) = await self._inspected([Judged(transcript, Source.ANSWER)])
        if left != transcript:
            kind = next((one.media_type for one in media if one.media_type), "")
            events = [MediaDelta(index, kind, transcript=left), *(one for one in events if one not in media)]
        self._out += events


def _in_place(event: _Aside, window: Window) -> _Aside:
    """A citation whose places count in what goes out."""
    if not isinstance(event, CitationAdded) or not window.cuts:
        return event
    citation, place = event.citation, window.moved

    def at(index: int | None) -> int | None:
        return None if index is None else place(index)

    moved: Citation = msgspec.structs.replace(
        citation, start_index=at(citation.start_index), end_index=at(citation.end_index)
    )
    return CitationAdded(event.part_index, moved)
