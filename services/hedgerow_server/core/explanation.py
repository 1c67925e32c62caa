"""Why a route would serve a call as it would. Times in seconds, prices in 10^-12 US dollars."""

import enum

import msgspec

from hedgerow_server.core.admin import PoolFacts
from hedgerow_server.core.terminal import Terminal


class Why(enum.Enum):
    """What decides about a candidate; the numbers are the contract's CandidateReason."""

    LISTED = 1
    WEIGHT = 2
    PRICE = 3
    SPEED = 4
    AFFINITY = 5
    RESTING = 6
    EJECTED = 7
    REGION = 8
    SWITCHED_OFF = 9
    PROVIDER = 10
    CONDITION = 11
    CAPABILITY = 12
    CONTEXT = 13
    VECTOR_SPACE = 14
    MODEL = 15


class HedgingTerms(msgspec.Struct, frozen=True):
    """When a second attempt would run beside a slow first one."""

    max_extra_percent: float
    min_delay_s: float
    max_delay_s: float


class CandidateHealth(msgspec.Struct, frozen=True, kw_only=True):
    """What was learned of a candidate from earlier calls."""

    breaker: str
    """"closed", "open" or "half_open"."""
    back_in_s: float = 0.0
    """How long until it may be asked again; 0: it may."""
    resting_because: str = ""
    running: int = 0
    """Attempts that are under way."""
    typical_s: float | None = None
    """The median of the newest times to the first content of attempts of the call's shape; None: none is known."""
    rate_limited_share: float = 0.0
    pool: PoolFacts | None = None
    """What is left of the credential's limits as the gateway counts them; None: none is known."""


class CandidatePrice(msgspec.Struct, frozen=True, kw_only=True):
    """What a candidate costs now."""

    input_picos: float | None
    """An uncached input token, for a request of this length; None: it has no price of its own."""
    output_picos: float | None
    """An output token, likewise."""
    expected_picos: int | None
    """The call, by the rule of thumb that `cheapest` goes by."""
    version: str


class CandidateExplanation(msgspec.Struct, frozen=True, kw_only=True):
    """What a route makes of one candidate for one call."""

    provider: str
    model: str
    region: str
    credential: str
    """The name of the credential; empty without one."""
    eligible: bool
    """Whether it may serve the call, now or later."""
    asked: bool
    """Whether it may be asked now."""
    why: Why
    text: str
    """The reason, for people."""
    written_in: str = ""
    """Where the configuration or the request says so."""
    health: CandidateHealth
    price: CandidatePrice | None = None
    """None: unknown, which is not free."""
    first_share: float | None = None
    """Of a weighted route: the share of calls that come here first."""


class RouteExplained(Terminal, frozen=True, kw_only=True):
    """The answer of ExplainRoute: those that may serve the call, in order, then the others."""

    candidates: tuple[CandidateExplanation, ...]
    strategy: str
    rules: tuple[int, ...]
    """The route's rules that hold, by their place from 0."""
    max_attempts: int
    affinity: bool
    """Whether the route keeps conversations with their candidate."""
    hedging: HedgingTerms | None = None
    """None: the call would not be hedged."""
