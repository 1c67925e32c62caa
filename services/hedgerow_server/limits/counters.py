"""Who holds the counts. In one process they are here, and a call takes what it needs of all its buckets in one step."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import msgspec

from hedgerow_server.core.slices import Work
from hedgerow_server.limits.bucket import Bucket, BucketKey
from hedgerow_server.limits.rules import Line
from hedgerow_server.limits.window import Moment, Window

Amounts = Sequence[int]
"""How much of each Unit."""
_SWEEP_S = 1.0
_FEW = 10_000
"""So many buckets are not worth to be looked through."""
_SLICE = 256
_now = Moment.now


class Short(msgspec.Struct, frozen=True):
    """A line that has too little left."""

    line: Line
    wait_s: float | None
    """How long until there is enough, if nobody else takes it. None: that is not known, or never."""
    counts: int
    """What counts against it."""


class Reservation(msgspec.Struct, eq=False):
    """What a call has taken, line by line. Made by counters only."""

    id: int
    lines: tuple[Line, ...]
    amounts: list[int]
    """All that it has taken, by unit."""
    expires_s: float
    """When it is given back, by the monotonic clock, whoever took it."""
    slots: list[int]
    """The slot of each line in which it stands."""
    parts: list[int]
    """How much of each line stands in that slot."""
    fixed: list[int] | None = None
    """How much of each line was taken in slots before, for good. None: of all nothing."""
    expired: bool = False
    settled: bool = False


class Counters(Protocol):
    """Holds the counts. Nothing here waits; where counts are shared with others, `more` does."""

    epoch: int
    """Grows when buckets were let go: lines that were resolved before may have one of those."""
    watch: Callable[[Line], None] | None
    """Told of lines that others who share the counts have added to."""

    def bucket(self, key: BucketKey, window: Window) -> Bucket:
        """The bucket of a key, new where there is none."""

    def reserve(
        self, lines: tuple[Line, ...], amounts: Amounts, expires_s: float, *, forced: bool = False
    ) -> Reservation | Short:
        """Takes the amounts of all lines, or of none; `forced`: of all, whatever is left."""

    def extend(self, reservation: Reservation, more: Amounts) -> Short | None:
        """Takes more of all its lines, or of none."""

    def settle(self, reservation: Reservation, actual: Amounts) -> Moment:
        """Replaces what was taken by what it came to. Once; later it does nothing. Returns when that was: all buckets
        are in the slots of that moment.
        """

    def correct(self, reservation: Reservation, more: Amounts) -> None:
        """What a settled reservation came to turns out to be more, or less."""

    async def more(self, short: Short) -> Short | None:
        """Asks for more where counts are lent. None: it is worth to try again; else what is short in any case."""

    def wish(self, short: Short) -> None:
        """Where counts are lent, asks for it on the side, for whoever comes next."""

    def now(self) -> Moment:
        """This moment, by the clocks that the counts go by."""

    def once(self, key: str, keep_s: float, then: Callable[[], None]) -> None:
        """Calls it unless somebody who shares the counts has said the same within so many seconds."""


class LocalCounters:
    """The counts of one process. Exact: nobody else has any."""

    def __init__(self) -> None:
        self.epoch = 0
        self.watch: Callable[[Line], None] | None = None
        self._buckets: dict[BucketKey, Bucket] = {}
        self._open: dict[int, Reservation] = {}
        self._numbers = itertools.count(1)
        self._sweep_s = 0.0
        self._looked_at = _FEW

    @property
    def reservations(self) -> int:
        """How many are open."""
        return len(self._open)

    def __iter__(self) -> Iterator[Bucket]:
        return iter(tuple(self._buckets.values()))

    def find(self, key: BucketKey) -> Bucket | None:
        """The bucket of a key, if there is one."""
        return self._buckets.get(key)

    def bucket(self, key: BucketKey, window: Window) -> Bucket:
        """The bucket of a key, new where there is none."""
        found = self._buckets.get(key)
        if found is None:
            found = self._buckets[key] = Bucket(key, window, self.now())
        return found

    def reserve(
        self, lines: tuple[Line, ...], amounts: Amounts, expires_s: float, *, forced: bool = False
    ) -> Reservation | Short:
        """Takes the amounts of all lines, or of none; `forced`: of all, whatever is left."""
        now = self.now()
        if now[0] >= self._sweep_s:
            self.expire(now)
        for line in lines:
            bucket, most = line.bucket, line.most
            if now[bucket.clock] >= bucket.until:
                bucket.turn(now)
            if most is None or forced:
                continue
            if (bucket.counts(now) if bucket.before else bucket.taken) + amounts[line.unit] > most:
                short = _shortest(lines, [amounts[one.unit] for one in lines], now, only_needed=False)
                assert short is not None
                return short
        return self._take(lines, amounts, expires_s)

    def _take(self, lines: tuple[Line, ...], amounts: Amounts, expires_s: float) -> Reservation:
        slots: list[int] = []
        parts: list[int] = []
        for line in lines:
            bucket, amount = line.bucket, amounts[line.unit]
            bucket.taken += amount
            bucket.held += amount
            bucket.open += 1
            slots.append(bucket.slot)
            parts.append(amount)
        number = next(self._numbers)
        found = self._open[number] = Reservation(number, lines, list(amounts), expires_s, slots, parts)
        return found

    def extend(self, reservation: Reservation, more: Amounts) -> Short | None:
        """Takes more of all its lines, or of none."""
        now = self.now()
        lines = reservation.lines
        needs = [self._needs(reservation, place, more[line.unit], now) for place, line in enumerate(lines)]
        short = self._lacking(lines, needs, now)
        if short is not None:
            return short
        for place, (line, need) in enumerate(zip(lines, needs, strict=True)):
            if need:
                self._stay(reservation, place)
                line.bucket.take(need)
                reservation.parts[place] += need
        for unit, amount in enumerate(more):
            reservation.amounts[unit] += amount
        return None

    def _lacking(self, lines: tuple[Line, ...], needs: Sequence[int], now: Moment) -> Short | None:
        return _shortest(lines, needs, now, only_needed=True)

    @staticmethod
    def _stay(reservation: Reservation, place: int) -> None:
        """A line of a reservation goes on in the slot of now."""
        bucket = reservation.lines[place].bucket
        if bucket.slot != reservation.slots[place]:
            if bucket.window.slides:
                reservation.fixed = reservation.fixed or [0] * len(reservation.lines)
                reservation.fixed[place] += reservation.parts[place]
            reservation.slots[place] = bucket.slot
            reservation.parts[place] = 0

    @staticmethod
    def _needs(reservation: Reservation, place: int, more: int, now: Moment) -> int:
        """What an extension takes of a line. Whoever goes on into another day takes all of it there."""
        bucket = reservation.lines[place].bucket
        bucket.turn(now)
        moved = bucket.slot != reservation.slots[place] and not bucket.window.slides
        return more + reservation.parts[place] if more and moved else more

    def settle(self, reservation: Reservation, actual: Amounts) -> Moment:
        """Replaces what was taken by what it came to. Once; later it does nothing. Returns when that was: all buckets
        are in the slots of that moment.
        """
        now = self.now()
        if reservation.settled:
            for line in reservation.lines:
                line.bucket.turn(now)
            return now
        reservation.settled = True
        self._open.pop(reservation.id, None)
        if reservation.expired or reservation.fixed is not None:
            self._settle_late(reservation, actual, now)
            return now
        for line, slot, part in zip(reservation.lines, reservation.slots, reservation.parts, strict=True):
            bucket = line.bucket
            if now[bucket.clock] >= bucket.until:
                bucket.turn(now)
            bucket.open -= 1
            bucket.settle(slot, part, actual[line.unit])
        return now

    @staticmethod
    def _settle_late(reservation: Reservation, actual: Amounts, now: Moment) -> None:
        """One that has expired, or of which parts were taken in earlier slots."""
        fixed = reservation.fixed
        for place, line in enumerate(reservation.lines):
            bucket, became = line.bucket, actual[line.unit]
            bucket.turn(now)
            if fixed is not None:
                became -= fixed[place]
            if reservation.expired:
                # Nothing is held any more: it counts from now on.
                reservation.slots[place] = bucket.slot
                bucket.correct(bucket.slot, became)
            else:
                bucket.open -= 1
                bucket.settle(reservation.slots[place], reservation.parts[place], became)

    def correct(self, reservation: Reservation, more: Amounts) -> None:
        """What a settled reservation came to turns out to be more, or less."""
        now = self.now()
        for place, line in enumerate(reservation.lines):
            if more[line.unit]:
                line.bucket.turn(now)
                line.bucket.correct(reservation.slots[place], more[line.unit])

    async def more(self, short: Short) -> Short | None:
        """There is nobody to ask."""
        return short

    def wish(self, short: Short) -> None:
        """There is nobody to ask."""

    def now(self) -> Moment:
        """This moment."""
        return _now()

    def once(self, key: str, keep_s: float, then: Callable[[], None]) -> None:
        """Nobody else says it."""
        then()

    def expire(self, now: Moment, mono_s: float | None = None) -> int:
        """Gives back what nobody has settled in time; tells how many reservations that were. `mono_s` is the monotonic
        clock, where `now` goes by another.
        """
        by_s = now.mono_s if mono_s is None else mono_s
        self._sweep_s = by_s + _SWEEP_S
        over = [one for one in self._open.values() if one.expires_s <= by_s]
        for one in over:
            del self._open[one.id]
            one.expired = True
            for place, line in enumerate(one.lines):
                line.bucket.turn(now)
                line.bucket.open -= 1
                line.bucket.settle(one.slots[place], one.parts[place], 0)
        return len(over)

    def let_go(self) -> Work[None]:
        """Lets go of buckets that nobody would miss, a few at a time, once there are many."""
        if len(self._buckets) < 2 * self._looked_at:
            return
        for index, (key, bucket) in enumerate(tuple(self._buckets.items())):
            if bucket.idle(self.now()):
                del self._buckets[key]
                self.epoch += 1
            if index % _SLICE == 0:
                yield _SLICE // 8
        self._looked_at = max(_FEW, len(self._buckets))


def _shortest(lines: tuple[Line, ...], needs: Sequence[int], now: Moment, *, only_needed: bool) -> Short | None:
    """Of the lines that have too little left, the one that has enough again the latest."""
    found: Short | None = None
    for line, need in zip(lines, needs, strict=True):
        bucket, most = line.bucket, line.most
        bucket.turn(now)
        counts = bucket.counts(now)
        if most is None or counts + need <= most or (only_needed and not need):
            continue
        wait_s = bucket.window.wait_s(most - need, bucket.taken, bucket.before, now)
        if found is None or (found.wait_s is not None and (wait_s is None or wait_s > found.wait_s)):
            found = Short(line, wait_s, counts)
    return found
