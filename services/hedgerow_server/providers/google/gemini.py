"""The Gemini API: https://ai.google.dev/api."""

from collections.abc import Mapping
from urllib.parse import quote

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
from hedgerow_server.providers.cancel import GOES_ON
from hedgerow_server.providers.draft import Draft
from hedgerow_server.providers.embed_limits import EmbedLimit, EmbedLimits
from hedgerow_server.providers.google.build import chat_body
from hedgerow_server.providers.google.embed import Batch, default_dimensions, embed_reader, gemini_body
from hedgerow_server.providers.google.errors import classify
from hedgerow_server.providers.google.flavour import GEMINI, Flavour
from hedgerow_server.providers.google.known import KNOWN
from hedgerow_server.providers.google.read import document_reader, stream_reader
from hedgerow_server.providers.google.section import GeminiSection
from hedgerow_server.providers.google.state import DIALECT
from hedgerow_server.providers.reading import EVENT_STREAM, JSON, media_type
from hedgerow_server.providers.refusal import wrong_content_type
from hedgerow_server.providers.watch import Watch

STREAM = "streamGenerateContent?alt=sse"
DOCUMENT = "generateContent"


class Gemini:
    """One configured provider of this dialect; see core.port.Dialect."""

    name = DIALECT

    def __init__(self, provider: str, section: GeminiSection) -> None:
        """`provider` is the configured name."""
        self._provider = provider
        self.drift = Drift()
        self._watch = Watch(KNOWN, self.drift)
        self._embed = EmbedLimits(section, EmbedLimit(100))
        self._base_url = section.base_url.rstrip("/")

    def default_dimensions(self, model: str) -> int | None:
        """The length of a model's vectors when none is asked for; None for models that are not known."""
        return default_dimensions(model)

    def embed_batch_limit(self, model: str) -> int:
        """The most inputs of one request for embeddings."""
        return self._embed.inputs(model)

    def embed_token_limit(self, model: str) -> int | None:
        """The most tokens of all inputs of one request for embeddings, None where no limit is known."""
        return self._embed.tokens(model)

    def build(self, spec: ChatSpec | EmbedSpec, *, stream: bool, model: str, secret: Secret | None) -> Prepared:
        """The upstream request; `model` is the provider's own name, with or without its collection, such as `models/`.
        Raises RequestInvalid.
        """
        draft = Draft(self._provider, GEMINI.family, DIALECT)
        resource = model if "/" in model else f"models/{model}"
        if isinstance(spec, ChatSpec):
            method = STREAM if stream else DOCUMENT
            body = chat_body(spec, draft, GEMINI, model=model)
        else:
            method, stream = "batchEmbedContents", False
            body = gemini_body(Batch(spec, draft, model=model), resource)
        headers = {"content-type": JSON, "accept": EVENT_STREAM if stream else JSON}
        if secret is not None:
            headers["x-goog-api-key"] = secret.reveal()
        url = f"{self._base_url}/{quote(resource)}:{method}"
        return Prepared(HttpRequest("POST", url, headers, body), tuple(draft.warnings))

    def reader(
        self, operation: Operation, *, stream: bool, content_type: str, headers: Mapping[str, str] = NO_HEADERS
    ) -> Reader:
        """A reader for what came back, whichever of a stream and a document was asked for."""
        return reader(
            self._provider, GEMINI, self._watch, operation, media_type(content_type, EVENT_STREAM if stream else JSON)
        )

    def probe(self, secret: Secret) -> HttpRequest | None:
        """The list of models."""
        return HttpRequest("GET", f"{self._base_url}/models?pageSize=1", {"x-goog-api-key": secret.reveal()}, b"")

    def classify(self, status: int, headers: Mapping[str, str], body: bytes) -> HedgerowError:
        """What an answer that is not a success means. Header names are lower case."""
        return classify(self._provider, status, headers, body)

    def rate_limits(self, headers: Mapping[str, str]) -> RateLimits | None:
        """None: no headers tell of limits."""
        return None

    def billing_after_cancel(self, model: str, *, stream: bool) -> CancelBilling:
        """What an answer that is not read to its end costs."""
        return GOES_ON.billing(stream=stream)


def reader(provider: str, flavour: Flavour, watch: Watch, operation: Operation, media: str) -> Reader:
    """The reader for an answer of this media type. Raises UpstreamProtocol for one that is none of the dialect's."""
    if operation is Operation.EMBED and media == JSON:
        return embed_reader(provider, watch)
    if operation is Operation.CHAT and media == JSON:
        return document_reader(provider, flavour, watch)
    if operation is Operation.CHAT and media == EVENT_STREAM:
        return stream_reader(provider, flavour, watch)
    raise wrong_content_type(provider, media)
