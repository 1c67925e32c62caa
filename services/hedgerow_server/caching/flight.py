"""One call upstream for all that ask the same at the same moment.

The first one leads, the others wait, each within its own deadline. Where the leader leaves or fails, one of those that
wait takes the lead; a failure that is the request's own fault would meet all of them, so it is told to all. Where the
answer turns out to be none that may be shared, everybody goes alone, at once rather than one after the other.
"""

import asyncio
import enum

import msgspec

from hedgerow_server.caching.kept import Kept
from hedgerow_server.core.error import Cancelled, DeadlineExceeded, Failure, HedgerowError
from hedgerow_server.core.event import Event

_MOST_LEADERS = 3
"""So many may fail one after the other, then nobody waits any more."""


class Next(enum.Enum):
    """What becomes of those that have waited in vain."""

    LEAD = "lead"
    """One of them leads."""
    ALONE = "alone"
    """Each goes by itself."""


class Landed(msgspec.Struct, frozen=True):
    """The answer, fit to be given to all."""

    kept: Kept
    events: tuple[Event, ...]
    similarity: float | None = None
    """Of the answer to a question that was like this one: how like, 0 to 1."""


class Vectors(msgspec.Struct, frozen=True):
    """The vectors of an embedding call, by where they are kept."""

    kept: dict[bytes, Kept]


Landing = Landed | Vectors | HedgerowError | Next


class Flight:
    """One call upstream, for those that wait for what it brings."""

    __slots__ = ("_flights", "_landing", "failures", "slot", "waiting")

    def __init__(self, flights: "Flights", slot: bytes, failures: int) -> None:
        self._flights = flights
        self._landing: asyncio.Future[Landing] | None = None
        self.slot = slot
        self.failures = failures
        """How many leaders have failed so far."""
        self.waiting = 0

    async def landed(self) -> Landing:
        """What it brings. Whoever is cancelled meanwhile leaves it and the others as they are."""
        if self._landing is None:
            self._landing = asyncio.get_running_loop().create_future()
        self.waiting += 1
        try:
            return await asyncio.shield(self._landing)
        finally:
            self.waiting -= 1

    def land(self, landing: Landing) -> None:
        """It is over. Later words are not heard."""
        if self._flights.end(self) and self._landing is not None and not self._landing.done():
            self._landing.set_result(landing)

    def fail(self, error: HedgerowError | None) -> None:
        """It is over without an answer; None: the leader has left."""
        if error is not None and error.failure in (Failure.REQUEST, Failure.CONTENT):
            self.land(error)
            return
        if error is not None and not isinstance(error, Cancelled | DeadlineExceeded):
            self.failures += 1
        self.land(Next.LEAD if self.failures < _MOST_LEADERS else Next.ALONE)


class Flights:
    """Those that are under way."""

    def __init__(self) -> None:
        self.under_way: dict[bytes, Flight] = {}
        """By the slots that their answers will have."""

    def of(self, slot: bytes) -> Flight | None:
        """The one to wait for; None: there is none."""
        return self.under_way.get(slot)

    def begin(self, slot: bytes, failures: int = 0) -> Flight:
        """A new one, where there is none."""
        flight = self.under_way[slot] = Flight(self, slot, failures)
        return flight

    def end(self, flight: Flight) -> bool:
        """One is over. Tells whether it was not before."""
        if self.under_way.get(flight.slot) is not flight:
            return False
        del self.under_way[flight.slot]
        return True


def again(error: HedgerowError) -> HedgerowError:
    """The same error, to be raised once more: an exception keeps the way that it has come."""
    return type(error)(
        error.message,
        metadata=dict(error.metadata),
        violations=error.violations,
        retry_delay_s=error.retry_delay_s,
        resource=error.resource,
        subject=error.subject,
    )
