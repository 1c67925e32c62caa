"""HPACK (RFC 7541), of jh2: the part of it that is compiled, at a twelfth of what a decoder in Python takes."""

from typing import Protocol, cast

from jh2 import _hazmat  # type: ignore[import-untyped]

Field = tuple[bytes, bytes, bool]
"""A header: name, value, and whether no table may keep it."""
HpackError = cast("type[Exception]", _hazmat.HPACKError)
"""A block that cannot be read."""
TooManyError = cast("type[Exception]", _hazmat.OversizedHeaderListError)
"""A block with more in it than a decoder takes."""


class Decoder(Protocol):
    """Reads blocks of headers, with the table that they share."""

    def decode(self, data: bytes, raw: bool) -> list[Field]:
        """The headers of a block; `raw` leaves them bytes. Raises HpackError and TooManyError."""


class Encoder(Protocol):
    """Writes them."""

    header_table_size: int
    """In bytes."""

    def encode(self, headers: list[Field], huffman: bool) -> bytes:
        """A block; `huffman`: its texts in Huffman's code."""


def decoder(most_bytes: int) -> Decoder:
    """A decoder of blocks with so many bytes at most, as RFC 9113, section 6.5.2, counts them."""
    return cast("Decoder", _hazmat.Decoder(most_bytes))


def encoder() -> Encoder:
    """An encoder with the table that HTTP/2 begins with."""
    return cast("Encoder", _hazmat.Encoder())
