"""How much of a call was the gateway's own: what is left without the time in which a provider was being asked."""

from collections.abc import Sequence

from hedgerow_server.core.event import AttemptRecord
from hedgerow_server.core.intervals import covered_s


def upstream_s(attempts: Sequence[AttemptRecord]) -> float:
    """The seconds in which at least one attempt was under way. Hedged ones overlap: that time counts once."""
    if len(attempts) == 1:
        return attempts[0].total_s
    return covered_s([(one.start_unix_s, one.start_unix_s + one.total_s) for one in attempts])


def overhead_s(attempts: Sequence[AttemptRecord], duration_s: float) -> float:
    """What is left of a call that took so long, at least 0: waits for guards, for a turn and between attempts are in
    it.
    """
    return max(0.0, duration_s - upstream_s(attempts))
