"""Fields written by hand are the bytes that protobuf itself would write."""

import struct

from google.protobuf import unknown_fields
from hedgerow.embed.v1 import embed_service_pb2 as pb
from hedgerow_server.wire.splice import delimited, embedding, varint
from hypothesis import given
from hypothesis import strategies as st

FLOATS = st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=200)


def packed(values: list[float]) -> bytes:
    """Little-endian 32-bit floats."""
    return struct.pack(f"<{len(values)}f", *values)


@given(FLOATS)
def test_an_embedding_is_protobufs_own(values: list[float]) -> None:
    assert embedding(packed(values)) == pb.Embedding(values=values).SerializeToString()


@given(st.lists(FLOATS, max_size=5))
def test_a_response_of_spliced_vectors_parses_to_them(vectors: list[list[float]]) -> None:
    spliced = b"".join(delimited(1, embedding(packed(vector))) for vector in vectors)
    assert spliced == pb.EmbedResponse(embeddings=[pb.Embedding(values=one) for one in vectors]).SerializeToString()


@given(st.integers(20, 2**29 - 1), st.lists(st.binary(max_size=300), max_size=3))
def test_a_delimited_field_holds_its_payloads_in_order(field: int, payloads: list[bytes]) -> None:
    message = pb.StreamEmbedCompleted.FromString(delimited(field, *payloads))
    fields = unknown_fields.UnknownFieldSet(message)
    assert len(fields) == 1
    assert (fields[0].field_number, fields[0].wire_type, fields[0].data) == (field, 2, b"".join(payloads))


@given(st.integers(0, 2**63 - 1))
def test_a_varint_is_protobufs_own(value: int) -> None:
    message = pb.StreamEmbedResponse(sequence=value)
    expected = message.SerializeToString()[1:] if value else b"\0"
    assert varint(value) == expected
