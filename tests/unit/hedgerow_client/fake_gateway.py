"""A small gRPC server that answers as a test tells it to, in the test's own process."""
# ruff: noqa: N802  the methods have the names of the RPCs

import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health, health_pb2_grpc
from hedgerow.chat.v1 import chat_service_pb2_grpc, event_pb2
from hedgerow.chat.v1.chat_service_pb2 import (
    CompleteRequest,
    CompleteResponse,
    StreamCompleteRequest,
    StreamCompleteResponse,
)
from hedgerow.common.v1.attempt_pb2 import Attempt, CallReport
from hedgerow.common.v1.usage_pb2 import Usage
from hedgerow.embed.v1 import embed_service_pb2, embed_service_pb2_grpc
from hedgerow.router.v1 import router_service_pb2, router_service_pb2_grpc

REQUEST_ID = "01TESTREQUEST"
REPORT = CallReport(request_id=REQUEST_ID, attempts=[Attempt(number=1, provider="sim", upstream_status=200)])
TRAILERS = (("x-request-id", REQUEST_ID), ("hedgerow-report-bin", REPORT.SerializeToString()))

Event = StreamCompleteResponse


def started(**fields: Any) -> Event:
    return Event(started=event_pb2.Started(**{"provider": "sim", "model": "sim-1", **fields}))


def text(piece: str, part_index: int = 0) -> Event:
    return Event(text_delta=event_pb2.TextDelta(part_index=part_index, text=piece))


def completed(**fields: Any) -> Event:
    facts = {
        "finish_reason": event_pb2.FINISH_REASON_STOP,
        "native_finish_reason": "stop",
        "usage": Usage(input_tokens=9, output_tokens=12, final=True),
        **fields,
    }
    return Event(completed=event_pb2.Completed(**facts))


def numbered(events: Iterable[Event]) -> list[Event]:
    """The events with the sequence numbers that they lack."""
    result = []
    for number, event in enumerate(events, start=1):
        copy = Event()
        copy.CopyFrom(event)
        copy.sequence = event.sequence or number
        result.append(copy)
    return result


@dataclass
class Failure:
    """A status as the gateway sends it; also what grpc wants of a status to abort with."""

    code: grpc.StatusCode
    details: str = "it failed"
    reason: str = "ERROR_REASON_REQUEST_INVALID"
    metadata: dict[str, str] = field(default_factory=dict)
    more: tuple[Message, ...] = ()
    trailers: tuple[tuple[str, str | bytes], ...] = TRAILERS

    @property
    def status(self) -> status_pb2.Status:
        info = error_details_pb2.ErrorInfo(domain="hedgerow", reason=self.reason, metadata=self.metadata)
        status = status_pb2.Status(code=self.code.value[0], message=self.details)
        for detail in (info, *self.more):
            status.details.add().Pack(detail)
        return status

    @property
    def trailing_metadata(self) -> tuple[tuple[str, str | bytes], ...]:
        return (*self.trailers, ("grpc-status-details-bin", self.status.SerializeToString()))


class FakeGateway(
    chat_service_pb2_grpc.ChatServiceServicer,
    embed_service_pb2_grpc.EmbedServiceServicer,
    router_service_pb2_grpc.RouterServiceServicer,
):
    """Answers `events` or `answer` to any model, ends with `failure` if there is one, and remembers what it saw.

    The models "endless" and "silent" stream until the caller leaves; "stuck" reads no inputs.
    """

    def __init__(self, credentials: grpc.ServerCredentials | None = None) -> None:
        self.events: list[Event] = numbered([started(), text("Hello"), text(" there"), completed()])
        self.answer = CompleteResponse(provider="sim", model="sim-1")
        self.models: list[router_service_pb2.Model] = []
        self.estimates: list[router_service_pb2.CostEstimate] = []
        self.counts: list[router_service_pb2.TokenCount] = []
        self.explanation = router_service_pb2.ExplainRouteResponse()
        self.page_size = 2
        self.failure: Failure | None = None
        self.embed_completes = True
        self.requests: list[Any] = []
        self.metadata: dict[str, str | bytes] = {}
        self.attempts = 0
        self.arrived = threading.Event()
        self.cancelled = threading.Event()
        self._left = threading.Event()
        self.health = health.HealthServicer()
        self._server = grpc.server(ThreadPoolExecutor(16))
        health_pb2_grpc.add_HealthServicer_to_server(self.health, self._server)
        chat_service_pb2_grpc.add_ChatServiceServicer_to_server(self, self._server)
        embed_service_pb2_grpc.add_EmbedServiceServicer_to_server(self, self._server)
        router_service_pb2_grpc.add_RouterServiceServicer_to_server(self, self._server)
        if credentials is None:
            port = self._server.add_insecure_port("127.0.0.1:0")
        else:
            port = self._server.add_secure_port("127.0.0.1:0", credentials)
        self.target = f"127.0.0.1:{port}"
        self._server.start()

    def stop(self) -> None:
        self._left.set()
        self._server.stop(0).wait(5)

    def Complete(self, request: CompleteRequest, context: Any) -> CompleteResponse:
        self._admit(request, context)
        if request.chat.model == "silent":
            self._wait_for_leaving(context)
        self._fail(context)
        return self.answer

    def StreamComplete(self, request: StreamCompleteRequest, context: Any) -> Iterator[Event]:
        self._admit(request, context)
        if request.chat.model in {"endless", "silent"}:
            yield from self._endless(request.chat.model, context)
            return
        yield from self.events
        self._fail(context)

    def Embed(self, request: embed_service_pb2.EmbedRequest, context: Any) -> embed_service_pb2.EmbedResponse:
        self._admit(request, context)
        self._fail(context)
        vectors = [embed_service_pb2.Embedding(values=[3.0, 4.0]) for _ in request.embed.inputs]
        usage = Usage(input_tokens=len(vectors))
        return embed_service_pb2.EmbedResponse(embeddings=vectors, provider="sim", model="sim-e", usage=usage)

    def StreamEmbed(
        self, request_iterator: Iterator[embed_service_pb2.StreamEmbedRequest], context: Any
    ) -> Iterator[embed_service_pb2.StreamEmbedResponse]:
        options = next(request_iterator)
        self._admit(options, context)
        if options.options.model == "stuck":
            self._wait_for_leaving(context)
            return
        for number, message in enumerate(self._embedded(request_iterator, context), start=1):
            message.sequence = number
            yield message

    def ListModels(
        self, request: router_service_pb2.ListModelsRequest, context: Any
    ) -> router_service_pb2.ListModelsResponse:
        self._admit(request, context)
        self._fail(context)
        start = int(request.page_token or 0)
        end = start + self.page_size
        token = str(end) if end < len(self.models) else ""
        return router_service_pb2.ListModelsResponse(models=self.models[start:end], next_page_token=token)

    def EstimateCost(
        self, request: router_service_pb2.EstimateCostRequest, context: Any
    ) -> router_service_pb2.EstimateCostResponse:
        self._admit(request, context)
        self._fail(context)
        return router_service_pb2.EstimateCostResponse(candidates=self.estimates)

    def CountTokens(
        self, request: router_service_pb2.CountTokensRequest, context: Any
    ) -> router_service_pb2.CountTokensResponse:
        self._admit(request, context)
        self._fail(context)
        return router_service_pb2.CountTokensResponse(candidates=self.counts)

    def ExplainRoute(
        self, request: router_service_pb2.ExplainRouteRequest, context: Any
    ) -> router_service_pb2.ExplainRouteResponse:
        self._admit(request, context)
        self._fail(context)
        return self.explanation

    def _embedded(
        self, requests: Iterator[embed_service_pb2.StreamEmbedRequest], context: Any
    ) -> Iterator[embed_service_pb2.StreamEmbedResponse]:
        response = embed_service_pb2.StreamEmbedResponse
        yield response(started=embed_service_pb2.StreamEmbedStarted(provider="sim", model="sim-e"))
        done = embed_service_pb2.StreamEmbedCompleted(usage=Usage(input_tokens=7))
        for request in requests:
            item = request.item
            if item.input.text == "bad":
                error = Failure(grpc.StatusCode.INVALID_ARGUMENT, "too long", "ERROR_REASON_CONTEXT_TOO_LONG").status
                yield response(id=item.id, item_error=error)
                done.failed_items_count += 1
            else:
                vector = embed_service_pb2.Embedding(values=[float(len(item.input.text)), 0.1])
                yield response(id=item.id, embedding=vector)
                done.embedded_items_count += 1
        self._fail(context)
        if self.embed_completes:
            yield response(completed=done)

    def _endless(self, model: str, context: Any) -> Iterator[Event]:
        if model == "silent":
            self._wait_for_leaving(context)
            return
        context.add_callback(self.cancelled.set)
        yield numbered([started()])[0]
        number = 1
        while context.is_active() and not self._left.wait(0.005):
            number += 1
            event = text("more ")
            event.sequence = number
            yield event

    def _wait_for_leaving(self, context: Any) -> None:
        context.add_callback(self.cancelled.set)
        while context.is_active() and not self._left.wait(0.005):
            pass

    def _admit(self, request: Any, context: Any) -> None:
        self.attempts += 1
        self.requests.append(request)
        self.metadata = dict(context.invocation_metadata())
        context.set_trailing_metadata(TRAILERS)
        self.arrived.set()

    def _fail(self, context: Any) -> None:
        if self.failure is not None:
            context.abort_with_status(self.failure)
