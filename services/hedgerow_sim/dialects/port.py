"""What a dialect is, seen from the handler and the behaviours."""

import enum
from collections.abc import Collection, Iterable, Mapping
from typing import Literal, Protocol

import msgspec


class Kind(enum.Enum):
    """Why a provider refuses, in terms that every dialect has words for."""

    BAD_REQUEST = "bad_request", 400
    CONTEXT_LENGTH = "context_length", 400
    """The prompt is longer than the model can read."""
    NO_KEY = "no_key", 401
    BAD_KEY = "bad_key", 401
    PERMISSION = "permission", 403
    NO_PATH = "no_path", 404
    NO_MODEL = "no_model", 404
    METHOD = "method", 405
    RATE_LIMIT = "rate_limit", 429
    """Too many requests: waiting helps."""
    QUOTA = "quota", 429
    """No money left: waiting does not help."""
    PREFILL = "prefill", 400
    """The conversation ends with the assistant's words, which this model does not go on with."""
    FILTER = "filter", 400
    """The prompt offends the provider's content policy."""
    UNPROCESSABLE = "unprocessable", 422
    SERVER = "server", 500
    GATEWAY = "gateway", 502
    """The provider's front reached nothing behind it."""
    OVERLOADED = "overloaded", 503
    TIMEOUT = "timeout", 504
    """The provider's front waited in vain."""
    BUSY = "busy", 529
    """Overloaded, by the status that Anthropic uses for it."""

    def __init__(self, word: str, status: int) -> None:
        self.word = word
        self.status = status
        """The HTTP status that most providers use for it."""


class Refusal(Exception):
    """A request that is answered with an error of the provider's own shape."""

    def __init__(
        self,
        kind: Kind,
        message: str = "",
        *,
        about: str = "",
        param: str | None = None,
        code: str | None = None,
        after_s: float = 2.0,
    ) -> None:
        super().__init__(message or f"{kind.word} {about}".strip())
        self.kind = kind
        self.message = message
        """What to say; empty leaves the words to the dialect."""
        self.about = about
        """What the dialect's own words name: the model, the masked key, the method and path."""
        self.param = param
        """The field at fault, in the dialect's own spelling."""
        self.code = code
        """A machine-readable word; None leaves it to the dialect."""
        self.after_s = after_s
        """Of a rate limit: how long until it is over, in seconds."""


class Incoming(msgspec.Struct, frozen=True):
    """A request as it came in."""

    path: str
    """Without the query, escapes as sent."""
    query: str
    """As sent, without the question mark."""
    headers: Mapping[str, str]
    """Names are case-insensitive."""
    body: bytes
    """Whole."""


class Signature(msgspec.Struct, frozen=True):
    """Proves a key without showing it: well formed, but never verified here."""

    access_key: str = ""
    """The id of the key."""
    session_token: str = ""
    """What temporary keys are sent with."""

    def passes(self, keys: Collection[str]) -> bool:
        """Whether these keys let it in. Where ids of AWS are among them only those do; the temporary ones, ASIA…, with
        a session token.
        """
        ids = {key for key in keys if key.startswith(("AKIA", "ASIA"))}
        if not ids:
            return True
        return self.access_key in ids and bool(self.session_token or not self.access_key.startswith("ASIA"))


class Refused(msgspec.Struct, frozen=True):
    """An error answer, ready to be sent."""

    status: int
    """HTTP status."""
    headers: Mapping[str, str]
    """Without the framing ones."""
    body: bytes
    """In the dialect's own shape."""


class Frame(msgspec.Struct, frozen=True, gc=False):
    """A piece of an answer that is written at once: a stream's event, or a whole body."""

    data: bytes
    """As on the wire."""
    tokens: int = 0
    """Output tokens in it."""
    delays: int = 0
    """How many token delays pass before it; the delay before the first frame is the law's `first` besides."""
    end: bool = False
    """This is the stream's mark of its end: [DONE], or the event that stands for it."""


class Reply(msgspec.Struct, frozen=True):
    """An answer with status 200, ready to be sent."""

    headers: Mapping[str, str]
    """Content type and whatever else the provider sends."""
    frames: Iterable[Frame]
    """A stream's events, or one frame with the whole body."""
    streamed: bool
    """Whether this is a stream."""


class Wish(msgspec.Struct, frozen=True):
    """What a behaviour wants of the answer."""

    length: int | None = None
    """Exactly so many tokens of text, unless the request's own limit is lower."""
    finish: bool = True
    """False leaves out the finish reason."""
    stream: bool | None = None
    """Overrides whether a stream was asked for."""
    text: str | None = None
    """Exactly this text."""
    echo: bool = False
    """Exactly the last user message."""
    call: Literal["whole", "half"] | None = None
    """Nothing but one tool call, the request's first tool or one made up; half: its arguments break off."""
    filtered: bool = False
    """The content filter ended the answer."""


class Job(Protocol):
    """One request, read and found valid."""

    @property
    def model(self) -> str:
        """As requested."""

    @property
    def stream(self) -> bool:
        """Whether a stream was asked for."""

    @property
    def input_tokens(self) -> int:
        """Tokens of the prompt."""

    def reply(self, call: int, wish: Wish, /) -> Reply:
        """The answer; `call` makes the ids in it unique."""

    def failure(self, refusal: Refusal, /) -> bytes:
        """An error as an event inside this job's stream; empty for a job that never streams."""


class Dialect(Protocol):
    """How one provider API talks."""

    def serves(self, path: str) -> bool:
        """Whether a path, without query, is one of this API."""

    def key(self, incoming: Incoming) -> str | Signature | None:
        """The API key a request carries, None without one. Raises Refusal for a malformed credential."""

    def read(self, incoming: Incoming) -> Job:
        """Reads a request. Raises Refusal for what the provider would not accept."""

    def refusal(self, refusal: Refusal, call: int, incoming: Incoming) -> Refused:
        """An error answer; `call` makes the ids in it unique."""
