"""The Gemini API: https://ai.google.dev/api."""

from collections.abc import Mapping
from urllib.parse import quote

from hedgerow_server.core.error import HedgerowError
from hedgerow_server.core.port import HttpRequest, Operation, Prepared, Reader
from hedgerow_server.core.request import ChatSpec, EmbedSpec
from hedgerow_server.core.secret import Secret
from hedgerow_server.providers.draft import Draft
from hedgerow_server.providers.google.build import chat_body
from hedgerow_server.providers.google.embed import Batch, EmbedReader, default_dimensions, gemini_body
from hedgerow_server.providers.google.errors import classify
from hedgerow_server.providers.google.flavour import GEMINI, Flavour
from hedgerow_server.providers.google.read import DocumentReader, StreamReader
from hedgerow_server.providers.google.section import GeminiSection
from hedgerow_server.providers.google.state import DIALECT
from hedgerow_server.providers.refusal import wrong_content_type

STREAM = "streamGenerateContent?alt=sse"
DOCUMENT = "generateContent"


class Gemini:
    """One configured provider of this dialect; see core.port.Dialect."""

    name = DIALECT

    def __init__(self, provider: str, section: GeminiSection) -> None:
        """`provider` is the configured name."""
        self._provider = provider
        self.embed_batch_limit = section.embed_batch_limit
        self._base_url = section.base_url.rstrip("/")

    def default_dimensions(self, model: str) -> int | None:
        """The length of a model's vectors when none is asked for; None for models that are not known."""
        return default_dimensions(model)

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
        headers = {"content-type": "application/json", "accept": "text/event-stream" if stream else "application/json"}
        if secret is not None:
            headers["x-goog-api-key"] = secret.reveal()
        url = f"{self._base_url}/{quote(resource)}:{method}"
        return Prepared(HttpRequest("POST", url, headers, body), tuple(draft.warnings))

    def reader(self, operation: Operation, *, stream: bool, content_type: str) -> Reader:
        """A reader for what came back, whichever of a stream and a document was asked for."""
        return reader(self._provider, GEMINI, operation, media_type(content_type, stream=stream))

    def classify(self, status: int, headers: Mapping[str, str], body: bytes) -> HedgerowError:
        """What an answer that is not a success means. Header names are lower case."""
        return classify(self._provider, status, headers, body)


def media_type(content_type: str, *, stream: bool) -> str:
    """The media type of an answer; where it has none, that of what was asked for."""
    found = content_type.partition(";")[0].strip().lower()
    return found or ("text/event-stream" if stream else "application/json")


def reader(provider: str, flavour: Flavour, operation: Operation, media: str) -> Reader:
    """The reader for an answer of this media type. Raises UpstreamProtocol for one that is none of the dialect's."""
    if operation is Operation.EMBED and media == "application/json":
        return EmbedReader(provider)
    if operation is Operation.CHAT and media == "application/json":
        return DocumentReader(provider, flavour)
    if operation is Operation.CHAT and media == "text/event-stream":
        return StreamReader(provider, flavour)
    raise wrong_content_type(provider, media)
