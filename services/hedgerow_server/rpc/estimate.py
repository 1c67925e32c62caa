"""EstimateCost."""

from hedgerow_server.core.call import Call
from hedgerow_server.core.event import CandidateInfo, CostEstimate, CostEstimated, Events
from hedgerow_server.core.port import Operation
from hedgerow_server.core.request import ChatSpec, EmbedSpec, EstimateRequest
from hedgerow_server.pricing.estimate import estimate
from hedgerow_server.routing.ask import Ask
from hedgerow_server.routing.candidate import Candidate
from hedgerow_server.routing.routes import Routes


class Estimate:
    """Answers what a call would cost."""

    def __init__(self, routes: Routes) -> None:
        self._routes = routes

    async def estimate_cost(self, call: Call) -> Events:
        """One event. Raises what the call itself would raise before anything is sent."""
        request = call.request
        assert isinstance(request, EstimateRequest)
        operation = Operation.CHAT if isinstance(request.spec, ChatSpec) else Operation.EMBED
        ask = Ask(call, operation, request.spec, request.policy, labels=request.labels)
        plan = self._routes.plan(ask, likely=True)
        yield CostEstimated(tuple(self._at(candidate, request.spec) for candidate in plan.candidates))

    def _at(self, candidate: Candidate, spec: ChatSpec | EmbedSpec) -> CostEstimate:
        facts = candidate.facts
        found = estimate(
            spec,
            candidate.price,
            max_output_tokens=facts.max_output_tokens if facts is not None else None,
            context_tokens=facts.context_tokens if facts is not None else None,
        )
        return CostEstimate(
            candidate=CandidateInfo(candidate.upstream.name, candidate.model, candidate.region),
            low_picos=found.low,
            expected_picos=found.expected,
            high_picos=found.high,
            expected_input_tokens=found.input_tokens.expected,
            input_tokens_bound=found.input_tokens.bound,
            expected_output_tokens=found.expected_output_tokens,
            output_tokens_bound=found.output_tokens_bound,
            price_version=found.price_version,
        )
