"""Calls in virtual time through the router's hedging policy, and the best that a fixed delay does on the same draws."""

import heapq
from dataclasses import dataclass

import numpy as np
from bench._hedging_laws import Draws, Floats
from hedgerow_server.routing.hedge import HedgeCounts, HedgePolicy, Hedging
from hedgerow_server.routing.latency import Latency

DUE, IN_TIME, LATE, WON, LOST = range(5)


@dataclass
class Outcome:
    """What a policy made of a run."""

    first_token_s: Floats
    hedged: list[int]
    """The calls that got a second attempt."""
    hedged_at_s: list[float]
    """When each of them did."""
    counts: HedgeCounts


def run(draws: Draws, policy: HedgePolicy) -> Outcome:
    """Runs all calls through one Hedging and one Latency; every fact reaches them when it would in a real run.

    The race is to the same candidate. Its loser has cost its prompt, since it is cancelled before its first token.
    """
    return _World(draws, policy).run()


class _World:
    def __init__(self, draws: Draws, policy: HedgePolicy) -> None:
        self._draws = draws
        self._latency, self._hedging = Latency(), Hedging(policy)
        # Lists of floats: a NumPy number costs more than the step that reads it.
        self._arrivals: list[float] = draws.arrivals.tolist()
        self._first: list[float] = draws.first.tolist()
        self._prompts: list[int] = draws.prompt_picos.tolist()
        self._answers: list[int] = draws.answer_picos.tolist()
        self._took = list(self._first)
        self._waits: dict[int, tuple[float, float]] = {}
        self._hedged: list[int] = []
        self._hedged_at_s: list[float] = []
        # When, what and which call; arrivals come from their own list.
        self._heap: list[tuple[float, int, int]] = []

    def run(self) -> Outcome:
        heap, pop = self._heap, heapq.heappop
        steps = {IN_TIME: self._in_time, DUE: self._due, LATE: self._late, WON: self._decided, LOST: self._decided}
        for call, arrival_s in enumerate(self._arrivals):
            while heap and heap[0][0] <= arrival_s:
                now_s, what, one = pop(heap)
                steps[what](one, now_s)
            self._arrive(call, arrival_s)
        while heap:
            now_s, what, one = pop(heap)
            steps[what](one, now_s)
        return Outcome(np.array(self._took), self._hedged, self._hedged_at_s, self._hedging.counts)

    def _arrive(self, call: int, now_s: float) -> None:
        delay_s = self._hedging.plan(self._latency, now_s)
        first_s = self._first[call]
        if delay_s is None or first_s <= delay_s:
            heapq.heappush(self._heap, (now_s + first_s, IN_TIME, call))
        else:
            self._waits[call] = (delay_s, 0.0)
            heapq.heappush(self._heap, (now_s + delay_s, DUE, call))

    def _in_time(self, call: int, now_s: float) -> None:
        self._hedging.in_time(now_s, self._first[call])
        self._late(call, now_s)

    def _late(self, call: int, now_s: float) -> None:
        self._waits.pop(call, None)
        self._latency.observe(self._first[call], now_s)
        self._hedging.booked(self._prompts[call] + self._answers[call])

    def _due(self, call: int, now_s: float) -> None:
        delay_s, first_s = self._waits[call][0], self._first[call]
        if self._hedging.start(now_s, self._prompts[call], planned_s=delay_s, real_s=delay_s):
            second_s = self._draws.second(call, now_s)
            won = delay_s + second_s < first_s
            self._hedged.append(call)
            self._hedged_at_s.append(now_s)
            self._waits[call] = (delay_s, second_s)
            self._took[call] = delay_s + second_s if won else first_s
            heapq.heappush(self._heap, (self._arrivals[call] + self._took[call], WON if won else LOST, call))
        else:
            heapq.heappush(self._heap, (self._arrivals[call] + first_s, LATE, call))

    def _decided(self, call: int, now_s: float) -> None:
        delay_s, second_s = self._waits.pop(call)
        took_s = self._took[call]
        won = took_s < self._first[call]
        if won:
            self._latency.observe(second_s, now_s)
            self._latency.observe_at_least(took_s, now_s)
        else:
            self._latency.observe(took_s, now_s)
            self._latency.observe_at_least(took_s - delay_s, now_s)
        self._hedging.settled(won=won)
        prompt = self._prompts[call]
        self._hedging.booked(prompt + self._answers[call], prompt, prompt)


def fixed(draws: Draws, delay_s: float) -> Floats:
    """First-token times with a second attempt after the same delay for every call that is not answered by then."""
    return np.minimum(draws.first, delay_s + draws.seconds(draws.arrivals + delay_s))


def best_fixed(draws: Draws, max_extra: float) -> tuple[float, Floats]:
    """The fixed delay with the lowest p99 among those that hedge at most that share of calls, and its times."""
    ordered = np.sort(draws.first)
    calls = len(ordered)
    # A call is hedged if it takes longer than the delay: the delays that hedge 0.2 % of calls and more.
    most = int(calls * max_extra)
    delays = {float(ordered[calls - 1 - int(most * part)]) for part in np.linspace(0.04, 1, 49)}
    return min(((delay, fixed(draws, delay)) for delay in delays), key=lambda one: float(np.quantile(one[1], 0.99)))
