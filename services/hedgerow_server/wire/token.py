"""Words of ours in places where an API wants something opaque: state and items of other providers, which a client sends
back as they came. They mean the same at every door.
"""

import base64
import binascii

import msgspec

from hedgerow_server.wire.check import wrong

PREFIX = "hg1."
"""What our words begin with. Alone, it stands where an API wants a word and there is no state."""


class Token(msgspec.Struct, array_like=True, frozen=True):
    """What one of our words holds."""

    provider: str
    data: bytes
    kind: str = ""
    """Empty: state of the block or item that it stands in. "of": of another one. "item": a whole item of the
    provider's.
    """
    type: str = ""
    """Of an item: the provider's word for its kind. Of state of another block: the id of the tool call there, if it is
    one.
    """
    back: int = 0
    """Of state of another block: how many blocks before this one it stands."""


_PACK = msgspec.msgpack.Encoder().encode
_UNPACK = msgspec.msgpack.Decoder(Token).decode


def word(token: Token) -> str:
    """The word that holds a token."""
    return PREFIX + base64.urlsafe_b64encode(_PACK(token)).decode()


def token_of(text: str, field: str) -> Token | None:
    """What a word of ours holds; None where it is somebody else's. Raises RequestInvalid for one that begins like ours
    and is broken.
    """
    if not text.startswith(PREFIX):
        return None
    try:
        return _UNPACK(base64.b64decode(text[len(PREFIX) :], altchars=b"-_", validate=True))
    except (msgspec.DecodeError, binascii.Error, ValueError):
        raise wrong(field, "must be what the gateway had sent, unchanged") from None
