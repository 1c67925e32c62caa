"""The reader of embeddings."""

import base64
import binascii
import math
import sys
from array import array

import msgspec

from hedgerow_server.core.event import EmbeddingsAdded, Event, Finished, FinishReason, Started
from hedgerow_server.providers.document import Document
from hedgerow_server.providers.openai.answer import Vector, decode_embeddings, text_of
from hedgerow_server.providers.openai.errors import error_within
from hedgerow_server.providers.openai.usage import read_usage
from hedgerow_server.providers.refusal import protocol_error


class EmbedReader:
    """Reads the embeddings of one batch, a JSON document of at most 64 MiB. All events come with its end."""

    __slots__ = ("_document", "_provider", "done")

    def __init__(self, provider: str) -> None:
        self._provider = provider
        self._document = Document(provider)
        self.done = False

    def feed(self, data: bytes) -> list[Event]:
        """Keeps the bytes. Raises UpstreamProtocol above the limit."""
        self._document.add(data)
        return []

    def finish(self) -> list[Event]:
        """Started, the vectors in the order of their inputs, Finished. The caller checks their number."""
        try:
            embeddings = decode_embeddings(self._document.text())
        except (msgspec.DecodeError, RecursionError):
            raise protocol_error(self._provider, "a body that is not the JSON of embeddings") from None
        if embeddings.error:
            raise error_within(self._provider, embeddings.error)
        vectors = [self._floats(vector) for vector in self._ordered(embeddings.data or [])]
        if len({len(vector) for vector in vectors}) != 1:
            raise protocol_error(self._provider, "no embeddings or embeddings of different lengths")
        return [
            Started(model=text_of(embeddings.model)),
            EmbeddingsAdded(vectors),
            Finished(FinishReason.STOP, "", read_usage(embeddings.usage)),
        ]

    def _ordered(self, data: list[Vector]) -> list[Vector]:
        if all(vector.index is None for vector in data):
            return data
        by_index = {vector.index: vector for vector in data}
        if by_index.keys() != set(range(len(data))):
            raise protocol_error(self._provider, "embeddings whose indices have gaps")
        return [by_index[index] for index in range(len(data))]

    def _floats(self, vector: Vector) -> bytes:
        """Little-endian 32-bit floats, all of them finite."""
        if isinstance(vector.embedding, str):
            try:
                packed = base64.b64decode(vector.embedding, validate=True)
            except binascii.Error:
                raise protocol_error(self._provider, "an embedding that is not base64") from None
        else:
            packed = _pack(vector.embedding)
        if not packed or len(packed) % 4 or not _finite(packed):
            raise protocol_error(self._provider, "an embedding that is not of finite 32-bit floats")
        return packed


def _pack(numbers: list[float]) -> bytes:
    floats = array("f", numbers)
    if sys.byteorder == "big":
        floats.byteswap()
    return floats.tobytes()


def _finite(packed: bytes) -> bool:
    # Only floats of 2^127 and more have a top byte of 0x7f or 0xff: looking for these two is far cheaper than looking
    # at each float.
    top = packed[3::4]
    if b"\x7f" not in top and b"\xff" not in top:
        return True
    floats = array("f", packed)
    if sys.byteorder == "big":
        floats.byteswap()
    return all(map(math.isfinite, floats))
