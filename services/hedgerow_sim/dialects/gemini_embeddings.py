"""Google's embeddings: embedContent, batchEmbedContents and Vertex AI's predict.

Wire format: https://ai.google.dev/api/embeddings,
https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

from hedgerow_sim import tokens
from hedgerow_sim.dialects import gemini_shape, google_errors
from hedgerow_sim.dialects.gemini_shape import Content
from hedgerow_sim.dialects.google_errors import refuse
from hedgerow_sim.dialects.job import DocumentJob
from hedgerow_sim.dialects.port import Job
from hedgerow_sim.vectors import Vectors

_DIMENSIONS: Final[Mapping[str, int]] = MappingProxyType({"text-embedding-004": 768, "text-embedding-005": 768})
_DEFAULT: Final = 3072
_MOST_BATCH: Final = 100
_MOST_INSTANCES: Final = 250


class _Config(msgspec.Struct, rename="camel"):
    output_dimensionality: int | None = None


class _Embed(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    content: Content
    model: str | None = None
    task_type: str | None = None
    title: str | None = None
    output_dimensionality: int | None = None
    auto_truncate: bool | None = None
    embed_content_config: _Config | None = None

    @property
    def size(self) -> int | None:
        """The dimensions asked for: newer clients ask in the configuration."""
        newer = self.embed_content_config or _Config()
        return self.output_dimensionality or newer.output_dimensionality


class _Batch(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    requests: list[_Embed]


class _Instance(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    content: str
    task_type: str | None = None
    title: str | None = None


class _Parameters(msgspec.Struct, rename="camel", forbid_unknown_fields=True, frozen=True):
    output_dimensionality: int | None = None
    auto_truncate: bool | None = None


class _Predict(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    instances: list[_Instance]
    parameters: _Parameters = _Parameters()


def read(method: str, model: str, body: bytes, vectors: Vectors, *, vertex: bool) -> Job:
    """The job of a request. Raises Refusal."""
    writer = _Writer(model, vectors)
    if method == "predict":
        total, answer = writer.predict(gemini_shape.read(body, _Predict))
    elif method == "embedContent":
        total, answer = writer.one(gemini_shape.read(body, _Embed), vertex=vertex)
    else:
        total, answer = writer.batch(gemini_shape.read(body, _Batch))
    return DocumentJob(model, total, lambda _call: (google_errors.headers(), answer))


class _Writer:
    def __init__(self, model: str, vectors: Vectors) -> None:
        self._model = model
        self._most = _DIMENSIONS.get(model, _DEFAULT)
        self._vectors = vectors

    def _values(self, text: str, wanted: int | None) -> msgspec.Raw:
        if wanted is not None and not 1 <= wanted <= self._most:
            raise refuse(f"output_dimensionality must be between 1 and {self._most}, but got {wanted}.")
        return msgspec.Raw(self._vectors.text(self._model, wanted or self._most, text.encode("utf-8", "surrogatepass")))

    def one(self, asked: _Embed, *, vertex: bool) -> tuple[int, bytes]:
        text = _text("EmbedContentRequest.content", asked.content)
        total = tokens.count(text)
        body: dict[str, Any] = {"embedding": {"values": self._values(text, asked.size)}}
        if vertex:
            details = [{"modality": "TEXT", "tokenCount": total}]
            usage = {"promptTokenCount": total, "promptTokensDetails": details, "totalTokenCount": total}
            body["usageMetadata"] = usage
        return total, msgspec.json.encode(body)

    def batch(self, asked: _Batch) -> tuple[int, bytes]:
        if not asked.requests:
            raise refuse("* BatchEmbedContentsRequest.requests: requests is not specified\n")
        if len(asked.requests) > _MOST_BATCH:
            raise refuse(f"* BatchEmbedContentsRequest.requests: at most {_MOST_BATCH} requests can be in one batch\n")
        texts = []
        for index, one in enumerate(asked.requests):
            if one.model is None:
                raise refuse(f"* BatchEmbedContentsRequest.requests[{index}].model: model is not specified\n")
            if one.model.removeprefix("models/") != self._model:
                raise refuse(
                    f"* BatchEmbedContentsRequest.requests[{index}].model: the model in the request must match the "
                    f"model in the path, models/{self._model}\n"
                )
            texts.append(_text(f"BatchEmbedContentsRequest.requests[{index}].content", one.content))
        rows = [{"values": self._values(text, one.size)} for text, one in zip(texts, asked.requests, strict=True)]
        total = sum(map(tokens.count, texts))
        details = [{"modality": "TEXT", "tokenCount": total}]
        usage = {"promptTokenCount": total, "promptTokenDetails": details}
        return total, msgspec.json.encode({"embeddings": rows, "usageMetadata": usage})

    def predict(self, asked: _Predict) -> tuple[int, bytes]:
        most = 1 if self._model.startswith("gemini-embedding") else _MOST_INSTANCES
        if not 1 <= len(asked.instances) <= most:
            raise refuse(f"{len(asked.instances)} instance(s) is not allowed. Min Instances: 1, Max Instances: {most}")
        predictions = []
        total = 0
        for one in asked.instances:
            if not one.content:
                raise refuse("The text content is empty.")
            count = tokens.count(one.content)
            total += count
            values = self._values(one.content, asked.parameters.output_dimensionality)
            statistics = {"token_count": count, "truncated": False}
            predictions.append({"embeddings": {"statistics": statistics, "values": values}})
        billable = sum(len("".join(one.content.split())) for one in asked.instances)
        return total, msgspec.json.encode(
            {"predictions": predictions, "metadata": {"billableCharacterCount": billable}}
        )


def _text(at: str, content: Content) -> str:
    text = "\n".join(part.text or "" for part in content.parts)
    if not text:
        raise refuse(f"* {at}: content is empty\n")
    return text
