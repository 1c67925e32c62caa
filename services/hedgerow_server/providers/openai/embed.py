"""The reader of embeddings."""

import base64
from array import array

from hedgerow_server.core.event import Event
from hedgerow_server.providers.loose import text_of
from hedgerow_server.providers.openai.answer import Vector, read_embeddings
from hedgerow_server.providers.openai.errors import check_bare_error, told_error
from hedgerow_server.providers.openai.quirks import Quirks
from hedgerow_server.providers.openai.usage import read_usage
from hedgerow_server.providers.reading import DocumentReader
from hedgerow_server.providers.refusal import protocol_error
from hedgerow_server.providers.vectors import batch_events
from hedgerow_server.providers.watch import Watch


def embed_reader(provider: str, quirks: Quirks, watch: Watch) -> DocumentReader:
    """A reader of the embeddings of one batch."""
    int8 = quirks.vector_encoding == "base64_int8"
    return DocumentReader(provider, lambda text: _events(provider, text, int8=int8), watch)


def _events(provider: str, text: bytes, *, int8: bool) -> list[Event]:
    embeddings = read_embeddings(text)
    if embeddings is None:
        raise protocol_error(provider, "a body that is not the JSON of embeddings")
    if embeddings.error:
        raise told_error(provider, embeddings.error, text)
    if embeddings.data is None:
        check_bare_error(provider, text)
    vectors: list[object] = [vector.embedding for vector in _ordered(provider, embeddings.data or [])]
    if int8:
        vectors = [_numbers(provider, vector) if isinstance(vector, str) else vector for vector in vectors]
    return batch_events(provider, vectors, read_usage(embeddings.usage), model=text_of(embeddings.model))


def _ordered(provider: str, data: list[Vector]) -> list[Vector]:
    if all(vector.index is None for vector in data):
        return data
    # Gemini leaves an index out that is 0.
    by_index = {vector.index or 0: vector for vector in data}
    if by_index.keys() != set(range(len(data))):
        raise protocol_error(provider, "embeddings whose indices have gaps")
    return [by_index[index] for index in range(len(data))]


def _numbers(provider: str, encoded: str) -> list[float]:
    """The numbers behind base64 of 8-bit integers."""
    try:
        return [float(number) for number in array("b", base64.b64decode(encoded, validate=True))]
    except ValueError:  # binascii's error is one, too
        raise protocol_error(provider, "an embedding that is not base64") from None
