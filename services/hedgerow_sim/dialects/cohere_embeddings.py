"""Cohere Embed, version 2, of Cohere's own API and of Bedrock.

Wire format: https://docs.cohere.com/reference/embed
"""

import binascii
import struct
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, Literal

import msgspec

from hedgerow_sim import tokens
from hedgerow_sim.dialects import cohere_errors, shape
from hedgerow_sim.dialects.cohere_errors import misfit, refuse
from hedgerow_sim.dialects.job import DocumentJob
from hedgerow_sim.dialects.openai_errors import bearer
from hedgerow_sim.dialects.port import Incoming, Job, Refusal, Refused
from hedgerow_sim.vectors import Vectors

_PATH: Final = "/v2/embed"
_SIZES: Final = (256, 512, 1024, 1536)
_NEWEST: Final = "embed-v4"
_DIMENSIONS: Final[Mapping[str, int]] = MappingProxyType(
    {"embed-english-light-v3.0": 384, "embed-multilingual-light-v3.0": 384}
)
_MOST: Final = 96

Kind = Literal["float", "int8", "uint8", "binary", "ubinary", "base64"]
Fields = dict[str, Any]


class Embed(msgspec.Struct, forbid_unknown_fields=True):
    """A request."""

    model: str = ""
    """The model; on Bedrock it stands in the path."""
    input_type: Literal["search_document", "search_query", "classification", "clustering", "image"] | None = None
    """What the vectors are for."""
    texts: list[str] | None = None
    """What to embed."""
    images: list[str] | None = None
    """Data URLs."""
    inputs: list[Fields] | None = None
    """Texts and images mixed."""
    embedding_types: list[Kind] | None = None
    """Number formats; float by default."""
    output_dimension: int | None = None
    """Of the newest models."""
    max_tokens: int | None = None
    """Where to cut an input."""
    truncate: Literal["NONE", "START", "END", "LEFT", "RIGHT"] | None = None
    """How to cut it."""
    priority: int | None = None
    """Not used."""


class CohereEmbeddings:
    """The dialect."""

    def __init__(self, vectors: Vectors) -> None:
        self._vectors = vectors

    def serves(self, path: str) -> bool:
        """See Dialect."""
        return path == _PATH

    def key(self, incoming: Incoming) -> str | None:
        """The bearer key."""
        return bearer(incoming)

    def read(self, incoming: Incoming) -> Job:
        """See Dialect."""
        asked = decode(incoming.body)
        if not asked.model:
            raise refuse("model is required")
        contents = inputs(asked)
        total = sum(map(tokens.count, contents))

        def write(call: int) -> tuple[Mapping[str, str], bytes]:
            meta = {"api_version": {"version": "2"}, "billed_units": {"input_tokens": total, "image_tokens": 0}}
            body = {
                "id": cohere_errors.uuid_of(call),
                "texts": asked.texts or [],
                "embeddings": by_type(asked, contents, self._vectors),
                "meta": meta,
                "response_type": "embeddings_by_type",
            }
            return cohere_errors.headers("application/json", call), msgspec.json.encode(body)

        return DocumentJob(asked.model, total, write)

    def refusal(self, refusal: Refusal, call: int, _incoming: Incoming) -> Refused:
        """See Dialect."""
        return cohere_errors.answer(refusal, call)


def decode(body: bytes, model: str | None = None) -> Embed:
    """Reads a body; `model` comes from elsewhere on other platforms. Raises Refusal."""
    try:
        asked = shape.decode(body, Embed)
    except shape.Misfit as exc:
        raise misfit(exc) from None
    asked.model = model or asked.model
    if asked.input_type is None:
        raise refuse("input_type is required for the embed API with models v3 and higher")
    size = asked.output_dimension
    if size is not None and (size not in _SIZES or _NEWEST not in asked.model):
        raise refuse(
            f"output_dimension {size} is not supported by the model; use one of {list(_SIZES)} with embed-v4.0"
        )
    return asked


def inputs(asked: Embed) -> list[str]:
    """What to embed, as texts: images are told apart by their data. Raises Refusal."""
    mixed = [" ".join(_texts(one)) for one in asked.inputs or ()]
    given = [*(asked.texts or ()), *(asked.images or ()), *mixed]
    if not given:
        raise refuse("at least one of texts, images or inputs must be specified")
    if len(given) > _MOST:
        raise refuse(f"total number of texts must be at most {_MOST} - received {len(given)}")
    return given


def _texts(one: Fields) -> Sequence[str]:
    parts = one.get("content") or ()
    return [str(part.get("text") or part.get("image_url")) for part in parts if isinstance(part, dict)]


def by_type(asked: Embed, contents: Sequence[str], vectors: Vectors) -> Fields:
    """The vectors in each format that was asked for."""
    size = asked.output_dimension or (1536 if _NEWEST in asked.model else _DIMENSIONS.get(asked.model, 1024))
    encoded = [one.encode("utf-8", "surrogatepass") for one in contents]
    rows: Fields = {}
    for kind in asked.embedding_types or ("float",):
        if kind == "float":
            rows[kind] = [msgspec.Raw(vectors.text(asked.model, size, one)) for one in encoded]
        else:
            rows[kind] = [_FORMATS[kind](vectors.binary(asked.model, size, one)) for one in encoded]
    return rows


def _floats(packed: bytes) -> tuple[float, ...]:
    return struct.unpack(f"<{len(packed) // 4}f", packed)


def _int8(packed: bytes) -> list[int]:
    values = _floats(packed)
    most = max(map(abs, values)) or 1.0
    return [round(value / most * 127) for value in values]


def _bits(packed: bytes) -> list[int]:
    """Eight signs a byte, the first in the highest bit."""
    signs = [value > 0 for value in _floats(packed)]
    return [sum(sign << (7 - bit) for bit, sign in enumerate(signs[at : at + 8])) for at in range(0, len(signs), 8)]


_FORMATS: Final[Mapping[str, Callable[[bytes], Any]]] = MappingProxyType(
    {
        "int8": _int8,
        "uint8": lambda packed: [value + 128 for value in _int8(packed)],
        "ubinary": _bits,
        "binary": lambda packed: [value - 128 for value in _bits(packed)],
        "base64": lambda packed: binascii.b2a_base64(packed, newline=False).decode(),
    }
)
