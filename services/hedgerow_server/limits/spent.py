"""What was used before this process began, from whoever keeps the books."""

from collections.abc import Sequence
from typing import Protocol

import msgspec


class Sums(msgspec.Struct, frozen=True, kw_only=True):
    """What all attempts and calls of one combination of values came to. Several of the same values add up."""

    values: tuple[str, ...]
    """Of the dimensions that were asked for, in their order."""
    requests: int = 0
    tokens: int = 0
    """Input and output of charged attempts."""
    charged_picos: int = 0
    overhead_picos: int = 0


class SpentBefore(Protocol):
    """The books."""

    async def spent(self, since_unix_s: float, until_unix_s: float, by: Sequence[str]) -> Sequence[Sums]:
        """Sums of what was started between two moments, the second one excluded, for each combination of values of the
        dimensions `by`, which are of "tenant", "team", "user", "service", "key" and "model" (the model name that the
        caller asked for).
        """
