"""Embeddings of the Gemini API and of Vertex AI."""

import json
import struct
from typing import Any

import pytest
from hedgerow_server.core.error import ProviderThrottled, RequestInvalid, UpstreamProtocol
from hedgerow_server.core.event import EmbeddingsAdded, Finished, Usage
from hedgerow_server.core.port import HttpRequest, Operation
from hedgerow_server.core.request import EmbedPurpose, EmbedSpec
from hedgerow_server.providers.google import Gemini, Vertex
from providers.google_run import gemini, read, vertex

Json = dict[str, Any]


def request(dialect: Gemini | Vertex, model: str, *texts: str, **fields: Any) -> tuple[HttpRequest, Json]:
    """The request for these texts, and its body; there must be no warning."""
    prepared = dialect.build(EmbedSpec(model="m", inputs=texts, **fields), stream=False, model=model, secret=None)
    assert prepared.warnings == ()
    return prepared.request, json.loads(prepared.request.body)


def of(text: str) -> Json:
    """A content of one text."""
    return {"parts": [{"text": text}]}


def test_gemini_takes_a_batch() -> None:
    sent, body = request(gemini(), "gemini-embedding-001", "a", "b", dimensions=256, purpose=EmbedPurpose.DOCUMENT)
    options = {"model": "models/gemini-embedding-001", "taskType": "RETRIEVAL_DOCUMENT", "outputDimensionality": 256}
    assert body == {"requests": [{**options, "content": of("a")}, {**options, "content": of("b")}]}
    assert sent.url.endswith("/models/gemini-embedding-001:batchEmbedContents")


def test_gemini_embedding_2_is_told_the_purpose_in_the_text() -> None:
    _, body = request(gemini(), "gemini-embedding-2", "a", purpose=EmbedPurpose.QUERY)
    assert body["requests"] == [{"model": "models/gemini-embedding-2", "content": of("task: search result | query: a")}]


def test_vertex_predicts() -> None:
    sent, body = request(vertex(), "text-embedding-005", "a", "b", dimensions=64, purpose=EmbedPurpose.SIMILARITY)
    instances = [{"content": text, "task_type": "SEMANTIC_SIMILARITY"} for text in ("a", "b")]
    assert body == {"instances": instances, "parameters": {"outputDimensionality": 64}}
    assert sent.url.endswith("/publishers/google/models/text-embedding-005:predict")


def test_vertex_embeds_the_content_of_gemini_models() -> None:
    sent, body = request(vertex(), "gemini-embedding-2", "a", dimensions=64)
    assert body == {"content": of("a"), "embedContentConfig": {"outputDimensionality": 64}}
    assert sent.url.endswith(":embedContent")


@pytest.mark.parametrize("model", ["gemini-embedding-2", "gemini-embedding-001"])
def test_vertex_takes_several_texts_of_gemini_models_in_a_batch(model: str) -> None:
    """Their predict takes one text only."""
    sent, body = request(vertex(), model, "a", "b")
    assert body == {"requests": [{"content": of("a")}, {"content": of("b")}]}
    assert sent.url.endswith(":batchEmbedContents")


def test_options_go_with_each_text_or_with_all() -> None:
    options = {"gemini": '{"title":"T"}', "vertex": '{"title":"T","auto_truncate":false}'}
    assert request(gemini(), "gemini-embedding-001", "a", provider_options=options)[1]["requests"][0]["title"] == "T"
    assert request(vertex(), "text-embedding-005", "a", provider_options=options)[1] == {
        "instances": [{"content": "a", "title": "T"}],
        "parameters": {"autoTruncate": False},
    }


@pytest.mark.parametrize("options", ['{"content":{}}', '{"output_dimensionality":3}', '{"taskType":"X"}'])
def test_options_override_nothing(options: str) -> None:
    with pytest.raises(RequestInvalid):
        request(gemini(), "m", "a", purpose=EmbedPurpose.QUERY, provider_options={"gemini": options})


def test_tokens_are_invalid() -> None:
    spec = EmbedSpec(model="m", inputs=("a", (1, 2)))
    with pytest.raises(RequestInvalid) as caught:
        gemini().build(spec, stream=False, model="gemini-embedding-001", secret=None)
    assert caught.value.violations[0].field == "embed.inputs"


def test_claude_has_no_embeddings() -> None:
    with pytest.raises(RequestInvalid):
        request(vertex(), "claude-sonnet-4-5", "a")


def answer(body: Json) -> tuple[list[bytes], Usage | None]:
    """The vectors and the usage in an answer."""
    events = read(vertex(), [json.dumps(body).encode()], "application/json", Operation.EMBED)
    last = events[-1]
    assert isinstance(last, Finished)
    return [vector for event in events if isinstance(event, EmbeddingsAdded) for vector in event.vectors], last.usage


def test_tokens_of_predictions_are_added_up() -> None:
    def one(value: float, tokens: float) -> Json:
        return {"embeddings": {"values": [value], "statistics": {"token_count": tokens, "truncated": False}}}

    vectors, usage = answer({"predictions": [one(0.5, 3), one(1, 4.0)]})
    assert vectors == [struct.pack("<f", 0.5), struct.pack("<f", 1.0)]
    assert usage == Usage(input_uncached_tokens=7, final=True)


def test_an_answer_without_counts_has_no_usage() -> None:
    assert answer({"embeddings": [{"values": [1]}]}) == ([struct.pack("<f", 1.0)], None)


@pytest.mark.parametrize(
    "body", [{}, {"embeddings": [{"values": [1]}, {"values": [1, 2]}]}, {"embedding": {}}, {"embeddings": 7}]
)
def test_answers_of_another_shape_are_not_of_the_protocol(body: Json) -> None:
    with pytest.raises(UpstreamProtocol):
        answer(body)


def test_an_error_inside_a_200_is_classified() -> None:
    with pytest.raises(ProviderThrottled):
        answer({"error": {"status": "RESOURCE_EXHAUSTED"}})


@pytest.mark.parametrize(
    ("model", "length"),
    [
        ("gemini-embedding-001", 3072),
        ("models/gemini-embedding-2-preview", 3072),
        ("text-embedding-005", 768),
        ("publishers/google/models/text-embedding-004@default", 768),
        ("mine", None),
    ],
)
def test_default_dimensions(model: str, length: int | None) -> None:
    assert gemini().default_dimensions(model) == length
    assert vertex().default_dimensions(model) == length
