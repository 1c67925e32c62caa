"""Two attempts side by side: the first content wins, the other is cancelled."""

import asyncio
import time
from collections.abc import Callable

from hedgerow_server.core.error import HedgerowError
from hedgerow_server.core.event import AttemptKind, AttemptOutcome
from hedgerow_server.core.request import ChatSpec, EmbedSpec, ProviderTool
from hedgerow_server.routing.candidate import Candidate
from hedgerow_server.routing.hedge import Hedging
from hedgerow_server.routing.leg import Leg
from hedgerow_server.routing.need import need_of
from hedgerow_server.routing.plan import Plan
from hedgerow_server.routing.select import expected_cost

_STATEFUL = ("previous_response_id", '"conversation"', '"store"', '"session', '"container"', '"background"')
"""Options of providers that keep something of a call: a second copy of it would leave a second trace."""

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
        """`target` is who would be asked beside the first; `second` starts the attempt, None where it may not; `judge`
        is told of each failure, in the order of the attempts, and raises what goes back to the caller at once.
        """
        self._hedges = plan.bounds.hedges if repeatable(plan, spec) else None
        self._spec = spec
        self._target = target
        self._second = second
        self._judge = judge
        self._hedging: Hedging | None = None
        self._expected_picos: int | None = None
        self._started = False

    async def run(self, leg: Leg) -> Leg | None:
        """The attempt whose first content came first; None where all have failed and the search goes on."""
        hedges, self._hedges = self._hedges, None
        if hedges is not None:
            hedging = self._hedging = hedges.of(leg.candidate)
            delay_s = hedging.plan(leg.latency, time.monotonic())
            if delay_s is not None:
                return await self._contest(hedging, leg, delay_s)
        try:
            await leg.first()
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

    async def _contest(self, hedging: Hedging, leg: Leg, delay_s: float) -> Leg | None:
        running: dict[Task, Leg] = {asyncio.create_task(leg.first()): leg}
        winner: Leg | None = None
        try:
            winner = await self._winner(hedging, running, delay_s)
            return winner
        finally:
            outcome = AttemptOutcome.CANCELLED if winner is None else AttemptOutcome.HEDGE_LOST
            for task, one in running.items():
                one.stop(outcome)
                one.close(task)

    async def _winner(self, hedging: Hedging, running: dict[Task, Leg], delay_s: float) -> Leg | None:
        """Takes the winner, and those that failed, out of those that run."""
        began_s = time.monotonic()
        wait_s: float | None = delay_s
        unheard: list[tuple[Leg, HedgerowError]] = []  # what a second attempt says counts after the first one's word
        while running:
            done, _ = await asyncio.wait(running, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
            if wait_s is not None:
                wait_s = None
                now_s = time.monotonic()
                if done:
                    hedging.in_time(now_s, now_s - began_s)
                else:
                    self._hedge(hedging, running, delay_s, now_s - began_s)
            won = next((task for task in running if task in done and task.exception() is None), None)
            if won is not None:
                leg = running.pop(won)
                if self._started:
                    hedging.settled(won=leg.attempt.kind is AttemptKind.HEDGE)
                return leg
            unheard += [_failed(running.pop(task), task) for task in tuple(running) if task in done]
            if not any(one.attempt.kind is not AttemptKind.HEDGE for one in running.values()):
                unheard.sort(key=lambda one: one[0].attempt.number)
                for one, error in unheard:
                    self._judge(one, error)
                unheard.clear()
        return None

    def _hedge(self, hedging: Hedging, running: dict[Task, Leg], planned_s: float, real_s: float) -> None:
        target = self._target()
        if target is None:
            return
        picos = expected_cost(target, need_of(self._spec, stream=True))
        verdict = hedging.start(
            time.monotonic(),
            picos,
            planned_s=planned_s,
            real_s=real_s,
            breaker_open=not target.state.open(),
            rate_share=target.state.rate_limited.value,
        )
        if not verdict:
            return
        # Paid for: given back with the books, also where there is nothing to start.
        self._expected_picos = picos
        leg = self._second(target)
        if leg is None:
            return
        self._started = True
        leg.attempt.hedge_delays_s = (planned_s, real_s)
        running[asyncio.create_task(leg.first())] = leg


def _failed(leg: Leg, task: Task) -> tuple[Leg, HedgerowError]:
    error = task.exception()
    assert error is not None
    if not isinstance(error, HedgerowError):
        raise error
    return leg, error


def repeatable(plan: Plan, spec: ChatSpec | EmbedSpec) -> bool:
    """Whether the call may be made twice: function tools run after the one answer, a provider's own run at once."""
    if plan.bounds.hedges is None or plan.policy.disable_hedging:
        return False
    if isinstance(spec, ChatSpec) and any(isinstance(tool, ProviderTool) for tool in spec.tools):
        return False
    return not any(word in text for text in spec.provider_options.values() for word in _STATEFUL)
