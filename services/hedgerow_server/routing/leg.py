"""An attempt on its way to the answer: opened to its first content, then to its end, and what its candidate learns."""

import asyncio
import datetime as dt
import time

from hedgerow_server.core.error import FirstTokenTimeout, HedgerowError, ProviderAuth
from hedgerow_server.core.event import AttemptOutcome, Event, Finished, Started, Usage, Warning, WarningCode
from hedgerow_server.routing.attempt import Attempt
from hedgerow_server.routing.breaker import Permit
from hedgerow_server.routing.candidate import Candidate
from hedgerow_server.routing.latency import Latency

_ANSWERING_S = 30.0
"""Who has answered somebody within so many seconds is there."""
_USUAL = 0.95
"""The quantile of a candidate's first-token times before which its silence is no fault."""
_RETIRING = dt.timedelta(days=90)
"""How long before its last day callers of a model are warned."""


class Leg:
    """One attempt. `held` is what came and was not yet handed on."""

    __slots__ = ("_hurried", "_permit", "_stream", "attempt", "begun", "candidate", "finished", "held")

    def __init__(
        self, attempt: Attempt, candidate: Candidate, permit: Permit, *, stream: bool, hurried: bool = False
    ) -> None:
        """`stream`: whether the provider is asked to stream; `hurried`: whether the caller, not the configuration, says
        how long its first content may take.
        """
        self.attempt = attempt
        self.candidate = candidate
        self.held: list[Event] = []
        self.begun = False
        """Whether any content has come."""
        self.finished: Finished | None = None
        """The provider's last word."""
        self._permit: Permit | None = permit
        self._stream = stream
        self._hurried = hurried
        candidate.state.running += 1
        if candidate.lease is not None and attempt.secret is not None:
            candidate.lease.hold(attempt.secret)

    @property
    def latency(self) -> Latency:
        """The times of attempts like this one."""
        return self.candidate.state.latency(stream=self._stream)

    @property
    def usage(self) -> Usage | None:
        """What the attempt has consumed, once it has ended."""
        return self.attempt.record.usage if self.attempt.record is not None else None

    def warnings(self) -> tuple[Warning, ...]:
        """What the caller of this answer should know."""
        facts, warnings = self.candidate.facts, self.attempt.warnings
        if self.finished is not None:
            warnings += self.finished.warnings
        if (
            facts is not None
            and facts.retires is not None
            and facts.retires - dt.datetime.now(dt.UTC).date() < _RETIRING
        ):
            to = f"; its provider names {facts.successor} as its successor" if facts.successor else ""
            text = f"The model {self.candidate.model} is served until {facts.retires}{to}."
            field = "embed.model" if facts.kind == "embed" else "chat.model"
            warnings = (*warnings, Warning(WarningCode.MODEL_RETIRING, field, text))
        return warnings

    async def read(self, *, whole: bool) -> None:
        """Reads until the first content is held or, if `whole`, all of the answer. Raises HedgerowError."""
        while not self.begun or (whole and self.finished is None):
            try:
                batch = await self.attempt.next()
            except HedgerowError as error:
                self.failed(error)
                raise
            except BaseException:
                self.stop(AttemptOutcome.CANCELLED)
                raise
            self.take(batch)
            self.held += batch

    def told(self) -> tuple[Started, list[Event]]:
        """What the provider said of itself, and what else is held, which goes on now."""
        held, self.held = self.held, []
        first = held[0]
        return (first, held[1:]) if isinstance(first, Started) else (Started(), held)

    def take(self, batch: list[Event]) -> None:
        """Takes note of what has come."""
        last = batch[-1]
        if not self.begun and type(last) is not Started:
            self.begun = True
            self._answered()
        if isinstance(last, Finished):
            self.finished = last
            self._succeeded()

    def _answered(self) -> None:
        record = self.attempt.record
        assert record is not None
        now_s = time.monotonic()
        # Of a document nothing comes before its end.
        first_s = record.total_s if record.first_token_s is None else record.first_token_s
        self.candidate.state.times[self._stream].observe(first_s, now_s)
        if self._permit is not None:
            self._permit.answered(now_s, first_s if self._stream else None)

    def _succeeded(self) -> None:
        permit = self._release()
        if permit is not None:
            permit.success(time.monotonic())
            self.candidate.state.succeeded(permit.admitted_s)

    def failed(self, error: HedgerowError) -> None:
        """The attempt has failed: its candidate learns why."""
        permit = self._release()
        if permit is None:
            return
        now_s = time.monotonic()
        if isinstance(error, FirstTokenTimeout):
            if self._too_early(now_s):
                permit.outrun(now_s)
            self._was_silent()
        permit.failure(now_s, error.failure, error.reason)
        state, lease, secret = self.candidate.state, self.candidate.lease, self.attempt.secret
        superseded = False
        if isinstance(error, ProviderAuth) and lease is not None and secret is not None:
            superseded = not state.refusal.note(lease, secret)
        state.failed(error, self.attempt.record, superseded=superseded)

    def _too_early(self, now_s: float) -> bool:
        """Whether its silence is no news: a caller with little time would not wait for what it usually takes. So the
        deadlines of one caller eject no candidate for all the others.
        """
        record, state = self.attempt.record, self.candidate.state
        if not self._hurried or record is None or now_s - state.pace(stream=self._stream).sampled_s > _ANSWERING_S:
            return False
        usual_s = self.latency.quantile(_USUAL, now_s, slack=0.1)
        return usual_s is not None and record.total_s < usual_s

    def stop(self, outcome: AttemptOutcome) -> None:
        """The attempt goes on no further: somebody else was faster, or nobody waits for it any more."""
        self.attempt.stop(outcome)
        permit = self._release()
        if permit is None:
            return
        if not self.begun:
            self._was_silent()
        if outcome is AttemptOutcome.HEDGE_LOST:
            permit.outrun(time.monotonic())
        else:
            permit.void()

    def _was_silent(self) -> None:
        """Silence counts: the first content would have come later than this."""
        record = self.attempt.record
        if record is not None:
            self.latency.observe_at_least(record.total_s, time.monotonic())

    def leave(self, task: "asyncio.Future[None]") -> None:
        """Ends the reading of an attempt that lost, without waiting: `task` was to read its first content."""
        if task.done():
            _retrieve(task)
            # What came in the same moment as the winner's.
            self.attempt.close()
            return
        task.cancel()
        closing = self.candidate.state.closing
        closing.add(task)
        task.add_done_callback(closing.discard)
        task.add_done_callback(_retrieve)

    def _release(self) -> Permit | None:
        permit, self._permit = self._permit, None
        if permit is not None:
            candidate, secret = self.candidate, self.attempt.secret
            candidate.state.running -= 1
            if candidate.lease is not None and secret is not None:
                candidate.lease.let_go(secret)
        return permit


def _retrieve(task: "asyncio.Future[None]") -> None:
    """Takes the error of an attempt that nobody waits for any more; its record tells it."""
    if not task.cancelled():
        task.exception()
