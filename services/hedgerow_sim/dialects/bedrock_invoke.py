"""Bedrock InvokeModel: bodies in the models' own formats. Titan, Nova and Cohere embeddings, and Claude.

Wire format: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html
"""

import binascii
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

import msgspec

from hedgerow_sim import tokens
from hedgerow_sim.author import Author
from hedgerow_sim.cache import PromptCache
from hedgerow_sim.chat import Choice
from hedgerow_sim.dialects import (
    anthropic_messages,
    anthropic_request,
    bedrock_errors,
    cohere_embeddings,
    eventstream,
    shape,
)
from hedgerow_sim.dialects.bedrock_errors import misfit, refuse
from hedgerow_sim.dialects.job import ChatJob, DocumentJob
from hedgerow_sim.dialects.port import Frame, Job, Refusal
from hedgerow_sim.seals import Seals
from hedgerow_sim.vectors import Vectors

_SIZES: Final = (256, 512, 1024)
_NOVA_SIZES: Final = (256, 384, 1024, 3072)


class Rooms(NamedTuple):
    """What answers are made with."""

    author: Author
    vectors: Vectors
    seals: Seals
    cache: PromptCache


class _Titan(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    input_text: str
    dimensions: int = 1024
    normalize: bool = True
    embedding_types: tuple[Literal["float", "binary"], ...] = ("float",)


class _NovaText(msgspec.Struct, rename="camel"):
    value: str
    truncation_mode: str = "NONE"


class _NovaSingle(msgspec.Struct, rename="camel"):
    text: _NovaText
    embedding_purpose: str
    embedding_dimension: int = 3072


class _Nova(msgspec.Struct, rename="camel"):
    single_embedding_params: _NovaSingle
    task_type: Literal["SINGLE_EMBEDDING"]
    schema_version: str = "nova-multimodal-embed-v1"


def read(model: str, body: bytes, rooms: Rooms, *, stream: bool) -> Job:
    """The job of a request. Raises Refusal."""
    vectors = rooms.vectors
    # Faults are asked for by name, so the body tells too.
    if "anthropic." in model or b'"anthropic_version"' in body:
        return _claude(model, body, rooms, stream=stream)
    try:
        if "embed" in model and not stream:
            if "titan" in model:
                return _titan(model, shape.decode(body, _Titan), vectors)
            if "nova" in model:
                return _nova(model, shape.decode(body, _Nova), vectors)
            if "cohere." in model:
                return _cohere(model, body, vectors)
    except shape.Misfit as exc:
        raise misfit(exc) from None
    if model.startswith("sim-"):
        return _titan(model, _Titan("fault"), vectors)
    raise refuse("The provided model identifier is invalid.")


def _document(model: str, count: int, body: Mapping[str, Any]) -> Job:
    written = msgspec.json.encode(body)
    spent = {"x-amzn-bedrock-input-token-count": str(count), "x-amzn-bedrock-invocation-latency": "12"}
    return DocumentJob(model, count, lambda call: (bedrock_errors.headers("application/json", call) | spent, written))


def _titan(model: str, asked: _Titan, vectors: Vectors) -> Job:
    if not asked.input_text:
        raise refuse(
            "Malformed input request: expected minLength: 1, actual: 0, please reformat your input and try again."
        )
    if asked.dimensions not in _SIZES:
        raise refuse(
            f"Malformed input request: #/dimensions: {asked.dimensions} is not a valid enum value, please reformat "
            "your input and try again."
        )
    content = asked.input_text.encode("utf-8", "surrogatepass")
    values = msgspec.Raw(vectors.text(model, asked.dimensions, content))
    by_type: dict[str, Any] = {"float": values} if "float" in asked.embedding_types else {}
    if "binary" in asked.embedding_types:
        by_type["binary"] = [int(value > 0) for value in msgspec.json.decode(values)]
    count = tokens.count(asked.input_text)
    body: dict[str, Any] = {"embedding": values} if "float" in asked.embedding_types else {}
    return _document(model, count, body | {"embeddingsByType": by_type, "inputTextTokenCount": count})


def _nova(model: str, asked: _Nova, vectors: Vectors) -> Job:
    single = asked.single_embedding_params
    if single.embedding_dimension not in _NOVA_SIZES:
        raise refuse(f"Embedding dimension must be one of {list(_NOVA_SIZES)}.")
    content = single.text.value.encode("utf-8", "surrogatepass")
    values = msgspec.Raw(vectors.text(model, single.embedding_dimension, content))
    count = tokens.count(single.text.value)
    return _document(model, count, {"embeddings": [{"embeddingType": "TEXT", "embedding": values}]})


def _cohere(model: str, body: bytes, vectors: Vectors) -> Job:
    asked = cohere_embeddings.decode(body, model)
    contents = cohere_embeddings.inputs(asked)
    rows = cohere_embeddings.by_type(asked, contents, vectors)
    # The older models answer with bare vectors unless number formats are asked for.
    bare = "embed-v4" not in model and not asked.embedding_types
    answer = {
        "id": str(uuid.uuid5(uuid.NAMESPACE_OID, " ".join(contents))),
        "texts": asked.texts or [],
        "embeddings": rows["float"] if bare else rows,
        "response_type": "embeddings_floats" if bare else "embeddings_by_type",
    }
    return _document(model, sum(map(tokens.count, contents)), answer)


def _claude(model: str, body: bytes, rooms: Rooms, *, stream: bool) -> Job:
    letter = anthropic_request.read(body, rooms.seals, model=model, stream=stream)
    anthropic_request.check_version(letter, "bedrock")
    voice = anthropic_messages.Voice(letter, rooms.seals, rooms.cache)
    return ChatJob(letter.ask, rooms.author, _ClaudeVoice(voice, letter.ask.input_tokens))


class _ClaudeVoice:
    """Anthropic's voice: its events travel as chunks of an event stream."""

    def __init__(self, inner: anthropic_messages.Voice, prompt: int) -> None:
        self._inner = inner
        self._prompt = prompt

    def headers(self, call: int, *, streamed: bool) -> Mapping[str, str]:
        """See job.Voice."""
        if streamed:
            inner = {"x-amzn-bedrock-content-type": "application/json"}
            return bedrock_errors.headers("application/vnd.amazon.eventstream", call) | inner
        spent = {"x-amzn-bedrock-input-token-count": str(self._prompt)}
        return bedrock_errors.headers("application/json", call) | spent

    def failure(self, refusal: Refusal) -> bytes:
        """See job.Voice."""
        return bedrock_errors.event(refusal)

    def document(self, call: int, choices: Sequence[Choice], *, finish: bool) -> bytes:
        """See job.Voice."""
        return self._inner.document(call, choices, finish=finish)

    def events(self, call: int, choices: Sequence[Choice], *, finish: bool) -> Iterator[Frame]:
        """See job.Voice."""
        for frame in self._inner.events(call, choices, finish=finish):
            data = frame.data.partition(b"data: ")[2].rstrip()
            if b'"ping"' in data[:20]:
                continue
            if data.startswith(b'{"type":"message_stop"'):
                metrics = {
                    "inputTokenCount": self._prompt,
                    "outputTokenCount": choices[0].tokens,
                    "invocationLatency": 12,
                    "firstByteLatency": 5,
                }
                data = msgspec.json.encode({"type": "message_stop", "amazon-bedrock-invocationMetrics": metrics})
            encoded = binascii.b2a_base64(data, newline=False).decode()
            payload = eventstream.padded(msgspec.json.encode({"bytes": encoded}))
            yield Frame(eventstream.event("chunk", payload), frame.tokens, frame.delays, frame.end)
