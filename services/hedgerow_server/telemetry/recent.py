"""The newest calls, for the console: those that are open, those that have ended, and the last failures by provider.

What is kept of a call are references to what was written down of it anyway. Neither a request nor an answer is among
them, nor an error itself, whose traceback would keep both alive; views are made when somebody asks.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import msgspec

from hedgerow_server.core.call import Call, Outcome, Principal
from hedgerow_server.core.event import AttemptOutcome, AttemptRecord, GuardVerdict, Usage, Warning

SLOT_S = 10
"""How finely time is divided in what is counted."""
_SLOTS = 360
_FAILURES = 20
"""Calls that are kept of each provider."""
_PROVIDERS = 1000
_FAILED = AttemptOutcome.FAILED
_NO_LABELS: dict[str, str] = {}


class RecentCall(msgspec.Struct, frozen=True, gc=False):
    """A call that has ended. Durations in seconds."""

    call_id: str
    """The gateway's own id; empty where nothing of it was written down."""
    request_id: str
    method: str
    door: str
    principal: Principal | None
    model: str
    """The model name that was asked for; empty where the request has none, or was not read."""
    labels: Mapping[str, str]
    ended_unix_s: float
    duration_s: float
    code: str
    """The name of a gRPC status code."""
    reason: str
    """As ErrorReason, without its prefix."""
    message: str
    attempts: Sequence[AttemptRecord]
    """The newest ones, oldest first."""
    attempts_started: int
    usage: Usage | None
    warnings: Sequence[Warning]
    verdicts: Sequence[GuardVerdict]
    why: str
    cache: str
    replay_of: str
    downgraded_from: str
    trace: tuple[tuple[str, str], ...]
    auth_s: float
    queue_s: float
    guardrail_s: float

    @property
    def started_unix_s(self) -> float:
        """When it came."""
        return self.ended_unix_s - self.duration_s


class Slot(msgspec.Struct):
    """What ended in SLOT_S seconds."""

    number: int
    """Counts them from 1970."""
    calls: int = 0
    failed: int = 0
    cost_picos: int = 0
    """As far as it is known."""


class RecentCalls:
    """A watcher that keeps the newest calls. For the event loop's thread."""

    def __init__(self, most: int, clock: Callable[[], float] = time.time) -> None:
        """Keeps `most` calls that have ended."""
        self.most = most
        self._clock = clock
        self.started_unix_s = clock()
        """Since when it watches."""
        self.ended = 0
        """How many calls have ended since."""
        self._open: dict[Call, None] = {}
        self._calls: deque[RecentCall] = deque(maxlen=most)
        self._failures: dict[str, deque[RecentCall]] = {}
        self._slot = Slot(0)
        self._slots: deque[Slot] = deque(maxlen=_SLOTS)

    def began(self, call: Call) -> None:
        """It is open from now on."""
        self._open[call] = None

    def settled(self, call: Call, outcome: Outcome, duration_s: float) -> None:
        """Keeps it."""
        self._open.pop(call, None)
        error, request, now_s = outcome.error, call.request, self._clock()
        spec = getattr(request, "spec", None)
        kept = RecentCall(
            call.call_id,
            call.request_id,
            call.method.name,
            call.door,
            call.principal,
            spec.model if spec is not None else "",
            getattr(request, "labels", _NO_LABELS),
            now_s,
            duration_s,
            "OK" if error is None else error.code,
            "" if error is None else error.reason,
            "" if error is None else error.message,
            call.attempts,
            call.attempts_started,
            call.usage,
            call.warnings,
            call.verdicts,
            call.why,
            call.cache,
            call.replay_of,
            call.downgraded_from,
            call.trace,
            call.auth_s,
            call.queue_s,
            call.guardrail_s,
        )
        self._calls.append(kept)
        self.ended += 1
        self._count(kept, now_s)

    def _count(self, kept: RecentCall, now_s: float) -> None:
        slot, number = self._slot, int(now_s) // SLOT_S
        if slot.number != number:
            slot = self._slot = Slot(number)
            self._slots.append(slot)
        slot.calls += 1
        if kept.code != "OK":
            slot.failed += 1
        for attempt in kept.attempts:
            if attempt.outcome is _FAILED:
                self._failed(attempt.provider, kept)
            if attempt.cost_picos is not None:
                slot.cost_picos += attempt.cost_picos

    def _failed(self, provider: str, kept: RecentCall) -> None:
        failures = self._failures.get(provider)
        if failures is None:
            if len(self._failures) >= _PROVIDERS:
                del self._failures[next(iter(self._failures))]
            failures = self._failures[provider] = deque(maxlen=_FAILURES)
        if not failures or failures[-1] is not kept:
            failures.append(kept)

    @property
    def open_calls(self) -> Sequence[Call]:
        """Those that are open, oldest first."""
        return tuple(self._open)

    @property
    def open_count(self) -> int:
        """How many are open."""
        return len(self._open)

    def calls(self) -> Iterator[RecentCall]:
        """Those that have ended, newest first."""
        return reversed(tuple(self._calls))

    def failures(self) -> Mapping[str, tuple[RecentCall, ...]]:
        """The last calls in which an attempt at a provider failed, newest first, by its name."""
        return {name: tuple(reversed(self._failures[name])) for name in sorted(self._failures)}

    def find(self, call_id: str) -> tuple[RecentCall, ...]:
        """Those that go by an id, their own or the one that the caller knows, newest first."""
        kept: Iterable[RecentCall] = (*self.calls(), *(one for few in self._failures.values() for one in few))
        found = {id(one): one for one in kept if call_id in (one.call_id, one.request_id)}
        return tuple(sorted(found.values(), key=lambda one: -one.ended_unix_s))

    def slots(self) -> Sequence[Slot]:
        """What was counted in the last hour, oldest first, without those of no call."""
        since = int(self._clock()) // SLOT_S - _SLOTS
        return tuple(one for one in self._slots if one.number > since)
