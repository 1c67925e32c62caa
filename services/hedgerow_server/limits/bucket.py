"""What was taken of one limit by one caller: the state behind it, whatever the limit is."""

from hedgerow_server.limits.window import Moment, Window

BucketKey = tuple[str, tuple[str, ...]]
"""Of which limit (`Line.id`), and whose: the values by which it is kept apart."""


class Bucket:
    """Counts what was taken in the window's newest slot, and where it slides in the one before.

    `taken` includes `held`, which calls under way have reserved. A reservation belongs to the slot in which it was
    made; what is settled later corrects that slot, as long as it counts.
    """

    __slots__ = ("_told", "before", "clock", "held", "key", "open", "refusing", "slot", "taken", "until", "window")

    def __init__(self, key: BucketKey, window: Window, now: Moment) -> None:
        self.key = key
        self.window = window
        self.slot = window.slot(now)
        self.clock = window.clock
        self.until = window.lasts(now)
        """When, by that clock of a Moment, the slot is over. Who asks often looks at this before it calls `turn`."""
        self.taken = 0
        self.held = 0
        self.before = 0
        """Taken in the slot before, where it counts."""
        self.open = 0
        """Reservations that are not settled."""
        self.refusing = False
        """Whether it has refused a call in this slot."""
        self._told = -1

    def turn(self, now: Moment) -> None:
        """Goes on to the slot of this moment. A clock that was set back changes nothing."""
        if now[self.clock] < self.until:
            return
        slot = self.window.slot(now)
        self.until = self.window.lasts(now)
        if slot > self.slot:
            self.before = self.taken if self.window.slides and slot == self.slot + 1 else 0
            self.slot = slot
            self.taken = self.held = 0
            self.refusing = False
            self._told = -1

    def counts(self, now: Moment) -> int:
        """What counts against the limit now, reservations included. After `turn`."""
        return self.taken + self.window.earlier(self.before, now) if self.before else self.taken

    @property
    def ends_unix_s(self) -> float | None:
        """When all that was taken counts no more. None: it slides, or never ends. After `turn`."""
        return self.until if self.clock else None

    @property
    def settled(self) -> int:
        """What was used in the slot, without what is held."""
        return self.taken - self.held

    def spent(self, now: Moment) -> int:
        """What counts without reservations. After `turn`."""
        return self.counts(now) - self.held

    def load(self, amount: int) -> None:
        """So much was taken before there was this bucket."""
        self.taken += amount

    def take(self, amount: int) -> None:
        """Reserves it."""
        self.taken += amount
        self.held += amount

    def settle(self, slot: int, amount: int, actual: int) -> None:
        """What was reserved in a slot is replaced by what it became."""
        if slot == self.slot:
            self.held -= amount
            self.taken += actual - amount
        elif self.window.slides:
            self._settle_late(slot, actual - amount)

    def _settle_late(self, slot: int, more: int) -> None:
        """A call outlived the slot that it began in: it gives back there, and takes more now."""
        if more > 0:
            self.taken += more
        elif slot == self.slot - 1:
            self.before = max(0, self.before + more)

    def correct(self, slot: int, more: int) -> None:
        """What was settled turns out to be more, or less."""
        self.settle(slot, 0, more)

    def idle(self, now: Moment) -> bool:
        """Whether nobody would miss it."""
        if self.open:
            return False
        self.turn(now)
        return not (self.taken or self.before)

    def tell(self, marks: tuple[int, ...]) -> tuple[int, ...]:
        """The places of those rising marks that were reached since the last time, each once a slot. After `turn`."""
        spent = self.settled
        if spent < marks[0] or self._told >= marks[-1]:
            return ()
        reached = tuple(place for place, mark in enumerate(marks) if self._told < mark <= spent)
        if reached:
            self._told = marks[reached[-1]]
        return reached
