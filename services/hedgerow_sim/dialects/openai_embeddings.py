"""OpenAI Embeddings.

Wire format: https://platform.openai.com/docs/api-reference/embeddings
"""

import array
import binascii
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import msgspec

from hedgerow_sim import tokens
from hedgerow_sim.dialects import openai_checks as checks
from hedgerow_sim.dialects import openai_errors
from hedgerow_sim.dialects.job import DocumentJob
from hedgerow_sim.dialects.openai_checks import Fields
from hedgerow_sim.dialects.port import Incoming, Job, Refusal, Refused
from hedgerow_sim.vectors import Vectors

_PATH: Final = "/embeddings"
_DIMENSIONS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "text-embedding-3-small": 1536,
        "text-embedding-3-large": 3072,
        "text-embedding-ada-002": 1536,
    }
)
_DEFAULT_DIMENSIONS: Final = 256
_MOST_DIMENSIONS: Final = 8192
_FIXED_SIZE: Final = "text-embedding-ada-002"
_MOST_INPUTS: Final = 2048
_MOST_TOKENS: Final = 8192
_MOST_TOKENS_TOGETHER: Final = 300_000

Input = str | list[int]
"""A text, or token ids."""


class OpenAIEmbeddings:
    """The dialect."""

    def __init__(self, vectors: Vectors) -> None:
        self._vectors = vectors

    def serves(self, path: str) -> bool:
        """See Dialect."""
        return path.endswith(_PATH)

    def key(self, incoming: Incoming) -> str | None:
        """The bearer key."""
        return openai_errors.bearer(incoming)

    def read(self, incoming: Incoming) -> Job:
        """See Dialect."""
        return read(checks.decode(incoming.body), self._vectors)

    def refusal(self, refusal: Refusal, call: int, _incoming: Incoming) -> Refused:
        """See Dialect."""
        return openai_errors.answer(refusal, call)


def read(fields: Fields, vectors: Vectors) -> Job:
    """The job of a request. Raises Refusal."""
    answer = _Answer(fields, vectors)
    return DocumentJob(
        answer.model, answer.input_tokens, lambda call: (openai_errors.headers("application/json", call), answer.body())
    )


class _Answer:
    def __init__(self, fields: Fields, vectors: Vectors) -> None:
        self.model: str = fields["model"]
        self._inputs = _inputs(fields)
        self._dimensions = _dimensions(fields)
        self._base64 = _base64(fields)
        self._vectors = vectors
        self.input_tokens = _counted(self._inputs)

    def body(self) -> bytes:
        rows = [
            b'{"object":"embedding","index":%d,"embedding":%b}' % (index, self._vector(one))
            for index, one in enumerate(self._inputs)
        ]
        usage = {"prompt_tokens": self.input_tokens, "total_tokens": self.input_tokens}
        # The same path is Mistral's, whose answers have an id.
        named = {"id": f"embd_{self.input_tokens:024x}"} if self.model.startswith("mistral") else {}
        tail = msgspec.json.encode({**named, "model": self.model, "usage": usage})
        return b'{"object":"list","data":[' + b",".join(rows) + b"]," + tail[1:]

    def _vector(self, one: Input) -> bytes:
        content = one.encode("utf-8", "surrogatepass") if isinstance(one, str) else array.array("q", one).tobytes()
        if not self._base64:
            return self._vectors.text(self.model, self._dimensions, content)
        packed = self._vectors.binary(self.model, self._dimensions, content)
        return b'"' + binascii.b2a_base64(packed, newline=False) + b'"'


def _inputs(fields: Fields) -> Sequence[Input]:
    given = fields.get("input")
    if given is None:
        raise checks.missing("input")
    if isinstance(given, str):
        given = [given]
    elif not isinstance(given, list):
        raise checks.wrong_type("input", "one of a string or array of strings, integers or arrays of integers", given)
    checks.bounded("input", given, _MOST_INPUTS)
    if all(_is_id(one) for one in given):
        return [given]
    for one in given:
        if one == "":
            raise checks.refuse("Invalid 'input': input cannot be an empty string.", "input")
        if not isinstance(one, str) and not (isinstance(one, list) and one and all(map(_is_id, one))):
            raise checks.refuse(
                "'$.input' is invalid. Please check the API reference: https://platform.openai.com/docs/api-reference.",
            )
    return given


def _is_id(value: Any) -> bool:
    return type(value) is int and 0 <= value < 1 << 31


def _counted(inputs: Sequence[Input]) -> int:
    total = 0
    for one in inputs:
        size = tokens.count(one) if isinstance(one, str) else len(one)
        if size > _MOST_TOKENS:
            raise checks.refuse(
                f"This model's maximum context length is {_MOST_TOKENS} tokens, however you requested {size} tokens "
                f"({size} in your prompt; 0 for the completion). Please reduce your prompt; or completion length."
            )
        total += size
    if total > _MOST_TOKENS_TOGETHER:
        raise checks.refuse(
            f"Requested {total} tokens, max {_MOST_TOKENS_TOGETHER} tokens per request",
            code="max_tokens_per_request",
        )
    return total


def _dimensions(fields: Fields) -> int:
    model: str = fields["model"]
    most = _DIMENSIONS.get(model)
    if fields.get("dimensions") is None:
        return most or _DEFAULT_DIMENSIONS
    wanted = checks.whole(fields, "dimensions") or 0
    if wanted < 1:
        raise checks.refuse(f"{wanted} is less than the minimum of 1 - 'dimensions'")
    if model == _FIXED_SIZE:
        raise checks.refuse("This model does not support specifying dimensions.")
    if wanted > (most or _MOST_DIMENSIONS):
        raise checks.refuse(
            f"Invalid value for 'dimensions' = {wanted}. Must be less than or equal to {most or _MOST_DIMENSIONS}."
        )
    return wanted


def _base64(fields: Fields) -> bool:
    wanted = fields.get("encoding_format") or "float"
    if wanted not in ("float", "base64"):
        raise checks.unsupported("encoding_format", wanted, ("float", "base64"))
    return bool(wanted == "base64")
