"""Erasing what is kept of a user, by id; and telling others who was erased without saying who it was."""

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Protocol

import msgspec

from hedgerow_server.core.joined import joined
from hedgerow_server.core.slices import Work

BARRED_S = 3_600.0
"""For so long after he was erased nothing new is kept of a user: calls were under way, which may take so long."""
_SALT_BYTES = 16
_MARK_BYTES = 16

Gone = Callable[[bytes], bool]
"""Whether a user, as `person_of` writes him, is one of those who were erased."""


def person_of(tenant: str, user: str) -> bytes:
    """A user as bytes, no two the same; empty for nobody."""
    return joined(("owner", tenant, user)) if user else b""


class Mark(msgspec.Struct, frozen=True):
    """A user who was erased: whoever knows one can tell whether it is he, and nobody can tell more."""

    salt: bytes
    """1 to 64 bytes. Of marks with the same salt all are looked through at once."""
    digest: bytes


def new_salt() -> bytes:
    """A salt that nobody has had."""
    return os.urandom(_SALT_BYTES)


def mark_of(person: bytes, salt: bytes) -> Mark:
    """The mark of a user."""
    return Mark(salt, _digest(person, salt))


def _digest(person: bytes, salt: bytes) -> bytes:
    return blake2b(person, digest_size=_MARK_BYTES, key=salt, person=b"hedgerow erased").digest()


class Barred:
    """Users of whom nothing is kept for a while. To ask costs a look while there are none, and about 1 µs for each salt
    while there are some.
    """

    def __init__(self, for_s: float = BARRED_S, now: Callable[[], float] = time.monotonic) -> None:
        self._for_s = for_s
        self._now = now
        self._own = new_salt()
        self._until: dict[bytes, dict[bytes, float]] = {}

    def bar(self, person: bytes) -> None:
        """Keeps nothing of a user from now on, for the time."""
        self.add([mark_of(person, self._own)])

    def add(self, marks: Iterable[Mark]) -> None:
        """The same for those who have these marks."""
        now_s = self._now()
        for mark in marks:
            self._until.setdefault(mark.salt, {})[mark.digest] = now_s + self._for_s
        self.sweep()

    def sweep(self) -> None:
        """Forgets whose time is over."""
        now_s, left = self._now(), dict[bytes, dict[bytes, float]]()
        for salt, some in self._until.items():
            if still := {one: until_s for one, until_s in some.items() if until_s > now_s}:
                left[salt] = still
        self._until = left

    def has(self, person: bytes) -> bool:
        """Whether he is one of them. Nobody is none."""
        if not self._until or not person:
            return False
        now_s = self._now()
        return any(some.get(_digest(person, salt), 0.0) > now_s for salt, some in self._until.items())


class Forgetter(Protocol):
    """Something that keeps in the memory of this process what users said or were told."""

    def forget(self, gone: Gone) -> Work[int]:
        """Lets go of what is kept of users who are gone; tells how many things those were."""


class Heard(msgspec.Struct, frozen=True):
    """What has happened since somebody last looked."""

    number: int
    """The number of the last erasure, to look from the next time."""
    marks: Sequence[Mark] = ()
    """Those who were erased since."""
    missed: bool = False
    """Whether there were others, whose marks nobody has any more: he has not looked for too long."""


class Eraser(Protocol):
    """Something that keeps what users said or what they were told, or what tells of them."""

    async def erase(self, tenant: str, user: str) -> int:
        """Erases what is kept of a user, and tells how many things that were. To do it again does no harm. Raises
        StoreUnavailable.
        """


class EraseUserRequest(msgspec.Struct, frozen=True):
    """A call of EraseUser."""

    tenant: str
    user: str


class UserErased(msgspec.Struct, frozen=True):
    """What was erased."""

    reference: str
    """Stands for the user in the audit log."""
    counts: Mapping[str, int]
    """How many things, by where they were."""
