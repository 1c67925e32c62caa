"""How long one attempt may take, of its own and of the deadline that it shares with those that could follow."""

import msgspec

from hedgerow_server.routing.candidate import Candidate
from hedgerow_server.routing.plan import Plan

_FIRST_SHARE = 0.5
"""What an attempt gets of the time that is left while others could still follow."""


class Limits(msgspec.Struct, frozen=True):
    """The clocks of one attempt, in seconds."""

    first_token_s: float | None
    """To the first content; None: as long as the deadline lets it."""
    idle_s: float
    """Between two pieces of content."""
    hurried: bool = False
    """Whether the first limit is the caller's, and shorter than what the configuration grants the candidate."""

    @classmethod
    def of(cls, plan: Plan, candidate: Candidate, shared_s: float | None, *, whole: bool) -> "Limits":
        """The caller's clocks before the configured ones, and of the deadline no more than leaves time for those that
        could follow. `shared_s` is what is left of it, None where nobody could follow; `whole`: the answer may be
        replaced until its end, so its pauses count as well.
        """
        policy, upstream = plan.policy, candidate.upstream
        granted_s = candidate.first_token_timeout_s or plan.bounds.first_token_timeout_s
        granted_s = granted_s or upstream.first_token_timeout_s
        first_s = policy.first_token_timeout_s or granted_s
        idle_s = policy.idle_timeout_s or upstream.idle_timeout_s
        if shared_s is not None:
            share_s = shared_s * _FIRST_SHARE
            first_s = share_s if first_s is None else min(first_s, share_s)
            if whole:
                idle_s = min(idle_s, share_s)
        hurried = first_s is not None and (granted_s is None or first_s < granted_s)
        return cls(first_s, idle_s, hurried)
