"""The audit log in SQLite."""

import sqlite3
from collections.abc import Sequence

import msgspec

from hedgerow_server.store.chain import START, digest
from hedgerow_server.store.record import AuditEntry, AuditRow
from hedgerow_server.store.sqlite import Sqlite

_FIELDS = tuple(field.name for field in msgspec.structs.fields(AuditEntry))
_COLUMNS = ", ".join(("number", *_FIELDS, "digest"))
_INSERT = f"INSERT INTO audit ({_COLUMNS}) VALUES ({', '.join('?' * (len(_FIELDS) + 2))})"  # noqa: S608  # names of our own
_SELECT = f"SELECT {_COLUMNS} FROM audit WHERE number > ? ORDER BY number LIMIT ?"  # noqa: S608  # as above


class SqliteAudit:
    """The AuditStore."""

    def __init__(self, database: Sqlite) -> None:
        self._database = database

    async def append(self, entry: AuditEntry) -> AuditRow:
        """Adds an entry."""
        return await self._database.write(lambda connection: insert(connection, entry))

    async def rows(self, after: int, limit: int) -> Sequence[AuditRow]:
        """Rows in order."""
        return await self._database.read(
            lambda connection: [_row(values) for values in connection.execute(_SELECT, (after, limit))]
        )


def insert(connection: sqlite3.Connection, entry: AuditEntry) -> AuditRow:
    """Adds an entry in a transaction that is open already."""
    last = connection.execute("SELECT number, digest FROM audit ORDER BY number DESC LIMIT 1").fetchone()
    number, before = (last[0] + 1, last[1]) if last is not None else (1, START)
    row = AuditRow(number=number, entry=entry, digest=digest(before, number, entry))
    connection.execute(_INSERT, (number, *msgspec.structs.astuple(entry), row.digest))
    return row


def _row(values: tuple[object, ...]) -> AuditRow:
    number, *entry, told = values
    return msgspec.convert(
        {"number": number, "entry": dict(zip(_FIELDS, entry, strict=True)), "digest": told}, AuditRow
    )
