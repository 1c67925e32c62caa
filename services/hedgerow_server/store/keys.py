"""API keys in SQLite."""

import sqlite3
from collections.abc import Callable, Sequence

import msgspec

from hedgerow_server.store.audit import insert
from hedgerow_server.store.record import AuditEntry, KeyRecord
from hedgerow_server.store.sqlite import Sqlite

_FIELDS = tuple(field.name for field in msgspec.structs.fields(KeyRecord))
_COLUMNS = ", ".join(_FIELDS)
_LISTS = frozenset({"roles", "rpcs", "models", "regions"})
_SELECT = f"SELECT {_COLUMNS} FROM api_key"  # noqa: S608  # names of our own
_REPLACE = f"REPLACE INTO api_key ({_COLUMNS}) VALUES ({', '.join('?' * len(_FIELDS))})"  # noqa: S608  # as above
_INSERT = _REPLACE.replace("REPLACE", "INSERT", 1)


class SqliteKeys:
    """The KeyStore."""

    def __init__(self, database: Sqlite) -> None:
        self._database = database

    async def keys_after(self, change: int, limit: int) -> Sequence[KeyRecord]:
        """Keys that have changed since."""
        query = f"{_SELECT} WHERE change > ? ORDER BY change LIMIT ?"
        return await self._database.read(lambda connection: _records(connection.execute(query, (change, limit))))

    async def key(self, key_id: str) -> KeyRecord | None:
        """One key."""
        return await self._database.read(lambda connection: _one(connection, key_id))

    async def keys(self, tenant: str, after: str, limit: int) -> Sequence[KeyRecord]:
        """A page of keys."""
        where, values = ("tenant = ? AND ", [tenant]) if tenant else ("", [])
        query = f"{_SELECT} WHERE {where}key_id > ? ORDER BY key_id LIMIT ?"
        return await self._database.read(
            lambda connection: _records(connection.execute(query, (*values, after, limit)))
        )

    async def add_key(self, record: KeyRecord, entry: AuditEntry) -> KeyRecord:
        """Keeps a new key."""

        def work(connection: sqlite3.Connection) -> KeyRecord:
            kept = _keep(connection, _INSERT, record)
            insert(connection, entry)
            return kept

        return await self._database.write(work)

    async def change_key(
        self,
        key_id: str,
        change: Callable[[KeyRecord], tuple[KeyRecord, KeyRecord | None]],
        entry: AuditEntry,
    ) -> tuple[KeyRecord, KeyRecord | None] | None:
        """Changes a key, and keeps another."""

        def work(connection: sqlite3.Connection) -> tuple[KeyRecord, KeyRecord | None] | None:
            found = _one(connection, key_id)
            if found is None:
                return None
            changed, further = change(found)
            kept = _keep(connection, _REPLACE, changed)
            added = _keep(connection, _INSERT, further) if further is not None else None
            insert(connection, entry)
            return kept, added

        return await self._database.write(work)


def _keep(connection: sqlite3.Connection, statement: str, record: KeyRecord) -> KeyRecord:
    # Within the transaction, so that numbers become visible in their order.
    ((number,),) = connection.execute("UPDATE change_number SET last = last + 1 RETURNING last").fetchall()
    record = msgspec.structs.replace(record, change=number)
    values = msgspec.structs.asdict(record)
    for name in _LISTS:
        values[name] = msgspec.json.encode(values[name]).decode()
    connection.execute(statement, tuple(values[name] for name in _FIELDS))
    return record


def _one(connection: sqlite3.Connection, key_id: str) -> KeyRecord | None:
    return next(iter(_records(connection.execute(f"{_SELECT} WHERE key_id = ?", (key_id,)))), None)


def _records(rows: sqlite3.Cursor) -> list[KeyRecord]:
    return [_record(row) for row in rows]


def _record(row: tuple[object, ...]) -> KeyRecord:
    values = dict(zip(_FIELDS, row, strict=True))
    for name in _LISTS:
        values[name] = msgspec.json.decode(str(values[name]), type=tuple[str, ...])
    return msgspec.convert(values, KeyRecord)
