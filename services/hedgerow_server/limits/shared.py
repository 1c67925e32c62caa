"""Counts that several routers share. Each is lent a part of what is left and spends that without asking anybody.

What a call needs and this router was not lent is asked for, together with what other calls are waiting for and a
little for those to come. The nearer a limit, the less is lent ahead, down to one call at a time; what others were lent
and do not use is called back before anybody is refused. So the last unit is exact, and nobody is refused while a
neighbour sits on it.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import aclosing, suppress

from hedgerow_server.core.error import HedgerowError, LimitsUnavailable
from hedgerow_server.core.slices import Work
from hedgerow_server.limits.bucket import Bucket, BucketKey
from hedgerow_server.limits.counters import Amounts, LocalCounters, Reservation, Short
from hedgerow_server.limits.lender import Answer, Lender, LenderAway, Loan
from hedgerow_server.limits.outlive import Outlive
from hedgerow_server.limits.rules import Line, Unit
from hedgerow_server.limits.shared_bucket import SharedBucket
from hedgerow_server.limits.sharing import Apart, SharingSection
from hedgerow_server.limits.window import Moment, Window

_log = logging.getLogger(__name__)
_AHEAD_S = 0.5
"""How much is asked for ahead: what calls take in so many seconds."""
_PART = 16
"""Of what is left at most the 16th part is lent ahead."""
_EVERY_S = 0.25
"""How often is told what was used; what was lent ahead and not needed for two rounds is given back."""
_BATCH = 32
_TIGHT_S = 1.0
"""How long after it was called back nothing is asked for ahead."""
_PATIENCE_S = 0.035
"""How long is waited for what others give back."""
_AGAIN_S = 0.003
_SLICE = 256
_ANYWAY_S = 6 * 3600.0
"""How often everything is told, with or without news: the lender keeps a silent router's use apart for a day."""
_HEARING = "Redis has lost the counts, and hears them again from all routers"


class Lacking(Short, frozen=True):
    """A call that needs more than this router was lent."""

    lines: tuple[Line, ...]
    needs: tuple[int, ...]
    alone: bool = False
    """Whether nobody can be asked, and this router's share of the limit is used up."""


class SharedCounters(LocalCounters):
    """The Counters of one router among several."""

    def __init__(self, section: Apart | SharingSection, lender: Lender, outlive: Outlive | None = None) -> None:
        """Without `outlive` nobody knows what this router has used last, should it end without a word."""
        super().__init__()
        self._section = section
        self._outlive = outlive
        self.lender = lender
        """Whoever holds the shared counts."""
        self._offset_s = time.time() - time.monotonic()
        self._names: dict[str, SharedBucket] = {}
        """All that the lender may know of."""
        self._active: dict[str, SharedBucket] = {}
        """Those of them of which there may be something to tell."""
        self._all_told_s = time.monotonic()
        self._since_us = -1
        self._hearing_until_s = 0.0
        self._asking = asyncio.Lock()
        self._probe = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def now(self) -> Moment:
        """By the clock that all routers share."""
        mono_s = time.monotonic()
        return Moment(mono_s + self._offset_s, time.time())

    def bucket(self, key: BucketKey, window: Window) -> Bucket:
        """The bucket of a key, new where there is none."""
        found = self._buckets.get(key)
        if found is None:
            found = self._buckets[key] = SharedBucket(key, window, self.now())
        return found

    def reserve(
        self, lines: tuple[Line, ...], amounts: Amounts, expires_s: float, *, forced: bool = False
    ) -> Reservation | Short:
        """Takes the amounts of all lines of what was lent, or of none."""
        now, mono_s = self.now(), time.monotonic()
        if mono_s >= self._sweep_s:
            # Deadlines go by this router's clock.
            self.expire(now, mono_s)
        short = self._lacking(lines, [amounts[line.unit] for line in lines], now)
        return self._take(lines, amounts, expires_s) if short is None or forced else short

    def _take(self, lines: tuple[Line, ...], amounts: Amounts, expires_s: float) -> Reservation:
        made = super()._take(lines, amounts, expires_s)
        for line in lines:
            if line.unit == Unit.REQUESTS:
                _bucket(line).write_down()
        return made

    def settle(self, reservation: Reservation, actual: Amounts) -> Moment:
        """Replaces what was taken by what it came to."""
        now = super().settle(reservation, actual)
        if reservation.expired:
            for line in reservation.lines:
                self._watched(_bucket(line), line)
        return now

    def correct(self, reservation: Reservation, more: Amounts) -> None:
        """What a settled reservation came to turns out to be more, or less."""
        super().correct(reservation, more)
        for line in reservation.lines:
            self._watched(_bucket(line), line)

    def let_go(self) -> Work[None]:
        """Lets go of buckets that nobody would miss, a few at a time, once there are many. Tells of the others now and
        then, lest this router is taken for one that is gone.
        """
        epoch, due = self.epoch, time.monotonic() > self._all_told_s + _ANYWAY_S
        yield from super().let_go()
        if self.epoch == epoch and not due:
            return
        self._all_told_s = time.monotonic()
        for index, (name, bucket) in enumerate(tuple(self._names.items())):
            if self._buckets.get(bucket.key) is not bucket:
                self._names.pop(name, None)
                if self._outlive is not None:
                    self._outlive.forget(bucket)
            elif bucket.taken:
                self._active[name] = bucket
                bucket.changed = True
            if index % _SLICE == 0:
                yield _SLICE // 64

    def once(self, key: str, keep_s: float, then: Callable[[], None]) -> None:
        """Calls it unless another router has said the same. Where nobody can be asked, it is said twice, not never."""

        async def ask() -> None:
            try:
                first = await self.lender.first(key, keep_s)
            except LenderAway:
                first = True
            if first:
                then()

        self._start(ask())

    async def more(self, short: Short) -> Short | None:
        """Asks for what a call lacks. Raises LimitsUnavailable where that cannot be asked and must not be guessed."""
        if not isinstance(short, Lacking) or short.alone:
            return short
        why = self._alone()
        if why is not None:
            return self._by_ourselves(short, why)
        began_s = time.monotonic()
        for line, need in zip(short.lines, short.needs, strict=True):
            _bucket(line).due += need
        try:
            async with _bucket(short.line).lock:
                return await self._granted(short, began_s)
        except LenderAway as error:
            # The answer may only have been late.
            self._probe.set()
            return self._by_ourselves(short, str(error))
        finally:
            for line, need in zip(short.lines, short.needs, strict=True):
                _bucket(line).due -= need

    def wish(self, short: Short) -> None:
        """Asks for it on the side: who lacked it does not wait, others may have it."""
        if isinstance(short, Lacking) and not short.alone:
            self._start(self._fetch(short))

    async def _fetch(self, short: Lacking) -> None:
        with suppress(HedgerowError):
            await self.more(short)

    async def settle_in(self) -> None:
        """Connects to the lender, if that can be done within a second: the first call does not have the time for it."""
        if self._outlive is not None:
            await self._outlive.tend()
        await self._round()

    def start(self) -> None:
        """Tells what is used, gives back what is not needed, and hears what is called back, from now on."""
        self._start(self._rounds())
        self._start(self._hear())
        if self._outlive is not None:
            self._start(self._outlive.run())

    async def _rounds(self) -> None:
        while True:
            try:
                await self._round()
            except Exception:
                _log.exception("a round of the shared limits was left out by a fault of the gateway")
            with suppress(TimeoutError):
                async with asyncio.timeout(_EVERY_S):
                    await self._probe.wait()
            self._probe.clear()
            if self._outlive is not None:
                await self._outlive.tend()

    async def close(self) -> None:
        """Gives back what was lent, and lets go of the lender."""
        while self._tasks:
            # More than once: redis-py goes on where it is cancelled while it connects.
            for task in tuple(self._tasks):
                task.cancel()
            await asyncio.wait(self._tasks, timeout=_EVERY_S)
        for bucket in self._active.values():
            bucket.lent = bucket.held
            bucket.changed = True
        if self.lender.away is None:
            await self._round()
        if self._tasks:
            # What others have used may have brought an alert.
            await asyncio.wait(self._tasks, timeout=_EVERY_S)
        if self._outlive is not None:
            await self._outlive.close()
        await self.lender.close()

    def _alone(self) -> str | None:
        """Why nobody can be asked now; None: somebody can."""
        if self.lender.away is not None:
            return self.lender.away
        return _HEARING if time.monotonic() < self._hearing_until_s else None

    async def _granted(self, short: Lacking, began_s: float) -> Short | None:
        """None once the call may try again; why it is refused otherwise."""
        until_s = 0.0
        while True:
            lacking = [
                (line, need)
                for line, need in zip(short.lines, short.needs, strict=True)
                if line.most is not None and need and _bucket(line).held + need > _bucket(line).lent
            ]
            if not lacking:
                return None
            for line, need in lacking:
                full, refused_s = _bucket(line).full
                if began_s < refused_s and need >= full:
                    return self._refused(line, need)
            for line, _ in lacking:
                self._watched(_bucket(line), line)
            answer = await self._ask([_bucket(line) for line, _ in lacking], [need for _, need in lacking])
            if answer.hearing_s:
                raise LenderAway(_HEARING)
            if answer.short is None:
                return None
            line, need = lacking[answer.short]
            bucket, told = _bucket(line), answer.counts[answer.short]
            # What they hold may have been given back since they last said so: they are asked once in any case.
            called = bucket.called_s >= began_s
            until_s = until_s or (began_s if called else time.monotonic()) + _PATIENCE_S
            maybe = told.idle_elsewhere or (told.lent_elsewhere and not called)
            if not maybe or (called and time.monotonic() > until_s):
                bucket.full = need, time.monotonic()
                return self._refused(line, need)
            bucket.called_s = time.monotonic()
            await self.lender.call_back(bucket.name)
            await asyncio.sleep(_AGAIN_S)

    def _refused(self, line: Line, need: int) -> Short:
        now, bucket = self.now(), line.bucket
        wait_s = bucket.window.wait_s((line.most or 0) - need, bucket.settled, bucket.before, now)
        return Short(line, wait_s, bucket.counts(now))

    def _by_ourselves(self, short: Lacking, why: str) -> Short | None:
        for line, need in zip(short.lines, short.needs, strict=True):
            bucket = _bucket(line)
            if line.most is None or not need or bucket.held + need <= bucket.lent:
                continue
            if line.unit == Unit.MONEY or self._section.when_away == "refuse":
                raise LimitsUnavailable(
                    f"Nobody can tell what is left of {line.subject}: {why}.",
                    metadata={"budget" if line.limit.budget else "quota": line.limit.name},
                    retry_delay_s=1.0,
                )
        return None

    def _lacking(self, lines: tuple[Line, ...], needs: Sequence[int], now: Moment) -> Short | None:
        found: Short | None = None
        for line, need in zip(lines, needs, strict=True):
            bucket = _bucket(line)
            bucket.turn(now)
            if not need:
                continue
            bucket.flow += need
            bucket.changed = True
            self._watched(bucket, line)
            if line.most is None or bucket.held + need <= bucket.lent:
                continue
            shared = self._alone() is not None and line.unit != Unit.MONEY and self._section.when_away == "share"
            left = self._left_of_share(line, line.most, now) if shared else 0
            if (not shared or need > left) and found is None:
                counts = line.most - max(0, left) if shared else bucket.counts(now)
                found = Lacking(line, None, counts, lines=lines, needs=tuple(needs), alone=shared)
        return found

    def _left_of_share(self, line: Line, most: int, now: Moment) -> int:
        replicas = self._section.replicas
        return max(1, most // replicas) - _bucket(line).counts_alone(now, replicas)

    def _watched(self, bucket: SharedBucket, line: Line) -> None:
        """The next rounds tell of it."""
        bucket.line = line
        if bucket.name not in self._active:
            self._names[bucket.name] = self._active[bucket.name] = bucket
            if self._outlive is not None:
                self._outlive.begin(bucket)

    async def _ask(self, buckets: Sequence[SharedBucket], needs: Sequence[int], *, probing: bool = False) -> Answer:
        # One request at a time: what it says of a bucket must not be older than what another one has brought.
        async with self._asking:
            if self.lender.away is not None and not probing:
                raise LenderAway(self.lender.away)
            return await self._asked(buckets, needs, probing=probing)

    async def _asked(self, buckets: Sequence[SharedBucket], needs: Sequence[int], *, probing: bool) -> Answer:
        loans = [self._loan(bucket, need) for bucket, need in zip(buckets, needs, strict=True)]
        began_s = time.monotonic()
        answer = await self.lender.ask(loans, probing=probing)
        took_s = time.monotonic() - began_s
        # A sliding slot goes by the lender's clock.
        self._offset_s = answer.now_us / 1e6 - (began_s + took_s / 2)
        self._hearing_until_s = began_s + took_s + answer.hearing_s
        if answer.since_us != self._since_us:
            known, self._since_us = self._since_us >= 0, answer.since_us
            if known:
                self._tell_all()
        now = self.now()
        for bucket, loan, told in zip(buckets, loans, answer.counts, strict=True):
            bucket.turn(now)
            if told.slot != bucket.slot:
                continue
            scale = bucket.scale
            bucket.lent += told.granted * scale
            bucket.elsewhere = (
                max(0, (told.counted - loan.used) * scale) if loan.slot == told.slot else told.counted * scale
            )
            bucket.before = told.before * scale
            bucket.base, bucket.known = told.base * scale, True
            if self.watch is not None and bucket.line is not None and bucket.line.limit.marks:
                self.watch(bucket.line)
        return answer

    def _loan(self, bucket: SharedBucket, need: int) -> Loan:
        line, scale, window = bucket.line, bucket.scale, bucket.window
        assert line is not None
        # Alone it may have held more than it was lent.
        bucket.lent = max(bucket.lent, bucket.held)
        spare = bucket.lent - bucket.held
        needed = max(0, need - spare)
        ahead = 0 if time.monotonic() < bucket.tight_until_s else int(bucket.flow / _EVERY_S * _AHEAD_S)
        bucket.changed = False
        return Loan(
            key=bucket.name,
            most=line.most // scale if line.most is not None else None,
            length_us=window.length_us,
            slot=bucket.slot,
            used=-(-max(0, bucket.taken - bucket.held) // scale),
            lent=-(-bucket.lent // scale),
            held=-(-bucket.held // scale),
            need=-(-needed // scale),
            due=-(-max(needed, bucket.due - spare) // scale) if need else 0,
            want=ahead // scale if need else 0,
            part=_PART,
            keep_ms=1000 * window.keep_s,
            base=-(-bucket.base // scale),
            from_here=bucket.known,
            doubt_ms=round(1000 * self._section.recover_seconds) if bucket.note is not None else 0,
        )

    async def _round(self) -> None:
        was_away, every = self.lender.away is not None, tuple(self._active.values())
        # An empty one, too, shows whether the lender is there, and whether it still has what it was told.
        for at in range(0, max(1, len(every)), _BATCH):
            now = self.now()
            some = [bucket for bucket in every[at : at + _BATCH] if self._stays(bucket, now)]
            try:
                await self._ask(some, [0] * len(some), probing=True)
            except LenderAway:
                for bucket in some:
                    bucket.changed = True
                return
        if was_away:
            # Whoever took the lender's place may not have all that was said last.
            self._tell_all()

    def _stays(self, bucket: SharedBucket, now: Moment) -> bool:
        """Whether there is something to tell of it."""
        bucket.turn(now)
        if self._outlive is not None:
            self._outlive.begin(bucket)
        bucket.quiet = 0 if bucket.flow else bucket.quiet + 1
        bucket.flow = 0
        if bucket.quiet > 1:
            bucket.lent = min(bucket.lent, bucket.held + bucket.spare_for_calls())
        if bucket.changed or bucket.lent or bucket.open or bucket.quiet < 3:
            return True
        del self._active[bucket.name]
        return False

    def _tell_all(self) -> None:
        """The next round tells of everything that was used here."""
        for name, bucket in self._names.items():
            if bucket.taken:
                bucket.changed = True
                self._active[name] = bucket

    async def _hear(self) -> None:
        """Gives back at once what others lack."""
        async with aclosing(self.lender.called_back()) as names:
            async for name in names:
                bucket = self._active.get(name)
                if bucket is None:
                    continue
                bucket.tight_until_s = time.monotonic() + _TIGHT_S
                if bucket.lent > bucket.held or bucket.changed:
                    bucket.lent = min(bucket.lent, bucket.held)
                    self._start(self._tell(bucket))

    async def _tell(self, bucket: SharedBucket) -> None:
        try:
            await self._ask([bucket], [0])
        except LenderAway:
            bucket.changed = True

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _bucket(line: Line) -> SharedBucket:
    bucket = line.bucket
    assert isinstance(bucket, SharedBucket)
    return bucket
