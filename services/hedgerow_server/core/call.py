"""One call on its way through the chain, free of any transport."""

import enum
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Protocol

import msgspec

from hedgerow_server.core.access import Access
from hedgerow_server.core.clock import Clock
from hedgerow_server.core.error import HedgerowError
from hedgerow_server.core.event import AttemptRecord, Event, Events, GuardVerdict, ItemFailed, Usage, Warning
from hedgerow_server.core.hold import Hold
from hedgerow_server.core.request import EmbedInput, EmbedItem
from hedgerow_server.core.trace import Headers, Traced, new_span_id

_MOST_WAITS = 64
"""Waits of a call that are kept: a guard may look at every piece of an answer."""


class Kind(enum.Enum):
    """The shape of an RPC."""

    UNARY = "unary"
    SERVER_STREAM = "server_stream"
    BIDI_STREAM = "bidi_stream"


class Principal(msgspec.Struct, frozen=True):
    """Who calls, as authentication found it. Never taken from a request body."""

    tenant: str
    team: str = ""
    user: str = ""
    regions: frozenset[str] = frozenset()
    """Residency: the only regions where the caller's data may go; empty: anywhere."""
    service: str = ""
    """The service that calls, for itself or for the user. Both can be limited, and both are on the books."""
    method: str = "static"
    """How the caller was authenticated: "static", "api_key", "jwt", "mtls", "mtls+api_key", "mtls+jwt" or
    "admin_token".
    """
    key_id: str = ""
    """The visible part of the API key, where there is one."""
    roles: tuple[str, ...] = ()
    """The configured roles that the caller has."""
    access: Access | None = None
    """What the caller may do. None: everything."""

    @property
    def label(self) -> str:
        """The caller in a word or two, for the audit log."""
        return "/".join(one for one in (self.tenant, self.team, self.service, self.user or self.key_id) if one)


def _nobody() -> tuple[str, ...]:
    return ()


class Method(msgspec.Struct, frozen=True):
    """One RPC: its full name, its shape, how bytes become a request, and what answers it."""

    name: str
    kind: Kind
    decode: Callable[["Call"], object]
    """Parses and checks `Call.body`; raises RequestMalformed or RequestInvalid."""
    rpc: Callable[["Call"], Events]
    """The events of the answer, the last one being the terminal event."""
    streamed: "Method | None" = None
    """The same as a stream, at doors whose requests say in their bodies which of the two they are: then the decoder
    puts it into the call. Whoever may call one of them gets that far.
    """


class Cause(msgspec.Struct, frozen=True):
    """Why the gateway made a call of its own."""

    call_id: str
    """The call that it was made for; empty where that one is not written down."""
    purpose: str
    """What for, in a word, such as "semantic_cache"."""


class Books(Protocol):
    """Where the attempts of one call are written down."""

    def open(self, record: AttemptRecord, *, credential: str, request_bytes: int) -> None:
        """An attempt is about to be sent. Raises LedgerUnavailable where that cannot be written."""

    def close(self, record: AttemptRecord) -> None:
        """It has ended, or what is known of it has changed since. Must not fail."""


class KeptVectors(Protocol):
    """The vectors that are kept of the items of one stream."""

    async def find(self, inputs: Sequence[EmbedInput]) -> Sequence[bytes | None]:
        """Those of the next inputs, in their order; None: there is none, and a provider has to make it. Never fails: at
        worst it finds none.
        """

    def keep(self, inputs: Sequence[EmbedInput], vectors: Sequence[bytes]) -> None:
        """The newest attempt of the call has made these, of inputs that were looked for last. Waits for nothing."""


Wait = tuple[str, str, float, float]
"""What a call has waited for: "auth", "queue", "guard" or "cache", the guard's name, from when and until when by the
monotonic clock in seconds."""


class Call:
    """The state of one call. A door makes it, interceptors fill it, the chain settles it. Times are monotonic."""

    __slots__ = (
        "answer",
        "attempts",
        "attempts_started",
        "auth_s",
        "bodies",
        "body",
        "books",
        "cache",
        "call_id",
        "cause",
        "deadline_s",
        "door",
        "downgraded_from",
        "ended_with",
        "form",
        "guard_times",
        "guardrail_s",
        "guards_policy",
        "hold",
        "items",
        "metadata",
        "method",
        "on_dropped",
        "peer",
        "peer_identities",
        "plan",
        "principal",
        "queue_s",
        "repeated",
        "replay_of",
        "request",
        "request_id",
        "saved_picos",
        "similar",
        "started_s",
        "timeout_s",
        "timer",
        "trace",
        "traced",
        "usage",
        "vectors",
        "verdicts",
        "waits",
        "warnings",
        "why",
    )
    call_id: str
    """The gateway's own id, which no caller chooses; empty until something of the call is written down."""
    cause: Cause | None
    """Of a call that the gateway makes for another one. None: a caller made it."""
    books: Books | None
    """What writes down its attempts. None: nobody does."""
    hold: Hold | None
    """What it has taken of quotas and budgets. None: nothing limits it."""
    vectors: KeptVectors | None
    """Where the vectors of its items may be, for a stream of items. None: nothing keeps them."""
    plan: object
    """Its routing.plan.Plan, where an interceptor needed one. None: nobody has planned yet."""
    similar: object
    """What a look-up for similar questions has found out about its question (caching.semantic). None: nothing."""
    why: str
    """Why it went to those that it went to: the strategy and the rules of its route."""
    downgraded_from: str
    """The model that a budget has turned it away from."""
    cache: str
    """"hit" or "miss" where a cache was asked."""
    saved_picos: int | None
    """What the cache has saved, in 10^-12 US dollars; None: nothing, or that is not known."""
    auth_s: float
    """Seconds spent on finding out who calls."""
    queue_s: float
    """Seconds spent waiting for a turn."""
    guardrail_s: float
    """Seconds that the call has waited for guards."""
    door: str
    """Where it came in: "grpc", "openai" or "anthropic"."""
    form: object
    """What the door's decoder keeps for whoever writes the answer."""
    guards_policy: bytes
    """The digest of the guards that look at it and of their configuration; empty: none does."""
    guard_times: dict[str, float]
    """Seconds that each guard took, by its name. Guards elsewhere work side by side."""
    verdicts: list[GuardVerdict]
    """What guards have decided, the first few."""
    on_dropped: "Callable[[Call, Sequence[AttemptRecord]], None] | None"
    """Told of attempts just before `attempts` keeps them no longer. None: nobody counts them."""
    traced: Traced | None
    """Its place in a trace that is recorded. None: it is in none."""
    waits: list["Wait"]
    """What it has waited for besides its attempts, the first of them, oldest first."""

    def __init__(
        self,
        method: Method,
        metadata: Mapping[str, str],
        body: bytes,
        *,
        peer: str = "",
        timeout_s: float | None = None,
        bodies: AsyncIterator[bytes] | None = None,
        repeated: frozenset[str] = frozenset(),
        peer_identities: Callable[[], tuple[str, ...]] = _nobody,
        door: str = "grpc",
    ) -> None:
        self.method = method
        self.metadata = metadata
        """The caller's metadata, lower-case keys, binary entries left out."""
        self.body = body
        """The request message; of a stream of requests the first one, once the decode interceptor has read it."""
        self.bodies = bodies
        """The further messages of a stream of requests."""
        self.items: AsyncIterator[EmbedItem | ItemFailed] | None = None
        """The same, decoded one by one as they are read."""
        self.repeated = repeated
        """Keys of the metadata that came more than once; `metadata` has the last value of each."""
        self.peer = peer
        self.peer_identities = peer_identities
        """Whom the caller's certificate names, once the door has verified it: "spiffe://…" and other URIs, "dns:…",
        "email:…", "ip:…". Asking takes a while; empty without a certificate.
        """
        self.timeout_s = timeout_s
        """What the caller asked for, None without a deadline. The deadline interceptor replaces it by what holds."""
        self.started_s = time.monotonic()
        self.deadline_s: float | None = None
        self.timer: Clock | None = None
        """What bounds the call while the chain runs it."""
        self.ended_with: HedgerowError | None = None
        """The error that `end` was given."""
        self.request_id = ""
        self.trace: Headers = ()
        """Headers that carry the caller's trace on to the provider."""
        self.principal: Principal | None = None
        self.request: object = None
        self.answer: Events | None = None
        """An answer that is there already. The interceptor that sets it in `admit` is the last one to be asked: those
        further down and the RPC never hear of the call.
        """
        self.replay_of = ""
        """The request id of the call whose kept answer that is, where the caller pays nothing for it."""
        self.attempts: list[AttemptRecord] = []
        """The newest attempts, oldest first."""
        self.attempts_started = 0
        """How many there were, those that are no longer kept included."""
        self.warnings: list[Warning] = []
        self.usage: Usage | None = None
        self.call_id = self.why = self.downgraded_from = self.cache = ""
        self.saved_picos = self.cause = self.traced = None
        self.door = door
        self.books = self.hold = self.form = self.plan = self.similar = self.vectors = self.on_dropped = None
        self.auth_s = self.queue_s = self.guardrail_s = 0.0
        self.guards_policy = b""
        self.guard_times = {}
        self.verdicts, self.waits = [], []

    @classmethod
    def internal(cls, purpose: str, charge_to: "Call", method: Method, request: object, *, timeout_s: float) -> "Call":
        """A call that the gateway makes for another one, and at its caller's cost: as whom that one came, in its trace,
        under its request id, and at most until its deadline. Authentication, guards and caches are behind it already,
        or are who makes it; what is left are quotas, the ledger and the executor (`interceptors.internal`).
        """
        left_s = charge_to.remaining_s()
        call = cls(
            method,
            {},
            b"",
            peer=charge_to.peer,
            timeout_s=timeout_s if left_s is None else max(0.0, min(timeout_s, left_s)),
        )
        call.cause = Cause(charge_to.call_id, purpose)
        call.request_id, call.trace = charge_to.request_id, charge_to.trace
        if charge_to.traced is not None:
            call.traced = charge_to.traced.child()
            call.trace = call.traced.within(call.trace)
        call.principal, call.request = charge_to.principal, request
        return call

    def end(self, error: HedgerowError) -> None:
        """Ends the call from outside, at once and with an error, as when the gateway shuts down. A call that has just
        ended by itself stays as it is.
        """
        if self.timer is not None and self.timer.expire():
            self.ended_with = error

    def attempt_trace(self, record: AttemptRecord) -> Headers:
        """What carries the trace on to the provider of one attempt. Where it is recorded the attempt gets a span, which
        is the parent of whatever happens there.
        """
        if self.traced is None:
            return self.trace
        record.span_id = new_span_id()
        return self.traced.within(self.trace, record.span_id)

    def waited(self, kind: str, since_s: float, name: str = "") -> float:
        """Notes that it has waited from then on, by the monotonic clock, until now; returns for how long."""
        now_s = time.monotonic()
        if len(self.waits) < _MOST_WAITS:
            self.waits.append((kind, name, since_s, now_s))
        return now_s - since_s

    def remaining_s(self) -> float | None:
        """Seconds until the deadline, negative once it has passed, None without one."""
        return None if self.deadline_s is None else self.deadline_s - time.monotonic()


class Outcome(msgspec.Struct, frozen=True):
    """How a call ended: `error` is None for success. `terminal` is the last event of a success."""

    error: HedgerowError | None = None
    terminal: Event | None = None
