"""What operators ask of a router, and what they are told."""

import msgspec

from hedgerow_server.core.credentials import CredentialAnswer
from hedgerow_server.core.keys import KeyAnswer
from hedgerow_server.core.plan import Plan


class Change(msgspec.Struct, frozen=True):
    """One entry of the configuration that is not what it was: its dotted path, and "added", "removed" or "changed"."""

    path: str
    kind: str


class Reloaded(msgspec.Struct, frozen=True):
    """What has come of a reload, or would."""

    config_hash: str
    applied: bool
    """Whether another configuration is in force than before."""
    changes: tuple[Change, ...]
    """Sorted by path."""
    restart_keys: tuple[str, ...]
    """Keys that differ from what the router was started with and take effect only with a restart."""


class RolledBack(msgspec.Struct, frozen=True):
    """What has come of a rollback, or would."""

    previous_hash: str
    """Of the configuration that was in force before."""
    reloaded: Reloaded


class KeptConfig(msgspec.Struct, frozen=True):
    """A configuration that was put in force and can be again."""

    hash: str
    loaded_unix_s: float
    """When it last came in force."""
    current: bool
    """Whether it is in force."""
    routes: int
    """How many it has."""


class ConfigState(msgspec.Struct, frozen=True, kw_only=True):
    """Which configuration is in force, and what came of the last reload. Times are Unix times in seconds."""

    config_hash: str
    path: str
    loaded_unix_s: float
    reloads: int = 0
    """How often another configuration came in force."""
    failed_reloads: int = 0
    last_error: str = ""
    """Why the last reload failed, one line for each fault; empty when it did not."""
    failed_unix_s: float | None = None
    """When a reload last failed."""
    restart_keys: tuple[str, ...] = ()
    routes: int = 0
    """How many there are."""
    rolled_back_unix_s: float | None = None
    """When a rollback put it in force. None: it is what the file said."""
    file_hash: str = ""
    """After a rollback: the hash of what the file said. Empty as above."""
    kept: tuple[KeptConfig, ...] = ()
    """What there is a way back to, oldest first, with the one in force."""


class Quantiles(msgspec.Struct, frozen=True):
    """Times to the first content, in seconds."""

    samples: float
    p50_s: float
    p95_s: float


class LimitFacts(msgspec.Struct, frozen=True):
    """One limit of a provider. None: it did not say."""

    name: str
    remaining: int | None
    limit: int | None
    reset_unix_s: float | None
    told_unix_s: float


class PoolFacts(msgspec.Struct, frozen=True):
    """What a credential may do with a model in a minute, as the gateway counts it. None: not known."""

    requests_limit: int | None
    requests_left: int | None
    tokens_limit: int | None
    tokens_left: int | None
    waiting: int
    """Calls that wait for their turn."""


class HedgingFacts(msgspec.Struct, frozen=True):
    """How a route hedges the calls that start at a candidate. Counts since the start, delays in seconds."""

    route: str
    planned: int
    due: int
    started: int
    won: int
    held: dict[str, int]
    """Due calls without a second attempt, by the reason."""
    mean_planned_s: float | None
    mean_real_s: float | None


class CandidateFacts(msgspec.Struct, frozen=True, kw_only=True):
    """How a candidate has been doing. Times are Unix times in seconds; None: does not apply."""

    provider: str
    model: str
    region: str
    credential: str
    switched_off: bool
    breaker: str
    """"closed", "open" or "half_open"."""
    breaker_reason: str
    ejected_until_unix_s: float | None
    ejections: int
    calls: int
    """Outcomes in the breaker's window."""
    failures: dict[str, int]
    """Failures in the window, by ErrorReason."""
    slow: int
    trials: int
    cooling_until_unix_s: float | None
    set_aside_until_unix_s: float | None
    set_aside_reason: str
    running: int
    rate_limited_share: float
    streamed: Quantiles | None
    unary: Quantiles | None
    limits: tuple[LimitFacts, ...] = ()
    """What the provider last told of the credential's limits."""
    hedging: tuple[HedgingFacts, ...] = ()
    """How calls that start here are hedged, a route each."""
    pool: PoolFacts | None = None
    """What is left of the credential's limits as the gateway counts them; None: none is known."""

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What candidates are sorted by."""
        return self.provider, self.model, self.region, self.credential


class CandidatesListed(msgspec.Struct, frozen=True):
    """A page of candidates."""

    candidates: tuple[CandidateFacts, ...]
    next_page_token: str


class SwitchFacts(msgspec.Struct, frozen=True):
    """One thing that is switched off; `scope` is "provider", "model" or "tenant"."""

    scope: str
    name: str
    reason: str
    since_unix_s: float


class SwitchSet(msgspec.Struct, frozen=True):
    """Something is off now; `known` says whether the configuration has it."""

    switch: SwitchFacts
    known: bool


class SwitchCleared(msgspec.Struct, frozen=True):
    """Something is on again, if it was off."""

    cleared: bool


class SwitchesListed(msgspec.Struct, frozen=True):
    """All that is off, oldest first."""

    switches: tuple[SwitchFacts, ...]


AdminAnswer = (
    Reloaded
    | Plan
    | RolledBack
    | ConfigState
    | CandidatesListed
    | SwitchSet
    | SwitchCleared
    | SwitchesListed
    | KeyAnswer
    | CredentialAnswer
)


class ReloadRequest(msgspec.Struct, frozen=True):
    """A call of Reload."""

    dry_run: bool


class RollbackRequest(msgspec.Struct, frozen=True):
    """A call of RollbackConfig."""

    hash: str
    """The beginning of one. Empty: the configuration before that in force."""
    dry_run: bool


class ListCandidatesRequest(msgspec.Struct, frozen=True):
    """A call of ListCandidates."""

    page_size: int
    page_token: str
    provider: str
    """Empty: all."""


class SwitchRequest(msgspec.Struct, frozen=True):
    """A call of SetKillSwitch or ClearKillSwitch."""

    scope: str
    name: str
    reason: str = ""
