"""Fields written by hand are the bytes that protobuf itself would write."""

import struct

from google.protobuf import unknown_fields
from hedgerow.chat.v1 import chat_service_pb2 as chat
from hedgerow.embed.v1 import embed_service_pb2 as pb
from hedgerow_server.core.event import ReasoningDelta, RefusalDelta, TextDelta, ToolCallArgumentsDelta
from hedgerow_server.wire.chat_events import EventEncoder
from hedgerow_server.wire.splice import delimited, delta_event, embedding, varint
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


# Lengths round each place where one more byte is needed come often.
WORDS = st.text(st.characters(codec="utf-8"), max_size=8) | st.builds(
    lambda count, word: word * count,
    st.sampled_from([31, 119, 123, 124, 127, 128, 8000, 17_000]),
    st.sampled_from("aé😀"),
)
INDEXES = st.integers(0, 3) | st.sampled_from([127, 128, 2**31 - 1])
SEQUENCES = st.integers(1, 300) | st.sampled_from([2047, 2048, 16_383, 16_384, 2**40])


@given(SEQUENCES, INDEXES, WORDS)
def test_a_delta_is_protobufs_own(sequence: int, index: int, words: str) -> None:
    expected = chat.StreamCompleteResponse(sequence=sequence)
    expected.text_delta.SetInParent()
    expected.text_delta.part_index = index
    expected.text_delta.text = words
    assert delta_event(sequence, b"\x1a", index, words) == expected.SerializeToString()


@given(INDEXES, WORDS)
def test_each_kind_of_delta_is_written_under_its_field(index: int, words: str) -> None:
    encoder = EventEncoder()
    events = [kind(index, words) for kind in (TextDelta, ReasoningDelta, RefusalDelta, ToolCallArgumentsDelta)]
    written = [chat.StreamCompleteResponse.FromString(encoder.encode(event)[0]) for event in events]
    names = ["text_delta", "reasoning_delta", "refusal_delta", "tool_call_arguments_delta"]
    assert [one.WhichOneof("event") for one in written] == names
    assert [one.sequence for one in written] == [1, 2, 3, 4]
    for one, name in zip(written, names, strict=True):
        delta = getattr(one, name)
        assert (delta.part_index, delta.arguments if name.startswith("tool") else delta.text) == (index, words)
