"""Calls that the gateway makes itself, through its own routes: for another call, and at the cost of its caller.

They pass the deadline, the quotas and the ledger, and then the executor. Who calls was found out for the call that they
are made for; guards and caches are those who make them.
"""

from collections.abc import Callable, Sequence

from hedgerow_server.caching.section import SemanticSection
from hedgerow_server.caching.semantic import Embedded
from hedgerow_server.core.call import Call, Method
from hedgerow_server.core.error import NoCandidate
from hedgerow_server.core.event import EmbeddingsAdded, Event
from hedgerow_server.core.guard import Scanner, Source
from hedgerow_server.core.port import Operation
from hedgerow_server.core.request import ChatRequest, EmbedRequest, EmbedSpec
from hedgerow_server.core.watch import Watcher
from hedgerow_server.interceptors.chain import Chain, Interceptor
from hedgerow_server.interceptors.deadline import Deadline
from hedgerow_server.interceptors.ledger import Bookkeeping
from hedgerow_server.interceptors.quota import Quota
from hedgerow_server.interceptors.telemetry import Telemetry
from hedgerow_server.ledger.ledger import Ledger
from hedgerow_server.limits.limiter import Limiter
from hedgerow_server.routing.ask import Ask
from hedgerow_server.routing.routes import Routes

_PASSED = ("request_id", "auth", "decode", "authorise", "idempotency")
"""What the call that one is made for has passed already."""
_LONGEST_S = 3600.0
PURPOSE = "semantic_cache"
"""What the books say that such calls were made for."""


def personal(guard: Scanner) -> Callable[[str], bool]:
    """Whether a guard for personal data finds any in a text."""

    def found(text: str) -> bool:
        return bool(guard.scan(text, Source.USER, 0, final=True).findings)

    return found


class InternalCalls:
    """Makes them. One for each configuration."""

    def __init__(self, interceptors: Sequence[Interceptor], watchers: Sequence[Watcher] = ()) -> None:
        """`interceptors`: quota and ledger, as far as there are any; `watchers` are told of each call."""
        telemetry = Telemetry(watchers, _its_own)
        self._chain = Chain([telemetry, Deadline(_LONGEST_S, _LONGEST_S), *interceptors], passed=_PASSED)

    async def ask(
        self, purpose: str, charge_to: Call, method: Method, request: object, *, timeout_s: float
    ) -> Sequence[Event]:
        """All events of the answer. Raises HedgerowError; DeadlineExceeded after `timeout_s`, or when the other call
        has no time left.
        """
        events: list[Event] = []

        async def take(event: Event) -> None:
            events.append(event)

        await self._chain.serve(Call.internal(purpose, charge_to, method, request, timeout_s=timeout_s), take)
        return events


def _its_own(call: Call) -> tuple[tuple[str, str], ...]:
    """The trace of the call that it is made for, which it has already."""
    return call.trace


def question_vectors(
    rules: SemanticSection,
    limiter: Limiter,
    routes: Routes,
    ledger: Ledger | None,
    method: Method,
    *,
    watchers: Sequence[Watcher] = (),
) -> "QuestionVectors":
    """What makes vectors of questions as a configuration says. `method` is Embed's; `watchers` are told of each."""
    calls = InternalCalls([Quota(limiter, routes), *([Bookkeeping(ledger)] if ledger is not None else [])], watchers)
    return QuestionVectors(calls, method, routes, rules.model, rules.timeout_seconds)


class QuestionVectors:
    """Vectors of what callers ask, through a route for embeddings: `caching.semantic.Embed`."""

    def __init__(self, calls: InternalCalls, method: Method, routes: Routes, model: str, timeout_s: float) -> None:
        """`method` is Embed's; `model` the name of the route."""
        self._calls = calls
        self._method = method
        self._routes = routes
        self._model = model
        self._timeout_s = timeout_s

    async def __call__(self, call: Call, text: str) -> Embedded | None:
        """The vector of a question of a chat. None: it must not go to whoever could make it. Raises HedgerowError."""
        request = call.request
        assert isinstance(request, ChatRequest)
        ask = Ask(call, Operation.CHAT, request.spec, request.policy, labels=request.labels)
        policy = self._routes.route(Operation.CHAT, request.spec.model).narrowed(ask)
        if policy is None:
            return None
        asked = EmbedRequest(spec=EmbedSpec(model=self._model, inputs=(text,)), policy=policy, labels=request.labels)
        try:
            events = await self._calls.ask(PURPOSE, call, self._method, asked, timeout_s=self._timeout_s)
        except NoCandidate:
            return None
        packed = next((one.vectors[0] for one in events if isinstance(one, EmbeddingsAdded) and one.vectors), b"")
        return Embedded(packed, self._routes.route(Operation.EMBED, self._model).candidates[0].space)
