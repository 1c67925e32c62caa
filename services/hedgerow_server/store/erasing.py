"""Takes a user out of the keys and the audit log. What was done stays; who he was goes. See `chain` for how a row can
lose fields and still be verified.
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from hedgerow_server.store.audit import between, insert, last_number, numbered_rows, overwrite
from hedgerow_server.store.chain import ERASURE, OLD_ERASED, Erased, blanked, ranges
from hedgerow_server.store.keys import keep_key, keys_made_by, keys_of_user
from hedgerow_server.store.port import Database
from hedgerow_server.store.record import AuditEntry, AuditRow, KeyRecord
from hedgerow_server.store.script import Lock, Script

_WINDOW = 2_000
"""Rows that are looked at in one step."""
_BATCH = 500
"""Rows that are erased in one transaction, with a row that names them."""


class User(msgspec.Struct, frozen=True):
    """Who is to be erased."""

    tenant: str
    user: str

    def is_label(self, label: str) -> bool:
        """Whether a caller's label, as "tenant/team/service/user", is his. One whose last part only ends like it after
        a slash of its own counts, too: rather too much than too little.
        """
        return label.startswith(f"{self.tenant}/") and label.endswith(f"/{self.user}")

    def is_in(self, value: object) -> bool:
        """Whether a part of a row's detail is about him: an object with his id as "user", and of no other tenant."""
        if isinstance(value, dict):
            his = value.get("user") == self.user and value.get("tenant", self.tenant) == self.tenant
            return his or any(map(self.is_in, value.values()))
        return isinstance(value, list) and any(map(self.is_in, value))


class Done(msgspec.Struct, frozen=True):
    """What an erasure has come to, or one transaction of it."""

    erased: Erased
    keys: int
    """Keys that named him, as their user or their maker."""
    rows: int
    """Rows of the audit log that lost fields."""


class StoredPeople:
    """Erases users from a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def erase(self, user: User, now_unix_s: float, entry: Callable[[Done], AuditEntry]) -> Done:
        """Ends the user's keys, and takes him out of them and of the audit log. Each transaction, and there is at least
        one, leaves the entry that is made of what it did. Can be done again. Raises StoreUnavailable.
        """
        search = _Search(user, await self._database.ask(keys_of_user(user.tenant, user.user)))
        last = await self._database.ask(last_number())
        while search.looked_until < last:
            search.look(await self._database.ask(between(search.looked_until, search.looked_until + _WINDOW)))
        keys = rows = 0
        while True:
            done = await self._database.change(_erased(search, now_unix_s, entry))
            keys, rows = keys + done.keys, rows + done.rows
            if not search.found:
                await self._database.scrub()
                return Done(Erased(), keys, rows)


class _Search:
    """Finds the fields of rows that are about a user, in the order of the rows: a key is made before it is used."""

    def __init__(self, user: User, keys: Sequence[KeyRecord]) -> None:
        self.user = user
        self.looked_until = 0
        """The last row that was looked at."""
        self.found: dict[int, set[str]] = {}
        """Fields to erase, by the rows' numbers."""
        self._keys = {one.key_id for one in keys}

    def look(self, rows: Sequence[AuditRow]) -> None:
        """Looks at the next rows."""
        for row in rows:
            self.looked_until = row.number
            if names := self._names(row.entry):
                self.found[row.number] = names

    def take(self) -> dict[int, set[str]]:
        """The next rows to erase from; they are not found any more."""
        batch = dict(sorted(self.found.items())[:_BATCH])
        self.found = {number: names for number, names in self.found.items() if number not in batch}
        return batch

    def _names(self, entry: AuditEntry) -> set[str]:
        names = {"who"} if self.user.is_label(entry.who.partition(":")[2]) else set()
        if entry.action == ERASURE:
            # It names rows, and nobody.
            return names
        detail = _decoded(entry.detail)
        if self.user.is_in(detail) and entry.subject:
            self._keys.add(entry.subject)
        # The words about a key of his may be about him.
        if self.user.is_in(detail) or (entry.detail and entry.subject in self._keys):
            names.add("detail")
            if isinstance(detail, dict) and isinstance(detail.get("new"), str):
                self._keys.add(detail["new"])
        return names


def _erased(search: _Search, now_unix_s: float, entry: Callable[[Done], AuditEntry]) -> Script[Done]:
    # In the order of LOCKS.
    yield Lock("keys")
    keys = yield from _keys_erased(search.user, now_unix_s)
    yield Lock("audit")
    search.look((yield from between(search.looked_until, (yield from last_number()))))
    batch = search.take()
    rows = [blanked(row, batch[row.number]) for row in (yield from numbered_rows(list(batch)))]
    yield from overwrite(rows)
    old = [row.number for row in rows if row.seal == OLD_ERASED]
    new = [row.number for row in rows if row.seal != OLD_ERASED]
    done = Done(Erased(ranges(new), ranges(old)), keys, len(rows))
    search.looked_until = (yield from insert(entry(done))).number
    return done


def _keys_erased(user: User, now_unix_s: float) -> Script[int]:
    changed: dict[str, KeyRecord] = {}
    for one in (yield from keys_of_user(user.tenant, user.user)):
        ended_s = one.revoked_unix_s if one.revoked_unix_s is not None else now_unix_s
        changed[one.key_id] = msgspec.structs.replace(one, user="", description="", revoked_unix_s=ended_s)
    for one in (yield from keys_made_by(user.tenant, user.user)):
        if user.is_label(one.created_by):
            changed[one.key_id] = msgspec.structs.replace(changed.get(one.key_id, one), created_by="")
    for one in changed.values():
        yield from keep_key(one)
    return len(changed)


def _decoded(detail: str) -> Any:
    try:
        return msgspec.json.decode(detail)
    except msgspec.DecodeError:
        return None
