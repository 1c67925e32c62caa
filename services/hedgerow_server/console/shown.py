"""What each page of the console shows. Facts only: `render` and the templates give them their form.

Times are Unix times in seconds, durations (`*_s`) seconds, money 10^-12 US dollars. None: unknown, or does not apply.
Every text may come from outside; the templates escape all of them.
"""

from typing import ClassVar

import msgspec

from hedgerow_server.core.admin import CandidateFacts, Change, ConfigState, SwitchFacts
from hedgerow_server.core.credentials import CredentialFacts
from hedgerow_server.core.explanation import RouteExplained
from hedgerow_server.core.keys import KeyFacts


class Shell(msgspec.Struct, frozen=True, kw_only=True):
    """What stands around every page of somebody who is logged in."""

    who: str
    """Who is logged in, as people know them."""
    csrf: str
    """The token that every form sends back."""
    version: str
    config_hash: str
    ready: bool
    now_unix_s: float
    session_ends_unix_s: float
    """When the session ends if nobody does anything more."""
    open_calls: int = 0
    hidden: frozenset[str] = frozenset()
    """Sections of the navigation that the roles do not allow: they are left out."""
    worker: str = ""
    """Which worker shows this, such as "worker 2 of 4": calls, failures and breakers are its own. Empty: there is but
    one."""


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Something to be shown; its template and what it is called."""

    template: ClassVar[str]
    title: ClassVar[str]
    section: ClassVar[str] = ""
    """The entry of the navigation that is the current one."""


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """Something that an operator should look at."""

    text: str
    since_unix_s: float | None = None
    href: str = ""
    """The page that tells more, such as "/console/credentials"; a path of the console only."""
    severe: bool = True


class Minute(msgspec.Struct, frozen=True):
    """What ended in one minute."""

    start_unix_s: float
    calls: int
    failed: int


class Lately(msgspec.Struct, frozen=True, kw_only=True):
    """The calls that ended in the last `span_s` seconds."""

    span_s: float
    calls: int
    failed: int
    p50_s: float | None
    p95_s: float | None
    first_token_p50_s: float | None
    first_token_p95_s: float | None
    cost_picos: int | None = None


class Overview(Page, frozen=True, kw_only=True):
    """How the router is doing."""

    template: ClassVar[str] = "overview.html"
    title: ClassVar[str] = "Overview"
    section: ClassVar[str] = "overview"

    problems: tuple[str, ...]
    """Why it is not ready; empty when it is."""
    config: ConfigState
    lately: tuple[Lately, ...]
    """Shortest span first."""
    minutes: tuple[Minute, ...]
    """One after the other, oldest first, those without a call included."""
    open_calls: int
    calls_since_start: int
    started_unix_s: float
    alarms: tuple[Alarm, ...]
    routes: int
    candidates: int
    candidates_out: int
    """Candidates that may not be asked now."""


class CallShown(msgspec.Struct, frozen=True, kw_only=True):
    """One call in a list."""

    call_id: str
    """What its page is found by: the gateway's own id, or the request id where it has none."""
    request_id: str
    started_unix_s: float
    method: str
    door: str = "grpc"
    tenant: str = ""
    team: str = ""
    user: str = ""
    service: str = ""
    key_id: str = ""
    route: str = ""
    """The model name that was asked for."""
    provider: str = ""
    model: str = ""
    code: str = ""
    """A gRPC status code, "OK" included; empty: still open."""
    reason: str = ""
    message: str = ""
    attempts: int = 0
    duration_s: float | None = None
    """None: still open."""
    first_token_s: float | None = None
    cost_picos: int | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cache: str = ""
    """"hit" or "miss" where a cache was asked."""


class CallFilter(msgspec.Struct, frozen=True):
    """Which calls are shown; an empty text stands for all."""

    outcome: str = ""
    """"ok", "failed" or "open"."""
    route: str = ""
    tenant: str = ""


class Calls(Page, frozen=True, kw_only=True):
    """Live and recent calls."""

    template: ClassVar[str] = "calls.html"
    title: ClassVar[str] = "Calls"
    section: ClassVar[str] = "calls"

    filter: CallFilter
    routes: tuple[str, ...]
    """What may be chosen."""
    tenants: tuple[str, ...]
    open: tuple[CallShown, ...]
    """Oldest first."""
    recent: tuple[CallShown, ...]
    """Newest first."""
    kept: int
    """How many of the newest calls are kept at most."""


class AttemptShown(msgspec.Struct, frozen=True, kw_only=True):
    """One upstream request of a call."""

    number: int
    provider: str
    model: str
    region: str = ""
    kind: str
    """"primary", "retry", "failover" or "hedge"."""
    outcome: str
    """"succeeded", "failed", "hedge_lost", "cancelled", "replaced", "lost"; empty: it runs."""
    reason: str = ""
    """As ErrorReason, without its prefix."""
    upstream_status: int = 0
    upstream_request_id: str = ""
    offset_s: float
    """From the start of the call."""
    total_s: float
    first_token_s: float | None = None
    """From the start of the attempt."""
    connect_s: float | None = None
    cost_picos: int | None = None
    served_model: str = ""
    credential: str = ""
    input_tokens: int | None = None
    output_tokens: int | None = None


class Part(msgspec.Struct, frozen=True):
    """A stretch of a call's time; all of them together are its duration."""

    name: str
    took_s: float


class VerdictShown(msgspec.Struct, frozen=True, kw_only=True):
    """What a guard has decided."""

    guardrail: str
    side: str
    action: str
    category: str
    score: float | None = None
    shadow: bool = False


class CallDetail(Page, frozen=True, kw_only=True):
    """One call."""

    template: ClassVar[str] = "call.html"
    title: ClassVar[str] = "Call"
    section: ClassVar[str] = "calls"

    call: CallShown
    attempts: tuple[AttemptShown, ...]
    breakdown: tuple[Part, ...]
    verdicts: tuple[VerdictShown, ...] = ()
    warnings: tuple[str, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    usage: tuple[tuple[str, int], ...] = ()
    """Tokens by class, those that are not 0."""
    why: str = ""
    """Why it went to those that it went to."""
    trace_id: str = ""
    price_version: str = ""
    caused_by: str = ""
    """The call that it was made for."""
    purpose: str = ""
    downgraded_from: str = ""
    source: str = "memory"
    """Where this is from: "memory" or "ledger"."""
    other_call_ids: tuple[str, ...] = ()
    """Further calls with the same request id."""


class CandidateShown(msgspec.Struct, frozen=True, kw_only=True):
    """One candidate of a route, in the order of the configuration."""

    provider: str
    model: str
    region: str = ""
    weight: float | None = None
    usable: bool
    """Whether it may be asked now."""
    reasons: tuple[str, ...]
    """Why it may not, or what else there is to know, for people; such as "breaker open: 5 of 8 calls failed"."""
    facts: CandidateFacts | None = None
    """None: it was not asked yet."""


class RouteShown(msgspec.Struct, frozen=True, kw_only=True):
    """One name that callers use."""

    name: str
    kind: str
    """"chat" or "embed"."""
    strategy: str
    candidates: tuple[CandidateShown, ...]


class Routes(Page, frozen=True, kw_only=True):
    """Routes and their candidates."""

    template: ClassVar[str] = "routes.html"
    title: ClassVar[str] = "Routes"
    section: ClassVar[str] = "routes"

    routes: tuple[RouteShown, ...]
    switches: tuple[SwitchFacts, ...]
    """What operators have switched off."""
    find: str = ""
    """Only routes whose name has this in it, whatever its case; empty: all."""
    left_out: int = 0
    """How many more there are than are shown."""
    scopes: tuple[str, ...] = ()
    """What may be switched off from here; empty: nothing."""
    may_switch_on: bool = False
    """Whether what is off may be switched on from here."""


class SpendPoint(msgspec.Struct, frozen=True):
    """Spend of one hour or day."""

    start_unix_s: float
    cost_picos: int
    calls: int


class SpendShare(msgspec.Struct, frozen=True):
    """Why there is no plan, such as "NOT_FOUND: there is no such model."."""

    name: str
    cost_picos: int
    calls: int
    failed_calls: int
    tokens: int


class BudgetShown(msgspec.Struct, frozen=True, kw_only=True):
    """One quota or budget of one caller."""

    name: str
    budget: bool
    scope: tuple[tuple[str, str], ...]
    """Whose it is; empty: everybody's."""
    unit: str
    """"requests", "tokens", "concurrency" or "usd"; amounts of the last are 10^-12 US dollars."""
    window: str
    hard: bool
    limit: int
    used: int
    held: int
    reset_unix_s: float | None


class Spend(Page, frozen=True, kw_only=True):
    """Spend and budgets."""

    template: ClassVar[str] = "spend.html"
    title: ClassVar[str] = "Spend"
    section: ClassVar[str] = "spend"

    unavailable: str = ""
    """Why nothing can be told, such as "There is no ledger"; empty otherwise."""
    span: str
    """"day" (hours), "week" or "month" (days): the one that was chosen."""
    by: str
    """"tenant", "team", "route", "provider", "model": the one that was chosen."""
    points: tuple[SpendPoint, ...] = ()
    """Oldest first, those without spend included."""
    shares: tuple[SpendShare, ...] = ()
    """Dearest first."""
    total: SpendShare | None = None
    unpriced_attempts: int = 0
    budgets: tuple[BudgetShown, ...] = ()


class Keys(Page, frozen=True, kw_only=True):
    """API keys of callers."""

    template: ClassVar[str] = "keys.html"
    title: ClassVar[str] = "Keys"
    section: ClassVar[str] = "keys"

    unavailable: str = ""
    tenant: str
    """Whose keys; empty: all."""
    keys: tuple[KeyFacts, ...] = ()
    next_page_token: str = ""


class Credentials(Page, frozen=True, kw_only=True):
    """Credentials for providers."""

    template: ClassVar[str] = "credentials.html"
    title: ClassVar[str] = "Credentials"
    section: ClassVar[str] = "credentials"

    credentials: tuple[CredentialFacts, ...]


class FailedCall(msgspec.Struct, frozen=True, kw_only=True):
    """A call in which an attempt at a provider failed, with all of its attempts."""

    call: CallShown
    attempts: tuple[AttemptShown, ...]


class ProviderErrors(msgspec.Struct, frozen=True, kw_only=True):
    """The last failures at one provider."""

    provider: str
    reasons: tuple[tuple[str, int], ...]
    """How often what went wrong among the calls that are kept, the most frequent first."""
    calls: tuple[FailedCall, ...]
    """Newest first."""


class Errors(Page, frozen=True, kw_only=True):
    """The last errors by provider."""

    template: ClassVar[str] = "errors.html"
    title: ClassVar[str] = "Errors"
    section: ClassVar[str] = "errors"

    providers: tuple[ProviderErrors, ...]
    """Those with failures, by name."""
    drift: tuple[tuple[str, str, str, int], ...] = ()
    """What providers sent that is not known: the provider, the kind, the name, the count."""
    kept: int
    """How many of the newest calls are looked at."""


class Configuration(Page, frozen=True, kw_only=True):
    """The configuration in force."""

    template: ClassVar[str] = "configuration.html"
    title: ClassVar[str] = "Configuration"
    section: ClassVar[str] = "configuration"

    state: ConfigState
    text: str
    """YAML, secrets masked."""
    drift: tuple[Change, ...] = ()
    """Where the file differs from what is in force, as the next reload would take it."""
    drift_problem: str = ""
    """Why the file cannot be compared; empty when it can."""
    comparing: bool = False
    """Whether the file is still being compared."""
    may_reload: bool = False
    """Whether the file may be put in force from here."""


class Question(msgspec.Struct, frozen=True):
    """What was typed into the form."""

    model: str = ""
    system: str = ""
    prompt: str = ""
    max_output_tokens: str = ""
    """As typed: a number, or empty."""


class Try(Page, frozen=True, kw_only=True):
    """Explains how a prompt would be routed."""

    template: ClassVar[str] = "try.html"
    title: ClassVar[str] = "Try a prompt"
    section: ClassVar[str] = "try"

    question: Question
    models: tuple[str, ...]
    plan: RouteExplained | None = None
    """None: nothing was asked, or it failed."""
    error: str = ""
    """Why there is no plan, such as "NOT_FOUND: no route …"."""


class Login(Page, frozen=True, kw_only=True):
    """The way in. It has no shell."""

    template: ClassVar[str] = "login.html"
    title: ClassVar[str] = "Log in"

    csrf: str
    next: str = ""
    """The path of the console to go to afterwards."""
    with_key: bool = True
    oidc_name: str = ""
    """What the OpenID provider is called; empty: there is none."""
    error: str = ""
    """Why the last try failed."""
    notice: str = ""
    """Such as "You are logged out." or "Your session has ended.\""""


class Failure(Page, frozen=True, kw_only=True):
    """An error page. It has no shell: it is shown to whoever asks."""

    template: ClassVar[str] = "failure.html"
    title: ClassVar[str] = "Error"

    status: int
    """401, 403, 404 or 500."""
    text: str = ""
    """What is wrong, where the status does not say it all."""
    request_id: str = ""
