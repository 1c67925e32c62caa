"""Google Cloud's Vertex AI: https://cloud.google.com/vertex-ai/generative-ai/docs/reference/rest. Claude there speaks
Anthropic's dialect: https://docs.claude.com/en/api/claude-on-vertex-ai.
"""

from collections.abc import Mapping
from typing import Literal
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
from hedgerow_server.providers import anthropic
from hedgerow_server.providers.cancel import GOES_ON
from hedgerow_server.providers.draft import Draft
from hedgerow_server.providers.embed_limits import EmbedLimit, EmbedLimits
from hedgerow_server.providers.google.build import chat_body
from hedgerow_server.providers.google.either import EitherDocument, EitherStream, of_claude
from hedgerow_server.providers.google.embed import Batch, default_dimensions, predict_body, vertex_body
from hedgerow_server.providers.google.errors import classify
from hedgerow_server.providers.google.flavour import VERTEX, VERTEX_V1
from hedgerow_server.providers.google.gemini import DOCUMENT, STREAM, reader
from hedgerow_server.providers.google.known import KNOWN
from hedgerow_server.providers.google.section import VertexSection
from hedgerow_server.providers.google.state import DIALECT
from hedgerow_server.providers.loose import plain
from hedgerow_server.providers.reading import EVENT_STREAM, JSON, media_type
from hedgerow_server.providers.watch import Watch

_Publisher = Literal["google", "anthropic"]
_MULTI_REGIONS = ("us", "eu")
_ONE_BY_ONE = "gemini-embedding-001"
# https://cloud.google.com/vertex-ai/generative-ai/docs/embeddings/get-text-embeddings#api_limits.
_EMBED_LIMITS = (("gemini-embedding", EmbedLimit(1)),)


class Vertex:
    """One configured provider of this dialect; see core.port.Dialect. Its secret is an OAuth access token."""

    name = DIALECT

    def __init__(self, provider: str, section: VertexSection) -> None:
        """`provider` is the configured name."""
        self._provider = provider
        self.drift = Drift()
        self._watch = Watch(KNOWN, self.drift)
        self._claude_watch = Watch(anthropic.KNOWN, self.drift)
        self._publisher = section.publisher
        self._flavour = VERTEX_V1 if section.api_version == "v1" else VERTEX
        self._embed = EmbedLimits(section, EmbedLimit(250, tokens=20_000), _EMBED_LIMITS)
        base_url = (section.base_url or _base_url(section.location)).rstrip("/")
        self._parent = f"{base_url}/{section.api_version}/projects/{section.project}/locations/{section.location}"

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
        """The upstream request; `model` is the publisher's name of it, or `endpoints/ID` for a model of one's own.
        Raises RequestInvalid.
        """
        publisher = self._publisher_of(model)
        draft = Draft(self._provider, self._flavour.family, DIALECT)
        if publisher == "anthropic":
            draft = Draft(self._provider, self._flavour.family, anthropic.FAMILY, anthropic.DIALECT)
            method, body = _claude(spec, draft, stream=stream, model=model)
        elif isinstance(spec, ChatSpec):
            method = STREAM if stream else DOCUMENT
            body = chat_body(spec, draft, self._flavour, model=model)
        else:
            stream = False
            method, body = _embedding(Batch(spec, draft, model=model), model)
        headers = {"content-type": JSON, "accept": EVENT_STREAM if stream else JSON}
        if secret is not None:
            headers["authorization"] = f"Bearer {secret.reveal()}"
        named = model.startswith(("publishers/", "endpoints/"))
        resource = model if named else f"publishers/{publisher}/models/{model}"
        url = f"{self._parent}/{quote(resource, safe='/@')}:{method}"
        return Prepared(HttpRequest("POST", url, headers, body), tuple(draft.warnings))

    def reader(
        self, operation: Operation, *, stream: bool, content_type: str, headers: Mapping[str, str] = NO_HEADERS
    ) -> Reader:
        """A reader for what came back, be it a stream or a document, of Gemini or of Claude."""
        media = media_type(content_type, EVENT_STREAM if stream else JSON)
        if self._publisher == "anthropic":
            return self._chosen(media, operation, claude=True)
        if self._publisher is None and operation is Operation.CHAT:
            if media == EVENT_STREAM:
                return EitherStream(self._provider, lambda claude: self._chosen(media, operation, claude=claude))
            if media == JSON:
                return EitherDocument(self._provider, lambda claude: self._chosen(media, operation, claude=claude))
        return self._chosen(media, operation, claude=False)

    def probe(self, secret: Secret) -> HttpRequest | None:
        """None: what costs nothing there needs permissions of its own."""
        return None

    def classify(self, status: int, headers: Mapping[str, str], body: bytes) -> HedgerowError:
        """What an answer that is not a success means. Header names are lower case. Claude refuses in Anthropic's words,
        the platform before it in Google's.
        """
        if of_claude(plain(body)):
            return anthropic.classify(self._provider, status, headers, body)
        return classify(self._provider, status, headers, body)

    def rate_limits(self, headers: Mapping[str, str]) -> RateLimits | None:
        """None: no headers tell of limits."""
        return None

    def billing_after_cancel(self, model: str, *, stream: bool) -> CancelBilling:
        """What an answer that is not read to its end costs."""
        return GOES_ON.billing(stream=stream)

    def _publisher_of(self, model: str) -> _Publisher:
        if self._publisher is not None:
            return self._publisher
        return "anthropic" if model.rpartition("/")[2].startswith("claude-") else "google"

    def _chosen(self, media: str, operation: Operation, *, claude: bool) -> Reader:
        if claude and operation is Operation.CHAT and media == EVENT_STREAM:
            return anthropic.stream_reader(self._provider, self._claude_watch)
        if claude and operation is Operation.CHAT and media == JSON:
            return anthropic.document_reader(self._provider, self._claude_watch)
        return reader(self._provider, self._flavour, self._watch, operation, media)


def _base_url(location: str) -> str:
    if location == "global":
        return "https://aiplatform.googleapis.com"
    if location in _MULTI_REGIONS:
        return f"https://aiplatform.{location}.rep.googleapis.com"
    return f"https://{location}-aiplatform.googleapis.com"


def _claude(spec: ChatSpec | EmbedSpec, draft: Draft, *, stream: bool, model: str) -> tuple[str, bytes]:
    if isinstance(spec, EmbedSpec):
        raise draft.invalid("embed.model", "must be of another publisher: Anthropic has no embeddings")
    body = anthropic.message_body(
        spec, draft, model=model, stream=stream, options=anthropic.Options(), envelope=anthropic.VERTEX
    )
    return "streamRawPredict" if stream else "rawPredict", body


def _embedding(batch: Batch, model: str) -> tuple[str, bytes]:
    """The method for a batch, and its body: Gemini's embedding models left predict with the second of them."""
    name = model.rpartition("/")[2]
    if not name.startswith("gemini") or (name == _ONE_BY_ONE and len(batch.texts) == 1):
        return "predict", predict_body(batch)
    return "embedContent" if len(batch.texts) == 1 else "batchEmbedContents", vertex_body(batch)
