"""How long a worker that has ended by itself is left alone before it is started again."""

_FIRST_S = 0.25
_MOST_S = 30.0
_FINE_S = 60.0
"""A worker that has served so long has done nothing wrong by ending now."""


class Backoff:
    """The pauses of one worker: a quarter of a second, twice as long after each further end, half a minute at most;
    anew once it has served for a minute.
    """

    def __init__(self) -> None:
        self._next_s = _FIRST_S

    def pause_s(self, served_s: float) -> float:
        """The pause after a worker that has served for so many seconds, 0 for one that never did."""
        if served_s >= _FINE_S:
            self._next_s = _FIRST_S
        found, self._next_s = self._next_s, min(2 * self._next_s, _MOST_S)
        return found
