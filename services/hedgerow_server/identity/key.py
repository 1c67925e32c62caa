"""The form of an API key: `hk_<id>_<secret>`.

The id is 16 characters of base32, lower case: 80 random bits, shown everywhere. The secret is 52 of them: 256 random
bits and four zero ones, shown once. What is kept is a keyed BLAKE2b (RFC 7693) of 256 bits over the whole key.
"""

import base64
import hashlib
import re
import secrets

import msgspec

PREFIX = "hk_"
_ID_BYTES, _ID_CHARS = 10, 16
_SECRET_BYTES = 32
ID = slice(len(PREFIX), len(PREFIX) + _ID_CHARS)
"""Where the id stands in a key."""
_FORM = re.compile(r"hk_([a-z2-7]{16})_([a-z2-7]{52})", re.ASCII)
MIN_SECRET_BYTES = 16
"""A secret of the configuration that is shorter opens nothing."""


class NewKey(msgspec.Struct, frozen=True):
    """A key that was just made."""

    key_id: str
    text: str
    """All of it. Shown to whoever asked for it and kept nowhere."""

    def __repr__(self) -> str:
        return f"NewKey({self.key_id})"


def new_key() -> NewKey:
    """A key of the system's randomness."""
    key_id = _base32(secrets.token_bytes(_ID_BYTES))
    return NewKey(key_id, f"{PREFIX}{key_id}_{_base32(secrets.token_bytes(_SECRET_BYTES))}")


def key_id_of(text: str) -> str | None:
    """The id in a key; None for what does not have the form of one."""
    found = _FORM.fullmatch(text)
    return found[1] if found is not None else None


def pepper(secret: bytes) -> bytes | None:
    """The key of the hashes, made of a secret of any length; None of one that is too short."""
    if len(secret) < MIN_SECRET_BYTES:
        return None
    return hashlib.blake2b(secret, person=b"hedgerow pepper").digest()


def digest(pepper: bytes, text: str) -> bytes:
    """What is kept of a key."""
    return hashlib.blake2b(text.encode(), digest_size=32, key=pepper).digest()


def pepper_id(pepper: bytes) -> str:
    """Tells peppers apart without telling them: a key that was made under another one is not a wrong key."""
    return hashlib.blake2b(b"id", digest_size=8, key=pepper, person=b"hedgerow pepper").hexdigest()


def reference(pepper: bytes, tenant: str, user: str) -> str:
    """What stands for a user who was erased: the same one each time, and nothing without the pepper."""
    text = msgspec.json.encode((tenant, user))
    return f"erased-{hashlib.blake2b(text, digest_size=16, key=pepper, person=b'hedgerow erasure').hexdigest()}"


def new_reference() -> str:
    """The same where there is no pepper: another one each time."""
    return f"erased-{secrets.token_hex(16)}"


def _base32(value: bytes) -> str:
    return base64.b32encode(value).decode().rstrip("=").lower()
