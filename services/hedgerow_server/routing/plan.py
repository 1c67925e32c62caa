"""What a route decides for one call."""

import time

import msgspec

from hedgerow_server.core.event import Warning
from hedgerow_server.core.request import RoutePolicy
from hedgerow_server.routing.affinity import Affinity, Key
from hedgerow_server.routing.candidate import Candidate
from hedgerow_server.routing.hedges import Hedges
from hedgerow_server.routing.kill import KillSwitches


class StructuredOutput(msgspec.Struct, frozen=True, kw_only=True):
    """What is done about answers that are not the JSON that was asked for."""

    repair: bool
    """Whether what can be put right without a guess is."""
    reask: int
    """How often the model is asked again."""
    hold: bool
    """Whether streams are held until they are checked."""


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """How far a call may go to get its answer. Times in seconds."""

    max_attempts: int = 3
    """Attempts of a call, hedged ones included."""
    first_token_timeout_s: float | None = None
    """How long an attempt may take to its first content."""
    max_wait_s: float = 5.0
    """The longest wait for a rate limit when no other candidate is left."""
    max_ejected_share: float = 0.5
    """How many candidates may be ejected on partial evidence."""
    larger_context: bool = False
    """Whether a conversation that is too long goes to a candidate with a larger context."""
    streams: bool = False
    """Whether unary calls stream upstream, since something looks at the first token."""
    hedges: Hedges | None = None
    """When a second attempt runs beside a slow first one."""
    kills: KillSwitches | None = None
    """What may be switched off while a call is under way."""
    structured: StructuredOutput | None = None
    """How answers are checked that shall be JSON; None: they are not."""


class Sticky(msgspec.Struct, frozen=True):
    """The conversation of a call, to be remembered with who answered it."""

    affinity: Affinity
    key: Key

    def keep(self, candidate: Candidate) -> None:
        """This one answered."""
        self.affinity.keep(self.key, candidate, time.monotonic())


class Plan(msgspec.Struct, frozen=True):
    """Who is asked, in order; never empty. `policy` is the caller's."""

    candidates: tuple[Candidate, ...]
    policy: RoutePolicy
    bounds: Bounds = Bounds()
    sticky: Sticky | None = None
    downgraded_from: str = ""
    """The model that would have come first if no budget had left it out; empty where none has."""
    warnings: tuple[Warning, ...] = ()
    """What callers should know of the plan."""
    why: str = ""
    """The strategy, the rules that hold and whether the conversation stays, for the books."""
