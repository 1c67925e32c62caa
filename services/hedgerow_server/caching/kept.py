"""Kept answers as bytes, with a MAC over each: whoever can write to a store cannot make an answer, nor move one.

The MAC (HMAC-SHA-256, RFC 2104) is over the version of the format, the scope, the slot and the answer. So an answer
that was changed, cut, copied to another slot or to another tenant, or written by another version, is found out.
"""

import hmac

import msgspec

from hedgerow_server.caching.key import FORMAT

_BEGINNING = b"hgc" + FORMAT.to_bytes(2, "big")
_MAC_BYTES = 32
_HEAD_BYTES = len(_BEGINNING) + _MAC_BYTES


class Kept(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One answer, as the caller was shown it, or the vector of one input."""

    made_unix_s: float
    """When it was whole."""
    until_unix_s: float
    """When it is no longer given."""
    provider: str
    """Who made it, by the configured name."""
    model: str
    """The model, by the name that the provider was asked by."""
    region: str = ""
    family: str = ""
    """The model family, or of a vector its space."""
    bound: bool = False
    """Whether it holds something that only this provider's model can use again."""
    cost_picos: int | None = None
    """What it cost, in 10^-12 US dollars. None: unknown."""
    events: bytes = b""
    """The events of a chat (see track), without attempts and usage."""
    pauses_ms: tuple[int, ...] = ()
    """How long each event came after the one before it."""
    vector: bytes = b""
    """Of an embedding: packed little-endian 32-bit floats."""


class Poisoned(Exception):
    """What a store gave is not what was kept. `reason`: "format", "mac" or "content"."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Kept).decode


def sealed(kept: Kept, secret: bytes, scope: bytes, slot: bytes) -> bytes:
    """The bytes to keep."""
    payload = _encode(kept)
    return b"".join((_BEGINNING, _mac(secret, scope, slot, payload), payload))


def opened(value: bytes, secret: bytes, scope: bytes, slot: bytes) -> Kept:
    """What was kept. Raises Poisoned for anything that was not sealed with this secret for this scope and slot."""
    if len(value) <= _HEAD_BYTES or not value.startswith(_BEGINNING):
        raise Poisoned("format")
    payload = value[_HEAD_BYTES:]
    if not hmac.compare_digest(value[len(_BEGINNING) : _HEAD_BYTES], _mac(secret, scope, slot, payload)):
        raise Poisoned("mac")
    try:
        return _decode(payload)
    except msgspec.DecodeError:
        raise Poisoned("content") from None


def _mac(secret: bytes, scope: bytes, slot: bytes, payload: bytes) -> bytes:
    told = (b"value", _BEGINNING, len(scope).to_bytes(4, "big"), scope, slot, payload)
    return hmac.digest(secret, b"".join(told), "sha256")
