"""What the rooms ask of a database, whichever it is. Every method may take its time, and none blocks the event loop."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol, TypeVar

from hedgerow_server.store.kept import Claim, Kept
from hedgerow_server.store.ledger_rows import AttemptRow, CallRow
from hedgerow_server.store.record import AuditEntry, AuditRow, KeyRecord
from hedgerow_server.store.script import Script

T = TypeVar("T")


class StoreUnavailable(Exception):
    """The database cannot be used now; the text says why."""


class Database(Protocol):
    """What a store is kept in, whichever it is: SQLite's file or a server. Work with it is a script; see `script`."""

    async def ask(self, script: Script[T]) -> T:
        """Runs a script that only reads. Raises StoreUnavailable and what the script raises."""

    async def change(self, script: Script[T]) -> T:
        """Runs a script in a transaction, all or nothing. Raises StoreUnavailable and what the script raises."""

    async def scrub(self) -> None:
        """Sees to it that what was erased is not left in a corner of the database, as far as that is up to its clients.
        Raises StoreUnavailable.
        """

    async def close(self) -> None:
        """Ends it, after all that was begun."""


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

    async def note_uses(self, uses: Mapping[str, float]) -> None:
        """Keeps when keys were last used, as Unix times by id; a time before the one that is kept changes nothing.
        Raises StoreUnavailable.
        """

    async def purge(self, ended_before_unix_s: float, limit: int, entry: Callable[[Sequence[str]], AuditEntry]) -> int:
        """Forgets keys that ended before a time, at most so many, with the entry that is made of their ids; tells how
        many. Without any there is no entry. Raises StoreUnavailable.
        """


class AuditStore(Protocol):
    """The audit log."""

    async def append(self, entry: AuditEntry) -> AuditRow:
        """Adds an entry. Raises StoreUnavailable."""

    async def rows(self, after: int, limit: int) -> Sequence[AuditRow]:
        """Rows with numbers above one, in order. Raises StoreUnavailable."""


class AnswerStore(Protocol):
    """Answers that are kept under idempotency keys."""

    async def claim(self, claim: Claim) -> Kept | None:
        """Takes a key for a call, or tells of the call that has it. One step: of all who ask at once, in whichever
        router, one gets None. A key whose router tells nothing any more is free once its lease has lapsed. Raises
        StoreUnavailable.
        """

    async def renew(self, lease_s: float) -> None:
        """Tells that this router lives: all its calls have their keys for so long from now on, but for those that have
        lost them already. Raises StoreUnavailable.
        """

    async def taken(self, slots: Collection[bytes]) -> Collection[bytes]:
        """Those of the keys that a call has. Others can be claimed, or have an answer. Raises StoreUnavailable."""

    async def keep(self, claim: Claim, answer: bytes, until_unix_s: float) -> bool:
        """Keeps the answer of the call that has the key until a time. False where the call has it no more, or there is
        no room. Raises StoreUnavailable.
        """

    async def free(self, claim: Claim) -> None:
        """Gives a key back, unless an answer is kept under it or another call has it. Raises StoreUnavailable."""

    async def erase(self, tenant: str, user: str) -> int:
        """Drops the answers that a user was given; returns how many. Raises StoreUnavailable."""

    async def sweep(self) -> None:
        """Drops what has had its time. Raises StoreUnavailable."""


class LedgerStore(Protocol):
    """What was spent."""

    async def keep(self, attempts: Sequence[AttemptRow], calls: Sequence[CallRow]) -> None:
        """Keeps rows, all or none, in the place of those of the same attempts and calls. Raises StoreUnavailable."""

    async def add_lost(self, attempts: Sequence[AttemptRow], calls: Sequence[CallRow]) -> None:
        """Keeps rows of what was never ended, where there are none of the same; the calls get the sums over all of
        their attempts. Raises StoreUnavailable.
        """

    async def calls(self, since_unix_s: float, until_unix_s: float, after: str, limit: int) -> Sequence[CallRow]:
        """Calls that started in a time, its end excluded, sorted by id, those that come after an id. Raises
        StoreUnavailable.
        """

    async def attempts(self, call_id: str) -> Sequence[AttemptRow]:
        """The attempts of a call, in their order. Raises StoreUnavailable."""

    async def forget(self, before_unix_s: float, limit: int) -> int:
        """Deletes the oldest calls that started before, and their attempts; tells how many. Raises StoreUnavailable."""
