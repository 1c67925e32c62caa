"""What the configuration says of candidates that fail."""

from typing import Annotated

import pydantic

from hedgerow_server.config.model import Seconds, Section
from hedgerow_server.routing.breaker import BreakerPolicy
from hedgerow_server.routing.rest import RestPolicy

Share = Annotated[float, pydantic.Field(gt=0, le=1)]


class BreakerSection(Section):
    """Section `breaker`: when a candidate is not asked for a while.

    A candidate is ejected for failures of its own: no connection, 5xx, no first token in time, answers cut off, stalled
    or garbled. Trials with single calls let it back in. Rate limits and refused credentials make it rest instead; what
    is wrong with a request is never held against it.
    """

    window_seconds: Seconds = 30.0
    """How far back outcomes count. A candidate that stays in for so long has one of its past ejections forgiven."""
    min_calls: int = pydantic.Field(default=20, ge=1, le=100_000)
    """Shares say nothing of fewer calls. So many failures in a row prove an outage."""
    failure_share: Share = 0.25
    """Ejects a candidate when so many of its outcomes in the window are failures."""
    consecutive_failures: int = pydantic.Field(default=5, ge=1, le=100_000)
    """Ejects a candidate after so many failures in a row, however few calls there were."""
    slow_after_seconds: Seconds | None = None
    """A first token later than this is slow; null: none is."""
    slow_share: Share = 0.5
    """Ejects a candidate when so many of its outcomes in the window are slow."""
    ejection_seconds: Seconds = 2.0
    """How long a first ejection lasts; each that follows lasts twice as long, all less up to a fifth at random."""
    max_ejection_seconds: Seconds = 30.0
    """How long an ejection lasts at most."""
    max_ejected_share: float = pydantic.Field(default=0.5, ge=0, le=1)
    """How many of a route's candidates may be ejected while they still answer some calls. One that answers none may
    always be, and one that answers some always stays where there is no other."""
    trials: int = pydantic.Field(default=1, ge=1, le=1000)
    """How many calls at a time try a candidate whose ejection is over."""
    trial_successes: int = pydantic.Field(default=2, ge=1, le=1000)
    """So many answered trials end its ejection."""
    cool_down_seconds: Seconds = 5.0
    """How long a candidate rests after a rate limit that names no time of use, half of it more or less at random."""
    max_cool_down_seconds: Seconds = 300.0
    """How long it rests at most, whatever the provider asks."""
    set_aside_seconds: Seconds = 10.0
    """How long a credential rests that the provider refuses; each time after that twice as long."""
    max_set_aside_seconds: Seconds = 300.0
    """How long it rests at most. It is asked again as soon as its secret changes."""

    @pydantic.model_validator(mode="after")
    def _ordered(self) -> "BreakerSection":
        for name in ("ejection_seconds", "cool_down_seconds", "set_aside_seconds"):
            if getattr(self, name) > getattr(self, f"max_{name}"):
                raise ValueError(f"{name} must not be above max_{name}")
        return self

    def policy(self) -> BreakerPolicy:
        """What a breaker needs of it."""
        return BreakerPolicy(
            window_s=self.window_seconds,
            min_calls=self.min_calls,
            failure_share=self.failure_share,
            consecutive=self.consecutive_failures,
            slow_after_s=self.slow_after_seconds,
            slow_share=self.slow_share,
            base_s=self.ejection_seconds,
            max_s=self.max_ejection_seconds,
            half_open_permits=self.trials,
            trial_successes=self.trial_successes,
            rest=RestPolicy(
                cool_down_s=self.cool_down_seconds,
                cool_down_max_s=self.max_cool_down_seconds,
                set_aside_s=self.set_aside_seconds,
                set_aside_max_s=self.max_set_aside_seconds,
            ),
        )
