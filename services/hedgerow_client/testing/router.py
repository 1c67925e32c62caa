"""RouterService: the models, and what a test has said of calls that are not made."""
# ruff: noqa: N802  the methods have the names of the RPCs

from typing import TypeVar

import grpc
from google.protobuf.message import Message
from hedgerow.router.v1.router_service_pb2 import (
    CountTokensRequest,
    CountTokensResponse,
    EstimateCostRequest,
    EstimateCostResponse,
    ExplainRouteRequest,
    ExplainRouteResponse,
    ListModelsRequest,
    ListModelsResponse,
)
from hedgerow.router.v1.router_service_pb2_grpc import RouterServiceServicer

from hedgerow_client.testing.fault import Fault
from hedgerow_client.testing.play import End
from hedgerow_client.testing.stage import Stage

ReplyT = TypeVar("ReplyT", CountTokensResponse, EstimateCostResponse, ExplainRouteResponse)
PAGE = 100
"""How many models a page has that asks for no number."""


class RouterServicer(RouterServiceServicer):
    """Takes no step of any script."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def ListModels(self, request: ListModelsRequest, context: grpc.ServicerContext) -> ListModelsResponse:
        """The models, sorted by name, a page at a time."""
        call = self._stage.admit("ListModels", request, context)
        if not (request.page_token or "0").isdecimal():
            self._stage.end(call, context, Fault.invalid("page_token", "is none of this gateway").end)
        found = [
            model
            for model in sorted(self._stage.models or (), key=lambda model: model.name)
            if request.kind in (0, model.kind)
            and (not request.provider or any(one.provider == request.provider for one in model.candidates))
        ]
        start, size = int(request.page_token or "0"), request.page_size or PAGE
        left = str(start + size) if start + size < len(found) else ""
        self._stage.end(call, context, End.OK)
        return ListModelsResponse(models=found[start : start + size], next_page_token=left)

    def EstimateCost(self, request: EstimateCostRequest, context: grpc.ServicerContext) -> EstimateCostResponse:
        """What the test said."""
        return self._reply("EstimateCost", request, context, EstimateCostResponse)

    def CountTokens(self, request: CountTokensRequest, context: grpc.ServicerContext) -> CountTokensResponse:
        """What the test said."""
        return self._reply("CountTokens", request, context, CountTokensResponse)

    def ExplainRoute(self, request: ExplainRouteRequest, context: grpc.ServicerContext) -> ExplainRouteResponse:
        """What the test said."""
        return self._reply("ExplainRoute", request, context, ExplainRouteResponse)

    def _reply(self, rpc: str, request: Message, context: grpc.ServicerContext, kind: type[ReplyT]) -> ReplyT:
        call = self._stage.admit(rpc, request, context)
        reply = self._stage.replies.get(kind)
        if reply is None:
            message = f"The fake gateway has been told no {kind.__name__}: see `FakeGateway.reply`."
            missing = Fault.status(grpc.StatusCode.UNIMPLEMENTED, "RPC_UNKNOWN", message)
            self._stage.end(call, context, missing.end)
        self._stage.end(call, context, End.OK)
        assert isinstance(reply, kind)
        return reply
