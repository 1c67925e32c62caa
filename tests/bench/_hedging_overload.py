"""An upstream that slows down because it is overloaded, where second attempts could make it worse."""

import heapq
from collections import deque
from dataclasses import dataclass

import numpy as np
from bench._hedging_laws import ARRIVALS_PER_S, Law
from hedgerow_server.routing.hedge import HedgePolicy, Hedging
from hedgerow_server.routing.latency import Latency

PATIENCE_S = 20.0
"""Callers leave without a first token after so long."""
ANSWER_S = 3.0
"""An answer takes so long after its first token, at the mean."""
SLOTS = 100
"""Answers that the upstream makes at once; the calls need about 75."""
LEFT = 50
"""Slots in the brown-out."""
ARRIVE, DUE, FIRST, DONE, LEAVE = range(5)


@dataclass
class Attempt:
    """One request in the upstream: it waits for a slot, holds it to the first token and on to the end."""

    call: int
    sent_s: float
    second: bool
    takes_s: float
    answer_s: float
    running: bool = False
    over: bool = False


@dataclass
class Overload:
    """What came of the run: shares of calls, and calls."""

    goodput: float
    goodput_in_brown_out: float
    extra_in_brown_out: float
    calls_in_brown_out: int


class Upstream:
    """A queue in order of arrival before a number of slots."""

    def __init__(self, heap: list[tuple[float, int, int, object]]) -> None:
        self.slots, self._busy, self._heap, self._tie = SLOTS, 0, heap, 0
        self._queue: deque[Attempt] = deque()

    def at(self, when_s: float, what: int, whom: object) -> None:
        """Notes what happens later."""
        self._tie += 1
        heapq.heappush(self._heap, (when_s, self._tie, what, whom))

    def send(self, attempt: Attempt, now_s: float) -> None:
        """Takes a request."""
        self._queue.append(attempt)
        self.fill(now_s)

    def end(self, attempt: Attempt, now_s: float) -> None:
        """An attempt is over, answered or cancelled: its slot is free, or it leaves the queue."""
        attempt.over = True
        if attempt.running:
            self._busy -= 1
            self.fill(now_s)

    def fill(self, now_s: float) -> None:
        """Gives free slots to who waits longest."""
        while self._queue and self._busy < self.slots:
            attempt = self._queue.popleft()
            if not attempt.over:
                attempt.running = True
                self._busy += 1
                self.at(now_s + attempt.takes_s, FIRST, attempt)


def overload(law: Law, policy: HedgePolicy | None, seed: int, minutes: int = 60) -> Overload:
    """An hour in whose middle third half of the upstream's slots are missing; None: no hedging."""
    return _Run(law, policy, seed, minutes * 60.0).run()


class _Run:
    def __init__(self, law: Law, policy: HedgePolicy | None, seed: int, length_s: float) -> None:
        rng = np.random.default_rng(seed)
        calls = int(length_s * ARRIVALS_PER_S)
        self.arrivals = np.cumsum(rng.exponential(1 / ARRIVALS_PER_S, calls)).tolist()
        self.takes = [law.times(rng.random(calls)).tolist() for _ in range(2)]
        self.answers = rng.exponential(ANSWER_S, calls).tolist()
        self.brown_out = (length_s / 3, 2 * length_s / 3)
        self.heap: list[tuple[float, int, int, object]] = []
        self.upstream = Upstream(self.heap)
        self.latency, self.hedging = Latency(), None if policy is None else Hedging(policy)
        self.open: dict[int, list[Attempt]] = {}
        self.planned: dict[int, float] = {}
        self.answered = [False] * calls
        self.hedged = [False] * calls

    def run(self) -> Overload:
        for call, arrival_s in enumerate(self.arrivals):
            self.upstream.at(arrival_s, ARRIVE, call)
        while self.heap:
            now_s, _, what, whom = heapq.heappop(self.heap)
            inside = self.brown_out[0] <= now_s < self.brown_out[1]
            self.upstream.slots = LEFT if inside else SLOTS
            self.upstream.fill(now_s)
            if isinstance(whom, Attempt):
                if not whom.over:
                    (self._first if what == FIRST else self.upstream.end)(whom, now_s)
            else:
                assert isinstance(whom, int)
                {ARRIVE: self._arrive, DUE: self._due, LEAVE: self._leave}[what](whom, now_s)
        within = [call for call, at_s in enumerate(self.arrivals) if self.brown_out[0] <= at_s < self.brown_out[1]]
        return Overload(
            goodput=float(np.mean(self.answered)),
            goodput_in_brown_out=float(np.mean([self.answered[call] for call in within])),
            extra_in_brown_out=float(np.mean([self.hedged[call] for call in within])),
            calls_in_brown_out=len(within),
        )

    def _send(self, call: int, now_s: float, *, second: bool) -> None:
        attempt = Attempt(call, now_s, second, self.takes[second][call], self.answers[call])
        self.open.setdefault(call, []).append(attempt)
        self.upstream.send(attempt, now_s)

    def _arrive(self, call: int, now_s: float) -> None:
        self.upstream.at(now_s + PATIENCE_S, LEAVE, call)
        delay_s = None if self.hedging is None else self.hedging.plan(self.latency, now_s)
        if delay_s is not None:
            self.planned[call] = delay_s
            self.upstream.at(now_s + delay_s, DUE, call)
        self._send(call, now_s, second=False)

    def _due(self, call: int, now_s: float) -> None:
        if call in self.open and self.hedging is not None:
            delay_s = self.planned.pop(call)
            if self.hedging.start(now_s, None, planned_s=delay_s, real_s=delay_s):
                self.hedged[call] = True
                self._send(call, now_s, second=True)

    def _first(self, winner: Attempt, now_s: float) -> None:
        self.answered[winner.call] = True
        self.latency.observe(now_s - winner.sent_s, now_s)
        self._decided(winner.call, winner, now_s)
        self.upstream.at(now_s + winner.answer_s, DONE, winner)

    def _leave(self, call: int, now_s: float) -> None:
        if call in self.open:
            self._decided(call, None, now_s)

    def _decided(self, call: int, winner: Attempt | None, now_s: float) -> None:
        attempts = self.open.pop(call)
        for attempt in attempts:
            if attempt is not winner:
                self.latency.observe_at_least(now_s - attempt.sent_s, now_s)
                self.upstream.end(attempt, now_s)
        if self.hedging is None:
            return
        if self.planned.pop(call, None) is not None:
            self.hedging.in_time(now_s, now_s - attempts[0].sent_s)
        elif len(attempts) > 1 and winner is not None:
            self.hedging.settled(won=winner.second)
