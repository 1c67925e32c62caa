"""Cohere's API, version 2: chat and embeddings."""

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
from hedgerow_server.providers.cancel import STREAMS_STOP
from hedgerow_server.providers.cohere.build import chat_body, embed_body
from hedgerow_server.providers.cohere.embed import embed_reader
from hedgerow_server.providers.cohere.errors import classify
from hedgerow_server.providers.cohere.known import KNOWN
from hedgerow_server.providers.cohere.read import document_reader, stream_reader
from hedgerow_server.providers.cohere.section import CohereSection
from hedgerow_server.providers.cohere.state import DIALECT
from hedgerow_server.providers.draft import Draft
from hedgerow_server.providers.embed_limits import EmbedLimit, EmbedLimits
from hedgerow_server.providers.limits_headers import COHERE, rate_limits
from hedgerow_server.providers.reading import EVENT_STREAM, JSON, media_type
from hedgerow_server.providers.refusal import wrong_content_type
from hedgerow_server.providers.watch import Watch

__all__ = ["Cohere", "CohereSection"]

_DIMENSIONS = {
    "embed-v4.0": 1536,
    "embed-english-v3.0": 1024,
    "embed-multilingual-v3.0": 1024,
    "embed-english-light-v3.0": 384,
    "embed-multilingual-light-v3.0": 384,
    "embed-english-v2.0": 4096,
    "embed-english-light-v2.0": 1024,
    "embed-multilingual-v2.0": 768,
}


class Cohere:
    """One configured provider of this dialect; see core.port.Dialect."""

    name = DIALECT

    def __init__(self, provider: str, section: CohereSection) -> None:
        """`provider` is the configured name."""
        self._provider = provider
        self.drift = Drift()
        self._watch = Watch(KNOWN, self.drift)
        self._embed = EmbedLimits(section, EmbedLimit(96))
        base_url = section.base_url.rstrip("/")
        self._chat_url = f"{base_url}/chat"
        self._embed_url = f"{base_url}/embed"
        # The list is of version 1 alone: https://docs.cohere.com/reference/list-models
        self._probe_url = f"{base_url.removesuffix('/v2')}/v1/models?page_size=1" if base_url.endswith("/v2") else ""

    def default_dimensions(self, model: str) -> int | None:
        """The length of a model's vectors when none is asked for, where it is known."""
        return _DIMENSIONS.get(model)

    def embed_batch_limit(self, model: str) -> int:
        """The most inputs of one request for embeddings."""
        return self._embed.inputs(model)

    def embed_token_limit(self, model: str) -> int | None:
        """The most tokens of all inputs of one request for embeddings, None where no limit is known."""
        return self._embed.tokens(model)

    def build(self, spec: ChatSpec | EmbedSpec, *, stream: bool, model: str, secret: Secret | None) -> Prepared:
        """The upstream request; `model` is the provider's own name. Raises RequestInvalid."""
        draft = Draft(self._provider, "cohere", DIALECT)
        if isinstance(spec, ChatSpec):
            url = self._chat_url
            body = chat_body(spec, draft, model=model, stream=stream)
        else:
            url, stream = self._embed_url, False
            body = embed_body(spec, draft, model=model)
        headers = {"content-type": JSON, "accept": EVENT_STREAM if stream else JSON}
        if secret is not None:
            headers["authorization"] = f"Bearer {secret.reveal()}"
        return Prepared(HttpRequest("POST", url, headers, body), tuple(draft.warnings))

    def reader(
        self, operation: Operation, *, stream: bool, content_type: str, headers: Mapping[str, str] = NO_HEADERS
    ) -> Reader:
        """A reader for what came back, whichever of a stream and a document was asked for."""
        media = media_type(content_type, EVENT_STREAM if stream else JSON)
        if operation is Operation.EMBED and media == JSON:
            return embed_reader(self._provider, self._watch)
        if operation is Operation.CHAT and media == JSON:
            return document_reader(self._provider, self._watch)
        if operation is Operation.CHAT and media == EVENT_STREAM:
            return stream_reader(self._provider, self._watch)
        raise wrong_content_type(self._provider, media)

    def probe(self, secret: Secret) -> HttpRequest | None:
        """The list of models."""
        if not self._probe_url:
            return None
        return HttpRequest("GET", self._probe_url, {"authorization": f"Bearer {secret.reveal()}"}, b"")

    def classify(self, status: int, headers: Mapping[str, str], body: bytes) -> HedgerowError:
        """What an answer that is not a success means. Header names are lower case."""
        return classify(self._provider, status, headers, body)

    def rate_limits(self, headers: Mapping[str, str]) -> RateLimits | None:
        """What is left to a trial key, by the headers of an answer; Cohere tells no other."""
        return rate_limits(headers, COHERE)

    def billing_after_cancel(self, model: str, *, stream: bool) -> CancelBilling:
        """What an answer that is not read to its end costs."""
        return STREAMS_STOP.billing(stream=stream)
