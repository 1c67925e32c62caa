"""What operators ask about API keys and the audit log, and what they are told. Times are Unix times in seconds."""

import msgspec

from hedgerow_server.core.erasure import UserErased


class KeyFacts(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known of a key. The key itself is not."""

    key_id: str
    tenant: str
    team: str
    user: str
    service: str
    description: str
    roles: tuple[str, ...]
    rpcs: tuple[str, ...]
    models: tuple[str, ...]
    regions: tuple[str, ...]
    created_unix_s: float
    created_by: str
    expires_unix_s: float | None
    revoked_unix_s: float | None
    replaces: str
    last_used_unix_s: float | None
    """Give or take a minute; None: not yet, or longer ago than that was noted."""


class KeyFound(msgspec.Struct, frozen=True):
    """One key."""

    key: KeyFacts


class KeyCreated(msgspec.Struct, frozen=True):
    """A new key, the only time that all of it is told."""

    text: str
    key: KeyFacts

    def __repr__(self) -> str:
        return f"KeyCreated({self.key.key_id})"


class KeysListed(msgspec.Struct, frozen=True):
    """A page of keys."""

    keys: tuple[KeyFacts, ...]
    next_page_token: str


class KeyRotated(msgspec.Struct, frozen=True):
    """A new key in the place of another."""

    text: str
    key: KeyFacts
    replaced: KeyFacts

    def __repr__(self) -> str:
        return f"KeyRotated({self.key.key_id})"


class KeyRevoked(msgspec.Struct, frozen=True):
    """A key that has ended."""

    key: KeyFacts


class AuditFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the audit log."""

    number: int
    at_unix_s: float
    who: str
    action: str
    subject: str
    detail: str
    outcome: str
    request_id: str
    digest: bytes
    erased: tuple[str, ...]
    """Which of who, subject and detail were erased."""


class AuditListed(msgspec.Struct, frozen=True):
    """A page of the audit log."""

    rows: tuple[AuditFacts, ...]


class AuditVerified(msgspec.Struct, frozen=True):
    """Whether the audit log is what was written."""

    broken_number: int
    """The first row that is not; 0: none."""
    rows: int
    last_digest: bytes
    erased_rows: int = 0
    """Rows of which something was erased, as a later row says."""


KeyAnswer = KeyCreated | KeyFound | KeysListed | KeyRotated | KeyRevoked | AuditListed | AuditVerified | UserErased


class CreateKeyRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A call of CreateKey."""

    tenant: str
    team: str = ""
    user: str = ""
    service: str = ""
    description: str = ""
    roles: tuple[str, ...] = ()
    rpcs: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    lifetime_s: float | None = None
    """None: for ever."""


class GetKeyRequest(msgspec.Struct, frozen=True):
    """A call of GetKey."""

    key_id: str


class ListKeysRequest(msgspec.Struct, frozen=True):
    """A call of ListKeys."""

    page_size: int
    page_token: str
    tenant: str


class RotateKeyRequest(msgspec.Struct, frozen=True):
    """A call of RotateKey."""

    key_id: str
    overlap_s: float


class RevokeKeyRequest(msgspec.Struct, frozen=True):
    """A call of RevokeKey."""

    key_id: str
    reason: str


class ListAuditRequest(msgspec.Struct, frozen=True):
    """A call of ListAuditRows."""

    page_size: int
    after: int
