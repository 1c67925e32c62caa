"""A count that several routers share, as one of them sees it."""

import asyncio

import msgspec

from hedgerow_server.limits.bucket import Bucket, BucketKey
from hedgerow_server.limits.notes import Note
from hedgerow_server.limits.rules import Line, Unit
from hedgerow_server.limits.window import Moment, Window

_NANO = 1_000
"""Money is lent in 10^-9 US dollars: a limit of 9 million of them is still an exact number in Redis."""


class SharedBucket(Bucket):
    """A bucket whose count others add to."""

    __slots__ = (
        "base",
        "called_s",
        "changed",
        "due",
        "elsewhere",
        "flow",
        "full",
        "known",
        "lent",
        "line",
        "lock",
        "name",
        "note",
        "quiet",
        "tight_until_s",
    )

    def __init__(self, key: BucketKey, window: Window, now: Moment) -> None:
        super().__init__(key, window, now)
        limit, values = key
        self.name = msgspec.json.encode([limit, *values]).decode()
        """How the lender calls it."""
        self.lent = 0
        """What may be held: lent, and not yet used."""
        self.elsewhere = 0
        """What other routers have used in the slot, as far as is known."""
        self.base = 0
        """What routers that are gone have used in the slot; it is part of `elsewhere`."""
        self.known = False
        """Whether the lender has said so."""
        self.due = 0
        """What calls need that wait for it."""
        self.flow = 0
        """What was taken since the last round."""
        self.quiet = 0
        """Rounds since anything was taken."""
        self.changed = False
        """Whether there is something to tell."""
        self.tight_until_s = 0.0
        """Until when nothing is asked for ahead, since others lacked it."""
        self.called_s = 0.0
        """When this router last called back what others were lent."""
        self.full = (0, 0.0)
        """The last refusal: what was needed, and when. It holds for calls that were there before."""
        self.line: Line | None = None
        self.note: Note | None = None
        """Where its use is written down for whoever comes after this router."""
        self.lock = asyncio.Lock()

    def turn(self, now: Moment) -> None:
        """Goes on to the slot of this moment; what was lent belonged to the one before."""
        slot = self.slot
        all_of_it = self.taken + self.elsewhere
        super().turn(now)
        if self.slot != slot:
            if self.before:
                self.before = all_of_it
            self.lent = self.elsewhere = self.base = 0
            self.known = False
            self.full = (0, 0.0)
            if self.note is not None:
                self.note.turn(self.slot)

    def load(self, amount: int) -> None:
        """So much was taken before: news only where the lender knows nothing."""
        if not self.known:
            self.base += amount
            self.elsewhere += amount

    def counts(self, now: Moment) -> int:
        """What counts against the limit now, here and elsewhere."""
        return super().counts(now) + self.elsewhere

    @property
    def settled(self) -> int:
        """What was used in the slot, here and elsewhere."""
        return super().settled + self.elsewhere

    def take(self, amount: int) -> None:
        """Reserves it."""
        super().take(amount)
        self.write_down()

    def settle(self, slot: int, amount: int, actual: int) -> None:
        """What was used is lent no more; what was not may be held by the next call."""
        if slot == self.slot:
            self.lent -= min(amount, max(0, actual))
        self.changed = True
        super().settle(slot, amount, actual)
        self.write_down()

    def write_down(self) -> None:
        """Notes what is used, for whoever comes after this router."""
        note = self.note
        if note is not None:
            note.used(self.noted)

    @property
    def noted(self) -> int:
        """What is to be known of it where this router ends without a word. A request under way was one; what it
        came to in tokens and money nobody will know.
        """
        line = self.line
        return self.taken if line is not None and line.unit == Unit.REQUESTS else self.taken - self.held

    @property
    def scale(self) -> int:
        """How many units of ours are one of the shared count."""
        return _NANO if self.line is not None and self.line.unit >= Unit.MONEY else 1

    def counts_alone(self, now: Moment, replicas: int) -> int:
        """What counts against this router's share of the limit, while nobody knows what the others use. After `turn`.
        Of the slot before, which is known for all routers together, its share counts.
        """
        return self.taken + (self.window.earlier(-(-self.before // replicas), now) if self.before else 0)

    def spare_for_calls(self) -> int:
        """What calls under way may yet need beyond what they hold, where it was lent: for one more attempt of each."""
        line = self.line
        extends = line is not None and line.unit in (Unit.TOKENS, Unit.MONEY)
        return min(self.lent - self.held, self.held) if extends else 0

    def idle(self, now: Moment) -> bool:
        """Whether nobody would miss it."""
        return not self.lent and not self.due and super().idle(now)
