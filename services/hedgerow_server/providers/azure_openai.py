"""Azure OpenAI: OpenAI's Chat Completions, Responses and Embeddings at Azure's addresses, with Azure's credentials.

https://learn.microsoft.com/azure/ai-foundry/openai/reference

What Azure adds to answers (filter results and annotations, chunks that hold nothing else) the OpenAI dialects skip.
"""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal
from urllib.parse import quote, urlencode

import pydantic

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
from hedgerow_server.providers.openai import OpenAI, OpenAISection
from hedgerow_server.providers.openai.quirks import Quirks
from hedgerow_server.providers.openai_responses import OpenAIResponses, OpenAIResponsesSection
from hedgerow_server.providers.section import EmbeddingSection, ProviderUrl

__all__ = ["AzureOpenAI", "AzureOpenAISection"]

_Version = Annotated[str, pydantic.StringConstraints(pattern=r"^[A-Za-z0-9.-]{1,64}$")]


class AzureOpenAISection(EmbeddingSection):
    """A resource of Azure OpenAI. The models of its routes are the names of deployments."""

    own_family: ClassVar[str | None] = "azure"
    dialect: Literal["azure_openai"]
    """The dialect."""
    base_url: ProviderUrl
    """The endpoint of the resource, such as https://NAME.openai.azure.com, without a path of the API."""
    api: Literal["chat", "responses"] = "chat"
    """Which API chat calls use: Chat Completions or Responses."""
    auth: Literal["api_key", "bearer"] = "api_key"
    """What the credential is: a key of the resource, or a token of Entra ID for the Cognitive Services scope."""
    urls: Literal["v1", "deployments"] = "v1"
    """The style of the URLs: /openai/v1/… with the deployment in the body, or /openai/deployments/NAME/… (Responses:
    /openai/responses), which needs an api_version.
    """
    api_version: _Version | None = None
    """The api-version of every URL, such as 2024-10-21. None: none is sent, which only the style v1 allows."""
    quirks: Quirks = Quirks()
    """How the deployments differ from OpenAI's own models, as for the dialect openai. Not for Responses."""
    max_tokens_field: Literal["max_completion_tokens", "max_tokens"] = "max_completion_tokens"
    """What chat completions call the limit of the output. Models before o1 on old API versions know only max_tokens."""
    encrypted_reasoning: bool | None = None
    """For Responses: whether reasoning comes encrypted, so that it can be sent back; models that do not reason refuse
    that. None: by the deployment's name, which need not tell the model.
    """
    reasoning_summary: Literal["auto", "concise", "detailed"] | None = None
    """For Responses: the summary of the reasoning to ask for in calls that set `reasoning`. None: no summary."""
    store: bool = False
    """For Responses: whether Azure keeps the answers. The gateway never needs it to."""

    @pydantic.model_validator(mode="after")
    def _has_a_version(self) -> "AzureOpenAISection":
        if self.urls == "deployments" and self.api_version is None:
            raise ValueError("expected an api_version: URLs of the style deployments need one")
        return self


class AzureOpenAI:
    """One configured provider of this dialect; see core.port.Dialect."""

    name = "azure_openai"

    def __init__(self, provider: str, section: AzureOpenAISection) -> None:
        """`provider` is the configured name."""
        self._section = section
        self._base_url = f"{section.base_url.rstrip('/')}/openai"
        self._query = f"?{urlencode({'api-version': section.api_version})}" if section.api_version else ""
        chat = OpenAISection(
            dialect="openai",
            base_url=section.base_url,
            max_tokens_field=section.max_tokens_field,
            quirks=section.quirks,
            embed_batch_limit=section.embed_batch_limit,
            embed_token_limit=section.embed_token_limit,
        )
        responses = OpenAIResponsesSection(
            dialect="openai_responses",
            base_url=section.base_url,
            store=section.store,
            encrypted_reasoning=section.encrypted_reasoning,
            reasoning_summary=section.reasoning_summary,
            item_ids=section.store,
        )
        self.drift = Drift()
        also = (self.name,)
        self._openai = OpenAI(provider, chat, also=also, drift=self.drift)
        self._chat = (
            self._openai if section.api == "chat" else OpenAIResponses(provider, responses, also=also, drift=self.drift)
        )

    def default_dimensions(self, model: str) -> int | None:
        """The length of a model's vectors when none is asked for, where the deployment is named like the model."""
        return self._openai.default_dimensions(model)

    def embed_batch_limit(self, model: str) -> int:
        """The most inputs of one request for embeddings."""
        return self._openai.embed_batch_limit(model)

    def embed_token_limit(self, model: str) -> int | None:
        """The most tokens of all inputs of one request for embeddings, None where no limit is known."""
        return self._openai.embed_token_limit(model)

    def build(self, spec: ChatSpec | EmbedSpec, *, stream: bool, model: str, secret: Secret | None) -> Prepared:
        """The upstream request; `model` is the name of the deployment. Raises RequestInvalid."""
        inner = self._chat if isinstance(spec, ChatSpec) else self._openai
        prepared = inner.build(spec, stream=stream, model=model, secret=None)
        headers = {**prepared.request.headers, **self._auth(secret)}
        url = self._url(spec, model)
        return Prepared(HttpRequest("POST", url, headers, prepared.request.body), prepared.warnings)

    def reader(
        self, operation: Operation, *, stream: bool, content_type: str, headers: Mapping[str, str] = NO_HEADERS
    ) -> Reader:
        """A reader for what came back, whichever of a stream and a document was asked for."""
        inner = self._chat if operation is Operation.CHAT else self._openai
        return inner.reader(operation, stream=stream, content_type=content_type, headers=headers)

    def probe(self, secret: Secret) -> HttpRequest | None:
        """The models that the resource could deploy."""
        path = "v1/models" if self._section.urls == "v1" else "models"
        return HttpRequest("GET", f"{self._base_url}/{path}{self._query}", self._auth(secret), b"")

    def classify(self, status: int, headers: Mapping[str, str], body: bytes) -> HedgerowError:
        """What an answer that is not a success means. Header names are lower case."""
        return self._openai.classify(status, headers, body)

    def rate_limits(self, headers: Mapping[str, str]) -> RateLimits | None:
        """What is left to the credential, by the headers of an answer."""
        return self._openai.rate_limits(headers)

    def billing_after_cancel(self, model: str, *, stream: bool) -> CancelBilling:
        """What an answer that is not read to its end costs."""
        return STREAMS_STOP.billing(stream=stream)

    def _auth(self, secret: Secret | None) -> dict[str, str]:
        if secret is None:
            return {}
        api_key = self._section.auth == "api_key"
        return {"api-key": secret.reveal()} if api_key else {"authorization": f"Bearer {secret.reveal()}"}

    def _url(self, spec: ChatSpec | EmbedSpec, deployment: str) -> str:
        responses = isinstance(spec, ChatSpec) and self._section.api == "responses"
        chat_path = "responses" if responses else "chat/completions"
        path = chat_path if isinstance(spec, ChatSpec) else "embeddings"
        if self._section.urls == "v1":
            path = f"v1/{path}"
        elif not responses:
            path = f"deployments/{quote(deployment, safe='')}/{path}"
        return f"{self._base_url}/{path}{self._query}"
