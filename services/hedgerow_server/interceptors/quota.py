"""Takes what a call needs of its caller's quotas and budgets, and gives back what it did not use."""

import functools
import time

import msgspec

from hedgerow_server.core.call import Call, Kind, Outcome
from hedgerow_server.core.event import Warning, WarningCode
from hedgerow_server.core.port import Operation
from hedgerow_server.core.request import ChatRequest, ChatSpec, EmbedRequest, EmbedSpec, EstimateRequest, ExplainRequest
from hedgerow_server.core.tokens import USUAL_OUTPUT_TOKENS, InputTokens
from hedgerow_server.limits.hold import CallHold
from hedgerow_server.limits.limiter import Limiter
from hedgerow_server.limits.rules import Resolved
from hedgerow_server.pricing.estimate import input_size
from hedgerow_server.routing.ask import Ask
from hedgerow_server.routing.purse import bound_picos, unbounded
from hedgerow_server.routing.route import Route
from hedgerow_server.routing.routes import Routes

_GRACE_S = 60.0
"""How long after its deadline a call can still be settled before what it has taken is given back."""
_LONGEST_S = 86_400.0
"""For a call without a deadline."""
_SENT = (ChatRequest, EmbedRequest)
# A member of an enumeration takes longer to look up than to compare.
_BIDI_STREAM, _CHAT, _EMBED = Kind.BIDI_STREAM, Operation.CHAT, Operation.EMBED
_LIMITED = (*_SENT, EstimateRequest, ExplainRequest)


class Quota:
    """Sets `call.hold`. Of a call that a hard budget limits it also sets `call.plan`, to the candidates whose cost has
    a bound, and bounds the output.
    """

    name = "quota"
    after = ("auth", "decode", "authorise", "idempotency")

    def __init__(self, limiter: Limiter, routes: Routes) -> None:
        self._limiter = limiter
        self._routes = routes

    async def admit(self, call: Call) -> None:
        """Raises QuotaExceeded, BudgetSpent, CostUnbounded and PriceUnknown, and what planning raises; then the call
        has taken nothing.
        """
        request = call.request
        limiter = self._limiter
        if not limiter.limits or not isinstance(request, _LIMITED):
            return
        spec = request.spec
        route = self._routes.route(_operation(spec), spec.model)
        found = limiter.of(call.principal, spec.model, route.configured)
        if not isinstance(request, _SENT):
            # It sends nothing, but rules of routes look at budgets.
            call.hold = CallHold(limiter, found, spec.model)
        elif found.lines or found.overhead:
            hold = call.hold = CallHold(limiter, found, spec.model)
            picos, tokens, covers = self._most(call, request, found, hold, route)
            ends_s = call.deadline_s if call.deadline_s is not None else time.monotonic() + _LONGEST_S
            requests = 1 if call.cause is None else 0
            short = hold.take(picos, tokens, ends_s + _GRACE_S, covers=covers, requests=requests)
            if short is not None:
                await hold.wait(short, functools.partial(limiter.of, call.principal, spec.model, route.configured))

    def settle(self, call: Call, outcome: Outcome) -> None:
        """Gives back what was not used. A call that was turned away before anything was asked has used nothing."""
        hold = call.hold
        if isinstance(hold, CallHold):
            hold.settle(served=outcome.error is None or call.attempts_started > 0)

    def _most(
        self, call: Call, request: ChatRequest | EmbedRequest, found: Resolved, hold: CallHold, route: Route
    ) -> tuple[int, int, bool]:
        """The picos and tokens that the call takes, and whether that is enough for a first attempt."""
        picos, tokens, covers = 0, 0, not hold.bounded
        # What is still to come takes its part when it has come.
        if call.method.kind is not _BIDI_STREAM:
            if hold.bounded:
                self._limiter.check(found)
                request = call.request = _shortened(call, request, found.max_output_tokens)
            size = input_size(request.spec) if hold.bounded or found.least_tokens is not None else None
            if hold.bounded and size is not None:
                picos, covers = self._bound(call, request, size, hold, route), True
            if found.least_tokens is not None and size is not None:
                tokens = self._tokens(request.spec, size.expected, found.least_tokens)
        return picos, tokens, covers

    @staticmethod
    def _bound(call: Call, request: ChatRequest | EmbedRequest, size: InputTokens, hold: CallHold, route: Route) -> int:
        """The most that the call can cost, at the dearest of its candidates. Those without a bound are not asked."""
        spec = request.spec
        stream = call.method.kind is Kind.SERVER_STREAM
        plan = route.plan(Ask(call, _operation(spec), spec, request.policy, labels=request.labels, stream=stream))
        bounds = [bound_picos(spec, size, one) for one in plan.candidates]
        known = [picos for picos in bounds if picos is not None]
        if not known:
            raise unbounded(hold, spec, size, plan.candidates[0])
        if len(known) < len(bounds):
            kept = tuple(one for one, picos in zip(plan.candidates, bounds, strict=True) if picos is not None)
            plan = msgspec.structs.replace(plan, candidates=kept)
        call.plan = plan
        return max(known)

    def _tokens(self, spec: ChatSpec | EmbedSpec, given: int, least: int) -> int:
        """What the call will probably come to. Its output takes no more than there may be at all: else a model whose
        answers have become short would never show it.
        """
        if isinstance(spec, EmbedSpec):
            return given
        usual = self._limiter.usual.output_tokens(spec.model)
        output = USUAL_OUTPUT_TOKENS if usual is None else usual
        if spec.max_output_tokens is not None:
            output = min(output, spec.max_output_tokens)
        return given + max(0, min(output, least - given))


def _operation(spec: ChatSpec | EmbedSpec) -> Operation:
    return _CHAT if isinstance(spec, ChatSpec) else _EMBED


def _shortened(call: Call, request: ChatRequest | EmbedRequest, most: int | None) -> ChatRequest | EmbedRequest:
    """The request with no longer an output than its budgets count with."""
    spec = request.spec
    if most is None or not isinstance(spec, ChatSpec) or not isinstance(request, ChatRequest):
        return request
    asked = spec.max_output_tokens
    if asked is not None and asked <= most:
        return request
    if asked is not None:
        text = f"The budget allows at most {most} output tokens; the limit of {asked} was lowered to that."
        call.warnings.append(Warning(WarningCode.PARAMETER_CHANGED, "chat.max_output_tokens", text))
    shorter = msgspec.structs.replace(spec, max_output_tokens=most)
    return msgspec.structs.replace(request, spec=shorter)
