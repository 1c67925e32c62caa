"""Ollama's own API: chat and embeddings."""

from collections.abc import Mapping

from hedgerow_server.core.drift import Drift
from hedgerow_server.core.error import HedgerowError
from hedgerow_server.core.port import (
    NO_HEADERS,
    CancelBilling,
    HttpRequest,
    Operation,
    Prepared,
    RateLimits,
    Reader,
)
from hedgerow_server.core.request import ChatSpec, EmbedSpec
from hedgerow_server.core.secret import Secret
from hedgerow_server.providers.cancel import OWN
from hedgerow_server.providers.draft import Draft
from hedgerow_server.providers.embed_limits import EmbedLimit, EmbedLimits
from hedgerow_server.providers.ollama.build import chat_body, embed_body
from hedgerow_server.providers.ollama.embed import embed_reader
from hedgerow_server.providers.ollama.errors import classify
from hedgerow_server.providers.ollama.known import KNOWN
from hedgerow_server.providers.ollama.read import document_reader, stream_reader
from hedgerow_server.providers.ollama.section import OllamaSection
from hedgerow_server.providers.ollama.state import DIALECT
from hedgerow_server.providers.reading import JSON, media_type
from hedgerow_server.providers.refusal import wrong_content_type
from hedgerow_server.providers.watch import Watch

__all__ = ["Ollama", "OllamaSection"]

LINES = "application/x-ndjson"
_EMBED_LIMIT = EmbedLimit(256)  # a bound of ours, so that an answer stays within reason
_DIMENSIONS = {
    "all-minilm": 384,
    "bge-large": 1024,
    "bge-m3": 1024,
    "embeddinggemma": 768,
    "mxbai-embed-large": 1024,
    "nomic-embed-text": 768,
}


class Ollama:
    """One configured provider of this dialect; see core.port.Dialect."""

    name = DIALECT

    def __init__(self, provider: str, section: OllamaSection) -> None:
        """`provider` is the configured name."""
        self._provider = provider
        self._section = section
        self.drift = Drift()
        self._watch = Watch(KNOWN, self.drift)
        self._embed = EmbedLimits(section, _EMBED_LIMIT)
        base_url = section.base_url.rstrip("/")
        self._chat_url = f"{base_url}/api/chat"
        self._embed_url = f"{base_url}/api/embed"

    def default_dimensions(self, model: str) -> int | None:
        """The length of a model's vectors when none is asked for, where it is known. Names may end in `:tag`."""
        return _DIMENSIONS.get(model.partition(":")[0])

    def embed_batch_limit(self, model: str) -> int:
        """The most inputs of one request for embeddings. Ollama itself knows no limit."""
        return self._embed.inputs(model)

    def embed_token_limit(self, model: str) -> int | None:
        """The most tokens of all inputs of one request for embeddings, None where no limit is configured."""
        return self._embed.tokens(model)

    def build(self, spec: ChatSpec | EmbedSpec, *, stream: bool, model: str, secret: Secret | None) -> Prepared:
        """The upstream request; `model` is the provider's own name. Raises RequestInvalid."""
        draft = Draft(self._provider, "ollama", DIALECT)
        if isinstance(spec, ChatSpec):
            url = self._chat_url
            body = chat_body(spec, draft, self._section, model=model, stream=stream)
        else:
            url, stream = self._embed_url, False
            body = embed_body(spec, draft, self._section, model=model)
        headers = {"content-type": JSON, "accept": LINES if stream else JSON}
        if secret is not None:
            headers["authorization"] = f"Bearer {secret.reveal()}"
        return Prepared(HttpRequest("POST", url, headers, body), tuple(draft.warnings))

    def reader(
        self, operation: Operation, *, stream: bool, content_type: str, headers: Mapping[str, str] = NO_HEADERS
    ) -> Reader:
        """A reader for what came back, whichever of a stream and a document was asked for."""
        media = media_type(content_type, LINES if stream else JSON)
        if operation is Operation.EMBED and media == JSON:
            return embed_reader(self._provider, self._watch)
        if operation is Operation.CHAT and media == JSON:
            return document_reader(self._provider, self._watch)
        if operation is Operation.CHAT and media == LINES:
            return stream_reader(self._provider, self._watch)
        raise wrong_content_type(self._provider, media)

    def rate_limits(self, headers: Mapping[str, str]) -> RateLimits | None:
        """Ollama tells of no limits."""
        return None

    def billing_after_cancel(self, model: str, *, stream: bool) -> CancelBilling:
        """What an answer that is not read to its end costs."""
        return OWN.billing(stream=stream)

    def probe(self, secret: Secret) -> HttpRequest | None:
        """None: it lists its models to anybody."""
        return None

    def classify(self, status: int, headers: Mapping[str, str], body: bytes) -> HedgerowError:
        """What an answer that is not a success means. Header names are lower case."""
        return classify(self._provider, status, headers, body)
