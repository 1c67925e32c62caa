"""The synchronous client. `aio.py` is its asyncio twin; everything that does not call or wait is shared."""

import threading
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import Generic, Protocol, Self, TypeVar

import grpc
from hedgerow.chat.v1.chat_service_pb2 import (
    CompleteRequest,
    CompleteResponse,
    StreamCompleteRequest,
    StreamCompleteResponse,
)
from hedgerow.chat.v1.chat_service_pb2_grpc import ChatServiceStub
from hedgerow.chat.v1.message_pb2 import ChatSpec
from hedgerow.embed.v1.embed_service_pb2 import (
    EmbedRequest,
    EmbedResponse,
    EmbedSpec,
    StreamEmbedCompleted,
    StreamEmbedItem,
    StreamEmbedOptions,
    StreamEmbedRequest,
    StreamEmbedResponse,
)
from hedgerow.embed.v1.embed_service_pb2_grpc import EmbedServiceStub
from hedgerow.router.v1.router_service_pb2 import (
    MODEL_KIND_UNSPECIFIED,
    CostEstimate,
    CountTokensRequest,
    EstimateCostRequest,
    ExplainRouteRequest,
    ExplainRouteResponse,
    ListModelsRequest,
    Model,
    ModelKind,
    TokenCount,
)
from hedgerow.router.v1.router_service_pb2_grpc import RouterServiceStub

from hedgerow_client import request as requests
from hedgerow_client.channel import Tls
from hedgerow_client.connection import Connection, translated
from hedgerow_client.ending import Ending
from hedgerow_client.errors import HedgerowError, Trailers, from_rpc_error, read_trailers
from hedgerow_client.fold import ChatFold, EmbedFold
from hedgerow_client.output import Asking, Decoded

Metadata = Sequence[tuple[str, str]]
EventT = TypeVar("EventT")
ResultT = TypeVar("ResultT")
ValueT = TypeVar("ValueT")
_Event_contra = TypeVar("_Event_contra", contravariant=True)
_Result_co = TypeVar("_Result_co", covariant=True)


class Fold(Protocol[_Event_contra, _Result_co]):
    """What checks the events of a stream and makes one result of them."""

    def feed(self, event: _Event_contra, /) -> None: ...

    def finish(self, trailers: Trailers, /) -> _Result_co: ...


class _EventCall(Protocol[_Result_co]):
    """What a stream needs of gRPC's call object."""

    def __next__(self) -> _Result_co: ...

    def cancel(self) -> object: ...

    def trailing_metadata(self) -> object: ...


class Stream(Ending[ResultT], Generic[EventT, ResultT]):
    """A call that answers with events: iterate over it, or `collect` the whole.

    Every event is checked as it passes. An iteration that ends without an exception was a whole answer, and `result`
    holds it. Use it as a context manager, or call `close`, when you may leave before the end: that cancels the call, so
    that the gateway stops paying for the answer. Iterating raises HedgerowError.
    """

    def __init__(self, call: _EventCall[EventT], fold: Fold[EventT, ResultT], inputs: "_Inputs | None" = None) -> None:
        super().__init__()
        self._call = call
        self._fold = fold
        self._inputs = inputs

    def collect(self) -> ResultT:
        """Reads what is left of the stream and gives the whole answer."""
        for _ in self:
            pass
        return self.result

    def close(self) -> None:
        """Cancels the call unless it has ended. May be called from any thread and more than once."""
        self._call.cancel()

    def __iter__(self) -> Iterator[EventT]:
        return self

    def __next__(self) -> EventT:
        if self._ended:
            raise StopIteration
        try:
            event = next(self._call)
        except StopIteration:
            self._ended = True
            self._trailers = read_trailers(self._call.trailing_metadata())
            self._result = self._fold.finish(self._trailers)
            raise
        except grpc.RpcError as error:
            raise self._failure(error) from error
        try:
            self._fold.feed(event)
        except HedgerowError:
            self._ended = True
            self.close()
            raise
        return event

    def _failure(self, error: grpc.RpcError) -> Exception:
        self._ended = True
        if self._inputs is not None and self._inputs.failure is not None:
            return self._inputs.failure
        failure = from_rpc_error(error)
        self._trailers = Trailers(failure.request_id, failure.report)
        return failure

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


ChatStream = Stream[StreamCompleteResponse, CompleteResponse]
EmbedStream = Stream[StreamEmbedResponse, StreamEmbedCompleted]


class Client(Connection):
    """A connection to the gateway, for any number of threads.

    `target` is a gRPC target such as "hedgerow.internal:50051". `token` is the caller's key. `insecure` True means
    plaintext, False TLS, None (the default) plaintext for loopback addresses and Unix sockets only; `tls` says which
    certificates. `timeout` is the deadline of each call in seconds, None the gateway's default. `tracing` makes a span
    of each call with opentelemetry-instrumentation-grpc (extra `otel`). `health_check` False is for a proxy in front of
    several gateways, such as a mesh's sidecar, which checks their health itself: what the health service says through
    it is that of one of them.

    Calls raise HedgerowError. Each takes its own `timeout`, in seconds, and `metadata` to send.
    """

    def __init__(
        self,
        target: str,
        *,
        token: str | None = None,
        tls: Tls | None = None,
        insecure: bool | None = None,
        timeout: float | None = None,
        tracing: bool = False,
        health_check: bool = True,
    ) -> None:
        super().__init__(
            target,
            token=token,
            tls=tls,
            insecure=insecure,
            timeout=timeout,
            tracing=tracing,
            health_check=health_check,
        )
        self._chat = ChatServiceStub(self._channel)
        self._embed = EmbedServiceStub(self._channel)
        self._router = RouterServiceStub(self._channel)

    def complete(
        self, request: CompleteRequest | ChatSpec, *, timeout: float | None = None, metadata: Metadata = ()
    ) -> CompleteResponse:
        """Answers in one piece."""
        message = requests.complete_request(request)
        with translated():
            return self._chat.Complete(message, timeout=self._seconds(timeout), metadata=self._sent(metadata))

    def decode(
        self,
        request: CompleteRequest | ChatSpec,
        kind: type[ValueT],
        *,
        timeout: float | None = None,
        metadata: Metadata = (),
    ) -> Decoded[ValueT]:
        """Answers with a value of a type: a dataclass, a TypedDict, a struct of msgspec, a model of pydantic, or a list
        of such. The type's JSON Schema goes with the request, and the answer is checked against the type.

        Raises RefusedOutputError, TruncatedOutputError and InvalidOutputError where the answer is no such value,
        ValueError where the request has a response format already, and ModuleNotFoundError where neither msgspec nor
        pydantic is installed (extra `decode`).
        """
        asking = Asking(request, kind)
        return asking.read(self.complete(asking.request, timeout=timeout, metadata=metadata))

    def stream(
        self, request: StreamCompleteRequest | ChatSpec, *, timeout: float | None = None, metadata: Metadata = ()
    ) -> ChatStream:
        """Answers as events while the model writes."""
        message = requests.stream_request(request)
        call = self._chat.StreamComplete(message, timeout=self._seconds(timeout), metadata=self._sent(metadata))
        return Stream(call, ChatFold())

    def embed(
        self, request: EmbedRequest | EmbedSpec, *, timeout: float | None = None, metadata: Metadata = ()
    ) -> EmbedResponse:
        """Turns a batch of texts into vectors."""
        message = requests.embed_request(request)
        with translated():
            return self._embed.Embed(message, timeout=self._seconds(timeout), metadata=self._sent(metadata))

    def stream_embed(
        self,
        options: StreamEmbedOptions | str,
        items: Iterable[StreamEmbedItem],
        *,
        timeout: float | None = None,
        metadata: Metadata = (),
    ) -> EmbedStream:
        """Turns any number of texts into vectors, in order. `options` may be just the name of the model.

        `items` is read in another thread, no faster than the answers are taken. What it raises ends the call and is
        raised by the iteration.
        """
        inputs = _Inputs(requests.embed_options(options), items)
        call = self._embed.StreamEmbed(iter(inputs), timeout=self._seconds(timeout), metadata=self._sent(metadata))
        inputs.bind(call)
        return Stream(call, EmbedFold(), inputs)

    def list_models(
        self,
        *,
        kind: ModelKind.ValueType = MODEL_KIND_UNSPECIFIED,
        provider: str = "",
        timeout: float | None = None,
        metadata: Metadata = (),
    ) -> list[Model]:
        """All models that the caller may use, sorted by name; of one kind, where one is given, and of one provider, by
        its configured name. `timeout` bounds each page.
        """
        models: list[Model] = []
        request = ListModelsRequest(kind=kind, provider=provider)
        while True:
            with translated():
                page = self._router.ListModels(request, timeout=self._seconds(timeout), metadata=self._sent(metadata))
            models.extend(page.models)
            if not page.next_page_token:
                return models
            request.page_token = page.next_page_token

    def estimate_cost(
        self,
        request: EstimateCostRequest | ChatSpec | EmbedSpec,
        *,
        timeout: float | None = None,
        metadata: Metadata = (),
    ) -> list[CostEstimate]:
        """What a call would cost, for each candidate of its route in the order in which they would be asked. Nothing is
        sent to a provider. A candidate without `price_version` has no known price.
        """
        message = requests.estimate_request(request)
        with translated():
            answer = self._router.EstimateCost(message, timeout=self._seconds(timeout), metadata=self._sent(metadata))
        return list(answer.candidates)

    def count_tokens(
        self,
        request: CountTokensRequest | ChatSpec | EmbedSpec,
        *,
        timeout: float | None = None,
        metadata: Metadata = (),
    ) -> list[TokenCount]:
        """How long a call's input is, for each candidate of its route in the order in which they would be asked.
        Nothing is sent to a provider.
        """
        message = requests.count_request(request)
        with translated():
            answer = self._router.CountTokens(message, timeout=self._seconds(timeout), metadata=self._sent(metadata))
        return list(answer.candidates)

    def explain_route(
        self,
        request: ExplainRouteRequest | ChatSpec | EmbedSpec,
        *,
        timeout: float | None = None,
        metadata: Metadata = (),
    ) -> ExplainRouteResponse:
        """Who would be asked for a call now, in which order and why, and why the others would not be. Nothing is sent
        to a provider.
        """
        message = requests.explain_request(request)
        with translated():
            return self._router.ExplainRoute(message, timeout=self._seconds(timeout), metadata=self._sent(metadata))

    def _seconds(self, timeout: float | None) -> float | None:
        return self._timeout if timeout is None else timeout

    def _sent(self, metadata: Metadata) -> tuple[tuple[str, str], ...]:
        return (*self._metadata, *metadata)


class _Inputs:
    """The messages of a stream of inputs, with a memory for what went wrong while they were made.

    Left to gRPC, an exception of the caller's iterator would be logged and end the call as UNKNOWN.
    """

    def __init__(self, options: StreamEmbedRequest, items: Iterable[StreamEmbedItem]) -> None:
        self.failure: Exception | None = None
        self._options = options
        self._items = items
        self._call: grpc.RpcContext | None = None
        self._bound = threading.Event()

    def bind(self, call: grpc.RpcContext) -> None:
        """Says which call to cancel when an input cannot be made."""
        self._call = call
        self._bound.set()

    def __iter__(self) -> Iterator[StreamEmbedRequest]:
        yield self._options
        try:
            yield from requests.embed_items(self._items)
        except Exception as error:
            self.failure = error
            self._bound.wait()
            if self._call is not None:
                self._call.cancel()
