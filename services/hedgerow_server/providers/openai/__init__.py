"""OpenAI Chat Completions and Embeddings, also as other vendors speak it."""

from collections.abc import Mapping
from urllib.parse import urlencode

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
from hedgerow_server.providers.draft import Draft
from hedgerow_server.providers.limits_headers import OPENAI, rate_limits
from hedgerow_server.providers.openai.build import chat_body, embed_body
from hedgerow_server.providers.openai.embed import embed_reader
from hedgerow_server.providers.openai.errors import classify
from hedgerow_server.providers.openai.known import KNOWN
from hedgerow_server.providers.openai.read import document_reader, stream_reader
from hedgerow_server.providers.openai.section import OpenAISection, after_cancel, embed_limits, settings
from hedgerow_server.providers.openai.state import DIALECT, tag
from hedgerow_server.providers.reading import EVENT_STREAM, JSON, media_type
from hedgerow_server.providers.refusal import wrong_content_type
from hedgerow_server.providers.watch import Watch

__all__ = ["OpenAI", "OpenAISection"]

_DIMENSIONS = {"text-embedding-3-small": 1536, "text-embedding-3-large": 3072, "text-embedding-ada-002": 1536}


class OpenAI:
    """One configured provider of this dialect; see core.port.Dialect."""

    name = DIALECT

    def __init__(
        self, provider: str, section: OpenAISection, *, also: tuple[str, ...] = (), drift: Drift | None = None
    ) -> None:
        """`provider` is the configured name, `also` further names by which callers address it, `drift` the counts of
        whatever dialect uses this one.
        """
        self._provider = provider
        self.drift = drift or Drift()
        self._watch = Watch(KNOWN, self.drift)
        self._settings = settings(section)
        self._quirks = self._settings.quirks
        self._tag = tag(section.vendor)
        self._names = (*also, section.vendor, "openai", DIALECT, self._tag)
        self._embed = embed_limits(section)
        self._after_cancel = after_cancel(section)
        base_url = self._settings.base_url.rstrip("/")
        query = f"?{urlencode(self._settings.query)}" if self._settings.query else ""
        self._chat_url = f"{base_url}/chat/completions{query}"
        self._embed_url = f"{base_url}{self._quirks.embed_path}{query}"
        path = self._settings.probe_path
        self._probe_url = f"{base_url}{path}{query}" if path else ""
        headers = {"content-type": JSON, **section.headers}
        if section.organization:
            headers["openai-organization"] = section.organization
        if section.project:
            headers["openai-project"] = section.project
        self._whole = {**headers, "accept": JSON}
        self._streaming = {**headers, "accept": EVENT_STREAM}

    def default_dimensions(self, model: str) -> int | None:
        """The length of a model's vectors when none is asked for; None for models other than OpenAI's own."""
        return _DIMENSIONS.get(model)

    def embed_batch_limit(self, model: str) -> int:
        """The most inputs of one request for embeddings."""
        return self._embed.inputs(model)

    def embed_token_limit(self, model: str) -> int | None:
        """The most tokens of all inputs of one request for embeddings, None where no limit is known."""
        return self._embed.tokens(model)

    def build(self, spec: ChatSpec | EmbedSpec, *, stream: bool, model: str, secret: Secret | None) -> Prepared:
        """The upstream request; `model` is the provider's own name. Raises RequestInvalid."""
        draft = Draft(self._provider, *self._names)
        if isinstance(spec, ChatSpec):
            url = self._chat_url
            body = chat_body(spec, draft, self._settings, self._tag, model=model, stream=stream)
        else:
            url, stream = self._embed_url, False
            body = embed_body(spec, draft, self._quirks, model=model)
        headers = {**(self._streaming if stream else self._whole), **self._auth(secret)}
        return Prepared(HttpRequest("POST", url, headers, body), tuple(draft.warnings))

    def reader(
        self, operation: Operation, *, stream: bool, content_type: str, headers: Mapping[str, str] = NO_HEADERS
    ) -> Reader:
        """A reader for what came back, whichever of a stream and a document was asked for."""
        media = media_type(content_type, EVENT_STREAM if stream else JSON)
        if operation is Operation.EMBED and media == JSON:
            return embed_reader(self._provider, self._quirks, self._watch)
        if operation is Operation.CHAT and media == JSON:
            return document_reader(self._provider, self._quirks, self._watch, self._tag)
        if operation is Operation.CHAT and media == EVENT_STREAM:
            return stream_reader(self._provider, self._quirks, self._watch, self._tag)
        raise wrong_content_type(self._provider, media)

    def probe(self, secret: Secret) -> HttpRequest | None:
        """What the vendor lists, or tells of the key."""
        if not self._probe_url:
            return None
        return HttpRequest("GET", self._probe_url, {**self._whole, **self._auth(secret)}, b"")

    def classify(self, status: int, headers: Mapping[str, str], body: bytes) -> HedgerowError:
        """What an answer that is not a success means. Header names are lower case."""
        return classify(self._provider, status, headers, body)

    def _auth(self, secret: Secret | None) -> dict[str, str]:
        if secret is None:
            return {}
        name = self._settings.auth_header
        return {name: f"Bearer {secret.reveal()}" if name == "authorization" else secret.reveal()}

    def rate_limits(self, headers: Mapping[str, str]) -> RateLimits | None:
        """What is left to the credential, by the headers of an answer."""
        return rate_limits(headers, OPENAI)

    def billing_after_cancel(self, model: str, *, stream: bool) -> CancelBilling:
        """What an answer that is not read to its end costs."""
        return self._after_cancel.billing(stream=stream)
