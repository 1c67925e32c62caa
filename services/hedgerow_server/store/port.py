"""What the rooms ask of a database, whichever it is. Every method may take its time, and none blocks the event loop."""

from collections.abc import Callable, Sequence
from typing import Protocol

from hedgerow_server.store.record import AuditEntry, AuditRow, KeyRecord


class StoreUnavailable(Exception):
    """The database cannot be used now; the text says why."""


class KeyStore(Protocol):
    """API keys."""

    async def keys_after(self, change: int, limit: int) -> Sequence[KeyRecord]:
        """Keys that have changed after a change, in the order of their last changes. Raises StoreUnavailable."""

    async def key(self, key_id: str) -> KeyRecord | None:
        """One key. Raises StoreUnavailable."""

    async def keys(self, tenant: str, after: str, limit: int) -> Sequence[KeyRecord]:
        """Keys of a tenant (empty: of all), sorted by id, those that come after an id. Raises StoreUnavailable."""

    async def add_key(self, record: KeyRecord, entry: AuditEntry) -> KeyRecord:
        """Keeps a new key and what is to be said of that, both or neither. Raises StoreUnavailable."""

    async def change_key(
        self,
        key_id: str,
        change: Callable[[KeyRecord], tuple[KeyRecord, KeyRecord | None]],
        entry: AuditEntry,
    ) -> tuple[KeyRecord, KeyRecord | None] | None:
        """Changes a key and keeps another one where `change` makes one, with an entry, all or nothing; nobody else
        changes the key meanwhile. None where there is no such key. Raises StoreUnavailable and what `change` raises.
        """


class AuditStore(Protocol):
    """The audit log."""

    async def append(self, entry: AuditEntry) -> AuditRow:
        """Adds an entry. Raises StoreUnavailable."""

    async def rows(self, after: int, limit: int) -> Sequence[AuditRow]:
        """Rows with numbers above one, in order. Raises StoreUnavailable."""
