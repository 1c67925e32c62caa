"""Whoever holds the counts that several routers share, as a router sees it."""

from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

import msgspec


class LenderAway(Exception):
    """The shared counts cannot be asked now; the text says why."""


class Loan(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a router says of one count, and what it asks of it."""

    key: str
    most: int | None
    """The limit. None: there is none, it is only counted."""
    length_us: int
    """Of a sliding slot, in microseconds; 0: `slot` says which it is."""
    slot: int
    used: int
    """What this router has used in the slot."""
    lent: int
    """What it has been lent and has not used."""
    held: int
    """The part of that which calls under way hold."""
    need: int = 0
    """What the first of its calls needs; without it nothing is granted."""
    due: int = 0
    """What all of its calls that wait need together."""
    want: int = 0
    """What it would like beyond that, for calls to come."""
    part: int = 1
    """For those it gets at most so great a part of what is left (1/n)."""
    keep_ms: int = 0
    """How long the count is kept when nobody asks for it; 0: for ever."""
    base: int = 0
    """What is known to have been used in the slot by routers that are gone."""
    doubt_ms: int = 0
    """How long after this router has fallen silent what it was lent stays counted, unless somebody says how much of it
    was used. 0: it is given back at once.
    """
    from_here: bool = False
    """Whether the lender has said so. What is known from elsewhere stands for a count that it has none of."""


class Lent(msgspec.Struct, frozen=True, gc=False):
    """The answer for one count."""

    granted: int
    slot: int
    counted: int
    """Used in the slot by all routers."""
    before: int
    """Used in the slot before."""
    idle_elsewhere: int
    """Lent to other routers and held by none of their calls."""
    base: int
    """Used in the slot by routers that are gone."""
    lent_elsewhere: int
    """Lent to other routers, held by their calls or not."""


class Answer(msgspec.Struct, frozen=True):
    """The answer to a request."""

    now_us: int
    """The server's clock."""
    short: int | None
    """The place of the first count that has too little left; then nothing was granted."""
    counts: tuple[Lent, ...]
    since_us: int = 0
    """Since when it has had counts without a break: another value than before tells that it has lost them."""
    hearing_s: float = 0.0
    """How long it grants nothing yet, because it has to hear first what all routers have used."""


class Lender(Protocol):
    """Whoever holds the shared counts."""

    router: str
    """What it calls this router: a name that none had before."""
    away: str | None
    """Why it cannot be asked. Until somebody has probed it with success, all else raises LenderAway at once."""
    requests: int
    """How often it was asked for anything."""
    failures: int
    """How often that failed."""

    async def ask(self, loans: Sequence[Loan], *, probing: bool = False) -> Answer:
        """Tells what was used, and asks for more; of nothing, too. Raises LenderAway. `probing`: also when it was away
        the last time, and then with more patience, for no call waits.
        """

    async def bury(self, router: str, loans: Sequence[Loan]) -> None:
        """Tells what a router that is gone had used: nothing is lent to it any more. Of counts of which that router had
        said nothing, and in slots that are over, it changes nothing. Raises LenderAway.
        """

    async def first(self, key: str, keep_s: float) -> bool:
        """Whether nobody has said the same before, within so many seconds. Raises LenderAway."""

    async def call_back(self, key: str) -> None:
        """Asks all routers for what they were lent of a count and do not use. Raises LenderAway."""

    def called_back(self) -> AsyncGenerator[str, None]:
        """The counts that are called back, for ever: where the lender is away it waits until it is back."""

    async def close(self) -> None:
        """Lets go of it."""
