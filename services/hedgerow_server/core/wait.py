"""How long to wait after failures in a row."""

import random
import time

_DOUBLINGS = 30
_SPREAD = 0.2


class Wait:
    """Doubles with each failure, give or take a fifth, so that routers that failed together do not come together."""

    __slots__ = ("_failures", "_first_s", "_longest_s", "_lots", "until_s")

    def __init__(self, first_s: float, longest_s: float) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._failures = 0
        self._lots = random.Random()  # noqa: S311  (jitter, no secret)
        self.until_s = 0.0
        """When to try again, by the monotonic clock; in the past: now."""

    def failed(self) -> None:
        """Another failure."""
        wait_s = min(self._first_s * 2 ** min(self._failures, _DOUBLINGS), self._longest_s)
        self._failures += 1
        self.until_s = time.monotonic() + wait_s * self._lots.uniform(1 - _SPREAD, 1 + _SPREAD)

    def reset(self) -> None:
        """It has succeeded, or there is something new to try."""
        self._failures, self.until_s = 0, 0.0

    def left_s(self) -> float:
        """How long until the next try."""
        return max(0.0, self.until_s - time.monotonic())
