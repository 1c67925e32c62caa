"""Embeddings through InvokeModel, in the words of the model's maker: Amazon Titan and Nova, and Cohere.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html,
https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-embed.html and
https://docs.aws.amazon.com/nova/latest/userguide/embeddings-schema.html.
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from hedgerow_server.core.event import Event, Usage
from hedgerow_server.core.port import NO_HEADERS
from hedgerow_server.core.request import EmbedPurpose, EmbedSpec
from hedgerow_server.providers.draft import Draft
from hedgerow_server.providers.loose import tolerant
from hedgerow_server.providers.reading import DocumentReader
from hedgerow_server.providers.refusal import protocol_error
from hedgerow_server.providers.vectors import batch_events
from hedgerow_server.providers.watch import Watch

_TOKENS = "x-amzn-bedrock-input-token-count"
_COUNT = re.compile(r"\d{1,15}", re.ASCII)
_TITAN = "titan-embed-text-v2"
_OLD_TITAN = ("titan-embed-text-v1", "titan-embed-g1-text")
_TITAN_IMAGE = "titan-embed-image"
_COHERE = "cohere.embed"
_COHERE_4 = "cohere.embed-v4"
_NOVA = "nova-2-multimodal-embeddings"
_DIMENSIONS = {
    _TITAN: 1024,
    "titan-embed-text-v1": 1536,
    "titan-embed-g1-text": 1536,
    _TITAN_IMAGE: 1024,
    _COHERE_4: 1536,
    _COHERE: 1024,
    _NOVA: 3072,
}
_PURPOSE = "embed.purpose"
_COHERE_PURPOSES = {
    EmbedPurpose.QUERY: "search_query",
    EmbedPurpose.DOCUMENT: "search_document",
    EmbedPurpose.CLASSIFICATION: "classification",
    EmbedPurpose.CLUSTERING: "clustering",
    EmbedPurpose.SIMILARITY: "clustering",
}
_NOVA_PURPOSES = {
    EmbedPurpose.QUERY: "GENERIC_RETRIEVAL",
    EmbedPurpose.DOCUMENT: "GENERIC_INDEX",
    EmbedPurpose.CLASSIFICATION: "CLASSIFICATION",
    EmbedPurpose.CLUSTERING: "CLUSTERING",
    EmbedPurpose.SIMILARITY: "CLUSTERING",
}
_MEMBERS = frozenset(
    {
        "inputText",
        "dimensions",
        "embeddingTypes",
        "embeddingConfig",
        "texts",
        "images",
        "inputs",
        "input_type",
        "embedding_types",
        "output_dimension",
        "taskType",
        "singleEmbeddingParams",
        "segmentedEmbeddingParams",
    }
)


def default_dimensions(model: str) -> int | None:
    """The length of a model's vectors when none is asked for, where it is known."""
    return next((length for part, length in _DIMENSIONS.items() if part in model), None)


def embed_body(spec: EmbedSpec, draft: Draft, *, model: str) -> bytes:
    """The body of a batch; which words it takes the model's id tells. Raises RequestInvalid."""
    texts = [text for text in spec.inputs if isinstance(text, str)]
    if len(texts) < len(spec.inputs):
        raise draft.invalid("embed.inputs", "must be text: the provider takes no token_ids")
    if _COHERE in model:
        body = _cohere(spec, texts, draft, model)
    elif _NOVA in model:
        body = _nova(spec, _only(texts, draft), draft)
    else:
        body = _titan(spec, _only(texts, draft), draft, model)
    return draft.with_options(msgspec.json.encode(body), spec, "embed.provider_options", _MEMBERS)


def _only(texts: list[str], draft: Draft) -> str:
    if len(texts) != 1:
        raise draft.invalid("embed.inputs", "must be one: the model takes no more in a request (embed_batch_limit)")
    return texts[0]


def _cohere(spec: EmbedSpec, texts: list[str], draft: Draft, model: str) -> dict[str, Any]:
    _note_similarity(spec, draft)
    purpose = _COHERE_PURPOSES.get(spec.purpose or EmbedPurpose.DOCUMENT)
    body: dict[str, Any] = {"texts": texts, "input_type": purpose, "embedding_types": ["float"]}
    if spec.dimensions is not None:
        if _COHERE_4 not in model:
            raise draft.invalid("embed.dimensions", "must be unset: the model has one length only")
        body["output_dimension"] = spec.dimensions
    return body


def _nova(spec: EmbedSpec, text: str, draft: Draft) -> dict[str, Any]:
    _note_similarity(spec, draft)
    single: dict[str, Any] = {
        "embeddingPurpose": _NOVA_PURPOSES[spec.purpose or EmbedPurpose.DOCUMENT],
        # Required; what is cut off silently would be another text.
        "text": {"value": text, "truncationMode": "NONE"},
    }
    if spec.dimensions is not None:
        single["embeddingDimension"] = spec.dimensions
    return {"taskType": "SINGLE_EMBEDDING", "singleEmbeddingParams": single}


def _titan(spec: EmbedSpec, text: str, draft: Draft, model: str) -> dict[str, Any]:
    body: dict[str, Any] = {"inputText": text}
    if _TITAN not in model and _TITAN_IMAGE not in model and not any(one in model for one in _OLD_TITAN):
        raise draft.invalid("embed.model", "must be an embedding model of Titan, Nova or Cohere, by its id")
    if spec.dimensions is not None:
        if _TITAN in model:
            body["dimensions"] = spec.dimensions
        elif _TITAN_IMAGE in model:
            body["embeddingConfig"] = {"outputEmbeddingLength": spec.dimensions}
        else:
            raise draft.invalid("embed.dimensions", "must be unset: the model has one length only")
    return body


def _note_similarity(spec: EmbedSpec, draft: Draft) -> None:
    if spec.purpose is EmbedPurpose.SIMILARITY:
        draft.changed(_PURPOSE, "The model has no such purpose; it was given that of clustering.")


class Embeddings(msgspec.Struct, rename="camel"):
    """The vectors of a batch, in one of four shapes, and the tokens where the model counts them."""

    embedding: Any = None
    embeddings_by_type: Any = None
    embeddings: Any = None
    input_text_token_count: Any = None


_read = tolerant(Embeddings)


def embed_reader(provider: str, watch: Watch, headers: Mapping[str, str] = NO_HEADERS) -> DocumentReader:
    """A reader of the embeddings of one batch. Cohere's and Nova's models count their tokens in a header only."""
    told = headers.get(_TOKENS, "")
    counted = int(told) if _COUNT.fullmatch(told) else None
    return DocumentReader(provider, lambda text: _events(provider, text, counted), watch)


def _events(provider: str, text: bytes, counted: int | None) -> list[Event]:
    answer = _read(text)
    if answer is None:
        raise protocol_error(provider, "a body that is not the JSON of embeddings")
    count = answer.input_text_token_count
    if count is None:
        count = counted
    known = type(count) is int and 0 <= count < 1 << 40
    return batch_events(provider, _vectors(answer), Usage(input_uncached_tokens=count, final=True) if known else None)


def _vectors(answer: Embeddings) -> list[object]:
    if answer.embedding is not None:  # Titan
        return [answer.embedding]
    if isinstance(answer.embeddings_by_type, dict):  # Titan, where only some types were asked for
        return [answer.embeddings_by_type.get("float")]
    found = answer.embeddings
    if isinstance(found, dict):  # Cohere, by type
        found = found.get("float")
    if not isinstance(found, list):
        return []
    # Nova's vectors are objects, Cohere's are bare.
    return [vector.get("embedding") if isinstance(vector, dict) else vector for vector in found]
