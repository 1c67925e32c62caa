"""Amazon Bedrock: Converse and ConverseStream for chat, InvokeModel for embeddings."""

from collections.abc import Mapping
from urllib.parse import quote

from hedgerow_server.core.error import HedgerowError
from hedgerow_server.core.port import HttpRequest, Operation, Prepared, Reader
from hedgerow_server.core.request import ChatSpec, EmbedSpec
from hedgerow_server.core.secret import Secret
from hedgerow_server.providers.bedrock.build import chat_body
from hedgerow_server.providers.bedrock.embed import default_dimensions, embed_body, embed_reader
from hedgerow_server.providers.bedrock.errors import classify
from hedgerow_server.providers.bedrock.read import document_reader, stream_reader
from hedgerow_server.providers.bedrock.section import BedrockSection
from hedgerow_server.providers.bedrock.sign import Clock, Signer, utc_now
from hedgerow_server.providers.bedrock.state import DIALECT
from hedgerow_server.providers.draft import Draft
from hedgerow_server.providers.reading import JSON, media_type
from hedgerow_server.providers.refusal import wrong_content_type

__all__ = ["Bedrock", "BedrockSection"]

_EVENT_STREAM = "application/vnd.amazon.eventstream"


class Bedrock:
    """One configured provider of this dialect; see core.port.Dialect."""

    name = DIALECT

    def __init__(self, provider: str, section: BedrockSection, *, clock: Clock = utc_now) -> None:
        """`provider` is the configured name; `clock` tells the time that requests are signed with."""
        self._provider = provider
        self.embed_batch_limit = section.embed_batch_limit
        base_url = section.base_url or f"https://bedrock-runtime.{section.region}.amazonaws.com"
        self._models_url = f"{base_url.rstrip('/')}/model/"
        self._signer = Signer(provider, section.region, clock)

    def default_dimensions(self, model: str) -> int | None:
        """The length of a model's vectors when none is asked for, where it is known."""
        return default_dimensions(model)

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

    def reader(self, operation: Operation, *, stream: bool, content_type: str) -> Reader:
        """A reader for what came back, whichever of a stream and a document was asked for."""
        media = media_type(content_type, _EVENT_STREAM if stream else JSON)
        if operation is Operation.EMBED and media == JSON:
            return embed_reader(self._provider)
        if operation is Operation.CHAT and media == JSON:
            return document_reader(self._provider)
        if operation is Operation.CHAT and media == _EVENT_STREAM:
            return stream_reader(self._provider)
        raise wrong_content_type(self._provider, media)

    def classify(self, status: int, headers: Mapping[str, str], body: bytes) -> HedgerowError:
        """What an answer that is not a success means. Header names are lower case."""
        return classify(self._provider, status, headers, body)
