"""Protobuf's fields, written by hand where there are many of them: vectors, whose packed floats are copied and never
converted, and the deltas of a stream, for which objects of protobuf's own would be most of the work.
"""

_SMALL = (
    *(bytes((value,)) for value in range(128)),
    *(bytes((value & 127 | 128, value >> 7)) for value in range(128, 2048)),
)  # the events of most streams have such a number
_PART_INDEX, _WORDS = b"\x08", b"\x12"  # fields 1 and 2 of every delta, with their wire types 0 and 2


def varint(value: int) -> bytes:
    """A non-negative integer in base 128."""
    if 0 <= value < 2048:
        return _SMALL[value]
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def delimited(field: int, *payload: bytes) -> bytes:
    """A field of wire type 2 that holds the payloads one after the other."""
    return b"".join((varint(field << 3 | 2), varint(sum(map(len, payload))), *payload))


def embedding(vector: bytes) -> bytes:
    """An Embedding message, its `values` (field 1) being the packed little-endian floats as they are."""
    return delimited(1, vector)


def delta_event(sequence: int, tag: bytes, part_index: int, words: str) -> bytes:
    """A StreamCompleteResponse of one delta of words: `sequence` (field 1), and under `tag` a message of a part's index
    (field 1) and of words (field 2). Raises UnicodeEncodeError for halves of surrogate pairs.
    """
    text = words.encode()
    size = len(text)
    number = _SMALL[sequence] if sequence < 2048 else varint(sequence)
    if 0 < size < 124 and part_index < 128:  # every length is one byte: the common case
        if part_index == 0:
            return b"\x08%b%b%c\x12%c%b" % (number, tag, size + 2, size, text)
        return b"\x08%b%b%c\x08%c\x12%c%b" % (number, tag, size + 4, part_index, size, text)
    index = _PART_INDEX + varint(part_index) if part_index else b""
    said = _WORDS + varint(size) if size else b""
    return b"".join((b"\x08", number, tag, varint(len(index) + len(said) + size), index, said, text))
