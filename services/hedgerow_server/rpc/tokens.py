"""CountTokens."""

from hedgerow_server.core.call import Call
from hedgerow_server.core.event import CandidateInfo, Events, TokenCount, TokensCounted
from hedgerow_server.core.port import Operation
from hedgerow_server.core.request import ChatSpec, EstimateRequest
from hedgerow_server.pricing.estimate import bounded_input
from hedgerow_server.routing.ask import Ask
from hedgerow_server.routing.routes import Routes


class Tokens:
    """Answers how long an input is."""

    def __init__(self, routes: Routes) -> None:
        self._routes = routes

    async def count_tokens(self, call: Call) -> Events:
        """One event. Raises what the call itself would raise before anything is sent."""
        request = call.request
        assert isinstance(request, EstimateRequest)
        operation = Operation.CHAT if isinstance(request.spec, ChatSpec) else Operation.EMBED
        plan = self._routes.plan(Ask(call, operation, request.spec, request.policy, labels=request.labels), likely=True)
        counts = []
        for candidate in plan.candidates:
            context = candidate.facts.context_tokens if candidate.facts is not None else None
            given = bounded_input(request.spec, context)
            where = CandidateInfo(candidate.upstream.name, candidate.model, candidate.region)
            counts.append(
                TokenCount(candidate=where, expected=given.expected, bound=given.bound, context_tokens=context)
            )
        yield TokensCounted(tuple(counts))
