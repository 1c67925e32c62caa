"""OpenAI's Responses API, also as Azure, xAI and others speak it. Embeddings are those of the OpenAI dialect."""

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
from hedgerow_server.providers.cancel import STREAMS_STOP, UNKNOWN
from hedgerow_server.providers.draft import Draft
from hedgerow_server.providers.limits_headers import OPENAI, rate_limits
from hedgerow_server.providers.openai import OpenAI, OpenAISection
from hedgerow_server.providers.openai.errors import classify
from hedgerow_server.providers.openai_responses.build import responses_body
from hedgerow_server.providers.openai_responses.known import KNOWN
from hedgerow_server.providers.openai_responses.read import document_reader, stream_reader
from hedgerow_server.providers.openai_responses.section import OpenAIResponsesSection
from hedgerow_server.providers.openai_responses.state import DIALECT, tag
from hedgerow_server.providers.reading import EVENT_STREAM, JSON, media_type
from hedgerow_server.providers.refusal import wrong_content_type
from hedgerow_server.providers.watch import Watch

__all__ = ["OpenAIResponses", "OpenAIResponsesSection"]

_KNOWN_HOSTS = ("api.openai.com", ".azure.com", "api.x.ai")


class OpenAIResponses:
    """One configured provider of this dialect; see core.port.Dialect."""

    name = DIALECT

    def __init__(
        self, provider: str, section: OpenAIResponsesSection, *, also: tuple[str, ...] = (), drift: Drift | None = None
    ) -> None:
        """`provider` is the configured name, `also` further names by which callers address it, `drift` the counts of
        whatever dialect uses this one.
        """
        self._provider = provider
        self.drift = drift or Drift()
        self._watch = Watch(KNOWN, self.drift)
        self._section = section
        self._tag = tag(section.base_url)
        self._names = (*also, DIALECT, "openai", self._tag)
        self._embeddings = OpenAI(
            provider,
            OpenAISection(
                dialect="openai",
                base_url=section.base_url,
                organization=section.organization,
                project=section.project,
                embed_batch_limit=section.embed_batch_limit,
                embed_token_limit=section.embed_token_limit,
            ),
            also=also,
            drift=self.drift,
        )
        known = any(host in section.base_url for host in _KNOWN_HOSTS)
        self._after_cancel = STREAMS_STOP if known else UNKNOWN
        self._url = f"{section.base_url.rstrip('/')}/responses"
        self._headers = {"content-type": JSON}
        if section.organization:
            self._headers["openai-organization"] = section.organization
        if section.project:
            self._headers["openai-project"] = section.project

    def default_dimensions(self, model: str) -> int | None:
        """The length of a model's vectors when none is asked for; None for models other than OpenAI's own."""
        return self._embeddings.default_dimensions(model)

    def embed_batch_limit(self, model: str) -> int:
        """The most inputs of one request for embeddings."""
        return self._embeddings.embed_batch_limit(model)

    def embed_token_limit(self, model: str) -> int | None:
        """The most tokens of all inputs of one request for embeddings, None where no limit is known."""
        return self._embeddings.embed_token_limit(model)

    def build(self, spec: ChatSpec | EmbedSpec, *, stream: bool, model: str, secret: Secret | None) -> Prepared:
        """The upstream request; `model` is the provider's own name. Raises RequestInvalid."""
        if isinstance(spec, EmbedSpec):
            return self._embeddings.build(spec, stream=False, model=model, secret=secret)
        draft = Draft(self._provider, *self._names)
        body = responses_body(spec, draft, self._section, self._tag, model=model, stream=stream)
        headers = {**self._headers, "accept": EVENT_STREAM if stream else JSON}
        if secret is not None:
            headers["authorization"] = f"Bearer {secret.reveal()}"
        return Prepared(HttpRequest("POST", self._url, headers, body), tuple(draft.warnings))

    def reader(
        self, operation: Operation, *, stream: bool, content_type: str, headers: Mapping[str, str] = NO_HEADERS
    ) -> Reader:
        """A reader for what came back, whichever of a stream and a document was asked for."""
        if operation is Operation.EMBED:
            return self._embeddings.reader(operation, stream=False, content_type=content_type)
        media = media_type(content_type, EVENT_STREAM if stream else JSON)
        if media == JSON:
            return document_reader(self._provider, self._watch, self._tag)
        if media == EVENT_STREAM:
            return stream_reader(self._provider, self._watch, self._tag)
        raise wrong_content_type(self._provider, media)

    def probe(self, secret: Secret) -> HttpRequest | None:
        """The list of models."""
        return self._embeddings.probe(secret)

    def classify(self, status: int, headers: Mapping[str, str], body: bytes) -> HedgerowError:
        """What an answer that is not a success means. Header names are lower case."""
        return classify(self._provider, status, headers, body)

    def rate_limits(self, headers: Mapping[str, str]) -> RateLimits | None:
        """What is left to the credential, by the headers of an answer."""
        return rate_limits(headers, OPENAI)

    def billing_after_cancel(self, model: str, *, stream: bool) -> CancelBilling:
        """What an answer that is not read to its end costs."""
        return self._after_cancel.billing(stream=stream)
