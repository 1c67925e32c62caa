"""Where the time of a call went: parts that do not overlap and add up to the whole."""

import time
from collections.abc import Iterable
from operator import attrgetter

import msgspec

from hedgerow_server.core.call import Call, Wait

_PARTS = ("queue", "guard", "auth", "cache")
"""What a wait can be for, the first of two that overlap first: a cache that waits for an equal call is a queue."""
_START = attrgetter("start_unix_s")


class Breakdown(msgspec.Struct, frozen=True):
    """The parts, in seconds."""

    auth_s: float
    """Finding out who calls."""
    queue_s: float
    """Waiting for a turn, or for an equal call, while no provider was asked."""
    guards_s: float
    """Guards, while no provider was asked: what they take while an answer comes is not added to the call."""
    cache_s: float
    """Looking for an answer that is there already."""
    upstream_s: float
    """While at least one provider was being asked; attempts that overlap count once."""
    overhead_s: float
    """All the rest: the gateway itself."""


def breakdown(call: Call, duration_s: float) -> Breakdown:
    """The parts of a call that has just ended after so many seconds."""
    began_s = call.started_s
    covered = _Covered(began_s, began_s + duration_s)
    # Attempts are dated by the wall clock, waits by the monotonic one.
    unix_s = time.time() - time.monotonic()
    attempts, upstream_s = call.attempts, 0.0
    for one in attempts if len(attempts) < 2 else sorted(attempts, key=_START):
        start_s = one.start_unix_s - unix_s
        upstream_s += covered.add(start_s, start_s + one.total_s)
    parts = dict.fromkeys(_PARTS, 0.0)
    waits = call.waits
    for kind, _, since_s, until_s in waits if len(waits) < 2 else sorted(waits, key=_priority):
        if kind in parts:
            parts[kind] += covered.add(since_s, until_s)
    overhead_s = max(0.0, duration_s - upstream_s - sum(parts.values()))
    return Breakdown(parts["auth"], parts["queue"], parts["guard"], parts["cache"], upstream_s, overhead_s)


def _priority(wait: Wait) -> int:
    return _PARTS.index(wait[0]) if wait[0] in _PARTS else len(_PARTS)


class _Covered:
    """Times that somebody has claimed, in order and apart."""

    def __init__(self, began_s: float, ended_s: float) -> None:
        self._began_s, self._ended_s = began_s, ended_s
        self._taken: list[tuple[float, float]] = []

    def add(self, since_s: float, until_s: float) -> float:
        """Claims what nobody has yet of a time; returns how long that is."""
        since_s, until_s = max(since_s, self._began_s), min(until_s, self._ended_s)
        if until_s <= since_s:
            return 0.0
        taken = self._taken
        if not taken or since_s >= taken[-1][1]:
            taken.append((since_s, until_s))
            return until_s - since_s
        if until_s <= taken[0][0]:
            taken.insert(0, (since_s, until_s))
            return until_s - since_s
        fresh_s = until_s - since_s - sum(_common(taken, since_s, until_s))
        self._taken = _joined(taken, since_s, until_s)
        return fresh_s


def _common(taken: Iterable[tuple[float, float]], since_s: float, until_s: float) -> Iterable[float]:
    return (max(0.0, min(until_s, end) - max(since_s, start)) for start, end in taken)


def _joined(taken: list[tuple[float, float]], since_s: float, until_s: float) -> list[tuple[float, float]]:
    apart = [(start, end) for start, end in taken if end < since_s or start > until_s]
    touched = [one for one in taken if one not in apart]
    apart.append((min([since_s, *(one[0] for one in touched)]), max([until_s, *(one[1] for one in touched)])))
    return sorted(apart)
