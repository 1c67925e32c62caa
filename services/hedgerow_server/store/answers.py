"""Kept answers in the database, for routers that share it.

A claim of a call ends with the call, or with its router: each router has a line in `claim_lease`, which it renews as
long as it lives, whatever it has claimed. The time of leases is the database's, so that routers whose clocks differ are
of one mind about who lives. The token of a claim says which router's it is, in front of what makes it the only one of
its kind; what has only the latter is of a router that knows no leases, and ends with its call alone.
"""

import os
import time
from collections.abc import Callable, Collection

from hedgerow_server.store.kept import Claim, Kept
from hedgerow_server.store.port import Database
from hedgerow_server.store.script import Do, Script

_OWNER_BYTES = _TOKEN_BYTES = 16
# The claim's own lease counts as well. It holds until the first renewal, and who asks in the same moment may not see
# its router's line yet.
_LAPSED = f"""(length(held.token) = {_OWNER_BYTES + _TOKEN_BYTES} AND held.lease_unix_s <= unix_now()
    AND NOT EXISTS (SELECT 1 FROM claim_lease WHERE owner = substr(held.token, 1, {_OWNER_BYTES})
    AND claim_lease.until_unix_s > unix_now()))"""  # noqa: S608  # numbers of our own
_CLAIM = f"""INSERT INTO kept_answer AS held
    (slot, fingerprint, token, tenant, "user", request_id, answer, until_unix_s, lease_unix_s)
    VALUES (?, ?, ?, ?, ?, ?, NULL, ?, unix_now() + ?)
    ON CONFLICT (slot) DO UPDATE SET fingerprint = excluded.fingerprint, token = excluded.token,
    tenant = excluded.tenant, "user" = excluded."user", request_id = excluded.request_id, answer = NULL,
    until_unix_s = excluded.until_unix_s, lease_unix_s = excluded.lease_unix_s
    WHERE held.until_unix_s <= ? OR (held.answer IS NULL AND {_LAPSED}) RETURNING 1"""  # noqa: S608  # a condition of our own
_HELD = "SELECT fingerprint, request_id, answer FROM kept_answer WHERE slot = ?"
_TAKEN = f"""SELECT held.slot FROM kept_answer AS held WHERE held.slot IN ({{}}) AND held.answer IS NULL
    AND held.until_unix_s > ? AND NOT {_LAPSED}"""  # noqa: S608  # as above
_RENEW = """INSERT INTO claim_lease (owner, until_unix_s) VALUES (?, unix_now() + ?)
    ON CONFLICT (owner) DO UPDATE SET until_unix_s = excluded.until_unix_s"""
_KEEP = "UPDATE kept_answer SET answer = ?, until_unix_s = ? WHERE slot = ? AND token = ? RETURNING 1"
_FREE = "DELETE FROM kept_answer WHERE slot = ? AND token = ? AND answer IS NULL"
_ERASE = """DELETE FROM kept_answer WHERE tenant = ? AND "user" = ? AND answer IS NOT NULL RETURNING 1"""
_SWEEP = """DELETE FROM kept_answer WHERE slot IN
    (SELECT slot FROM kept_answer WHERE until_unix_s <= ? ORDER BY until_unix_s LIMIT 500)"""
"""So many at once that nobody waits for long."""
_SWEEP_LEASES = "DELETE FROM claim_lease WHERE until_unix_s <= unix_now()"
_AT_ONCE = 256
"""Keys in one question."""


class StoredAnswers:
    """The AnswerStore in a database. What has had its time counts as gone, whether it was swept out or not."""

    def __init__(self, database: Database, now: Callable[[], float] = time.time) -> None:
        self._database = database
        self._now = now
        self._owner = os.urandom(_OWNER_BYTES)

    async def claim(self, claim: Claim) -> Kept | None:
        """Takes a key, or tells who has it."""
        return await self._database.change(_claimed(claim, self._token(claim), self._now()))

    async def renew(self, lease_s: float) -> None:
        """Tells that this router lives."""
        await self._database.change(_any(Do(_RENEW, (self._owner, lease_s))))

    async def taken(self, slots: Collection[bytes]) -> Collection[bytes]:
        """Those of the keys that a call has."""
        return await self._database.ask(_taken(list(slots), self._now()))

    async def keep(self, claim: Claim, answer: bytes, until_unix_s: float) -> bool:
        """Keeps an answer."""
        wanted = Do(_KEEP, (answer, until_unix_s, claim.slot, self._token(claim)))
        return await self._database.change(_any(wanted)) > 0

    async def free(self, claim: Claim) -> None:
        """Gives a key back."""
        await self._database.change(_any(Do(_FREE, (claim.slot, self._token(claim)))))

    async def erase(self, tenant: str, user: str) -> int:
        """Drops a user's answers."""
        return await self._database.change(_any(Do(_ERASE, (tenant, user))))

    async def sweep(self) -> None:
        """Drops what is too old."""
        await self._database.change(_swept(self._now()))

    def _token(self, claim: Claim) -> bytes:
        return self._owner + claim.token


def _claimed(claim: Claim, token: bytes, now_unix_s: float) -> Script[Kept | None]:
    wanted = (claim.slot, claim.fingerprint, token, claim.tenant, claim.user, claim.request_id)
    if (yield Do(_CLAIM, (*wanted, claim.until_unix_s, claim.lease_s, now_unix_s))):
        return None
    # The statement above has locked the row, whichever database it is: nobody takes it away in between.
    ((fingerprint, request_id, answer),) = yield Do(_HELD, (claim.slot,))
    return Kept(fingerprint, request_id, answer)


def _taken(slots: list[bytes], now_unix_s: float) -> Script[set[bytes]]:
    found: set[bytes] = set()
    for start in range(0, len(slots), _AT_ONCE):
        some = slots[start : start + _AT_ONCE]
        # Lists of few lengths, the last key repeated: PostgreSQL plans each statement once.
        some += some[-1:] * ((1 << (len(some) - 1).bit_length()) - len(some))
        rows = yield Do(_TAKEN.format(", ".join("?" * len(some))), (*some, now_unix_s))
        found.update(bytes(slot) for (slot,) in rows)
    return found


def _swept(now_unix_s: float) -> Script[None]:
    yield Do(_SWEEP, (now_unix_s,))
    yield Do(_SWEEP_LEASES)


def _any(statement: Do) -> Script[int]:
    return len((yield statement))
