"""How far a run is, and about how long it still takes."""

import sys
import time


class Progress:
    """Told on standard error, a line for each step."""

    def __init__(self, expected_s: float) -> None:
        self._expected_s = expected_s
        self._done_s = 0.0
        self._began = time.monotonic()
        self.say(f"about {expected_s / 60:.0f} min")

    def say(self, text: str) -> None:
        """A line of its own."""
        print(text, file=sys.stderr, flush=True)

    def step(self, name: str, weight_s: float) -> None:
        """A step begins that is expected to take so long."""
        took = time.monotonic() - self._began
        # What has been done tells how fast this machine is, once there is something to tell it from.
        pace = min(3.0, max(0.5, took / self._done_s)) if self._done_s > 20 else 1.0
        left = max(0.0, self._expected_s - self._done_s) * pace
        self.say(f"[{took:5.0f} s, about {left:4.0f} s left] {name}")
        self._done_s += weight_s
