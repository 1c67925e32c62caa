"""Embeddings of Google's three methods: batchEmbedContents and embedContent
(https://ai.google.dev/api/embeddings), and Vertex AI's predict
(https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api).
"""

from typing import Any

import msgspec

from hedgerow_server.core.event import Event, Usage
from hedgerow_server.core.request import EmbedPurpose, EmbedSpec
from hedgerow_server.providers.draft import Draft
from hedgerow_server.providers.google.errors import camel, error_within
from hedgerow_server.providers.loose import tolerant
from hedgerow_server.providers.reading import DocumentReader
from hedgerow_server.providers.refusal import protocol_error
from hedgerow_server.providers.vectors import batch_events
from hedgerow_server.providers.watch import Watch

_FIELD = "embed.provider_options"
_TASKS = {
    EmbedPurpose.QUERY: "RETRIEVAL_QUERY",
    EmbedPurpose.DOCUMENT: "RETRIEVAL_DOCUMENT",
    EmbedPurpose.CLASSIFICATION: "CLASSIFICATION",
    EmbedPurpose.CLUSTERING: "CLUSTERING",
    EmbedPurpose.SIMILARITY: "SEMANTIC_SIMILARITY",
}
# Models since gemini-embedding-2 are told the task in the text: https://ai.google.dev/gemini-api/docs/embeddings.
_PREFIXES = {
    EmbedPurpose.QUERY: "task: search result | query: ",
    EmbedPurpose.DOCUMENT: "title: none | text: ",
    EmbedPurpose.CLASSIFICATION: "task: classification | query: ",
    EmbedPurpose.CLUSTERING: "task: clustering | query: ",
    EmbedPurpose.SIMILARITY: "task: sentence similarity | query: ",
}
_BY_TASK_TYPE = ("gemini-embedding-001", "gemini-embedding-exp", "text-", "embedding-", "textembedding-")
_GATEWAYS_OWN = frozenset({"model", "content", "outputDimensionality"})
_DIMENSIONS = {
    "gemini-embedding-001": 3072,
    "gemini-embedding-2": 3072,
    "text-embedding-004": 768,
    "text-embedding-005": 768,
    "text-multilingual-embedding-002": 768,
}
_OF_INSTANCES = {"taskType": "task_type", "title": "title"}  # what predict takes with each text, and its word for it


def default_dimensions(model: str) -> int | None:
    """The length of a model's vectors when none is asked for; None for models that are not known."""
    return _DIMENSIONS.get(model.rpartition("/")[2].partition("@")[0].removesuffix("-preview"))


class _TextPart(msgspec.Struct):
    text: str


class _Content(msgspec.Struct):
    parts: list[_TextPart]


class Batch:
    """The texts of one request, and what is said of each. Raises RequestInvalid for inputs that are no text."""

    __slots__ = ("options", "texts")

    def __init__(self, spec: EmbedSpec, draft: Draft, *, model: str) -> None:
        texts = [text for text in spec.inputs if isinstance(text, str)]
        if len(texts) != len(spec.inputs):
            raise draft.invalid("embed.inputs", "must be text: the provider takes no token_ids")
        at, given = draft.options(spec, _FIELD)
        members = {camel(name): value for name, value in given.items()}
        told = model.rpartition("/")[2].startswith(_BY_TASK_TYPE)
        forbidden = _GATEWAYS_OWN | {"taskType"} if spec.purpose is not None else _GATEWAYS_OWN
        if taken := sorted(members.keys() & forbidden):
            raise draft.invalid(at, f"must not hold {taken[0]!r}, which the gateway sets itself")
        self.options: dict[str, Any] = dict(members)
        """What is said of each text: taskType, title, outputDimensionality and the caller's options."""
        if spec.purpose is not None and told:
            self.options["taskType"] = _TASKS[spec.purpose]
        if spec.dimensions is not None:
            self.options["outputDimensionality"] = spec.dimensions
        prefix = _PREFIXES[spec.purpose] if spec.purpose is not None and not told else ""
        self.texts = [prefix + text for text in texts]

    def contents(self) -> list[_Content]:
        """The texts as contents."""
        return [_Content([_TextPart(text)]) for text in self.texts]


def gemini_body(batch: Batch, model: str) -> bytes:
    """The body of the Gemini API's batchEmbedContents; `model` is the full name."""
    return msgspec.json.encode(
        {"requests": [{"model": model, "content": content, **batch.options} for content in batch.contents()]}
    )


def vertex_body(batch: Batch) -> bytes:
    """The body of Vertex AI's embedContent for one text, else of its batchEmbedContents."""
    config = {"embedContentConfig": batch.options} if batch.options else {}
    requests = [{"content": content, **config} for content in batch.contents()]
    return msgspec.json.encode(requests[0] if len(requests) == 1 else {"requests": requests})


def predict_body(batch: Batch) -> bytes:
    """The body of Vertex AI's predict."""
    of_each = {_OF_INSTANCES[name]: value for name, value in batch.options.items() if name in _OF_INSTANCES}
    parameters = {name: value for name, value in batch.options.items() if name not in _OF_INSTANCES}
    body: dict[str, Any] = {"instances": [{"content": text, **of_each} for text in batch.texts]}
    return msgspec.json.encode({**body, "parameters": parameters} if parameters else body)


class _Statistics(msgspec.Struct):
    token_count: Any = None


class _Values(msgspec.Struct):
    values: Any = None
    statistics: _Statistics | None = None


class _Prediction(msgspec.Struct):
    embeddings: _Values | None = None


class _Counts(msgspec.Struct, rename="camel"):
    prompt_token_count: Any = None


class _Embedded(msgspec.Struct, rename="camel"):
    embeddings: list[_Values] | None = None
    embedding: _Values | None = None
    predictions: list[_Prediction] | None = None
    usage_metadata: _Counts | None = None
    error: Any = None


_read = tolerant(_Embedded)


def embed_reader(provider: str, watch: Watch) -> DocumentReader:
    """A reader of the embeddings of one batch."""
    return DocumentReader(provider, lambda text: _events(provider, text), watch)


def _events(provider: str, text: bytes) -> list[Event]:
    embedded = _read(text)
    if embedded is None:
        raise protocol_error(provider, "a body that is not the JSON of embeddings")
    if embedded.error:
        raise error_within(provider, embedded.error)
    found = [*(embedded.embeddings or ()), *([embedded.embedding] if embedded.embedding is not None else ())]
    found += [one.embeddings or _Values() for one in embedded.predictions or ()]
    return batch_events(provider, [one.values for one in found], _usage(embedded, found))


def _usage(embedded: _Embedded, found: list[_Values]) -> Usage | None:
    """The tokens of the batch, by its own count or by those of its texts."""
    if embedded.usage_metadata is not None:
        counts = [embedded.usage_metadata.prompt_token_count]
    else:
        counts = [one.statistics.token_count if one.statistics is not None else None for one in found]
    # Some versions write counts as floats.
    tokens = [int(count) for count in counts if isinstance(count, int | float) and 0 <= count < 1 << 40]
    if len(tokens) != len(counts):
        return None
    return Usage(input_uncached_tokens=sum(tokens), final=True)
