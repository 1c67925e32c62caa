"""Counts that several routers share. Each is lent a part of what is left and spends that without asking anybody.

What a call needs and this router was not lent is asked for, together with what other calls are waiting for and a
little for those to come. The nearer a limit, the less is lent ahead, down to one call at a time; what others were lent
and do not use is called back before anybody is refused. So the last unit is exact, and nobody is refused while a
neighbour sits on it.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress

from hedgerow_server.core.error import HedgerowError, LimitsUnavailable
from hedgerow_server.core.slices import Work
from hedgerow_server.limits.bucket import Bucket, BucketKey
from hedgerow_server.limits.counters import Amounts, LocalCounters, Reservation, Short
from hedgerow_server.limits.lender import Answer, Lender, LenderAway, Loan
from hedgerow_server.limits.rules import Line, Unit
from hedgerow_server.limits.shared_bucket import SharedBucket
from hedgerow_server.limits.sharing import SharingSection
from hedgerow_server.limits.window import Moment, Window

_AHEAD_S = 0.5
"""How much is asked for ahead: what calls take in so many seconds."""
_PART = 16
"""Of what is left at most the 16th part is lent ahead."""
_EVERY_S = 0.25
"""How often is told what was used; what was lent ahead and not needed for two rounds is given back."""
_BATCH = 64
_TIGHT_S = 1.0
"""How long after it was called back nothing is asked for ahead."""
_PATIENCE_S = 0.035
"""How long is waited for what others give back."""
_AGAIN_S = 0.003


class Lacking(Short, frozen=True):
    """A call that needs more than this router was lent."""

    lines: tuple[Line, ...]
    needs: tuple[int, ...]
    alone: bool = False
    """Whether nobody can be asked, and this router's share of the limit is used up."""


class SharedCounters(LocalCounters):
    """The Counters of one router among several."""

    def __init__(self, section: SharingSection, lender: Lender) -> None:
        super().__init__()
        self._section = section
        self._lender = lender
        self._offset_s = time.time() - time.monotonic()
        self._names: dict[str, SharedBucket] = {}
        self._alone_until_s = 0.0
        self._asking = asyncio.Lock()
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
        now = self.now()
        if now.mono_s >= self._sweep_s:
            self.expire(now)
        short = self._lacking(lines, [amounts[line.unit] for line in lines], now)
        return self._take(lines, amounts, expires_s) if short is None or forced else short

    def once(self, key: str, keep_s: float, then: Callable[[], None]) -> None:
        """Calls it unless another router has said the same. Where nobody can be asked, it is said twice, not never."""

        async def ask() -> None:
            try:
                first = await self._lender.first(key, keep_s)
            except LenderAway:
                first = True
            if first:
                then()

        self._start(ask())

    async def more(self, short: Short) -> Short | None:
        """Asks for what a call lacks. Raises LimitsUnavailable where that cannot be asked and must not be guessed."""
        if not isinstance(short, Lacking) or short.alone:
            return short
        first, began_s = _bucket(short.line), time.monotonic()
        for line, need in zip(short.lines, short.needs, strict=True):
            _bucket(line).due += need
        try:
            async with asyncio.timeout(self._section.redis.timeout_seconds):
                async with first.lock:
                    return await self._granted(short, began_s)
        except (LenderAway, TimeoutError) as error:
            self._alone_until_s = time.monotonic() + _EVERY_S
            text = str(error) or f"no answer within {self._section.redis.timeout_seconds:g} s"
            return self._by_ourselves(short, text)
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

    def start(self) -> None:
        """Tells what is used, gives back what is not needed, and hears what is called back, from now on."""
        self._start(self._rounds())
        self._start(self._hear())

    async def _rounds(self) -> None:
        while True:
            await asyncio.sleep(_EVERY_S)
            await self._round()

    async def close(self) -> None:
        """Gives back what was lent, and lets go of the lender."""
        while self._tasks:
            # More than once: redis-py goes on where it is cancelled while it connects.
            for task in tuple(self._tasks):
                task.cancel()
            await asyncio.wait(self._tasks, timeout=_EVERY_S)
        for bucket in self._names.values():
            bucket.lent = bucket.held
            bucket.changed = True
        await self._round()
        if self._tasks:
            # What others have used may have brought an alert.
            await asyncio.wait(self._tasks, timeout=_EVERY_S)
        await self._lender.close()

    async def _granted(self, short: Lacking, began_s: float) -> Short | None:
        """None once the call may try again; why it is refused otherwise."""
        until_s, called = time.monotonic() + _PATIENCE_S, False
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
            buckets = [_bucket(line) for line, _ in lacking]
            for bucket, (line, _) in zip(buckets, lacking, strict=True):
                self._named(bucket, line)
            answer = await self._ask(buckets, [need for _, need in lacking])
            if answer.short is None:
                return None
            line, need = lacking[answer.short]
            told = answer.counts[answer.short]
            # What they hold may have been given back since they last said so: they are asked once in any case.
            if not (told.idle_elsewhere or (told.lent_elsewhere and not called)) or time.monotonic() > until_s:
                _bucket(line).full = need, time.monotonic()
                return self._refused(line, need)
            called = True
            await self._lender.call_back(_name(_bucket(line)))
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
        alone = time.monotonic() < self._alone_until_s
        found: Short | None = None
        for line, need in zip(lines, needs, strict=True):
            bucket = _bucket(line)
            bucket.turn(now)
            if not need:
                continue
            bucket.flow += need
            bucket.changed = True
            if bucket.line is None:
                self._named(bucket, line)
            if line.most is None or bucket.held + need <= bucket.lent:
                continue
            ours = line.most // self._section.replicas
            away = alone and line.unit != Unit.MONEY and self._section.when_away == "share"
            if away and super(SharedBucket, bucket).counts(now) + need <= ours:
                continue
            if found is None:
                found = Lacking(line, None, bucket.counts(now), lines=lines, needs=tuple(needs), alone=away)
        return found

    def _named(self, bucket: SharedBucket, line: Line) -> None:
        bucket.line = line
        self._names[_name(bucket)] = bucket

    async def _ask(self, buckets: Sequence[SharedBucket], needs: Sequence[int]) -> Answer:
        # One request at a time: what it says of a bucket must not be older than what another one has brought.
        async with self._asking:
            return await self._asked(buckets, needs)

    async def _asked(self, buckets: Sequence[SharedBucket], needs: Sequence[int]) -> Answer:
        loans = [self._loan(bucket, need) for bucket, need in zip(buckets, needs, strict=True)]
        began_s = time.monotonic()
        answer = await self._lender.ask(loans)
        took_s = time.monotonic() - began_s
        # A sliding slot goes by the lender's clock.
        self._offset_s = answer.now_us / 1e6 - (began_s + took_s / 2)
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
            key=_name(bucket),
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
        )

    async def _round(self) -> None:
        busy: list[SharedBucket] = []
        now = self.now()
        for bucket in tuple(self._names.values()):
            bucket.turn(now)
            bucket.quiet = 0 if bucket.flow else bucket.quiet + 1
            bucket.flow = 0
            if bucket.quiet > 1:
                bucket.lent = min(bucket.lent, bucket.held)
            if bucket.changed or bucket.lent or bucket.quiet < 3:
                busy.append(bucket)
            elif bucket.idle(now):
                del self._names[_name(bucket)]
        for at in range(0, len(busy), _BATCH):
            some = busy[at : at + _BATCH]
            try:
                await self._ask(some, [0] * len(some))
            except LenderAway:
                for bucket in some:
                    bucket.changed = True
                return

    async def _hear(self) -> None:
        """Gives back at once what others lack."""
        async for name in self._lender.called_back():
            bucket = self._names.get(name)
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


def _name(bucket: SharedBucket) -> str:
    limit, values = bucket.key
    return msgspec.json.encode([limit, *values]).decode()
