"""Amazon Bedrock: Converse and ConverseStream for chat, InvokeModel for embeddings."""

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
from hedgerow_server.providers.bedrock.build import chat_body
from hedgerow_server.providers.bedrock.embed import default_dimensions, embed_body, embed_reader
from hedgerow_server.providers.bedrock.errors import classify
from hedgerow_server.providers.bedrock.known import KNOWN
from hedgerow_server.providers.bedrock.read import document_reader, stream_reader
from hedgerow_server.providers.bedrock.section import BedrockSection
from hedgerow_server.providers.bedrock.sign import Clock, Signer, utc_now
from hedgerow_server.providers.bedrock.state import DIALECT
from hedgerow_server.providers.cancel import GOES_ON
from hedgerow_server.providers.draft import Draft
from hedgerow_server.providers.embed_limits import EmbedLimit, EmbedLimits
from hedgerow_server.providers.reading import JSON, media_type
from hedgerow_server.providers.refusal import wrong_content_type
from hedgerow_server.providers.watch import Watch

__all__ = ["Bedrock", "BedrockSection"]

_EVENT_STREAM = "application/vnd.amazon.eventstream"
# https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-embed.html; Titan and Nova take one text.
_EMBED_LIMITS = (("cohere.embed", EmbedLimit(96)),)


class Bedrock:
    """One configured provider of this dialect; see core.port.Dialect."""

    name = DIALECT

    def __init__(self, provider: str, section: BedrockSection, *, clock: Clock = utc_now) -> None:
        """`provider` is the configured name; `clock` tells the time that requests are signed with."""
        self._provider = provider
        self.drift = Drift()
        self._watch = Watch(KNOWN, self.drift)
        self._embed = EmbedLimits(section, EmbedLimit(1), _EMBED_LIMITS)
        base_url = section.base_url or f"https://bedrock-runtime.{section.region}.amazonaws.com"
        self._models_url = f"{base_url.rstrip('/')}/model/"
        self._signer = Signer(provider, section.region, clock)

    def default_dimensions(self, model: str) -> int | None:
        """The length of a model's vectors when none is asked for, where it is known."""
        return default_dimensions(model)

    def embed_batch_limit(self, model: str) -> int:
        """The most inputs of one request for embeddings."""
        return self._embed.inputs(model)

    def embed_token_limit(self, model: str) -> int | None:
        """The most tokens of all inputs of one request for embeddings, None where no limit is known."""
        return self._embed.tokens(model)

    def build(self, spec: ChatSpec | EmbedSpec, *, stream: bool, model: str, secret: Secret | None) -> Prepared:
        """The upstream request; `model` is an id of a model or a profile, or an ARN. Raises RequestInvalid, and
        CredentialUnavailable for a secret that is neither an API key nor keys to sign with.
        """
        draft = Draft(self._provider, "bedrock", DIALECT)
        if isinstance(spec, ChatSpec):
            operation = "converse-stream" if stream else "converse"
            body = chat_body(spec, draft, model=model)
        else:
            operation, stream = "invoke", False
            body = embed_body(spec, draft, model=model)
        # HTTP clients differ in whether they leave %3A as it is, and what is signed must be what is sent.
        url = f"{self._models_url}{quote(model, safe=':')}/{operation}"
        headers = {"content-type": JSON, "accept": _EVENT_STREAM if stream else JSON}
        if secret is not None:
            headers |= self._signer.headers(url, JSON, body, secret)
        return Prepared(HttpRequest("POST", url, headers, body), tuple(draft.warnings))

    def reader(
        self, operation: Operation, *, stream: bool, content_type: str, headers: Mapping[str, str] = NO_HEADERS
    ) -> Reader:
        """A reader for what came back, whichever of a stream and a document was asked for."""
        media = media_type(content_type, _EVENT_STREAM if stream else JSON)
        if operation is Operation.EMBED and media == JSON:
            return embed_reader(self._provider, self._watch, headers)
        if operation is Operation.CHAT and media == JSON:
            return document_reader(self._provider, self._watch)
        if operation is Operation.CHAT and media == _EVENT_STREAM:
            return stream_reader(self._provider, self._watch)
        raise wrong_content_type(self._provider, media)

    def probe(self, secret: Secret) -> HttpRequest | None:
        """None: what lists models is another service, with permissions of its own."""
        return None

    def classify(self, status: int, headers: Mapping[str, str], body: bytes) -> HedgerowError:
        """What an answer that is not a success means. Header names are lower case."""
        return classify(self._provider, status, headers, body)

    def rate_limits(self, headers: Mapping[str, str]) -> RateLimits | None:
        """None: no headers tell of limits."""
        return None

    def billing_after_cancel(self, model: str, *, stream: bool) -> CancelBilling:
        """What an answer that is not read to its end costs."""
        return GOES_ON.billing(stream=stream)
