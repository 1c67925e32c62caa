"""Makes, rotates and revokes API keys."""

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import msgspec

from hedgerow_server.core.call import Principal
from hedgerow_server.core.error import FieldViolation, Forbidden, KeyEnded, KeyNotFound, RequestInvalid
from hedgerow_server.core.keys import CreateKeyRequest
from hedgerow_server.identity.book import KeyBook
from hedgerow_server.identity.key import NewKey, digest, new_key, reference
from hedgerow_server.identity.keys import Peppers, unavailable
from hedgerow_server.identity.roles import Roles
from hedgerow_server.identity.upkeep import KeyUpkeep
from hedgerow_server.store.port import KeyStore, StoreUnavailable
from hedgerow_server.store.record import AuditEntry, KeyRecord

T = TypeVar("T")


class Deed(msgspec.Struct, frozen=True):
    """Who does something, and in which call."""

    by: Principal
    request_id: str

    def entry(self, action: str, subject: str, **detail: object) -> AuditEntry:
        """What is to be said of it."""
        return AuditEntry(
            at_unix_s=time.time(),
            who=f"{self.by.method}:{self.by.label}",
            action=action,
            subject=subject,
            detail=msgspec.json.encode(detail).decode(),
            request_id=self.request_id,
        )


class KeyRegistry:
    """API keys, for operators."""

    def __init__(
        self,
        store: KeyStore,
        book: KeyBook,
        peppers: Peppers,
        roles: Roles,
        *,
        upkeep: KeyUpkeep | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._book = book
        self._peppers = peppers
        self._roles = roles
        self._upkeep = upkeep or KeyUpkeep(store, book)
        self._clock = clock

    async def create(self, wish: CreateKeyRequest, deed: Deed) -> tuple[NewKey, KeyRecord]:
        """Makes a key. Raises RequestInvalid, Forbidden and IdentityUnavailable."""
        unknown = self._roles.unknown(wish.roles)
        if unknown:
            raise RequestInvalid(
                "The configuration has no such role.",
                metadata={"field": "roles"},
                violations=(FieldViolation("roles", f"must be roles of the configuration; {unknown[0]!r} is none"),),
            )
        self._guard(wish.roles, deed.by)
        key, now_s = new_key(), self._clock()
        record = self._record(key, now_s, deed.by.label, wish)
        detail = _told(wish)
        kept = await _asked(self._store.add_key(record, deed.entry("CreateKey", key.key_id, **detail)))
        await self._book.changed()
        return key, kept

    async def list(self, tenant: str, after: str, limit: int) -> Sequence[KeyRecord]:
        """Keys of a tenant, or of all, sorted by id. Raises IdentityUnavailable."""
        return [self._with_use(one) for one in await _asked(self._store.keys(tenant, after, limit))]

    async def get(self, key_id: str) -> KeyRecord:
        """One key. Raises KeyNotFound and IdentityUnavailable."""
        found = await _asked(self._store.key(key_id))
        if found is None:
            raise _not_found(key_id)
        return self._with_use(found)

    def reference(self, tenant: str, user: str) -> str:
        """What stands for a user in the audit log once he is erased. Raises IdentityUnavailable."""
        return reference(self._peppers.first()[1], tenant, user)

    async def refresh(self) -> None:
        """Takes up at once what the store has."""
        await self._book.changed()

    async def rotate(self, key_id: str, overlap_s: float, deed: Deed) -> tuple[NewKey, KeyRecord, KeyRecord]:
        """Makes a key like another one, which ends after the overlap if not before; gives the new key and both records.
        Raises KeyNotFound, KeyEnded, Forbidden and IdentityUnavailable.
        """
        key, now_s = new_key(), self._clock()

        def change(old: KeyRecord) -> tuple[KeyRecord, KeyRecord | None]:
            if old.ends_unix_s is not None and old.ends_unix_s <= now_s:
                raise KeyEnded("The key has ended already.", metadata={"keyId": key_id}, subject=key_id)
            self._guard(old.roles, deed.by)
            further = self._record(key, now_s, deed.by.label, _like(old), replaces=key_id)
            ends = [one for one in (old.ends_unix_s, now_s + overlap_s) if one is not None]
            return msgspec.structs.replace(old, expires_unix_s=min(ends)), further

        entry = deed.entry("RotateKey", key_id, new=key.key_id, overlap_s=overlap_s)
        found = await _asked(self._store.change_key(key_id, change, entry))
        if found is None or found[1] is None:
            raise _not_found(key_id)
        await self._book.changed()
        return key, found[1], found[0]

    async def revoke(self, key_id: str, reason: str, deed: Deed) -> KeyRecord:
        """Ends a key: here at once, elsewhere as soon as the store is asked. One that has ended stays as it is. Raises
        KeyNotFound and IdentityUnavailable.
        """

        def change(old: KeyRecord) -> tuple[KeyRecord, KeyRecord | None]:
            if old.revoked_unix_s is not None:
                return old, None
            return msgspec.structs.replace(old, revoked_unix_s=self._clock()), None

        entry = deed.entry("RevokeKey", key_id, reason=reason)
        found = await _asked(self._store.change_key(key_id, change, entry))
        if found is None:
            raise _not_found(key_id)
        await self._book.changed()
        return found[0]

    def _with_use(self, record: KeyRecord) -> KeyRecord:
        used_unix_s = self._upkeep.last_used(record.key_id, record.last_used_unix_s)
        return msgspec.structs.replace(record, last_used_unix_s=used_unix_s)

    def _guard(self, roles: Sequence[str], by: Principal) -> None:
        """Nobody makes a key that opens more of the admin door than his own."""
        if by.access is not None and self._roles.grants_admin(roles) and not set(roles) <= set(by.roles):
            raise Forbidden("A key with roles for the admin door is made by whoever has these roles.")

    def _record(self, key: NewKey, now_s: float, by: str, wish: CreateKeyRequest, replaces: str = "") -> KeyRecord:
        pepper_id, pepper = self._peppers.first()
        return KeyRecord(
            key_id=key.key_id,
            digest=digest(pepper, key.text),
            pepper_id=pepper_id,
            tenant=wish.tenant,
            team=wish.team,
            user=wish.user,
            service=wish.service,
            description=wish.description,
            roles=wish.roles,
            rpcs=wish.rpcs,
            models=wish.models,
            regions=wish.regions,
            created_unix_s=now_s,
            created_by=by,
            lifetime_s=wish.lifetime_s,
            expires_unix_s=now_s + wish.lifetime_s if wish.lifetime_s is not None else None,
            replaces=replaces,
        )


def _like(old: KeyRecord) -> CreateKeyRequest:
    return CreateKeyRequest(**{name: getattr(old, name) for name in CreateKeyRequest.__struct_fields__})


def _told(wish: CreateKeyRequest) -> dict[str, object]:
    return {name: value for name, value in msgspec.structs.asdict(wish).items() if value}


async def _asked(answer: Awaitable[T]) -> T:
    try:
        return await answer
    except StoreUnavailable:
        raise unavailable("keys", "The store of the API keys is not available.") from None


def _not_found(key_id: str) -> KeyNotFound:
    return KeyNotFound(
        "There is no such key.", metadata={"keyId": key_id}, resource=("hedgerow.admin.v1.ApiKey", key_id)
    )
