"""What is kept of answers, and who has which key: see AnswerStore."""

import msgspec


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """A call's wish for an idempotency key."""

    slot: bytes
    """The digest of the key and of whom it belongs to."""
    fingerprint: bytes
    """The digest of what the call asks."""
    token: bytes
    """Tells this claim from any other of the same slot."""
    tenant: str
    user: str
    request_id: str
    until_unix_s: float
    """When the call is over in any case. A claim that is still there then has been left behind."""
    lease_s: float
    """For how long the key is the call's, where its router has not told the store since that it lives."""


class Kept(msgspec.Struct, frozen=True):
    """What a slot holds."""

    fingerprint: bytes
    request_id: str
    """The call that has, or had, the key."""
    answer: bytes | None
    """Its answer; None while it is under way."""
