"""What operators ask of credentials, and what they are told: never a secret."""

import msgspec


class CredentialFacts(msgspec.Struct, frozen=True, kw_only=True):
    """How a credential is doing. Times are Unix times in seconds; None: never, or does not apply."""

    name: str
    source: str
    """Where the secret comes from, as the configuration says it."""
    ready: bool
    """Whether there is a secret to use."""
    problem: str
    """Why the last fetch failed; empty when it did not."""
    taken_unix_s: float | None
    versions: int
    """How many secrets there have been."""
    used_unix_s: float | None
    refused_unix_s: float | None
    refusals: int
    set_aside_until_unix_s: float | None
    set_aside_reason: str
    """As ErrorReason; empty: it is not set aside."""
    providers: tuple[str, ...]
    made_unix_s: float | None = None
    """When the secret in use was made, as far as its source tells."""
    rotation: "RotationFacts | None" = None
    """None: the gateway does not rotate it."""
    alarms: "tuple[CredentialAlarm, ...]" = ()
    """What is wrong, oldest first."""


class RotationFacts(msgspec.Struct, frozen=True, kw_only=True):
    """How a credential's rotation is doing. Times are Unix times in seconds; None: there is no secret yet."""

    begins_unix_s: float | None
    """When the next key is obtained."""
    due_unix_s: float | None
    """When the key in use is too old."""
    waiting: bool
    """Whether another key waits for its probe."""
    problem: str
    """Why the last step failed; empty when it did not."""


class CredentialAlarm(msgspec.Struct, frozen=True):
    """Something that is wrong with a credential."""

    event: str
    """`set_aside`, `rotation_overdue` or `probe_failed`."""
    provider: str
    reason: str
    raised_unix_s: float


class CredentialsListed(msgspec.Struct, frozen=True):
    """All credentials, sorted by name."""

    credentials: tuple[CredentialFacts, ...]


class CredentialRefreshed(msgspec.Struct, frozen=True):
    """A credential was fetched anew; `changed` says whether another secret came."""

    credential: CredentialFacts
    changed: bool


CredentialAnswer = CredentialsListed | CredentialRefreshed


class RefreshCredentialRequest(msgspec.Struct, frozen=True):
    """A call of RefreshCredential."""

    name: str
