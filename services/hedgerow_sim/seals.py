"""Opaque tokens that providers hand out with reasoning and want back unchanged: signatures and encrypted content.

A seal is a random-looking nonce and a keyed hash of nonce, purpose and content, so a changed seal, a seal put on
another content and a seal of another simulator (another seed) are all found out.
"""

import hashlib
from typing import Final

_NONCE: Final = 16
_MAC: Final = 48


class Seals:
    """Makes and checks them."""

    def __init__(self, seed: int) -> None:
        self._key = hashlib.blake2b(b"seals/%d" % seed, digest_size=32).digest()

    def make(self, purpose: str, content: str, salt: str = "") -> bytes:
        """64 bytes; the same for the same arguments. `salt` makes seals of equal content differ."""
        nonce = hashlib.blake2b(f"{purpose}\0{salt}\0{content}".encode(), key=self._key, digest_size=_NONCE).digest()
        return nonce + self._mac(nonce, purpose, content)

    def fit(self, seal: bytes, purpose: str, content: str) -> bool:
        """Whether a seal was made for this."""
        return seal[_NONCE:] == self._mac(seal[:_NONCE], purpose, content)

    def _mac(self, nonce: bytes, purpose: str, content: str) -> bytes:
        data = nonce + f"{purpose}\0{content}".encode("utf-8", "surrogatepass")
        return hashlib.blake2b(data, key=self._key, digest_size=_MAC).digest()
