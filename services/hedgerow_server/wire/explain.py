"""ExplainRoute: bytes to a core request, the explanation to bytes."""

from hedgerow.router.v1 import router_service_pb2 as pb

from hedgerow_server.core.call import Call
from hedgerow_server.core.event import Event
from hedgerow_server.core.explanation import (
    CandidateExplanation,
    CandidateHealth,
    CandidatePrice,
    RouteExplained,
)
from hedgerow_server.core.request import ExplainRequest
from hedgerow_server.wire.chat import chat_spec
from hedgerow_server.wire.check import Checker
from hedgerow_server.wire.embed import embed_spec
from hedgerow_server.wire.policy import policy
from hedgerow_server.wire.pool import rate_pool
from hedgerow_server.wire.times import duration

_STRATEGIES = {
    "ordered": pb.ROUTE_STRATEGY_ORDERED,
    "weighted": pb.ROUTE_STRATEGY_WEIGHTED,
    "cheapest": pb.ROUTE_STRATEGY_CHEAPEST,
    "fastest": pb.ROUTE_STRATEGY_FASTEST,
}
_BREAKERS = {
    "closed": pb.BREAKER_STATE_CLOSED,
    "open": pb.BREAKER_STATE_OPEN,
    "half_open": pb.BREAKER_STATE_HALF_OPEN,
}


class ExplainDecoder:
    """Decodes requests of ExplainRoute."""

    def __init__(self, checker: Checker) -> None:
        self._checker = checker

    def explain_route(self, call: Call) -> ExplainRequest:
        """A request of ExplainRoute."""
        message = self._checker.parse(pb.ExplainRouteRequest, call, call.body)
        chat = message.WhichOneof("call") == "chat"
        return ExplainRequest(
            spec=chat_spec(message.chat) if chat else embed_spec(message.embed),
            policy=policy(message.route),
            labels=dict(message.labels),
            stream=message.stream,
        )


class ExplainAnswer:
    """The bytes of an ExplainRoute call's response."""

    def __init__(self) -> None:
        self._response = pb.ExplainRouteResponse()

    def add(self, event: Event) -> None:
        """Takes the one event."""
        if not isinstance(event, RouteExplained):
            return
        response = self._response
        response.strategy = _STRATEGIES[event.strategy]
        response.rules.extend(event.rules)
        response.max_attempts = event.max_attempts
        response.affinity = event.affinity
        if event.hedging is not None:
            response.hedging.max_extra_percent = event.hedging.max_extra_percent
            response.hedging.min_delay.CopyFrom(duration(event.hedging.min_delay_s))
            response.hedging.max_delay.CopyFrom(duration(event.hedging.max_delay_s))
        response.candidates.extend(map(_candidate, event.candidates))

    def encode(self) -> bytes:
        """An ExplainRouteResponse."""
        return self._response.SerializeToString()


def _candidate(one: CandidateExplanation) -> pb.CandidateExplanation:
    return pb.CandidateExplanation(
        provider=one.provider,
        model=one.model,
        region=one.region,
        credential=one.credential,
        eligible=one.eligible,
        would_be_asked=one.asked,
        reason=one.why.value,  # type: ignore[arg-type]  # the numbers are the contract's
        explanation=one.text,
        written_in=one.written_in,
        health=_health(one.health),
        price=None if one.price is None else _price(one.price),
        first_share=one.first_share,
    )


def _health(health: CandidateHealth) -> pb.CandidateHealth:
    return pb.CandidateHealth(
        breaker=_BREAKERS[health.breaker],
        back_in=duration(health.back_in_s) if health.back_in_s else None,
        resting_because=health.resting_because,
        running_attempts=health.running,
        typical_first_token=None if health.typical_s is None else duration(health.typical_s),
        rate_limited_share=health.rate_limited_share,
        rate_pool=None if health.pool is None else rate_pool(health.pool),
    )


def _price(price: CandidatePrice) -> pb.CandidatePrice:
    return pb.CandidatePrice(
        input_token_picos=price.input_picos,
        output_token_picos=price.output_picos,
        expected_cost_picos=price.expected_picos,
        price_version=price.version,
    )
