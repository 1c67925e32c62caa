"""What the ledger's tables keep: one row for each call and one for each of its attempts.

The fields are the columns, by the same names. Money is in picos (10^-12 US dollars): a sum over many rows may pass what
64 bits hold (9.2 million dollars), so sum whole micro-dollars and the rest apart. Times are Unix times or durations, in
seconds.
"""

import msgspec


class Counted(msgspec.Struct, kw_only=True, gc=False):
    """Tokens by disjoint class, as in core.event.Usage; all of them together are input and output."""

    input_uncached_tokens: int = 0
    input_cache_read_tokens: int = 0
    input_cache_write_tokens: int = 0
    """Written to the provider's cache for at most 5 minutes, or for a time that it does not say."""
    input_cache_write_long_tokens: int = 0
    """Written for longer."""
    input_audio_tokens: int = 0
    input_image_tokens: int = 0
    output_visible_tokens: int = 0
    output_reasoning_tokens: int = 0
    output_audio_tokens: int = 0
    output_image_tokens: int = 0
    cache_writes: tuple[tuple[float | None, int], ...] = ()
    """The writes once more: for how long (None: not said), and how many tokens. A JSON text in the table, empty for
    none.
    """
    other_units: dict[str, int] = {}
    """What else was counted, by the provider's word for it. A JSON text in the table, empty for none."""
    estimated: bool = False
    """Whether any of it is the gateway's own estimate. In the table 0 or 1, as all that is true or not."""


class AttemptRow(Counted, kw_only=True):
    """One request to a provider. Its caller stands in the call's row."""

    call_id: str
    number: int
    """Counts the attempts of a call from 1."""
    provider: str
    """The configured name."""
    model: str
    """The provider's name for the model that was asked."""
    served_model: str = ""
    """What the provider said that it is; empty where it did not say."""
    region: str = ""
    credential: str = ""
    """The configured name of the key; empty for none."""
    kind: str
    """PRIMARY, RETRY, FAILOVER or HEDGE."""
    outcome: str
    """SUCCEEDED, FAILED, HEDGE_LOST, CANCELLED, REPLACED, or LOST where the gateway died before it had ended."""
    error_reason: str = ""
    """An ErrorReason without its prefix; empty for none."""
    upstream_status: int = 0
    """The HTTP status; 0 where none came."""
    upstream_request_id: str = ""
    started_unix_s: float
    connect_s: float | None = None
    """How long it took to connect; None where a connection was there already, or that is not known."""
    first_token_s: float | None = None
    """From the start to the first content; None: none came."""
    total_s: float = 0.0
    hedge_planned_s: float | None = None
    """Of a hedged attempt: how long after the first one it was to start."""
    hedge_delay_s: float | None = None
    """Of a hedged attempt: how long after the first one it really started."""
    request_bytes: int = 0
    """The length of the request's body."""
    cost_picos: int | None = None
    """What the provider takes for it. None: it counted something, and the price is not known."""
    price_version: str = ""
    account: str
    """Who pays: "charged", the caller; "overhead", the route (it lost a race, or was replaced); "unbilled", nobody."""


class Judgement(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a guard has decided; see core.event.GuardVerdict."""

    action: str
    """The name of a core.guard.Action."""
    side: str
    """The name of a core.guard.Side."""
    category: str
    score: float | None = None
    shadow: bool = False


class GuardRow(msgspec.Struct, frozen=True, omit_defaults=True):
    """A guard's part in a call."""

    guardrail: str
    took_s: float = 0.0
    verdicts: tuple[Judgement, ...] = ()


class CallRow(Counted, kw_only=True):
    """One call. What it used is what it is charged for: the sum over its attempts of the account "charged"."""

    call_id: str
    """The gateway's own: 32 hexadecimal digits that rise with time (RFC 9562, version 7)."""
    request_id: str
    """As the caller knows it. A caller may choose it, so it need not be the only one."""
    tenant: str = ""
    team: str = ""
    user: str = ""
    service: str = ""
    key_id: str = ""
    """The visible part of the API key."""
    labels: dict[str, str] = {}
    """A JSON text in the table, empty for none."""
    method: str
    """The RPC as "Service/Method"."""
    route: str
    """The model name that was asked for."""
    stream: bool = False
    started_unix_s: float
    provider: str = ""
    """Who answered; empty where nobody did."""
    model: str = ""
    """The provider's name for the model that answered."""
    region: str = ""
    code: str = "OK"
    """The name of the gRPC status code."""
    reason: str = ""
    """An ErrorReason without its prefix; empty for OK, and where the call was lost."""
    cost_picos: int = 0
    """All that is known of what its attempts cost."""
    charged_picos: int = 0
    """Of it what the caller pays."""
    overhead_picos: int = 0
    """Of it what the route pays."""
    unpriced_attempts: int = 0
    """Attempts that counted something and whose price is not known."""
    price_version: str = ""
    queue_s: float = 0.0
    """Waited for a turn."""
    auth_s: float = 0.0
    """Spent on finding out who calls."""
    guardrail_s: float = 0.0
    """Spent in guards."""
    guards: tuple[GuardRow, ...] = ()
    """Which ones, and what they decided. A JSON text in the table, empty for none."""
    connect_s: float | None = None
    """Of the attempt that answered, as the next one."""
    first_token_s: float | None = None
    """From the call's start to the first content of the attempt that answered. None: none came."""
    total_s: float = 0.0
    gateway_s: float = 0.0
    """The gateway's own part: before the first attempt and after the last, without waiting for a turn or a guard."""
    cache: str = ""
    """"hit", "miss", or empty where no cache was asked."""
    saved_picos: int | None = None
    """What the kept answer had cost, or those of the vectors that were kept. None: nothing was, or it is not known."""
    attempts: int = 0
    hedged: bool = False
    downgraded_from: str = ""
    """The model that a budget has turned the call away from."""
    warnings: tuple[str, ...] = ()
    """Codes of warnings. A JSON text in the table, empty for none."""
    why: str = ""
    """Why this route: the strategy and the rules that held."""
    caused_by: str = ""
    """Of a call that the gateway made itself: the one that it was made for. Its caller pays, and it counts as no call
    of his.
    """
    purpose: str = ""
    """Of the same: what for, such as "semantic_cache"."""
    lost: bool = False
    """Whether the gateway died before the call had ended: the row was made of what was left, and parts of it are
    estimates.
    """
