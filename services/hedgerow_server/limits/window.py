"""The stretches of time for which limits hold.

A window has a slot at any moment, a number that only grows. A minute and an hour slide: what was taken in the slot
before counts by the share of it that the window still covers. Days, weeks and months are those of a calendar in a time
zone.
"""

import datetime as dt
import math
from time import monotonic, time
from typing import Literal, NamedTuple, Protocol
from zoneinfo import ZoneInfo

Period = Literal["minute", "hour", "day", "week", "month", "total"]
_SLIDING_S: dict[str, int] = {"minute": 60, "hour": 3600}
_MICRO = 1_000_000
_new = tuple.__new__


class Moment(NamedTuple):
    """A moment by both clocks: one never goes back, the other is that of calendars."""

    mono_s: float
    unix_s: float

    @classmethod
    def now(cls) -> "Moment":
        """This one."""
        # What the class itself does, in half the time.
        return _new(cls, (monotonic(), time()))


class Window(Protocol):
    """A kind of window."""

    name: str
    """The period, as the configuration says it; empty: what counts is what runs at once."""
    time_zone: str
    """The time zone of a calendar; empty for any other."""
    slides: bool
    """Whether what was taken in the slot before counts."""
    length_us: int
    """Of a slot that slides, in microseconds; 0 for any other."""
    keep_s: int
    """How long what was taken is of any use, in seconds; 0: for ever."""
    clock: int
    """The place in a Moment of the clock that it goes by."""

    def slot(self, now: Moment) -> int:
        """The slot of a moment."""

    def lasts(self, now: Moment) -> float:
        """Until when that slot lasts, by its clock."""

    def earlier(self, taken: int, now: Moment) -> int:
        """What still counts of what was taken in the slot before, rounded up."""

    def ends_unix_s(self, now: Moment) -> float | None:
        """When all that was taken counts no more. None: it slides, or never ends."""

    def starts_unix_s(self, now: Moment) -> float | None:
        """Since when what was taken counts. None: it slides, or nothing is too old."""

    def wait_s(self, room: int, taken: int, before: int, now: Moment) -> float | None:
        """How long until no more than `room` counts, if nobody takes anything. None: that is not known."""


class Always:
    """Has no end: for `total`, and for what runs at once."""

    __slots__ = ("keep_s", "name")
    time_zone = ""
    slides = False
    length_us = 0
    clock = 0

    def __init__(self, name: str = "total") -> None:
        self.name = name
        self.keep_s = 0 if name else 86_400

    def slot(self, now: Moment) -> int:
        """There is one."""
        return 0

    def lasts(self, now: Moment) -> float:
        """For ever."""
        return math.inf

    def earlier(self, taken: int, now: Moment) -> int:
        """There is nothing earlier."""
        return 0

    def ends_unix_s(self, now: Moment) -> float | None:
        """Never."""
        return None

    def starts_unix_s(self, now: Moment) -> float | None:
        """Everything counts."""
        return None

    def wait_s(self, room: int, taken: int, before: int, now: Moment) -> float | None:
        """Nobody knows."""
        return None


class Sliding:
    """The last minute or hour. It goes by the clock that never goes back."""

    __slots__ = ("_length_s", "keep_s", "length_us", "name")
    time_zone = ""
    slides = True
    clock = 0

    def __init__(self, name: str) -> None:
        self.name = name
        self._length_s = _SLIDING_S[name]
        self.length_us = self._length_s * _MICRO
        self.keep_s = 3 * self._length_s

    def slot(self, now: Moment) -> int:
        """Minutes or hours of the clock."""
        return int(now.mono_s // self._length_s)

    def lasts(self, now: Moment) -> float:
        """To the next minute or hour."""
        return (self.slot(now) + 1.0) * self._length_s

    def earlier(self, taken: int, now: Moment) -> int:
        """By the share of the slot before that is less than a minute or hour ago."""
        left_us = self.length_us - int(now.mono_s * _MICRO) % self.length_us
        return -(-taken * left_us // self.length_us)

    def ends_unix_s(self, now: Moment) -> float | None:
        """It slides."""
        return None

    def starts_unix_s(self, now: Moment) -> float | None:
        """It slides."""
        return None

    def wait_s(self, room: int, taken: int, before: int, now: Moment) -> float | None:
        """What was taken fades steadily, first that of the slot before and then that of this one."""
        if room < 0:
            return None
        past_s = now.mono_s % self._length_s
        if taken <= room:
            return max(0.0, self._length_s * (1 - (room - taken) / before) - past_s) if before else 0.0
        return self._length_s - past_s + self._length_s * (1 - room / taken)


class Calendar:
    """A day, week (from Monday) or month of a time zone. A slot is named by the second in which it starts.

    A day is as long as the clocks make it, 23 to 25 hours; where they skip midnight it starts when they do. A clock
    that is set back does not bring a window back: buckets never go to an earlier slot.
    """

    __slots__ = ("_end_s", "_start_s", "_zone", "name", "time_zone")
    slides = False
    clock = 1
    length_us = 0
    keep_s = 33 * 86_400

    def __init__(self, name: str, time_zone: str) -> None:
        """Raises ValueError for a time zone that there is none of."""
        self.name = name
        self.time_zone = time_zone
        try:
            self._zone = ZoneInfo(time_zone)
        except (KeyError, OSError, ValueError):
            raise ValueError(f"there is no time zone {time_zone!r}") from None
        self._start_s = self._end_s = 0

    def slot(self, now: Moment) -> int:
        """The second in which it starts."""
        if not self._start_s <= now.unix_s < self._end_s:
            self._move(now.unix_s)
        return self._start_s

    def lasts(self, now: Moment) -> float:
        """To the beginning of the next one."""
        self.slot(now)
        return float(self._end_s)

    def earlier(self, taken: int, now: Moment) -> int:
        """What was taken before counts no more."""
        return 0

    def ends_unix_s(self, now: Moment) -> float | None:
        """The beginning of the next one."""
        self.slot(now)
        return float(self._end_s)

    def starts_unix_s(self, now: Moment) -> float | None:
        """The beginning of this one."""
        return float(self.slot(now))

    def wait_s(self, room: int, taken: int, before: int, now: Moment) -> float | None:
        """To the next one."""
        return None if room < 0 else max(0.0, self.ends_unix_s(now) - now.unix_s)  # type: ignore[operator]

    def _move(self, unix_s: float) -> None:
        day = dt.datetime.fromtimestamp(unix_s, self._zone).date()
        first = self._first(day)
        after = self._after(first)
        # Clocks that go back over a midnight have the end of a day after the beginning of the next.
        while self._start_of(after) <= unix_s:
            first, after = after, self._after(after)
        self._start_s, self._end_s = self._start_of(first), self._start_of(after)

    def _first(self, day: dt.date) -> dt.date:
        if self.name == "week":
            return day - dt.timedelta(days=day.weekday())
        return day.replace(day=1) if self.name == "month" else day

    def _after(self, first: dt.date) -> dt.date:
        if self.name == "month":
            return (first + dt.timedelta(days=31)).replace(day=1)
        return first + dt.timedelta(days=7 if self.name == "week" else 1)

    def _start_of(self, day: dt.date) -> int:
        # A midnight that the clocks skip is taken as the moment in which they do, one that comes twice as the first.
        return int(dt.datetime(day.year, day.month, day.day, tzinfo=self._zone).timestamp())


def window(period: Period, time_zone: str) -> Window:
    """The window of a period. Raises ValueError for a time zone that there is none of."""
    if period in _SLIDING_S:
        return Sliding(period)
    return Always() if period == "total" else Calendar(period, time_zone)
