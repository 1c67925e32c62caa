"""What looks after a connection: whether the other end is there, how old it is, and whether it wastes our time."""

import asyncio
import random
from collections.abc import Callable
from typing import Final

from hedgerow_server.doors.http2.frames import ENHANCE_YOUR_CALM, ConnectionFault
from hedgerow_server.doors.http2.options import Options

_STRIKES: Final = 2
"""Pings that come too early before a connection ends (gRPC's doc/keepalive.md)."""
_AGE_SPREAD: Final = 0.1
"""Connections that began together do not end together (gRFC A9)."""
_IDLE_FRAMES: Final = 10_000
"""Frames that bring nothing, such as priorities and empty data, before a connection ends."""
_WORTH: Final = 100
"""How many of them the beginning of a call makes up for, and its end: about what they cost."""


class Keeper:
    """Looks after one connection."""

    def __init__(
        self,
        options: Options,
        alive: Callable[[], None],
        gone: Callable[[], None],
        retire: Callable[[], None],
        sweep: Callable[[], None],
    ) -> None:
        """`alive` asks the other end for a sign of life, `gone` is told when it is taken for dead, `retire` when it is
        time to go, and `sweep` every now and then, to end calls that do not come.
        """
        self._options = options
        self._alive, self._gone, self._sweep = alive, gone, sweep
        self._loop = asyncio.get_running_loop()
        self._heard_s = self._loop.time()
        self._pinged_s = self._loop.time() - options.min_ping_s
        self._sent = 0
        self._strikes = self._idle = 0
        self._asked = False
        self._started = False
        self._timers = [self._loop.call_later(options.first_words_s, self._silent)]
        self._look_in(options.keepalive_s)
        if options.max_age_s is not None:
            age_s = options.max_age_s * random.uniform(1 - _AGE_SPREAD, 1 + _AGE_SPREAD)  # noqa: S311 - spreads them
            self._timers.append(self._loop.call_later(age_s, retire))

    def heard(self) -> None:
        """Something came."""
        self._heard_s = self._loop.time()

    def began(self) -> None:
        """It speaks HTTP/2."""
        self._started = True

    def worked(self) -> None:
        """A call began or ended."""
        if self._idle:
            self._idle = max(0, self._idle - _WORTH)

    def idled(self, count: int = 1) -> None:
        """Frames brought nothing, or one that costs as much as so many. Raises ConnectionFault where there have been
        too many.
        """
        self._idle += count
        if self._idle > _IDLE_FRAMES:
            raise ConnectionFault(ENHANCE_YOUR_CALM, "too many frames without a call")

    def pinged(self, sent: int) -> None:
        """It pings; `sent` counts what it was sent for its calls: whoever gets something may ask how far that has come.
        Raises ConnectionFault where it does so too often.
        """
        if sent != self._sent:
            self._sent, self._strikes = sent, 0
        elif self._heard_s < self._pinged_s + self._options.min_ping_s:
            self._strikes += 1
            if self._strikes > _STRIKES:
                raise ConnectionFault(ENHANCE_YOUR_CALM, "too_many_pings")
        self._pinged_s = self._heard_s

    def close(self) -> None:
        """Looks after it no more."""
        for timer in self._timers:
            timer.cancel()
        self._look.cancel()

    def _silent(self) -> None:
        if not self._started:
            self._gone()

    def _look_in(self, seconds: float) -> None:
        self._look = self._loop.call_later(seconds, self._look_now)

    def _look_now(self) -> None:
        options, since_s = self._options, self._loop.time() - self._heard_s
        if self._asked and since_s >= options.keepalive_timeout_s:
            self._gone()
            return
        self._sweep()
        self._asked = since_s >= options.keepalive_s - 1e-3
        if self._asked:
            self._alive()
            self._look_in(options.keepalive_timeout_s)
        else:
            self._look_in(options.keepalive_s - since_s)
