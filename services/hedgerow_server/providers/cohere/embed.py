"""The reader of embeddings."""

from hedgerow_server.core.event import EmbeddingsAdded, Event, Finished, FinishReason, Started
from hedgerow_server.providers.cohere.answer import read_embeddings
from hedgerow_server.providers.cohere.usage import read_usage
from hedgerow_server.providers.document import Document
from hedgerow_server.providers.refusal import protocol_error
from hedgerow_server.providers.vectors import checked

_FLOAT_TYPES = ("float", "base64")


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
        answer = read_embeddings(self._document.text())
        if answer is None:
            raise protocol_error(self._provider, "a body that is not the JSON of embeddings")
        found = answer.embeddings
        if isinstance(found, dict):
            # Each type has all vectors; the other ones are of whole numbers.
            found = next((found[kind] for kind in _FLOAT_TYPES if found.get(kind)), None)
        vectors = checked(self._provider, found if isinstance(found, list) else [])
        usage = read_usage(answer.meta)
        return [Started(), EmbeddingsAdded(vectors), Finished(FinishReason.STOP, "", usage)]
