"""RouterService: bytes to core requests, core events to bytes."""

from hedgerow.router.v1 import router_service_pb2 as pb

from hedgerow_server.core.call import Call
from hedgerow_server.core.event import CostEstimate, CostEstimated, Event, ModelsListed, TokensCounted
from hedgerow_server.core.model import ModelFacts
from hedgerow_server.core.request import EstimateRequest, ListModelsRequest
from hedgerow_server.wire.chat import chat_spec
from hedgerow_server.wire.check import Checker
from hedgerow_server.wire.embed import embed_spec
from hedgerow_server.wire.policy import policy

_KINDS = {"chat": pb.MODEL_KIND_CHAT, "embed": pb.MODEL_KIND_EMBED}
_KIND_NAMES = {number: name for name, number in _KINDS.items()}
_MODALITIES = ("text", "image", "audio", "file", "video")
_DEFAULT_PAGE = 100


class RouterDecoder:
    """Decodes the requests of RouterService."""

    def __init__(self, checker: Checker) -> None:
        self._checker = checker

    def list_models(self, call: Call) -> ListModelsRequest:
        """A request of ListModels."""
        message = self._checker.parse(pb.ListModelsRequest, call, call.body)
        return ListModelsRequest(
            page_size=message.page_size or _DEFAULT_PAGE,
            page_token=message.page_token,
            kind=_KIND_NAMES.get(message.kind, ""),
            provider=message.provider,
        )

    def estimate_cost(self, call: Call) -> EstimateRequest:
        """A request of EstimateCost."""
        message = self._checker.parse(pb.EstimateCostRequest, call, call.body)
        chat = message.WhichOneof("call") == "chat"
        spec = chat_spec(message.chat) if chat else embed_spec(message.embed)
        return EstimateRequest(spec=spec, policy=policy(message.route), labels=dict(message.labels))

    def count_tokens(self, call: Call) -> EstimateRequest:
        """A request of CountTokens."""
        message = self._checker.parse(pb.CountTokensRequest, call, call.body)
        chat = message.WhichOneof("call") == "chat"
        spec = chat_spec(message.chat) if chat else embed_spec(message.embed)
        return EstimateRequest(spec=spec, policy=policy(message.route), labels=dict(message.labels))


class ModelsAnswer:
    """The bytes of a ListModels call's response."""

    def __init__(self) -> None:
        self._listed = ModelsListed((), "")

    def add(self, event: Event) -> None:
        """Takes the one event."""
        if isinstance(event, ModelsListed):
            self._listed = event

    def encode(self) -> bytes:
        """A ListModelsResponse."""
        response = pb.ListModelsResponse(next_page_token=self._listed.next_page_token)
        for model in self._listed.models:
            written = response.models.add(name=model.name, kind=_KINDS[model.kind])
            for candidate in model.candidates:
                facts = None if candidate.facts is None else facts_message(candidate.facts)
                written.candidates.add(
                    provider=candidate.provider, model=candidate.model, region=candidate.region, facts=facts
                )
        return response.SerializeToString()


def facts_message(facts: ModelFacts) -> pb.ModelFacts:
    """The message of what is known of a model. Sets are in the order of the contract, so that equal facts are equal
    bytes.
    """
    return pb.ModelFacts(
        context_tokens=facts.context_tokens,
        max_output_tokens=facts.max_output_tokens,
        input_modalities=[word for word in _MODALITIES if word in facts.input_modalities],
        output_modalities=[word for word in _MODALITIES if word in facts.output_modalities],
        tools=facts.tools,
        json_schema=facts.json_schema,
        reasoning=facts.reasoning,
        prefill=facts.prefill,
        streams_only=facts.streams_only,
        vector_space=facts.vector_space,
        dimensions=facts.dimensions,
        regions=facts.regions,
        aliases=facts.aliases,
        retire_date="" if facts.retires is None else facts.retires.isoformat(),
        successor=facts.successor,
    )


class EstimateAnswer:
    """The bytes of an EstimateCost call's response."""

    def __init__(self) -> None:
        self._response = pb.EstimateCostResponse()

    def add(self, event: Event) -> None:
        """Takes the one event."""
        if isinstance(event, CostEstimated):
            for one in event.candidates:
                _write_estimate(self._response.candidates.add(), one)

    def encode(self) -> bytes:
        """An EstimateCostResponse."""
        return self._response.SerializeToString()


def _write_estimate(target: pb.CostEstimate, estimate: CostEstimate) -> None:
    who = estimate.candidate
    target.provider, target.model, target.region = who.provider, who.model, who.region
    target.expected_input_tokens = estimate.expected_input_tokens
    target.expected_output_tokens = estimate.expected_output_tokens
    target.price_version = estimate.price_version
    for name, value in (
        ("low_cost_picos", estimate.low_picos),
        ("expected_cost_picos", estimate.expected_picos),
        ("upper_bound_cost_picos", estimate.high_picos),
        ("upper_bound_input_tokens", estimate.input_tokens_bound),
        ("upper_bound_output_tokens", estimate.output_tokens_bound),
    ):
        if value is not None:
            setattr(target, name, value)


class TokensAnswer:
    """The bytes of a CountTokens call's response."""

    def __init__(self) -> None:
        self._response = pb.CountTokensResponse()

    def add(self, event: Event) -> None:
        """Takes the one event."""
        if not isinstance(event, TokensCounted):
            return
        for one in event.candidates:
            room = None if one.context_tokens is None else max(one.context_tokens - one.expected, 0)
            self._response.candidates.add(
                provider=one.candidate.provider,
                model=one.candidate.model,
                region=one.candidate.region,
                expected_input_tokens=one.expected,
                upper_bound_input_tokens=one.bound,
                context_tokens=one.context_tokens,
                expected_free_tokens=room,
            )

    def encode(self) -> bytes:
        """A CountTokensResponse."""
        return self._response.SerializeToString()
