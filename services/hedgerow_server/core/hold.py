"""What a call has taken of quotas and budgets, as those see it who spend it."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from hedgerow_server.core.error import HedgerowError


class Left(msgspec.Struct, frozen=True, gc=False):
    """What is left of one limit."""

    name: str
    """Of the quota or budget."""
    unit: str
    """"requests", "tokens", "concurrency" or "usd"; amounts of the last are 10^-12 US dollars."""
    window: str
    """"minute", "hour", "day", "week", "month", "total"; empty: what runs at once."""
    limit: int
    left: int
    reset_unix_s: float | None
    """When all of it is there again. None: it slides, or never ends."""


class Spent(msgspec.Struct, frozen=True):
    """What one or several attempts came to. Money is 10^-12 US dollars."""

    charged_picos: int = 0
    """What the caller is charged."""
    overhead_picos: int = 0
    """What nobody is charged: lost races, answers that were replaced."""
    tokens: int = 0
    """Input and output of what the caller is charged for."""
    output_tokens: int = 0

    def __sub__(self, other: "Spent") -> "Spent":
        return Spent(
            self.charged_picos - other.charged_picos,
            self.overhead_picos - other.overhead_picos,
            self.tokens - other.tokens,
            self.output_tokens - other.output_tokens,
        )

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(
            self.charged_picos + other.charged_picos,
            self.overhead_picos + other.overhead_picos,
            self.tokens + other.tokens,
            self.output_tokens + other.output_tokens,
        )


class Hold(Protocol):
    """What one call has taken, and may still take."""

    bounded: bool
    """Whether nothing may be sent whose cost has no bound."""
    covered: bool
    """Whether the first attempt at any candidate of the plan is paid for."""

    def share(self, budget: str) -> float:
        """How much of a budget is spent, 1 being all; 0 of one that does not hold for the call."""

    def unbounded(self, model: str, *, priced: bool, field: str) -> HedgerowError:
        """Why an attempt at a model is not made: its price is not known, or `field` leaves its cost without a bound."""

    def cover(self, picos: int, tokens: int) -> HedgerowError | None:
        """Sees to it that the attempts of a part of the call may come to so much, together with the parts before.
        Returns why not.
        """

    def cover_overhead(self, picos: int) -> HedgerowError | None:
        """Sees to it that so much may be spent that nobody is charged for. Returns why not."""

    def book(self, spent: Spent) -> None:
        """A part of the call has come to so much; what was booked earlier is corrected by a difference."""

    def tightest(self, most: int) -> Sequence[Left]:
        """The limits of which the smallest shares are left."""

    def refused(self, most: int) -> Sequence[Left]:
        """Of a call that one of its limits has turned away: that limit, whose reset is when there may be enough of it
        for the call (None: that is not known), then the others of which the smallest shares are left. Empty for any
        other call.
        """
