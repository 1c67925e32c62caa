"""Leaves a guard alone that fails: whoever would ask it is told so at once, instead of waiting for nothing."""

import logging
import time
from collections import deque

from hedgerow_server.core.wait import Wait
from hedgerow_server.guardrails.remote.section import FuseSection

_OUTCOMES = 20
"""How many of the last outcomes are looked at."""
_STALE_TRIAL_S = 10.0
"""A trial of which nothing was heard for so long holds nobody up any more."""
_log = logging.getLogger(__name__)


class Fuse:
    """Closed, until there are too many failures; then nobody asks for a while, and after that one call at a time tries.

    Whoever asks has a permit, which says how often the guard had been given up by then: what was asked before that is
    no news of what came after it. Times are those of time.monotonic().
    """

    def __init__(self, name: str, section: FuseSection) -> None:
        """`name` is the guard's, for the log."""
        self._name = name
        self._failures = section.failures
        self._outcomes: deque[bool] = deque(maxlen=_OUTCOMES)
        self._streak = 0
        self._wait = Wait(section.rest_seconds, section.max_rest_seconds)
        self._given_up = 0
        self._trial_s: float | None = None
        self.reason = ""
        """Why it is not asked; empty while it is."""

    def admit(self) -> int | None:
        """A permit to ask the guard now, to be given back by one of the three below; None: it is not to be asked."""
        if self.reason:
            now_s = time.monotonic()
            if self._wait.left_s() or (self._trial_s is not None and now_s - self._trial_s < _STALE_TRIAL_S):
                return None
            self._trial_s = now_s
        return self._given_up

    def succeeded(self, permit: int) -> None:
        """It has answered."""
        if permit != self._given_up:
            return
        self._streak = 0
        self._outcomes.append(True)
        if self.reason:
            _log.info("the guard %s answers again", self._name)
            self._outcomes.clear()
            self._wait.reset()
            self.reason, self._trial_s = "", None

    def failed(self, permit: int, why: str) -> None:
        """It has not, and is at fault. `why` says nothing of what it was asked."""
        if permit != self._given_up:
            return
        self._streak += 1
        self._outcomes.append(False)
        many = len(self._outcomes) == _OUTCOMES and 2 * self._outcomes.count(False) >= _OUTCOMES
        if not (self.reason or many or self._streak >= self._failures):
            return
        if not self.reason:
            _log.warning("the guard %s is not asked for a while: %s", self._name, why)
        self.reason, self._trial_s = why, None
        self._given_up += 1
        self._wait.failed()

    def void(self, permit: int) -> None:
        """Nothing can be said, as when the caller has left."""
        if permit == self._given_up:
            self._trial_s = None
