"""Embeddings through InvokeModel: each maker's words, and every shape of answer."""

import base64
import json
import struct
from typing import Any

import pytest
from hedgerow_server.core.error import RequestInvalid, UpstreamProtocol
from hedgerow_server.core.event import EmbeddingsAdded, Finished, Usage, WarningCode
from hedgerow_server.core.port import Operation
from hedgerow_server.core.request import EmbedPurpose, EmbedSpec
from providers.bedrock_run import bedrock, read

TITAN = "amazon.titan-embed-text-v2:0"
COHERE = "cohere.embed-english-v3"
NOVA = "us.amazon.nova-2-multimodal-embeddings-v1:0"


def built(model: str, inputs: tuple[Any, ...] = ("a",), **fields: Any) -> dict[str, Any]:
    """The body for these inputs."""
    prepared = bedrock().build(EmbedSpec(model="e", inputs=inputs, **fields), stream=True, model=model, secret=None)
    assert prepared.request.url.endswith(f"/model/{model}/invoke")
    assert prepared.request.headers["accept"] == "application/json"
    return dict(json.loads(prepared.request.body))


def refused(model: str, inputs: tuple[Any, ...] = ("a",), **fields: Any) -> str:
    """The field that these inputs are refused for."""
    with pytest.raises(RequestInvalid) as caught:
        built(model, inputs, **fields)
    return caught.value.metadata["field"]


def vectors(body: Any) -> list[tuple[float, ...]]:
    """The vectors of an answer."""
    added = read([json.dumps(body).encode()], "application/json", Operation.EMBED)[1]
    assert isinstance(added, EmbeddingsAdded)
    return [struct.unpack(f"<{len(one) // 4}f", one) for one in added.vectors]


def test_titan_is_asked_in_its_words() -> None:
    assert built(TITAN) == {"inputText": "a"}
    assert built(TITAN, dimensions=256) == {"inputText": "a", "dimensions": 256}
    assert built("amazon.titan-embed-text-v1") == {"inputText": "a"}
    assert built("amazon.titan-embed-image-v1", dimensions=256) == {
        "inputText": "a",
        "embeddingConfig": {"outputEmbeddingLength": 256},
    }


def test_cohere_is_asked_in_its_words() -> None:
    assert built(COHERE, ("a", "b")) == {
        "texts": ["a", "b"],
        "input_type": "search_document",
        "embedding_types": ["float"],
    }
    assert built("us.cohere.embed-v4:0", dimensions=512)["output_dimension"] == 512


def test_nova_is_asked_in_its_words() -> None:
    single = {"embeddingPurpose": "GENERIC_INDEX", "text": {"value": "a", "truncationMode": "NONE"}}
    assert built(NOVA) == {"taskType": "SINGLE_EMBEDDING", "singleEmbeddingParams": single}
    assert built(NOVA, dimensions=256)["singleEmbeddingParams"]["embeddingDimension"] == 256


@pytest.mark.parametrize(
    ("purpose", "cohere", "nova"),
    [
        (EmbedPurpose.QUERY, "search_query", "GENERIC_RETRIEVAL"),
        (EmbedPurpose.DOCUMENT, "search_document", "GENERIC_INDEX"),
        (EmbedPurpose.CLASSIFICATION, "classification", "CLASSIFICATION"),
        (EmbedPurpose.CLUSTERING, "clustering", "CLUSTERING"),
        (EmbedPurpose.SIMILARITY, "clustering", "CLUSTERING"),
    ],
)
def test_a_purpose_is_told_to_models_that_know_it(purpose: EmbedPurpose, cohere: str, nova: str) -> None:
    assert built(COHERE, purpose=purpose)["input_type"] == cohere
    assert built(NOVA, purpose=purpose)["singleEmbeddingParams"]["embeddingPurpose"] == nova
    assert built(TITAN, purpose=purpose) == {"inputText": "a"}


def test_a_purpose_that_no_model_knows_is_changed_with_a_warning() -> None:
    spec = EmbedSpec(model="e", inputs=("a",), purpose=EmbedPurpose.SIMILARITY)
    prepared = bedrock().build(spec, stream=False, model=COHERE, secret=None)
    assert [(one.code, one.field) for one in prepared.warnings] == [(WarningCode.PARAMETER_CHANGED, "embed.purpose")]


@pytest.mark.parametrize("model", [TITAN, NOVA])
def test_models_that_take_one_input_are_given_one(model: str) -> None:
    assert refused(model, ("a", "b")) == "embed.inputs"


def test_token_ids_are_refused() -> None:
    assert refused(COHERE, ((1, 2),)) == "embed.inputs"


@pytest.mark.parametrize("model", [COHERE, "amazon.titan-embed-text-v1"])
def test_another_length_is_refused_by_models_of_one(model: str) -> None:
    assert refused(model, dimensions=256) == "embed.dimensions"


def test_a_model_that_is_not_known_is_refused() -> None:
    assert refused("arn:aws:bedrock:us-east-1:1:provisioned-model/x") == "embed.model"


def test_options_are_added_but_do_not_override() -> None:
    assert built(COHERE, provider_options={"bedrock": '{"truncate": "END"}'})["truncate"] == "END"
    assert refused(COHERE, provider_options={"bedrock": '{"input_type": "x"}'}) == "embed.provider_options['bedrock']"


@pytest.mark.parametrize(
    ("model", "length"),
    [
        (TITAN, 1024),
        ("amazon.titan-embed-text-v1", 1536),
        (COHERE, 1024),
        ("us.cohere.embed-v4:0", 1536),
        (NOVA, 3072),
        ("other", None),
    ],
)
def test_lengths_are_known(model: str, length: int | None) -> None:
    assert bedrock().default_dimensions(model) == length


@pytest.mark.parametrize(
    "body",
    [
        {"embedding": [1.5, -2], "inputTextTokenCount": 3},
        {"embeddingsByType": {"float": [1.5, -2], "binary": [1]}},
        {"embeddings": [[1.5, -2]], "texts": ["a"]},
        {"embeddings": {"float": [[1.5, -2]]}},
        {"embeddings": [{"embeddingType": "TEXT", "embedding": [1.5, -2]}]},
        {"embedding": base64.b64encode(struct.pack("<2f", 1.5, -2)).decode()},
    ],
)
def test_every_shape_is_read(body: Any) -> None:
    assert vectors(body) == [(1.5, -2.0)]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"embeddings": []},
        {"embeddings": 7},
        {"embeddings": [[1.0], [1.0, 2.0]]},
        {"embeddings": [[]]},
        {"embedding": [1e39]},
        {"embedding": ["x"]},
        {"embedding": "?"},
        {"embeddings": {"int8": [[1]]}},
        [],
    ],
)
def test_what_are_no_vectors_is_a_failure(body: Any) -> None:
    with pytest.raises(UpstreamProtocol):
        vectors(body)


@pytest.mark.parametrize("count", [None, -1, "3", 1.5])
def test_a_count_that_cannot_be_true_is_no_usage(count: Any) -> None:
    last = read(
        [json.dumps({"embedding": [1.0], "inputTextTokenCount": count}).encode()], "application/json", Operation.EMBED
    )[-1]
    assert isinstance(last, Finished)
    assert last.usage is None


def usage_of(body: dict[str, Any], told: str) -> Usage | None:
    """The usage of vectors that came with this count in the header."""
    reader = bedrock().reader(
        Operation.EMBED,
        stream=False,
        content_type="application/json",
        headers={"x-amzn-bedrock-input-token-count": told},
    )
    reader.feed(json.dumps({"embeddings": {"float": [[1.0]]}, **body}).encode())
    last = reader.finish()[-1]
    assert isinstance(last, Finished)
    return last.usage


def test_the_header_counts_where_the_body_does_not() -> None:
    assert usage_of({}, "7") == Usage(input_uncached_tokens=7, final=True)


def test_the_count_of_the_body_comes_before_that_of_the_header() -> None:
    assert usage_of({"inputTextTokenCount": 3}, "7") == Usage(input_uncached_tokens=3, final=True)


@pytest.mark.parametrize("told", ["", "-1", "7.5", "many", "²", "9" * 20, "9" * 5000])
def test_a_header_that_cannot_be_true_is_no_usage(told: str) -> None:
    assert usage_of({}, told) is None
