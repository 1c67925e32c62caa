"""Erasing what is kept of a user, by id."""

from collections.abc import Mapping
from typing import Protocol

import msgspec


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
