"""The reader of embeddings."""

from hedgerow_server.core.event import Event
from hedgerow_server.providers.loose import text_of
from hedgerow_server.providers.ollama.answer import read_embeddings
from hedgerow_server.providers.ollama.errors import error_within
from hedgerow_server.providers.ollama.usage import read_usage
from hedgerow_server.providers.reading import DocumentReader
from hedgerow_server.providers.refusal import protocol_error
from hedgerow_server.providers.vectors import batch_events
from hedgerow_server.providers.watch import Watch


def embed_reader(provider: str, watch: Watch) -> DocumentReader:
    """A reader of the embeddings of one batch."""
    return DocumentReader(provider, lambda text: _events(provider, text), watch)


def _events(provider: str, text: bytes) -> list[Event]:
    answer = read_embeddings(text)
    if answer is None:
        raise protocol_error(provider, "a body that is not the JSON of embeddings")
    if answer.error:
        raise error_within(provider, answer.error)
    found = answer.embeddings if isinstance(answer.embeddings, list) else [answer.embedding]
    usage = read_usage(answer.prompt_eval_count, None)
    return batch_events(provider, found, usage, model=text_of(answer.model))
