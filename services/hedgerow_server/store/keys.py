"""API keys in a database."""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from hedgerow_server.store.audit import insert
from hedgerow_server.store.port import Database
from hedgerow_server.store.record import AuditEntry, KeyRecord
from hedgerow_server.store.script import Do, Lock, Many, Rows, Script

_USE = "last_used_unix_s"
_FIELDS = tuple(field.name for field in msgspec.structs.fields(KeyRecord) if field.name != _USE)
_COLUMNS = ", ".join(f'"{name}"' for name in _FIELDS)
_LISTS = frozenset({"roles", "rpcs", "models", "regions"})
_CHANGES = f"SELECT {_COLUMNS} FROM api_key WHERE change > ? ORDER BY change LIMIT ?"  # noqa: S608  # names of our own
_SELECT = f"SELECT {_COLUMNS}, {_USE} FROM api_key LEFT JOIN key_use USING (key_id)"  # noqa: S608  # as above
_INSERT = f"INSERT INTO api_key ({_COLUMNS}) VALUES ({', '.join('?' * len(_FIELDS))})"  # noqa: S608  # as above
_UPDATE = f"UPDATE api_key SET ({_COLUMNS}) = ({', '.join('?' * len(_FIELDS))}) WHERE key_id = ?"  # noqa: S608  # as above
_NOTE_USE = """INSERT INTO key_use SELECT key_id, ? FROM api_key WHERE key_id = ?
    ON CONFLICT (key_id) DO UPDATE SET last_used_unix_s = excluded.last_used_unix_s
    WHERE key_use.last_used_unix_s < excluded.last_used_unix_s"""
_LONG_ENDED = """SELECT key_id FROM api_key WHERE expires_unix_s < ? OR revoked_unix_s < ? ORDER BY key_id LIMIT ?"""


class StoredKeys:
    """The KeyStore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keys_after(self, change: int, limit: int) -> Sequence[KeyRecord]:
        """Keys that have changed since."""
        return await self._database.ask(_asked(Do(_CHANGES, (change, limit))))

    async def key(self, key_id: str) -> KeyRecord | None:
        """One key."""
        return await self._database.ask(one_key(key_id))

    async def keys(self, tenant: str, after: str, limit: int) -> Sequence[KeyRecord]:
        """A page of keys."""
        where, values = ("tenant = ? AND ", [tenant]) if tenant else ("", [])
        query = f"{_SELECT} WHERE {where}key_id > ? ORDER BY key_id LIMIT ?"
        return await self._database.ask(_asked(Do(query, (*values, after, limit))))

    async def add_key(self, record: KeyRecord, entry: AuditEntry) -> KeyRecord:
        """Keeps a new key."""

        def script() -> Script[KeyRecord]:
            kept = yield from _kept(record, new=True)
            yield from insert(entry)
            return kept

        return await self._database.change(script())

    async def change_key(
        self,
        key_id: str,
        change: Callable[[KeyRecord], tuple[KeyRecord, KeyRecord | None]],
        entry: AuditEntry,
    ) -> tuple[KeyRecord, KeyRecord | None] | None:
        """Changes a key, and keeps another."""

        def script() -> Script[tuple[KeyRecord, KeyRecord | None] | None]:
            yield Lock("keys")
            found = yield from one_key(key_id)
            if found is None:
                return None
            changed, further = change(found)
            kept = yield from _kept(changed)
            added = (yield from _kept(further, new=True)) if further is not None else None
            yield from insert(entry)
            return kept, added

        return await self._database.change(script())

    async def note_uses(self, uses: Mapping[str, float]) -> None:
        """Keeps when keys were last used."""

        def script() -> Script[None]:
            yield Many(_NOTE_USE, [(at_unix_s, key_id) for key_id, at_unix_s in sorted(uses.items())])

        await self._database.change(script())

    async def purge(self, ended_before_unix_s: float, limit: int, entry: Callable[[Sequence[str]], AuditEntry]) -> int:
        """Forgets keys that ended long ago."""

        def script() -> Script[int]:
            yield Lock("keys")
            found = yield Do(_LONG_ENDED, (ended_before_unix_s, ended_before_unix_s, limit))
            gone = [key_id for (key_id,) in found]
            if gone:
                yield Many("DELETE FROM key_use WHERE key_id = ?", [(one,) for one in gone])
                yield Many("DELETE FROM api_key WHERE key_id = ?", [(one,) for one in gone])
                yield from insert(entry(gone))
            return len(gone)

        return await self._database.change(script())


def one_key(key_id: str) -> Script[KeyRecord | None]:
    """One key."""
    return next(iter((yield from _asked(Do(f"{_SELECT} WHERE key_id = ?", (key_id,))))), None)


def keys_of_user(tenant: str, user: str) -> Script[list[KeyRecord]]:
    """The keys with which a user calls."""
    return (yield from _asked(Do(f'{_SELECT} WHERE tenant = ? AND "user" = ? ORDER BY key_id', (tenant, user))))


def keys_made_by(tenant: str, user: str) -> Script[list[KeyRecord]]:
    """Keys that a user may have made, going by how the label of their maker begins and ends."""
    first, last = f"{tenant}/", f"/{user}"
    query = f"{_SELECT} WHERE substr(created_by, 1, ?) = ? AND substr(created_by, length(created_by) - ?) = ?"
    return (yield from _asked(Do(query, (len(first), first, len(user), last))))


def keep_key(record: KeyRecord) -> Script[KeyRecord]:
    """Changes a key, in a transaction that holds the lock "keys"."""
    return (yield from _kept(record))


def _kept(record: KeyRecord, *, new: bool = False) -> Script[KeyRecord]:
    # The lock makes numbers visible in their order: a router that has seen one has seen all before it.
    yield Lock("keys")
    ((number,),) = yield Do("UPDATE change_number SET last = last + 1 RETURNING last")
    # PostgreSQL takes no NUL within a text.
    record = msgspec.structs.replace(record, change=number, description=record.description.replace("\0", "\ufffd"))
    values = msgspec.structs.asdict(record)
    for name in _LISTS:
        values[name] = msgspec.json.encode(values[name]).decode()
    row = tuple(values[name] for name in _FIELDS)
    yield Do(_INSERT, row) if new else Do(_UPDATE, (*row, record.key_id))
    return record


def _asked(query: Do) -> Script[list[KeyRecord]]:
    return _records((yield query))


def _records(rows: Rows) -> list[KeyRecord]:
    return [_record(*row) for row in rows]


def _record(*row: object) -> KeyRecord:
    # The last use is not asked for by whoever follows the changes.
    values = dict(zip((*_FIELDS, _USE), row, strict=False))
    values["digest"] = bytes(values["digest"])  # type: ignore[call-overload]  # SQLite and asyncpg both give bytes
    for name in _LISTS:
        values[name] = msgspec.json.decode(str(values[name]), type=tuple[str, ...])
    return msgspec.convert(values, KeyRecord)
