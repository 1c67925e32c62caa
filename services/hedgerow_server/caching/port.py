"""Where answers are kept, and what finds one for a question that is only like an earlier one."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from hedgerow_server.caching.kept import Kept
from hedgerow_server.caching.key import Asked
from hedgerow_server.caching.section import RouteCacheSection
from hedgerow_server.core.call import Call


class Entry(msgspec.Struct, frozen=True):
    """One value to be kept."""

    slot: bytes
    """Where: see key.slot_of."""
    value: bytes
    """A sealed value: see kept.seal."""
    ttl_s: float
    """For how many seconds, above 0."""
    owner: bytes = b""
    """Who has caused it to be kept: see key.owner_of. Empty: no user."""


class CacheAway(Exception):
    """The store cannot be asked now; the text says why, without anything that is kept."""


class CacheStore(Protocol):
    """Keeps values by slots. What it gives back is not trusted: see kept.opened."""

    @property
    def away(self) -> str | None:
        """Why it cannot be asked now; None: it can."""

    async def get(self, slots: Sequence[bytes]) -> Sequence[bytes | None]:
        """The values of slots, in their order. Raises CacheAway, within its time."""

    def put(self, entries: Sequence[Entry]) -> None:
        """Keeps values, in the place of those that are there. Waits for nothing, tells of no failure."""

    def drop(self, slots: Sequence[bytes]) -> None:
        """Lets go of values. Waits for nothing, tells of no failure."""

    async def erase(self, owner: bytes) -> int:
        """Lets go of all that a user has caused to be kept; tells how many values that were. Raises CacheAway."""

    def size(self) -> tuple[int, int] | None:
        """How many values it holds, and their bytes; None where that cannot be told at once."""

    async def close(self) -> None:
        """Ends what was begun."""


class Near(msgspec.Struct, frozen=True):
    """An answer to a question like the one that is asked."""

    slot: bytes
    """Where it is kept; of the same scope and partition."""
    similarity: float
    """How like the questions are, 0 to 1."""


class Similar(Protocol):
    """Finds kept answers by what questions mean. Asked after an exact look-up has found nothing, by the routes that
    want it (`cache.mode: semantic`).
    """

    async def find(self, call: Call, asked: Asked, rules: RouteCacheSection) -> Sequence[Near]:
        """The likest ones that are like enough, the best first; a few at most. Never fails: at worst it finds none."""

    def keep(self, call: Call, asked: Asked, slot: bytes, kept: Kept) -> None:
        """An answer to this question was kept. Waits for nothing, and never fails."""
