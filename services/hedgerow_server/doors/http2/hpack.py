"""HPACK (RFC 7541), of jh2: the part of it that is compiled, at a twelfth of what a decoder in Python takes."""

from typing import Final, Protocol, cast

from jh2 import _hazmat  # type: ignore[import-untyped]

Field = tuple[bytes, bytes, bool]
"""A header: name, value, and whether no table may keep it."""
HpackError = cast("type[Exception]", _hazmat.HPACKError)
"""A block that cannot be read."""
TooManyError = cast("type[Exception]", _hazmat.OversizedHeaderListError)
"""A block with more in it than a decoder takes."""

# What the first byte of a header says, and the most that it holds itself (RFC 7541, section 6).
_INDEXED: Final = 0x80
_MOST_INDEXED: Final = 0xFF
_KEPT: Final = 0x40
_MOST_KEPT: Final = 0x3F
_UPDATE: Final = 0x20
_MOST_UPDATE: Final = 0x1F
_MOST_NOT_KEPT: Final = 0x0F
_MOST_LENGTH: Final = 0x7F
_GOES_ON: Final = 0x80
_MOST_SHIFT: Final = 28


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


def check(block: bytes) -> None:
    """Looks whether a block is whole: on one that is cut inside a header the compiled decoder panics, and writes that
    to stderr. Raises HpackError, also for a change of the table behind a header (RFC 7541, section 4.2).
    """
    try:
        end = _end(block)
    except IndexError:
        end = -1
    if end != len(block):
        raise HpackError("a block is cut, or has a change of the table in its middle")


def _end(block: bytes) -> int:
    """Where the last header of a block ends, which may be behind it; -1 for a change of the table that is too late.
    Raises IndexError where it is cut.
    """
    at, size, begun = 0, len(block), False
    while at < size:
        first = block[at]
        at += 1
        if first >= _INDEXED:
            begun = True
            if first == _MOST_INDEXED:
                _, at = _integer(block, at)
            continue
        if _UPDATE <= first < _KEPT:
            if begun:
                return -1
            if first & _MOST_UPDATE == _MOST_UPDATE:
                _, at = _integer(block, at)
            continue
        begun = True
        most = _MOST_KEPT if first >= _KEPT else _MOST_NOT_KEPT
        if first & most == most:
            _, at = _integer(block, at)
        for _ in range(1 if first & most else 2):
            length = block[at] & _MOST_LENGTH
            at += 1
            if length == _MOST_LENGTH:
                length, at = _integer(block, at)
                length += _MOST_LENGTH
            at += length
    return at


def _integer(block: bytes, at: int) -> tuple[int, int]:
    """An integer behind its prefix (RFC 7541, section 5.1), and where it ends. Raises HpackError for a long one."""
    value = shift = 0
    while (byte := block[at]) >= _GOES_ON:
        if shift >= _MOST_SHIFT:
            raise HpackError("an integer is too large")
        value += (byte - _GOES_ON) << shift
        shift += 7
        at += 1
    return value + (byte << shift), at + 1


def decoder(most_bytes: int) -> Decoder:
    """A decoder of blocks with so many bytes at most, as RFC 9113, section 6.5.2, counts them."""
    return cast("Decoder", _hazmat.Decoder(most_bytes))


def encoder() -> Encoder:
    """An encoder with the table that HTTP/2 begins with."""
    return cast("Encoder", _hazmat.Encoder())
