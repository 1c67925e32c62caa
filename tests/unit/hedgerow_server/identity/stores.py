"""A key store in memory, which can go away."""

from collections.abc import Callable, Mapping, Sequence

import msgspec
from hedgerow_server.store.port import StoreUnavailable
from hedgerow_server.store.record import AuditEntry, KeyRecord


class MemoryStore:
    """The KeyStore port, without a database."""

    def __init__(self) -> None:
        self.records: dict[str, KeyRecord] = {}
        self.entries: list[AuditEntry] = []
        self.away = False
        """Whether every question fails."""
        self.asked = 0
        """How often changes were asked for."""
        self.uses: dict[str, float] = {}
        """When keys were last used."""
        self.noted: list[dict[str, float]] = []
        """What was noted of that, in order."""
        self._change = 0

    def keep(self, record: KeyRecord) -> KeyRecord:
        """Keeps a key, as another router would."""
        self._change += 1
        record = msgspec.structs.replace(record, change=self._change)
        self.records[record.key_id] = record
        return record

    async def keys_after(self, change: int, limit: int) -> Sequence[KeyRecord]:
        """Changed keys."""
        self.asked += 1
        self._check()
        found = sorted(self.records.values(), key=lambda one: one.change)
        return [one for one in found if one.change > change][:limit]

    async def key(self, key_id: str) -> KeyRecord | None:
        """One key."""
        self._check()
        return self.records.get(key_id)

    async def keys(self, tenant: str, after: str, limit: int) -> Sequence[KeyRecord]:
        """A page."""
        self._check()
        found = sorted(one for one in self.records if one > after and tenant in ("", self.records[one].tenant))
        return [self.records[one] for one in found[:limit]]

    async def add_key(self, record: KeyRecord, entry: AuditEntry) -> KeyRecord:
        """A new key."""
        self._check()
        self.entries.append(entry)
        return self.keep(record)

    async def change_key(
        self,
        key_id: str,
        change: Callable[[KeyRecord], tuple[KeyRecord, KeyRecord | None]],
        entry: AuditEntry,
    ) -> tuple[KeyRecord, KeyRecord | None] | None:
        """A changed key."""
        self._check()
        if key_id not in self.records:
            return None
        changed, further = change(self.records[key_id])
        self.entries.append(entry)
        return self.keep(changed), self.keep(further) if further is not None else None

    async def note_uses(self, uses: Mapping[str, float]) -> None:
        """Uses of keys."""
        self._check()
        self.noted.append(dict(uses))
        self.uses |= uses

    async def purge(self, ended_before_unix_s: float, limit: int, entry: Callable[[Sequence[str]], AuditEntry]) -> int:
        """Forgotten keys."""
        self._check()
        gone = sorted(
            one
            for one, record in self.records.items()
            if record.ends_unix_s is not None and record.ends_unix_s < ended_before_unix_s
        )[:limit]
        for one in gone:
            del self.records[one]
        if gone:
            self.entries.append(entry(gone))
        return len(gone)

    def _check(self) -> None:
        if self.away:
            raise StoreUnavailable("it is away")
