"""What the database keeps."""

import msgspec


class KeyRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One API key: all of it but the key itself. Times are Unix times in seconds."""

    key_id: str
    """The visible part of the key."""
    digest: bytes
    """The keyed hash of the whole key; see identity.key.digest."""
    pepper_id: str
    """Which pepper that was; see identity.key.pepper_id."""
    tenant: str
    team: str = ""
    user: str = ""
    service: str = ""
    description: str = ""
    roles: tuple[str, ...] = ()
    rpcs: tuple[str, ...] = ()
    """The only RPCs, as "Service/Method" with `*`; empty: those of the roles."""
    models: tuple[str, ...] = ()
    """The only models, with `*`; empty: those of the roles."""
    regions: tuple[str, ...] = ()
    """The only regions; empty: those of the roles."""
    created_unix_s: float
    created_by: str = ""
    lifetime_s: float | None = None
    """How long it was made for, and how long a key that takes its place will be; None: for ever."""
    expires_unix_s: float | None = None
    """The end of its life, or of the overlap once it was rotated."""
    revoked_unix_s: float | None = None
    replaces: str = ""
    """The id of the key that this one was made for, when that was rotated."""
    change: int = 0
    """The number of the key's last change: every change of any key has a higher one than those before it."""
    last_used_unix_s: float | None = None
    """When it was last used, give or take a minute; None where that is not known, as for who follows the changes."""

    @property
    def ends_unix_s(self) -> float | None:
        """From when on the key is refused; None where that is not known."""
        return min((one for one in (self.expires_unix_s, self.revoked_unix_s) if one is not None), default=None)


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was done, before it has its place in the log."""

    at_unix_s: float
    who: str
    """The caller, as "tenant/user" or however it was authenticated."""
    action: str
    """The RPC, or what else was done."""
    subject: str = ""
    """What it was done to."""
    detail: str = ""
    """More of it, as JSON: never a secret, never content."""
    outcome: str = "OK"
    """The gRPC status code."""
    request_id: str = ""


class AuditRow(msgspec.Struct, frozen=True, kw_only=True):
    """An entry in its place. `digest` covers the entry, its number and the digest of the row before; see `chain`."""

    number: int
    entry: AuditEntry
    digest: bytes
    seal: bytes | None = None
    """What makes its PERSONAL fields erasable; None in rows of the first version of the schema."""


PERSONAL = ("who", "subject", "detail")
"""The fields of an entry that may be about people."""
