"""What a caller asks: the contract's request messages without protobuf. Values are checked before they get here."""

import enum
import re
from collections.abc import Mapping

import msgspec


class Role(enum.Enum):
    """Who speaks."""

    SYSTEM = "system"
    DEVELOPER = "developer"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


class ImageDetail(enum.Enum):
    """How closely a model looks at an image."""

    AUTO = "auto"
    LOW = "low"
    HIGH = "high"


class ToolChoiceMode(enum.Enum):
    """Whether a tool must be called."""

    AUTO = "auto"
    NONE = "none"
    REQUIRED = "required"


class Effort(enum.Enum):
    """A step of reasoning effort, in rising order."""

    NONE = "none"
    MINIMAL = "minimal"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    XHIGH = "xhigh"
    MAX = "max"


class EmbedPurpose(enum.Enum):
    """What vectors are for."""

    QUERY = "query"
    DOCUMENT = "document"
    CLASSIFICATION = "classification"
    CLUSTERING = "clustering"
    SIMILARITY = "similarity"


class ProviderState(msgspec.Struct, frozen=True):
    """State that the dialect `provider` attached to a part; opaque to all others."""

    provider: str
    data: bytes


VERBATIM = b"verbatim"
"""The state of a text which is the JSON of a block of the dialect's own, for which the contract has no part: that
dialect sends the block in its place, others the text. So guards find all of its words there.
"""


class CacheHint(msgspec.Struct, frozen=True):
    """Asks to cache the conversation up to here; `ttl_s` in seconds, None for the provider's default."""

    ttl_s: float | None = None


class Text(msgspec.Struct, frozen=True):
    """Plain text."""

    text: str


class Image(msgspec.Struct, frozen=True):
    """A picture: exactly one of `data` and `url`."""

    data: bytes | None = None
    url: str | None = None
    media_type: str = ""
    detail: ImageDetail | None = None


class Audio(msgspec.Struct, frozen=True):
    """A recording: exactly one of `data` and `url`."""

    data: bytes | None = None
    url: str | None = None
    media_type: str = ""
    transcript: str = ""


class File(msgspec.Struct, frozen=True):
    """A document or video: exactly one of `data`, `url` and `provider_file_id`."""

    data: bytes | None = None
    url: str | None = None
    provider_file_id: str | None = None
    media_type: str = ""
    name: str = ""


class ToolCall(msgspec.Struct, frozen=True):
    """A call of a function by the model; `arguments` is JSON text as the model wrote it."""

    id: str
    name: str
    arguments: str


class Reasoning(msgspec.Struct, frozen=True):
    """What the model thought before it answered."""

    text: str


class Refusal(msgspec.Struct, frozen=True):
    """The model's words when it declined."""

    text: str


class ProviderItem(msgspec.Struct, frozen=True):
    """An item that only the dialect `provider` understands."""

    provider: str
    type: str
    data: bytes


class ToolResult(msgspec.Struct, frozen=True):
    """What a function returned."""

    tool_call_id: str
    content: tuple["Part", ...] = ()
    is_error: bool = False


Content = Text | Image | Audio | File | ToolCall | ToolResult | Reasoning | Refusal | ProviderItem


class Citation(msgspec.Struct, frozen=True):
    """A source of an answer's text; indices count code points within the part."""

    url: str = ""
    title: str = ""
    cited_text: str = ""
    start_index: int | None = None
    end_index: int | None = None
    source_id: str = ""


class TokenAlternative(msgspec.Struct, frozen=True):
    """How likely a token was; `logprob` is natural, `data` the token's bytes where the provider gives them."""

    token: str
    logprob: float
    data: bytes = b""
    token_id: int | None = None


class TokenLogprob(msgspec.Struct, frozen=True):
    """How likely a token of an answer was, and in `top` the likeliest ones at its place."""

    token: str
    logprob: float
    data: bytes = b""
    token_id: int | None = None
    top: tuple[TokenAlternative, ...] = ()


class Part(msgspec.Struct, frozen=True):
    """One piece of a message. Only an answer's parts have citations and logprobs."""

    content: Content
    state: ProviderState | None = None
    citations: tuple[Citation, ...] = ()
    cache_hint: CacheHint | None = None
    logprobs: tuple[TokenLogprob, ...] = ()


class Message(msgspec.Struct, frozen=True):
    """One turn of a conversation."""

    role: Role
    content: tuple[Part, ...]
    name: str = ""


class FunctionTool(msgspec.Struct, frozen=True):
    """A function that the caller runs; `parameters` is JSON text, empty for none."""

    name: str
    description: str = ""
    parameters: str = ""
    strict: bool | None = None
    cache_hint: CacheHint | None = None


class ProviderTool(msgspec.Struct, frozen=True):
    """A tool that the provider runs; `definition` is JSON text."""

    provider: str
    definition: str
    cache_hint: CacheHint | None = None


_STATEFUL = re.compile(
    r'previous_response_id|"conversation"|"session|"container"|"(?:store|background)"\s*:(?!\s*(?:false|null)\b)'
)


def is_stateful(options: Mapping[str, str]) -> bool:
    """Whether a provider is asked to keep something of the call, or to go on from what it has kept: a second copy of it
    would leave a second trace, and its answer belongs to what was kept. By the words in the options of providers.
    """
    return any(_STATEFUL.search(text) for text in options.values())


class ToolChoice(msgspec.Struct, frozen=True):
    """Whether and which functions must be called."""

    mode: ToolChoiceMode
    function_names: tuple[str, ...] = ()


class JsonObjectFormat(msgspec.Struct, frozen=True):
    """Any JSON object."""


class JsonSchemaFormat(msgspec.Struct, frozen=True):
    """JSON that follows `schema`, which is JSON text."""

    name: str
    schema: str
    description: str = ""
    strict: bool | None = None


class ReasoningSpec(msgspec.Struct, frozen=True):
    """How much to reason; None leaves it to the provider."""

    effort: Effort | None = None
    max_tokens: int | None = None


class ChatSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of a chat model. None means unset: nothing is sent and the provider's default holds."""

    model: str
    messages: tuple[Message, ...]
    tools: tuple[FunctionTool | ProviderTool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: JsonObjectFormat | JsonSchemaFormat | None = None
    reasoning: ReasoningSpec | None = None
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    seed: int | None = None
    stop_sequences: tuple[str, ...] = ()
    prompt_cache_key: str = ""
    provider_options: dict[str, str] = {}
    top_logprobs: int | None = None
    for_any: tuple[str, ...] = ()
    """Those of the options, by name, that the caller has not set apart for one provider: what whoever answers does not
    take of them is a warning.
    """
    bound: tuple[str, str] | None = None
    """The name that a provider must go by to be asked, as in the options, and the field that wants it: it names what
    only such a provider has kept. None: anybody may answer.
    """


EmbedInput = str | tuple[int, ...]


class EmbedItem(msgspec.Struct, frozen=True):
    """One input of a stream, with the caller's id for it."""

    id: str
    input: EmbedInput


class EmbedSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of an embedding model: texts, or tokens of its own vocabulary."""

    model: str
    inputs: tuple[EmbedInput, ...] = ()
    dimensions: int | None = None
    purpose: EmbedPurpose | None = None
    provider_options: dict[str, str] = {}
    for_any: tuple[str, ...] = ()
    """As in ChatSpec."""


class CacheMode(enum.Enum):
    """What a call wants of the answers that the gateway has kept."""

    USE = 1
    """Take one, or have the new one kept."""
    REFRESH = 2
    """Take none that was there before; have the new one kept in its place."""
    BYPASS = 3
    """Neither."""
    READ_ONLY = 4
    """Take one, keep none."""
    WRITE_ONLY = 5
    """Ask the provider in any case; have the new one kept."""


class RoutePolicy(msgspec.Struct, frozen=True, kw_only=True):
    """How the gateway shall treat the call; narrows the route, never widens it. Times in seconds."""

    providers: tuple[str, ...] = ()
    require_parameters: bool = False
    first_token_timeout_s: float | None = None
    idle_timeout_s: float | None = None
    allow_route_change: bool = False
    regions: tuple[str, ...] = ()
    disable_hedging: bool = False
    max_attempts: int | None = None
    session_id: str = ""
    models: tuple[str, ...] = ()
    cache: CacheMode | None = None
    cache_max_age_s: float | None = None


NO_POLICY = RoutePolicy()


class Once(msgspec.Struct, frozen=True):
    """The wish to be answered once, however often the call is repeated."""

    key: str
    """The idempotency key, never empty."""
    asked: bytes
    """The digest of what was asked: the RPC and its whole request, without the key and the labels."""


class ChatRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A call of Complete or StreamComplete."""

    spec: ChatSpec
    policy: RoutePolicy = NO_POLICY
    labels: dict[str, str] = {}
    once: Once | None = None


class EmbedRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A call of Embed, or the options of StreamEmbed (then `spec` has no inputs)."""

    spec: EmbedSpec
    policy: RoutePolicy = NO_POLICY
    labels: dict[str, str] = {}
    once: Once | None = None
    """Of Embed: a stream of inputs cannot be compared with an earlier one."""


class EstimateRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A call of EstimateCost: what would be asked, and how."""

    spec: ChatSpec | EmbedSpec
    policy: RoutePolicy = NO_POLICY
    labels: dict[str, str] = {}


class ExplainRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A call of ExplainRoute: what would be asked, and how."""

    spec: ChatSpec | EmbedSpec
    policy: RoutePolicy = NO_POLICY
    labels: dict[str, str] = {}
    stream: bool = False
    """Whether the chat would be streamed."""


class ListModelsRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A call of ListModels."""

    page_size: int = 100
    page_token: str = ""
    kind: str = ""
    """"chat", "embed" or empty: both."""
    provider: str = ""
    """The configured name of a provider that may serve the models; empty: any."""
    without_stars: bool = False
    """Leaves out names that stand for all models of a provider."""
    before_token: str = ""
    """A page token where the page ends, in the place of `page_token`: the answer's token leads on backwards."""
    name: str = ""
    """The one model that is asked about, which may be one of those that a name with a star stands for; empty: all."""
