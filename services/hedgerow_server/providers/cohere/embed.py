"""The reader of embeddings."""

from hedgerow_server.core.event import Event
from hedgerow_server.providers.cohere.answer import read_embeddings
from hedgerow_server.providers.cohere.usage import read_usage
from hedgerow_server.providers.reading import DocumentReader
from hedgerow_server.providers.refusal import protocol_error
from hedgerow_server.providers.vectors import batch_events
from hedgerow_server.providers.watch import Watch

_FLOAT_TYPES = ("float", "base64")


def embed_reader(provider: str, watch: Watch) -> DocumentReader:
    """A reader of the embeddings of one batch."""
    return DocumentReader(provider, lambda text: _events(provider, text), watch)


def _events(provider: str, text: bytes) -> list[Event]:
    answer = read_embeddings(text)
    if answer is None:
        raise protocol_error(provider, "a body that is not the JSON of embeddings")
    found = answer.embeddings
    if isinstance(found, dict):
        # Each type has all vectors; the other ones are of whole numbers.
        found = next((found[kind] for kind in _FLOAT_TYPES if found.get(kind)), None)
    return batch_events(provider, found if isinstance(found, list) else [], read_usage(answer.meta))
