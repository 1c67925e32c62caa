"""Embeddings: what is asked reaches the core, and vectors come back to the last bit."""

import base64
import struct
from typing import Any

import pytest
from hedgerow_server.core.error import RequestInvalid
from hedgerow_server.core.event import EmbedCompleted, EmbeddingsAdded, Event, Started, Usage
from hedgerow_server.core.request import EmbedPurpose, EmbedRequest, EmbedSpec
from hedgerow_server.wire.openai.embeddings import EmbedAnswer
from openai_door import Json, embed_call, whole

VECTORS = [[0.1, -0.5, 1e-30], [3.0, 0.0, -1.0]]


def spec(**more: Any) -> EmbedSpec:
    """What is asked by a request with these members."""
    request = embed_call({"model": "m", "input": "x", **more}).request
    assert isinstance(request, EmbedRequest)
    return request.spec


@pytest.mark.parametrize(
    ("given", "inputs"),
    [
        ("one", ("one",)),
        (["one", "two"], ("one", "two")),
        ([1, 2, 3], ((1, 2, 3),)),
        ([[1, 2], [3]], ((1, 2), (3,))),
        (["one", [1]], ("one", (1,))),
    ],
)
def test_inputs_are_texts_or_tokens(given: object, inputs: object) -> None:
    """One of them, or several."""
    assert spec(input=given).inputs == inputs


@pytest.mark.parametrize("given", [[], "", [""], [[]], 7, [1.5], [-1], [True], None, [1 << 40]])
def test_inputs_that_are_none_are_refused(given: object) -> None:
    """In the words of the contract or of the JSON."""
    with pytest.raises(RequestInvalid) as caught:
        spec(input=given)
    assert "input" in caught.value.violations[0].field


@pytest.mark.parametrize(
    ("members", "purpose"),
    [
        ({"input_type": "query"}, EmbedPurpose.QUERY),
        ({"input_type": "passage"}, EmbedPurpose.DOCUMENT),
        ({"hedgerow": {"purpose": "clustering"}}, EmbedPurpose.CLUSTERING),
        ({"input_type": None}, None),
    ],
)
def test_the_purpose_has_several_names(members: Json, purpose: EmbedPurpose | None) -> None:
    """Vendors' and the gateway's own."""
    given = spec(**members)
    assert given.purpose is purpose
    assert given.provider_options == {}


def test_what_the_contract_does_not_know_is_passed_on() -> None:
    """The user, and purposes that only a vendor knows."""
    given = spec(user="u", input_type="code", dimensions=8)
    assert given.provider_options == {"openai": '{"user":"u","input_type":"code"}'}
    assert given.for_any == ("openai",)
    assert given.dimensions == 8


@pytest.mark.parametrize("form", ["float", "base64", None])
def test_vectors_come_back_to_the_last_bit(form: str | None) -> None:
    """Batch after batch, in their order."""
    call = embed_call({"model": "m", "input": ["x", "y"], "encoding_format": form})
    packed = [struct.pack("<3f", *one) for one in VECTORS]
    events: list[Event] = [
        Started(provider="p", model="e"),
        *[EmbeddingsAdded([one]) for one in packed],
        EmbedCompleted(Usage(input_uncached_tokens=7), cached_count=1, saved_picos=5),
    ]
    answer = whole(call, events)
    assert [(one["object"], one["index"]) for one in answer["data"]] == [("embedding", 0), ("embedding", 1)]
    got = [one["embedding"] for one in answer["data"]]
    assert [base64.b64decode(one) if form == "base64" else struct.pack("<3f", *one) for one in got] == packed
    assert (answer["object"], answer["model"]) == ("list", "e")
    assert answer["usage"] == {"prompt_tokens": 7, "total_tokens": 7}
    assert (answer["hedgerow"]["cached_inputs_count"], answer["hedgerow"]["saved_picos"]) == (1, 5)


@pytest.mark.parametrize("form", ["float", "base64"])
def test_an_answer_is_made_vector_by_vector(form: str) -> None:
    """Whoever sends it can stop after each."""
    call = embed_call({"model": "m", "input": ["x", "y"], "encoding_format": form})
    answer = EmbedAnswer(call)
    answer.add(EmbeddingsAdded([struct.pack("<3f", *one) for one in VECTORS]))
    pieces = list(answer.encode())
    assert [piece.count(b'"embedding":') for piece in pieces] == [0, 1, 1, 0]
