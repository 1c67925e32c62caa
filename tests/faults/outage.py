"""Load on a route whose providers fail, at a rate that does not wait for answers, and what came of it."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import grpc
from faults.ground import Place
from rpc.caller import Outcome

OPEN_S = 1.0
"""After so long the breakers are open, and refusals count as such."""


@dataclass(frozen=True, slots=True)
class Load:
    """What came of an open loop."""

    outcomes: list[Outcome[Any]]
    """All calls, in the order of their starts."""
    seconds: list[float]
    """How long each took."""
    started_s: list[float]
    """When each started, from the beginning."""

    @property
    def rate(self) -> float:
        """Calls a second that were really made."""
        return len(self.outcomes) / max(self.started_s[-1], 1e-9)

    @property
    def goodput(self) -> float:
        """The share that was answered."""
        return sum(one.code is grpc.StatusCode.OK for one in self.outcomes) / len(self.outcomes)

    @property
    def attempts(self) -> list[int]:
        """Of each call."""
        return [len(one.report.attempts) for one in self.outcomes]

    @property
    def amplification(self) -> float:
        """Attempts per call."""
        return sum(self.attempts) / len(self.outcomes)

    def refusals_p99_s(self) -> float:
        """The 99th percentile of calls that no candidate was asked for, once breakers are open."""
        found = sorted(
            took
            for took, began, count in zip(self.seconds, self.started_s, self.attempts, strict=True)
            if began > OPEN_S and not count
        )
        assert found, "no call was refused"
        return found[min(len(found) - 1, int(len(found) * 0.99))]


def load(place: Place, *, per_second: float, seconds: float, workers: int = 24) -> Load:
    """Calls at a steady rate, whatever becomes of those before."""
    began_s = time.monotonic()
    found: dict[int, tuple[Outcome[Any], float, float]] = {}
    lock = threading.Lock()

    def one(number: int) -> None:
        due_s = began_s + number / per_second
        time.sleep(max(0.0, due_s - time.monotonic()))
        started_s = time.monotonic()
        outcome = place.chat()
        with lock:
            found[number] = (outcome, time.monotonic() - started_s, started_s - began_s)

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(one, range(int(per_second * seconds))))
    told = [found[number] for number in sorted(found)]
    return Load([one for one, _, _ in told], [took for _, took, _ in told], [began for _, _, began in told])
