"""How hard it is for the router just now: what share of new calls it refuses, and how many it lets in at once.

Two signals, looked at with each tick of the event loop's clock:

- The delay before a call is looked at. As in CoDel (RFC 8289) only the least of a while counts: a queue that stands
  for a second is overload, a burst or a pause of the collector is not. The share that is refused then goes up by
  steps and, below half of the limit, down by the same: between the two it stays, so that it does not swing.
- Memory. From 90 % on fewer calls may be open at once, from 95 % on `_FEW`, which always may: else a router whose
  memory is taken by something else would never serve again. Below 80 % it doubles back.
"""

from collections import deque
from collections.abc import Callable

_TICKS = 10
"""How many delays are kept, at 100 ms each: the least of them counts."""
_STEP = 0.05
_MOST = 0.9
"""The most that is refused for a delay: the rest shows whether it is over."""
_MEMORY_EVERY = 5
_HIGH, _FULL, _LOW = 0.90, 0.95, 0.80
_FEW = 8
_LESS = 0.9
_PACE = 0.3
"""Of the pace at which calls are taken, how much of it the last tick decides."""


class Pressure:
    """What the signals have come to."""

    def __init__(self, max_calls: int, max_delay_s: float, memory: Callable[[], float], *, shedding: bool) -> None:
        """`memory` says which share of its limit is taken."""
        self.max_calls = max_calls
        self.max_delay_s = max_delay_s
        self.shedding = shedding
        self.limit = max_calls
        """How many calls may be open at once, as memory allows: at most `max_calls`."""
        self.refused_share = 0.0
        """Which part of new calls is refused for the delay before them."""
        self.delay_s = 0.0
        """The least that a call has waited of late."""
        self.memory_share = 0.0
        """Which part of the memory is taken; 0 where there is no limit."""
        self._memory = memory
        self._delays: deque[float] = deque(maxlen=_TICKS)
        self._pace_s = 0.0
        self._ticks = 0

    def tick(self, lag_s: float, waiting: int, taken: int, took_s: float, calls: int) -> None:
        """The event loop was so late; so many calls wait before it, so many were taken from there in the time since the
        last tick, whatever became of them, and so many are open.
        """
        self._pace_s += _PACE * (taken / took_s - self._pace_s)
        delay_s = lag_s + (waiting / self._pace_s if waiting and self._pace_s > 0 else 0.0)
        self._delays.append(delay_s)
        self.delay_s = min(self._delays)
        if self.shedding:
            self._judge_delay()
        self._ticks += 1
        if self._ticks % _MEMORY_EVERY == 0:
            self.memory_share = self._memory()
            self._judge_memory(calls)

    def _judge_delay(self) -> None:
        if self.delay_s > self.max_delay_s and len(self._delays) == _TICKS:
            self.refused_share = min(_MOST, self.refused_share + _STEP)
        elif self.delay_s < self.max_delay_s / 2:
            self.refused_share = max(0.0, self.refused_share - _STEP)

    def _judge_memory(self, calls: int) -> None:
        share = self.memory_share
        if not self.shedding or share < _LOW:
            self.limit = min(self.max_calls, self.limit * 2)
        elif share >= _FULL:
            self.limit = min(self.max_calls, _FEW)
        elif share >= _HIGH:
            self.limit = min(self.limit, max(_FEW, int(min(self.limit, calls) * _LESS)))
