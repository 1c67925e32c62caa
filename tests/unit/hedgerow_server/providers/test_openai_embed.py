"""The reader of embeddings."""

import base64
import json
import math
import struct
from typing import Any

import pytest
from hedgerow_server.core.error import ProviderModelUnavailable, ProviderThrottled, UpstreamProtocol
from hedgerow_server.core.event import EmbeddingsAdded, Event, Finished, FinishReason, Started, Usage
from hedgerow_server.core.port import Operation
from providers.openai_run import read


def packed(*floats: float) -> bytes:
    """Little-endian 32-bit floats."""
    return struct.pack(f"<{len(floats)}f", *floats)


def encoded(*floats: float) -> str:
    """The same in base64."""
    return base64.b64encode(packed(*floats)).decode()


def answer(*items: Any, **members: Any) -> list[Event]:
    """The events of an answer with these embeddings: (index, embedding) each."""
    data = [{"object": "embedding", "index": index, "embedding": value} for index, value in items]
    return read([json.dumps({"object": "list", "data": data, **members}).encode()], "application/json", Operation.EMBED)


def test_vectors_come_as_they_are_in_the_order_of_the_inputs() -> None:
    usage = {"prompt_tokens": 5, "total_tokens": 5}
    assert answer((1, encoded(3, 4)), (0, encoded(1, -2.5)), model="m", usage=usage) == [
        Started(model="m"),
        EmbeddingsAdded([packed(1, -2.5), packed(3, 4)]),
        Finished(FinishReason.STOP, "", Usage(input_uncached_tokens=5, final=True)),
    ]


def test_lists_of_numbers_are_packed() -> None:
    assert answer((0, [1, -2.5]), (1, [0.1, 1e-50]))[1] == EmbeddingsAdded([packed(1, -2.5), packed(0.1, 0)])


def test_without_indices_the_order_is_that_of_the_answer() -> None:
    assert answer((None, encoded(1)), (None, encoded(2)))[1] == EmbeddingsAdded([packed(1), packed(2)])


def test_an_index_of_zero_may_be_left_out() -> None:
    """Gemini writes no member that is 0."""
    assert answer((1, encoded(2)), (None, encoded(1)))[1] == EmbeddingsAdded([packed(1), packed(2)])


@pytest.mark.parametrize("indices", [(0, 2), (0, 0), (1, 2), (-1, 0), (None, 0), (None, None, 2)])
def test_indices_with_gaps_break_the_protocol(indices: tuple[int | None, ...]) -> None:
    with pytest.raises(UpstreamProtocol):
        answer(*((index, encoded(1)) for index in indices))


def test_vectors_of_different_lengths_break_the_protocol() -> None:
    with pytest.raises(UpstreamProtocol):
        answer((0, encoded(1)), (1, encoded(1, 2)))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_vector_that_is_not_finite_breaks_the_protocol(value: float, place: int) -> None:
    floats = [1.0, 2.0, 3.0]
    floats[place] = value
    with pytest.raises(UpstreamProtocol):
        answer((0, encoded(*floats)))


def test_the_largest_floats_are_finite() -> None:
    largest = struct.unpack("<f", b"\xff\xff\x7f\x7f")[0]
    assert answer((0, encoded(largest, -largest)))[1] == EmbeddingsAdded([packed(largest, -largest)])


@pytest.mark.parametrize("embedding", ["", "AAA", "AAAA", "***", [], [1e39], ["x"], [None], None, {"x": 1}])
def test_an_embedding_of_another_shape_breaks_the_protocol(embedding: object) -> None:
    """The base64 `AAAA` is three bytes: not a float."""
    with pytest.raises(UpstreamProtocol):
        answer((0, embedding))


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'{"data": []}', b'{"data": null}', b"\xff"])
def test_an_answer_without_embeddings_breaks_the_protocol(body: bytes) -> None:
    with pytest.raises(UpstreamProtocol):
        read([body], "application/json", Operation.EMBED)


def test_an_error_in_the_answer_is_a_failure() -> None:
    with pytest.raises(ProviderThrottled):
        answer(error={"code": "rate_limit_exceeded"})


def test_an_error_that_is_text_is_told_by_the_code_beside_it() -> None:
    with pytest.raises(ProviderModelUnavailable):
        answer(error="no", code="model_not_found")


def test_no_completion_tokens_may_be_null() -> None:
    """Of embeddings there are none."""
    last = answer((0, encoded(1)), usage={"prompt_tokens": 5, "total_tokens": 5, "completion_tokens": None})[-1]
    assert isinstance(last, Finished)
    assert last.usage == Usage(input_uncached_tokens=5, final=True)


def test_an_error_without_a_member_for_it_is_a_failure_too() -> None:
    body = {"object": "error", "message": "x", "type": "NotFoundError", "code": 404}
    with pytest.raises(ProviderModelUnavailable):
        read([json.dumps(body).encode()], "application/json", Operation.EMBED)
