"""Two attempts side by side: the first content wins, the other is cancelled."""

import asyncio
import time
from collections.abc import Callable

from hedgerow_server.core.error import HedgerowError
from hedgerow_server.core.event import AttemptKind, AttemptOutcome
from hedgerow_server.core.request import ChatSpec, EmbedSpec, ProviderTool, is_stateful
from hedgerow_server.routing.candidate import Candidate
from hedgerow_server.routing.hedge import Hedging
from hedgerow_server.routing.leg import Leg
from hedgerow_server.routing.need import need_of
from hedgerow_server.routing.plan import Plan
from hedgerow_server.routing.select import expected_cost

Task = asyncio.Task[None]


def streams_upstream(plan: Plan, spec: ChatSpec | EmbedSpec, *, stream: bool) -> bool:
    """Whether the provider is asked to stream. A unary call streams upstream where a clock or a race of its route looks
    at the first token, or where the model does nothing else.
    """
    return stream or (plan.bounds.streams and isinstance(spec, ChatSpec))


class Race:
    """The hedging of one call: at most one attempt beside its first."""

    def __init__(
        self,
        plan: Plan,
        spec: ChatSpec | EmbedSpec,
        target: Callable[[], Candidate | None],
        second: Callable[[Candidate], Leg | None],
        judge: Callable[[Leg, HedgerowError], None],
    ) -> None:
        """Of a `repeatable` call. `target` is who would be asked beside the first; `second` starts the attempt, None
        where it may not; `judge` is told of each failure, in the order of the attempts, and raises what goes back
        to the caller at once.
        """
        self._hedges = plan.bounds.hedges
        self._spec = spec
        self._target = target
        self._start_second = second
        self._judge = judge
        self._hedging: Hedging | None = None
        self._expected_picos: int | None = None
        self._second: tuple[Task, Leg] | None = None
        self._due = False
        self._open = False  # the first one is still to say something
        self._outrun = False

    async def run(self, leg: Leg) -> Leg | None:
        """The attempt whose first content came first; None where all have failed and the search goes on."""
        hedges, self._hedges = self._hedges, None
        if hedges is not None:
            hedging = self._hedging = hedges.of(leg.candidate)
            delay_s = hedging.plan(leg.latency, time.monotonic())
            if delay_s is not None:
                return await self._contest(hedging, leg, delay_s)
        try:
            await leg.read(whole=False)
        except HedgerowError as error:
            self._judge(leg, error)
            return None
        return leg

    def book(self, legs: list[Leg]) -> None:
        """The call is over: what its attempts cost goes to the budgets."""
        if self._hedging is None:
            return
        ordinary, extra = 0, 0
        for leg in legs:
            record = leg.attempt.record
            if record is None or not record.cost_picos:
                continue
            if record.outcome is AttemptOutcome.HEDGE_LOST or (
                record.kind is AttemptKind.HEDGE and record.outcome is not AttemptOutcome.SUCCEEDED
            ):
                extra += record.cost_picos
            else:
                ordinary += record.cost_picos
        self._hedging.booked(ordinary, extra, self._expected_picos)

    async def _contest(self, hedging: Hedging, first: Leg, delay_s: float) -> Leg | None:
        """The first attempt runs in the call's own task: one that is in time costs a timer and no more."""
        caller = asyncio.current_task()
        assert caller is not None
        began_s = time.monotonic()
        winner: Leg | None = None
        due = (hedging, first, caller, delay_s, began_s)
        timer = asyncio.get_running_loop().call_later(delay_s, self._hedge, *due)
        try:
            failure = await self._first_word(first, caller)
            if not self._due:
                now_s = time.monotonic()
                hedging.in_time(now_s, now_s - began_s)
            if failure is None:
                winner = self._second[1] if self._outrun and self._second is not None else first
            else:
                self._judge(first, failure)
                winner = await self._second_alone()
            if self._second is not None and winner is not None:
                hedging.settled(won=winner is not first)
            return winner
        finally:
            timer.cancel()
            if self._second is not None and winner is not self._second[1]:
                task, second = self._second
                second.stop(AttemptOutcome.CANCELLED if winner is None else AttemptOutcome.HEDGE_LOST)
                second.leave(task)

    async def _first_word(self, first: Leg, caller: "asyncio.Task[object]") -> HedgerowError | None:
        """Waits until the first attempt has content, has failed (its error) or was outrun."""
        cancelling = caller.cancelling()
        failure: HedgerowError | None = None
        self._open = True
        try:
            await first.read(whole=False)
        except HedgerowError as error:
            failure = error
        except asyncio.CancelledError:
            if not self._outrun:
                raise
        finally:
            self._open = False
        if not self._outrun:
            return failure
        # However its end came about, it is over.
        first.attempt.close()
        if caller.uncancel() > cancelling:
            # The caller left at the same moment.
            raise asyncio.CancelledError
        return None

    async def _second_alone(self) -> Leg | None:
        """The second attempt, if there is one, where the first has failed."""
        if self._second is None:
            return None
        task, second = self._second
        await asyncio.wait([task])
        error = task.exception()
        if error is None:
            return second
        if not isinstance(error, HedgerowError):
            raise error
        self._judge(second, error)
        return None

    def _hedge(
        self, hedging: Hedging, first: Leg, caller: "asyncio.Task[object]", planned_s: float, began_s: float
    ) -> None:
        """The delay is over: a second attempt starts, if it may."""
        self._due = True
        target = self._target()
        picos = expected_cost(target, need_of(self._spec, stream=True)) if target is not None else None
        now_s = time.monotonic()
        # Asked also where there is nobody: a call that was late tells how all are doing.
        verdict = hedging.start(
            now_s,
            picos,
            planned_s=planned_s,
            real_s=now_s - began_s,
            breaker_open=target is None or not target.state.open(),
            rate_share=target.state.rate_limited.value if target is not None else 0.0,
        )
        if target is None or not verdict:
            return
        # Paid for: given back with the books, also where there is nothing to start.
        self._expected_picos = picos
        second = self._start_second(target)
        if second is None:
            return
        second.attempt.hedge_delays_s = (planned_s, now_s - began_s)
        task = asyncio.get_running_loop().create_task(second.read(whole=False))
        self._second = task, second

        def came(done: Task) -> None:
            if self._open and not done.cancelled() and done.exception() is None:
                self._outrun = True
                first.stop(AttemptOutcome.HEDGE_LOST)
                caller.cancel()

        task.add_done_callback(came)


def repeatable(plan: Plan, spec: ChatSpec | EmbedSpec) -> bool:
    """Whether the call may be made twice: function tools run after the one answer, a provider's own run at once."""
    if plan.bounds.hedges is None or plan.policy.disable_hedging:
        return False
    if isinstance(spec, ChatSpec) and any(isinstance(tool, ProviderTool) for tool in spec.tools):
        return False
    return not is_stateful(spec.provider_options)
