"""What comes back: the events of an answer, the same for unary and streaming calls."""

import enum
from collections.abc import AsyncGenerator

import msgspec

from hedgerow_server.core.admin import AdminAnswer
from hedgerow_server.core.explanation import RouteExplained
from hedgerow_server.core.guard import Action, Side
from hedgerow_server.core.model import ModelFacts
from hedgerow_server.core.request import Citation, ProviderItem, ProviderState, TokenLogprob
from hedgerow_server.core.spend import UsageAnswer
from hedgerow_server.core.terminal import Terminal


class FinishReason(enum.Enum):
    """Why a model stopped. An error is never a finish reason."""

    STOP = 1
    LENGTH = 2
    CONTEXT_LENGTH = 3
    TOOL_CALLS = 4
    CONTENT_FILTER = 5
    REFUSAL = 6
    RECITATION = 7
    MALFORMED_TOOL_CALL = 8
    MALFORMED_OUTPUT = 9
    PAUSE = 10
    GUARDRAIL = 11
    BUDGET = 12
    OTHER = 13


class WarningCode(enum.Enum):
    """How the served call differs from the one that was asked."""

    PARAMETER_IGNORED = 1
    PARAMETER_CHANGED = 2
    PROVIDER_STATE_DROPPED = 3
    CHOICES_DROPPED = 4
    DEADLINE_CLAMPED = 5
    MODEL_RETIRING = 6
    ANSWER_NOT_KEPT = 7
    MODEL_DOWNGRADED = 8
    OUTPUT_REPAIRED = 9


class Warning(msgspec.Struct, frozen=True):
    """One difference; `field` is the dotted request field or empty."""

    code: WarningCode
    field: str
    message: str


class Usage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Tokens by disjoint class; the sums are properties. `input_cache_writes` holds (seconds or None, tokens)."""

    input_uncached_tokens: int = 0
    input_cache_read_tokens: int = 0
    input_cache_writes: tuple[tuple[float | None, int], ...] = ()
    input_audio_tokens: int = 0
    input_image_tokens: int = 0
    output_visible_tokens: int = 0
    output_reasoning_tokens: int = 0
    output_audio_tokens: int = 0
    output_image_tokens: int = 0
    other_units: dict[str, int] = {}
    estimated: bool = False
    final: bool = False

    @property
    def input_tokens(self) -> int:
        """All input tokens."""
        writes = self.input_cache_writes
        return (
            self.input_uncached_tokens
            + self.input_cache_read_tokens
            + (sum([tokens for _, tokens in writes]) if writes else 0)
            + self.input_audio_tokens
            + self.input_image_tokens
        )

    @property
    def output_tokens(self) -> int:
        """All output tokens."""
        return (
            self.output_visible_tokens
            + self.output_reasoning_tokens
            + self.output_audio_tokens
            + self.output_image_tokens
        )


def added(one: Usage, other: Usage) -> Usage:
    """The sum of two usages; estimated if either is, final if both are."""
    writes: dict[float | None, int] = {}
    for ttl_s, tokens in one.input_cache_writes + other.input_cache_writes:
        writes[ttl_s] = writes.get(ttl_s, 0) + tokens
    units = dict(one.other_units)
    for unit, count in other.other_units.items():
        units[unit] = units.get(unit, 0) + count
    return Usage(
        input_uncached_tokens=one.input_uncached_tokens + other.input_uncached_tokens,
        input_cache_read_tokens=one.input_cache_read_tokens + other.input_cache_read_tokens,
        input_cache_writes=tuple(writes.items()),
        input_audio_tokens=one.input_audio_tokens + other.input_audio_tokens,
        input_image_tokens=one.input_image_tokens + other.input_image_tokens,
        output_visible_tokens=one.output_visible_tokens + other.output_visible_tokens,
        output_reasoning_tokens=one.output_reasoning_tokens + other.output_reasoning_tokens,
        output_audio_tokens=one.output_audio_tokens + other.output_audio_tokens,
        output_image_tokens=one.output_image_tokens + other.output_image_tokens,
        other_units=units,
        estimated=one.estimated or other.estimated,
        final=one.final and other.final,
    )


class CacheKind(enum.Enum):
    """How a kept answer was found."""

    EXACT = 1
    SEMANTIC = 2


class CacheOrigin(msgspec.Struct, frozen=True):
    """Where an answer comes from that no provider was asked for."""

    kind: CacheKind
    age_s: float
    """How long ago it was made."""
    provider: str
    """Who made it, by the configured name."""
    model: str
    """The name of the model that the provider was asked by."""
    saved_picos: int | None = None
    """What it cost then, in 10^-12 US dollars; None: unknown."""
    similarity: float | None = None
    """How alike the two questions are, 0 to 1; None for an equal one."""


Beside = dict[str, dict[str, str]]
"""What a provider says of its answer and the contract has no word for: texts by the names of their members, by the API
that has such members, as `provider_options` names it. Callers of that API are told.
"""


class Started(msgspec.Struct, frozen=True):
    """An answer begins. A dialect fills what the provider said; the executor the rest; the cache its origin."""

    provider: str = ""
    model: str = ""
    warnings: tuple[Warning, ...] = ()
    response_id: str = ""
    cache: CacheOrigin | None = None
    beside: Beside = {}
    """As far as it is known when the answer begins."""


class TextDelta(msgspec.Struct, frozen=True, gc=False):
    """More text of a part."""

    part_index: int
    text: str


class RefusalDelta(msgspec.Struct, frozen=True, gc=False):
    """More words of refusal."""

    part_index: int
    text: str


class ReasoningDelta(msgspec.Struct, frozen=True, gc=False):
    """More of the model's thoughts."""

    part_index: int
    text: str


class ToolCallStarted(msgspec.Struct, frozen=True, gc=False):
    """A tool call begins."""

    part_index: int
    id: str
    name: str


class ToolCallArgumentsDelta(msgspec.Struct, frozen=True, gc=False):
    """More of a tool call's arguments, JSON text."""

    part_index: int
    arguments: str


class ToolCallEnded(msgspec.Struct, frozen=True, gc=False):
    """A tool call's arguments are complete."""

    part_index: int


class CitationAdded(msgspec.Struct, frozen=True):
    """A source of a part's text."""

    part_index: int
    citation: Citation


class LogprobsDelta(msgspec.Struct, frozen=True):
    """How likely more tokens of a part were; the part has had a delta before."""

    part_index: int
    tokens: tuple[TokenLogprob, ...]


class MediaDelta(msgspec.Struct, frozen=True):
    """More of a generated medium; `media_type` is set on a part's first delta."""

    part_index: int
    media_type: str = ""
    data: bytes = b""
    url: str = ""
    transcript: str = ""


class ProviderItemAdded(msgspec.Struct, frozen=True):
    """An item of the provider's own, as a part."""

    part_index: int
    item: ProviderItem


class ProviderStateAttached(msgspec.Struct, frozen=True):
    """State of the provider's own, attached to a part."""

    part_index: int
    state: ProviderState


class RouteChanged(msgspec.Struct, frozen=True):
    """Another candidate begins anew: all that was sent before is void."""

    provider: str
    model: str
    warnings: tuple[Warning, ...] = ()
    response_id: str = ""


class GuardVerdict(msgspec.Struct, frozen=True):
    """What a guard has decided while the answer goes on."""

    guardrail: str
    """Its configured name."""
    action: Action
    """What was done; in shadow mode, what would have been."""
    side: Side
    category: str
    """What was found, such as "pii.email"; "guard.failed" where the guard could not tell and the call went on."""
    score: float | None = None
    """How sure the guard is, 0 to 1."""
    shadow: bool = False
    """Whether it is only recorded."""


class Finished(msgspec.Struct, frozen=True):
    """A dialect's last word on an answer. The executor makes `Completed` of it; it never reaches a caller itself."""

    reason: FinishReason
    native_reason: str
    usage: Usage | None
    stop_sequence: str = ""
    warnings: tuple[Warning, ...] = ()
    beside: Beside = {}


class AttemptKind(enum.Enum):
    """Why an attempt was started."""

    PRIMARY = 1
    RETRY = 2
    FAILOVER = 3
    HEDGE = 4


class AttemptOutcome(enum.Enum):
    """How an attempt ended."""

    SUCCEEDED = 1
    FAILED = 2
    HEDGE_LOST = 3
    CANCELLED = 4
    REPLACED = 5
    LOST = 6
    """The gateway died meanwhile: only the ledger has it."""


class AttemptRecord(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):
    """The record of one upstream request. Filled while it runs, complete when `outcome` is set. Times in seconds."""

    number: int
    provider: str
    model: str
    region: str
    kind: AttemptKind
    start_unix_s: float
    outcome: AttemptOutcome | None = None
    error_reason: str = ""
    upstream_status: int = 0
    upstream_request_id: str = ""
    first_token_s: float | None = None
    total_s: float = 0.0
    usage: Usage | None = None
    hedge_delays_s: tuple[float, float] | None = None
    """Of a hedged attempt: how long after the first one it was to start, and how long it really was."""
    cost_picos: int | None = None
    """What the provider takes for it, in 10^-12 US dollars; 0 for what it refused. None: unknown."""
    price_version: str = ""
    """The version of the price that the cost is from; empty without one."""
    served_model: str = ""
    """What the provider said that it is; empty where it did not say."""
    connect_s: float | None = None
    """How long it took to connect; None where a connection was there already, or that is not known."""
    open_ended: bool = False
    """Whether its answer is read on though nobody waits for it: `usage` and `cost_picos` are still to change."""
    span_id: str = ""
    """The id of its span, which the provider was told as the parent; empty where the call is not traced."""


class Completed(Terminal, frozen=True):
    """An answer is complete. Exactly one, last."""

    reason: FinishReason
    native_reason: str
    usage: Usage
    attempts: tuple[AttemptRecord, ...] = ()
    stop_sequence: str = ""
    kept: bool = False
    """Whether the answer was kept from an earlier call: it costs nothing."""
    beside: Beside = msgspec.field(default_factory=dict)
    """The last word; what Started has told may have changed."""


class EmbeddingsAdded(msgspec.Struct, frozen=True):
    """The vectors of one batch, in the order of its inputs, each as packed little-endian 32-bit floats."""

    vectors: list[bytes]
    ids: tuple[str, ...] = ()


class ItemFailed(msgspec.Struct, frozen=True):
    """One input of a stream has no vector; `error` is a HedgerowError."""

    id: str
    error: Exception


class EmbedCompleted(Terminal, frozen=True):
    """Every input is answered. Exactly one, last."""

    usage: Usage
    attempts: tuple[AttemptRecord, ...] = ()
    attempts_count: int = 0
    embedded_count: int = 0
    failed_count: int = 0
    cached_count: int = 0
    """Of those that were embedded: for how many no provider was asked."""
    saved_picos: int | None = None
    """What those had cost, in 10^-12 US dollars; None: unknown, or there are none."""


class CandidateInfo(msgspec.Struct, frozen=True):
    """Who may serve a model; `facts` is what the catalogue knows of it."""

    provider: str
    model: str
    region: str
    facts: ModelFacts | None = None


class ModelInfo(msgspec.Struct, frozen=True):
    """A name that callers use; `kind` is "chat" or "embed"."""

    name: str
    kind: str
    candidates: tuple[CandidateInfo, ...]


class ModelsListed(Terminal, frozen=True):
    """The answer of ListModels."""

    models: tuple[ModelInfo, ...]
    next_page_token: str


class CostEstimate(msgspec.Struct, frozen=True, kw_only=True):
    """What one attempt may cost at one candidate. Costs are 10^-12 US dollars; None: unknown, or without a bound."""

    candidate: CandidateInfo
    low_picos: int | None
    expected_picos: int | None
    high_picos: int | None
    expected_input_tokens: int
    input_tokens_bound: int | None
    expected_output_tokens: int
    output_tokens_bound: int | None
    price_version: str


class CostEstimated(Terminal, frozen=True):
    """The answer of EstimateCost, in the order in which the candidates would be asked."""

    candidates: tuple[CostEstimate, ...]


class TokenCount(msgspec.Struct, frozen=True, kw_only=True):
    """How long an input is at one candidate; None: without a bound, or not known."""

    candidate: CandidateInfo
    expected: int
    bound: int | None
    context_tokens: int | None


class TokensCounted(Terminal, frozen=True):
    """The answer of CountTokens, in the order in which the candidates would be asked."""

    candidates: tuple[TokenCount, ...]


class Answered(Terminal, frozen=True):
    """The answer of an RPC for operators."""

    answer: AdminAnswer


class UsageTold(Terminal, frozen=True):
    """The answer of an RPC of UsageService."""

    answer: UsageAnswer


Delta = (
    TextDelta
    | RefusalDelta
    | ReasoningDelta
    | ToolCallStarted
    | ToolCallArgumentsDelta
    | ToolCallEnded
    | CitationAdded
    | LogprobsDelta
    | MediaDelta
    | ProviderItemAdded
    | ProviderStateAttached
)
Event = (
    Started
    | Delta
    | RouteChanged
    | GuardVerdict
    | Finished
    | Completed
    | EmbeddingsAdded
    | ItemFailed
    | EmbedCompleted
    | ModelsListed
    | CostEstimated
    | TokensCounted
    | Answered
    | UsageTold
    | RouteExplained
)

Events = AsyncGenerator[Event, None]
"""The events of an answer as they come; closed by whoever reads them."""

_WORDS = (TextDelta, ReasoningDelta, RefusalDelta)


def coalesce(events: list[Event]) -> list[Event]:
    """Joins neighbouring deltas of one part. What arrived together goes out together; order and text stay the same."""
    if len(events) < 2:
        return events
    joined = [events[0]]
    for event in events[1:]:
        last, at = joined[-1], -1
        union = _union(last, event) if type(last) is type(event) else None
        if union is None and type(last) is LogprobsDelta and len(joined) > 1:
            # Text may pass the log probabilities of the text before it: each is joined with its like.
            at = -2
            union = _union(joined[-2], event)
        if union is None:
            joined.append(event)
        else:
            joined[at] = union
    return joined


def _union(last: Event, event: Event) -> Event | None:
    if isinstance(event, _WORDS):
        if isinstance(last, type(event)) and last.part_index == event.part_index:
            return type(event)(event.part_index, last.text + event.text)
    elif (
        isinstance(event, ToolCallArgumentsDelta)
        and isinstance(last, ToolCallArgumentsDelta)
        and last.part_index == event.part_index
    ):
        return ToolCallArgumentsDelta(event.part_index, last.arguments + event.arguments)
    elif isinstance(event, LogprobsDelta) and isinstance(last, LogprobsDelta) and last.part_index == event.part_index:
        return LogprobsDelta(event.part_index, last.tokens + event.tokens)
    return None
