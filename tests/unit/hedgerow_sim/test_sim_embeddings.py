"""Embeddings: the vectors, their forms and the limits."""

import base64
import math
import struct
from typing import Any

import pytest
from unit.hedgerow_sim.harness import Answer, Sim, running


def _vectors(answer: Answer) -> list[list[float]]:
    return [row["embedding"] for row in answer.json["data"]]


def _decoded(answer: Answer) -> list[list[float]]:
    raw = [base64.b64decode(row["embedding"]) for row in answer.json["data"]]
    return [list(struct.unpack(f"<{len(one) // 4}f", one)) for one in raw]


async def test_the_same_text_gets_the_same_vector_from_every_process_with_that_seed() -> None:
    async with running(seed=3) as one, running(seed=3) as other, running(seed=4) as third:
        first, second, differing = [_vectors(await sim.embed(["a", "b", "a"])) for sim in (one, other, third)]
    assert first == second
    assert first[0] == first[2] != first[1]
    assert first != differing


@pytest.mark.parametrize("dimensions", [1, 2, 3, 4, 7, 256, 1536])
async def test_vectors_have_the_size_asked_for_and_length_one(sim: Sim, dimensions: int) -> None:
    (vector,) = _vectors(await sim.embed("hello", dimensions=dimensions))
    assert len(vector) == dimensions
    assert math.fsum(value * value for value in vector) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(
    ("model", "size"), [("text-embedding-3-small", 1536), ("text-embedding-3-large", 3072), ("some-model", 256)]
)
async def test_each_model_family_has_its_size(sim: Sim, model: str, size: int) -> None:
    assert len(_vectors(await sim.embed("hello", model))[0]) == size


@pytest.mark.parametrize("dimensions", [5, 8])
async def test_base64_holds_the_same_float32_values(sim: Sim, dimensions: int) -> None:
    given = ["hello", "wörld"]
    floats = _vectors(await sim.embed(given, dimensions=dimensions))
    packed = _decoded(await sim.embed(given, dimensions=dimensions, encoding_format="base64"))
    assert [[struct.unpack("<f", struct.pack("<f", value))[0] for value in row] for row in floats] == packed


async def test_a_batch_keeps_its_order(sim: Sim) -> None:
    given = [f"text {number}" for number in range(2048)]
    answer = await sim.embed(given, "small", dimensions=4)
    assert [row["index"] for row in answer.json["data"]] == list(range(2048))
    assert _vectors(answer)[1234] == _vectors(await sim.embed(given[1234], "small", dimensions=4))[0]


async def test_token_ids_are_one_input_or_several(sim: Sim) -> None:
    one = await sim.embed([1, 2, 3], dimensions=4)
    several = await sim.embed([[1, 2, 3], [4]], dimensions=4)
    assert len(_vectors(one)) == 1
    assert len(_vectors(several)) == 2
    assert _vectors(one)[0] == _vectors(several)[0]
    assert several.json["usage"] == {"prompt_tokens": 4, "total_tokens": 4}


async def test_usage_equals_the_book(sim: Sim) -> None:
    usage = (await sim.embed(["one two", "three"], dimensions=4)).json["usage"]
    assert usage == {"prompt_tokens": 3, "total_tokens": 3}
    assert (await sim.last())["input_tokens"] == 3


@pytest.mark.parametrize(
    ("given", "fields", "code"),
    [
        (None, {}, "missing_required_parameter"),
        ([], {}, "empty_array"),
        (["x"] * 2049, {}, "array_above_max_length"),
        ("", {}, None),
        (["ok", ""], {}, None),
        ([1.5], {}, None),
        ({"text": "x"}, {}, "invalid_type"),
        ("x", {"dimensions": 0}, None),
        ("x", {"dimensions": 1537}, None),
        ("x", {"dimensions": 16, "model": "text-embedding-ada-002"}, None),
        ("x", {"encoding_format": "hex"}, "invalid_value"),
        ("x " * 8193, {}, None),
        (["x " * 8000] * 38, {}, "max_tokens_per_request"),
    ],
)
async def test_a_bad_request_gets_the_providers_error(
    sim: Sim, given: Any, fields: dict[str, Any], code: str | None
) -> None:
    answer = await sim.embed(given, **fields)
    assert answer.status == 400
    assert answer.json["error"]["type"] == "invalid_request_error"
    assert answer.json["error"]["code"] == code
