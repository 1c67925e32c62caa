"""Anthropic Messages. Other dialects that serve Claude put these together anew: `message_body` with another `Envelope`,
`stream_reader`, `document_reader`, `classify`.
"""

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
from hedgerow_server.providers.anthropic.build import (
    BEDROCK,
    VERTEX,
    Envelope,
    Options,
    message_body,
    message_body_and_betas,
)
from hedgerow_server.providers.anthropic.errors import classify
from hedgerow_server.providers.anthropic.known import KNOWN
from hedgerow_server.providers.anthropic.read import document_reader, stream_reader
from hedgerow_server.providers.anthropic.section import AnthropicSection
from hedgerow_server.providers.anthropic.state import DIALECT
from hedgerow_server.providers.cancel import STREAMS_STOP
from hedgerow_server.providers.draft import Draft
from hedgerow_server.providers.limits_headers import ANTHROPIC, rate_limits
from hedgerow_server.providers.reading import EVENT_STREAM, JSON, media_type
from hedgerow_server.providers.refusal import wrong_content_type
from hedgerow_server.providers.watch import Watch

__all__ = [
    "BEDROCK",
    "DIALECT",
    "FAMILY",
    "KNOWN",
    "VERTEX",
    "Anthropic",
    "AnthropicSection",
    "Envelope",
    "Options",
    "classify",
    "document_reader",
    "message_body",
    "stream_reader",
]

FAMILY = "anthropic"
"""The other name of the dialect, for the caller's options and tools."""
_BETA_HEADER = "anthropic-beta"


class Anthropic:
    """One configured provider of this dialect; see core.port.Dialect."""

    name = DIALECT

    def __init__(self, provider: str, section: AnthropicSection) -> None:
        """`provider` is the configured name."""
        self._provider = provider
        self.drift = Drift()
        self._watch = Watch(KNOWN, self.drift)
        self._options = section.options()
        self._bearer = section.auth == "bearer"
        self._url = f"{section.base_url.rstrip('/')}/v1/messages"
        self._probe_url = f"{section.base_url.rstrip('/')}/v1/models?limit=1"
        self._headers = {"content-type": JSON, "anthropic-version": section.anthropic_version}
        if section.anthropic_beta:
            self._headers[_BETA_HEADER] = ",".join(section.anthropic_beta)

    def default_dimensions(self, model: str) -> int | None:
        """None: there are no embeddings."""
        return None

    def embed_batch_limit(self, model: str) -> int:
        """1: there are no embeddings."""
        return 1

    def embed_token_limit(self, model: str) -> int | None:
        """None: there are no embeddings."""
        return None

    def build(self, spec: ChatSpec | EmbedSpec, *, stream: bool, model: str, secret: Secret | None) -> Prepared:
        """The upstream request; `model` is the provider's own name. Raises RequestInvalid."""
        draft = Draft(self._provider, FAMILY, DIALECT)
        if isinstance(spec, EmbedSpec):
            raise draft.invalid("embed.model", "must be served by another provider: this one has no embeddings")
        body, betas = message_body_and_betas(spec, draft, model=model, stream=stream, options=self._options)
        headers = {**self._headers, "accept": EVENT_STREAM if stream else JSON}
        if betas:
            configured = headers.get(_BETA_HEADER, "").split(",")
            headers[_BETA_HEADER] = ",".join(dict.fromkeys(one for one in (*configured, *betas) if one))
        if secret is not None:
            headers |= self._auth(secret)
        return Prepared(HttpRequest("POST", self._url, headers, body), tuple(draft.warnings))

    def reader(
        self, operation: Operation, *, stream: bool, content_type: str, headers: Mapping[str, str] = NO_HEADERS
    ) -> Reader:
        """A reader for what came back, whichever of a stream and a document was asked for."""
        media = media_type(content_type, EVENT_STREAM if stream else JSON)
        if operation is Operation.CHAT and media == JSON:
            return document_reader(self._provider, self._watch)
        if operation is Operation.CHAT and media == EVENT_STREAM:
            return stream_reader(self._provider, self._watch)
        raise wrong_content_type(self._provider, media)

    def probe(self, secret: Secret) -> HttpRequest | None:
        """The list of models."""
        return HttpRequest("GET", self._probe_url, {**self._headers, **self._auth(secret)}, b"")

    def classify(self, status: int, headers: Mapping[str, str], body: bytes) -> HedgerowError:
        """What an answer that is not a success means. Header names are lower case."""
        return classify(self._provider, status, headers, body)

    def _auth(self, secret: Secret) -> dict[str, str]:
        return {"authorization": f"Bearer {secret.reveal()}"} if self._bearer else {"x-api-key": secret.reveal()}

    def rate_limits(self, headers: Mapping[str, str]) -> RateLimits | None:
        """What is left to the credential, by the headers of an answer."""
        return rate_limits(headers, ANTHROPIC)

    def billing_after_cancel(self, model: str, *, stream: bool) -> CancelBilling:
        """What an answer that is not read to its end costs."""
        return STREAMS_STOP.billing(stream=stream)
