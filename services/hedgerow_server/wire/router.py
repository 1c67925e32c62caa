"""RouterService: bytes to core requests, core events to bytes."""

from hedgerow.router.v1 import router_service_pb2 as pb

from hedgerow_server.core.call import Call
from hedgerow_server.core.event import Event, ModelsListed
from hedgerow_server.core.request import ListModelsRequest
from hedgerow_server.wire.check import Checker

_KINDS = {"chat": pb.MODEL_KIND_CHAT, "embed": pb.MODEL_KIND_EMBED}
_DEFAULT_PAGE = 100


class RouterDecoder:
    """Decodes the requests of RouterService."""

    def __init__(self, checker: Checker) -> None:
        self._checker = checker

    def list_models(self, call: Call) -> ListModelsRequest:
        """A request of ListModels."""
        message = self._checker.parse(pb.ListModelsRequest, call, call.body)
        return ListModelsRequest(page_size=message.page_size or _DEFAULT_PAGE, page_token=message.page_token)


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
                written.candidates.add(provider=candidate.provider, model=candidate.model, region=candidate.region)
        return response.SerializeToString()
