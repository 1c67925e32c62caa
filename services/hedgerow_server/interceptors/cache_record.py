"""What the cache keeps of a chat while it runs, and how it is given again."""

import asyncio
import time
from collections.abc import Sequence

import msgspec

from hedgerow_server.caching.flight import Flight, Landed, Next, Vectors, again
from hedgerow_server.caching.kept import Kept
from hedgerow_server.caching.key import Asked
from hedgerow_server.caching.section import RouteCacheSection
from hedgerow_server.caching.track import Track
from hedgerow_server.core.call import Call, Outcome
from hedgerow_server.core.error import HedgerowError
from hedgerow_server.core.event import (
    AttemptOutcome,
    AttemptRecord,
    CacheOrigin,
    Completed,
    Event,
    Events,
    FinishReason,
    MediaDelta,
    ProviderItemAdded,
    ProviderStateAttached,
    ReasoningDelta,
    RouteChanged,
    Started,
    TextDelta,
    Usage,
    WarningCode,
)
from hedgerow_server.routing.candidate import Candidate

NOTHING_USED = Usage(final=True)
"""What an answer uses that was there already."""
_OF_THE_ANSWER = frozenset(
    (
        WarningCode.PARAMETER_IGNORED,
        WarningCode.PARAMETER_CHANGED,
        WarningCode.PROVIDER_STATE_DROPPED,
        WarningCode.CHOICES_DROPPED,
        WarningCode.MODEL_RETIRING,
        WarningCode.MODEL_DOWNGRADED,
        WarningCode.OUTPUT_REPAIRED,
    )
)
"""Warnings that hold for whoever gets the answer; the others were for the call that caused it."""
_MOST_OF_THE_TIME = 0.8
"""How much of the time until the deadline the pauses of an answer may take."""


class Asking(msgspec.Struct, frozen=True, kw_only=True):
    """A call that looks for an answer."""

    asked: Asked
    slot: bytes
    rules: RouteCacheSection
    candidates: tuple[Candidate, ...]
    """To whom the call could go."""
    resident: bool
    """Whether something says in which regions it is served."""
    max_age_s: float | None = None
    """The oldest answer that it takes."""
    not_before_s: float | None = None
    """The Unix time before which no answer will do."""


def serves(asking: Asking, kept: Kept, now_unix_s: float) -> bool:
    """Whether a kept answer may be given to a call."""
    age_s = now_unix_s - kept.made_unix_s
    if now_unix_s >= kept.until_unix_s or age_s >= asking.rules.ttl_seconds:
        return False
    if asking.max_age_s is not None and age_s > asking.max_age_s:
        return False
    if asking.not_before_s is not None and kept.made_unix_s < asking.not_before_s:
        return False
    if any(_made(one, kept) for one in asking.candidates):
        return True
    if not asking.rules.across_providers or kept.bound:
        return False
    # Elsewhere: the same model, and where regions matter in one of those where the call may be served.
    return any(
        one.family == kept.family and (not asking.resident or one.region == kept.region) for one in asking.candidates
    )


def _made(candidate: Candidate, kept: Kept) -> bool:
    return (
        candidate.model == kept.model and candidate.upstream.name == kept.provider and candidate.region == kept.region
    )


class Recording:
    """The answer of a call as it goes by."""

    __slots__ = ("_bound", "_came_s", "_fit", "_paced", "_pauses_ms", "_track", "asking", "flight")

    def __init__(self, asking: Asking, flight: Flight | None, max_bytes: int) -> None:
        """`flight`: those that wait for it; None where nobody does."""
        self.asking = asking
        self.flight = flight
        self._track = Track(max_bytes)
        self._fit = True
        self._bound = False
        self._paced = asking.rules.replay == "original"
        self._came_s = 0.0
        self._pauses_ms: list[int] = []

    def take(self, event: Event) -> None:
        """Takes one event, as the caller is shown it."""
        if self._paced:
            now_s = time.monotonic()
            self._pauses_ms.append(int((now_s - self._came_s) * 1000) if self._came_s else 0)
            self._came_s = now_s
        if not isinstance(event, TextDelta | ReasoningDelta):
            event = self._looked_at(event)
        self._track.add(event)

    def _looked_at(self, event: Event) -> Event:
        if isinstance(event, RouteChanged) or (isinstance(event, MediaDelta) and event.url):
            # Half of it is void; what stands behind an address may be gone tomorrow.
            self._fit = False
        elif isinstance(event, ProviderItemAdded | ProviderStateAttached):
            self._bound = True
        elif isinstance(event, Completed):
            return msgspec.structs.replace(event, usage=NOTHING_USED, attempts=(), kept=True)
        return event

    def kept(self, call: Call, outcome: Outcome, now_unix_s: float) -> Kept | None:
        """What is to be kept of it, once it is whole. None: it must not be given to others, or is too large."""
        last, rules, record = outcome.terminal, self.asking.rules, answered(call.attempts)
        if not self._fit or record is None or not isinstance(last, Completed):
            return None
        if last.reason is not FinishReason.STOP and not (rules.tool_calls and last.reason is FinishReason.TOOL_CALLS):
            return None
        encoded = self._track.encoded()
        if encoded is None:
            return None
        return Kept(
            made_unix_s=now_unix_s,
            until_unix_s=now_unix_s + rules.ttl_seconds,
            provider=record.provider,
            model=record.model,
            region=record.region,
            family=self._family(record),
            bound=self._bound,
            cost_picos=record.cost_picos,
            events=encoded,
            pauses_ms=tuple(self._pauses_ms),
        )

    def _family(self, record: AttemptRecord) -> str:
        mine = (one for one in self.asking.candidates if one.upstream.name == record.provider)
        return next((one.family for one in mine if one.model == record.model), record.model)


def answered(attempts: Sequence[AttemptRecord]) -> AttemptRecord | None:
    """The attempt that has answered."""
    return next((one for one in reversed(attempts) if one.outcome is AttemptOutcome.SUCCEEDED), None)


async def waited(call: Call, flight: Flight) -> Landed | Vectors | Next:
    """What an equal call has got, once it has it. Raises its error where that is the request's own fault."""
    since_s = time.monotonic()
    try:
        landing = await flight.landed()
    finally:
        call.queue_s += call.waited("queue", since_s)
    if isinstance(landing, HedgerowError):
        raise again(landing)
    return landing


async def played(call: Call, events: Sequence[Event], origin: CacheOrigin, pauses_ms: Sequence[int]) -> Events:
    """The events of a kept answer, each as it was, with the origin in Started. The pauses are shortened where the
    deadline would come before the end.
    """
    first, *others = events
    if isinstance(first, Started):
        if first.warnings:
            known = call.warnings
            call.warnings += [one for one in first.warnings if one.code in _OF_THE_ANSWER and one not in known]
        yield msgspec.structs.replace(first, warnings=tuple(call.warnings), cache=origin)
    else:
        yield first
    if not pauses_ms:
        for event in others:
            yield event
        return
    left_s, whole_s = call.remaining_s(), sum(pauses_ms) / 1000
    pace = 1.0
    if left_s is not None and whole_s > left_s * _MOST_OF_THE_TIME:
        pace = max(0.0, left_s * _MOST_OF_THE_TIME / whole_s)
    for event, pause_ms in zip(others, pauses_ms[1:], strict=False):
        if pause_ms:
            await asyncio.sleep(pause_ms * pace / 1000)
        yield event
