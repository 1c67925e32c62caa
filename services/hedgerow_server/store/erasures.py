"""Users who were erased of late, in the database: what tells the routers that share it what to let go of.

A mark (`core.erasure.Mark`) says who it was to those alone who know him. It stays for as long as a router may need to
hear of it, no longer; a router that looks again later than that is told that it has missed some.
"""

from hedgerow_server.core.erasure import BARRED_S, Heard, Mark, mark_of, new_salt
from hedgerow_server.store.port import Database
from hedgerow_server.store.script import Do, Rows, Script

_NEXT = "UPDATE erasure_number SET last = last + 1 RETURNING last"
_SALT = "SELECT salt FROM erasure ORDER BY number DESC LIMIT 1"
_ADD = "INSERT INTO erasure (number, salt, mark, at_unix_s) VALUES (?, ?, ?, unix_now())"
_STATE = "SELECT last, swept FROM erasure_number"
_SINCE = "SELECT number, salt, mark FROM erasure WHERE number > ? ORDER BY number"
_OLD = "SELECT max(number) FROM erasure WHERE at_unix_s <= unix_now() - ?"
_SWEEP = "DELETE FROM erasure WHERE number <= ?"
_SWEPT = "UPDATE erasure_number SET swept = ? WHERE swept < ?"


class StoredErasures:
    """Tells of erasures, and is told of them. All methods raise StoreUnavailable."""

    def __init__(self, database: Database, keep_s: float = BARRED_S) -> None:
        """Marks are kept for `keep_s`, by the clock of the database."""
        self._database = database
        self._keep_s = keep_s

    async def tell(self, person: bytes) -> None:
        """Tells all routers that a user is erased."""
        await self._database.change(_told(person))

    async def since(self, number: int | None) -> Heard:
        """What has happened since the erasure with this number; None: nobody has looked before, which counts as too
        long ago.
        """
        return await self._database.ask(_since(number))

    async def sweep(self) -> None:
        """Drops the marks that have had their time."""
        ((old,),) = await self._database.ask(_asked(Do(_OLD, (self._keep_s,))))
        if old is not None:
            await self._database.change(_swept(int(old)))
            await self._database.scrub()


def _told(person: bytes) -> Script[None]:
    # The row is locked to the end of the transaction: whoever sees a number sees all before it.
    ((number,),) = yield Do(_NEXT)
    rows = yield Do(_SALT)
    # One for all that are there together: a router then looks through what it holds once for all of them.
    mark = mark_of(person, bytes(rows[0][0]) if rows else new_salt())
    yield Do(_ADD, (number, mark.salt, mark.digest))


def _since(number: int | None) -> Script[Heard]:
    ((last, _),) = yield Do(_STATE)
    if last == number:
        return Heard(last)
    # Less than before: another database, or an old copy of it.
    known = number if number is not None and number < last else None
    rows = yield Do(_SINCE, (known or 0,))
    # Asked after the rows: what was not swept by now was among them.
    ((_, swept),) = yield Do(_STATE)
    marks = [Mark(bytes(salt), bytes(digest)) for _, salt, digest in rows]
    latest = max([known or 0, swept, *(one for one, _, _ in rows)])
    return Heard(latest, marks, missed=known is None or swept > known)


def _swept(number: int) -> Script[None]:
    yield Do(_SWEPT, (number, number))
    yield Do(_SWEEP, (number,))


def _asked(query: Do) -> Script[Rows]:
    return (yield query)
