"""Kept answers in the database, for routers that share it."""

import time
from collections.abc import Callable

from hedgerow_server.store.kept import Claim, Kept
from hedgerow_server.store.port import Database
from hedgerow_server.store.script import Do, Script

_CLAIM = """INSERT INTO kept_answer AS held
    (slot, fingerprint, token, tenant, "user", request_id, answer, until_unix_s) VALUES (?, ?, ?, ?, ?, ?, NULL, ?)
    ON CONFLICT (slot) DO UPDATE SET fingerprint = excluded.fingerprint, token = excluded.token,
    tenant = excluded.tenant, "user" = excluded."user", request_id = excluded.request_id, answer = NULL,
    until_unix_s = excluded.until_unix_s
    WHERE held.until_unix_s <= ? RETURNING 1"""
_HELD = "SELECT fingerprint, request_id, answer FROM kept_answer WHERE slot = ?"
_KEEP = "UPDATE kept_answer SET answer = ?, until_unix_s = ? WHERE slot = ? AND token = ? RETURNING 1"
_FREE = "DELETE FROM kept_answer WHERE slot = ? AND token = ? AND answer IS NULL"
_ERASE = """DELETE FROM kept_answer WHERE tenant = ? AND "user" = ? AND answer IS NOT NULL RETURNING 1"""
_SWEEP = """DELETE FROM kept_answer WHERE slot IN
    (SELECT slot FROM kept_answer WHERE until_unix_s <= ? ORDER BY until_unix_s LIMIT 500)"""
"""So many at once that nobody waits for long."""


class StoredAnswers:
    """The AnswerStore in a database. What has had its time counts as gone, whether it was swept out or not."""

    def __init__(self, database: Database, now: Callable[[], float] = time.time) -> None:
        self._database = database
        self._now = now

    async def claim(self, claim: Claim) -> Kept | None:
        """Takes a key, or tells who has it."""
        return await self._database.change(_claimed(claim, self._now()))

    async def keep(self, claim: Claim, answer: bytes, until_unix_s: float) -> bool:
        """Keeps an answer."""
        return await self._database.change(_any(Do(_KEEP, (answer, until_unix_s, claim.slot, claim.token)))) > 0

    async def free(self, claim: Claim) -> None:
        """Gives a key back."""
        await self._database.change(_any(Do(_FREE, (claim.slot, claim.token))))

    async def erase(self, tenant: str, user: str) -> int:
        """Drops a user's answers."""
        return await self._database.change(_any(Do(_ERASE, (tenant, user))))

    async def sweep(self) -> None:
        """Drops what is too old."""
        await self._database.change(_any(Do(_SWEEP, (self._now(),))))


def _claimed(claim: Claim, now_unix_s: float) -> Script[Kept | None]:
    wanted = (claim.slot, claim.fingerprint, claim.token, claim.tenant, claim.user, claim.request_id)
    if (yield Do(_CLAIM, (*wanted, claim.until_unix_s, now_unix_s))):
        return None
    # The statement above has locked the row, whichever database it is: nobody takes it away in between.
    ((fingerprint, request_id, answer),) = yield Do(_HELD, (claim.slot,))
    return Kept(fingerprint, request_id, answer)


def _any(statement: Do) -> Script[int]:
    return len((yield statement))
