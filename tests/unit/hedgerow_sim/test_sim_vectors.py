"""Embeddings that are not what was asked for, in every API that has them."""

import base64
import json
import math
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from unit.hedgerow_sim.harness import Sim

_TEXTS = ["a hedge", "a gap", "a gate"]
_VERTEX = "/v1/projects/hedges/locations/us-east5/publishers/google/models"
_Vectors = list[list[Any]]


@dataclass(frozen=True)
class _Api:
    """An API for embeddings: how to ask, and an independent reading of its vectors."""

    name: str
    path: str
    """With %s for the model."""
    body: Callable[[str], dict[str, Any]]
    read: Callable[[Any], _Vectors]
    prefix: str = ""
    many: bool = True


def _unpacked(text: str) -> list[float]:
    raw = base64.b64decode(text)
    return list(struct.unpack(f"<{len(raw) // 4}f", raw))


def _openai_body(model: str) -> dict[str, Any]:
    return {"model": model, "input": _TEXTS, "dimensions": 8}


_APIS = (
    _Api("openai", "/v1/embeddings", _openai_body, lambda body: [row["embedding"] for row in body["data"]]),
    _Api("openai-base64", "/v1/embeddings", lambda model: _openai_body(model) | {"encoding_format": "base64"},
         lambda body: [_unpacked(row["embedding"]) for row in body["data"]]),
    _Api("azure", "/openai/deployments/%s/embeddings", _openai_body,
         lambda body: [row["embedding"] for row in body["data"]]),
    _Api("gemini", "/v1beta/models/%s:batchEmbedContents",
         lambda model: {"requests": [{"model": f"models/{model}", "content": {"parts": [{"text": text}]},
                                      "outputDimensionality": 8} for text in _TEXTS]},
         lambda body: [row["values"] for row in body["embeddings"]]),
    _Api("vertex", f"{_VERTEX}/%s:predict",
         lambda _model: {"instances": [{"content": text} for text in _TEXTS],
                         "parameters": {"outputDimensionality": 8}},
         lambda body: [row["embeddings"]["values"] for row in body["predictions"]]),
    _Api("cohere", "/v2/embed",
         lambda model: {"model": model, "texts": _TEXTS, "input_type": "search_query", "embedding_types": ["float"]},
         lambda body: body["embeddings"]["float"]),
    _Api("ollama", "/api/embed", lambda model: {"model": model, "input": _TEXTS, "dimensions": 8},
         lambda body: body["embeddings"]),
    _Api("titan", "/model/%s/invoke", lambda _model: {"inputText": "a hedge", "dimensions": 256},
         lambda body: [body["embedding"]], prefix="amazon.titan-embed-text-v2-", many=False),
    _Api("bedrock-cohere", "/model/%s/invoke",
         lambda _model: {"texts": _TEXTS, "input_type": "search_query", "embedding_types": ["float"]},
         lambda body: body["embeddings"]["float"], prefix="cohere.embed-"),
)  # fmt: skip

every_api = pytest.mark.parametrize("api", _APIS, ids=lambda api: api.name)
in_lists = pytest.mark.parametrize("api", [api for api in _APIS if api.many], ids=lambda api: api.name)


async def _ask(sim: Sim, api: _Api, fault: str) -> Any:
    model = api.prefix + fault
    answer = await sim.post(api.path.replace("%s", model), api.body(model))
    assert answer.status == 200, answer.body
    assert (await sim.last())["billed_input_tokens"] > 0
    return answer.body


async def _vectors(sim: Sim, api: _Api, fault: str) -> _Vectors:
    return api.read(json.loads(await _ask(sim, api, fault)))


@in_lists
@pytest.mark.parametrize(("fault", "rows"), [("sim-embed-fewer", 2), ("sim-embed-more", 4)])
async def test_the_count_of_vectors_is_wrong(sim: Sim, api: _Api, fault: str, rows: int) -> None:
    assert len(await _vectors(sim, api, fault)) == rows


async def test_an_answer_of_one_vector_loses_it(sim: Sim) -> None:
    (titan,) = [api for api in _APIS if api.name == "titan"]
    assert await _vectors(sim, titan, "sim-embed-fewer") == [[]]


@in_lists
async def test_the_order_is_reversed_and_an_index_tells(sim: Sim, api: _Api) -> None:
    reversed_, shifted = [await _vectors(sim, api, f"sim-embed-{fault}") for fault in ("order", "index")]
    assert len(reversed_) == len(shifted) == 3
    if "openai" in api.name or api.name == "azure":
        body = json.loads(await _ask(sim, api, "sim-embed-order"))
        assert [row["index"] for row in body["data"]] == [2, 1, 0]
        body = json.loads(await _ask(sim, api, "sim-embed-index"))
        assert [row["index"] for row in body["data"]] == [0, 0, 0]


@every_api
async def test_the_first_vector_is_too_short(sim: Sim, api: _Api) -> None:
    first, *others = await _vectors(sim, api, "sim-embed-dimension")
    assert len(first) == (len(others[0]) if others else 256) - 1
    assert len({len(one) for one in others}) <= 1


@every_api
async def test_a_number_is_none(sim: Sim, api: _Api) -> None:
    (first, *_), *_ = await _vectors(sim, api, "sim-embed-nan")
    assert math.isnan(first)
    (first, *_), *_ = await _vectors(sim, api, "sim-embed-infinity")
    assert math.isinf(first)


@every_api
async def test_a_number_is_missing(sim: Sim, api: _Api) -> None:
    if api.name == "openai-base64":
        body = json.loads(await _ask(sim, api, "sim-embed-null"))
        assert len(base64.b64decode(body["data"][0]["embedding"])) % 4 == 3
    else:
        (first, *_), *_ = await _vectors(sim, api, "sim-embed-null")
        assert first is None


@every_api
async def test_vectors_are_empty(sim: Sim, api: _Api) -> None:
    assert all(one == [] for one in await _vectors(sim, api, "sim-embed-empty"))
