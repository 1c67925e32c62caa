"""The reader of embeddings."""

import base64
import binascii
from array import array

import msgspec

from hedgerow_server.core.event import EmbeddingsAdded, Event, Finished, FinishReason, Started
from hedgerow_server.providers.document import Document
from hedgerow_server.providers.openai.answer import Vector, decode_embeddings, text_of
from hedgerow_server.providers.openai.errors import error_within
from hedgerow_server.providers.openai.quirks import Quirks
from hedgerow_server.providers.openai.usage import read_usage
from hedgerow_server.providers.refusal import protocol_error
from hedgerow_server.providers.vectors import checked


class EmbedReader:
    """Reads the embeddings of one batch, a JSON document of at most 64 MiB. All events come with its end."""

    __slots__ = ("_document", "_int8", "_provider", "done")

    def __init__(self, provider: str, quirks: Quirks | None = None) -> None:
        self._provider = provider
        self._int8 = quirks is not None and quirks.vector_encoding == "base64_int8"
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
        vectors = [self._numbers(vector.embedding) for vector in self._ordered(embeddings.data or [])]
        return [
            Started(model=text_of(embeddings.model)),
            EmbeddingsAdded(checked(self._provider, vectors)),
            Finished(FinishReason.STOP, "", read_usage(embeddings.usage)),
        ]

    def _ordered(self, data: list[Vector]) -> list[Vector]:
        if all(vector.index is None for vector in data):
            return data
        by_index = {vector.index: vector for vector in data}
        if by_index.keys() != set(range(len(data))):
            raise protocol_error(self._provider, "embeddings whose indices have gaps")
        return [by_index[index] for index in range(len(data))]

    def _numbers(self, embedding: str | list[float]) -> str | list[float]:
        """The numbers behind base64 of 8-bit integers; all else as it is."""
        if not (self._int8 and isinstance(embedding, str)):
            return embedding
        try:
            return [float(number) for number in array("b", base64.b64decode(embedding, validate=True))]
        except binascii.Error:
            raise protocol_error(self._provider, "an embedding that is not base64") from None
