"""Protobuf's length-delimited fields, written by hand for vectors: their packed floats are copied, never converted."""


def varint(value: int) -> bytes:
    """A non-negative integer in base 128."""
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
